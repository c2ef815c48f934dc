// From sums to mean, variance, factors, gradients and running averages, in FP32. `m` is the number of values
// in a channel.
#include "compiler/lowering/batch_norm.hpp"

#include <map>
#include <string>

#include "compiler/lowering/channel_sums.hpp"
#include "compiler/lowering/elementwise.hpp"
#include "compiler/lowering/functions.hpp"

namespace anzan::compiler {
namespace {

using V = isa::VectorOp;

// Inputs and outputs of the four operations that work on channels.
struct NormTensors {
  int weight = -1, bias = -1, mean = -1, variance = -1;  // mean and variance: running averages
  int sum = -1, square_sum = -1, gradient_sum = -1, product_sum = -1;
  int weight_gradient = -1, bias_gradient = -1;
};

NormTensors norm_tensors(const Op& op) {
  NormTensors t;
  const std::vector<int>&in = op.inputs, &out = op.outputs;
  const std::size_t n = in.size();
  switch (op.kind) {
    case OpKind::kBatchNorm:
      t.weight = in[1];
      if (n == 5) t.bias = in[2];
      t.mean = in[n - 2];
      t.variance = in[n - 1];
      t.sum = out[1];
      t.square_sum = out[2];
      break;
    case OpKind::kBatchNormBackward:
      t.weight = in[2];
      [[fallthrough]];
    case OpKind::kBatchNormBackwardWeight:
      t.sum = in[n - 4];
      t.square_sum = in[n - 3];
      t.gradient_sum = in[n - 2];
      t.product_sum = in[n - 1];
      if (op.kind == OpKind::kBatchNormBackward) break;
      t.weight_gradient = out[0];
      if (out.size() > 1) t.bias_gradient = out[1];
      break;
    default:
      t.sum = in[0];
      t.square_sum = in[1];
      t.mean = out[0];
      t.variance = out[1];
      break;
  }
  return t;
}

// Works through the channels of a layer, some rows of L at a time, in lines of its own.
class BatchNorm {
 public:
  using Value = ChannelValues::Value;

  BatchNorm(Lowering& low, const Op& op)
      : low_(low),
        layer_(low.graph().layer(op)),
        t_(norm_tensors(op)),
        values_(low, low.graph().tensor(any()).shape[0]),
        m_(static_cast<double>(low.graph().training.batch * layer_.out.height * layer_.out.width)) {}

  std::int64_t vector_rows() const { return values_.vector_rows(); }
  std::int64_t lines() const {
    std::int64_t result = kTemporaries * values_.most_rows();
    for (const int t : all()) result += t < 0 ? 0 : values_.lines(t);
    return result;
  }
  void allocate() {
    for (const int t : all())
      if (t >= 0 && lines_.count(t) == 0) lines_[t] = low_.allocate(values_.lines(t));
    for (Value& v : temporary_) v = ChannelValues::at_line(low_.allocate(values_.most_rows()));
  }

  // visit(rows) for each piece.
  template <class Visit>
  void run(const Visit& visit) {
    for (const Range& rows : pieces(vector_rows(), values_.most_rows())) {
      values_.begin(rows);
      visit(rows);
    }
  }

  // y = x scale + shift
  void factors(bool training, const Value& scale, const Value& shift) {
    Value mean = mean_, variance = variance_;
    if (training) {
      moments();
    } else {
      mean = load(t_.mean);
      variance = load(t_.variance);
    }
    inverse_deviation(variance);
    values_.emit(V::kMul, scale, load(t_.weight), inverse_);
    values_.emit(V::kFnma, shift, mean, scale, t_.bias < 0 ? values_.number(0) : load(t_.bias));
  }

  // dx = dy a + (x b + c), with the gradient g of the weight: a = weight / deviation,
  // b = -g a / deviation / m, c = -a (sum of dy) / m - b mean
  void gradient_factors(const Value& a, const Value& b, const Value& c) {
    const Value minus_share = values_.number(-1 / m_);
    weight_gradient();
    values_.emit(V::kMul, a, load(t_.weight), inverse_);
    values_.emit(V::kMul, gradient_, gradient_, minus_share);
    values_.emit(V::kMul, gradient_, gradient_, inverse_);
    values_.emit(V::kMul, b, gradient_, a);
    values_.emit(V::kMul, c, load(t_.gradient_sum), minus_share);
    values_.emit(V::kMul, c, c, a);
    values_.emit(V::kFnma, c, b, mean_, c);
  }

  void gradients() {
    weight_gradient();
    values_.produce(t_.weight_gradient, gradient_, lines_.at(t_.weight_gradient));
    if (t_.bias_gradient < 0) return;
    values_.produce(t_.bias_gradient, load(t_.gradient_sum), lines_.at(t_.bias_gradient));
  }

  // average := (1 - momentum) average + momentum value, of the variance that of a sample: times m / (m - 1).
  void averages() {
    moments();
    const double momentum = layer_.average_momentum;
    average(t_.mean, mean_, momentum);
    average(t_.variance, variance_, m_ > 1 ? momentum * m_ / (m_ - 1) : momentum);
  }

 private:
  static constexpr std::int64_t kTemporaries = 6;

  int any() const { return t_.sum; }
  std::vector<int> all() const {
    return {t_.weight,     t_.bias,         t_.mean,        t_.variance,        t_.sum,
            t_.square_sum, t_.gradient_sum, t_.product_sum, t_.weight_gradient, t_.bias_gradient};
  }
  Value load(int tensor) { return values_.load(tensor, lines_.at(tensor)); }

  // mean = sum / m; variance = (sum of squares) / m - mean^2, where rounding must not make it negative
  void moments() {
    const Value share = values_.number(1 / m_);
    values_.emit(V::kMul, mean_, load(t_.sum), share);
    values_.emit(V::kMul, variance_, load(t_.square_sum), share);
    values_.emit(V::kFnma, variance_, mean_, mean_, variance_);
    values_.emit(V::kMax, variance_, variance_, values_.number(0));
  }

  void inverse_deviation(const Value& variance) {
    values_.emit(V::kAdd, gradient_, variance, values_.number(layer_.epsilon));
    functions::reciprocal_root(values_, gradient_, inverse_, half_, factor_);
  }

  // (sum of dy x - mean (sum of dy)) / deviation
  void weight_gradient() {
    moments();
    inverse_deviation(variance_);
    values_.emit(V::kFnma, gradient_, mean_, load(t_.gradient_sum), load(t_.product_sum));
    values_.emit(V::kMul, gradient_, gradient_, inverse_);
  }

  void average(int tensor, const Value& value, double momentum) {
    const Value before = load(tensor);
    values_.emit(V::kMul, value, value, values_.number(momentum));
    values_.emit(V::kFma, value, before, values_.number(1 - layer_.average_momentum), value);
    values_.produce(tensor, value, lines_.at(tensor));  // lanes without a channel stay as they were
  }

  Lowering& low_;
  const Layer& layer_;
  NormTensors t_;
  ChannelValues values_;
  double m_;
  std::map<int, std::int64_t> lines_;  // by tensor
  Value temporary_[kTemporaries];
  Value &mean_ = temporary_[0], &variance_ = temporary_[1], &inverse_ = temporary_[2],
        &gradient_ = temporary_[3], &half_ = temporary_[4], &factor_ = temporary_[5];
};

// An operation on channels alone.
void of_channels(Lowering& low, const Op& op, void (BatchNorm::*work)()) {
  BatchNorm norm(low, op);
  if (norm.lines() > low.capacity())
    throw low.too_small(norm.lines(), std::string(name(op.kind)) + " in " + low.graph().layer(op).name);
  low.take_scratchpad(norm.lines());
  norm.allocate();
  norm.run([&](const Range&) { (norm.*work)(); });
}

}  // namespace

BatchNormFactors::BatchNormFactors(Lowering& low, const Op& op, bool training)
    : low_(low), op_(op), training_(training) {}

std::int64_t BatchNormFactors::lines() const {
  const BatchNorm norm(low_, op_);
  return norm.lines() + static_cast<std::int64_t>(count()) * norm.vector_rows();
}

void BatchNormFactors::compute() {
  BatchNorm norm(low_, op_);
  norm.allocate();
  for (std::size_t f = 0; f < count(); ++f) lines_.push_back(low_.allocate(norm.vector_rows()));
  norm.run([&](const Range& rows) {
    const auto factor = [&](std::size_t f) { return ChannelValues::at_line(lines_[f] + rows.begin); };
    if (op_.kind == OpKind::kBatchNorm) {
      norm.factors(training_, factor(0), factor(1));
    } else {
      norm.gradient_factors(factor(0), factor(1), factor(2));
    }
  });
}

isa::Operand BatchNormFactors::of(std::size_t factor, std::int64_t channel) const {
  return broadcast(lines_[factor] * low_.lanes() + channel);
}

void lower_batch_norm(Lowering& low, const Op& op, bool training) {
  if (training) lower_channel_sums(low, op.inputs[0], op.inputs[0], {op.outputs[1], op.outputs[2]});
  lower_elementwise(low, op, training);
}
void lower_batch_norm_backward_weight(Lowering& low, const Op& op) {
  of_channels(low, op, &BatchNorm::gradients);
}
void lower_batch_norm_averages(Lowering& low, const Op& op) { of_channels(low, op, &BatchNorm::averages); }

}  // namespace anzan::compiler
