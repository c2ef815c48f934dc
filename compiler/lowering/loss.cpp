// Softmax cross-entropy on the vector unit. exp, reciprocal and logarithm are sequences of its operations;
// classes that do not fit the scratchpad are taken in pieces whose folds continue in class order.
#include <algorithm>
#include <array>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "compiler/lowering/lowering.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using V = isa::VectorOp;
using R = isa::Reduction;

// Polynomials of Cephes (S. Moshier, expf.c and logf.c), highest power first.
constexpr std::array<float, 8> kExp{1.9875691500e-4f,
                                    1.3981999507e-3f,
                                    8.3334519073e-3f,
                                    4.1665795894e-2f,
                                    1.6666665459e-1f,
                                    5.0000001201e-1f,
                                    1.0f,
                                    1.0f};
constexpr std::array<float, 9> kLog{7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                                    -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                                    2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
constexpr float kSmallestExponent = -86.0f;  // below, exp counts as exp(-86): still a normal number

class Loss {
 public:
  Loss(Lowering& low, const Op& op, bool gradient)
      : low_(low),
        logits_(low.image(op.inputs[0])),
        labels_(low.image(op.inputs[1])),
        loss_(low.image(op.outputs[0])),
        prediction_(low.image(op.outputs[1])),
        with_gradient_(gradient) {
    if (gradient) gradient_ = low.image(op.outputs[2]);
  }

  void run() {
    const std::int64_t classes = align_channels(logits_.c);
    constexpr std::int64_t kRows = 9;  // single FP32 rows below
    const std::int64_t constants = ceil_div(low_.constants().countdown, low_.lanes());
    const auto lines = [&](std::int64_t n) {
      std::int64_t l = constants + kRows + 1 + 3 * n +
                       ceil_div(n, models::elements_per_word(logits_.format)) +
                       ceil_div(n, models::elements_per_word(labels_.format)) + 2;
      if (with_gradient_) l += ceil_div(n, models::elements_per_word(gradient_.format));
      return l;
    };
    step_ = classes;
    while (lines(step_) > low_.room().beside_updates) {
      if (step_ == kChannelAlignment) {
        if (lines(step_) <= low_.capacity()) break;
        throw InputError(
            "/chip/scratchpad_kib", std::to_string(low_.capacity()) + " lines",
            "at least " + std::to_string(lines(step_)) + " lines for the softmax of four classes");
      }
      step_ = std::max(kChannelAlignment, round_up(step_ / 2, kChannelAlignment));
    }
    low_.take_scratchpad(lines(step_));
    constants_ = low_.allocate(constants);
    low_.copy(isa::Format::kFp32, isa::Space::kHbm, low_.constants().countdown_line, isa::Space::kScratchpad,
              constants_, {{constants, 1, 1}});
    logits_line_ = low_.allocate(ceil_div(step_, models::elements_per_word(logits_.format)));
    labels_line_ = low_.allocate(ceil_div(step_, models::elements_per_word(labels_.format)));
    if (with_gradient_)
      gradient_line_ = low_.allocate(ceil_div(step_, models::elements_per_word(gradient_.format)));
    loss_line_ = low_.allocate(1);
    prediction_line_ = low_.allocate(1);
    for (std::int64_t* row : {&max_, &sum_, &zl_, &mask_, &best_, &t1_, &t2_, &t3_, &t4_})
      *row = low_.allocate(1);
    e_ = low_.allocate(1 + step_) + 1;  // the row before e carries the sum of the pieces so far
    p_ = low_.allocate(step_);          // scratch of exp
    n_ = low_.allocate(step_);
    for (std::int64_t bg = 0; bg < logits_.batch_groups; ++bg) batch_group(bg);
  }

 private:
  struct Stream {
    isa::Operand operand;
    std::int64_t step = 0;  // rows (or elements) a class
  };

  Stream fp32(std::int64_t line, std::int64_t step = 0) const {
    return {rows(isa::Format::kFp32, 0, line), step};
  }
  Stream scalar(float value) { return number(low_.scalar(value)); }
  Stream bits(std::uint32_t value) { return number(low_.scalar_bits(value)); }
  static Stream number(int entry) {
    isa::Operand o;
    o.kind = isa::OperandKind::kScalar;
    o.format = isa::Format::kFp32;
    o.at = at(entry);
    return {o, 0};
  }
  static isa::Operand rows(isa::Format format, int slot, std::int64_t row) {
    isa::Operand o;
    o.kind = isa::OperandKind::kRows;
    o.format = format;
    o.slot = static_cast<std::uint16_t>(slot);
    o.at = at(row);
    return o;
  }
  Stream logit_rows() const {
    return {rows(logits_.format, logits_.slot, logits_line_ * models::elements_per_word(logits_.format)), 1};
  }
  Stream label_rows() const {
    return {rows(labels_.format, labels_.slot, labels_line_ * models::elements_per_word(labels_.format)), 1};
  }

  // out[i] = op(a[i], b[i], c[i]) for `count` rows; with a fold, out is one row.
  void emit(V op, std::int64_t count, Stream a, Stream b, Stream c, std::int64_t out, R fold = R::kNone) {
    isa::Vector v;
    v.op = op;
    v.a = a.operand;
    v.b = b.operand;
    v.c = c.operand;
    v.out_format = isa::Format::kFp32;
    v.mask = lane_mask(0, images_);
    v.o = at(out);
    Nest nest;
    if (fold == R::kNone || count == 1) {
      nest.loop(count, {a.step, b.step, c.step, 1, 0});
    } else {
      v.reduction = fold;
      nest.fold(count, {a.step, b.step, c.step, 0, 0});
    }
    nest.finish(v);
    low_.emit(v);
  }

  void batch_group(std::int64_t bg) {
    images_ = logits_.images(bg);
    const std::vector<Range> parts = pieces(logits_.c, step_);
    for (const Range& part : parts) {
      load(logits_, bg, part, logits_line_);
      emit(V::kCopy, part.size(), logit_rows(), {}, {}, part.begin == 0 ? max_ : t1_, R::kMax);
      if (part.begin > 0) emit(V::kMax, 1, fp32(max_), fp32(t1_), {}, max_);
    }
    for (const Range& part : parts) sums(bg, part, parts.size() > 1);
    log_sum();
    emit(V::kSub, 1, fp32(t1_), fp32(zl_), {}, t1_);
    store(V::kMul, fp32(t1_), fp32(mask_), loss_, bg, 0, loss_line_, {0, 1});
    // best = classes - number of the first class with the largest logit
    store(V::kSub, scalar(static_cast<float>(logits_.c)), fp32(best_), prediction_, bg, 0, prediction_line_,
          {0, 1});
    if (!with_gradient_) return;
    reciprocal_of_sum();
    for (const Range& part : parts) {
      if (parts.size() > 1) {
        load(logits_, bg, part, logits_line_);
        load(labels_, bg, part, labels_line_);
        exponentials(part);
      }
      gradient(bg, part);
    }
  }

  void load(const Image& image, std::int64_t bg, const Range& classes, std::int64_t line) {
    Tile t = make_tile({0, 1}, {0, 1}, {bg, bg + 1}, classes, image.format);
    t.base_row = line * models::elements_per_word(image.format);
    low_.load(image, t);
  }

  // Sum of exponentials, logit and presence of the label, first largest class: continued over the pieces.
  void sums(std::int64_t bg, const Range& part, bool reload) {
    const bool first = part.begin == 0;
    const std::int64_t n = part.size();
    if (reload) load(logits_, bg, part, logits_line_);
    load(labels_, bg, part, labels_line_);
    isa::Operand countdown;
    countdown.kind = isa::OperandKind::kBroadcast;
    countdown.format = isa::Format::kFp32;
    countdown.at = at(constants_ * low_.lanes() + low_.constants().countdown - logits_.c + part.begin);
    emit(V::kSelectEq, n, logit_rows(), fp32(max_), {countdown, 1}, first ? best_ : t1_, R::kMax);
    if (!first) emit(V::kMax, 1, fp32(best_), fp32(t1_), {}, best_);
    emit(V::kSub, n, logit_rows(), fp32(max_), {}, e_);
    emit(V::kMul, n, label_rows(), fp32(e_, 1), {}, first ? zl_ : t1_, R::kAdd);
    if (!first) emit(V::kAdd, 1, fp32(zl_), fp32(t1_), {}, zl_);
    emit(V::kCopy, n, label_rows(), {}, {}, first ? mask_ : t1_, R::kAdd);
    if (!first) emit(V::kAdd, 1, fp32(mask_), fp32(t1_), {}, mask_);
    exponentials(part);
    if (first) {
      emit(V::kCopy, n, fp32(e_, 1), {}, {}, sum_, R::kAdd);
    } else {
      emit(V::kCopy, 1, fp32(sum_), {}, {}, e_ - 1);
      emit(V::kCopy, n + 1, fp32(e_ - 1, 1), {}, {}, sum_, R::kAdd);
    }
  }

  // e = exp(logit - max): 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2
  void exponentials(const Range& part) {
    const std::int64_t n = part.size();
    emit(V::kSub, n, logit_rows(), fp32(max_), {}, e_);
    emit(V::kMax, n, fp32(e_, 1), scalar(kSmallestExponent), {}, e_);
    emit(V::kMul, n, fp32(e_, 1), scalar(1.44269504088896341f), {}, n_);
    emit(V::kF2i, n, fp32(n_, 1), {}, {}, n_);
    emit(V::kI2f, n, fp32(n_, 1), {}, {}, p_);
    emit(V::kFnma, n, fp32(p_, 1), scalar(kLn2High), fp32(e_, 1), e_);
    emit(V::kFnma, n, fp32(p_, 1), scalar(kLn2Low), fp32(e_, 1), e_);
    emit(V::kFma, n, fp32(e_, 1), scalar(kExp[0]), scalar(kExp[1]), p_);
    for (std::size_t k = 2; k < kExp.size(); ++k)
      emit(V::kFma, n, fp32(p_, 1), fp32(e_, 1), scalar(kExp[k]), p_);
    emit(V::kIshl, n, fp32(n_, 1), bits(23), {}, n_);
    emit(V::kIadd, n, fp32(p_, 1), fp32(n_, 1), {}, e_);
  }

  // t1 = ln(sum), sum >= 1: mantissa in [sqrt(1/2), sqrt(2)), exponent k
  void log_sum() {
    emit(V::kIsub, 1, fp32(sum_), bits(0x3f3504f3), {}, t1_);
    emit(V::kIshr, 1, fp32(t1_), bits(23), {}, t1_);
    emit(V::kIshl, 1, fp32(t1_), bits(23), {}, t2_);
    emit(V::kIsub, 1, fp32(sum_), fp32(t2_), {}, t2_);
    emit(V::kI2f, 1, fp32(t1_), {}, {}, t1_);            // k
    emit(V::kSub, 1, fp32(t2_), scalar(1.0f), {}, t2_);  // t
    emit(V::kFma, 1, fp32(t2_), scalar(kLog[0]), scalar(kLog[1]), t3_);
    for (std::size_t k = 2; k < kLog.size(); ++k)
      emit(V::kFma, 1, fp32(t3_), fp32(t2_), scalar(kLog[k]), t3_);
    emit(V::kMul, 1, fp32(t2_), fp32(t2_), {}, t4_);  // t^2
    emit(V::kMul, 1, fp32(t3_), fp32(t2_), {}, t3_);
    emit(V::kMul, 1, fp32(t3_), fp32(t4_), {}, t3_);
    emit(V::kFma, 1, fp32(t1_), scalar(kLn2Low), fp32(t3_), t3_);
    emit(V::kFnma, 1, fp32(t4_), scalar(0.5f), fp32(t3_), t3_);
    emit(V::kAdd, 1, fp32(t2_), fp32(t3_), {}, t3_);
    emit(V::kFma, 1, fp32(t1_), scalar(kLn2High), fp32(t3_), t1_);
  }

  // t1 = 1 / sum: a first guess from the bits, three Newton steps
  void reciprocal_of_sum() {
    emit(V::kIsub, 1, bits(0x7ef311c7), fp32(sum_), {}, t1_);
    for (int i = 0; i < 3; ++i) {
      emit(V::kFnma, 1, fp32(t1_), fp32(sum_), scalar(2.0f), t2_);
      emit(V::kMul, 1, fp32(t1_), fp32(t2_), {}, t1_);
    }
  }

  // (softmax - label) / batch of all cores, zero for images without a label
  void gradient(std::int64_t bg, const Range& part) {
    const std::int64_t n = part.size();
    emit(V::kMul, n, fp32(e_, 1), fp32(t1_), {}, e_);
    emit(V::kFnma, n, fp32(e_, 1), fp32(mask_), label_rows(), e_);
    store(V::kMul, fp32(e_, 1),
          scalar(-1.0f / static_cast<float>(logits_.n * low_.graph().system.data_cores())), gradient_, bg,
          part.begin, gradient_line_, part);
  }

  // The last operation writes into a tensor's slot, then its rows go to HBM.
  void store(V op, Stream a, Stream b, const Image& image, std::int64_t bg, std::int64_t first,
             std::int64_t line, const Range& classes) {
    isa::Vector v;
    v.op = op;
    v.a = a.operand;
    v.b = b.operand;
    v.out_format = image.format;
    v.slot_o = static_cast<std::uint16_t>(image.slot);
    v.analyse = low_.analyses(image.slot, image.format) ? 1 : 0;
    v.mask = lane_mask(0, images_);
    v.o = at(line * models::elements_per_word(image.format));
    v.x.base = static_cast<std::uint32_t>(image.index(0, 0, bg, first));
    v.x.lane_stride = static_cast<std::int32_t>(image.image_size());
    Nest().loop(classes.size(), {a.step, b.step, 0, 1, 1}).finish(v);
    low_.emit(v);
    low_.copy(image.format, isa::Space::kScratchpad, line * models::elements_per_word(image.format),
              isa::Space::kHbm, image.row(0, 0, bg, first), {{classes.size(), 1, 1}});
  }

  Lowering& low_;
  Image logits_, labels_, loss_, prediction_, gradient_;
  bool with_gradient_;
  std::int64_t step_ = 0, images_ = 0;
  std::int64_t constants_ = 0, logits_line_ = 0, labels_line_ = 0, gradient_line_ = 0, loss_line_ = 0,
               prediction_line_ = 0;
  std::int64_t max_ = 0, sum_ = 0, zl_ = 0, mask_ = 0, best_ = 0, t1_ = 0, t2_ = 0, t3_ = 0, t4_ = 0, e_ = 0,
               p_ = 0, n_ = 0;
};

}  // namespace

void lower_loss(Lowering& low, const Op& op, bool gradient) { Loss(low, op, gradient).run(); }

}  // namespace anzan::compiler
