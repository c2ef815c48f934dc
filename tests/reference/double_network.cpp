// Forward, backward and update in double precision with running error bounds; see double_network.hpp.
// An activation has a row for every plane (image, channel) and a column for every pixel of it, weights a
// row for every output channel and a column for every (input channel of the group, ky, kx).
#include "tests/reference/double_network.hpp"

#include <Eigen/SparseCore>
#include <cmath>
#include <stdexcept>

#include "tests/reference/bounded_norm.hpp"
#include "tests/reference/bounded_sums.hpp"

namespace anzan::reference {
namespace {

using compiler::Layer;
using compiler::LayerKind;

Index pixels(const compiler::Shape& s) { return s.height * s.width; }
Index area(const Layer& l) { return l.y.kernel * l.x.kernel; }
bool has_weights(const Layer& l) {
  return l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected;
}
// An average pool is a convolution of each channel for itself: a sum of shares.
bool averages(const Layer& l) {
  return l.kind == LayerKind::kAveragePool || l.kind == LayerKind::kGlobalAveragePool;
}
Index groups(const Layer& l) { return averages(l) ? l.in.channels : l.groups; }

using Column = Eigen::ArrayXd;

Bounded ones(Index rows, Index columns) { return Bounded::exact(Array::Ones(rows, columns)); }

// The pixel that a tap of a window meets.
Index place(const compiler::WindowAxis& w, Index position, Index tap) {
  return position * w.stride + tap * w.dilation - w.pad;
}

// Taps on one axis by which an average is divided.
Index counted(const compiler::WindowAxis& w, Index position, Index input, bool padding) {
  Index taps = 0;
  for (Index k = 0; k < w.kernel; ++k) {
    const Index at = place(w, position, k);
    taps += at >= (padding ? -w.pad : 0) && at < input + (padding ? w.pad_end : 0);
  }
  return taps;
}

// The part of an average that each tap of its window brings, in every one of `rows` rows.
Array shares(const Layer& l, Index rows) {
  Array row(1, pixels(l.out));
  for (Index oy = 0; oy < l.out.height; ++oy)
    for (Index ox = 0; ox < l.out.width; ++ox)
      row(oy * l.out.width + ox) =
          1 / static_cast<double>(counted(l.y, oy, l.in.height, l.count_include_pad) *
                                  counted(l.x, ox, l.in.width, l.count_include_pad));
  return row.replicate(rows, 1);
}

// The taps of a layer's windows (im2col): activations of `planes` rows become planes x area rows, one for
// every tap, with a column for every output pixel.
class Windows {
 public:
  explicit Windows(const Layer& l) : area_(area(l)), reads_(area_ * pixels(l.out), pixels(l.in)) {
    std::vector<Eigen::Triplet<double>> reads;
    for (Index ky = 0, row = 0; ky < l.y.kernel; ++ky)
      for (Index kx = 0; kx < l.x.kernel; ++kx)
        for (Index oy = 0; oy < l.out.height; ++oy)
          for (Index ox = 0; ox < l.out.width; ++ox, ++row) {
            const Index y = place(l.y, oy, ky), x = place(l.x, ox, kx);
            if (y < 0 || y >= l.in.height || x < 0 || x >= l.in.width) continue;
            reads.emplace_back(static_cast<int>(row), static_cast<int>(y * l.in.width + x), 1);
          }
    reads_.setFromTriplets(reads.begin(), reads.end());
  }
  Bounded taps(const Bounded& x) const {
    return x.each([&](const Array& a) -> Array { return a.matrix() * reads_.transpose(); })
        .reshaped(x.value.rows() * area_);
  }
  // The way back: the sum of the taps that read a pixel.
  BoundedSums fold(const BoundedSums& taps) const {
    const Index planes = taps.value.rows() / area_;
    return taps.each([&](const Array& a) -> Array {
      return a.reshaped<Eigen::RowMajor>(planes, reads_.rows()).matrix() * reads_;
    });
  }

 private:
  Index area_;
  Eigen::SparseMatrix<double> reads_;  // (tap, output pixel) x input pixel: 1, or 0; padding: a row of 0
};

// x times factors; those that are not 1 are rounded to FP32, and so is the product.
Bounded times(const Bounded& x, const Array& factors) {
  const Array value = factors * x.value, rounded = (factors != 1 && value != 0).cast<double>();
  const Array roundings = 2 * kUnit * rounded * value;
  return {value, ((factors * x.deviation).square() + roundings.square()).sqrt() + kTiny * rounded,
          factors * x.shift, x.present};
}

// 1 where x is above zero, else the slope.
Array leaky_factor(const Bounded& x, double slope) {
  return (x.value > 0).select(Array::Ones(x.value.rows(), x.value.cols()), slope);
}

// One value of a vector.
void put(Bounded& to, Index at, double value, double deviation, double shift) {
  to.value(at) = value;
  to.deviation(at) = deviation;
  to.shift(at) = shift;
}

// What a max pool chose, by taps as Windows orders them: 1 or 0.
struct Choice {
  Array chosen;  // the first maximum
  Array open;    // whether FP32 may route to this tap or not, where that is open
};

class DoubleNetwork {
 public:
  DoubleNetwork(const compiler::Network& network, const DoubleTensors& given, const std::vector<int>& labels,
                const DoubleSettings& settings)
      : network_(network), given_(given), labels_(labels), settings_(settings) {
    if (static_cast<std::size_t>(settings.batch) != labels.size())
      throw std::invalid_argument("reference: one label an image needed");
    if (network.layers.empty() || network.layers.back().kind != LayerKind::kSoftmaxCrossEntropy) {
      throw std::invalid_argument("reference: the last layer must be the loss");
    }
  }

  void forward();
  void backward();  // and update
  const DoubleStep& step() const { return step_; }

 private:
  Bounded given(const std::string& name, Index rows, Index columns) const;
  Bounded weights(const Layer& l) const;
  void record(const std::string& name, const Bounded& x);
  const Bounded& output(int layer) const {
    return layer < 0 ? data_ : outputs_[static_cast<std::size_t>(layer)];
  }
  const Bounded& input(const Layer& l) const { return output(l.inputs.at(0)); }

  // Calls visit(rows of the weights, rows of the taps, rows of the output) for every group of every image.
  template <class Visit>
  void visit_groups(const Layer& l, const Visit& visit) const;

  Bounded contraction_forward(const Layer& l) const;
  Bounded max_pool_forward(const Layer& l, Choice& choice);
  Bounded add_forward(const Layer& l) const;
  void decide(const Bounded& x);
  Bounded relu_forward(const Layer& l);
  Bounded leaky_relu_forward(const Layer& l);
  // Images x pixels of a channel, and back.
  Bounded channel(const Layer& l, const Bounded& x, Index c) const;
  void set_channel(const Layer& l, Bounded& x, Index c, const Bounded& values) const;
  Bounded batch_norm_forward(const Layer& l);
  void batch_norm_backward(const Layer& l, const Bounded& dy, BoundedSums& dx);
  void average(const std::string& name, const Bounded& value, double momentum, double factor);
  void loss(const Layer& l);

  void contraction_backward(const Layer& l, const Bounded& dy, BoundedSums& dx);
  void max_pool_backward(const Layer& l, const Choice& choice, const Bounded& dy, BoundedSums& dx) const;
  void train(const Layer& l, bool is_bias, const Bounded& gradient);
  double gradient_norm() const;
  Bounded clipped(const Bounded& gradient, double norm) const;
  void update(const Layer& l, bool is_bias, const Bounded& gradient);
  static std::string moment_name(const Layer& l, bool is_bias, const std::string& what) {
    return l.name + (is_bias ? ".bias_" : ".") + what;
  }
  Bounded moment(const Layer& l, bool is_bias, const std::string& what, const Bounded& like) const;
  double decay(const Layer& l, bool is_bias) const;  // with the layer's multipliers
  double rate(const Layer& l, bool is_bias) const;
  static Bounded decayed(const Bounded& g, const Bounded& w, double factor);
  static Bounded averaged(const Bounded& old, const Bounded& x, double beta);
  static Bounded root(const Bounded& s);
  // What is taken from the parameter w.
  Bounded sgd(const Layer& l, bool is_bias, const Bounded& g, const Bounded& w);
  Bounded adam(const Layer& l, bool is_bias, const Bounded& g, const Bounded& w);

  const compiler::Network& network_;
  const DoubleTensors& given_;
  const std::vector<int>& labels_;
  DoubleSettings settings_;
  DoubleStep step_;
  Bounded data_;
  std::vector<Bounded> outputs_;
  std::map<std::string, Choice> choices_;  // by max pool layer
  Bounded logit_gradient_;
  struct Gradient {
    const Layer* layer;
    bool is_bias;
    Bounded value;
  };
  std::vector<Gradient> parameter_gradients_;
};

Bounded DoubleNetwork::given(const std::string& name, Index rows, Index columns) const {
  const auto found = given_.find(name);
  if (found == given_.end()) throw std::invalid_argument("reference: tensor " + name + " is missing");
  if (static_cast<Index>(found->second.size()) != rows * columns)
    throw std::invalid_argument("reference: wrong size of tensor " + name);
  return Bounded::exact(Eigen::Map<const Array>(found->second.data(), rows, columns));
}

Bounded DoubleNetwork::weights(const Layer& l) const {
  if (has_weights(l)) return given(l.name + ".weight", l.out.channels, l.in.channels / l.groups * area(l));
  return ones(l.out.channels, area(l));
}

void DoubleNetwork::record(const std::string& name, const Bounded& x) {
  const auto flat = [](const Array& a) { return std::vector<double>(a.data(), a.data() + a.size()); };
  step_.tensors.insert_or_assign(name, Values{flat(x.value), flat(x.deviation), flat(x.shift)});
}

template <class Visit>
void DoubleNetwork::visit_groups(const Layer& l, const Visit& visit) const {
  const Index out = l.out.channels / groups(l), taps = l.in.channels / groups(l) * area(l);
  for (Index n = 0; n < settings_.batch; ++n)
    for (Index g = 0; g < groups(l); ++g) {
      const Index image_and_group = n * groups(l) + g;
      visit(Rows{g * out, out}, Rows{image_and_group * taps, taps}, Rows{image_and_group * out, out});
    }
}

Bounded DoubleNetwork::contraction_forward(const Layer& l) const {
  const Bounded w = weights(l);
  Bounded x = Windows(l).taps(input(l));
  if (averages(l)) x = times(x, shares(l, x.value.rows()));
  BoundedSums y = BoundedSums::zero(settings_.batch * l.out.channels, pixels(l.out));
  if (l.bias) {
    const BoundedSums bias = product(given(l.name + ".bias", l.out.channels, 1), ones(1, pixels(l.out)));
    for (Index n = 0; n < settings_.batch; ++n) y.add(bias, n * l.out.channels);
  }
  visit_groups(l, [&](Rows weights, Rows taps, Rows out) {
    y.add(product(w.rows(weights), x.rows(taps)), out.first);
  });
  Bounded result = y.finish();
  // a window that meets only padding holds the bias as it is given: nothing is added, nothing rounds
  result.deviation *= (y.terms > (l.bias ? 1 : 0)).cast<double>();
  return result;
}

Bounded DoubleNetwork::max_pool_forward(const Layer& l, Choice& choice) {
  const Bounded taps = Windows(l).taps(input(l));
  const Array errors = taps.error();
  Bounded y = Bounded::exact(Array::Zero(settings_.batch * l.out.channels, pixels(l.out)));
  choice.chosen = choice.open = Array::Zero(errors.rows(), errors.cols());
  for (Index plane = 0; plane < y.value.rows(); ++plane)
    for (Index pixel = 0; pixel < y.value.cols(); ++pixel) {
      const auto window = [&](auto& all) { return all.col(pixel).segment(plane * area(l), area(l)); };
      const Column value = window(taps.value), present = window(taps.present), error = window(errors);
      Index best = 0;
      const double largest = (present > 0).select(value, -HUGE_VAL).maxCoeff(&best);
      const Column uncertainty = error + error(best);
      Column candidates =  // what FP32 could find at least as good
          present * (uncertainty > 0 && value + uncertainty >= largest).cast<double>();
      candidates(best) = 0;
      step_.decisions.push_back(static_cast<int>(best));
      step_.ambiguous += (candidates > 0).count();
      candidates(best) = candidates.maxCoeff();
      window(choice.open) = candidates;
      window(choice.chosen)(best) = candidates(best) = 1;
      // The maximum moves by no more than the largest move of a tap that could be the maximum.
      y.value(plane, pixel) = largest;
      y.deviation(plane, pixel) = (candidates * window(taps.deviation)).maxCoeff();
      y.shift(plane, pixel) = (candidates * window(taps.shift)).maxCoeff();
    }
  return y;
}

Bounded DoubleNetwork::add_forward(const Layer& l) const {
  BoundedSums y = BoundedSums::zero(input(l).value.rows(), input(l).value.cols());
  for (const int source : l.inputs) y.add(selected(output(source), output(source).present));
  return y.finish();
}

// Which elements a ReLU, leaky or not, finds above zero.
void DoubleNetwork::decide(const Bounded& x) {
  for (const double value : x.value.reshaped<Eigen::RowMajor>()) step_.decisions.push_back(value > 0);
  step_.ambiguous += (x.open() > 0).count();
}

Bounded DoubleNetwork::relu_forward(const Layer& l) {
  const Bounded& x = input(l);
  decide(x);
  const Array may_pass = (x.value + x.error() > 0).cast<double>();
  return {x.value.max(0), x.deviation * may_pass, x.shift * may_pass, x.present};
}

// Its errors are those of x, or these times the slope where x is certainly below zero.
Bounded DoubleNetwork::leaky_relu_forward(const Layer& l) {
  const Bounded& x = input(l);
  decide(x);
  const double slope = l.negative_slope;
  Bounded y = times(x, leaky_factor(x, slope));
  const Array open = x.open();
  y.deviation += open * (1 - slope) * x.deviation;
  y.shift += open * (1 - slope) * x.shift;
  return y;
}

// loss = log sum exp(z - max) - (z_label - max); gradient = (softmax - one-hot) / batch. With p = softmax,
// dp_c = p_c (dz_c - sum p_k dz_k), dloss = sum p_k dz_k - dz_label.
void DoubleNetwork::loss(const Layer& l) {
  const Bounded logits = input(l).reshaped(settings_.batch);
  const double images = static_cast<double>(settings_.batch), own = settings_.softmax_deviation;
  Bounded losses = Bounded::exact(Array::Zero(settings_.batch, 1));
  logit_gradient_ = logits;
  for (Index n = 0; n < settings_.batch; ++n) {
    const Column value = logits.value.row(n), variance = logits.deviation.row(n).square();
    const double shift = logits.shift.row(n).maxCoeff();
    const Index label = labels_[static_cast<std::size_t>(n)];
    Index best = 0;
    const Column z = value - value.maxCoeff(&best), p = z.exp() / z.exp().sum();
    const double mean_square = (p.square() * variance).sum();
    Column gradient = p;
    gradient(label) -= 1;
    gradient /= images;
    // The FP32 difference z - max rounds relative to its size, which exp turns into relative error.
    const Column relative_square = mean_square + variance + own * own + (kUnit * z).square();
    logit_gradient_.value.row(n) = gradient;
    logit_gradient_.deviation.row(n) =
        ((p / images).square() * relative_square + (2 * kUnit * gradient).square()).sqrt() + 0x1p-120;
    logit_gradient_.shift.row(n) = p / images * std::expm1(2 * shift);
    losses.value(n) = std::log(z.exp().sum()) - z(label);
    losses.deviation(n) =
        std::hypot(std::sqrt(mean_square + variance(label)), own * (1 + std::fabs(z(label))));
    losses.shift(n) = 2 * shift;
    step_.predictions.push_back(static_cast<int>(best));
  }
  step_.mean_loss = losses.value.mean();
  record("loss", losses);
}

void DoubleNetwork::forward() {
  data_ = given("data", settings_.batch * network_.input.channels, pixels(network_.input));
  for (const Layer& l : network_.layers) {
    Bounded y;
    switch (l.kind) {
      case LayerKind::kConvolution:
      case LayerKind::kFullyConnected:
      case LayerKind::kAveragePool:
      case LayerKind::kGlobalAveragePool:
        y = contraction_forward(l);
        break;
      case LayerKind::kMaxPool:
        y = max_pool_forward(l, choices_[l.name]);
        break;
      case LayerKind::kBatchNorm:
        y = batch_norm_forward(l);
        break;
      case LayerKind::kRelu:
        y = relu_forward(l);
        break;
      case LayerKind::kLeakyRelu:
        y = leaky_relu_forward(l);
        break;
      case LayerKind::kFlatten:
        y = input(l).reshaped(settings_.batch * l.out.channels);
        break;
      case LayerKind::kAdd:
        y = add_forward(l);
        break;
      case LayerKind::kSoftmaxCrossEntropy:
        loss(l);
        break;
    }
    outputs_.push_back(y);
    if (l.kind != LayerKind::kSoftmaxCrossEntropy) record(l.name + ".activation", y);
  }
}

void DoubleNetwork::contraction_backward(const Layer& l, const Bounded& whole_dy, BoundedSums& dx) {
  const Bounded dy = averages(l) ? times(whole_dy, shares(l, whole_dy.value.rows())) : whole_dy;
  const Windows windows(l);
  const Bounded w = weights(l), x = windows.taps(input(l));
  BoundedSums dw = BoundedSums::zero(w.value.rows(), w.value.cols());
  BoundedSums taps_gradient = BoundedSums::zero(x.value.rows(), x.value.cols());
  visit_groups(l, [&](Rows weights, Rows taps, Rows out) {
    taps_gradient.add(product(w.rows(weights).transposed(), dy.rows(out)), taps.first);
    dw.add(product(dy.rows(out), x.rows(taps).transposed()), weights.first);
  });
  dx.add(windows.fold(taps_gradient));
  if (has_weights(l)) train(l, false, dw.finish());
  if (!l.bias) return;
  BoundedSums db = BoundedSums::zero(l.out.channels, 1);
  for (Index n = 0; n < settings_.batch; ++n)
    db.add(product(dy.rows({n * l.out.channels, l.out.channels}), ones(pixels(l.out), 1)));
  train(l, true, db.finish());
}

Bounded DoubleNetwork::channel(const Layer& l, const Bounded& x, Index c) const {
  return x.each([&](const Array& a) -> Array {
    Array part(settings_.batch, a.cols());
    for (Index n = 0; n < settings_.batch; ++n) part.row(n) = a.row(n * l.out.channels + c);
    return part;
  });
}

void DoubleNetwork::set_channel(const Layer& l, Bounded& x, Index c, const Bounded& values) const {
  for (Index n = 0; n < settings_.batch; ++n) {
    const Index row = n * l.out.channels + c;
    x.value.row(row) = values.value.row(n);
    x.deviation.row(row) = values.deviation.row(n);
    x.shift.row(row) = values.shift.row(n);
  }
}

Bounded DoubleNetwork::batch_norm_forward(const Layer& l) {
  const Bounded weight = given(l.name + ".weight", l.out.channels, 1);
  const Bounded bias = l.bias ? given(l.name + ".bias", l.out.channels, 1) : Bounded::exact(0 * weight.value);
  Bounded y = Bounded::exact(0 * input(l).value), means = Bounded::exact(0 * weight.value), variances = means;
  const double m = static_cast<double>(settings_.batch * pixels(l.out));
  for (Index c = 0; c < l.out.channels; ++c) {
    const Bounded x = channel(l, input(l), c);
    const ChannelMoments k = moments(x, l.epsilon);
    set_channel(l, y, c, normalised(k, weight.value(c), bias.value(c), x));
    put(means, c, k.mean, k.mean_deviation, k.mean_shift);
    put(variances, c, k.variance, k.variance_deviation, k.variance_shift);
  }
  average(l.name + ".running_mean", means, l.average_momentum, 1);
  average(l.name + ".running_variance", variances, l.average_momentum, m > 1 ? m / (m - 1) : 1);
  return y;
}

// average := (1 - momentum) average + momentum factor value
void DoubleNetwork::average(const std::string& name, const Bounded& value, double momentum, double factor) {
  if (given_.count(name) == 0) return;
  const Array before = (1 - momentum) * given(name, value.value.rows(), 1).value;
  const double share = momentum * factor;
  Bounded result = Bounded::exact(before + share * value.value);
  result.deviation = ((share * value.deviation).square() + (2 * kUnit * share * value.value).square() +
                      (kUnit * before).square() + (kUnit * result.value).square())
                         .sqrt() +
                     kTiny;
  result.shift = share * value.shift;
  record(name, result);
}

void DoubleNetwork::batch_norm_backward(const Layer& l, const Bounded& whole_dy, BoundedSums& dx) {
  const Bounded weight = given(l.name + ".weight", l.out.channels, 1);
  Bounded result = Bounded::exact(0 * whole_dy.value), dw = Bounded::exact(0 * weight.value), db = dw;
  for (Index c = 0; c < l.out.channels; ++c) {
    const Bounded x = channel(l, input(l), c), dy = channel(l, whole_dy, c);
    const ChannelMoments k = moments(x, l.epsilon);
    const NormGradient r = weight_gradient(k, x, dy);
    put(dw, c, r.g, r.g_deviation, r.g_shift);
    put(db, c, r.sum, r.sum_deviation, r.sum_shift);
    set_channel(l, result, c, data_gradient(k, r, weight.value(c), x, dy));
  }
  train(l, false, dw);
  if (l.bias) train(l, true, db);
  dx.add(selected(result, result.present));
}

void DoubleNetwork::max_pool_backward(const Layer& l, const Choice& choice, const Bounded& dy,
                                      BoundedSums& dx) const {
  const Bounded taps = dy.each([&](const Array& a) -> Array {
                           return a.replicate(1, area(l));
                         }).reshaped(choice.chosen.rows());
  BoundedSums routed = selected(taps, choice.chosen);
  routed.add_open(taps, choice.open);
  dx.add(Windows(l).fold(routed));
}

void DoubleNetwork::backward() {
  const std::size_t layers = network_.layers.size();
  std::vector<BoundedSums> gradients;  // of the output of each layer; the last is that of the data
  for (const Layer& l : network_.layers)
    gradients.push_back(BoundedSums::zero(settings_.batch * l.out.channels, pixels(l.out)));
  gradients.push_back(BoundedSums::zero(data_.value.rows(), data_.value.cols()));
  for (std::size_t number = layers; number-- > 0;) {
    const Layer& l = network_.layers[number];
    const bool is_loss = l.kind == LayerKind::kSoftmaxCrossEntropy;
    const Bounded dy = is_loss ? logit_gradient_ : gradients[number].finish();
    if (!is_loss) record(l.name + ".activation_gradient", dy);
    for (const int source : l.inputs) {
      BoundedSums& dx = gradients[source < 0 ? layers : static_cast<std::size_t>(source)];
      switch (l.kind) {
        case LayerKind::kConvolution:
        case LayerKind::kFullyConnected:
        case LayerKind::kAveragePool:
        case LayerKind::kGlobalAveragePool:
          contraction_backward(l, dy, dx);
          break;
        case LayerKind::kMaxPool:
          max_pool_backward(l, choices_.at(l.name), dy, dx);
          break;
        case LayerKind::kBatchNorm:
          batch_norm_backward(l, dy, dx);
          break;
        case LayerKind::kRelu:
          dx.add(selected(dy, (input(l).value > 0).cast<double>()));
          dx.add_open(dy, input(l).open());
          break;
        case LayerKind::kLeakyRelu: {
          const Bounded scaled = times(dy, leaky_factor(input(l), l.negative_slope));
          dx.add(selected(scaled, scaled.present));
          dx.add_open(dy, input(l).open());
          break;
        }
        case LayerKind::kFlatten:
        case LayerKind::kAdd:
        case LayerKind::kSoftmaxCrossEntropy: {
          const Bounded passed = dy.reshaped(dx.value.rows());
          dx.add(selected(passed, passed.present));
          break;
        }
      }
    }
  }
  record("data_gradient", gradients[layers].finish());
  const double norm = gradient_norm();
  for (const Gradient& g : parameter_gradients_) update(*g.layer, g.is_bias, clipped(g.value, norm));
}

// Records the gradient of a parameter, for its update when all are there.
void DoubleNetwork::train(const Layer& l, bool is_bias, const Bounded& g) {
  record(l.name + (is_bias ? ".bias_gradient" : ".weight_gradient"), g);
  parameter_gradients_.push_back({&l, is_bias, g});
}

double DoubleNetwork::gradient_norm() const {
  double sum = 0;
  for (const Gradient& g : parameter_gradients_) sum += g.value.value.square().sum();
  return std::sqrt(sum);
}

// No longer than it may be. The norm moves by g dg / norm for each element, and by the roundings of its sum.
Bounded DoubleNetwork::clipped(const Bounded& g, double norm) const {
  const double most = settings_.clip_norm;
  if (most == 0) return g;
  double variance = 0, shift = 0;
  for (const Gradient& other : parameter_gradients_) {
    const Bounded& x = other.value;
    variance += (x.value * x.deviation).square().sum() + (kUnit * x.value.square()).square().sum();
    shift += (x.value.abs() * x.shift + x.error().square()).sum();
  }
  const double safe = std::max(norm, 1e-30), factor = std::min(1.0, most / safe);
  const bool clips = norm + 1e-3 * norm > most;  // else nothing is rounded
  const double deviation = clips ? factor * (std::sqrt(variance) / (safe * safe) + 16 * kUnit) : 0,
               moved = clips ? factor * shift / (safe * safe) : 0;
  Bounded result = g;
  result.value *= factor;
  result.deviation =
      ((factor * g.deviation).square() + (deviation * g.value).square() + (kUnit * result.value).square())
          .sqrt() +
      kTiny;
  result.shift = factor * g.shift + moved * (g.value.abs() + g.shift);
  return result;
}

Bounded DoubleNetwork::moment(const Layer& l, bool is_bias, const std::string& what,
                              const Bounded& like) const {
  const std::string name = moment_name(l, is_bias, what);
  if (given_.count(name) == 0) return Bounded::exact(0 * like.value);
  return given(name, like.value.rows(), like.value.cols());
}

double DoubleNetwork::decay(const Layer& l, bool is_bias) const {
  return settings_.weight_decay * (is_bias ? l.bias_decay : l.weight_decay);
}
double DoubleNetwork::rate(const Layer& l, bool is_bias) const {
  return settings_.learning_rate * (is_bias ? l.bias_lr : l.weight_lr);
}

// g + factor w
Bounded DoubleNetwork::decayed(const Bounded& g, const Bounded& w, double factor) {
  Bounded t = g;
  const Array part = factor * w.value;
  t.value += part;
  t.deviation = (g.deviation.square() + (kUnit * part).square() + (kUnit * t.value).square()).sqrt();
  return t;
}

// Records the parameter and its moments after the update.
void DoubleNetwork::update(const Layer& l, bool is_bias, const Bounded& g) {
  const std::string name = l.name + (is_bias ? ".bias" : ".weight");
  Bounded w = given(name, g.value.rows(), g.value.cols());
  const Bounded change =
      settings_.optimizer == compiler::OptimizerKind::kSgd ? sgd(l, is_bias, g, w) : adam(l, is_bias, g, w);
  w.value -= change.value;
  w.deviation = (change.deviation.square() + (kUnit * w.value).square()).sqrt() + kTiny;
  w.shift = change.shift;
  record(name, w);
}

Bounded DoubleNetwork::sgd(const Layer& l, bool is_bias, const Bounded& g, const Bounded& w) {
  const double eta = rate(l, is_bias), mu = settings_.momentum;
  const Bounded t = decayed(g, w, decay(l, is_bias));
  Bounded v = moment(l, is_bias, "momentum", g);
  const Array scaled = eta * t.value, old = mu * v.value,
              scaled_variance = (eta * t.deviation).square() + (2 * kUnit * scaled).square();
  v.value = old + scaled;
  v.deviation = (scaled_variance + (kUnit * old).square() + (kUnit * v.value).square()).sqrt() + kTiny;
  v.shift = std::fabs(eta) * g.shift;
  record(moment_name(l, is_bias, "momentum"), v);
  if (!settings_.nesterov) return v;
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
Bounded DoubleNetwork::averaged(const Bounded& old, const Bounded& x, double beta) {
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
Bounded DoubleNetwork::root(const Bounded& s) {
  Bounded result = Bounded::exact(s.value.sqrt());
  const Array safe = result.value.max(0x1p-100), close = (s.error() < s.value / 2).cast<double>(),
              slope = close * 0.71 / safe;
  result.deviation = ((slope * s.deviation).square() + (4 * kUnit * result.value).square()).sqrt();
  result.shift = slope * s.shift + (1 - close) * (s.value + s.error()).sqrt() + 0x1p-50;
  return result;
}

Bounded DoubleNetwork::adam(const Layer& l, bool is_bias, const Bounded& g, const Bounded& w) {
  const bool apart = settings_.optimizer == compiler::OptimizerKind::kAdamW;
  const Bounded h = apart ? g : decayed(g, w, decay(l, is_bias));
  Bounded square = Bounded::exact(h.value.square());
  square.deviation = ((2 * h.value * h.deviation).square() + (kUnit * square.value).square()).sqrt();
  square.shift = 2 * h.value.abs() * h.shift + h.error().square();
  const Bounded m = averaged(moment(l, is_bias, "first_moment", g), h, settings_.beta1),
                s = averaged(moment(l, is_bias, "second_moment", g), square, settings_.beta2), r = root(s);
  record(moment_name(l, is_bias, "first_moment"), m);
  record(moment_name(l, is_bias, "second_moment"), s);
  const double c1 = 1 - std::pow(settings_.beta1, settings_.t),
               c2 = 1 / std::sqrt(1 - std::pow(settings_.beta2, settings_.t)), eta = rate(l, is_bias);
  const Array d = c2 * r.value + settings_.epsilon,
              d_deviation = ((c2 * r.deviation).square() + (3 * kUnit * d).square()).sqrt(),
              d_shift = c2 * r.shift,
              least = (d - kConfidence * d_deviation - d_shift).max(settings_.epsilon * (1 - 4 * kUnit));
  // m / d, whose error is at most dm / least + m dd / (d least)
  Bounded change = Bounded::exact(eta / c1 * m.value / d);
  change.deviation = eta / c1 * (m.deviation + m.value.abs() * d_deviation / d) / least +
                     8 * kUnit * change.value.abs() + kTiny;
  change.shift = eta / c1 * (m.shift + m.value.abs() * d_shift / d) / least;
  return apart ? decayed(change, w, eta * decay(l, is_bias)) : change;
}

}  // namespace

const Values& DoubleStep::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::invalid_argument("reference: no tensor " + name);
  return found->second;
}

DoubleStep double_forward(const compiler::Network& network, const DoubleTensors& tensors,
                          const std::vector<int>& labels, const DoubleSettings& settings) {
  DoubleNetwork step(network, tensors, labels, settings);
  step.forward();
  return step.step();
}

DoubleStep double_training_step(const compiler::Network& network, const DoubleTensors& tensors,
                                const std::vector<int>& labels, const DoubleSettings& settings) {
  DoubleNetwork step(network, tensors, labels, settings);
  step.forward();
  step.backward();
  return step.step();
}

}  // namespace anzan::reference
