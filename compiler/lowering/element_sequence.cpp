// Each operation as its steps. The temporaries of a sequence are t, u, v and so on; the last step's output is
// the target, whatever it says.
#include "compiler/lowering/element_sequence.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "compiler/lowering/functions.hpp"

namespace anzan::compiler {

using isa::VectorOp;

ElementSequence::ElementSequence(Lowering& low, const Op& op, bool training) : low_(low) {
  write(op, training);
  for (const Step& step : steps_) {
    if (&step != &steps_.back()) temporaries_ = std::max(temporaries_, step.out.number + 1);
  }
}

void ElementSequence::emit(VectorOp op, const Value& out, const Value& a, const Value& b, const Value& c) {
  steps_.push_back({op, out, a, b, c});
}

bool ElementSequence::meets_channels() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& s) { return s.folds; });
}

bool ElementSequence::reads_factors() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& s) { return s.b.kind == Value::Kind::kFactor; });
}

void ElementSequence::write(const Op& op, bool training) {
  const Value t = between(0);
  switch (op.kind) {
    case OpKind::kRelu:
    case OpKind::kCopy:
    case OpKind::kConcat:
    case OpKind::kConcatBackward:
      return emit(VectorOp::kCopy, t, source(0));
    case OpKind::kAdd:  // in the order of the inputs
      emit(VectorOp::kAdd, t, source(0), source(1));
      for (int s = 2; s < static_cast<int>(op.inputs.size()); ++s) emit(VectorOp::kAdd, t, t, source(s));
      return;
    case OpKind::kMultiply:
    case OpKind::kMultiplyBackward:
      return emit(VectorOp::kMul, t, source(0), source(1));
    case OpKind::kBatchNorm:
      return emit(VectorOp::kFma, t, source(0), factor(0), factor(1));
    case OpKind::kBatchNormBackward:
      emit(VectorOp::kFma, t, source(1), factor(1), factor(2));
      return emit(VectorOp::kFma, t, source(0), factor(0), t);
    case OpKind::kDropout:
    case OpKind::kDropoutBackward:
      return training ? dropout(op) : emit(VectorOp::kCopy, t, source(0));
    case OpKind::kLrn:
      return lrn(low_.graph().layer(op));
    case OpKind::kLrnBackward:
      return lrn_gradient(low_.graph().layer(op));
    case OpKind::kReluBackward:  // dy where y > 0
      return emit(VectorOp::kSelectGt, t, source(1), number(0), source(0));
    default:
      if (!write_function(op) && !write_gradient(op))
        throw std::logic_error(std::string("not element by element: ") + name(op.kind));
  }
}

// Kept where the word is not below the rate.
void ElementSequence::dropout(const Op& op) {
  const Value t = between(0);
  const double rate = low_.graph().layer(op).rate;
  steps_.push_back({VectorOp::kRandom, t, {}, {}, {}, op.words});
  emit(VectorOp::kSelectGt, t, t, number(std::nextafter(static_cast<float>(rate), -1.0f)), source(0));
  emit(VectorOp::kMul, t, t, number(static_cast<float>(1 / (1 - rate))));
}

// t := what, where low < x < high, else 0.
void ElementSequence::select_between(const Value& x, float low, float high, const Value& what) {
  const Value t = between(0);
  emit(VectorOp::kSelectGt, t, x, number(low), what);
  emit(VectorOp::kSelectGt, t, number(high), x, t);
}

// t := clip(x / 6 + 1/2, 0, 1)
void ElementSequence::hard_step(const Value& x) {
  const Value t = between(0);
  emit(VectorOp::kFma, t, x, number(1.0f / 6), number(0.5f));
  emit(VectorOp::kMax, t, t, number(0));
  emit(VectorOp::kMin, t, t, number(1));
}

// t := sigmoid(x)
void ElementSequence::sigmoid(const Value& x) {
  functions::sigmoid(*this, x, between(0), between(1), between(2));
}

// out := sum of a b over near channels
void ElementSequence::sum_near(const Value& out, const Value& a, const Value& b, std::int64_t before,
                               std::int64_t after) {
  emit(VectorOp::kMul, out, a, b);
  steps_.back().folds = true;
  steps_.back().before = before;
  steps_.back().after = after;
}

// Temporary 1 := ln s, s = k + alpha / size times the sum of squares; 0 and 2 to 4 are used.
void ElementSequence::log_of_sum(const Value& x, const Layer& l) {
  const Value s = between(0);
  sum_near(s, x, x, (l.size - 1) / 2, l.size / 2);
  emit(VectorOp::kFma, s, s, number(static_cast<float>(l.alpha / static_cast<double>(l.size))),
       number(static_cast<float>(l.k)));
  functions::log<ElementSequence, Value>(*this, s, {between(1), between(2), between(3), between(4)});
}

// out := s^exponent; temporaries 2 and 3 are used.
void ElementSequence::power(const Value& out, double exponent) {
  emit(VectorOp::kMul, out, between(1), number(static_cast<float>(exponent)));
  functions::exp(*this, out, between(2), between(3));
}

void ElementSequence::lrn(const Layer& l) {
  const Value x = source(0), t = between(0);
  log_of_sum(x, l);
  power(t, -l.beta);
  emit(VectorOp::kMul, t, x, t);
}

// dx = dy s^-beta - 2 alpha beta / size x times the sum of dy x s^(-beta - 1) over the channels that meet x
void ElementSequence::lrn_gradient(const Layer& l) {
  const Value dy = source(0), x = source(1), t = between(0), u = between(2), v = between(4);
  log_of_sum(x, l);
  power(v, -l.beta - 1);
  emit(VectorOp::kMul, v, v, x);
  power(t, -l.beta);
  emit(VectorOp::kMul, t, dy, t);
  sum_near(u, dy, v, l.size / 2, (l.size - 1) / 2);
  emit(VectorOp::kMul, u, x, u);
  emit(VectorOp::kFnma, t, u, number(static_cast<float>(2 * l.alpha * l.beta / static_cast<double>(l.size))),
       t);
}

bool ElementSequence::write_function(const Op& op) {
  const Layer& l = low_.graph().layer(op);
  const Value x = source(0), t = between(0);
  switch (op.kind) {
    case OpKind::kLeakyRelu:  // the larger of x and slope x: the slope is at most 1
      emit(VectorOp::kMul, t, x, number(static_cast<float>(l.negative_slope)));
      emit(VectorOp::kMax, t, x, t);
      return true;
    case OpKind::kClip:
      emit(VectorOp::kMax, t, x, number(static_cast<float>(l.least)));
      emit(VectorOp::kMin, t, t, number(static_cast<float>(l.greatest)));
      return true;
    case OpKind::kHardSigmoid:
      hard_step(x);
      return true;
    case OpKind::kHardSwish:
      hard_step(x);
      emit(VectorOp::kMul, t, x, t);
      return true;
    case OpKind::kSigmoid:
      sigmoid(x);
      return true;
    case OpKind::kSwish:
      sigmoid(x);
      emit(VectorOp::kMul, t, x, t);
      return true;
    case OpKind::kTanh:
      functions::tanh<ElementSequence, Value>(*this, x, {t, between(1), between(2), between(3), between(4)});
      return true;
    default:
      return false;
  }
}

// Of dy, source 0, and x or y, source 1.
bool ElementSequence::write_gradient(const Op& op) {
  const Layer& l = low_.graph().layer(op);
  const Value dy = source(0), x = source(1), y = x, t = between(0), u = between(1);
  switch (op.kind) {
    case OpKind::kLeakyReluBackward:  // dy times the larger of (x > 0 ? 1 : 0) and the slope
      emit(VectorOp::kSelectGt, t, x, number(0), number(1));
      emit(VectorOp::kMax, t, t, number(static_cast<float>(l.negative_slope)));
      break;
    case OpKind::kClipBackward:
      select_between(x, static_cast<float>(l.least), static_cast<float>(l.greatest), dy);
      return true;
    case OpKind::kHardSigmoidBackward:  // 1/6 between -3 and 3
      select_between(x, -3, 3, number(1.0f / 6));
      break;
    case OpKind::kHardSwishBackward:  // x / 3 + 1/2 between -3 and 3, 1 from there on
      emit(VectorOp::kFma, t, x, number(1.0f / 3), number(0.5f));
      select_between(x, -3, 3, t);
      emit(VectorOp::kSelectGt, u, x, number(std::nextafter(3.0f, 0.0f)), number(1));
      emit(VectorOp::kAdd, t, t, u);
      break;
    case OpKind::kSigmoidBackward:  // y (1 - y)
      emit(VectorOp::kSub, t, number(1), y);
      emit(VectorOp::kMul, t, t, y);
      break;
    case OpKind::kSwishBackward:  // s (1 + x (1 - s)), s = sigmoid(x)
      sigmoid(x);
      emit(VectorOp::kSub, u, number(1), t);
      emit(VectorOp::kFma, u, x, u, number(1));
      emit(VectorOp::kMul, t, t, u);
      break;
    case OpKind::kTanhBackward:  // 1 - y^2
      emit(VectorOp::kFnma, t, y, y, number(1));
      break;
    default:
      return false;
  }
  emit(VectorOp::kMul, t, dy, t);
  return true;
}

}  // namespace anzan::compiler
