// int_dot exhaustively in 8 bits, and processing_element through sequences of tiles in both banks, against
// plain sums and the host's fused multiply-add.
#include <Vint_dot.h>
#include <Vprocessing_element.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/number_format.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::processing_element_cosim_test {
namespace {

std::int64_t dot(isa::Format format, std::uint32_t a, std::uint32_t b) {
  std::int64_t sum = 0;
  for (int e = 0; e < models::elements_per_word(format); ++e)
    sum += std::int64_t{models::get_element(a, format, e)} * models::get_element(b, format, e);
  return sum;
}

class IntDot : public ::testing::Test {
 protected:
  void check(isa::Format format, std::uint32_t a, std::uint32_t b) {
    rtl_->format_i = static_cast<CData>(format);
    rtl_->a_i = a;
    rtl_->b_i = b;
    rtl_->eval();
    ASSERT_EQ(sign_extended(rtl_->dot_o, isa::kWordBits + 1), dot(format, a, b))
        << isa::name(format) << std::hex << " " << a << " . " << b;
  }
  Verilated<Vint_dot> rtl_;
};

TEST_F(IntDot, EveryPairOfInt8InEveryPlace) {
  CornerValues values(8);
  for (int place = 0; place < 4; ++place)
    for (std::int32_t pair = 0; pair < 1 << 16 && !HasFatalFailure(); ++pair) {
      const auto a = static_cast<std::uint32_t>(values.word()), b = static_cast<std::uint32_t>(values.word());
      check(isa::Format::kInt8, models::with_element(a, isa::Format::kInt8, place, pair),
            models::with_element(b, isa::Format::kInt8, place, pair >> 8));
    }
}

TEST_F(IntDot, Int16) {
  CornerValues values(9);
  const std::uint32_t corners[] = {0, 1, 0xffff, 0x7fff, 0x8000, 0x8001, 0xff, 0x100, 0x5555, 0xaaaa};
  for (const std::uint32_t a : corners)
    for (const std::uint32_t b : corners)
      for (const std::uint32_t c : corners)
        for (const std::uint32_t d : corners) check(isa::Format::kInt16, a << 16 | b, c << 16 | d);
  for (int n = 0; n < 300000 && !HasFatalFailure(); ++n)
    check(isa::Format::kInt16, static_cast<std::uint32_t>(values.word()),
          static_cast<std::uint32_t>(values.word()));
}

// What a tile's accumulator is after its steps, held beside the module.
class ProcessingElement : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kMask = (std::uint64_t{1} << isa::kAccumulatorBits) - 1;

  std::uint64_t added(isa::Format format, std::uint64_t acc, std::uint32_t a, std::uint32_t b) {
    using models::float_of_bits;
    if (models::is_integer(format)) return (acc + static_cast<std::uint64_t>(dot(format, a, b))) & kMask;
    const auto c = static_cast<std::uint32_t>(acc);
    const float sum = std::fma(float_of_bits(a), float_of_bits(b), float_of_bits(c));
    return std::isnan(sum) ? 0x7fc00000U : models::bits_of_float(sum);
  }
  std::uint64_t start_value(isa::Format format) {
    if (values_.one_in(3)) return 0;
    return models::is_integer(format) ? port(values_.integer(isa::kAccumulatorBits), isa::kAccumulatorBits)
                                      : values_.fp32();
  }
  void drive(bool start, std::uint64_t value, bool valid, std::uint32_t a, std::uint32_t b) {
    rtl_->start_i = start ? 1 : 0;
    rtl_->start_value_i = value;
    rtl_->valid_i = valid ? 1 : 0;
    rtl_->a_i = a;
    rtl_->b_i = b;
    rtl_.cycle();
  }
  // Runs a tile in the bank; cycles in which nothing comes are among them.
  std::uint64_t run_tile(isa::Format format) {
    std::uint64_t acc = start_value(format);
    bool started = values_.one_in(3);  // in a cycle of its own, as spilled accumulators are
    if (started) drive(true, acc, false, 0xdeadbeef, 0x12345678);
    for (int steps = values_.between(1, 12); steps > 0;) {
      const bool valid = !values_.one_in(4);
      const Triple t = values_.triple();
      drive(valid && !started, acc, valid, t.a, t.b);
      if (!valid) continue;
      acc = added(format, acc, t.a, t.b);
      started = true;
      --steps;
    }
    return acc;
  }
  Verilated<Vprocessing_element> rtl_;
  CornerValues values_{10};
};

TEST_F(ProcessingElement, OneBankDrainsWhileTheOtherAccumulates) {
  rtl_.reset();
  rtl_->bank_i = 0;
  rtl_->eval();
  ASSERT_EQ(rtl_->drained_o, 0U);
  bool bank = false;
  for (int tile = 0; tile < 30000; ++tile) {
    const auto format = static_cast<isa::Format>(values_.between(0, isa::kFormatInfo.size - 1));
    rtl_->format_i = static_cast<CData>(format);
    rtl_->bank_i = bank ? 1 : 0;
    const std::uint64_t expected = run_tile(format);
    rtl_->bank_i = bank ? 0 : 1;
    rtl_->eval();
    ASSERT_EQ(rtl_->drained_o, expected) << "tile " << tile << ", " << isa::name(format);
    // Still there when the next tile has entered the other bank.
    rtl_->bank_i = bank ? 0 : 1;
    run_tile(format);
    ASSERT_EQ(rtl_->drained_o, expected) << "tile " << tile << ", after another";
    bank = values_.one_in(2);
  }
}

}  // namespace
}  // namespace anzan::cosim::processing_element_cosim_test
