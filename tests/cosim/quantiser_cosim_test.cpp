// quantiser, with value_parts, position, quantiser_shift and quantiser_round inside, and relu, against
// models/quantiser.hpp and models/analysis_block.hpp.
#include <Vquantiser.h>
#include <Vrelu.h>
#include <gtest/gtest.h>

#include "models/analysis_block.hpp"
#include "models/number_format.hpp"
#include "models/quantiser.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::quantiser_cosim_test {
namespace {

constexpr int kSlotPointBits = 7, kProductPointBits = 8;
constexpr isa::Rounding kRoundings[] = {isa::Rounding::kNearestEven, isa::Rounding::kStochastic,
                                        isa::Rounding::kTowardsZero};

struct Setting {
  int width, q;
  isa::Rounding rounding;
  std::uint32_t random;
};

class Quantiser : public ::testing::Test {
 protected:
  void check_accumulator(std::int64_t acc, int point, const Setting& s) {
    rtl_->is_fp32_i = 0;
    rtl_->value_i = port(acc, isa::kAccumulatorBits);
    rtl_->point_i = static_cast<CData>(port(point, kProductPointBits));
    const auto expected = models::quantise_accumulator(acc, point, s.width, s.q, s.rounding, s.random);
    check(s, expected, models::position(acc, point),
          [&] { return ::testing::Message() << acc << " at " << point; });
  }
  void check_fp32(std::uint32_t bits, const Setting& s) {
    const float v = models::float_of_bits(bits);
    rtl_->is_fp32_i = 1;
    rtl_->value_i = (port(values_.word(), isa::kAccumulatorBits) >> 32 << 32) | bits;  // above is anything
    rtl_->point_i = static_cast<CData>(port(values_.word(), kProductPointBits));
    check(s, models::quantise(v, s.width, s.q, s.rounding, s.random), models::position(v),
          [&] { return ::testing::Message() << "FP32 " << std::hex << bits << std::dec; });
  }
  template <class What>
  void check(const Setting& s, const models::Quantised& expected, int position, What what) {
    rtl_->width_i = static_cast<CData>(s.width);
    rtl_->q_i = static_cast<CData>(port(s.q, kSlotPointBits));
    rtl_->rounding_i = static_cast<CData>(s.rounding);
    rtl_->random_i = s.random >> (32 - isa::kRandomBits);
    rtl_->eval();
    const models::Quantised found{static_cast<std::int16_t>(rtl_->n_o), rtl_->saturated_high_o != 0,
                                  rtl_->saturated_low_o != 0, rtl_->underflow_o != 0};
    const bool zero = position == models::kPositionZero;
    ASSERT_TRUE(found == expected && (rtl_->zero_o != 0) == zero &&
                (zero || rtl_->bin_o == models::histogram_bin(position)))
        << what() << " to " << s.width << " bits at " << s.q << ", " << isa::name(s.rounding) << ", random "
        << s.random << ": n " << found.n << " for " << expected.n << ", flags " << found.saturated_high
        << found.saturated_low << found.underflow << " for " << expected.saturated_high
        << expected.saturated_low << expected.underflow << ", bin " << int{rtl_->bin_o} << " for "
        << models::histogram_bin(position);
  }
  Setting setting() {
    return {values_.between(isa::kWidthMin, isa::kWidthMax),
            values_.between(isa::kBinaryPointMin, isa::kBinaryPointMax), kRoundings[values_.between(0, 2)],
            static_cast<std::uint32_t>(values_.word())};
  }

  Verilated<Vquantiser> rtl_;
  CornerValues values_{5};
};

TEST_F(Quantiser, SmallAccumulatorsToEightBitsExhaustively) {
  for (const isa::Rounding rounding : kRoundings)
    for (int shift = -4; shift <= 16; ++shift)
      for (std::int64_t acc = -4096; acc <= 4096 && !HasFatalFailure(); ++acc)
        check_accumulator(acc, shift, {8, 0, rounding, static_cast<std::uint32_t>(values_.word())});
}

TEST_F(Quantiser, AccumulatorsOfAnySize) {
  for (int n = 0; n < 1000000 && !HasFatalFailure(); ++n) {
    const Setting s = setting();
    const std::int64_t acc = values_.integer(isa::kAccumulatorBits);
    const bool near = !values_.one_in(4);  // the result is near the width
    const int point = near ? values_.between(s.q - 2, s.q + 48)
                           : values_.between(2 * isa::kBinaryPointMin, 2 * isa::kBinaryPointMax);
    check_accumulator(acc, std::min(2 * isa::kBinaryPointMax, point), s);
  }
}

TEST_F(Quantiser, AccumulatorsAtTheLimits) {
  constexpr std::int64_t kTop = std::int64_t{1} << (isa::kAccumulatorBits - 1);
  for (const isa::Rounding rounding : kRoundings)
    for (int point = 2 * isa::kBinaryPointMin; point <= 2 * isa::kBinaryPointMax; ++point)
      for (const int q : {isa::kBinaryPointMin, -1, 0, 7, isa::kBinaryPointMax})
        for (const int width : {isa::kWidthMin, 8, isa::kWidthMax})
          for (const std::int64_t acc :
               {-kTop, -kTop + 1, kTop - 1, kTop / 2, std::int64_t{1}, std::int64_t{-1}})
            for (const std::uint32_t random : {0U, 0xffU, 0x100U, 0xffffffffU})
              check_accumulator(acc, point, {width, q, rounding, random});
}

TEST_F(Quantiser, Fp32) {
  for (const std::uint32_t bits : special_fp32())
    for (int n = 0; n < 200 && !HasFatalFailure(); ++n) check_fp32(bits, setting());
  for (int n = 0; n < 1000000 && !HasFatalFailure(); ++n) {
    const Setting s = setting();
    check_fp32(values_.one_in(4) ? values_.fp32() : values_.fp32(127 - s.q + values_.between(-28, 18)), s);
  }
}

TEST(Relu, BothKindsOfValue) {
  Verilated<Vrelu> rtl;
  CornerValues values(6);
  const auto relu = [&](bool fp32, std::uint64_t value, bool enable = true) {
    rtl->enable_i = enable ? 1 : 0;
    rtl->is_fp32_i = fp32 ? 1 : 0;
    rtl->value_i = port(value, isa::kAccumulatorBits);
    rtl->eval();
    return rtl->value_o;
  };
  std::vector<std::uint32_t> words = special_fp32();
  for (int n = 0; n < 100000; ++n) words.push_back(values.fp32());
  for (const std::uint32_t bits : words) {
    ASSERT_EQ(relu(true, bits), models::bits_of_float(models::relu(models::float_of_bits(bits)))) << bits;
    ASSERT_EQ(relu(true, bits, false), bits);
    const std::int64_t acc = values.integer(isa::kAccumulatorBits);
    ASSERT_EQ(relu(false, static_cast<std::uint64_t>(acc)), static_cast<std::uint64_t>(models::relu(acc)));
    ASSERT_EQ(relu(false, static_cast<std::uint64_t>(acc), false), port(acc, isa::kAccumulatorBits));
  }
}

}  // namespace
}  // namespace anzan::cosim::quantiser_cosim_test
