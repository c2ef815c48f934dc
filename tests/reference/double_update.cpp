// What the gradients do to the parameters: clipping, SGD, Adam and AdamW.
#include "tests/reference/double_update.hpp"

#include <algorithm>
#include <cmath>

namespace anzan::reference {

using compiler::Layer;

namespace {

std::string moment_name(const Layer& l, bool is_bias, const std::string& what) {
  return l.name + (is_bias ? ".bias_" : ".") + what;
}

double gradient_norm(const DoubleState& s) {
  double sum = 0;
  for (const DoubleState::Gradient& g : s.parameter_gradients) sum += g.value.value.square().sum();
  return std::sqrt(sum);
}

// No longer than it may be. The norm moves by g dg / norm for each element, and by the roundings of its sum.
Bounded clipped(const DoubleState& s, const Bounded& g, double norm) {
  const double most = s.settings.clip_norm;
  if (most == 0) return g;
  double variance = 0, shift = 0;
  for (const DoubleState::Gradient& other : s.parameter_gradients) {
    const Bounded& x = other.value;
    variance += (x.value * x.deviation).square().sum() + (kUnit * x.value.square()).square().sum();
    shift += (x.value.abs() * x.shift + x.error().square()).sum();
  }
  const double safe = std::max(norm, 1e-30), factor = std::min(1.0, most / safe);
  const bool clips = norm + 1e-3 * norm > most;  // else nothing is rounded
  const double deviation = clips ? factor * (std::sqrt(variance) / (safe * safe) + 16 * kUnit) : 0,
               moved = clips ? factor * shift / (safe * safe) : 0;
  Bounded result = g;
  result.value = factor * g.value;
  result.deviation =
      ((factor * g.deviation).square() + (deviation * g.value).square() + (kUnit * result.value).square())
          .sqrt() +
      kTiny;
  result.shift = factor * g.shift + moved * (g.value.abs() + g.shift);
  return result;
}

Bounded moment(const DoubleState& s, const Layer& l, bool is_bias, const std::string& what,
               const Bounded& like) {
  const std::string name = moment_name(l, is_bias, what);
  if (s.tensors.count(name) == 0) return Bounded::exact(0 * like.value);
  return s.given(name, like.value.rows(), like.value.cols());
}

// Decay and rate have the multipliers of the layer.
double decay(const DoubleState& s, const Layer& l, bool is_bias) {
  return s.settings.weight_decay * (is_bias ? l.bias_decay : l.weight_decay);
}
double rate(const DoubleState& s, const Layer& l, bool is_bias) {
  return s.settings.learning_rate * (is_bias ? l.bias_lr : l.weight_lr);
}

// g + factor w
Bounded decayed(const Bounded& g, const Bounded& w, double factor) {
  Bounded t = g;
  const Array part = factor * w.value;
  t.value += part;
  t.deviation = (g.deviation.square() + (kUnit * part).square() + (kUnit * t.value).square()).sqrt();
  return t;
}

// What is taken from the parameter w.
Bounded sgd(DoubleState& s, const Layer& l, bool is_bias, const Bounded& g, const Bounded& w) {
  const double eta = rate(s, l, is_bias), mu = s.settings.momentum;
  const Bounded t = decayed(g, w, decay(s, l, is_bias));
  Bounded v = moment(s, l, is_bias, "momentum", g);
  const Array scaled = eta * t.value, old = mu * v.value,
              scaled_variance = (eta * t.deviation).square() + (2 * kUnit * scaled).square();
  v.value = old + scaled;
  v.deviation = (scaled_variance + (kUnit * old).square() + (kUnit * v.value).square()).sqrt() + kTiny;
  v.shift = std::fabs(eta) * g.shift;
  s.record(moment_name(l, is_bias, "momentum"), v);
  if (!s.settings.nesterov) return v;
  Bounded change = v;
  const Array by_momentum = mu * v.value;
  change.value = by_momentum + scaled;
  // both terms have the error of the gradient
  change.deviation = ((mu * v.deviation + scaled_variance.sqrt()).square() + (kUnit * by_momentum).square() +
                      (kUnit * change.value).square())
                         .sqrt() +
                     kTiny;
  change.shift = (1 + mu) * v.shift;
  return change;
}

// beta old + (1 - beta) x
Bounded averaged(const Bounded& old, const Bounded& x, double beta) {
  Bounded result = Bounded::exact(beta * old.value + (1 - beta) * x.value);
  result.deviation = (((1 - beta) * x.deviation).square() + (2 * kUnit * (1 - beta) * x.value).square() +
                      (kUnit * beta * old.value).square() + (kUnit * result.value).square())
                         .sqrt() +
                     kTiny;
  result.shift = (1 - beta) * x.shift;
  return result;
}

// The root of s: where its error is small beside s, by the slope there; else anything up to the root of the
// largest that it may be.
Bounded root(const Bounded& s) {
  Bounded result = Bounded::exact(s.value.sqrt());
  const Array safe = result.value.max(0x1p-100), close = s.error() < s.value / 2, slope = close * 0.71 / safe;
  result.deviation = ((slope * s.deviation).square() + (4 * kUnit * result.value).square()).sqrt();
  result.shift = slope * s.shift + (1 - close) * (s.value + s.error()).sqrt() + 0x1p-50;
  return result;
}

Bounded adam(DoubleState& s, const Layer& l, bool is_bias, const Bounded& g, const Bounded& w) {
  const bool apart = s.settings.optimizer == compiler::OptimizerKind::kAdamW;
  const Bounded h = apart ? g : decayed(g, w, decay(s, l, is_bias));
  Bounded square = Bounded::exact(h.value.square());
  square.deviation = ((2 * h.value * h.deviation).square() + (kUnit * square.value).square()).sqrt();
  square.shift = 2 * h.value.abs() * h.shift + h.error().square();
  const Bounded m = averaged(moment(s, l, is_bias, "first_moment", g), h, s.settings.beta1),
                squares = averaged(moment(s, l, is_bias, "second_moment", g), square, s.settings.beta2),
                r = root(squares);
  s.record(moment_name(l, is_bias, "first_moment"), m);
  s.record(moment_name(l, is_bias, "second_moment"), squares);
  const double c1 = 1 - std::pow(s.settings.beta1, s.settings.t),
               c2 = 1 / std::sqrt(1 - std::pow(s.settings.beta2, s.settings.t)), eta = rate(s, l, is_bias);
  const Array d = c2 * r.value + s.settings.epsilon,
              d_deviation = ((c2 * r.deviation).square() + (3 * kUnit * d).square()).sqrt(),
              d_shift = c2 * r.shift,
              least = (d - kConfidence * d_deviation - d_shift).max(s.settings.epsilon * (1 - 4 * kUnit));
  // m / d, whose error is at most dm / least + m dd / (d least)
  Bounded change = Bounded::exact(eta / c1 * m.value / d);
  change.deviation = eta / c1 * (m.deviation + m.value.abs() * d_deviation / d) / least +
                     8 * kUnit * change.value.abs() + kTiny;
  change.shift = eta / c1 * (m.shift + m.value.abs() * d_shift / d) / least;
  return apart ? decayed(change, w, eta * decay(s, l, is_bias)) : change;
}

// Records the parameter and its moments after the update.
void update(DoubleState& s, const Layer& l, bool is_bias, const Bounded& g) {
  const std::string name = l.name + (is_bias ? ".bias" : ".weight");
  Bounded w = s.given(name, g.value.rows(), g.value.cols());
  const Bounded change = s.settings.optimizer == compiler::OptimizerKind::kSgd ? sgd(s, l, is_bias, g, w)
                                                                               : adam(s, l, is_bias, g, w);
  w.value = w.value - change.value;
  w.deviation = (change.deviation.square() + (kUnit * w.value).square()).sqrt() + kTiny;
  w.shift = change.shift;
  s.record(name, w);
}

}  // namespace

void update_parameters(DoubleState& s) {
  const double norm = gradient_norm(s);
  for (const DoubleState::Gradient& g : s.parameter_gradients)
    update(s, *g.layer, g.is_bias, clipped(s, g.value, norm));
}

}  // namespace anzan::reference
