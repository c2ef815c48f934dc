// Sums events over components.
#include "models/energy.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/timing.hpp"

namespace anzan::models {
namespace {

constexpr double kAccessBytes = 8;  // of an SramPoint
constexpr double kJoulesPerPj = 1e-12, kWattsPerMw = 1e-3, kBytesPerKib = 1024;

// The sets of counters of a slot are kept side by side.
double database_kib(int slots) {
  return double{isa::kCounterSetInfo.size} * slots * kDatabaseLines * kDatabaseLineBytes / kBytesPerKib;
}
double settings_kib(int slots) { return 4.0 * (slots * kSettingsEntryWords + isa::kScalars) / kBytesPerKib; }

// Of a core whose memories of slots are larger or smaller than usual: a KiB more takes what one of scratchpad
// takes.
double static_mw(const Technology& technology, const StoreSizes& sizes) {
  const double kib_beyond = database_kib(sizes.slots) + settings_kib(sizes.slots) -
                            database_kib(kUsualSlots) - settings_kib(kUsualSlots);
  const double core = technology.core_static_mw + technology.scratchpad_static_mw_per_kib * kib_beyond;
  return std::max(0.0, core) +
         technology.scratchpad_static_mw_per_kib * static_cast<double>(sizes.scratchpad_kib);
}

void check(const std::vector<SramPoint>& points) {
  if (points.size() < 2) throw std::invalid_argument("the energy of a memory needs two points at least");
  double before = 0;
  for (const SramPoint& point : points) {
    if (!(point.kib > before) || !std::isfinite(point.kib))
      throw std::invalid_argument("sizes of memories must be positive and ascend");
    if (!(point.pj > 0) || !std::isfinite(point.pj))
      throw std::invalid_argument("the energy of a memory access must be positive");
    before = point.kib;
  }
}

bool watches(Component component) {
  return component == Component::kAnalysisBlock || component == Component::kStatisticsDatabase ||
         component == Component::kSettingsOptimiser;
}

}  // namespace

double sram_pj_per_access(const std::vector<SramPoint>& points, double kib) {
  check(points);
  if (!(kib > 0)) throw std::invalid_argument("the size of a memory must be positive");
  std::size_t upper = 1;
  while (upper + 1 < points.size() && points[upper].kib < kib) ++upper;
  const SramPoint &low = points[upper - 1], &high = points[upper];
  const double slope = std::log(high.pj / low.pj) / std::log(high.kib / low.kib);
  return low.pj * std::pow(kib / low.kib, slope);
}

double size_kib(Store store, const StoreSizes& sizes) {
  switch (store) {
    case Store::kNone:
      return 0;
    case Store::kScratchpad:
      return static_cast<double>(sizes.scratchpad_kib);
    case Store::kProgram:
      return static_cast<double>(sizes.program_kib);
    case Store::kDatabase:
      return database_kib(sizes.slots);
    case Store::kSettings:
      return settings_kib(sizes.slots);
  }
  return 0;
}

double event_pj(Event event, const Technology& technology, const StoreSizes& sizes) {
  const EventInfo& entry = info(event);
  if (entry.store == Store::kNone) return technology.event_pj[static_cast<std::size_t>(event)];
  return sram_pj_per_access(technology.sram, size_kib(entry.store, sizes)) * entry.store_bytes_per_unit /
         kAccessBytes;
}

EnergyReport energy(const EventCounts& events, const HbmCounters& hbm, double seconds,
                    const Technology& technology, const StoreSizes& sizes) {
  if (!(seconds >= 0) || !std::isfinite(seconds))
    throw std::invalid_argument("the time must be finite and not negative");
  const EventCounts all = events + count_events(hbm);
  EnergyReport report;
  for (std::size_t k = 0; k < kEvents; ++k) {
    const auto event = static_cast<Event>(k);
    report.joules_by_component[static_cast<std::size_t>(info(event).component)] +=
        static_cast<double>(all[event]) * event_pj(event, technology, sizes) * kJoulesPerPj;
  }
  report.joules_by_component[static_cast<std::size_t>(Component::kStatic)] =
      static_mw(technology, sizes) * kWattsPerMw * seconds;
  for (std::size_t k = 0; k < kComponents; ++k) {
    report.total_joules += report.joules_by_component[k];
    if (watches(static_cast<Component>(k))) report.watching_joules += report.joules_by_component[k];
  }
  return report;
}

}  // namespace anzan::models
