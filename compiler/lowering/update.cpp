// Stochastic gradient descent with momentum as Caffe defines it, Nesterov's, Adam and AdamW, and the first
// quantisation of initial values. Everything between stored tensors is FP32.
#include "compiler/lowering/update.hpp"

#include <algorithm>

#include "compiler/lowering/functions.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using V = isa::VectorOp;

// An update of one parameter; also an emitter for functions.hpp, whose values are operands and, where they
// are written, buffers of the walk.
class Update {
 public:
  struct Value {
    isa::Operand operand;
    std::size_t buffer = 0;
  };

  Update(Lowering& low, const Op& op, const GradientRows* gradient)
      : low_(low),
        training_(low.graph().training),
        slot_(op.update_slot),
        tensors_(tensors_of(low.graph(), op)),
        scale_(update_tensors(low.graph(), op).scale),
        walk_(low, tensors_, {scratch_buffers(), scale_ < 0 ? 0 : 1}, gradient) {
    const Layer& layer = low.graph().layer(op);
    decay_ = training_.weight_decay * (op.bias ? layer.bias_decay : layer.weight_decay);
    multiplier_ = op.bias ? layer.bias_lr : layer.weight_lr;
    if (training_.optimizer != OptimizerKind::kSgd) ++value_;
    master_ = tensors_.size() > value_ + 1;
  }

  // Without `store` only the statistics of the moments are taken.
  void run(bool store) {
    if (scale_ >= 0)
      low_.copy(isa::Format::kFp32, in_hbm(low_.base_row(low_.graph().tensor(scale_))),
                in_scratchpad(walk_.own_line(0)), {{1, 1, 1}});
    walk_.run([&] {
      for (std::size_t t = 0; t <= value_; ++t) walk_.load(t);
      const Value update = change();
      if (!store) return;
      for (std::size_t t = kMoment; t < value_; ++t) walk_.store(t);
      subtract(update);
    });
  }

  template <class... In>
  void emit(V op, const Value& out, const Value& a, const In&... in) {
    walk_.emit(op, {a.operand, in.operand...}, out.buffer);
  }
  Value number(double value) { return {scalar(low_.scalar(static_cast<float>(value)))}; }
  Value bits(std::uint32_t value) { return {scalar(low_.scalar_bits(value))}; }

 private:
  // gradient, moments, value that is updated [, narrow copy]; then FP32 scratch
  static constexpr std::size_t kGradient = 0, kMoment = 1;

  static std::vector<const TensorInfo*> tensors_of(const Graph& g, const Op& op) {
    const UpdateTensors u = update_tensors(g, op);
    std::vector<const TensorInfo*> tensors{&g.tensor(u.gradient)};
    for (const int t : u.moments) tensors.push_back(&g.tensor(t));
    tensors.push_back(&g.tensor(u.master >= 0 ? u.master : u.value));
    if (u.master >= 0) tensors.push_back(&g.tensor(u.value));
    return tensors;
  }

  std::int64_t scratch_buffers() const {
    if (training_.optimizer != OptimizerKind::kSgd) return 5;
    return training_.nesterov ? 2 : 1;
  }

  Value buffer(std::size_t b) const { return {walk_.operand(b), b}; }
  Value scratch(std::size_t number) const { return buffer(tensors_.size() + number); }
  Value step_scalar(StepScalar::Kind kind, double multiplier = 1) {
    return {scalar(low_.step_scalar(kind, multiplier))};
  }
  // The same, where this is the update itself.
  template <class... In>
  void emit_update(V op, const Value& out, const Value& a, const In&... in) {
    walk_.emit(op, {a.operand, in.operand...}, out.buffer, slot_);
  }

  Value change() { return training_.optimizer == OptimizerKind::kSgd ? sgd() : adam(); }

  // The gradient, by way of this scratch where it is scaled.
  Value gradient(const Value& scaled) {
    if (scale_ < 0) return buffer(kGradient);
    emit(V::kMul, scaled, buffer(kGradient), Value{broadcast(walk_.own_line(0) * low_.lanes())});
    return scaled;
  }

  // v := mu v + rate (g + lambda w), which is the update; as Nesterov has it, rate (g + lambda w) + mu v is,
  // by the new v.
  Value sgd() {
    const Value a = scratch(0), b = training_.nesterov ? scratch(1) : a, g = gradient(a),
                rate = step_scalar(StepScalar::Kind::kRate, multiplier_),
                momentum = number(training_.momentum);
    if (decay_ != 0) {
      emit(V::kFma, a, buffer(value_), number(decay_), g);
      emit(V::kMul, a, a, rate);
    } else {
      emit(V::kMul, a, g, rate);
    }
    emit(V::kFma, b, buffer(kMoment), momentum, a);
    emit(V::kCopy, buffer(kMoment), b);
    if (training_.nesterov) emit_update(V::kFma, a, b, momentum, a);
    return a;
  }

  // m := beta1 m + (1 - beta1) g, s := beta2 s + (1 - beta2) g^2, of the gradient g, of Adam with that of the
  // decay; the update is corrected rate m / (corrected root of s + epsilon), of AdamW with the decay itself.
  Value adam() {
    const bool decoupled = training_.optimizer == OptimizerKind::kAdamW;
    const Value a = scratch(0), m = scratch(1), first = buffer(kMoment), second = buffer(kMoment + 1);
    Value g = gradient(a);
    if (decay_ != 0 && !decoupled) {
      emit(V::kFma, a, buffer(value_), number(decay_), g);
      g = a;
    }
    emit(V::kMul, m, g, number(1 - training_.beta1));
    emit(V::kFma, m, first, number(training_.beta1), m);
    emit(V::kCopy, first, m);
    emit(V::kMul, a, g, g);
    emit(V::kMul, a, a, number(1 - training_.beta2));
    emit(V::kFma, a, second, number(training_.beta2), a);
    emit(V::kCopy, second, a);
    divide(m, a);
    const Value rate = step_scalar(StepScalar::Kind::kCorrectedRate, multiplier_);
    if (!decoupled || decay_ == 0) {
      emit_update(V::kMul, m, m, rate);
      return m;
    }
    emit(V::kMul, m, m, rate);
    emit_update(V::kFma, m, buffer(value_), step_scalar(StepScalar::Kind::kRate, multiplier_ * decay_), m);
    return m;
  }

  // m := m / (corrected root of s + epsilon). Below the least s of which there is a root, its root is as good
  // as nothing beside epsilon.
  void divide(const Value& m, const Value& s) {
    const Value x = scratch(2), y = scratch(3), half = scratch(4);
    emit(V::kMax, x, s, number(functions::kLeastRadicand));
    functions::reciprocal_root(*this, x, y, half, x);
    emit(V::kMul, s, s, y);
    emit(V::kFma, s, s, step_scalar(StepScalar::Kind::kRootCorrection), number(training_.epsilon));
    functions::reciprocal(*this, s, y, x);
    emit(V::kMul, m, m, y);
  }

  void subtract(const Value& update) {
    const Value value = buffer(value_);
    if (!master_) {
      emit(V::kSub, value, value, update);
      return walk_.store(value_);
    }
    emit(V::kSub, update, value, update);
    emit(V::kCopy, value, update);
    walk_.store(value_);
    walk_.load(value_ + 1);  // rows and lanes that hold no element stay zero
    emit(V::kCopy, buffer(value_ + 1), update);
    walk_.store(value_ + 1);
  }

  Lowering& low_;
  const TrainingParameters& training_;
  int slot_;
  std::vector<const TensorInfo*> tensors_;
  int scale_;  // tensor that has the factor of the gradient; -1: none
  ParameterWalk walk_;
  double decay_ = 0, multiplier_ = 1;
  std::size_t value_ = 2;
  bool master_ = false;  // a master copy is updated, the narrow one follows it
};

}  // namespace

void lower_update(Lowering& low, const Op& op, bool store) { Update(low, op, nullptr).run(store); }
void lower_update(Lowering& low, const Op& op, const GradientRows& gradient) {
  Update(low, op, &gradient).run(true);
}

namespace {

// The rows that a part of its initial values has.
TensorInfo same_rows(const TensorInfo& stored, const TensorInfo& values) {
  TensorInfo part = stored;
  part.first_row = values.first_row;
  part.part_rows = values.part_rows;
  part.hbm_line += models::lines_of_rows(stored.format, values.first_row);
  return part;
}

}  // namespace

void lower_initialize(Lowering& low, const InitialPiece& piece, const InitialStep& step, Listing& listing) {
  const auto write = [&] {
    for (const InitialStep::Use& use : step.uses) {
      const TensorInfo& values = piece.rows[use.rows].values;
      const TensorInfo stored = same_rows(low.graph().tensor(use.stored), values);
      low.begin({&listing, {values.layer, "initialize"}, Area::kForward});
      ParameterWalk walk(low, {&stored, &values}, {});
      walk.run([&] {
        walk.load(0);  // rows and lanes that hold no element stay zero
        walk.load(1);
        walk.emit(isa::VectorOp::kCopy, {walk.operand(1)}, 0);
        walk.store(0);
      });
    }
  };
  if (step.shows) write();
  if (step.shows && step.stores) {
    const int slot = low.graph().tensor(step.uses.front().stored).slot;
    low.optimise(slot);
    low.settle(slot);
  }
  if (step.stores) write();
}

}  // namespace anzan::compiler
