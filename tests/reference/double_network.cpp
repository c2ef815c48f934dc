// Forward and backward in double precision with running error bounds; see double_network.hpp.
#include "tests/reference/double_network.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace anzan::reference {
namespace {

using compiler::Layer;
using compiler::LayerKind;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Whether FP32 could find the value on the other side of zero.
bool is_open(const Values& x, std::size_t i) { return x.error(i) > 0 && std::fabs(x.value[i]) <= x.error(i); }

class DoubleNetwork {
 public:
  DoubleNetwork(const compiler::Network& network, const DoubleTensors& given, const std::vector<int>& labels,
                const DoubleSettings& settings)
      : network_(network), given_(given), labels_(labels), settings_(settings) {
    if (at(settings.batch) != labels.size())
      throw std::invalid_argument("reference: one label an image needed");
    if (network.layers.empty() || network.layers.back().kind != LayerKind::kSoftmaxCrossEntropy) {
      throw std::invalid_argument("reference: the last layer must be the loss");
    }
  }

  DoubleStep forward();
  void backward(DoubleStep& step);

 private:
  Values input(const std::string& name, std::int64_t size) const;
  std::int64_t weight_size(const Layer& l) const {
    return l.out.channels * (l.in.channels / l.groups) * kernel_h(l) * kernel_w(l);
  }
  static std::int64_t kernel_h(const Layer& l) {
    return l.kind == LayerKind::kFullyConnected ? l.in.height : l.kernel_h;
  }
  static std::int64_t kernel_w(const Layer& l) {
    return l.kind == LayerKind::kFullyConnected ? l.in.width : l.kernel_w;
  }
  const Values& output(int layer) const { return layer < 0 ? data_ : outputs_[at(layer)]; }

  // Visits every pair (output element, input element, weight element) of a weighted layer.
  template <class Visit>
  void visit_products(const Layer& l, const Visit& visit) const;
  // Visits every (output element, input element) of a pooling layer, windows in row-major tap order.
  template <class Visit>
  void visit_windows(const Layer& l, const Visit& visit) const;

  Values weighted_forward(const Layer& l) const;
  Values max_pool_forward(const Layer& l, std::vector<std::int64_t>& chosen) const;
  Values average_pool_forward(const Layer& l) const;
  Values relu_forward(const Layer& l);
  Values add_forward(const Layer& l) const;
  void loss(const Layer& l, DoubleStep& step);

  void weighted_backward(const Layer& l, const Values& dy, BoundedSums& dx, DoubleStep& step) const;
  void pool_backward(const Layer& l, std::size_t number, const Values& dy, BoundedSums& dx) const;
  void relu_backward(const Layer& l, const Values& dy, BoundedSums& dx) const;
  bool may_be_maximum(const Values& x, std::int64_t chosen, std::int64_t other) const;

  const compiler::Network& network_;
  const DoubleTensors& given_;
  const std::vector<int>& labels_;
  DoubleSettings settings_;
  Values data_;
  std::vector<Values> outputs_;
  std::map<std::size_t, std::vector<std::int64_t>>
      chosen_;  // by max pool layer: input element of each output
  Values logit_gradient_;
};

Values DoubleNetwork::input(const std::string& name, std::int64_t size) const {
  Values values(at(size));
  const auto found = given_.find(name);
  if (found == given_.end()) throw std::invalid_argument("reference: tensor " + name + " is missing");
  if (found->second.size() != at(size))
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  values.value = found->second;
  return values;
}

template <class Visit>
void DoubleNetwork::visit_products(const Layer& l, const Visit& visit) const {
  const std::int64_t in_group = l.in.channels / l.groups, out_group = l.out.channels / l.groups;
  for (std::int64_t n = 0; n < settings_.batch; ++n)
    for (std::int64_t oc = 0; oc < l.out.channels; ++oc)
      for (std::int64_t oy = 0; oy < l.out.height; ++oy)
        for (std::int64_t ox = 0; ox < l.out.width; ++ox)
          for (std::int64_t ic = 0; ic < in_group; ++ic)
            for (std::int64_t ky = 0; ky < kernel_h(l); ++ky)
              for (std::int64_t kx = 0; kx < kernel_w(l); ++kx) {
                const std::int64_t y = oy * l.stride_h + ky - l.pad_h, x = ox * l.stride_w + kx - l.pad_w;
                if (y < 0 || y >= l.in.height || x < 0 || x >= l.in.width) continue;
                const std::int64_t channel = oc / out_group * in_group + ic;
                visit(((n * l.out.channels + oc) * l.out.height + oy) * l.out.width + ox,
                      ((n * l.in.channels + channel) * l.in.height + y) * l.in.width + x,
                      ((oc * in_group + ic) * kernel_h(l) + ky) * kernel_w(l) + kx);
              }
}

template <class Visit>
void DoubleNetwork::visit_windows(const Layer& l, const Visit& visit) const {
  for (std::int64_t plane = 0; plane < settings_.batch * l.in.channels; ++plane)
    for (std::int64_t oy = 0; oy < l.out.height; ++oy)
      for (std::int64_t ox = 0; ox < l.out.width; ++ox)
        for (std::int64_t ky = 0; ky < l.kernel_h; ++ky)
          for (std::int64_t kx = 0; kx < l.kernel_w; ++kx) {
            const std::int64_t y = oy * l.stride_h + ky - l.pad_h, x = ox * l.stride_w + kx - l.pad_w;
            if (y < 0 || y >= l.in.height || x < 0 || x >= l.in.width) continue;
            visit((plane * l.out.height + oy) * l.out.width + ox, (plane * l.in.height + y) * l.in.width + x);
          }
}

Values DoubleNetwork::weighted_forward(const Layer& l) const {
  const Values& x = output(l.inputs.at(0));
  const Values w = input(l.name + ".weight", weight_size(l));
  BoundedSums sums(settings_.batch * l.out.size());
  if (l.bias) {
    const Values b = input(l.name + ".bias", l.out.channels);
    const std::int64_t plane = l.out.height * l.out.width;
    for (std::int64_t i = 0; i < settings_.batch * l.out.size(); ++i)
      sums.add(i, b, i / plane % l.out.channels, 1);
  }
  visit_products(l, [&](std::int64_t o, std::int64_t i, std::int64_t k) { sums.add(o, x, i, w, k); });
  return sums.finish();
}

// Whether FP32 could find `other` at least as good as `chosen`, the first maximum in double precision.
bool DoubleNetwork::may_be_maximum(const Values& x, std::int64_t chosen, std::int64_t other) const {
  const double uncertainty = x.error(at(chosen)) + x.error(at(other));
  return uncertainty > 0 && x.value[at(other)] + uncertainty >= x.value[at(chosen)];
}

Values DoubleNetwork::max_pool_forward(const Layer& l, std::vector<std::int64_t>& chosen) const {
  const Values& x = output(l.inputs.at(0));
  Values y(at(settings_.batch * l.out.size()));
  chosen.assign(y.value.size(), -1);
  visit_windows(l, [&](std::int64_t o, std::int64_t i) {
    if (chosen[at(o)] < 0 || x.value[at(i)] > y.value[at(o)]) {
      chosen[at(o)] = i;
      y.value[at(o)] = x.value[at(i)];
    }
  });
  // The maximum moves by no more than the largest move of a tap that could be the maximum.
  visit_windows(l, [&](std::int64_t o, std::int64_t i) {
    if (i != chosen[at(o)] && !may_be_maximum(x, chosen[at(o)], i)) return;
    y.deviation[at(o)] = std::max(y.deviation[at(o)], x.deviation[at(i)]);
    y.shift[at(o)] = std::max(y.shift[at(o)], x.shift[at(i)]);
  });
  return y;
}

Values DoubleNetwork::average_pool_forward(const Layer& l) const {
  const Values& x = output(l.inputs.at(0));
  BoundedSums sums(settings_.batch * l.out.size());
  const double share = 1.0 / static_cast<double>(l.kernel_h * l.kernel_w);
  visit_windows(l, [&](std::int64_t o, std::int64_t i) { sums.add(o, x, i, share, true); });
  return sums.finish();
}

Values DoubleNetwork::relu_forward(const Layer& l) {
  Values y = output(l.inputs.at(0));
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    if (y.value[i] > 0) continue;
    if (y.value[i] + y.error(i) <= 0) y.deviation[i] = y.shift[i] = 0;
    y.value[i] = 0;
  }
  return y;
}

Values DoubleNetwork::add_forward(const Layer& l) const {
  BoundedSums sums(settings_.batch * l.out.size());
  for (const int source : l.inputs) {
    const Values& x = output(source);
    for (std::int64_t i = 0; at(i) < x.value.size(); ++i) sums.add(i, x, i, 1);
  }
  return sums.finish();
}

// loss = log sum exp(z - max) - (z_label - max); gradient = (softmax - one-hot) / batch. With p = softmax,
// dp_c = p_c (dz_c - sum p_k dz_k), dloss = sum p_k dz_k - dz_label.
void DoubleNetwork::loss(const Layer& l, DoubleStep& step) {
  const Values& z = output(l.inputs.at(0));
  const std::int64_t classes = l.in.size();
  const double images = static_cast<double>(settings_.batch), own = settings_.softmax_deviation;
  Values losses(at(settings_.batch));
  logit_gradient_ = Values(z.value.size());
  for (std::int64_t n = 0; n < settings_.batch; ++n) {
    const auto first = z.value.begin() + n * classes;
    const auto largest = std::max_element(first, first + classes);
    step.predictions.push_back(static_cast<int>(largest - first));
    double sum = 0, mean_square = 0, shift = 0;
    for (auto i = first; i != first + classes; ++i) sum += std::exp(*i - *largest);
    for (std::int64_t c = n * classes; c < (n + 1) * classes; ++c) {
      const double p = std::exp(z.value[at(c)] - *largest) / sum;
      mean_square += p * p * z.deviation[at(c)] * z.deviation[at(c)];
      shift = std::max(shift, z.shift[at(c)]);
    }
    for (std::int64_t c = 0; c < classes; ++c) {
      const std::size_t i = at(n * classes + c);
      const double p = std::exp(first[c] - *largest) / sum, below = std::fabs(first[c] - *largest);
      const double gradient = (p - (c == labels_[at(n)] ? 1.0 : 0.0)) / images;
      // The FP32 difference z - max rounds relative to its size, which exp turns into relative error.
      const double relative =
          std::hypot(std::hypot(std::sqrt(mean_square), z.deviation[i]), own, kUnit * below);
      logit_gradient_.value[i] = gradient;
      logit_gradient_.deviation[i] = std::hypot(p / images * relative, 2 * kUnit * gradient) + 0x1p-120;
      logit_gradient_.shift[i] = p / images * std::expm1(2 * shift);
    }
    const double target = first[labels_[at(n)]] - *largest;
    losses.value[at(n)] = std::log(sum) - target;
    losses.deviation[at(n)] = std::hypot(
        std::sqrt(mean_square), z.deviation[at(n * classes + labels_[at(n)])], own * (1 + std::fabs(target)));
    losses.shift[at(n)] = 2 * shift;
    step.mean_loss += losses.value[at(n)] / images;
  }
  step.tensors.insert_or_assign("loss", losses);
}

DoubleStep DoubleNetwork::forward() {
  DoubleStep step;
  data_ = input("data", settings_.batch * network_.input.size());
  outputs_.assign(network_.layers.size(), Values());
  for (std::size_t number = 0; number < network_.layers.size(); ++number) {
    const Layer& l = network_.layers[number];
    Values& y = outputs_[number];
    switch (l.kind) {
      case LayerKind::kConvolution:
      case LayerKind::kFullyConnected:
        y = weighted_forward(l);
        break;
      case LayerKind::kMaxPool:
        y = max_pool_forward(l, chosen_[number]);
        break;
      case LayerKind::kAveragePool:
        y = average_pool_forward(l);
        break;
      case LayerKind::kRelu:
        y = relu_forward(l);
        break;
      case LayerKind::kFlatten:
        y = output(l.inputs.at(0));
        break;
      case LayerKind::kAdd:
        y = add_forward(l);
        break;
      case LayerKind::kSoftmaxCrossEntropy:
        loss(l, step);
        continue;
    }
    step.tensors.insert_or_assign(l.name + ".activation", y);
    if (l.kind == LayerKind::kMaxPool) {
      const Values& x = output(l.inputs.at(0));
      for (const std::int64_t i : chosen_[number]) step.decisions.push_back(static_cast<int>(i));
      visit_windows(l, [&](std::int64_t o, std::int64_t i) {
        const std::int64_t chosen = chosen_[number][at(o)];
        if (i != chosen && may_be_maximum(x, chosen, i)) ++step.ambiguous;
      });
    } else if (l.kind == LayerKind::kRelu) {
      const Values& x = output(l.inputs.at(0));
      for (std::size_t i = 0; i < x.value.size(); ++i) {
        step.decisions.push_back(x.value[i] > 0);
        if (is_open(x, i)) ++step.ambiguous;
      }
    }
  }
  return step;
}

void DoubleNetwork::weighted_backward(const Layer& l, const Values& dy, BoundedSums& dx,
                                      DoubleStep& step) const {
  const Values& x = output(l.inputs.at(0));
  const Values w = input(l.name + ".weight", weight_size(l));
  BoundedSums dw(weight_size(l)), db(l.out.channels);
  visit_products(l, [&](std::int64_t o, std::int64_t i, std::int64_t k) {
    dx.add(i, dy, o, w, k);
    dw.add(k, dy, o, x, i);
  });
  step.tensors.insert_or_assign(l.name + ".weight_gradient", dw.finish());
  if (!l.bias) return;
  const std::int64_t plane = l.out.height * l.out.width;
  for (std::int64_t o = 0; at(o) < dy.value.size(); ++o) db.add(o / plane % l.out.channels, dy, o, 1);
  step.tensors.insert_or_assign(l.name + ".bias_gradient", db.finish());
}

void DoubleNetwork::pool_backward(const Layer& l, std::size_t number, const Values& dy,
                                  BoundedSums& dx) const {
  if (l.kind == LayerKind::kAveragePool) {
    const double share = 1.0 / static_cast<double>(l.kernel_h * l.kernel_w);
    visit_windows(l, [&](std::int64_t o, std::int64_t i) { dx.add(i, dy, o, share, true); });
    return;
  }
  const Values& x = output(l.inputs.at(0));
  const std::vector<std::int64_t>& chosen = chosen_.at(number);
  std::vector<bool> open(dy.value.size(), false);
  visit_windows(l, [&](std::int64_t o, std::int64_t i) {
    if (i == chosen[at(o)] || !may_be_maximum(x, chosen[at(o)], i)) return;
    open[at(o)] = true;
    dx.add_open(i, dy, o);
  });
  for (std::int64_t o = 0; at(o) < dy.value.size(); ++o) {
    dx.add(chosen[at(o)], dy, o, 1);
    if (open[at(o)]) dx.add_open(chosen[at(o)], dy, o);
  }
}

void DoubleNetwork::relu_backward(const Layer& l, const Values& dy, BoundedSums& dx) const {
  const Values& x = output(l.inputs.at(0));
  for (std::int64_t i = 0; at(i) < x.value.size(); ++i) {
    if (x.value[at(i)] > 0) dx.add(i, dy, i, 1);
    if (is_open(x, at(i))) dx.add_open(i, dy, i);
  }
}

void DoubleNetwork::backward(DoubleStep& step) {
  const std::size_t layers = network_.layers.size();
  std::vector<BoundedSums> gradients;  // of the output of each layer; the last is that of the data
  for (const Layer& l : network_.layers) gradients.emplace_back(settings_.batch * l.out.size());
  gradients.emplace_back(settings_.batch * network_.input.size());
  for (std::size_t back = 0; back < layers; ++back) {
    const std::size_t number = layers - 1 - back;
    const Layer& l = network_.layers[number];
    const bool is_loss = l.kind == LayerKind::kSoftmaxCrossEntropy;
    const Values dy = is_loss ? logit_gradient_ : gradients[number].finish();
    if (!is_loss) step.tensors.insert_or_assign(l.name + ".activation_gradient", dy);
    for (const int source : l.inputs) {
      BoundedSums& dx = gradients[source < 0 ? layers : at(source)];
      switch (l.kind) {
        case LayerKind::kConvolution:
        case LayerKind::kFullyConnected:
          weighted_backward(l, dy, dx, step);
          break;
        case LayerKind::kMaxPool:
        case LayerKind::kAveragePool:
          pool_backward(l, number, dy, dx);
          break;
        case LayerKind::kRelu:
          relu_backward(l, dy, dx);
          break;
        case LayerKind::kFlatten:
        case LayerKind::kAdd:
        case LayerKind::kSoftmaxCrossEntropy:
          for (std::int64_t i = 0; at(i) < dy.value.size(); ++i) dx.add(i, dy, i, 1);
          break;
      }
    }
  }
  step.tensors.insert_or_assign("data_gradient", gradients[layers].finish());
}

}  // namespace

const Values& DoubleStep::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::invalid_argument("reference: no tensor " + name);
  return found->second;
}

DoubleStep double_forward(const compiler::Network& network, const DoubleTensors& tensors,
                          const std::vector<int>& labels, const DoubleSettings& settings) {
  return DoubleNetwork(network, tensors, labels, settings).forward();
}

DoubleStep double_training_step(const compiler::Network& network, const DoubleTensors& tensors,
                                const std::vector<int>& labels, const DoubleSettings& settings) {
  DoubleNetwork step_network(network, tensors, labels, settings);
  DoubleStep step = step_network.forward();
  step_network.backward(step);
  double_update(network, tensors, settings, step);
  return step;
}

}  // namespace anzan::reference
