// Forward, backward and update of IntegerNetwork, as its header defines them.
#include "tests/reference/integer_network.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/reference/contraction.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

long double positive_part(long double value) { return value > 0 ? value : 0.0L; }

// Calls visit(n, c, y, x) for the elements of a tensor in logical order.
template <class Visit>
void visit_elements(const std::array<std::int64_t, 4>& shape, const Visit& visit) {
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t c = 0; c < shape[1]; ++c)
      for (std::int64_t y = 0; y < shape[2]; ++y)
        for (std::int64_t x = 0; x < shape[3]; ++x) visit(n, c, y, x);
}

// A fold by FP32 addition that starts with its first term; +0 without terms.
class Fold {
 public:
  void add(float term) {
    sum_ = started_ ? sum_ + term : term;
    started_ = true;
  }
  float sum() const { return sum_; }

 private:
  float sum_ = 0;
  bool started_ = false;
};

}  // namespace

template <class Value>
void IntegerNetwork::write(const std::string& name, StoredTensor tensor, const Value& value) {
  Statistics& statistics = statistics_[name];
  std::int64_t i = 0;
  visit_elements(tensor.shape, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
    writer_.store(tensor, i, value(i, n, c, y, x), &statistics);
    ++i;
  });
  tensors_.insert_or_assign(name, std::move(tensor));
}

void IntegerNetwork::forward() {
  statistics_.clear();
  for (std::size_t number = 0; number < network_.layers.size(); ++number) {
    const Layer& l = network_.layers[number];
    const Node& node = nodes_[node_of_layer_[number]];
    if (node.layer != static_cast<int>(number)) continue;  // a view, or a fused ReLU
    switch (l.kind) {
      case LayerKind::kConvolution:
      case LayerKind::kFullyConnected:
        weighted_forward(l, node);
        break;
      case LayerKind::kMaxPool:
        max_pool_forward(l, node);
        break;
      case LayerKind::kAveragePool:
        average_pool_forward(l, node);
        break;
      case LayerKind::kAdd:
        add_forward(l, node);
        break;
      case LayerKind::kRelu:
        relu_forward(l, node);
        break;
      case LayerKind::kFlatten:
      case LayerKind::kSoftmaxCrossEntropy:
        break;
    }
  }
}

void IntegerNetwork::weighted_forward(const Layer& l, const Node& node) {
  const Geometry g = geometry(l);
  const Factors factors(tensor(activation(l.inputs.at(0))), tensor(l.name + ".weight"));
  const std::vector<float> bias = l.bias ? tensor(l.name + ".bias").reals() : std::vector<float>();
  const std::string name = activation_name(node);
  write(name, create(name, image_shape(node.shape)),
        [&](std::int64_t, std::int64_t n, std::int64_t oc, std::int64_t oy, std::int64_t ox) {
          const std::optional<float> start = l.bias ? std::optional<float>(bias[at(oc)]) : std::nullopt;
          const long double sum =
              contract(factors, start, [&](const auto& visit) { visit_forward(g, n, oc, oy, ox, visit); });
          return node.fused_relu ? positive_part(sum) : sum;
        });
}

void IntegerNetwork::max_pool_forward(const Layer& l, const Node& node) {
  const Geometry g = geometry(l);
  const StoredTensor& x = tensor(activation(l.inputs.at(0)));
  const std::vector<float> values = x.reals();
  StoredTensor y{x.format, x.q, image_shape(node.shape), {}};
  std::vector<std::int64_t>& chosen = chosen_[l.name];
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
  tensors_.insert_or_assign(activation_name(node), std::move(y));
}

void IntegerNetwork::average_pool_forward(const Layer& l, const Node& node) {
  const Geometry g = geometry(l);
  const std::vector<float> x = tensor(activation(l.inputs.at(0))).reals();
  const auto share = static_cast<float>(1.0 / static_cast<double>(l.kernel_h * l.kernel_w));
  const std::string name = activation_name(node);
  write(name, create(name, image_shape(node.shape)),
        [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t oy, std::int64_t ox) {
          Fold fold;
          visit_window(g, oy, ox, [&](std::int64_t, std::int64_t, std::int64_t row, std::int64_t column) {
            fold.add(x[at(g.input(n, c, row, column))] * share);
          });
          return static_cast<long double>(fold.sum());
        });
}

void IntegerNetwork::add_forward(const Layer& l, const Node& node) {
  const std::vector<float> a = tensor(activation(l.inputs.at(0))).reals();
  const std::vector<float> b = tensor(activation(l.inputs.at(1))).reals();
  const std::string name = activation_name(node);
  write(name, create(name, image_shape(node.shape)),
        [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
          const float sum = a[at(i)] + b[at(i)];
          return node.fused_relu ? positive_part(sum) : static_cast<long double>(sum);
        });
}

void IntegerNetwork::relu_forward(const Layer& l, const Node& node) {
  StoredTensor y = tensor(activation(l.inputs.at(0)));
  for (std::size_t i = 0; i < y.stored.size(); ++i) {
    if (!(y.real(static_cast<std::int64_t>(i)) > 0)) y.stored[i] = 0;
  }
  tensors_.insert_or_assign(activation_name(node), std::move(y));
}

std::vector<int> IntegerNetwork::prediction() const {
  const std::vector<float> logits = tensor(activation(network_.layers.back().inputs.at(0))).reals();
  const std::int64_t classes = network_.classes();
  std::vector<int> result;
  for (std::int64_t n = 0; n < settings_.batch; ++n) {
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < classes; ++c) {
      if (logits[at(n * classes + c)] > logits[at(n * classes + best)]) best = c;
    }
    result.push_back(static_cast<int>(best));
  }
  return result;
}

void IntegerNetwork::backward() {
  contributions_.clear();
  tensor(logit_gradient());  // must have been set
  ++contributions_[nodes_[node_of(network_.layers.back().inputs.at(0))].name];
  for (std::size_t back = 1; back < network_.layers.size(); ++back) {
    const std::size_t number = network_.layers.size() - 1 - back;
    const Layer& l = network_.layers[number];
    const Node& node = nodes_[node_of_layer_[number]];
    if (node.layer != static_cast<int>(number) || !node.needs_gradient) continue;
    finish_gradient(node);
    if (node.fused_relu) mask(node);
    const StoredTensor dy = tensor(gradient_name(node));
    if (l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected) parameter_gradients(l, dy);
    for (const int input : l.inputs) {
      const Node& target = nodes_[node_of(input)];
      if (!target.needs_gradient) continue;
      const std::string name = contribution_name(target, ++contributions_[target.name]);
      switch (l.kind) {
        case LayerKind::kConvolution:
        case LayerKind::kFullyConnected:
          data_gradient(l, dy, target, name);
          break;
        case LayerKind::kMaxPool:
          max_pool_backward(l, dy, target, name);
          break;
        case LayerKind::kAveragePool:
          average_pool_backward(l, dy, target, name);
          break;
        case LayerKind::kRelu:
        case LayerKind::kAdd:
          pass_gradient(l, dy, name);
          break;
        case LayerKind::kFlatten:
        case LayerKind::kSoftmaxCrossEntropy:
          break;
      }
    }
  }
}

// Adds the contributions, where there are several.
void IntegerNetwork::finish_gradient(const Node& node) {
  const std::size_t terms = node.consumers.size();
  if (terms == 1) return;
  if (contributions_[node.name] != terms)
    throw std::logic_error("reference: gradient of " + node.name + " incomplete");
  std::vector<float> sum = tensor(contribution_name(node, 1)).reals();
  for (std::size_t k = 2; k <= terms; ++k) {
    const std::vector<float> term = tensor(contribution_name(node, k)).reals();
    const std::string name = gradient_name(node) + (k < terms ? ".sum" + std::to_string(k) : "");
    write(name, create(name, image_shape(node.shape)),
          [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
            const float added = sum[at(i)] + term[at(i)];
            return static_cast<long double>(added);
          });
    sum = tensor(name).reals();
  }
}

void IntegerNetwork::mask(const Node& node) {
  const StoredTensor& y = tensor(activation_name(node));
  StoredTensor& gradient = tensors_.at(gradient_name(node));
  for (std::size_t i = 0; i < gradient.stored.size(); ++i) {
    if (!(y.real(static_cast<std::int64_t>(i)) > 0)) gradient.stored[i] = 0;
  }
}

void IntegerNetwork::parameter_gradients(const Layer& l, const StoredTensor& dy) {
  const Geometry g = geometry(l);
  const Factors factors(dy, tensor(activation(l.inputs.at(0))));
  const std::string weight = l.name + ".weight_gradient", bias = l.name + ".bias_gradient";
  write(weight, create(weight, parameter_shape(l, false)),
        [&](std::int64_t, std::int64_t oc, std::int64_t ic, std::int64_t ky, std::int64_t kx) {
          return contract(factors, std::nullopt, [&](const auto& visit) {
            visit_backward_weight(g, settings_.lanes, oc, ic, ky, kx, visit);
          });
        });
  if (!l.bias) return;
  StoredTensor one{dy.format, 0, {1, 1, 1, 1}, {dy.integer() ? 1 : bits_of(1.0F)}};
  const Factors sums(dy, one);
  write(bias, create(bias, parameter_shape(l, true)),
        [&](std::int64_t, std::int64_t oc, std::int64_t, std::int64_t, std::int64_t) {
          return contract(sums, std::nullopt,
                          [&](const auto& visit) { visit_backward_bias(g, settings_.lanes, oc, visit); });
        });
}

void IntegerNetwork::data_gradient(const Layer& l, const StoredTensor& dy, const Node& target,
                                   const std::string& name) {
  const Geometry g = geometry(l);
  const Factors factors(dy, tensor(l.name + ".weight"));
  write(name, create(name, image_shape(target.shape)),
        [&](std::int64_t, std::int64_t n, std::int64_t ic, std::int64_t y, std::int64_t x) {
          return contract(factors, std::nullopt,
                          [&](const auto& visit) { visit_backward_data(g, n, ic, y, x, visit); });
        });
}

void IntegerNetwork::max_pool_backward(const Layer& l, const StoredTensor& dy, const Node& target,
                                       const std::string& name) {
  const Geometry g = geometry(l);
  const std::vector<float> gradient = dy.reals();
  const std::vector<std::int64_t>& chosen = chosen_.at(l.name);
  write(name, create(name, image_shape(target.shape)),
        [&](std::int64_t i, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
          Fold fold;
          visit_seeing_windows(g, y, x, [&](std::int64_t, std::int64_t, std::int64_t oy, std::int64_t ox) {
            const std::int64_t o = g.output(n, c, oy, ox);
            fold.add(chosen[at(o)] == i ? gradient[at(o)] : 0.0F);
          });
          return static_cast<long double>(fold.sum());
        });
}

void IntegerNetwork::average_pool_backward(const Layer& l, const StoredTensor& dy, const Node& target,
                                           const std::string& name) {
  const Geometry g = geometry(l);
  const std::vector<float> gradient = dy.reals();
  const auto share = static_cast<float>(1.0 / static_cast<double>(l.kernel_h * l.kernel_w));
  write(name, create(name, image_shape(target.shape)),
        [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
          Fold fold;
          visit_seeing_windows(g, y, x, [&](std::int64_t, std::int64_t, std::int64_t oy, std::int64_t ox) {
            fold.add(gradient[at(g.output(n, c, oy, ox))] * share);
          });
          return static_cast<long double>(fold.sum());
        });
}

// Through a lone ReLU or an add: dy, or +0 where the ReLU's output is not above zero. Quantised if the
// target has a format, otherwise the target shares that of dy.
void IntegerNetwork::pass_gradient(const Layer& l, const StoredTensor& dy, const std::string& name) {
  StoredTensor selected = dy;
  if (l.kind == LayerKind::kRelu) {
    const StoredTensor& y = tensor(l.name + ".activation");
    for (std::size_t i = 0; i < selected.stored.size(); ++i) {
      if (!(y.real(static_cast<std::int64_t>(i)) > 0)) selected.stored[i] = 0;
    }
  }
  if (formats_.count(name) == 0) {
    tensors_.insert_or_assign(name, std::move(selected));
    return;
  }
  const std::vector<float> values = selected.reals();
  write(name, create(name, dy.shape),
        [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
          return static_cast<long double>(values[at(i)]);
        });
}

void IntegerNetwork::update() {
  for (const Layer& l : network_.layers) {
    if (l.kind != LayerKind::kConvolution && l.kind != LayerKind::kFullyConnected) continue;
    update_parameter(l, false);
    if (l.bias) update_parameter(l, true);
  }
}

void IntegerNetwork::update_parameter(const Layer& l, bool is_bias) {
  const std::string own_master = parameter_name(l, is_bias, "master"), copy = parameter_name(l, is_bias, "");
  const bool separate = formats_.count(own_master) != 0;
  const std::string master = separate ? own_master : copy, velocity = parameter_name(l, is_bias, "momentum");
  const auto decay = static_cast<float>(settings_.weight_decay * (is_bias ? l.bias_decay : l.weight_decay));
  const auto rate = static_cast<float>(settings_.learning_rate * (is_bias ? l.bias_lr : l.weight_lr));
  const auto momentum = static_cast<float>(settings_.momentum);
  const std::vector<float> g = tensor(parameter_name(l, is_bias, "gradient")).reals();
  std::vector<float> w = tensor(master).reals(), v = tensor(velocity).reals();
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float decayed = decay == 0.0F ? g[i] : std::fma(w[i], decay, g[i]);
    const float scaled = decayed * rate;
    v[i] = std::fma(v[i], momentum, scaled);
  }
  const auto store = [&](const std::string& name, const std::vector<float>& values) {
    write(name, create(name, parameter_shape(l, is_bias)),
          [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
            return static_cast<long double>(values[at(i)]);
          });
  };
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = w[i] - v[i];
  store(velocity, v);
  store(master, w);
  if (separate) store(copy, w);
}

}  // namespace anzan::reference
