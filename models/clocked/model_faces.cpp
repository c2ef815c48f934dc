// Goes through the counters of a line in one order, for reading and for writing.
#include "models/clocked/model_faces.hpp"

namespace anzan::models::clocked {
namespace {

// Counter `number` in the order of the lines; null after the last. Of constant and of changeable statistics.
template <class Statistics>
auto counter(Statistics& s, int number) -> decltype(&s.values) {
  if (number < isa::kHistogramBins) return &s.histogram[static_cast<std::size_t>(number)];
  decltype(&s.values)
      const others[] = {&s.values, &s.zeros, &s.saturated_high, &s.saturated_low, &s.underflows};
  const auto other = static_cast<std::size_t>(number - isa::kHistogramBins);
  return other < std::size(others) ? others[other] : nullptr;
}

}  // namespace

CounterLine line_of(const SlotStatistics& statistics, int line) {
  CounterLine counts{};
  for (int w = 0; w < isa::kCountersPerLine; ++w) {
    if (const auto* from = counter(statistics, line * isa::kCountersPerLine + w))
      counts[static_cast<std::size_t>(w)] = *from;
  }
  return counts;
}

void set_line(SlotStatistics& statistics, int line, const CounterLine& counts) {
  for (int w = 0; w < isa::kCountersPerLine; ++w) {
    if (auto* to = counter(statistics, line * isa::kCountersPerLine + w))
      *to = counts[static_cast<std::size_t>(w)];
  }
}

void ModelSettings::look_up(CountingPort port, int slot) {
  const SlotSettings& s = store_->slot(slot);
  found_[static_cast<std::size_t>(port)] = {s.width, s.q_read, s.q_write, s.rounding};
}

void ModelSettings::write_entry(int slot, const SlotSettings& settings, bool state) {
  SlotSettings& s = store_->slot(slot);
  s.width = settings.width;
  s.q_read = settings.q_read;
  s.q_write = settings.q_write;
  s.rounding = settings.rounding;
  if (!state) return;
  s.updates = settings.updates;
  s.age = settings.age;
  s.history = settings.history;
  s.history_count = settings.history_count;
}

void ModelStatistics::add(CountingPort, int slot, int line, const CounterLine& counts) {
  LocalStatistics local;
  for (int w = 0; w < isa::kCountersPerLine; ++w) {
    if (auto* to = counter(local, line * isa::kCountersPerLine + w))
      *to = counts[static_cast<std::size_t>(w)];
  }
  database_->merge(slot, local);
}

void ModelStatistics::take(int slot, int line) {
  SlotStatistics &window = database_->window(slot), &total = database_->total(slot);
  window_ = line_of(total, line);
  CounterLine left = line_of(window, line);
  for (std::size_t w = 0; w < left.size(); ++w) left[w] -= window_[w];
  set_line(window, line, left);
  set_line(total, line, {});
}

}  // namespace anzan::models::clocked
