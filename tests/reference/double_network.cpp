// Forward, backward and update in double precision with running error bounds; see double_network.hpp.
// An activation has a row for every plane (image, channel) and a column for every pixel of it, weights a
// row for every output channel and a column for every (input channel of the group, ky, kx).
#include "tests/reference/double_network.hpp"

#include <Eigen/SparseCore>
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tests/reference/bounded_norm.hpp"
#include "tests/reference/bounded_sums.hpp"
#include "tests/reference/curves.hpp"

namespace anzan::reference {
namespace {

using compiler::Layer;
using compiler::LayerKind;

Index pixels(const compiler::Shape& s) { return s.height * s.width; }
Index area(const Layer& l) { return l.y.kernel * l.x.kernel; }
bool has_weights(const Layer& l) {
  return l.kind == LayerKind::kConvolution || l.kind == LayerKind::kFullyConnected;
}
bool is_loss(const Layer& l) {
  return l.kind == LayerKind::kSoftmaxCrossEntropy || l.kind == LayerKind::kMeanSquaredError;
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

// Whether FP32 could find x on the other side of a place where the slope of the curve jumps: 1 or 0.
Array open_kinks(const CurveLimits& limits, const Bounded& x) {
  const Array errors = x.error();
  Array open = Array::Zero(x.value.rows(), x.value.cols());
  for (const double kink : limits.kinks)
    open = open.max((errors > 0 && (x.value - kink).abs() <= errors).cast<double>());
  return open;
}

// Values with errors, one by one.
template <class Visit>
void visit_values(const Bounded& x, const Visit& visit) {
  for (Index row = 0; row < x.value.rows(); ++row)
    for (Index column = 0; column < x.value.cols(); ++column) visit(row, column);
}

// y = curve(x). Errors of x grow by the largest slope on the way.
Bounded through_curve(const Layer& l, const Bounded& x) {
  const CurveLimits limits = curve_limits(l);
  const Array open = open_kinks(limits, x), errors = x.error();
  Bounded y = x;
  visit_values(x, [&](Index i, Index j) {
    const CurvePoint at = curve_at(l, x.value(i, j));
    const double slope = open(i, j) > 0
                             ? limits.slope
                             : std::min(limits.slope, std::fabs(at.slope) + limits.bend * errors(i, j));
    y.value(i, j) = at.value;
    y.deviation(i, j) = std::hypot(slope * x.deviation(i, j), at.value_deviation);
    y.shift(i, j) = slope * x.shift(i, j);
  });
  return y;
}

// The slope of the curve at x; jumps that are open are not in its bounds.
Bounded slope_of_curve(const Layer& l, const Bounded& x) {
  const CurveLimits limits = curve_limits(l);
  Bounded slope = x;
  visit_values(x, [&](Index i, Index j) {
    const CurvePoint at = curve_at(l, x.value(i, j));
    slope.value(i, j) = at.slope;
    slope.deviation(i, j) = std::hypot(limits.bend * x.deviation(i, j), at.slope_deviation);
    slope.shift(i, j) = limits.bend * x.shift(i, j);
  });
  return slope;
}

// The values; one pixel for all where there is one.
Bounded over_pixels(const Bounded& x, Index pixels) {
  if (x.value.cols() == pixels) return x;
  return x.each([&](const Array& a) -> Array { return a.replicate(1, pixels); });
}

// a b, element by element: rounded where neither is 1 or 0.
Bounded times(const Bounded& a, const Bounded& b) {
  const Array value = a.value * b.value;
  const Array rounded = (a.value != 1 && b.value != 1 && value != 0).cast<double>();
  const Array a_shifted = a.value.abs() + a.shift, b_shifted = b.value.abs() + b.shift;
  const Array variance = (a_shifted * b.deviation).square() + (b_shifted * a.deviation).square() +
                         (a.deviation * b.deviation).square() + (kUnit * rounded * value).square();
  const Array a_largest = a.value.abs() + a.error();
  return {value, variance.sqrt() + kTiny * rounded,
          a_largest * b.shift + a.shift * (b.value.abs() + b.error()), a.present};
}

// One value of a vector.
void put(Bounded& to, Index at, double value, double deviation, double shift) {
  to.value(at) = value;
  to.deviation(at) = deviation;
  to.shift(at) = shift;
}

// Of each image, rows (channels, pixels) become columns and columns rows.
Bounded turned(const Bounded& x, Index images) {
  const Index rows = x.value.rows() / images, columns = x.value.cols();
  return x.each([&](const Array& a) -> Array {
    Array result(images * columns, rows);
    for (Index n = 0; n < images; ++n)
      result.middleRows(n * columns, columns) = a.middleRows(n * rows, rows).transpose();
    return result;
  });
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
    if (network.layers.empty() || !is_loss(network.layers.back()))
      throw std::invalid_argument("reference: the last layer must be the loss");
    if (static_cast<std::size_t>(settings.batch * pixels(network.layers.back().in)) != labels.size())
      throw std::invalid_argument("reference: one label needed for each pixel of the logits");
  }

  void forward();
  void backward();  // and update
  const DoubleStep& step() const { return step_; }

 private:
  Bounded given(const std::string& name, Index rows, Index columns) const;
  Bounded weights(const Layer& l) const;
  Array mask(const Layer& l) const {
    return given(l.name + ".mask", input(l).value.rows(), input(l).value.cols()).value;
  }
  void record(const std::string& name, const Bounded& x);
  const Bounded& output(int layer) const {
    return layer < 0 ? data_ : outputs_[static_cast<std::size_t>(layer)];
  }
  const Bounded& input(const Layer& l) const { return output(l.inputs.at(0)); }

  // Calls visit(rows of the weights, rows of the taps, rows of the output) for every group of every image.
  template <class Visit>
  void visit_groups(const Layer& l, const Visit& visit) const;

  template <class Visit>
  void visit_parts(const Layer& l, const Visit& visit) const;

  Bounded contraction_forward(const Layer& l) const;
  Bounded max_pool_forward(const Layer& l, Choice& choice);
  Bounded add_forward(const Layer& l) const;
  Bounded multiply_forward(const Layer& l) const;
  void combine_backward(const Layer& l, int source, const Bounded& dy, BoundedSums& dx) const;
  Bounded concat_forward(const Layer& l) const;
  void concat_backward(const Layer& l, int source, const Bounded& dy, BoundedSums& dx) const;
  void decide(const Bounded& x);
  Bounded relu_forward(const Layer& l);
  Bounded curve_forward(const Layer& l);
  // Images x pixels of a channel, and back.
  Bounded channel(const Layer& l, const Bounded& x, Index c) const;
  void set_channel(const Layer& l, Bounded& x, Index c, const Bounded& values) const;
  Bounded batch_norm_forward(const Layer& l);
  void batch_norm_backward(const Layer& l, const Bounded& dy, BoundedSums& dx);
  void average(const std::string& name, const Bounded& value, double momentum, double factor);
  void cross_entropy(const Layer& l);
  void squared_error(const Layer& l);

  void contribute(const Layer& l, int source, const Bounded& dy, BoundedSums& dx);
  void contraction_backward(const Layer& l, const Bounded& dy, BoundedSums& dx);
  void curve_backward(const Layer& l, const Bounded& dy, BoundedSums& dx) const;
  Array near(const Layer& l, const Array& a, bool back) const;
  Bounded lrn_forward(const Layer& l) const;
  void lrn_backward(const Layer& l, const Bounded& dy, BoundedSums& dx) const;
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
  BoundedSums y = BoundedSums::zero(settings_.batch * l.out.channels, pixels(l.out));
  for (const int source : l.inputs) {
    const Bounded term = over_pixels(output(source), y.value.cols());
    y.add(selected(term, term.present));
  }
  return y.finish();
}

Bounded DoubleNetwork::multiply_forward(const Layer& l) const {
  return times(over_pixels(output(l.inputs[0]), pixels(l.out)),
               over_pixels(output(l.inputs[1]), pixels(l.out)));
}

// What arrives at an input of an add or a multiply.
void DoubleNetwork::combine_backward(const Layer& l, int source, const Bounded& dy, BoundedSums& dx) const {
  Bounded terms = dy;
  if (l.kind == LayerKind::kMultiply) {
    const int other = l.inputs[source == l.inputs[0] ? 1 : 0];
    terms = times(dy, over_pixels(output(other), pixels(l.out)));
  }
  const BoundedSums all = selected(terms, terms.present);
  const bool sums = dx.value.cols() < dy.value.cols();
  dx.add(sums ? all.each([](const Array& a) -> Array { return a.rowwise().sum(); }) : all);
}

// Calls visit(number of the input, its planes, those of the output) for every image.
template <class Visit>
void DoubleNetwork::visit_parts(const Layer& l, const Visit& visit) const {
  for (Index n = 0; n < settings_.batch; ++n) {
    Index first = n * l.out.channels;
    for (const int source : l.inputs) {
      const Index channels = output(source).value.rows() / settings_.batch;
      visit(source, Rows{n * channels, channels}, Rows{first, channels});
      first += channels;
    }
  }
}

Bounded DoubleNetwork::concat_forward(const Layer& l) const {
  Bounded y = Bounded::exact(Array::Zero(settings_.batch * l.out.channels, pixels(l.out)));
  visit_parts(l, [&](int source, Rows of_input, Rows of_output) {
    const Bounded part = output(source).rows(of_input);
    for (const auto member : {&Bounded::value, &Bounded::deviation, &Bounded::shift, &Bounded::present})
      (y.*member).middleRows(of_output.first, of_output.count) = part.*member;
  });
  return y;
}

void DoubleNetwork::concat_backward(const Layer& l, int source, const Bounded& dy, BoundedSums& dx) const {
  visit_parts(l, [&](int part, Rows of_input, Rows of_output) {
    const Bounded passed = dy.rows(of_output);
    if (part == source) dx.add(selected(passed, passed.present), of_input.first);
  });
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

// Where the input lies between the places at which the slope jumps is a decision.
Bounded DoubleNetwork::curve_forward(const Layer& l) {
  const Bounded& x = input(l);
  const CurveLimits limits = curve_limits(l);
  if (!limits.kinks.empty()) {
    for (const double value : x.value.reshaped<Eigen::RowMajor>()) {
      const auto above = [value](double kink) { return value > kink; };
      step_.decisions.push_back(
          static_cast<int>(std::count_if(limits.kinks.begin(), limits.kinks.end(), above)));
    }
    step_.ambiguous += (open_kinks(limits, x) > 0).count();
  }
  return through_curve(l, x);
}

// loss = log sum exp(z - max) - (z_label - max); gradient = (softmax - target) / batch, the target
// one-hot or smoothed; here z_label stands for the mean of z by the target. With p = softmax,
// dp_c = p_c (dz_c - sum p_k dz_k), dloss = sum p_k dz_k - dz_label.
void DoubleNetwork::cross_entropy(const Layer& l) {
  const Bounded logits = turned(input(l), settings_.batch);
  const Index rows = logits.value.rows();
  const double all = static_cast<double>(rows), own = settings_.softmax_deviation;
  Bounded losses = Bounded::exact(Array::Zero(rows, 1)), gradients = logits;
  for (Index n = 0; n < rows; ++n) {
    const Column value = logits.value.row(n), variance = logits.deviation.row(n).square();
    const double shift = logits.shift.row(n).maxCoeff();
    const Index label = labels_[static_cast<std::size_t>(n)];
    Index best = 0;
    const Column z = value - value.maxCoeff(&best), p = z.exp() / z.exp().sum();
    const double mean_square = (p.square() * variance).sum();
    Column target = Column::Constant(p.size(), l.label_smoothing / static_cast<double>(p.size()));
    target(label) += 1 - l.label_smoothing;
    const Column gradient = (p - target) / all;
    const double target_logit = (target * z).sum();
    // The FP32 difference z - max rounds relative to its size, which exp turns into relative error.
    const Column relative_square = mean_square + variance + own * own + (kUnit * z).square();
    gradients.value.row(n) = gradient;
    gradients.deviation.row(n) = ((p / all).square() * relative_square + (2 * kUnit * gradient).square() +
                                  (kUnit * target / all).square() * (l.label_smoothing > 0))
                                     .sqrt() +
                                 0x1p-120;
    gradients.shift.row(n) = p / all * std::expm1(2 * shift);
    losses.value(n) = std::log(z.exp().sum()) - target_logit;
    losses.deviation(n) = std::hypot(std::sqrt(mean_square + (target.square() * variance).sum()),
                                     own * (1 + std::fabs(target_logit)));
    losses.shift(n) = 2 * shift;
    step_.predictions.push_back(static_cast<int>(best));
  }
  logit_gradient_ = turned(gradients, settings_.batch);
  step_.mean_loss = losses.value.mean();
  record("loss", losses);
}

// loss = mean of (z - target)^2 over the classes; gradient = 2 (z - target) / (classes pixels batch).
void DoubleNetwork::squared_error(const Layer& l) {
  const Bounded logits = turned(input(l), settings_.batch);
  const double classes = static_cast<double>(logits.value.cols()),
               share = 2 / classes / static_cast<double>(logits.value.rows());
  Array d = logits.value;
  for (Index n = 0; n < d.rows(); ++n) {
    Index best = 0;
    logits.value.row(n).maxCoeff(&best);
    step_.predictions.push_back(static_cast<int>(best));
    d(n, labels_[static_cast<std::size_t>(n)]) -= 1;
  }
  Bounded gradients = logits;
  gradients.value = share * d;
  gradients.deviation = share * (logits.deviation.square() + (3 * kUnit * d).square()).sqrt() + kTiny;
  gradients.shift = share * logits.shift;
  logit_gradient_ = turned(gradients, settings_.batch);
  Bounded losses = Bounded::exact(d.square().rowwise().mean());
  const Array spread =
      (2 * d * logits.deviation).square().rowwise().sum().sqrt() + logits.deviation.square().rowwise().sum();
  losses.deviation = spread / classes + (classes + 3) * kUnit * losses.value + kTiny;
  losses.shift = ((2 * d.abs() + logits.shift) * logits.shift).rowwise().mean();
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
      case LayerKind::kClip:
      case LayerKind::kHardSigmoid:
      case LayerKind::kHardSwish:
      case LayerKind::kSigmoid:
      case LayerKind::kSwish:
      case LayerKind::kTanh:
        y = curve_forward(l);
        break;
      case LayerKind::kFlatten:
        y = input(l).reshaped(settings_.batch * l.out.channels);
        break;
      case LayerKind::kAdd:
        y = add_forward(l);
        break;
      case LayerKind::kLrn:
        y = lrn_forward(l);
        break;
      case LayerKind::kDropout:
        y = times(input(l), mask(l));
        break;
      case LayerKind::kMultiply:
        y = multiply_forward(l);
        break;
      case LayerKind::kConcat:
        y = concat_forward(l);
        break;
      case LayerKind::kSoftmaxCrossEntropy:
        cross_entropy(l);
        break;
      case LayerKind::kMeanSquaredError:
        squared_error(l);
        break;
    }
    outputs_.push_back(y);
    if (!is_loss(l)) record(l.name + ".activation", y);
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

// Sums over the channels that an element meets; back: over those that meet it.
Array DoubleNetwork::near(const Layer& l, const Array& a, bool back) const {
  const Index before = back ? l.size / 2 : (l.size - 1) / 2, after = l.size - 1 - before,
              channels = l.out.channels;
  Array sums = Array::Zero(a.rows(), a.cols());
  for (Index row = 0; row < a.rows(); ++row) {
    const Index first = row / channels * channels;
    for (Index k = std::max(first, row - before); k < std::min(first + channels, row + after + 1); ++k)
      sums.row(row) += a.row(k);
  }
  return sums;
}

// With a = alpha / size, a x^2 is at most s, and s at least k: so x's slope is at most k^-beta by itself and
// 2 beta k^-beta by s. Of the powers, exp and ln round.
Bounded DoubleNetwork::lrn_forward(const Layer& l) const {
  const Bounded& x = input(l);
  const double a = l.alpha / static_cast<double>(l.size);
  const Array s = l.k + a * near(l, x.value.square(), false), power = s.pow(-l.beta);
  const double steepest = std::pow(l.k, -l.beta);
  Bounded y = x;
  y.value = x.value * power;
  const Array own = kUnit * (6 + 4 * l.beta * (1 + s.log().abs())) * y.value;
  const auto moved = [&](const Array& by) -> Array {
    return steepest * (by + 2 * l.beta * near(l, by, false));
  };
  y.deviation = (moved(x.deviation).square() + own.square()).sqrt() + kTiny;
  y.shift = moved(x.shift);
  return y;
}

// Slopes of s^-beta and of a x x' s^(-beta - 1) are bounded in the same way, by k^(-beta - 1/2).
void DoubleNetwork::lrn_backward(const Layer& l, const Bounded& dy, BoundedSums& dx) const {
  const Bounded& x = input(l);
  const double a = l.alpha / static_cast<double>(l.size), b = l.beta;
  const Array s = l.k + a * near(l, x.value.square(), false), power = s.pow(-b),
              terms = x.value * s.pow(-b - 1);
  const double bend = 2 * b * std::sqrt(a) * std::pow(l.k, -b - 0.5);
  Bounded result = dy;
  result.value = dy.value * power - 2 * a * b * x.value * near(l, dy.value * terms, true);
  const Array passed = dy.value.abs() * power,
              met = 2 * a * b * x.value.abs() * near(l, (dy.value * terms).abs(), true);
  const Array own = kUnit * (8 + 4 * (b + 1) * (1 + s.log().abs().maxCoeff())) * (passed + met);
  const Array largest_dy = dy.value.abs() + dy.error();
  const auto moved = [&](const Array& of_dy, const Array& of_x) -> Array {
    const Array around = near(l, of_x, false);
    return of_dy * power + 2 * a * b * x.value.abs() * near(l, of_dy * terms.abs(), true) +
           bend * (largest_dy * around + of_x * near(l, largest_dy, true) +
                   near(l, largest_dy * (of_x + 2 * (b + 1) * around), true));
  };
  result.deviation = (moved(dy.deviation, x.deviation).square() + own.square()).sqrt() + kTiny;
  result.shift = moved(dy.shift, x.shift);
  dx.add(selected(result, result.present));
}

void DoubleNetwork::curve_backward(const Layer& l, const Bounded& dy, BoundedSums& dx) const {
  const Bounded scaled = times(dy, slope_of_curve(l, input(l)));
  const CurveLimits limits = curve_limits(l);
  dx.add(selected(scaled, scaled.present));
  dx.add_open(dy, limits.jump * open_kinks(limits, input(l)));
}

void DoubleNetwork::backward() {
  const std::size_t layers = network_.layers.size();
  std::vector<BoundedSums> gradients;  // of the output of each layer; the last is that of the data
  for (const Layer& l : network_.layers)
    gradients.push_back(BoundedSums::zero(settings_.batch * l.out.channels, pixels(l.out)));
  gradients.push_back(BoundedSums::zero(data_.value.rows(), data_.value.cols()));
  for (std::size_t number = layers; number-- > 0;) {
    const Layer& l = network_.layers[number];
    const Bounded dy = is_loss(l) ? logit_gradient_ : gradients[number].finish();
    if (!is_loss(l)) record(l.name + ".activation_gradient", dy);
    for (const int source : l.inputs) {
      BoundedSums& dx = gradients[source < 0 ? layers : static_cast<std::size_t>(source)];
      contribute(l, source, dy, dx);
    }
  }
  record("data_gradient", gradients[layers].finish());
  const double norm = gradient_norm();
  for (const Gradient& g : parameter_gradients_) update(*g.layer, g.is_bias, clipped(g.value, norm));
}

// What arrives at an input of the layer.
void DoubleNetwork::contribute(const Layer& l, int source, const Bounded& dy, BoundedSums& dx) {
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
    case LayerKind::kLeakyRelu:
    case LayerKind::kClip:
    case LayerKind::kHardSigmoid:
    case LayerKind::kHardSwish:
    case LayerKind::kSigmoid:
    case LayerKind::kSwish:
    case LayerKind::kTanh:
      curve_backward(l, dy, dx);
      break;
    case LayerKind::kConcat:
      concat_backward(l, source, dy, dx);
      break;
    case LayerKind::kLrn:
      lrn_backward(l, dy, dx);
      break;
    case LayerKind::kDropout:
      dx.add(selected(times(dy, mask(l)), dy.present));
      break;
    case LayerKind::kAdd:
    case LayerKind::kMultiply:
      combine_backward(l, source, dy, dx);
      break;
    case LayerKind::kFlatten:
    case LayerKind::kSoftmaxCrossEntropy:
    case LayerKind::kMeanSquaredError: {
      const Bounded passed = dy.reshaped(dx.value.rows());
      dx.add(selected(passed, passed.present));
      break;
    }
  }
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
