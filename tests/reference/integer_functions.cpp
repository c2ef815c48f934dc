// Layers that make a value of one value, or of those near it: curves, ReLU, dropout, LRN.
#include "tests/reference/integer_functions.hpp"

#include <algorithm>
#include <cmath>

#include "tests/reference/curves.hpp"

namespace anzan::reference {

using compiler::Layer;

namespace {

// Sums a b over the channels of each element from `before` before its own to `after` after it.
std::vector<float> near_sums(const IntegerState::TensorShape& shape, const std::vector<float>& a,
                             const std::vector<float>& b, std::int64_t before, std::int64_t after) {
  const std::int64_t pixels = shape[2] * shape[3];
  std::vector<float> sums;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(a.size()); ++i) {
    const std::int64_t own = i / pixels % shape[1];
    Fold fold;
    for (std::int64_t c = std::max<std::int64_t>(0, own - before); c < std::min(shape[1], own + after + 1);
         ++c) {
      const std::size_t k = at(i + (c - own) * pixels);
      fold.add(a[k] * b[k]);
    }
    sums.push_back(fold.sum());
  }
  return sums;
}

// k + alpha / size times the sum of squares.
std::vector<float> lrn_sums(const Layer& l, const IntegerState::TensorShape& shape,
                            const std::vector<float>& x) {
  std::vector<float> sums = near_sums(shape, x, x, (l.size - 1) / 2, l.size / 2);
  const auto factor = static_cast<float>(l.alpha / static_cast<double>(l.size)), k = static_cast<float>(l.k);
  for (float& s : sums) s = std::fma(s, factor, k);
  return sums;
}

// What a dropout makes of values.
std::vector<float> dropped(const IntegerState& s, const Layer& l, const StoredTensor& through) {
  const std::vector<double> factors = dropout_mask(s, l, through.size());
  std::vector<float> values = through.reals();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = factors[i] == 0 ? 0.0F : values[i] * static_cast<float>(factors[i]);
  return values;
}

}  // namespace

void relu_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  StoredTensor y = s.tensor(s.graph.activation(l.inputs.at(0)));
  for (std::size_t i = 0; i < y.stored.size(); ++i) {
    if (!(y.real(static_cast<std::int64_t>(i)) > 0)) y.stored[i] = 0;
  }
  s.tensors.insert_or_assign(node.activation(), std::move(y));
}

// Through a lone ReLU: dy, or +0 where the ReLU's output is not above zero. Quantised if the
// target has a format, otherwise the target shares that of dy.
void relu_backward(IntegerState& s, const Layer& l, const StoredTensor& dy, const std::string& name) {
  StoredTensor selected = dy;
  const StoredTensor& y = s.tensor(l.name + ".activation");
  for (std::size_t i = 0; i < selected.stored.size(); ++i) {
    if (!(y.real(static_cast<std::int64_t>(i)) > 0)) selected.stored[i] = 0;
  }
  if (s.formats.count(name) == 0) {
    s.tensors.insert_or_assign(name, std::move(selected));
    return;
  }
  s.write_values(name, dy.shape, selected.reals());
}

void curve_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  std::vector<float> values = s.tensor(s.graph.activation(l.inputs.at(0))).reals();
  for (float& value : values) value = curve_fp32(l, value);
  s.write_values(node.activation(), s.graph.image_shape(node.shape), values);
}

void curve_backward(IntegerState& s, const Layer& l, const StoredTensor& dy, const std::string& name) {
  const std::vector<float> x = s.tensor(s.graph.activation(l.inputs.at(0))).reals(),
                           y = s.tensor(l.name + ".activation").reals();
  std::vector<float> values = dy.reals();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = curve_gradient_fp32(l, values[i], x[i], y[i]);
  s.write_values(name, dy.shape, values);
}

std::vector<double> dropout_mask(const IntegerState& s, const Layer& l, std::int64_t size) {
  const std::uint32_t slot = s.formats.at(l.name + ".mask").slot;
  const auto rate = static_cast<float>(l.rate);
  const auto factor = static_cast<float>(1 / (1 - l.rate));
  std::vector<double> factors;
  if (!s.training) return std::vector<double>(at(size), 1);
  for (std::int64_t i = 0; i < size; ++i) {
    const std::uint32_t word =
        random_word(s.settings.seed, s.settings.step, slot, static_cast<std::uint32_t>(i));
    factors.push_back(std::ldexp(static_cast<float>(word >> 8), -24) < rate ? 0 : factor);
  }
  return factors;
}

void dropout_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  s.write_values(node.activation(), s.graph.image_shape(node.shape),
                 dropped(s, l, s.tensor(s.graph.activation(l.inputs.at(0)))));
}

void dropout_backward(IntegerState& s, const Layer& l, const StoredTensor& dy, const std::string& name) {
  s.write_values(name, dy.shape, dropped(s, l, dy));
}

void lrn_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  std::vector<float> x = s.tensor(s.graph.activation(l.inputs.at(0))).reals();
  const IntegerState::TensorShape shape = s.graph.image_shape(node.shape);
  const std::vector<float> sums = lrn_sums(l, shape, x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= power_fp32(sums[i], static_cast<float>(-l.beta));
  s.write_values(node.activation(), shape, x);
}

void lrn_backward(IntegerState& s, const Layer& l, const StoredTensor& dy, const std::string& name) {
  const std::vector<float> x = s.tensor(s.graph.activation(l.inputs.at(0))).reals(), g = dy.reals(),
                           sums = lrn_sums(l, dy.shape, x);
  std::vector<float> terms = x, result = g;
  for (std::size_t i = 0; i < x.size(); ++i) {
    terms[i] = power_fp32(sums[i], static_cast<float>(-l.beta - 1)) * x[i];
    result[i] *= power_fp32(sums[i], static_cast<float>(-l.beta));
  }
  const std::vector<float> met = near_sums(dy.shape, g, terms, l.size / 2, (l.size - 1) / 2);
  const auto factor = static_cast<float>(2 * l.alpha * l.beta / static_cast<double>(l.size));
  for (std::size_t i = 0; i < x.size(); ++i) result[i] = std::fma(-(x[i] * met[i]), factor, result[i]);
  s.write_values(name, dy.shape, result);
}

}  // namespace anzan::reference
