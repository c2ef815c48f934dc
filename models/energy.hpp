// Energy of a core: counted events times the energies of a technology, plus static power times time. The
// figures come from a technology file (workloads/technology/), each with its source. Page: energy.md.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/event_counts.hpp"

namespace anzan::models {

// Energy of one 64-bit access (read or write) to an on-chip memory of this size.
struct SramPoint {
  double kib = 0, pj = 0;
};

struct Technology {
  std::string name;
  std::array<double, kEvents> event_pj{};  // of events without a store; others follow from `sram`
  std::vector<SramPoint> sram;             // at least two, sizes ascending
  double core_static_mw = 0;  // logic of one core, its slice of HBM, and the memories of kUsualSlots slots
  double scratchpad_static_mw_per_kib = 0;
};

// Between two points a straight line on logarithmic scales; beyond the first or last point the nearest line
// goes on. Throws std::invalid_argument for less than two points, sizes that do not ascend, or what is not
// positive.
double sram_pj_per_access(const std::vector<SramPoint>& points, double kib);

// Sizes of the on-chip memories; those of settings store and statistics database follow from the slots.
struct StoreSizes {
  std::int64_t scratchpad_kib = 0, program_kib = 0;
  int slots = kUsualSlots;
};
double size_kib(Store store, const StoreSizes& sizes);

// Energy of one event, in pJ.
double event_pj(Event event, const Technology& technology, const StoreSizes& sizes);

struct EnergyReport {
  std::array<double, kComponents> joules_by_component{};
  double total_joules = 0;
  double watching_joules =
      0;  // analysis block, statistics database and settings optimiser: part of the total

  double joules(Component component) const {
    return joules_by_component[static_cast<std::size_t>(component)];
  }
};

// `events` of the instructions of one core, `hbm` of its slice in the same time. Throws std::invalid_argument
// as sram_pj_per_access, and for a negative or infinite time.
EnergyReport energy(const EventCounts& events, const HbmCounters& hbm, double seconds,
                    const Technology& technology, const StoreSizes& sizes);

}  // namespace anzan::models
