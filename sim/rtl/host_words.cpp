// A function each way, for entries and for counters.
#include "sim/rtl/host_words.hpp"

namespace anzan::sim {
namespace {

std::uint32_t bytes(int b0, int b1 = 0, int b2 = 0, int b3 = 0) {
  return static_cast<std::uint32_t>((b0 & 255) | (b1 & 255) << 8 | (b2 & 255) << 16) |
         static_cast<std::uint32_t>(b3 & 255) << 24;
}

// The counters in the order of the words; works on constant and on changeable statistics.
template <class Statistics, class Use>
void each_counter(Statistics& s, Use use) {
  std::size_t n = 0;
  for (auto& count : s.histogram) use(n++, count);
  for (auto* count : {&s.values, &s.zeros, &s.saturated_high, &s.saturated_low, &s.underflows})
    use(n++, *count);
}

}  // namespace

EntryWords entry_words(const models::SlotSettings& s) {
  const auto& h = s.history;
  return {bytes(s.width, s.q_read, s.q_write, static_cast<int>(s.rounding)),
          bytes(static_cast<int>(s.policy), s.guard, s.hysteresis, s.decay),
          static_cast<std::uint32_t>(s.warmup) << 16 | s.interval,
          s.r_max,
          bytes(s.window, s.q_min, s.q_max),
          s.updates,
          s.age,
          bytes(h[0], h[1], h[2], h[3]),
          bytes(h[4], h[5], h[6], h[7]),
          bytes(s.history_count)};
}

models::SlotSettings settings_of(const EntryWords& words) {
  const auto byte = [&](std::size_t word, int number) {
    return static_cast<std::uint8_t>(words[word] >> 8 * number & 255);
  };
  const auto point = [&](std::size_t word, int number) {
    return static_cast<std::int8_t>(byte(word, number));
  };
  models::SlotSettings s;
  s.width = byte(0, 0);
  s.q_read = point(0, 1);
  s.q_write = point(0, 2);
  s.rounding = static_cast<isa::Rounding>(byte(0, 3));
  s.policy = static_cast<isa::Policy>(byte(1, 0));
  s.guard = byte(1, 1);
  s.hysteresis = byte(1, 2);
  s.decay = byte(1, 3);
  s.interval = static_cast<std::uint16_t>(words[2] & 65535);
  s.warmup = static_cast<std::uint16_t>(words[2] >> 16);
  s.r_max = words[3];
  s.window = byte(4, 0);
  s.q_min = point(4, 1);
  s.q_max = point(4, 2);
  s.updates = words[5];
  s.age = words[6];
  for (std::size_t k = 0; k < s.history.size(); ++k) s.history[k] = point(7 + k / 4, static_cast<int>(k % 4));
  s.history_count = byte(9, 0);
  return s;
}

CounterWords counter_words(const models::SlotStatistics& s) {
  CounterWords words{};
  each_counter(s, [&](std::size_t n, std::uint32_t count) { words[n] = count; });
  return words;
}

models::SlotStatistics statistics_of(const CounterWords& words) {
  models::SlotStatistics s;
  each_counter(s, [&](std::size_t n, std::uint32_t& count) { count = words[n]; });
  return s;
}

std::uint32_t counter_address(int slot, CounterSet set, std::size_t counter) {
  return static_cast<std::uint32_t>(slot) * 2 * kSetStride + static_cast<std::uint32_t>(set) * kSetStride +
         static_cast<std::uint32_t>(counter);
}

}  // namespace anzan::sim
