// See system.hpp.
#include "sim/system.hpp"

#include <algorithm>
#include <stdexcept>

namespace anzan::sim {
namespace {

using models::SlotStatistics;

template <class Change>
void for_counters(SlotStatistics& a, const SlotStatistics& b, const Change& change) {
  change(a.values, b.values);
  change(a.zeros, b.zeros);
  change(a.saturated_high, b.saturated_high);
  change(a.saturated_low, b.saturated_low);
  change(a.underflows, b.underflows);
  for (std::size_t bin = 0; bin < a.histogram.size(); ++bin) change(a.histogram[bin], b.histogram[bin]);
}

void add(SlotStatistics& a, const SlotStatistics& b) {
  for_counters(a, b, [](std::uint32_t& x, std::uint32_t y) { x = y > ~x ? ~std::uint32_t{0} : x + y; });
}

SlotStatistics less(SlotStatistics a, const SlotStatistics& b) {
  for_counters(a, b, [](std::uint32_t& x, std::uint32_t y) { x -= y; });
  return a;
}

// Every core computes these from the same numbers.
bool alike(compiler::TensorClass kind) {
  using compiler::TensorClass;
  return kind == TensorClass::kWeight || kind == TensorClass::kMomentum ||
         kind == TensorClass::kMasterWeight || kind == TensorClass::kBias;
}

}  // namespace

System::System(int cores, const compiler::ChipParameters& chip, std::int64_t hbm_lines, int threads) {
  std::vector<models::Core*> all;
  for (int c = 0; c < cores; ++c) {
    cores_.push_back(std::make_unique<models::Core>(chip.lanes, chip.scratchpad_kib, hbm_lines));
    all.push_back(cores_.back().get());
  }
  for (const auto& core : cores_) {
    values_.push_back(std::make_unique<FunctionalEngine>(*core, threads));
    values_.back()->join(all);
  }
}

void System::run(std::vector<LoadedProgram>& programs) {
  std::vector<std::size_t> next(programs.size(), 0);
  std::vector<bool> ended(programs.size(), false);
  const auto running = [&] { return std::find(ended.begin(), ended.end(), false) - ended.begin(); };
  while (running() != static_cast<std::ptrdiff_t>(programs.size())) {
    bool any = false;
    for (std::size_t c = 0; c < programs.size(); ++c) {
      if (ended[c]) continue;
      const std::size_t before = next[c];
      ended[c] = values_[c]->run_from(programs[c], next[c]);
      any = any || next[c] != before;
    }
    if (any) continue;
    const auto core = static_cast<std::size_t>(running());
    isa::ProgramError::Place place;
    place.instruction = next[core];
    place.field = "wait";
    throw isa::ProgramError(place, "semaphores of core " + std::to_string(core) + " that stay zero",
                            "semaphores that other instructions raise");
  }
}

void System::clear_totals(const std::vector<compiler::SlotInfo>& slots) {
  for (const auto& core : cores_) {
    for (std::size_t s = 0; s < slots.size(); ++s) core->statistics.take_total(static_cast<int>(s));
  }
}

void System::share_statistics(const std::vector<compiler::SlotInfo>& slots) {
  if (size() == 1) return;
  const auto require = [&](bool holds, std::size_t slot, const char* what) {
    if (!holds) throw std::logic_error(slots[slot].name + ": cores differ in their " + what);
  };
  for (std::size_t s = 0; s < slots.size(); ++s) {
    const auto slot = static_cast<int>(s);
    const SlotStatistics first_total = core(0).statistics.total(slot);
    const SlotStatistics before = less(core(0).statistics.window(slot), first_total);
    SlotStatistics sum;
    for (int c = 0; c < size(); ++c) {
      const SlotStatistics total = core(c).statistics.take_total(slot);
      require(less(core(c).statistics.window(slot), total) == before, s, "windows");
      require(core(c).settings.slot(slot).q_read == core(0).settings.slot(slot).q_read, s, "binary points");
      if (!alike(slots[s].kind)) add(sum, total);
      if (alike(slots[s].kind)) require(total == first_total, s, "counts");
    }
    if (alike(slots[s].kind)) sum = first_total;
    SlotStatistics window = before;
    add(window, sum);
    for (int c = 0; c < size(); ++c) core(c).statistics.window(slot) = window;
    core(0).statistics.total(slot) = sum;
  }
}

}  // namespace anzan::sim
