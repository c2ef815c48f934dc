// Layers that slide windows over pixels: convolutions, fully connected ones, maxima, averages.
#include "tests/reference/integer_windows.hpp"

#include <optional>

#include "tests/reference/contraction.hpp"

namespace anzan::reference {

using compiler::Layer;

namespace {

float average_share(const Geometry& g, std::int64_t oy, std::int64_t ox) {
  return static_cast<float>(1.0 / static_cast<double>(average_divisor(g, oy, ox)));
}

}  // namespace

void weighted_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  const Geometry g = s.graph.geometry(l);
  const Factors factors(s.tensor(s.graph.activation(l.inputs.at(0))), s.tensor(l.name + ".weight"));
  const std::vector<float> bias = l.bias ? s.tensor(l.name + ".bias").reals() : std::vector<float>();
  const std::string name = node.activation();
  s.write(name, s.graph.image_shape(node.shape),
          [&](std::int64_t, std::int64_t n, std::int64_t oc, std::int64_t oy, std::int64_t ox) {
            const std::optional<float> start = l.bias ? std::optional<float>(bias[at(oc)]) : std::nullopt;
            const long double sum =
                contract(factors, start, [&](const auto& visit) { visit_forward(g, n, oc, oy, ox, visit); });
            return node.fused_relu ? positive_part(sum) : sum;
          });
}

void parameter_gradients(IntegerState& s, const Layer& l, const StoredTensor& dy) {
  const Geometry g = s.graph.geometry(l);
  const StoredTensor& x = s.tensor(s.graph.activation(l.inputs.at(0)));
  const Factors factors(dy, x);
  const std::string weight = l.name + ".weight_gradient", bias = l.name + ".bias_gradient";
  // beside a bias of up to 2^46
  const SumPieces pieces(g, s.settings.lanes, std::int64_t{1} << (48 - dy.format.width - x.format.width));
  s.write(weight, s.graph.parameter_shape(l, false),
          [&](std::int64_t, std::int64_t oc, std::int64_t ic, std::int64_t ky, std::int64_t kx) {
            return contract_pieces(factors, pieces, [&](const auto& visit, const auto& begin) {
              visit_backward_weight(g, s.settings.lanes, {oc, ic, ky, kx}, visit, begin);
            });
          });
  if (!l.bias) return;
  StoredTensor one{dy.format, 0, {1, 1, 1, 1}, {dy.integer() ? 1 : bits_of(1.0F)}};
  const Factors sums(dy, one);
  s.write(bias, s.graph.parameter_shape(l, true),
          [&](std::int64_t, std::int64_t oc, std::int64_t, std::int64_t, std::int64_t) {
            return contract_pieces(sums, pieces, [&](const auto& visit, const auto& begin) {
              visit_backward_bias(g, s.settings.lanes, oc, visit, begin);
            });
          });
}

void data_gradient(IntegerState& s, const Layer& l, const StoredTensor& dy, const IntegerState::Node& target,
                   const std::string& name) {
  const Geometry g = s.graph.geometry(l);
  const Factors factors(dy, s.tensor(l.name + ".weight"));
  s.write(name, s.graph.image_shape(target.shape),
          [&](std::int64_t, std::int64_t n, std::int64_t ic, std::int64_t y, std::int64_t x) {
            return contract(factors, std::nullopt,
                            [&](const auto& visit) { visit_backward_data(g, n, ic, y, x, visit); });
          });
}

void max_pool_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  const Geometry g = s.graph.geometry(l);
  const StoredTensor& x = s.tensor(s.graph.activation(l.inputs.at(0)));
  const std::vector<float> values = x.reals();
  StoredTensor y{x.format, x.q, s.graph.image_shape(node.shape), {}};
  std::vector<std::int64_t>& chosen = s.chosen[l.name];
  chosen.clear();
  visit_elements(y.shape, [&](std::int64_t n, std::int64_t c, std::int64_t oy, std::int64_t ox) {
    std::int64_t best = -1;
    visit_window(g, oy, ox, [&](std::int64_t, std::int64_t, std::int64_t row, std::int64_t column) {
      const std::int64_t i = g.input(n, c, row, column);
      if (best < 0 || values[at(i)] > values[at(best)]) best = i;
    });
    chosen.push_back(best);
    y.stored.push_back(x.stored[at(best)]);
  });
  s.tensors.insert_or_assign(node.activation(), std::move(y));
}

void max_pool_backward(IntegerState& s, const Layer& l, const StoredTensor& dy,
                       const IntegerState::Node& target, const std::string& name) {
  const Geometry g = s.graph.geometry(l);
  const std::vector<float> gradient = dy.reals();
  const std::vector<std::int64_t>& chosen = s.chosen.at(l.name);
  s.write(name, s.graph.image_shape(target.shape),
          [&](std::int64_t i, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
            Fold fold;
            visit_seeing_windows(g, y, x, [&](std::int64_t, std::int64_t, std::int64_t oy, std::int64_t ox) {
              const std::int64_t o = g.output(n, c, oy, ox);
              fold.add(chosen[at(o)] == i ? gradient[at(o)] : 0.0F);
            });
            return static_cast<long double>(fold.sum());
          });
}

void average_pool_forward(IntegerState& s, const Layer& l, const IntegerState::Node& node) {
  const Geometry g = s.graph.geometry(l);
  const std::vector<float> x = s.tensor(s.graph.activation(l.inputs.at(0))).reals();
  const std::string name = node.activation();
  s.write(name, s.graph.image_shape(node.shape),
          [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t oy, std::int64_t ox) {
            Fold fold;
            const float share = average_share(g, oy, ox);
            visit_window(g, oy, ox, [&](std::int64_t, std::int64_t, std::int64_t row, std::int64_t column) {
              fold.add(x[at(g.input(n, c, row, column))] * share);
            });
            return static_cast<long double>(fold.sum());
          });
}

void average_pool_backward(IntegerState& s, const Layer& l, const StoredTensor& dy,
                           const IntegerState::Node& target, const std::string& name) {
  const Geometry g = s.graph.geometry(l);
  const std::vector<float> gradient = dy.reals();
  s.write(name, s.graph.image_shape(target.shape),
          [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
            Fold fold;
            visit_seeing_windows(g, y, x, [&](std::int64_t, std::int64_t, std::int64_t oy, std::int64_t ox) {
              fold.add(gradient[at(g.output(n, c, oy, ox))] * average_share(g, oy, ox));
            });
            return static_cast<long double>(fold.sum());
          });
}

}  // namespace anzan::reference
