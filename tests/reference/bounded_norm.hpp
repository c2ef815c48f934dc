// Batch normalisation of one channel in double precision, with bounds of what FP32 makes of it. `x` and `dy`
// have a row for every image and a column for every pixel.
#pragma once
#include <cmath>

#include "tests/reference/bounded_sums.hpp"

namespace anzan::reference {

// Means and variances of channels, as FP32 finds them.
//   The mean moves with the mean of the errors of x, and by the roundings of a sum of m terms and a product.
//   The variance moves with (2/m) sum d dx, d = x - mean (and by the square of a shift), by the roundings of
//   the two sums, which are relative to the mean square and not to the variance, and by those of the mean.
// Whatever the sum, FP32 has no variance below zero; so `most` is the largest 1 / deviation that it can find,
// and ratio = most^2 / 2 times an error of the variance bounds the relative error of 1 / deviation.
struct ChannelMoments {
  Array d;  // x - mean
  double mean = 0, mean_square = 0, variance = 0, inverse = 0, most = 0;
  double mean_rounding = 0, mean_shift = 0;  // deviation by rounding alone; shift
  double mean_deviation = 0, variance_deviation = 0, variance_shift = 0;
  double ratio_deviation() const { return std::hypot(most * most / 2 * variance_deviation, 4 * kUnit); }
  double ratio_shift() const { return most * most / 2 * variance_shift; }
};

ChannelMoments moments(const Bounded& x, double epsilon);

// The output.
Bounded normalised(const ChannelMoments& k, double weight, double bias, const Bounded& x);

// Back: g, the gradient of the weight, and the sum of dy.
struct NormGradient {
  double g = 0, g_deviation = 0, g_shift = 0, sum = 0, sum_deviation = 0, sum_shift = 0;
  Array d_size;  // |x - mean|, as FP32 may find it
};

NormGradient weight_gradient(const ChannelMoments& k, const Bounded& x, const Bounded& dy);
// And that of the input.
Bounded data_gradient(const ChannelMoments& k, const NormGradient& r, double weight, const Bounded& x,
                      const Bounded& dy);

}  // namespace anzan::reference
