// int_to_fp32, element_to_fp32 and bias_to_accumulator against models/quantiser.hpp and
// models/number_format.hpp.
#include <Vbias_to_accumulator.h>
#include <Velement_to_fp32.h>
#include <Vint_to_fp32.h>
#include <gtest/gtest.h>

#include "models/number_format.hpp"
#include "models/quantiser.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::conversions_cosim_test {
namespace {

using models::bits_of_float;

constexpr int kSlotPointBits = 7, kProductPointBits = 8;
constexpr int kProductMin = 2 * isa::kBinaryPointMin, kProductMax = 2 * isa::kBinaryPointMax;

TEST(IntToFp32, AccumulatorsAtEveryPoint) {
  Verilated<Vint_to_fp32> rtl;
  CornerValues values(2);
  const auto check = [&](std::int64_t acc, int point) {
    rtl->value_i = port(acc, isa::kAccumulatorBits);
    rtl->point_i = static_cast<CData>(port(point, kProductPointBits));
    rtl->eval();
    ASSERT_EQ(rtl->result_o, bits_of_float(models::accumulator_to_fp32(acc, point)))
        << acc << " at " << point;
  };
  constexpr std::int64_t kTop = std::int64_t{1} << (isa::kAccumulatorBits - 1);
  for (int point = kProductMin; point <= kProductMax && !HasFatalFailure(); ++point) {
    for (const std::int64_t acc : {-kTop, -kTop + 1, kTop - 1, std::int64_t{0}}) check(acc, point);
    for (int n = 0; n < 10000 && !HasFatalFailure(); ++n) check(values.integer(isa::kAccumulatorBits), point);
  }
}

TEST(ElementToFp32, EveryElementAtEveryPoint) {
  Verilated<Velement_to_fp32> rtl;
  CornerValues values(3);
  for (const isa::Format format : models::all_formats())
    for (int q = isa::kBinaryPointMin; q <= isa::kBinaryPointMax; ++q)
      for (std::uint32_t n = 0; n < 1U << 16; n += format == isa::Format::kInt16 ? 1 : 256) {
        const int elements = models::elements_per_word(format);
        const int sub = static_cast<int>(n / (format == isa::Format::kInt8 ? 256 : 1)) % elements;
        for (std::uint32_t low = 0; low < (format == isa::Format::kInt8 ? 256U : 1U); low += 1) {
          const std::uint32_t word = models::with_element(static_cast<std::uint32_t>(values.word()), format,
                                                          sub, static_cast<std::int32_t>(n + low));
          rtl->format_i = static_cast<CData>(format);
          rtl->word_i = word;
          rtl->sub_i = static_cast<CData>(sub);
          rtl->q_i = static_cast<CData>(port(q, kSlotPointBits));
          rtl->eval();
          const std::int32_t element = models::get_element(word, format, sub);
          ASSERT_EQ(rtl->result_o, bits_of_float(models::element_value(format, element, q)))
              << isa::name(format) << " element " << sub << " of " << std::hex << word << " at " << std::dec
              << q;
        }
      }
}

TEST(BiasToAccumulator, CornersAtEveryPoint) {
  Verilated<Vbias_to_accumulator> rtl;
  CornerValues values(4);
  const auto check = [&](std::uint32_t bias, int point) {
    rtl->bias_i = bias;
    rtl->point_i = static_cast<CData>(port(point, kProductPointBits));
    rtl->eval();
    ASSERT_EQ(sign_extended(rtl->accumulator_o, isa::kAccumulatorBits),
              models::bias_to_accumulator(models::float_of_bits(bias), point))
        << std::hex << bias << " at " << std::dec << point;
  };
  for (int point = kProductMin; point <= kProductMax && !HasFatalFailure(); ++point) {
    for (const std::uint32_t bias : special_fp32()) check(bias, point);
    for (int n = 0; n < 8000 && !HasFatalFailure(); ++n) {
      check(values.fp32(), point);
      check(values.fp32(std::min(254, std::max(0, 127 - point + values.between(-3, 50)))), point);
    }
  }
}

}  // namespace
}  // namespace anzan::cosim::conversions_cosim_test
