// The sequences against the C library's double precision, over all of their range, in units in the last
// place. The operations are IEEE's binary32, as the vector unit's are (tests/models, tests/cosim).
#include "compiler/lowering/functions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>

namespace anzan::compiler::functions::functions_test {
namespace {

float of_bits(std::uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Executes as it is written. A value is a place, or a constant.
struct Place {
  int number = 0;
};
struct Host {
  float values[16] = {};
  int constants = 8;

  Place number(float value) {
    constants = constants == 15 ? 8 : constants + 1;
    values[constants] = value;
    return {constants};
  }
  Place bits(std::uint32_t value) { return number(of_bits(value)); }
  float of(Place p) const { return values[p.number]; }
  void emit(isa::VectorOp op, Place out, Place pa, Place pb = {}, Place pc = {}) {
    using V = isa::VectorOp;
    const float a = of(pa), b = of(pb), c = of(pc);
    const std::uint32_t ia = bits_of(a), ib = bits_of(b);
    float& o = values[out.number];
    switch (op) {
      case V::kAdd:
        o = a + b;
        break;
      case V::kSub:
        o = a - b;
        break;
      case V::kMul:
        o = a * b;
        break;
      case V::kFma:
        o = std::fma(a, b, c);
        break;
      case V::kFnma:
        o = std::fma(-a, b, c);
        break;
      case V::kMax:
        o = a > b ? a : b;
        break;
      case V::kMin:
        o = a < b ? a : b;
        break;
      case V::kSelectGt:
        o = a > b ? c : 0;
        break;
      case V::kIand:
        o = of_bits(ia & ib);
        break;
      case V::kF2i:
        o = of_bits(static_cast<std::uint32_t>(static_cast<std::int32_t>(std::nearbyint(a))));
        break;
      case V::kI2f:
        o = static_cast<float>(static_cast<std::int32_t>(ia));
        break;
      case V::kIadd:
        o = of_bits(ia + ib);
        break;
      case V::kIsub:
        o = of_bits(ia - ib);
        break;
      case V::kIshl:
        o = of_bits(ia << (ib & 31));
        break;
      case V::kIshr:
        o = of_bits(static_cast<std::uint32_t>(static_cast<std::int32_t>(ia) >> (ib & 31)));
        break;
      default:
        FAIL() << "an operation that functions.hpp does not use";
    }
  }
};

struct Worst {
  double ulps = 0;
  float at = 0;
};

// Every 101st binary32 from `first` to `last`, of one sign.
template <class Compute, class Exact>
Worst worst(float first, float last, const Compute& compute, const Exact& exact) {
  const std::uint32_t a = bits_of(first), b = bits_of(last);
  Worst result;
  std::int64_t tried = 0;
  for (std::uint64_t bits = std::min(a, b); bits <= std::max(a, b); bits += 101, ++tried) {
    const float x = of_bits(static_cast<std::uint32_t>(bits));
    const double right = exact(static_cast<double>(x));
    const double ulp = std::ldexp(1.0, std::max(std::ilogb(right), -126) - 23);
    const double ulps = right == 0 ? std::fabs(compute(x)) / 0x1p-149 : std::fabs(compute(x) - right) / ulp;
    if (!(ulps <= result.ulps)) result = {ulps, x};
  }
  EXPECT_GT(tried, 1000);
  return result;
}

// What place `result` holds after `write` has written a function of place 0.
template <class Write>
auto computed(int result, const Write& write) {
  return [=](float x) {
    Host host;
    host.values[0] = x;
    write(host);
    return host.values[result];
  };
}

TEST(Functions, ExpIsWithinOneAndAHalfUlp) {
  const auto host_exp = computed(0, [](Host& host) { exp(host, Place{0}, Place{1}, Place{2}); });
  const auto exact = [](double x) { return std::exp(x); };
  const Worst above = worst(0x1p-30f, 88.0f, host_exp, exact),
              below = worst(-0x1p-30f, -86.0f, host_exp, exact);
  EXPECT_LE(above.ulps, 1.5) << above.at;
  EXPECT_LE(below.ulps, 1.5) << below.at;
  EXPECT_EQ(host_exp(0), 1.0f);
  EXPECT_EQ(host_exp(-1e30f), host_exp(-86.0f));
}

TEST(Functions, LogIsWithinOneUlp) {
  const Worst w = worst(0x1p-126f, 0x1p127f,
                        computed(1,
                                 [](Host& host) {
                                   log<Host, Place>(host, {0}, {{1}, {2}, {3}, {4}});
                                 }),
                        [](double x) { return std::log(x); });
  EXPECT_LE(w.ulps, 1.0) << w.at;
}

float host_sigmoid(float x) {
  Host host;
  host.values[0] = x;
  sigmoid(host, Place{0}, Place{1}, Place{2}, Place{3});
  return host.values[1];
}

TEST(Functions, SigmoidIsWithinFourUlp) {
  const auto exact = [](double x) { return 1 / (1 + std::exp(-x)); };
  const Worst above = worst(0x1p-126f, 0x1p127f, host_sigmoid, exact),
              below = worst(-0x1p-126f, -86.0f, host_sigmoid, exact);
  EXPECT_LE(above.ulps, 4.0) << above.at;
  EXPECT_LE(below.ulps, 4.0) << below.at;
  EXPECT_LE(host_sigmoid(100), 1.0f);
  EXPECT_EQ(host_sigmoid(-1e30f), host_sigmoid(-86.0f));
}

float host_tanh(float x) {
  Host host;
  host.values[0] = x;
  tanh<Host, Place>(host, {0}, {{1}, {2}, {3}, {4}, {5}});
  return host.values[1];
}

TEST(Functions, TanhIsWithinTwoUlpAndOdd) {
  const Worst w = worst(0x1p-126f, 0x1p127f, host_tanh, [](double x) { return std::tanh(x); });
  EXPECT_LE(w.ulps, 2.0) << w.at;
  for (const float x : {1e-30f, 0.25f, 0.625f, 0.62500006f, 3.0f, 20.0f}) {
    EXPECT_EQ(host_tanh(-x), -host_tanh(x)) << x;
    EXPECT_GT(host_tanh(x), 0) << x;
  }
  EXPECT_EQ(host_tanh(0), 0.0f);
  EXPECT_EQ(host_tanh(1e30f), 1.0f);
}

TEST(Functions, ReciprocalIsWithinTwoUlp) {
  const Worst w = worst(0x1p-125f, 0x1p125f,
                        computed(1, [](Host& host) { reciprocal(host, Place{0}, Place{1}, Place{2}); }),
                        [](double x) { return 1 / x; });
  EXPECT_LE(w.ulps, 2.0) << w.at;
}

TEST(Functions, ReciprocalRootIsWithinOneUlp) {
  const Worst w =
      worst(0x1p-100f, 0x1p125f,
            computed(1, [](Host& host) { reciprocal_root(host, Place{0}, Place{1}, Place{2}, Place{3}); }),
            [](double x) { return 1 / std::sqrt(x); });
  EXPECT_LE(w.ulps, 1.0) << w.at;
}

}  // namespace
}  // namespace anzan::compiler::functions::functions_test
