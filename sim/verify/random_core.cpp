// Draws everything from one generator in a fixed order.
#include "sim/verify/random_core.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <variant>
#include <vector>

#include "models/number_format.hpp"
#include "models/settings_optimiser.hpp"
#include "sim/verify/random_draw.hpp"

namespace anzan::sim {
namespace {

constexpr std::uint32_t kLargest = 0xffffffff;

// What the words of a core are like.
enum class Words {
  kOrdinary,  // small numbers, exact in most sums
  kAwkward,   // infinities, NaNs, subnormals, largest integers, any bits
  kNear,  // FP32 of exponents so near that sums round: at half a place, just beside it, after cancellation
};

std::uint32_t near_word(Draw& d) {
  constexpr std::uint32_t kFraction = 0x7fffff;
  constexpr int kFractionBits = 23, kExponent = 127;
  std::uint32_t fraction = d.bits() & kFraction;
  const std::uint32_t ones = kFraction >> d.between(0, kFractionBits);
  if (d.chance(60)) fraction = d.chance(50) ? ones : ~ones & kFraction;  // long carries, empty ends
  if (d.chance(30)) fraction ^= std::uint32_t{1} << d.between(0, kFractionBits - 1);
  const auto exponent = static_cast<std::uint32_t>(kExponent + d.between(-14, 14));
  return (d.bits() & 0x80000000U) | exponent << kFractionBits | fraction;
}

std::uint32_t word(Draw& d, Words kind) {
  static constexpr std::uint32_t kCorners[] = {0x7f800000, 0xff800000, 0x7fc00001, 0x00000001, 0x807fffff,
                                               0x3f800000, 0x7f7f7f7f, 0x80808080, 0x7fff8000, 0xffffffff};
  if (kind == Words::kNear) return near_word(d);
  if (kind == Words::kAwkward) {
    if (d.chance(10)) return d.chance(50) ? 0 : 0x80000000;  // to be compared with each other
    return d.chance(25) ? kCorners[d.between(0, 9)] : d.bits();
  }
  const auto value = static_cast<float>(d.between(-1000, 1000)) / 64.0F;
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

std::int8_t point(Draw& d) {
  if (d.chance(30)) return static_cast<std::int8_t>(d.between(isa::kBinaryPointMin, isa::kBinaryPointMax));
  return static_cast<std::int8_t>(d.between(-8, 24));
}

// A count of what may have happened so often; now and then one that is about to stop at its largest value.
std::uint32_t count(Draw& d, std::int64_t bits) {
  if (d.chance(4)) return kLargest - d.small(0, 3);
  return d.bits() >> (32 - bits);
}

// In some, counts grow from bin to bin below the topmost, so that clipping the few is worth while. Small
// counts make close calls.
models::SlotStatistics statistics(Draw& d) {
  models::SlotStatistics s;
  if (d.chance(25)) return s;
  const std::int64_t growth = d.chance(50) ? d.between(1, 5) : 0;
  const std::int64_t bits = d.between(1, d.chance(50) ? 4 : 32);
  const std::int64_t top = d.between(0, isa::kHistogramBins - 1), depth = d.between(1, isa::kHistogramBins);
  std::uint64_t values = 0;
  for (std::int64_t bin = top; bin > top - depth && bin >= 0; --bin) {
    if (d.chance(20)) continue;
    const std::uint32_t c = count(d, std::min<std::int64_t>(32, bits + growth * (top - bin)));
    s.histogram[static_cast<std::size_t>(bin)] = c;
    values += c;
  }
  s.zeros = count(d, bits);
  s.saturated_high = count(d, bits);
  s.saturated_low = count(d, bits);
  s.underflows = count(d, bits);
  s.values = static_cast<std::uint32_t>(std::min<std::uint64_t>(values + s.zeros, kLargest));
  return s;
}

// The point that min_error finds.
int least_error_point(const models::SlotSettings& slot, const models::SlotStatistics& window) {
  models::SlotSettings s = slot;
  models::SlotStatistics w = window;
  s.guard = s.hysteresis = 0;
  s.q_min = isa::kBinaryPointMin;
  s.q_max = isa::kBinaryPointMax;
  s.interval = 1;
  models::update(s, w);
  return s.q_write;
}

// Two candidates of min_error that cost the same: as many are clipped by the finer one, at three units of
// 4^(w - 1), as are rounded more finely. What both round to zero does not tell them apart, but must be
// summed.
void tie(Draw& d, int width, models::SlotStatistics& s) {
  const std::int64_t clipped = 3 * (std::int64_t{1} << (2 * (width - 1))) - 4;
  const std::int64_t most = std::min<std::int64_t>(kLargest / clipped, 1 << 20);
  const auto top = static_cast<std::size_t>(d.between(width + 8, isa::kHistogramBins - 1));
  s.histogram = {};
  std::int64_t rounded = 0;
  for (int k = 0; k < 6; ++k)
    s.histogram[top - static_cast<std::size_t>(width + 1 + k)] =
        d.chance(50) ? 0 : d.bits() >> d.between(0, 31);
  const std::int64_t n = d.between(1, d.chance(50) ? std::min<std::int64_t>(3, most) : most);
  s.histogram[top] = static_cast<std::uint32_t>(3 * n);
  for (int k = 1; k < width; ++k) {
    const std::int64_t rest = n * clipped - rounded;
    const std::int64_t count = k + 1 == width ? rest : d.between(0, rest);
    s.histogram[top - static_cast<std::size_t>(k)] = static_cast<std::uint32_t>(count);
    rounded += count;
  }
  if (d.chance(50)) s.histogram[top - static_cast<std::size_t>(width + 7)] = d.small(0, 2);
}

// One count more in some bin makes min_error take another point.
void bring_to_the_edge(Draw& d, const models::SlotSettings& slot, models::SlotStatistics& s) {
  const auto with = [&](std::uint32_t& bin, std::uint32_t count) {
    bin = count;
    return least_error_point(slot, s);
  };
  for (int tries = 0; tries < 8; ++tries) {
    std::uint32_t& bin = s.histogram[static_cast<std::size_t>(d.between(0, isa::kHistogramBins - 1))];
    const std::uint32_t was = bin;
    std::uint32_t low = 1, high = kLargest;  // the largest position stays
    const int point = with(bin, low);
    if (with(bin, high) == point) {
      bin = was;
      continue;
    }
    while (high - low > 1) {
      const std::uint32_t middle = low + (high - low) / 2;
      (with(bin, middle) == point ? low : high) = middle;
    }
    bin = d.chance(50) ? low : high;
    return;
  }
}

// Windows of slots whose policy is min_error: often such that the choice is a close one.
void make_close(Draw& d, const models::SlotSettings& slot, models::SlotStatistics& window) {
  if (slot.policy != isa::Policy::kMinError || d.chance(30)) return;
  if (slot.width >= 2 && d.chance(50)) {
    tie(d, slot.width, window);
  } else {
    bring_to_the_edge(d, slot, window);
  }
}

// How the optimiser is to act, and what it has seen. The last quarter of the slots may be wider than int8.
models::SlotSettings slot(Draw& d, bool wide) {
  models::SlotSettings s;
  s.width = d.small(isa::kWidthMin, d.chance(25) ? 3 : wide ? isa::kWidthMax : 8);
  s.q_read = point(d);
  s.q_write = point(d);
  s.rounding = static_cast<isa::Rounding>(d.between(0, isa::kRoundingInfo.size - 1));
  s.policy = d.chance(25) ? isa::Policy::kMinError
                          : static_cast<isa::Policy>(d.between(0, isa::kPolicyInfo.size - 1));
  s.interval = static_cast<std::uint16_t>(d.chance(10) ? d.between(1, 0xffff) : d.between(1, 3));
  s.warmup = static_cast<std::uint16_t>(d.chance(10) ? d.between(1, 0xffff) : d.between(0, 3));
  s.guard = d.small(0, d.chance(10) ? 16 : 2);
  s.hysteresis = d.small(0, d.chance(10) ? 16 : 1);
  s.decay = d.small(0, 255);
  s.r_max = d.bits() >> d.between(0, 31);
  s.window = d.small(1, isa::kHistoryLength);
  if (d.chance(30)) {
    s.q_min = static_cast<std::int8_t>(d.between(isa::kBinaryPointMin, 10));
    s.q_max = static_cast<std::int8_t>(d.between(s.q_min, isa::kBinaryPointMax));
    if (d.chance(30)) s.q_min = s.q_max = s.q_write;
  }
  s.updates = d.chance(20) ? kLargest - d.small(0, 2) : d.small(0, 4);
  s.age = d.chance(20) ? kLargest - d.small(0, 2) : d.small(0, 2);
  if (d.chance(25))
    s.age = s.interval - std::min<std::uint32_t>(s.interval, d.small(1, 2));  // due, or hardly yet
  if (d.chance(15)) s.updates = s.warmup - std::min<std::uint32_t>(s.warmup, d.small(0, 1));
  for (std::int64_t k = d.chance(20) ? 0 : d.between(1, isa::kHistoryLength); k > 0; --k)
    models::push_history(s, isa::kHistogramOrigin + static_cast<int>(d.between(0, isa::kHistogramBins - 1)));
  return s;
}

// The words of memories: of a table, by a hash of their place, so that any line can be filled by itself.
class Memories {
 public:
  Memories(Draw& d, Words kind) : salt_(d.bits()), table_(kWords) {
    for (std::uint32_t& w : table_) w = word(d, kind);
  }
  void fill(models::Core& core, isa::Space space, std::int64_t first_line, std::int64_t lines) const {
    std::uint8_t* to = core.bytes(space) + first_line * core.line_bytes();
    std::uint64_t place =
        static_cast<std::uint64_t>(first_line * core.lanes() * 2) + (space == isa::Space::kHbm ? 1 : 0);
    for (std::int64_t k = 0; k < lines * core.lanes(); ++k, to += 4, place += 2) {
      std::uint64_t hash = (place ^ salt_ << 40) * 0x9e3779b97f4a7c15U;
      hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9U;
      std::memcpy(to, &table_[hash >> (64 - kWordBits)], 4);
    }
  }

 private:
  static constexpr int kWordBits = 12;
  static constexpr std::size_t kWords = std::size_t{1} << kWordBits;
  std::uint64_t salt_;
  std::vector<std::uint32_t> table_;
};

// Calls take(line) for each line of HBM that the copy reads or writes.
template <class Take>
void lines_in_hbm(const isa::Copy& copy, Take take) {
  const bool from = copy.src_space == isa::Space::kHbm, to = copy.dst_space == isa::Space::kHbm;
  if (!from && !to) return;
  const isa::Address& address = from ? copy.src : copy.dst;
  std::array<int, isa::kLoops> index{};
  for (bool more = true; more;) {
    std::int64_t row = address.base;
    for (std::size_t k = 0; k < index.size(); ++k) row += std::int64_t{address.stride[k]} * index[k];
    take(row / models::elements_per_word(copy.element));
    more = false;
    for (std::size_t k = index.size(); k-- > 0 && !more;) {
      more = ++index[k] < copy.loops[k];
      if (!more) index[k] = 0;
    }
  }
}

}  // namespace

void randomise(models::Core& core, std::uint64_t seed, const RandomProgramShape& shape,
               const isa::Program& program) {
  constexpr std::int64_t kSmallHbm = std::int64_t{1} << 20;  // bytes
  Draw d(seed ^ 0x9e3779b97f4a7c15U);
  const Words kind = d.chance(50) ? Words::kAwkward : d.chance(50) ? Words::kNear : Words::kOrdinary;
  const Memories words(d, kind);
  words.fill(core, isa::Space::kScratchpad, 0, core.lines(isa::Space::kScratchpad));
  if (shape.hbm_lines * core.line_bytes() <= kSmallHbm) {
    words.fill(core, isa::Space::kHbm, 0, shape.hbm_lines);
  } else {
    for (const isa::Instruction& instruction : program) {
      if (const auto* copy = std::get_if<isa::Copy>(&instruction))
        lines_in_hbm(*copy, [&](std::int64_t line) { words.fill(core, isa::Space::kHbm, line, 1); });
    }
  }
  for (int number = 0; number < shape.slots; ++number) {
    const int s = shape.first_slot + number;
    core.settings.slot(s) = slot(d, number >= shape.narrow_slots);
    core.statistics.window(s) = statistics(d);
    make_close(d, core.settings.slot(s), core.statistics.window(s));
    core.statistics.total(s) = statistics(d);
  }
  for (int n = 0; n < isa::kScalars; ++n) core.settings.set_scalar(n, word(d, kind));
  core.settings.set_seed(d.bits());
  core.settings.set_step(d.bits());
}

}  // namespace anzan::sim
