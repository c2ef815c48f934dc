// Forward, backward and update of IntegerNetwork, as its header defines them.
#include "tests/reference/integer_network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/reference/contraction.hpp"
#include "tests/reference/curves.hpp"

namespace anzan::reference {

using compiler::Layer;
using compiler::LayerKind;

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
float average_share(const Geometry& g, std::int64_t oy, std::int64_t ox) {
  return static_cast<float>(1.0 / static_cast<double>(average_divisor(g, oy, ox)));
}

long double positive_part(long double value) { return value > 0 ? value : 0.0L; }

// Calls visit(n, c, y, x) for the elements of a tensor in logical order.
template <class Visit>
void visit_elements(const IntegerGraph::TensorShape& shape, const Visit& visit) {
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

// 1 / sqrt(x), x > 0: a first guess from the bits, then y += y (1/2 - x/2 y y), three times.
float inverse_root(float x) {
  const float half = x * 0.5F;
  float y = float_of(0x5f375a86 - (bits_of(x) >> 1));
  for (int step = 0; step < 3; ++step) y = std::fma(y, std::fma(-(y * half), y, 0.5F), y);
  return y;
}

// 1 / x, x > 0: a first guess from the bits, then y += y (1 - x y) as y (2 - x y), three times.
float reciprocal(float x) {
  float y = float_of(0x7ef311c7 - bits_of(x));
  for (int step = 0; step < 3; ++step) y = y * std::fma(-y, x, 2.0F);
  return y;
}

}  // namespace

IntegerNetwork::IntegerNetwork(const compiler::Network& network, Formats formats,
                               const StepSettings& settings)
    : graph_(network, settings.batch),
      formats_(std::move(formats)),
      settings_(settings),
      writer_(settings.seed, settings.step) {}

std::vector<std::string> IntegerNetwork::inputs() const {
  std::vector<std::string> names;
  for (const IntegerGraph::Input& input : graph_.inputs()) {
    if (!input.may_be_missing || formats_.count(input.name) != 0) names.push_back(input.name);
  }
  return names;
}

// An input of the step, all zero at q_read; or the gradient of the logits, which the step writes.
StoredTensor IntegerNetwork::settable(const std::string& name) const {
  if (name == logit_gradient()) {
    return create(name, graph_.image_shape(graph_.logits().shape));
  }
  for (const IntegerGraph::Input& input : graph_.inputs()) {
    if (name != input.name) continue;
    StoredTensor tensor = create(name, input.shape);
    tensor.q = tensor.format.q_read;
    return tensor;
  }
  throw std::invalid_argument("reference: " + name + " cannot be set");
}

void IntegerNetwork::set(const std::string& name, std::vector<std::int32_t> stored) {
  StoredTensor tensor = settable(name);
  if (stored.size() != tensor.stored.size())
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  tensor.stored = std::move(stored);
  tensors_.insert_or_assign(name, std::move(tensor));
}

void IntegerNetwork::set_values(const std::string& name, const std::vector<float>& values) {
  StoredTensor tensor = settable(name);
  if (values.size() != tensor.stored.size())
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  for (std::size_t i = 0; i < values.size(); ++i) {
    writer_.store(tensor, static_cast<std::int64_t>(i), values[i], nullptr);
  }
  tensors_.insert_or_assign(name, std::move(tensor));
}

StoredTensor IntegerNetwork::create(const std::string& name, const TensorShape& shape) const {
  const auto format = formats_.find(name);
  if (format == formats_.end()) throw std::invalid_argument("reference: no format for tensor " + name);
  return Writer::make(format->second, shape);
}

const StoredTensor& IntegerNetwork::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw std::invalid_argument("reference: tensor " + name + " holds nothing");
  return found->second;
}

Statistics IntegerNetwork::statistics(const std::string& name) const {
  const auto found = statistics_.find(name);
  return found == statistics_.end() ? Statistics() : found->second;
}

template <class Value>
void IntegerNetwork::write(const std::string& name, const TensorShape& shape, const Value& value) {
  StoredTensor tensor = create(name, shape);
  Statistics& statistics = statistics_[name];
  std::int64_t i = 0;
  visit_elements(tensor.shape, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
    writer_.store(tensor, i, value(i, n, c, y, x), &statistics);
    ++i;
  });
  tensors_.insert_or_assign(name, std::move(tensor));
}

void IntegerNetwork::write_values(const std::string& name, const TensorShape& shape,
                                  const std::vector<float>& values) {
  write(name, shape, [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
    return static_cast<long double>(values[at(i)]);
  });
}

void IntegerNetwork::count(const std::string& name, const std::vector<float>& values) {
  StoredTensor unused = Writer::make(TensorFormat(), {static_cast<std::int64_t>(values.size()), 1, 1, 1});
  Statistics& statistics = statistics_[name];
  for (std::size_t i = 0; i < values.size(); ++i)
    writer_.store(unused, static_cast<std::int64_t>(i), values[i], &statistics);
}

void IntegerNetwork::forward() {
  statistics_.clear();
  for (std::size_t number = 0; number < network().layers.size(); ++number) {
    const Layer& l = network().layers[number];
    const Node& node = graph_.node(static_cast<int>(number));
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
      case LayerKind::kGlobalAveragePool:
        average_pool_forward(l, node);
        break;
      case LayerKind::kAdd:
      case LayerKind::kMultiply:
        combine_forward(l, node);
        break;
      case LayerKind::kLrn:
        lrn_forward(l, node);
        break;
      case LayerKind::kDropout:
        write_values(node.activation(), graph_.image_shape(node.shape),
                     dropped(l, tensor(activation(l.inputs.at(0)))));
        break;
      case LayerKind::kConcat:
        concat_forward(l, node);
        break;
      case LayerKind::kBatchNorm:
        batch_norm_forward(l, node);
        break;
      case LayerKind::kRelu:
        relu_forward(l, node);
        break;
      case LayerKind::kLeakyRelu:
      case LayerKind::kClip:
      case LayerKind::kHardSigmoid:
      case LayerKind::kHardSwish:
      case LayerKind::kSigmoid:
      case LayerKind::kSwish:
      case LayerKind::kTanh:
        curve_forward(l, node);
        break;
      case LayerKind::kFlatten:
      case LayerKind::kSoftmaxCrossEntropy:
      case LayerKind::kMeanSquaredError:
        break;
    }
  }
}

void IntegerNetwork::forward_without_training() {
  training_ = false;
  forward();
  training_ = true;
}

void IntegerNetwork::weighted_forward(const Layer& l, const Node& node) {
  const Geometry g = graph_.geometry(l);
  const Factors factors(tensor(activation(l.inputs.at(0))), tensor(l.name + ".weight"));
  const std::vector<float> bias = l.bias ? tensor(l.name + ".bias").reals() : std::vector<float>();
  const std::string name = node.activation();
  write(name, graph_.image_shape(node.shape),
        [&](std::int64_t, std::int64_t n, std::int64_t oc, std::int64_t oy, std::int64_t ox) {
          const std::optional<float> start = l.bias ? std::optional<float>(bias[at(oc)]) : std::nullopt;
          const long double sum =
              contract(factors, start, [&](const auto& visit) { visit_forward(g, n, oc, oy, ox, visit); });
          return node.fused_relu ? positive_part(sum) : sum;
        });
}

void IntegerNetwork::max_pool_forward(const Layer& l, const Node& node) {
  const Geometry g = graph_.geometry(l);
  const StoredTensor& x = tensor(activation(l.inputs.at(0)));
  const std::vector<float> values = x.reals();
  StoredTensor y{x.format, x.q, graph_.image_shape(node.shape), {}};
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
  tensors_.insert_or_assign(node.activation(), std::move(y));
}

void IntegerNetwork::average_pool_forward(const Layer& l, const Node& node) {
  const Geometry g = graph_.geometry(l);
  const std::vector<float> x = tensor(activation(l.inputs.at(0))).reals();
  const std::string name = node.activation();
  write(name, graph_.image_shape(node.shape),
        [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t oy, std::int64_t ox) {
          Fold fold;
          const float share = average_share(g, oy, ox);
          visit_window(g, oy, ox, [&](std::int64_t, std::int64_t, std::int64_t row, std::int64_t column) {
            fold.add(x[at(g.input(n, c, row, column))] * share);
          });
          return static_cast<long double>(fold.sum());
        });
}

// Sums a b over the channels of each element from `before` before its own to `after` after it.
std::vector<float> IntegerNetwork::near_sums(const TensorShape& shape, const std::vector<float>& a,
                                             const std::vector<float>& b, std::int64_t before,
                                             std::int64_t after) {
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
std::vector<float> IntegerNetwork::lrn_sums(const Layer& l, const TensorShape& shape,
                                            const std::vector<float>& x) const {
  std::vector<float> sums = near_sums(shape, x, x, (l.size - 1) / 2, l.size / 2);
  const auto factor = static_cast<float>(l.alpha / static_cast<double>(l.size)), k = static_cast<float>(l.k);
  for (float& s : sums) s = std::fma(s, factor, k);
  return sums;
}

void IntegerNetwork::lrn_forward(const Layer& l, const Node& node) {
  std::vector<float> x = tensor(activation(l.inputs.at(0))).reals();
  const TensorShape shape = graph_.image_shape(node.shape);
  const std::vector<float> sums = lrn_sums(l, shape, x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= power_fp32(sums[i], static_cast<float>(-l.beta));
  write_values(node.activation(), shape, x);
}

void IntegerNetwork::lrn_backward(const Layer& l, const StoredTensor& dy, const std::string& name) {
  const std::vector<float> x = tensor(activation(l.inputs.at(0))).reals(), g = dy.reals(),
                           sums = lrn_sums(l, dy.shape, x);
  std::vector<float> terms = x, result = g;
  for (std::size_t i = 0; i < x.size(); ++i) {
    terms[i] = power_fp32(sums[i], static_cast<float>(-l.beta - 1)) * x[i];
    result[i] *= power_fp32(sums[i], static_cast<float>(-l.beta));
  }
  const std::vector<float> met = near_sums(dy.shape, g, terms, l.size / 2, (l.size - 1) / 2);
  const auto factor = static_cast<float>(2 * l.alpha * l.beta / static_cast<double>(l.size));
  for (std::size_t i = 0; i < x.size(); ++i) result[i] = std::fma(-(x[i] * met[i]), factor, result[i]);
  write_values(name, dy.shape, result);
}

// What a dropout makes of values.
std::vector<float> IntegerNetwork::dropped(const Layer& l, const StoredTensor& through) const {
  const std::vector<double> factors = mask(l, through.size());
  std::vector<float> values = through.reals();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = factors[i] == 0 ? 0.0F : values[i] * static_cast<float>(factors[i]);
  return values;
}

std::vector<double> IntegerNetwork::mask(const Layer& l, std::int64_t size) const {
  const std::uint32_t slot = formats_.at(l.name + ".mask").slot;
  const auto rate = static_cast<float>(l.rate);
  const auto factor = static_cast<float>(1 / (1 - l.rate));
  std::vector<double> factors;
  if (!training_) return std::vector<double>(at(size), 1);
  for (std::int64_t i = 0; i < size; ++i) {
    const std::uint32_t word =
        random_word(settings_.seed, settings_.step, slot, static_cast<std::uint32_t>(i));
    factors.push_back(std::ldexp(static_cast<float>(word >> 8), -24) < rate ? 0 : factor);
  }
  return factors;
}

std::map<std::string, std::vector<double>> IntegerNetwork::masks() const {
  std::map<std::string, std::vector<double>> all;
  for (const Layer& l : network().layers) {
    if (l.kind == LayerKind::kDropout) all[l.name + ".mask"] = mask(l, settings_.batch * l.out.size());
  }
  return all;
}

// The tensor's values; if it has one pixel, that one for each pixel of `shape`.
std::vector<float> IntegerNetwork::over_pixels(int layer, const TensorShape& shape) const {
  const StoredTensor& t = tensor(activation(layer));
  const std::int64_t pixels = shape[2] * shape[3], own = t.shape[2] * t.shape[3];
  std::vector<float> values;
  for (std::int64_t i = 0; i < shape[0] * shape[1] * pixels; ++i)
    values.push_back(t.real(own == pixels ? i : i / pixels));
  return values;
}

void IntegerNetwork::combine_forward(const Layer& l, const Node& node) {
  const TensorShape shape = graph_.image_shape(node.shape);
  std::vector<float> result = over_pixels(l.inputs.at(0), shape);
  for (std::size_t k = 1; k < l.inputs.size(); ++k) {
    const std::vector<float> next = over_pixels(l.inputs[k], shape);
    for (std::size_t i = 0; i < result.size(); ++i)
      result[i] = l.kind == LayerKind::kAdd ? result[i] + next[i] : result[i] * next[i];
  }
  const std::string name = node.activation();
  write(name, shape, [&](std::int64_t i, std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
    return node.fused_relu ? positive_part(result[at(i)]) : static_cast<long double>(result[at(i)]);
  });
}

void IntegerNetwork::combine_backward(const Layer& l, const StoredTensor& dy, int input,
                                      const std::string& name) {
  std::vector<float> terms = dy.reals();
  if (l.kind == LayerKind::kMultiply) {
    const std::vector<float> other = over_pixels(l.inputs[input == l.inputs[0] ? 1 : 0], dy.shape);
    for (std::size_t i = 0; i < terms.size(); ++i) terms[i] *= other[i];
  }
  const TensorShape shape = graph_.image_shape(graph_.node(input).shape);
  const std::int64_t pixels = dy.shape[2] * dy.shape[3] / (shape[2] * shape[3]);
  std::vector<float> sums;
  for (std::int64_t i = 0; i < dy.size(); i += pixels) {
    Fold fold;
    for (std::int64_t k = 0; k < pixels; ++k) fold.add(terms[at(i + k)]);
    sums.push_back(fold.sum());
  }
  write_values(name, shape, sums);
}

void IntegerNetwork::concat_forward(const Layer& l, const Node& node) {
  write(node.activation(), graph_.image_shape(node.shape),
        [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
          std::size_t source = 0;
          while (c >= graph_.node(l.inputs.at(source)).shape.channels)
            c -= graph_.node(l.inputs.at(source++)).shape.channels;
          const StoredTensor& from = tensor(activation(l.inputs[source]));
          const float value = from.real(((n * from.shape[1] + c) * from.shape[2] + y) * from.shape[3] + x);
          return node.fused_relu ? positive_part(value) : static_cast<long double>(value);
        });
}

void IntegerNetwork::concat_backward(const Layer& l, const StoredTensor& dy, const Node& target,
                                     const std::string& name) {
  std::int64_t first = 0;  // of the target's channels in dy
  for (const int input : l.inputs) {
    if (&graph_.node(input) == &target) break;
    first += graph_.node(input).shape.channels;
  }
  write(name, graph_.image_shape(target.shape),
        [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
          return static_cast<long double>(
              dy.real(((n * dy.shape[1] + first + c) * dy.shape[2] + y) * dy.shape[3] + x));
        });
}

void IntegerNetwork::relu_forward(const Layer& l, const Node& node) {
  StoredTensor y = tensor(activation(l.inputs.at(0)));
  for (std::size_t i = 0; i < y.stored.size(); ++i) {
    if (!(y.real(static_cast<std::int64_t>(i)) > 0)) y.stored[i] = 0;
  }
  tensors_.insert_or_assign(node.activation(), std::move(y));
}

std::vector<int> IntegerNetwork::prediction() const {
  const std::vector<float> logits = tensor(activation(network().layers.back().inputs.at(0))).reals();
  const std::int64_t classes = network().classes(), pixels = network().labels_an_image();
  std::vector<int> result;
  for (std::int64_t n = 0; n < settings_.batch * pixels; ++n) {
    const std::int64_t first = n / pixels * classes * pixels + n % pixels;
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < classes; ++c) {
      if (logits[at(first + c * pixels)] > logits[at(first + best * pixels)]) best = c;
    }
    result.push_back(static_cast<int>(best));
  }
  return result;
}

void IntegerNetwork::backward() {
  contributions_.clear();
  tensor(logit_gradient());  // must have been set
  ++contributions_[graph_.logits().name];
  for (std::size_t back = 1; back < network().layers.size(); ++back) {
    const std::size_t number = network().layers.size() - 1 - back;
    const Layer& l = network().layers[number];
    const Node& node = graph_.node(static_cast<int>(number));
    if (node.layer != static_cast<int>(number) || !node.needs_gradient) continue;
    finish_gradient(node);
    if (graph_.masks(node)) mask(node);
    const StoredTensor dy = tensor(node.gradient());
    if (l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected) parameter_gradients(l, dy);
    if (l.kind == LayerKind::kBatchNorm) batch_norm_gradients(l, dy);
    for (const int input : l.inputs) {
      const Node& target = graph_.node(input);
      if (!target.needs_gradient) continue;
      const std::string name = target.contribution(++contributions_[target.name]);
      contribute(l, dy, input, name);
    }
  }
}

// What arrives at an input of the layer.
void IntegerNetwork::contribute(const Layer& l, const StoredTensor& dy, int input, const std::string& name) {
  const Node& target = graph_.node(input);
  switch (l.kind) {
    case LayerKind::kConvolution:
    case LayerKind::kFullyConnected:
      data_gradient(l, dy, target, name);
      break;
    case LayerKind::kMaxPool:
      max_pool_backward(l, dy, target, name);
      break;
    case LayerKind::kAveragePool:
    case LayerKind::kGlobalAveragePool:
      average_pool_backward(l, dy, target, name);
      break;
    case LayerKind::kAdd:
    case LayerKind::kMultiply:
      combine_backward(l, dy, input, name);
      break;
    case LayerKind::kRelu:
      pass_gradient(l, dy, name);
      break;
    case LayerKind::kLrn:
      lrn_backward(l, dy, name);
      break;
    case LayerKind::kDropout:
      write_values(name, dy.shape, dropped(l, dy));
      break;
    case LayerKind::kConcat:
      concat_backward(l, dy, target, name);
      break;
    case LayerKind::kBatchNorm:
      batch_norm_data_gradient(l, dy, target, name);
      break;
    case LayerKind::kLeakyRelu:
    case LayerKind::kClip:
    case LayerKind::kHardSigmoid:
    case LayerKind::kHardSwish:
    case LayerKind::kSigmoid:
    case LayerKind::kSwish:
    case LayerKind::kTanh:
      curve_backward(l, dy, name);
      break;
    case LayerKind::kFlatten:
    case LayerKind::kSoftmaxCrossEntropy:
    case LayerKind::kMeanSquaredError:
      break;
  }
}

// Adds the contributions, where there are several.
void IntegerNetwork::finish_gradient(const Node& node) {
  const std::size_t terms = node.consumers.size();
  if (terms == 1) return;
  if (contributions_[node.name] != terms)
    throw std::logic_error("reference: gradient of " + node.name + " incomplete");
  std::vector<float> sum = tensor(node.contribution(1)).reals();
  for (std::size_t k = 2; k <= terms; ++k) {
    const std::vector<float> term = tensor(node.contribution(k)).reals();
    const std::string name = node.gradient() + (k < terms ? ".sum" + std::to_string(k) : "");
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += term[i];
    write_values(name, graph_.image_shape(node.shape), sum);
    sum = tensor(name).reals();
  }
}

void IntegerNetwork::mask(const Node& node) {
  const StoredTensor& y = tensor(node.activation());
  StoredTensor& gradient = tensors_.at(node.gradient());
  for (std::size_t i = 0; i < gradient.stored.size(); ++i) {
    if (!(y.real(static_cast<std::int64_t>(i)) > 0)) gradient.stored[i] = 0;
  }
}

void IntegerNetwork::parameter_gradients(const Layer& l, const StoredTensor& dy) {
  const Geometry g = graph_.geometry(l);
  const StoredTensor& x = tensor(activation(l.inputs.at(0)));
  const Factors factors(dy, x);
  const std::string weight = l.name + ".weight_gradient", bias = l.name + ".bias_gradient";
  // beside a bias of up to 2^46
  const SumPieces pieces(g, settings_.lanes, std::int64_t{1} << (48 - dy.format.width - x.format.width));
  write(weight, graph_.parameter_shape(l, false),
        [&](std::int64_t, std::int64_t oc, std::int64_t ic, std::int64_t ky, std::int64_t kx) {
          return contract_pieces(factors, pieces, [&](const auto& visit, const auto& begin) {
            visit_backward_weight(g, settings_.lanes, {oc, ic, ky, kx}, visit, begin);
          });
        });
  if (!l.bias) return;
  StoredTensor one{dy.format, 0, {1, 1, 1, 1}, {dy.integer() ? 1 : bits_of(1.0F)}};
  const Factors sums(dy, one);
  write(bias, graph_.parameter_shape(l, true),
        [&](std::int64_t, std::int64_t oc, std::int64_t, std::int64_t, std::int64_t) {
          return contract_pieces(sums, pieces, [&](const auto& visit, const auto& begin) {
            visit_backward_bias(g, settings_.lanes, oc, visit, begin);
          });
        });
}

void IntegerNetwork::data_gradient(const Layer& l, const StoredTensor& dy, const Node& target,
                                   const std::string& name) {
  const Geometry g = graph_.geometry(l);
  const Factors factors(dy, tensor(l.name + ".weight"));
  write(name, graph_.image_shape(target.shape),
        [&](std::int64_t, std::int64_t n, std::int64_t ic, std::int64_t y, std::int64_t x) {
          return contract(factors, std::nullopt,
                          [&](const auto& visit) { visit_backward_data(g, n, ic, y, x, visit); });
        });
}

void IntegerNetwork::max_pool_backward(const Layer& l, const StoredTensor& dy, const Node& target,
                                       const std::string& name) {
  const Geometry g = graph_.geometry(l);
  const std::vector<float> gradient = dy.reals();
  const std::vector<std::int64_t>& chosen = chosen_.at(l.name);
  write(name, graph_.image_shape(target.shape),
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
  const Geometry g = graph_.geometry(l);
  const std::vector<float> gradient = dy.reals();
  write(name, graph_.image_shape(target.shape),
        [&](std::int64_t, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
          Fold fold;
          visit_seeing_windows(g, y, x, [&](std::int64_t, std::int64_t, std::int64_t oy, std::int64_t ox) {
            fold.add(gradient[at(g.output(n, c, oy, ox))] * average_share(g, oy, ox));
          });
          return static_cast<long double>(fold.sum());
        });
}

void IntegerNetwork::curve_forward(const Layer& l, const Node& node) {
  std::vector<float> values = tensor(activation(l.inputs.at(0))).reals();
  for (float& value : values) value = curve_fp32(l, value);
  write_values(node.activation(), graph_.image_shape(node.shape), values);
}

void IntegerNetwork::curve_backward(const Layer& l, const StoredTensor& dy, const std::string& name) {
  const std::vector<float> x = tensor(activation(l.inputs.at(0))).reals(),
                           y = tensor(l.name + ".activation").reals();
  std::vector<float> values = dy.reals();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = curve_gradient_fp32(l, values[i], x[i], y[i]);
  write_values(name, dy.shape, values);
}

// Through a lone ReLU: dy, or +0 where the ReLU's output is not above zero. Quantised if the
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
  write_values(name, dy.shape, selected.reals());
}

// The squares of a tensor's gradient, to those so far in each lane.
void IntegerNetwork::add_squares(const Layer& l, bool is_bias, std::vector<float>& so_far) const {
  const StoredTensor& gradient = tensor(IntegerGraph::parameter_name(l, is_bias, "gradient"));
  const Geometry g = graph_.geometry(l);
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
        sums[{group, place / settings_.lanes, tap}][place % settings_.lanes].add(value * value);
      }
    }
  }
  std::vector<float> total(so_far.size());
  for (const auto& [where, by_lane] : sums)
    for (const auto& [lane, sum] : by_lane) total[at(lane)] += sum.sum();
  for (std::size_t lane = 0; lane < so_far.size(); ++lane) so_far[lane] += total[lane];
}

float IntegerNetwork::scale_of_gradients() const {
  std::vector<float> lanes(at(settings_.lanes));
  for (const Layer& l : network().layers) {
    if (!has(l, compiler::kHasWeights)) continue;
    add_squares(l, false, lanes);
    if (l.bias) add_squares(l, true, lanes);
  }
  Fold sum;
  for (const float lane : lanes) sum.add(lane);
  return std::fmin(inverse_root(std::fmax(sum.sum(), 0x1p-100F)) * static_cast<float>(settings_.clip_norm),
                   1.0F);
}

void IntegerNetwork::update() {
  if (settings_.clip_norm > 0) gradient_scale_ = scale_of_gradients();
  for (const Layer& l : network().layers) {
    const bool norm = l.kind == LayerKind::kBatchNorm;
    if (!norm && l.kind != LayerKind::kConvolution && l.kind != LayerKind::kFullyConnected) continue;
    update_parameter(l, false);
    if (l.bias) update_parameter(l, true);
    if (norm) update_averages(l);
  }
}

double IntegerNetwork::decay(const Layer& l, bool is_bias) const {
  return settings_.weight_decay * (is_bias ? l.bias_decay : l.weight_decay);
}
double IntegerNetwork::rate(const Layer& l, bool is_bias) const {
  return settings_.learning_rate * (is_bias ? l.bias_lr : l.weight_lr);
}

std::vector<float> IntegerNetwork::adam(const Layer& l, bool is_bias, const std::vector<float>& g,
                                        const std::vector<float>& w) {
  const std::string first = IntegerGraph::parameter_name(l, is_bias, "first_moment"),
                    second = IntegerGraph::parameter_name(l, is_bias, "second_moment");
  const bool apart = settings_.optimizer == compiler::OptimizerKind::kAdamW;
  const auto lambda = static_cast<float>(decay(l, is_bias));
  const double t = settings_.step + 1.0, b1 = settings_.beta1, b2 = settings_.beta2;
  const auto eta = static_cast<float>(rate(l, is_bias) / (1 - std::pow(b1, t))),
             correction = static_cast<float>(1 / std::sqrt(1 - std::pow(b2, t))),
             taken = static_cast<float>(rate(l, is_bias) * decay(l, is_bias)),
             epsilon = static_cast<float>(settings_.epsilon);
  std::vector<float> m = tensor(first).reals(), s = tensor(second).reals(), change;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float h = lambda == 0.0F || apart ? g[i] : std::fma(w[i], lambda, g[i]);
    m[i] = std::fma(m[i], static_cast<float>(b1), h * static_cast<float>(1 - b1));
    s[i] = std::fma(s[i], static_cast<float>(b2), h * h * static_cast<float>(1 - b2));
    const float root = s[i] * inverse_root(std::fmax(s[i], 0x1p-100F));
    const float u = m[i] * reciprocal(std::fma(root, correction, epsilon)) * eta;
    change.push_back(apart && lambda != 0.0F ? std::fma(w[i], taken, u) : u);
  }
  const TensorShape shape = graph_.parameter_shape(l, is_bias);
  write_values(first, shape, m);
  write_values(second, shape, s);
  return change;
}

std::vector<float> IntegerNetwork::sgd(const Layer& l, bool is_bias, const std::vector<float>& g,
                                       const std::vector<float>& w) {
  const std::string velocity = IntegerGraph::parameter_name(l, is_bias, "momentum");
  const auto lambda = static_cast<float>(decay(l, is_bias)), eta = static_cast<float>(rate(l, is_bias)),
             momentum = static_cast<float>(settings_.momentum);
  std::vector<float> v = tensor(velocity).reals(), change;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const float decayed = lambda == 0.0F ? g[i] : std::fma(w[i], lambda, g[i]);
    const float scaled = decayed * eta;
    v[i] = std::fma(v[i], momentum, scaled);
    change.push_back(settings_.nesterov ? std::fma(v[i], momentum, scaled) : v[i]);
  }
  write_values(velocity, graph_.parameter_shape(l, is_bias), v);
  return change;
}

void IntegerNetwork::update_parameter(const Layer& l, bool is_bias) {
  const auto name_of = [&](const char* role) { return IntegerGraph::parameter_name(l, is_bias, role); };
  const std::string own_master = name_of("master"), copy = name_of("");
  const bool separate = formats_.count(own_master) != 0;
  const std::string master = separate ? own_master : copy;
  const TensorShape shape = graph_.parameter_shape(l, is_bias);
  std::vector<float> w = tensor(master).reals();
  const bool sgd_rule = settings_.optimizer == compiler::OptimizerKind::kSgd;
  std::vector<float> g = tensor(name_of("gradient")).reals();
  for (float& value : g) value *= gradient_scale_;
  const std::vector<float> change = sgd_rule ? sgd(l, is_bias, g, w) : adam(l, is_bias, g, w);
  if (!sgd_rule || settings_.nesterov) count(name_of("update"), change);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = w[i] - change[i];
  write_values(master, shape, w);
  if (separate) write_values(copy, shape, w);
}

// ---- batch normalisation ------------------------------------------------------------------------------

double IntegerNetwork::values_a_channel(const Layer& l) const {
  return static_cast<double>(settings_.batch * l.out.height * l.out.width);
}

IntegerNetwork::ChannelSum IntegerNetwork::channel_sum(const Layer& l, const std::vector<float>& a,
                                                       const std::vector<float>& b,
                                                       std::int64_t channel) const {
  constexpr std::int64_t kPiece = 32;
  const std::int64_t pixels = l.out.height * l.out.width;
  Fold sum, products;
  for (std::int64_t lane = 0; lane < std::min(settings_.lanes, settings_.batch); ++lane) {
    Fold lane_sum, lane_products;
    for (std::int64_t first = 0; first < pixels; first += kPiece) {
      for (std::int64_t n = lane; n < settings_.batch; n += settings_.lanes) {
        Fold piece, piece_products;
        for (std::int64_t p = first; p < std::min(pixels, first + kPiece); ++p) {
          const std::size_t i = at((n * l.out.channels + channel) * pixels + p);
          piece.add(a[i]);
          piece_products.add(a[i] * b[i]);
        }
        lane_sum.add(piece.sum());
        lane_products.add(piece_products.sum());
      }
    }
    sum.add(lane_sum.sum());
    products.add(lane_products.sum());
  }
  return {sum.sum(), products.sum()};
}

void IntegerNetwork::batch_norm_forward(const Layer& l, const Node& node) {
  const std::vector<float> x = tensor(activation(l.inputs.at(0))).reals(),
                           weight = tensor(l.name + ".weight").reals();
  const std::vector<float> bias =
      l.bias ? tensor(l.name + ".bias").reals() : std::vector<float>(weight.size());
  const std::vector<float> running_mean = tensor(l.name + ".running_mean").reals(),
                           running_variance = tensor(l.name + ".running_variance").reals();
  const auto share = static_cast<float>(1 / values_a_channel(l));
  std::vector<Moments>& moments = moments_[l.name];
  moments.assign(weight.size(), {});
  std::vector<float> scale, shift;
  for (std::size_t c = 0; c < weight.size(); ++c) {
    Moments& m = moments[c];
    if (training_) {
      const ChannelSum sum = channel_sum(l, x, x, static_cast<std::int64_t>(c));
      m.mean = sum.of_a * share;
      m.variance = std::fma(-m.mean, m.mean, sum.of_products * share);
      if (m.variance < 0) m.variance = 0;
    } else {
      m.mean = running_mean[c];
      m.variance = running_variance[c];
    }
    m.inverse_deviation = inverse_root(m.variance + static_cast<float>(l.epsilon));
    scale.push_back(weight[c] * m.inverse_deviation);
    shift.push_back(std::fma(-m.mean, scale[c], bias[c]));
  }
  write(node.activation(), graph_.image_shape(node.shape),
        [&](std::int64_t i, std::int64_t, std::int64_t c, std::int64_t, std::int64_t) {
          const float y = std::fma(x[at(i)], scale[at(c)], shift[at(c)]);
          return node.fused_relu ? positive_part(y) : static_cast<long double>(y);
        });
}

void IntegerNetwork::batch_norm_gradients(const Layer& l, const StoredTensor& dy) {
  const std::vector<float> x = tensor(activation(l.inputs.at(0))).reals(), gradient = dy.reals();
  std::vector<float> weight, bias;
  for (std::size_t c = 0; c < moments_.at(l.name).size(); ++c) {
    const ChannelSum sum = channel_sum(l, gradient, x, static_cast<std::int64_t>(c));
    Moments& m = moments_.at(l.name)[c];
    m.sum = sum.of_a;
    m.weight_gradient = std::fma(-m.mean, sum.of_a, sum.of_products) * m.inverse_deviation;
    weight.push_back(m.weight_gradient);
    bias.push_back(m.sum);
  }
  write_values(l.name + ".weight_gradient", graph_.parameter_shape(l, false), weight);
  if (l.bias) write_values(l.name + ".bias_gradient", graph_.parameter_shape(l, true), bias);
}

void IntegerNetwork::batch_norm_data_gradient(const Layer& l, const StoredTensor& dy, const Node& target,
                                              const std::string& name) {
  const std::vector<float> x = tensor(activation(l.inputs.at(0))).reals(), gradient = dy.reals(),
                           weight = tensor(l.name + ".weight").reals();
  const auto share = static_cast<float>(-1 / values_a_channel(l));
  write(name, graph_.image_shape(target.shape),
        [&](std::int64_t i, std::int64_t, std::int64_t channel, std::int64_t, std::int64_t) {
          const Moments& m = moments_.at(l.name)[at(channel)];
          const float a = weight[at(channel)] * m.inverse_deviation;
          const float b = m.weight_gradient * share * m.inverse_deviation * a;
          const float c = std::fma(-b, m.mean, m.sum * share * a);
          return static_cast<long double>(std::fma(gradient[at(i)], a, std::fma(x[at(i)], b, c)));
        });
}

void IntegerNetwork::update_averages(const Layer& l) {
  const double m = values_a_channel(l), momentum = l.average_momentum;
  const auto average = [&](const std::string& name, float Moments::*value, double share) {
    std::vector<float> averages = tensor(name).reals();
    for (std::size_t c = 0; c < averages.size(); ++c) {
      const float part = moments_.at(l.name)[c].*value * static_cast<float>(share);
      averages[c] = std::fma(averages[c], static_cast<float>(1 - momentum), part);
    }
    write_values(name, graph_.parameter_shape(l, true), averages);
  };
  average(l.name + ".running_mean", &Moments::mean, momentum);
  average(l.name + ".running_variance", &Moments::variance, m > 1 ? momentum * m / (m - 1) : momentum);
}

}  // namespace anzan::reference
