// The write-back path of every kernel set against the scalar functions of the quantiser, the analysis block
// and the random words, over all roundings, widths and points, with corner values and seeded random ones.
#include "models/write_back.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "models/analysis_block.hpp"
#include "models/instruction_error.hpp"
#include "models/number_format.hpp"
#include "models/quantiser.hpp"
#include "models/random.hpp"
#include "models/tensor_unit.hpp"
#include "models/vector_unit.hpp"

namespace anzan::models::write_back_test {
namespace {

constexpr int kSlot = 77, kInputSlot = 5;
constexpr std::int64_t kRows = 64, kSourceLine = 0, kZeroLine = 300, kOutputLine = 512;

struct Setting {
  isa::Format format;
  isa::Rounding rounding;
  int width, q, point;
  bool relu;
  std::string text() const {
    return std::string(isa::name(format)) + " " + isa::name(rounding) + ", width " + std::to_string(width) +
           ", q " + std::to_string(q) + ", point " + std::to_string(point) + (relu ? ", relu" : "");
  }
};

std::vector<Setting> settings_to_try(std::mt19937_64& random) {
  std::vector<Setting> settings;
  for (const isa::Format format : all_formats())
    for (const isa::Rounding rounding :
         {isa::Rounding::kNearestEven, isa::Rounding::kStochastic, isa::Rounding::kTowardsZero})
      for (int k = 0; k < 60; ++k) {
        const int most = format == isa::Format::kInt8 ? 8 : 16;
        const auto between = [&](int low, int high) {
          return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
        };
        // Point minus q is what decides the path that an accumulator takes: all from −56 to 96.
        const int q = between(-16, 40),
                  point = k < 30 ? between(-32, 80) : std::min(80, std::max(-32, q + between(-4, 34)));
        settings.push_back({format, rounding, k % 3 == 0 ? most : between(2, most), q, point, k % 4 == 3});
      }
  return settings;
}

// Half points to exactly the setting's rounding boundaries, half all magnitudes.
std::int64_t accumulator(std::mt19937_64& random, const Setting& s, std::int64_t limit) {
  const std::uint64_t r = random();
  std::int64_t v = 0;
  const int shift = s.point - s.q;
  switch (r % 4) {
    case 0: {
      constexpr std::int64_t kCorners[] = {0,    1,    -1,  2,   -2,    3,      127,
                                           -128, -129, 255, 256, 32767, -32768, 65536};
      v = kCorners[r / 8 % 14];
      break;
    }
    case 1:
      v = static_cast<std::int64_t>(r) >> (r / 8 % 64);
      break;
    default:
      v = static_cast<std::int64_t>(r >> 8 & 0x1ff) - 256;
      if (shift > 0 && shift < 40)
        v = v * (std::int64_t{1} << (shift - 1)) +
            (r % 4 == 2 ? 0 : static_cast<std::int64_t>(r >> 20 & 3) - 1);
  }
  return v % limit;
}

float value(std::mt19937_64& random, const Setting& s) {
  const auto r = random();
  switch (r % 4) {
    case 0:
      return float_of_bits(static_cast<std::uint32_t>(r >> 32));
    case 1: {
      constexpr std::uint32_t kCorners[] = {0,           0x80000000U, 1,           0x80000001U, 0x7f800000U,
                                            0xff800000U, 0x7fc00000U, 0xffc00000U, 0x7f800001U, 0x00800000U,
                                            0x80800000U, 0x7f7fffffU, 0xff7fffffU};
      return float_of_bits(kCorners[r / 8 % 13]);
    }
    default:
      return std::ldexp(static_cast<float>(static_cast<std::int64_t>(r >> 40) - (1 << 23)),
                        static_cast<int>(r / 8 % 16) - 8 - 16 - s.q);
  }
}

class WriteBack : public ::testing::TestWithParam<int> {
 protected:
  int lanes() const { return GetParam(); }
  Core core_for(const Setting& s) const {
    Core core(lanes(), 1024 * 4 * lanes() / 1024, 0);
    SlotSettings& slot = core.settings.slot(kSlot);
    slot.width = static_cast<std::uint8_t>(s.width);
    slot.q_write = static_cast<std::int8_t>(s.q);
    slot.rounding = s.rounding;
    core.settings.slot(kInputSlot).q_read = static_cast<std::int8_t>(s.point / 2);
    core.settings.slot(kInputSlot + 1).q_read = static_cast<std::int8_t>(s.point - s.point / 2);
    core.settings.set_seed(11);
    core.settings.set_step(22);
    return core;
  }
  std::uint32_t word(std::uint32_t index) const { return random_word(random_key(11, 22, kSlot), index); }
  void check_tiles(const Setting& s, const isa::Tensor& t, const std::vector<std::uint32_t>& memory,
                   const std::vector<std::int64_t>& values) const;
  // What stands at the output, by the scalar functions; `expected` has one element a value.
  void compare(Core& core, const Setting& s, const LocalStatistics& found, const LocalStatistics& wanted,
               const std::vector<std::int32_t>& expected, const std::string& what) const {
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const auto place =
          row_place(s.format, row_of_line(s.format, kOutputLine) + static_cast<std::int64_t>(k) / lanes());
      std::uint32_t stored;
      std::memcpy(&stored,
                  core.scratchpad() + (place.line * lanes() + static_cast<std::int64_t>(k) % lanes()) * 4, 4);
      ASSERT_EQ(get_element(stored, s.format, place.sub), expected[k]) << what << ", value " << k;
    }
    ASSERT_TRUE(found == wanted) << what << ": counts differ; zeros " << found.zeros << " " << wanted.zeros
                                 << ", high " << found.saturated_high << " " << wanted.saturated_high
                                 << ", low " << found.saturated_low << " " << wanted.saturated_low
                                 << ", underflows " << found.underflows << " " << wanted.underflows;
  }
};
INSTANTIATE_TEST_SUITE_P(Lanes, WriteBack, ::testing::ValuesIn(isa::kLanes),
                         ::testing::PrintToStringParamName());

TEST_P(WriteBack, Fp32ValuesEqualTheScalarFunctions) {
  std::mt19937_64 random(GetParam());
  for (const Setting& s : settings_to_try(random)) {
    std::vector<float> values(static_cast<std::size_t>(kRows * lanes()));
    for (float& v : values) v = value(random, s);
    LocalStatistics wanted;
    std::vector<std::int32_t> expected;
    for (std::size_t k = 0; k < values.size(); ++k) {
      const float v = s.relu ? relu(values[k]) : values[k];
      const Quantised n = quantise(v, s.width, s.q, s.rounding, word(static_cast<std::uint32_t>(k) * 3 + 8));
      const bool integer = is_integer(s.format);
      analyse(wanted, v, integer ? &n : nullptr);
      expected.push_back(integer ? n.n : static_cast<std::int32_t>(bits_of_float(v)));
    }
    isa::Vector copy;
    copy.loops[7] = kRows;
    copy.a.kind = isa::OperandKind::kRows;
    copy.a.format = isa::Format::kFp32;
    copy.a.at.stride[7] = 1;
    copy.relu = s.relu;
    copy.analyse = 1;
    copy.out_format = s.format;
    copy.slot_o = kSlot;
    copy.mask = {0, static_cast<std::uint8_t>(lanes())};
    copy.o.base = static_cast<std::uint32_t>(row_of_line(s.format, kOutputLine));
    copy.o.stride[7] = 1;
    copy.x.base = 8;
    copy.x.stride[7] = 3 * lanes();
    copy.x.lane_stride = 3;
    for (const kernels::KernelSet* set : kernels::available_kernels(lanes())) {
      Core core = core_for(s);
      std::memcpy(core.scratchpad(), values.data(), values.size() * 4);
      VectorPlan planned = plan(copy, MemorySizes(core));
      bind(planned, core);
      LocalStatistics found;
      execute(planned, *set, 0, planned.iterations, found);
      compare(core, s, found, wanted, expected, s.text() + ", kernels " + set->name);
      if (HasFatalFailure()) return;
    }
  }
}

isa::Tensor tile(const Setting& s, int lanes) {
  isa::Tensor t;
  t.format = isa::Format::kInt8;
  t.relu = s.relu;
  t.analyse = 1;
  t.out_format = s.format;
  t.slot_a = kInputSlot;
  t.slot_b = kInputSlot + 1;
  t.slot_o = kSlot;
  t.row_count = static_cast<std::uint8_t>(lanes);
  t.mask = {0, static_cast<std::uint8_t>(lanes)};
  t.loops[0] = static_cast<std::uint16_t>(kRows / lanes);
  t.o.base = static_cast<std::uint32_t>(row_of_line(s.format, kOutputLine));
  t.o.stride[0] = lanes;
  t.x.base = 8;
  t.x.stride[0] = 3 * lanes * lanes;
  t.x.row_stride = 3 * lanes;
  t.x.lane_stride = 3;
  return t;
}

// Checks all kernel sets on a tile instruction whose accumulators are `values`.
void WriteBack::check_tiles(const Setting& s, const isa::Tensor& t, const std::vector<std::uint32_t>& memory,
                            const std::vector<std::int64_t>& values) const {
  LocalStatistics wanted;
  std::vector<std::int32_t> expected;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const std::int64_t v = s.relu ? relu(values[k]) : values[k];
    const Quantised n = quantise_accumulator(v, s.point, s.width, s.q, s.rounding,
                                             word(static_cast<std::uint32_t>(k) * 3 + 8));
    const bool integer = is_integer(s.format);
    analyse(wanted, v, s.point, integer ? &n : nullptr);
    expected.push_back(integer ? n.n
                               : static_cast<std::int32_t>(bits_of_float(accumulator_to_fp32(v, s.point))));
  }
  for (const kernels::KernelSet* set : kernels::available_kernels(lanes())) {
    Core core = core_for(s);
    std::memcpy(core.scratchpad(), memory.data(), memory.size() * 4);
    TensorPlan planned = plan(t, MemorySizes(core));
    bind(planned, core);
    LocalStatistics found;
    execute(planned, *set, 0, planned.iterations, found);
    compare(core, s, found, wanted, expected, s.text() + ", kernels " + set->name);
    if (HasFatalFailure()) return;
  }
}

// Any accumulator, by way of a spill and a product of zeros.
TEST_P(WriteBack, WideAccumulatorsEqualTheScalarFunctions) {
  std::mt19937_64 random(static_cast<std::uint64_t>(lanes()) + 100);
  const auto l = static_cast<std::size_t>(lanes());
  for (const Setting& s : settings_to_try(random)) {
    isa::Tensor t = tile(s, lanes());
    t.init = isa::Init::kSpill;
    t.a.base = t.b.base = kZeroLine;
    t.c.stride[0] = 2 * lanes();
    std::vector<std::int64_t> values(kRows * l);
    std::vector<std::uint32_t> memory(1024 * l);
    for (std::size_t k = 0; k < values.size(); ++k) {
      const auto bits = static_cast<std::uint64_t>(values[k] = accumulator(random, s, std::int64_t{1} << 47));
      memory[(2 * (k / l)) * l + k % l] = static_cast<std::uint32_t>(bits);
      memory[(2 * (k / l) + 1) * l + k % l] = static_cast<std::uint32_t>(bits >> 32);
    }
    check_tiles(s, t, memory, values);
    if (HasFatalFailure()) return;
  }
}

// Sums of products of bytes from zero, which kernels may keep in 32 bits: words of a times words of b, over
// steps that reach from one product to the end of 32 bits.
TEST_P(WriteBack, SumsOfBytesEqualTheScalarFunctions) {
  std::mt19937_64 random(static_cast<std::uint64_t>(lanes()) + 200);
  const auto l = static_cast<std::size_t>(lanes());
  int turn = 0;
  for (const Setting& s : settings_to_try(random)) {
    isa::Tensor t = tile(s, lanes());
    t.reduce = 1;
    const bool longest = ++turn % 40 == 0;
    t.loops[7] = longest ? 32767 : static_cast<std::uint16_t>(1 + random() % 9);
    t.a.base = static_cast<std::uint32_t>(kSourceLine);
    t.a.stride[0] = 1;
    t.a.stride[7] = longest ? 0 : 1;
    t.b = t.a;
    t.b.base += 100;
    std::vector<std::uint32_t> memory(1024 * l);
    for (std::size_t k = 0; k < 200 * l; ++k) {
      const auto r = static_cast<std::uint32_t>(random() >> 20);
      memory[k] = longest      ? (r % 3 == 0 ? 0x7f7f7f7fU : 0x80808080U)
                  : r % 2 == 0 ? r
                               : (r >> 2 & 0x01010101U) * (r % 4 == 1 ? 1 : 0xff);
    }
    std::vector<std::int64_t> values(kRows * l);
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::size_t tile_number = k / l / l, i = k / l % l, j = k % l;
      for (std::size_t step = 0; step < (longest ? 1 : t.loops[7]); ++step)
        for (int e = 0; e < 4; ++e)
          values[k] += get_element(memory[(tile_number + step) * l + i], isa::Format::kInt8, e) *
                       get_element(memory[(100 + tile_number + step) * l + j], isa::Format::kInt8, e);
      if (longest) values[k] *= t.loops[7];
    }
    check_tiles(s, t, memory, values);
    if (HasFatalFailure()) return;
  }
}

TEST(WriteBackChecks, WidthMustFitTheFormat) {
  Core core(4, 1, 0);
  core.settings.slot(3).width = 9;
  kernels::Output output = plan_output(isa::Format::kInt8, {0, 4}, false, false, 1, 4);
  EXPECT_THROW(bind_output(output, 3, core), InstructionError);
  output.format = isa::Format::kInt16;
  EXPECT_NO_THROW(bind_output(output, 3, core));
  output.format = isa::Format::kFp32;
  EXPECT_NO_THROW(bind_output(output, 3, core));
}

}  // namespace
}  // namespace anzan::models::write_back_test
