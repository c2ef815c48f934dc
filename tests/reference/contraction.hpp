// The evaluation of a layer's sums in the order of geometry.hpp: contract() adds integers exactly, FP32 by
// one fused multiply-add each.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <vector>

#include "tests/reference/geometry.hpp"
#include "tests/reference/numbers.hpp"

namespace anzan::reference {

// One factor of a contraction. A contraction of two integer tensors is exact, any other one in FP32.
// Element i stands at i + 1, behind the zero of kPadding.
struct Factor {
  std::vector<std::int32_t> integers;  // empty if the contraction runs in FP32
  std::vector<float> reals;            // empty if it is exact
  int q = 0;
};
struct Factors {
  Factor a, b;
  bool exact;
  Factors(const StoredTensor& left, const StoredTensor& right);
};

// Sum over the visited products, from the bias or zero. Exact sums: the bias first rounded to the
// accumulator's point, nearest even, within 2^46. `visit_all(visit)` runs a visitor.
// Throws std::overflow_error if an exact sum leaves the 48-bit accumulator's range of 2^47.
template <class VisitAll>
long double contract(const Factors& factors, const std::optional<float>& bias, const VisitAll& visit_all) {
  if (!factors.exact) {
    float sum = bias.value_or(0.0F);
    const float *a = factors.a.reals.data() + 1, *b = factors.b.reals.data() + 1;
    visit_all([&](std::int64_t i, std::int64_t j) { sum = std::fma(a[i], b[j], sum); });
    return sum;
  }
  const int q = factors.a.q + factors.b.q;
  std::int64_t sum = 0;
  if (bias) {
    const long double point = std::nearbyint(std::ldexp(static_cast<long double>(*bias), q));
    sum = static_cast<std::int64_t>(std::fmax(-0x1p46L, std::fmin(0x1p46L, point)));
  }
  const std::int32_t *a = factors.a.integers.data() + 1, *b = factors.b.integers.data() + 1;
  // Products are below 2^31, so 64 bits hold the sum of 2^32 of them.
  visit_all([&](std::int64_t i, std::int64_t j) { sum += std::int64_t{a[i]} * b[j]; });
  if (std::llabs(sum) >= (1LL << 47)) throw std::overflow_error("reference: a sum exceeds the accumulator");
  return std::ldexp(static_cast<long double>(sum), -q);
}

// A sum over images and pixels without bias: `visit_all(visit, begin)`, as visit_backward_weight. An exact
// one is cut into pieces, each rounded to FP32; they are added in FP32, in their order.
template <class VisitAll>
long double contract_pieces(const Factors& factors, const SumPieces& pieces, const VisitAll& visit_all) {
  if (!factors.exact)
    return contract(factors, std::nullopt, [&](const auto& visit) { visit_all(visit, [](auto...) {}); });
  std::vector<std::int64_t> sums;
  std::int64_t last = -1;
  const std::int32_t *a = factors.a.integers.data() + 1, *b = factors.b.integers.data() + 1;
  visit_all([&](std::int64_t i, std::int64_t j) { sums.back() += std::int64_t{a[i]} * b[j]; },
            [&](std::int64_t group, std::int64_t oy, std::int64_t ox) {
              const std::int64_t piece = pieces.piece(group, oy, ox);
              if (piece != last) sums.push_back(0);
              last = piece;
            });
  const int q = factors.a.q + factors.b.q;
  for (const std::int64_t sum : sums)
    if (std::llabs(sum) > (1LL << 46)) throw std::overflow_error("reference: a sum exceeds the accumulator");
  if (pieces.one()) return sums.empty() ? 0.0L : std::ldexp(static_cast<long double>(sums[0]), -q);
  float total = 0;
  for (const std::int64_t sum : sums)
    total += static_cast<float>(std::ldexp(static_cast<long double>(sum), -q));
  return total;
}

}  // namespace anzan::reference
