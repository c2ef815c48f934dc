// Softmax cross-entropy and mean squared error on the vector unit, pixel by pixel of the logits. exp,
// reciprocal and logarithm are sequences of its operations, over as many pixels at once as fit the
// scratchpad; classes that do not fit it are taken in pieces whose folds continue in class order.
#include "compiler/lowering/loss.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "compiler/lowering/functions.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using V = isa::VectorOp;
using R = isa::Reduction;

class Loss {
 public:
  Loss(Lowering& low, const Op& op, bool gradient)
      : low_(low),
        logits_{flat(low.image(op.inputs[0]))},
        labels_{flat(low.image(op.inputs[1]))},
        loss_{flat(low.image(op.outputs[0]))},
        prediction_{flat(low.image(op.outputs[1]))},
        with_gradient_(gradient),
        softmax_(low.graph().layer(op).kind == LayerKind::kSoftmaxCrossEntropy),
        smoothing_(low.graph().layer(op).label_smoothing) {
    if (gradient) gradient_ = {flat(low.image(op.outputs[2]))};
  }

  void run() {
    choose_extent();
    low_.take_scratchpad(lines());
    countdown_line_ = low_.allocate(low_.countdown_lines());
    low_.load_countdown(countdown_line_);
    logits_.line = low_.allocate(lines_of(logits_));
    labels_.line = low_.allocate(lines_of(labels_));
    if (with_gradient_) gradient_.line = low_.allocate(lines_of(gradient_));
    loss_.line = low_.allocate(lines_of(loss_));
    prediction_.line = low_.allocate(lines_of(prediction_));
    for (const auto row : kSingleRows) this->*row = low_.allocate(at_once_);
    e_ = low_.allocate(1 + wide_rows()) + 1;  // the row before e carries the sum of the pieces so far
    if (softmax_) {
      polynomials_ = low_.allocate(wide_rows());
      exponents_ = low_.allocate(wide_rows());
    }
    for (std::int64_t bg = 0; bg < logits_.image.batch_groups; ++bg) {
      for (const Range& pixels : pieces(logits_.image.w, at_once_)) tile(bg, pixels);
    }
  }

 private:
  // A tensor, its pixels as one axis, and the line from which `step_` classes of each pixel of a tile stand
  // in the scratchpad (one, if it has no more).
  struct Held {
    Image image;
    std::int64_t line = 0;
    std::int64_t row() const { return models::row_of_line(image.format, line); }
  };
  struct Stream {
    isa::Operand operand;
    std::int64_t step = 0, pixel = 0;  // rows (or elements) a class, and a pixel
    std::int64_t line = 0;             // of FP32 rows: where they stand
  };
  struct Streams {
    Stream a{}, b{}, c{};
  };
  // Of so many rows of streams, for functions.hpp.
  struct Writer {
    Loss& loss;
    std::int64_t count;
    template <class... In>
    void emit(V op, const Stream& out, const In&... in) {
      loss.emit(op, count, Streams{in...}, out);
    }
    Stream number(float value) { return loss.number(value); }
    Stream bits(std::uint32_t value) { return loss.bits(value); }
  };

  // Several pixels only where all classes of each fit.
  void choose_extent() {
    step_ = align_channels(logits_.image.c);
    at_once_ = logits_.image.w;
    while (lines() > low_.room().beside_updates) {
      if (at_once_ > 1) {
        at_once_ = ceil_div(at_once_, 2);
        continue;
      }
      if (step_ == kChannelAlignment) {
        if (lines() <= low_.capacity()) break;
        throw low_.too_small(lines(), "the loss of four classes");
      }
      step_ = std::max(kChannelAlignment, round_up(step_ / 2, kChannelAlignment));
    }
  }

  std::int64_t wide_rows() const { return at_once_ * step_; }
  std::int64_t rows_a_pixel(const Held& held) const { return held.image.c == 1 ? 1 : step_; }
  std::int64_t lines_of(const Held& held) const {
    return models::lines_of_rows(held.image.format, at_once_ * rows_a_pixel(held));
  }
  std::int64_t lines() const {
    std::int64_t result = low_.countdown_lines() +
                          static_cast<std::int64_t>(std::size(kSingleRows)) * at_once_ + lines_of(logits_) +
                          lines_of(labels_) + lines_of(loss_) + lines_of(prediction_);
    if (with_gradient_) result += lines_of(gradient_);
    // e with the row before it, and two like it for exponentials
    return result + 1 + (softmax_ ? 3 : 1) * wide_rows();
  }

  // FP32 rows from `line` on: one a pixel, or one a class of each.
  static Stream fp32(std::int64_t line) { return {rows(isa::Format::kFp32, 0, line), 0, 1, line}; }
  Stream fp32_rows(std::int64_t line) const { return {rows(isa::Format::kFp32, 0, line), 1, step_, line}; }
  Stream rows_of(const Held& held) const { return {rows(held.image, held.row()), 1, step_}; }
  Stream number(float value) { return {scalar(low_.scalar(value))}; }
  Stream bits(std::uint32_t value) { return {scalar(low_.scalar_bits(value))}; }
  // classes - k for each class k from this one on
  Stream countdown(std::int64_t first) const {
    return {broadcast(low_.countdown_at(countdown_line_, logits_.image.c - first)), 1};
  }

  // out[i] = op(a[i], b[i], c[i]) for `count` rows of each pixel; with a fold, out is one row of each.
  void emit(V op, std::int64_t count, const Streams& in, const Stream& out, R fold = R::kNone) {
    isa::Vector v = start(op, in);
    v.out_format = isa::Format::kFp32;
    v.o = at(out.line);
    Nest nest;
    nest.loop(pixels_.size(), {in.a.pixel, in.b.pixel, in.c.pixel, out.pixel});
    if (fold == R::kNone) {
      nest.loop(count, {in.a.step, in.b.step, in.c.step, out.step});
    } else {
      v.reduction = fold;
      nest.fold(count, {in.a.step, in.b.step, in.c.step});
    }
    low_.emit(v, nest);
  }
  void emit(V op, const Streams& in, const Stream& out) { emit(op, 1, in, out); }

  isa::Vector start(V op, const Streams& in) const {
    isa::Vector v;
    v.op = op;
    v.a = in.a.operand;
    v.b = in.b.operand;
    v.c = in.c.operand;
    v.mask = lane_mask(0, images_);
    return v;
  }

  void tile(std::int64_t bg, const Range& pixels) {
    images_ = logits_.image.images(bg);
    pixels_ = pixels;
    const std::vector<Range> parts = pieces(logits_.image.c, step_);
    for (const Range& part : parts) {
      load(logits_, bg, part);
      emit(V::kCopy, part.size(), {rows_of(logits_)}, fp32(part.begin == 0 ? max_ : value_), R::kMax);
      if (part.begin > 0) emit(V::kMax, {fp32(max_), fp32(value_)}, fp32(max_));
    }
    for (const Range& part : parts) sums(bg, part, parts.size() > 1);
    if (softmax_) {
      log_sum();
      emit(V::kSub, {fp32(value_), fp32(label_logit_)}, fp32(value_));
    } else {
      emit(V::kMul, {fp32(sum_), share_of_class(1)}, fp32(value_));
    }
    store(V::kMul, {fp32(value_), fp32(labelled_)}, loss_, bg, {0, 1});
    // best = classes - number of the first class with the largest logit
    store(V::kSub, {number(static_cast<float>(logits_.image.c)), fp32(best_)}, prediction_, bg, {0, 1});
    if (!with_gradient_) return;
    if (softmax_) reciprocal_of_sum();
    for (const Range& part : parts) {
      if (parts.size() > 1) {
        load(logits_, bg, part);
        load(labels_, bg, part);
        if (softmax_) exponentials(part);
      }
      if (softmax_) {
        softmax_gradient(bg, part);
      } else {
        difference_gradient(bg, part);
      }
    }
  }

  void load(const Held& held, std::int64_t bg, const Range& classes) {
    low_.load(held.image,
              placed(make_tile({0, 1}, pixels_, {bg, bg + 1}, classes, held.image.format), held.line));
  }

  // First largest class, presence of the label, and the sums of the loss: continued over the pieces.
  void sums(std::int64_t bg, const Range& part, bool reload) {
    const bool first = part.begin == 0;
    const std::int64_t n = part.size();
    if (reload) load(logits_, bg, part);
    load(labels_, bg, part);
    emit(V::kSelectEq, n, {rows_of(logits_), fp32(max_), countdown(part.begin)}, fp32(first ? best_ : value_),
         R::kMax);
    if (!first) emit(V::kMax, {fp32(best_), fp32(value_)}, fp32(best_));
    if (softmax_) label_logit(n, first);
    emit(V::kCopy, n, {rows_of(labels_)}, fp32(first ? labelled_ : value_), R::kAdd);
    if (!first) emit(V::kAdd, {fp32(labelled_), fp32(value_)}, fp32(labelled_));
    if (softmax_) {
      exponentials(part);
    } else {
      differences(n);
      emit(V::kMul, n, {fp32_rows(e_), fp32_rows(e_)}, fp32_rows(e_));
    }
    add_up(n, first, sum_);
  }

  // Of the label, below the largest; of the smoothed labels, the mean.
  void label_logit(std::int64_t n, bool first) {
    emit(V::kSub, n, {rows_of(logits_), fp32(max_)}, fp32_rows(e_));
    if (smoothing_ == 0) {
      emit(V::kMul, n, {rows_of(labels_), fp32_rows(e_)}, fp32(first ? label_logit_ : value_), R::kAdd);
      if (!first) emit(V::kAdd, {fp32(label_logit_), fp32(value_)}, fp32(label_logit_));
    } else {
      smooth(n);
      emit(V::kMul, n, {fp32_rows(polynomials_), fp32_rows(e_)}, fp32_rows(e_));
      add_up(n, first, label_logit_);
    }
  }

  // e = logit - label
  void differences(std::int64_t n) { emit(V::kSub, n, {rows_of(logits_), rows_of(labels_)}, fp32_rows(e_)); }

  // The sum of e, class by class; of the pieces before as well.
  void add_up(std::int64_t n, bool first, std::int64_t sum) {
    if (first) {
      emit(V::kCopy, n, {fp32_rows(e_)}, fp32(sum), R::kAdd);
    } else {
      emit(V::kCopy, {fp32(sum)}, fp32(e_ - 1));
      emit(V::kCopy, n + 1, {fp32_rows(e_ - 1)}, fp32(sum), R::kAdd);
    }
  }

  // polynomials = (1 - smoothing) label + smoothing / classes
  void smooth(std::int64_t n) {
    const auto share = static_cast<float>(smoothing_ / static_cast<double>(logits_.image.c));
    emit(V::kFma, n, {rows_of(labels_), number(static_cast<float>(1 - smoothing_)), number(share)},
         fp32_rows(polynomials_));
  }

  // e = exp(logit - max)
  void exponentials(const Range& part) {
    emit(V::kSub, part.size(), {rows_of(logits_), fp32(max_)}, fp32_rows(e_));
    Writer writer{*this, part.size()};
    functions::exp(writer, fp32_rows(e_), fp32_rows(polynomials_), fp32_rows(exponents_));
  }

  // value = ln(sum), sum >= 1
  void log_sum() {
    Writer writer{*this, 1};
    functions::log<Writer, Stream>(writer, fp32(sum_),
                                   {fp32(value_), fp32(mantissa_), fp32(polynomial_), fp32(square_)});
  }

  // value = 1 / sum
  void reciprocal_of_sum() {
    Writer writer{*this, 1};
    functions::reciprocal(writer, fp32(sum_), fp32(value_), fp32(mantissa_));
  }

  // (softmax - label) / pixels of the batch of all cores, zero for pixels without a label
  void softmax_gradient(std::int64_t bg, const Range& part) {
    const Stream e = fp32_rows(e_);
    emit(V::kMul, part.size(), {e, fp32(value_)}, e);
    if (smoothing_ == 0) {
      emit(V::kFnma, part.size(), {e, fp32(labelled_), rows_of(labels_)}, e);
    } else {
      smooth(part.size());
      emit(V::kSub, part.size(), {fp32_rows(polynomials_), e}, e);
      emit(V::kMul, part.size(), {e, fp32(labelled_)}, e);
    }
    store(V::kMul, {e, number(-1.0f / static_cast<float>(labels()))}, gradient_, bg, part);
  }

  // 2 (logit - label) / (classes times pixels of the batch of all cores), zero for pixels without a label
  void difference_gradient(std::int64_t bg, const Range& part) {
    differences(part.size());
    emit(V::kMul, part.size(), {fp32_rows(e_), fp32(labelled_)}, fp32_rows(e_));
    store(V::kMul, {fp32_rows(e_), share_of_class(2.0 / static_cast<double>(labels()))}, gradient_, bg, part);
  }

  std::int64_t labels() const {  // of a step
    return logits_.image.n * low_.graph().system.data_cores() * logits_.image.w;
  }
  Stream share_of_class(double of) {
    return number(static_cast<float>(of / static_cast<double>(logits_.image.c)));
  }

  // The last operation writes into a tensor's slot, then its rows go to HBM.
  void store(V op, const Streams& in, const Held& out, std::int64_t bg, const Range& classes) {
    isa::Vector v = start(op, in);
    low_.produces(v, out.image);
    v.o = at(out.row());
    v.x = indices(out.image.index(0, pixels_.begin, bg, classes.begin), out.image.image_size());
    low_.emit(v, Nest()
                     .loop(pixels_.size(), {in.a.pixel, in.b.pixel, 0, rows_a_pixel(out), 1})
                     .loop(classes.size(), {in.a.step, in.b.step, 0, 1, out.image.w}));
    low_.copy(out.image.format, in_scratchpad(out.row()),
              in_hbm(out.image.row(0, pixels_.begin, bg, classes.begin)),
              {{pixels_.size(), rows_a_pixel(out), out.image.x_stride()}, {classes.size(), 1, 1}});
  }

  Lowering& low_;
  Held logits_, labels_, loss_, prediction_, gradient_;
  bool with_gradient_;
  bool softmax_;                         // or mean squared error
  double smoothing_;                     // of the labels
  std::int64_t step_ = 0, at_once_ = 1;  // classes and pixels at a time
  std::int64_t images_ = 0;              // of the batch group
  Range pixels_{0, 1};                   // of the tile
  std::int64_t countdown_line_ = 0;
  // FP32 rows, one a pixel, in the order in which they are first used. `value_`: of a piece, then the
  // logarithm of the sum and the loss, then the reciprocal.
  std::int64_t max_ = 0, sum_ = 0, label_logit_ = 0, labelled_ = 0, best_ = 0, value_ = 0, mantissa_ = 0,
               polynomial_ = 0, square_ = 0;
  static constexpr std::int64_t Loss::*kSingleRows[] = {
      &Loss::max_,   &Loss::sum_,      &Loss::label_logit_, &Loss::labelled_, &Loss::best_,
      &Loss::value_, &Loss::mantissa_, &Loss::polynomial_,  &Loss::square_};
  // FP32 rows, one a class of each pixel.
  std::int64_t e_ = 0, polynomials_ = 0, exponents_ = 0;
};

}  // namespace

void lower_loss(Lowering& low, const Op& op, bool gradient) { Loss(low, op, gradient).run(); }

}  // namespace anzan::compiler
