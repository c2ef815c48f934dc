// The instructions in plain loops, after models/README.md.
#include "tests/models/instruction_reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

namespace anzan::reference {
namespace {

using Index = std::array<std::int64_t, isa::kLoops>;
__extension__ using Wide = __int128;

int bytes_of(isa::Format format) {
  return format == isa::Format::kInt8 ? 1 : format == isa::Format::kInt16 ? 2 : 4;
}

float float_of(std::uint32_t bits) {
  float v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}
std::uint32_t bits_of(float v) {
  std::uint32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}
// Arithmetic knows one NaN only.
float arithmetic(float v) { return std::isnan(v) ? float_of(0x7fc00000U) : v; }

// Calls f for the loops [first, last), the last innermost; others keep their index.
void nested(const std::array<std::uint16_t, isa::kLoops>& loops, int first, int last, Index& index,
            const std::function<void()>& f) {
  if (first == last) return f();
  const auto k = static_cast<std::size_t>(first);
  for (index[k] = 0; index[k] < loops[k]; ++index[k]) nested(loops, first + 1, last, index, f);
  index[k] = 0;
}

std::int64_t at(std::uint32_t base, const std::array<std::int32_t, isa::kLoops>& stride, const Index& index) {
  std::int64_t address = base;
  for (std::size_t k = 0; k < index.size(); ++k) address += index[k] * stride[k];
  return address;
}
std::int64_t at(const isa::Address& a, const Index& index) { return at(a.base, a.stride, index); }
std::uint32_t at(const isa::Index& x, const Index& index) {
  return static_cast<std::uint32_t>(at(x.base, x.stride, index));
}

std::uint32_t mixed(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352d;
  x ^= x >> 15;
  x *= 0x846ca68b;
  x ^= x >> 16;
  return x;
}

long double scaled(long double v, int exponent) { return std::ldexp(v, exponent); }

// Position of a finite value that is not zero.
int position(long double v) {
  int exponent;
  const bool power = std::frexp(std::fabs(v), &exponent) == 0.5L;
  return exponent - 1 - (v < 0 && power ? 1 : 0);
}

float operate(isa::VectorOp op, float a, float b, float c, std::uint32_t random) {
  const std::uint32_t ia = bits_of(a), ib = bits_of(b);
  switch (op) {
    case isa::VectorOp::kCopy:
      return a;
    case isa::VectorOp::kAdd:
      return arithmetic(a + b);
    case isa::VectorOp::kSub:
      return arithmetic(a - b);
    case isa::VectorOp::kMul:
      return arithmetic(a * b);
    case isa::VectorOp::kFma:
      return arithmetic(std::fma(a, b, c));
    case isa::VectorOp::kFnma:
      return arithmetic(std::fma(-a, b, c));
    case isa::VectorOp::kMax:
      return a > b ? a : b;
    case isa::VectorOp::kMin:
      return a < b ? a : b;
    case isa::VectorOp::kSelectEq:
      return a == b ? c : 0.0F;
    case isa::VectorOp::kSelectGt:
      return a > b ? c : 0.0F;
    case isa::VectorOp::kF2i: {
      const double rounded = std::nearbyint(static_cast<double>(a));
      if (!(rounded >= -2147483648.0 && rounded <= 2147483647.0)) return float_of(0x80000000U);
      return float_of(static_cast<std::uint32_t>(static_cast<std::int32_t>(rounded)));
    }
    case isa::VectorOp::kI2f:
      return static_cast<float>(static_cast<std::int32_t>(ia));
    case isa::VectorOp::kIadd:
      return float_of(ia + ib);
    case isa::VectorOp::kIsub:
      return float_of(ia - ib);
    case isa::VectorOp::kIand:
      return float_of(ia & ib);
    case isa::VectorOp::kIshl:
      return float_of(ia << (ib & 31));
    case isa::VectorOp::kIshr:
      return float_of(static_cast<std::uint32_t>(static_cast<std::int32_t>(ia) >> (ib & 31)));
    case isa::VectorOp::kRandom:
      return static_cast<float>(random >> 8) / 16777216.0F;
    case isa::VectorOp::kUadd:
      return float_of(
          static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{ia} + ib, 0xffffffffU)));
  }
  return 0;
}

}  // namespace

std::uint32_t random_word(const models::SettingsStore& settings, int slot, std::uint32_t index) {
  const std::uint32_t key = mixed(mixed(mixed(settings.seed() + 0x9e3779b9) ^ settings.step()) ^
                                  (static_cast<std::uint32_t>(slot) * 0x85ebca6b));
  return mixed(index ^ key);
}

std::int32_t Machine::element(const std::vector<std::uint8_t>& memory, isa::Format format, std::int64_t row,
                              int lane) const {
  const int bytes = bytes_of(format), rows = 4 / bytes;
  const auto word = static_cast<std::size_t>(row / rows * lanes + lane);
  const std::uint8_t* p = memory.data() + 4 * word + static_cast<std::size_t>(row % rows * bytes);
  std::int8_t n8;
  std::int16_t n16;
  std::int32_t n32;
  std::memcpy(&n8, p, 1);
  if (bytes == 1) return n8;
  std::memcpy(&n16, p, 2);
  if (bytes == 2) return n16;
  std::memcpy(&n32, p, 4);
  return n32;
}

void Machine::set_element(std::vector<std::uint8_t>& memory, isa::Format format, std::int64_t row, int lane,
                          std::int32_t n) const {
  const int bytes = bytes_of(format), rows = 4 / bytes;
  const auto word = static_cast<std::size_t>(row / rows * lanes + lane);
  std::memcpy(memory.data() + 4 * word + static_cast<std::size_t>(row % rows * bytes), &n,
              static_cast<std::size_t>(bytes));
}

void Machine::drain(const Destination& to, long double v, bool negative, bool special, float as_float) {
  const models::SlotSettings& slot = settings.slot(to.slot);
  if (to.analyse) {
    ++statistics.values;
    if (v == 0)
      ++statistics.zeros;
    else
      ++statistics.histogram[static_cast<std::size_t>(special ? 63 : std::clamp(position(v) + 40, 0, 63))];
  }
  if (to.format == isa::Format::kFp32)
    return set_element(scratchpad, to.format, to.row, to.lane, static_cast<std::int32_t>(bits_of(as_float)));
  const std::int64_t limit = (std::int64_t{1} << (slot.width - 1)) - (negative ? 0 : 1);
  std::int64_t n = limit + 1;
  const long double m = special ? 0 : scaled(std::fabs(v), slot.q_write);
  if (!special && m < 1e6L) {
    const long double whole = std::floor(m), rest = m - whole;
    n = static_cast<std::int64_t>(whole);
    const std::uint32_t r = random_word(settings, to.slot, to.index) >> 8;
    if (slot.rounding == isa::Rounding::kNearestEven && (rest > 0.5L || (rest == 0.5L && n % 2 == 1))) ++n;
    if (slot.rounding == isa::Rounding::kStochastic && std::floor(rest * 16777216.0L) + r >= 16777216.0L) ++n;
  }
  if (to.analyse) {
    statistics.saturated_high += n > limit && !negative;
    statistics.saturated_low += n > limit && negative;
    statistics.underflows += n == 0 && v != 0;
  }
  n = std::min(n, limit);
  set_element(scratchpad, to.format, to.row, to.lane, static_cast<std::int32_t>(negative ? -n : n));
}

void Machine::drain_integer(const Destination& to, std::int64_t acc, int point) {
  if (to.relu && acc < 0) acc = 0;
  const long double v = scaled(static_cast<long double>(acc), -point);
  drain(to, v, acc < 0, false, std::ldexp(static_cast<float>(acc), -point));
}

void Machine::drain_float(const Destination& to, float v) {
  if (to.relu) v = v > 0 ? v : 0.0F;
  const bool special = !std::isfinite(v);
  drain(to, special ? 1 : static_cast<long double>(v), std::signbit(v), special, v);
}

void Machine::execute(const isa::Tensor& t) {
  statistics = {};
  const int outer = isa::kLoops - t.reduce;
  const bool real = t.format == isa::Format::kFp32;
  const int point = real ? 0 : settings.slot(t.slot_a).q_read + settings.slot(t.slot_b).q_read;
  const int packed = 4 / bytes_of(t.format);
  const auto raw = isa::Format::kFp32;
  Index index{};
  nested(t.loops, 0, outer, index, [&] {
    for (int i = t.row_first; i < t.row_first + t.row_count; ++i)
      for (int j = 0; j < lanes; ++j) {
        Wide sum = 0;
        float fsum = 0;
        const std::int64_t c = at(t.c, index);
        if (t.init == isa::Init::kBias) {
          fsum = float_of(static_cast<std::uint32_t>(element(scratchpad, raw, c, i)));
          constexpr long double kLimit = 70368744177664.0L;
          const bool negative = std::signbit(fsum);
          long double scaled_bias = std::isnan(fsum) ? (negative ? -kLimit : kLimit) : scaled(fsum, point);
          scaled_bias = std::clamp(std::nearbyint(scaled_bias), -kLimit, kLimit);
          sum = static_cast<Wide>(scaled_bias);
        } else if (t.init == isa::Init::kSpill && real) {
          fsum = float_of(static_cast<std::uint32_t>(element(scratchpad, raw, c + i, j)));
        } else if (t.init == isa::Init::kSpill) {
          sum = static_cast<Wide>(element(scratchpad, raw, c + 2 * i + 1, j)) * (Wide{1} << 32) +
                static_cast<std::uint32_t>(element(scratchpad, raw, c + 2 * i, j));
        }
        nested(t.loops, outer, isa::kLoops, index, [&] {
          const std::int64_t a = at(t.a, index), b = at(t.b, index);
          if (real) {
            fsum = arithmetic(std::fma(float_of(static_cast<std::uint32_t>(element(scratchpad, raw, a, i))),
                                       float_of(static_cast<std::uint32_t>(element(scratchpad, raw, b, j))),
                                       fsum));
            return;
          }
          for (int e = 0; e < packed; ++e)
            sum += static_cast<Wide>(element(scratchpad, t.format, a * packed + e, i)) *
                   element(scratchpad, t.format, b * packed + e, j);
        });
        const std::int64_t o = at(t.o, index);
        const auto acc = static_cast<std::int64_t>(sum);
        if (t.spill != 0 && real) {
          set_element(scratchpad, raw, o + i, j, static_cast<std::int32_t>(bits_of(fsum)));
        } else if (t.spill != 0) {
          set_element(scratchpad, raw, o + 2 * i, j, static_cast<std::int32_t>(acc & 0xffffffff));
          set_element(scratchpad, raw, o + 2 * i + 1, j, static_cast<std::int32_t>(acc >> 32));
        } else if (j >= t.mask.lane_first && j < t.mask.lane_first + t.mask.lane_count) {
          const std::uint32_t x = at(t.x, index) +
                                  static_cast<std::uint32_t>(i) * static_cast<std::uint32_t>(t.x.row_stride) +
                                  static_cast<std::uint32_t>(j) * static_cast<std::uint32_t>(t.x.lane_stride);
          const Destination to{t.out_format, t.slot_o, t.relu != 0, t.analyse != 0, o + i, j, x};
          if (real)
            drain_float(to, fsum);
          else
            drain_integer(to, acc, point);
        }
      }
  });
}

float Machine::operand(const isa::Operand& o, const Index& index, int lane) const {
  if (o.kind == isa::OperandKind::kNone) return 0;
  if (o.kind == isa::OperandKind::kScalar) return float_of(settings.scalar(static_cast<int>(o.at.base)));
  const std::int64_t address = at(o.at, index);
  const bool rows = o.kind == isa::OperandKind::kRows;
  const std::int32_t n = element(scratchpad, o.format, rows ? address : address / lanes,
                                 rows ? lane : static_cast<int>(address % lanes));
  if (o.format == isa::Format::kFp32) return float_of(static_cast<std::uint32_t>(n));
  return std::ldexp(static_cast<float>(n), -settings.slot(o.slot).q_read);
}

void Machine::execute(const isa::Vector& v) {
  statistics = {};
  const int outer = isa::kLoops - v.reduce;
  Index index{};
  nested(v.loops, 0, outer, index, [&] {
    // A row is read before it is written.
    std::vector<float> results(static_cast<std::size_t>(lanes));
    const std::uint32_t x = at(v.x, index);  // reduced loops are still at zero
    const auto element_index = [&](int j) {
      return x + static_cast<std::uint32_t>(j) * static_cast<std::uint32_t>(v.x.lane_stride);
    };
    for (int j = 0; j < lanes; ++j) {
      float best = 0, acc = 0;
      std::int64_t position = 0;
      nested(v.loops, outer, isa::kLoops, index, [&] {
        const float t = operate(v.op, operand(v.a, index, j), operand(v.b, index, j), operand(v.c, index, j),
                                random_word(settings, v.slot_o, element_index(j)));
        if (position == 0) {
          best = acc = t;
          if (v.reduction == isa::Reduction::kArgmax) acc = 0;
        } else {
          switch (v.reduction) {
            case isa::Reduction::kNone:
              break;
            case isa::Reduction::kAdd:
              acc = arithmetic(acc + t);
              break;
            case isa::Reduction::kMax:
              acc = t > acc ? t : acc;
              break;
            case isa::Reduction::kMin:
              acc = t < acc ? t : acc;
              break;
            case isa::Reduction::kArgmax:
              if (t > best) acc = static_cast<float>(position);
              if (t > best) best = t;
              break;
          }
        }
        ++position;
      });
      results[static_cast<std::size_t>(j)] = acc;
    }
    for (int j = v.mask.lane_first; j < v.mask.lane_first + v.mask.lane_count; ++j)
      drain_float({v.out_format, v.slot_o, v.relu != 0, v.analyse != 0, at(v.o, index), j, element_index(j)},
                  results[static_cast<std::size_t>(j)]);
  });
}

void Machine::execute(const isa::Copy& c) {
  const std::vector<std::uint8_t>& source = c.src_space == isa::Space::kHbm ? hbm : scratchpad;
  std::vector<std::uint8_t>& destination = c.dst_space == isa::Space::kHbm ? hbm : scratchpad;
  Index index{};
  nested(c.loops, 0, isa::kLoops, index, [&] {
    for (int j = 0; j < lanes; ++j)
      set_element(destination, c.element, at(c.dst, index), j,
                  element(source, c.element, at(c.src, index), j));
  });
}

void Machine::execute(const isa::Put& p) {
  isa::Copy copy;
  copy.element = p.element;
  copy.loops = p.loops;
  copy.src = p.src;
  copy.dst = p.dst;
  execute(copy);
}

void Machine::execute(const isa::Transpose& t) {
  Index index{};
  nested(t.loops, 0, isa::kLoops, index, [&] {
    for (int row = 0; row < t.dst_rows; ++row)
      for (int lane = 0; lane < lanes; ++lane)
        set_element(scratchpad, t.element, at(t.dst, index) + row, lane,
                    lane < t.src_rows && row < t.src_lanes
                        ? element(scratchpad, t.element, at(t.src, index) + lane, row)
                        : 0);
  });
}

}  // namespace anzan::reference
