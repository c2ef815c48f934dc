// Arrays of double-precision values, and sums of products of them, that carry how far a correct FP32
// implementation may be from them. Two parts, because they grow differently:
//   deviation: rounding errors, which are as good as independent. They add as squares (Higham and Mary,
//     A new approach to probabilistic rounding error analysis, 2019); one rounding to nearest of s has a
//     deviation of at most u |s| / sqrt(3), u = 2^-24. A partial sum of K products in any order has an
//     expected square of at most value^2 + sum of squares, so that K roundings add
//       K (u^2 / 3) (value^2 + sum (a b)^2).
//   shift: what a decision that is open (which tap is the maximum, whether a ReLU passes) may add or
//     remove. It is bounded rigorously: shifts add as magnitudes.
// error = kConfidence * deviation + shift bounds the difference. Worst-case bounds (gamma(K) sum |a b|)
// instead of deviations exceed the gradients of LeNet a hundredfold, which is why they are not used.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace anzan::reference {

inline constexpr double kUnit = 0x1p-24;                  // unit roundoff of FP32
inline constexpr double kUnitSquare = kUnit * kUnit / 3;  // mean square of one relative rounding error
inline constexpr double kConfidence = 6;                  // deviations that make a bound
inline constexpr double kTiny = 0x1p-149;                 // what a subnormal result may lose

// Elements in logical row-major order ([N][C][H][W], [OC][IC/groups][KH][KW] or [C]).
struct Values {
  std::vector<double> value, deviation, shift;
  explicit Values(std::size_t size = 0) : value(size), deviation(size), shift(size) {}
  double error(std::size_t i) const { return kConfidence * deviation[i] + shift[i]; }
};

// Sums of products under construction, one an element.
class BoundedSums {
 public:
  explicit BoundedSums(std::int64_t size)
      : sums_(static_cast<std::size_t>(size)), squares_(sums_.value.size()), terms_(sums_.value.size()) {}

  // Adds a[j] b[k] to sum i.
  void add(std::int64_t i, const Values& a, std::int64_t j, const Values& b, std::int64_t k) {
    add(at(i), a.value[at(j)], a.deviation[at(j)], a.shift[at(j)], b.value[at(k)], b.deviation[at(k)],
        b.shift[at(k)]);
  }
  // Adds a[j] times a factor that is exact but for its rounding to FP32, if `rounded`.
  void add(std::int64_t i, const Values& a, std::int64_t j, double factor, bool rounded = false) {
    add(at(i), a.value[at(j)], a.deviation[at(j)], a.shift[at(j)], factor,
        rounded ? kUnit * std::fabs(factor) : 0, 0);
  }
  // Leaves open whether FP32 adds a[j] to sum i.
  void add_open(std::int64_t i, const Values& a, std::int64_t j) {
    sums_.shift[at(i)] += std::fabs(a.value[at(j)]) + a.error(at(j));
  }

  // The sums; each has seen one rounding a term and one more.
  Values finish() const {
    Values result = sums_;
    for (std::size_t i = 0; i < result.value.size(); ++i) {
      const double mean_square = result.value[i] * result.value[i] + squares_[i];
      const double roundings = static_cast<double>(terms_[i] + 1);
      // `deviation` of an unfinished sum is still a square.
      result.deviation[i] = std::sqrt(result.deviation[i] + roundings * kUnitSquare * mean_square);
      if (mean_square > 0) result.deviation[i] += roundings * kTiny;
    }
    return result;
  }

 private:
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
  void add(std::size_t i, double a, double a_deviation, double a_shift, double b, double b_deviation,
           double b_shift) {
    const double product = a * b;
    sums_.value[i] += product;
    squares_[i] += product * product;
    const double from_a = std::fabs(b) + b_shift, from_b = std::fabs(a) + a_shift;
    sums_.deviation[i] +=
        from_a * from_a * a_deviation * a_deviation + from_b * from_b * b_deviation * b_deviation;
    sums_.shift[i] += std::fabs(a) * b_shift + std::fabs(b) * a_shift + a_shift * b_shift;
    ++terms_[i];
  }

  Values sums_;
  std::vector<double> squares_;
  std::vector<std::int64_t> terms_;
};

}  // namespace anzan::reference
