// Layers of several inputs: sums, products, and channels side by side.
#include "tests/reference/integer_joins.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

// The tensor's values; if it has one pixel, that one for each pixel of `shape`.
std::vector<float> over_pixels(const IntegerState& s, int layer, const IntegerState::TensorShape& shape) {
  const StoredTensor& t = s.tensor(s.graph.activation(layer));
  const std::int64_t pixels = shape[2] * shape[3], own = t.shape[2] * t.shape[3];
  std::vector<float> values;
  for (std::int64_t i = 0; i < shape[0] * shape[1] * pixels; ++i)
    values.push_back(t.real(own == pixels ? i : i / pixels));
  return values;
}

}  // namespace

void combine_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  const IntegerState::TensorShape shape = s.graph.image_shape(node.shape);
  std::vector<float> result = over_pixels(s, l.inputs.at(0), shape);
  for (std::size_t k = 1; k < l.inputs.size(); ++k) {
    const std::vector<float> next = over_pixels(s, l.inputs[k], shape);
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = l.kind == LayerKind::kAdd ? result[i] + next[i] : result[i] * next[i];
  }
  const std::string name = node.activation();
  s.write(name, shape, [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
    return node.fused_relu ? positive_part(result[at(i)]) : static_cast<long double>(result[at(i)]);
  });
}

void combine_backward(IntegerState& s, const Layer& l, const StoredTensor& dy, int input,
                      const std::string& name) {
  std::vector<float> terms = dy.reals();
  if (l.kind == LayerKind::kMultiply) {
    const std::vector<float> other = over_pixels(s, l.inputs[input == l.inputs[0] ? 1 : 0], dy.shape);
    for (std::size_t i = 0; i < terms.size(); ++i) terms[i] *= other[i];
  }
  const IntegerState::TensorShape shape = s.graph.image_shape(s.graph.node(input).shape);
  const std::int64_t pixels = dy.shape[2] * dy.shape[3] / (shape[2] * shape[3]);
  std::vector<float> sums;
  for (std::int64_t i = 0; i < dy.size(); i += pixels) {
    Fold fold;
    for (std::int64_t k = 0; k < pixels; ++k) fold.add(terms[at(i + k)]);
    sums.push_back(fold.sum());
  }
  s.write_values(name, shape, sums);
}

void concat_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  s.write(node.activation(), s.graph.image_shape(node.shape),
          [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
            std::size_t source = 0;
            while (c >= s.graph.node(l.inputs.at(source)).shape.channels)
              c -= s.graph.node(l.inputs.at(source++)).shape.channels;
            const StoredTensor& from = s.tensor(s.graph.activation(l.inputs[source]));
            const float value = from.real(((n * from.shape[1] + c) * from.shape[2] + y) * from.shape[3] + x);
            return node.fused_relu ? positive_part(value) : static_cast<long double>(value);
          });
}

void concat_backward(IntegerState& s, const Layer& l, const StoredTensor& dy,
                     const IntegerState::Node& target, const std::string& name) {
  std::int64_t first = 0;  // of the target's channels in dy
  for (const int input : l.inputs) {
    if (&s.graph.node(input) == &target) break;
    first += s.graph.node(input).shape.channels;
  }
  s.write(name, s.graph.image_shape(target.shape),
          [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
            return static_cast<long double>(
                dy.real(((n * dy.shape[1] + first + c) * dy.shape[2] + y) * dy.shape[3] + x));
          });
}

}  // namespace anzan::reference
