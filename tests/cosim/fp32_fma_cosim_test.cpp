// fp32_fma against the host's fused multiply-add, sum and product. ANZAN_TRIPLES says how many random
// triples.
#include <Vfp32_fma.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/number_format.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::fp32_fma_cosim_test {
namespace {

using models::bits_of_float;
using models::float_of_bits;

constexpr std::uint32_t kOne = 0x3f800000, kNegativeZero = 0x80000000;

std::uint32_t canonical(float v) { return std::isnan(v) ? 0x7fc00000U : bits_of_float(v); }

class Fp32Fma : public ::testing::Test {
 protected:
  std::uint32_t fma(std::uint32_t a, std::uint32_t b, std::uint32_t c, bool negate = false) {
    rtl_->a_i = a;
    rtl_->b_i = b;
    rtl_->c_i = c;
    rtl_->negate_product_i = negate ? 1 : 0;
    rtl_->enable_i = 1;
    rtl_->eval();
    return rtl_->result_o;
  }
  // Every use of the module.
  void check(const Triple& t) {
    const float a = float_of_bits(t.a), b = float_of_bits(t.b), c = float_of_bits(t.c);
    const auto what = [&] { return ::testing::Message() << std::hex << t.a << " * " << t.b << " + " << t.c; };
    ASSERT_EQ(fma(t.a, t.b, t.c), canonical(std::fma(a, b, c))) << what();
    ASSERT_EQ(fma(t.a, t.b, t.c, true), canonical(std::fma(-a, b, c))) << what() << ", negated";
    ASSERT_EQ(fma(t.a, kOne, t.c), canonical(a + c)) << what() << ", the sum of the outer two";
    ASSERT_EQ(fma(t.a, t.b, kNegativeZero), canonical(a * b)) << what() << ", the product";
  }

  Verilated<Vfp32_fma> rtl_;
};

TEST_F(Fp32Fma, AllTriplesOfSpecialValues) {
  const std::vector<std::uint32_t> words = special_fp32();
  for (const std::uint32_t a : words)
    for (const std::uint32_t b : words)
      for (const std::uint32_t c : words) {
        if (a > b) continue;  // the product commutes: sampled below
        const float expected = std::fma(float_of_bits(a), float_of_bits(b), float_of_bits(c));
        ASSERT_EQ(fma(a, b, c), canonical(expected)) << std::hex << a << " * " << b << " + " << c;
      }
}

TEST_F(Fp32Fma, AllSumsAndProductsOfSpecialValues) {
  const std::vector<std::uint32_t> words = special_fp32();
  for (const std::uint32_t a : words)
    for (const std::uint32_t b : words) check({a, b, b});
}

TEST_F(Fp32Fma, RandomTriples) {
  CornerValues values(1);
  for (std::int64_t n = 0; n < ANZAN_TRIPLES && !HasFatalFailure(); ++n) check(values.triple());
}

}  // namespace
}  // namespace anzan::cosim::fp32_fma_cosim_test
