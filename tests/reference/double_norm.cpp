// Batch normalisation, channel by channel; the bounds are those of bounded_norm.hpp.
#include "tests/reference/double_norm.hpp"

#include "tests/reference/bounded_norm.hpp"

namespace anzan::reference {

using compiler::Layer;

namespace {

// One value of a vector.
void put(Bounded& to, Index at, double value, double deviation, double shift) {
  to.value(at) = value;
  to.deviation(at) = deviation;
  to.shift(at) = shift;
}

Bounded channel(const DoubleState& s, const Layer& l, const Bounded& x, Index c) {
  return x.each([&](const Array& a) {
    Array part(s.settings.batch, a.cols());
    for (Index n = 0; n < s.settings.batch; ++n) part.set_rows(n, a.row(n * l.out.channels + c));
    return part;
  });
}

void set_channel(const DoubleState& s, const Layer& l, Bounded& x, Index c, const Bounded& values) {
  for (Index n = 0; n < s.settings.batch; ++n) {
    const Index row = n * l.out.channels + c;
    x.value.set_rows(row, values.value.row(n));
    x.deviation.set_rows(row, values.deviation.row(n));
    x.shift.set_rows(row, values.shift.row(n));
  }
}

// average := (1 - momentum) average + momentum factor value
void average(DoubleState& s, const std::string& name, const Bounded& value, double momentum, double factor) {
  if (s.tensors.count(name) == 0) return;
  const Array before = (1 - momentum) * s.given(name, value.value.rows(), 1).value;
  const double share = momentum * factor;
  Bounded result = Bounded::exact(before + share * value.value);
  result.deviation = ((share * value.deviation).square() + (2 * kUnit * share * value.value).square() +
                      (kUnit * before).square() + (kUnit * result.value).square())
                         .sqrt() +
                     kTiny;
  result.shift = share * value.shift;
  s.record(name, result);
}

}  // namespace

Bounded batch_norm_forward(DoubleState& s, const Layer& l) {
  const Bounded weight = s.given(l.name + ".weight", l.out.channels, 1);
  const Bounded bias =
      l.bias ? s.given(l.name + ".bias", l.out.channels, 1) : Bounded::exact(0 * weight.value);
  Bounded y = Bounded::exact(0 * s.input(l).value), means = Bounded::exact(0 * weight.value),
          variances = means;
  const double m = static_cast<double>(s.settings.batch * pixels(l.out));
  for (Index c = 0; c < l.out.channels; ++c) {
    const Bounded x = channel(s, l, s.input(l), c);
    const ChannelMoments k = moments(x, l.epsilon);
    set_channel(s, l, y, c, normalised(k, weight.value(c), bias.value(c), x));
    put(means, c, k.mean, k.mean_deviation, k.mean_shift);
    put(variances, c, k.variance, k.variance_deviation, k.variance_shift);
  }
  average(s, l.name + ".running_mean", means, l.average_momentum, 1);
  average(s, l.name + ".running_variance", variances, l.average_momentum, m > 1 ? m / (m - 1) : 1);
  return y;
}

void batch_norm_backward(DoubleState& s, const Layer& l, const Bounded& whole_dy, BoundedSums& dx) {
  const Bounded weight = s.given(l.name + ".weight", l.out.channels, 1);
  Bounded result = Bounded::exact(0 * whole_dy.value), dw = Bounded::exact(0 * weight.value), db = dw;
  for (Index c = 0; c < l.out.channels; ++c) {
    const Bounded x = channel(s, l, s.input(l), c), dy = channel(s, l, whole_dy, c);
    const ChannelMoments k = moments(x, l.epsilon);
    const NormGradient r = weight_gradient(k, x, dy);
    put(dw, c, r.g, r.g_deviation, r.g_shift);
    put(db, c, r.sum, r.sum_deviation, r.sum_shift);
    set_channel(s, l, result, c, data_gradient(k, r, weight.value(c), x, dy));
  }
  s.train(l, false, dw);
  if (l.bias) s.train(l, true, db);
  dx.add(selected(result, result.present));
}

}  // namespace anzan::reference
