// See host_words.hpp.
#include "tests/cosim/host_words.hpp"

namespace anzan::cosim {
namespace {

std::uint32_t bytes(int b0, int b1 = 0, int b2 = 0, int b3 = 0) {
  return static_cast<std::uint32_t>((b0 & 255) | (b1 & 255) << 8 | (b2 & 255) << 16) |
         static_cast<std::uint32_t>(b3 & 255) << 24;
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

CounterWords counter_words(const models::SlotStatistics& s) {
  CounterWords words{};
  std::size_t n = 0;
  for (const std::uint32_t count : s.histogram) words[n++] = count;
  for (const std::uint32_t count : {s.values, s.zeros, s.saturated_high, s.saturated_low, s.underflows})
    words[n++] = count;
  return words;
}

std::uint32_t counter_address(int slot, Set set, std::size_t counter) {
  return static_cast<std::uint32_t>(slot) * 2 * kSetStride + static_cast<std::uint32_t>(set) * kSetStride +
         static_cast<std::uint32_t>(counter);
}

}  // namespace anzan::cosim
