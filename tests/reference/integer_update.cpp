// The update: the length of all gradients, SGD, Adam and AdamW.
#include "tests/reference/integer_update.hpp"

#include <array>
#include <cmath>

#include "tests/reference/integer_norm.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

// 1 / x, x > 0: a first guess from the bits, then y += y (1 - x y) as y (2 - x y), three times.
float reciprocal(float x) {
  float y = float_of(0x7ef311c7 - bits_of(x));
  for (int step = 0; step < 3; ++step) y = y * std::fma(-y, x, 2.0F);
  return y;
}

// The squares of a tensor's gradient, to those so far in each lane.
void add_squares(const IntegerState& s, const Layer& l, bool is_bias, std::vector<float>& so_far) {
  const StoredTensor& gradient = s.tensor(IntegerGraph::parameter_name(l, is_bias, "gradient"));
  const Geometry g = s.graph.geometry(l);
  const bool vector = is_bias || l.kind == LayerKind::kBatchNorm;
  const std::int64_t outputs = gradient.shape[0] / l.groups, inputs = gradient.shape[1],
                     pixels = gradient.shape[2] * gradient.shape[3];
  // by group, block, tap; then by lane
  std::map<std::array<std::int64_t, 3>, std::map<std::int64_t, Fold>> sums;
  for (std::int64_t group = 0; group < l.groups; ++group) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t i = 0; i < inputs * pixels; ++i) {
        const std::int64_t channel = group * outputs + o;
        std::int64_t place = i / pixels + group * inputs % 4, tap = i % pixels;
        if (vector) {
          place = o + group * outputs % 4;
        } else if (g.gathered) {
          place = i;
          tap = 0;
        }
        const float value = gradient.real(channel * inputs * pixels + i);
        sums[{group, place / s.settings.lanes, tap}][place % s.settings.lanes].add(value * value);
      }
    }
  }
  std::vector<float> total(so_far.size());
  for (const auto& [where, by_lane] : sums)
    for (const auto& [lane, sum] : by_lane) total[at(lane)] += sum.sum();
  for (std::size_t lane = 0; lane < so_far.size(); ++lane) so_far[lane] += total[lane];
}

float scale_of_gradients(const IntegerState& s) {
  std::vector<float> lanes(at(s.settings.lanes));
  for (const Layer& l : s.network().layers) {
    if (!has(l, compiler::kHasWeights)) continue;
    add_squares(s, l, false, lanes);
    if (l.bias) add_squares(s, l, true, lanes);
  }
  Fold sum;
  for (const float lane : lanes) sum.add(lane);
  return std::fmin(inverse_root(std::fmax(sum.sum(), 0x1p-100F)) * static_cast<float>(s.settings.clip_norm),
                   1.0F);
}

double decay(const IntegerState& s, const Layer& l, bool is_bias) {
  return s.settings.weight_decay * (is_bias ? l.bias_decay : l.weight_decay);
}
double rate(const IntegerState& s, const Layer& l, bool is_bias) {
  return s.settings.learning_rate * (is_bias ? l.bias_lr : l.weight_lr);
}

std::vector<float> adam(IntegerState& s, const Layer& l, bool is_bias, const std::vector<float>& g,
                        const std::vector<float>& w) {
  const std::string first = IntegerGraph::parameter_name(l, is_bias, "first_moment"),
                    second = IntegerGraph::parameter_name(l, is_bias, "second_moment");
  const bool apart = s.settings.optimizer == compiler::OptimizerKind::kAdamW;
  const auto lambda = static_cast<float>(decay(s, l, is_bias));
  const double t = s.settings.step + 1.0, b1 = s.settings.beta1, b2 = s.settings.beta2;
  const auto eta = static_cast<float>(rate(s, l, is_bias) / (1 - std::pow(b1, t))),
             correction = static_cast<float>(1 / std::sqrt(1 - std::pow(b2, t))),
             taken = static_cast<float>(rate(s, l, is_bias) * decay(s, l, is_bias)),
             epsilon = static_cast<float>(s.settings.epsilon);
  std::vector<float> m = s.tensor(first).reals(), squares = s.tensor(second).reals(), change;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float h = lambda == 0.0F || apart ? g[i] : std::fma(w[i], lambda, g[i]);
    m[i] = std::fma(m[i], static_cast<float>(b1), h * static_cast<float>(1 - b1));
    squares[i] = std::fma(squares[i], static_cast<float>(b2), h * h * static_cast<float>(1 - b2));
    const float root = squares[i] * inverse_root(std::fmax(squares[i], 0x1p-100F));
    const float u = m[i] * reciprocal(std::fma(root, correction, epsilon)) * eta;
    change.push_back(apart && lambda != 0.0F ? std::fma(w[i], taken, u) : u);
  }
  const IntegerState::TensorShape shape = s.graph.parameter_shape(l, is_bias);
  s.write_values(first, shape, m);
  s.write_values(second, shape, squares);
  return change;
}

std::vector<float> sgd(IntegerState& s, const Layer& l, bool is_bias, const std::vector<float>& g,
                       const std::vector<float>& w) {
  const std::string velocity = IntegerGraph::parameter_name(l, is_bias, "momentum");
  const auto lambda = static_cast<float>(decay(s, l, is_bias)), eta = static_cast<float>(rate(s, l, is_bias)),
             momentum = static_cast<float>(s.settings.momentum);
  std::vector<float> v = s.tensor(velocity).reals(), change;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float decayed = lambda == 0.0F ? g[i] : std::fma(w[i], lambda, g[i]);
    const float scaled = decayed * eta;
    v[i] = std::fma(v[i], momentum, scaled);
    change.push_back(s.settings.nesterov ? std::fma(v[i], momentum, scaled) : v[i]);
  }
  s.write_values(velocity, s.graph.parameter_shape(l, is_bias), v);
  return change;
}

void update_parameter(IntegerState& s, const Layer& l, bool is_bias, float scale) {
  const auto name_of = [&](const char* role) { return IntegerGraph::parameter_name(l, is_bias, role); };
  const std::string own_master = name_of("master"), copy = name_of("");
  const bool separate = s.formats.count(own_master) != 0;
  const std::string master = separate ? own_master : copy;
  const IntegerState::TensorShape shape = s.graph.parameter_shape(l, is_bias);
  std::vector<float> w = s.tensor(master).reals();
  const bool sgd_rule = s.settings.optimizer == compiler::OptimizerKind::kSgd;
  std::vector<float> g = s.tensor(name_of("gradient")).reals();
  for (float& value : g) value *= scale;
  const std::vector<float> change = sgd_rule ? sgd(s, l, is_bias, g, w) : adam(s, l, is_bias, g, w);
  if (!sgd_rule || s.settings.nesterov) s.count(name_of("update"), change);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = w[i] - change[i];
  s.write_values(master, shape, w);
  if (separate) s.write_values(copy, shape, w);
}

}  // namespace

void update_parameters(IntegerState& s) {
  float scale = 1;
  if (s.settings.clip_norm > 0) scale = scale_of_gradients(s);
  for (const Layer& l : s.network().layers) {
    const bool norm = l.kind == LayerKind::kBatchNorm;
    if (!norm && l.kind != LayerKind::kConvolution && l.kind != LayerKind::kFullyConnected) continue;
    update_parameter(s, l, false, scale);
    if (l.bias) update_parameter(s, l, true, scale);
    if (norm) update_averages(s, l);
  }
}

}  // namespace anzan::reference
