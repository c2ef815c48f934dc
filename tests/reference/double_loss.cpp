// Losses: that of each pixel of the logits, and the gradient of their mean.
#include "tests/reference/double_loss.hpp"

#include <cmath>

namespace anzan::reference {

using compiler::Layer;

namespace {

// Of each image, rows (channels, pixels) become columns and columns rows.
Bounded turned(const Bounded& x, Index images) {
  const Index rows = x.value.rows() / images, columns = x.value.cols();
  return x.each([&](const Array& a) {
    Array result(images * columns, rows);
    for (Index n = 0; n < images; ++n) result.set_rows(n * columns, a.part({n * rows, rows}).transposed());
    return result;
  });
}

}  // namespace

// loss = log sum exp(z - max) - (z_label - max); gradient = (softmax - target) / batch, the target
// one-hot or smoothed; here z_label stands for the mean of z by the target. With p = softmax,
// dp_c = p_c (dz_c - sum p_k dz_k), dloss = sum p_k dz_k - dz_label.
void cross_entropy(DoubleState& s, const Layer& l) {
  const Bounded logits = turned(s.input(l), s.settings.batch);
  const Index rows = logits.value.rows();
  const double all = static_cast<double>(rows), own = s.settings.softmax_deviation;
  Bounded losses = Bounded::exact(Array(rows, 1)), gradients = logits;
  for (Index n = 0; n < rows; ++n) {
    const Array value = logits.value.row(n), variance = logits.deviation.row(n).square();
    const double shift = logits.shift.row(n).largest();
    const Index label = s.labels[static_cast<std::size_t>(n)];
    const Array z = value - value.largest(), p = z.exp() / z.exp().sum();
    const double mean_square = (p.square() * variance).sum();
    Array target(1, p.size(), l.label_smoothing / static_cast<double>(p.size()));
    target(label) += 1 - l.label_smoothing;
    const Array gradient = (p - target) / all;
    const double target_logit = (target * z).sum();
    // The FP32 difference z - max rounds relative to its size, which exp turns into relative error.
    const Array relative_square = mean_square + variance + own * own + (kUnit * z).square();
    gradients.value.set_rows(n, gradient);
    gradients.deviation.set_rows(n, ((p / all).square() * relative_square + (2 * kUnit * gradient).square() +
                                     (kUnit * target / all).square() * (l.label_smoothing > 0))
                                            .sqrt() +
                                        0x1p-120);
    gradients.shift.set_rows(n, p / all * std::expm1(2 * shift));
    losses.value(n) = std::log(z.exp().sum()) - target_logit;
    losses.deviation(n) = std::hypot(std::sqrt(mean_square + (target.square() * variance).sum()),
                                     own * (1 + std::fabs(target_logit)));
    losses.shift(n) = 2 * shift;
    s.step.predictions.push_back(static_cast<int>(value.place_of_largest()));
  }
  s.logit_gradient = turned(gradients, s.settings.batch);
  s.step.mean_loss = losses.value.mean();
  s.record("loss", losses);
}

// loss = mean of (z - target)^2 over the classes; gradient = 2 (z - target) / (classes pixels batch).
void squared_error(DoubleState& s, const Layer& l) {
  const Bounded logits = turned(s.input(l), s.settings.batch);
  const double classes = static_cast<double>(logits.value.cols()),
               share = 2 / classes / static_cast<double>(logits.value.rows());
  Array d = logits.value;
  for (Index n = 0; n < d.rows(); ++n) {
    s.step.predictions.push_back(static_cast<int>(logits.value.row(n).place_of_largest()));
    d(n, s.labels[static_cast<std::size_t>(n)]) -= 1;
  }
  Bounded gradients = logits;
  gradients.value = share * d;
  gradients.deviation = share * (logits.deviation.square() + (3 * kUnit * d).square()).sqrt() + kTiny;
  gradients.shift = share * logits.shift;
  s.logit_gradient = turned(gradients, s.settings.batch);
  Bounded losses = Bounded::exact(d.square().row_sums() / classes);
  const Array spread =
      (2 * d * logits.deviation).square().row_sums().sqrt() + logits.deviation.square().row_sums();
  losses.deviation = spread / classes + (classes + 3) * kUnit * losses.value + kTiny;
  losses.shift = ((2 * d.abs() + logits.shift) * logits.shift).row_sums() / classes;
  s.step.mean_loss = losses.value.mean();
  s.record("loss", losses);
}

}  // namespace anzan::reference
