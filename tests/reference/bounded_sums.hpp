// Arrays of double-precision sums of products, each with a bound on the error of the same sum in FP32.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace anzan::reference {

// Elements in logical row-major order ([N][C][H][W], [OC][IC/groups][KH][KW] or [C]) with error bounds.
struct Values {
  std::vector<double> value, error;
  explicit Values(std::size_t size = 0) : value(size), error(size) {}
};

// gamma(K) = K u / (1 - K u), u = 2^-24: the relative error that K roundings may add up to.
inline double rounding_growth(std::int64_t roundings);

// Sums of products under construction, one an element: value, sum of magnitudes, carried error.
class BoundedSums {
 public:
  static constexpr double kUnit = 0x1p-24;       // unit roundoff of FP32
  static constexpr double kTiny = 0x1p-149;      // what a subnormal result may lose
  static constexpr double kSlack = 1 + 0x1p-20;  // second-order terms, and the rounding of the bounds

  explicit BoundedSums(std::int64_t size)
      : value_(static_cast<std::size_t>(size)),
        magnitude_(static_cast<std::size_t>(size)),
        error_(static_cast<std::size_t>(size)),
        terms_(static_cast<std::size_t>(size)) {}
  void add(std::int64_t i, double a, double a_error, double b, double b_error) {
    value_[at(i)] += a * b;
    magnitude_[at(i)] += (std::fabs(a) + a_error) * (std::fabs(b) + b_error);
    error_[at(i)] += std::fabs(a) * b_error + std::fabs(b) * a_error + a_error * b_error;
    ++terms_[at(i)];
  }
  void add_error(std::int64_t i, double error) { error_[at(i)] += error; }
  // extra: roundings besides those of the sum.
  Values finish(std::int64_t extra = 1) const {
    Values result(value_.size());
    for (std::size_t i = 0; i < value_.size(); ++i) {
      result.value[i] = value_[i];
      const double underflow = magnitude_[i] == 0 ? 0 : kTiny * static_cast<double>(terms_[i] + extra);
      result.error[i] = (error_[i] + rounding_growth(terms_[i] + extra) * magnitude_[i]) * kSlack + underflow;
    }
    return result;
  }

 private:
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
  std::vector<double> value_, magnitude_, error_;
  std::vector<std::int64_t> terms_;
};

inline double rounding_growth(std::int64_t roundings) {
  const double k = static_cast<double>(roundings) * BoundedSums::kUnit;
  return k / (1 - k);
}

}  // namespace anzan::reference
