// The table of operations, and that of the phases that they belong to.
#include "compiler/operations.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "compiler/lowering/batch_norm.hpp"
#include "compiler/lowering/channel_sums.hpp"
#include "compiler/lowering/convolution.hpp"
#include "compiler/lowering/elementwise.hpp"
#include "compiler/lowering/gradient_norm.hpp"
#include "compiler/lowering/loss.hpp"
#include "compiler/lowering/pixel_sums.hpp"
#include "compiler/lowering/pool.hpp"
#include "compiler/lowering/update.hpp"
#include "compiler/lowering/weight_gradient.hpp"

namespace anzan::compiler {
namespace {

// A lowering that does not care whether the program trains.
template <void (*lower)(Lowering&, const Op&)>
void always(Lowering& low, const Op& op, bool) {
  lower(low, op);
}
void update(Lowering& low, const Op& op, bool) { lower_update(low, op, true); }

constexpr auto kItself = LoweredBy::kItself;
constexpr Operation kOperations[] = {
    {OpKind::kConvolution, nullptr, kItself, always<lower_convolution>},
    {OpKind::kConvolutionBackwardData, nullptr, kItself, always<lower_convolution_backward_data>},
    {OpKind::kConvolutionBackwardWeight, nullptr, kItself, always<lower_convolution_backward_weight>},
    {OpKind::kSumForWeights, nullptr, kItself, always<lower_convolution_backward_weight>},
    {OpKind::kMaxPool, nullptr, kItself, lower_pool},
    {OpKind::kMaxPoolBackward, nullptr, kItself, lower_pool},
    {OpKind::kAveragePool, nullptr, kItself, lower_pool},
    {OpKind::kAveragePoolBackward, nullptr, kItself, lower_pool},
    {OpKind::kBatchNorm, nullptr, kItself, lower_batch_norm},
    {OpKind::kBatchNormSums, nullptr, kItself, always<lower_channel_sums>},
    {OpKind::kBatchNormBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kBatchNormBackwardWeight, nullptr, kItself, always<lower_batch_norm_backward_weight>},
    {OpKind::kBatchNormAverages, nullptr, kItself, always<lower_batch_norm_averages>},
    {OpKind::kRelu, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kReluBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kLeakyRelu, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kLeakyReluBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kClip, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kClipBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kHardSigmoid, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kHardSigmoidBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kHardSwish, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kHardSwishBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kSigmoid, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kSigmoidBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kSwish, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kSwishBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kTanh, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kTanhBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kDropout, nullptr, kItself, lower_elementwise},
    {OpKind::kDropoutBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kLrn, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kLrnBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kAdd, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kSumOfPixels, nullptr, kItself, always<lower_pixel_sums>},
    {OpKind::kMultiply, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kMultiplyBackward, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kSumOfProducts, nullptr, kItself, always<lower_pixel_sums>},
    {OpKind::kConcat, nullptr, kItself, always<lower_concat>},
    {OpKind::kConcatBackward, nullptr, kItself, always<lower_concat_backward>},
    {OpKind::kCopy, nullptr, kItself, always<lower_elementwise>},
    {OpKind::kLoss, "loss", kItself, lower_loss},
    {OpKind::kExchange, "exchange", LoweredBy::kExchange, nullptr},
    {OpKind::kGradientNorm, "gradient_norm", kItself, always<lower_gradient_norm>},
    {OpKind::kUpdate, nullptr, kItself, update},
    {OpKind::kGather, nullptr, LoweredBy::kDivision, nullptr},
    {OpKind::kReduceScatter, nullptr, LoweredBy::kDivision, nullptr},
    {OpKind::kSlice, nullptr, LoweredBy::kDivision, nullptr},
    {OpKind::kTransfer, nullptr, LoweredBy::kDivision, nullptr},
};

struct PhaseRow {
  Phase phase;
  const char* region;
  Area area;
};
constexpr PhaseRow kPhases[] = {
    {Phase::kForward, "forward", Area::kForward},
    {Phase::kBackward, "backward_data", Area::kBackward},
    {Phase::kWeightGradient, "backward_weight", Area::kWeightGradient},
    {Phase::kUpdate, "update", Area::kUpdate},
};

constexpr bool tables_are_whole() {
  for (const Operation& o : kOperations) {
    if ((o.lowered_by == kItself) != (o.lower != nullptr)) return false;
  }
  std::size_t number = 0;
  for (const PhaseRow& p : kPhases) {
    if (static_cast<std::size_t>(p.phase) != number++) return false;
  }
  return one_row_an_op_kind(kOperations) && number == static_cast<std::size_t>(Phase::kUpdate) + 1;
}
static_assert(tables_are_whole(), "one row an operation and a phase, in the order of the enums");

}  // namespace

const Operation& operation(OpKind kind) { return kOperations[static_cast<std::size_t>(kind)]; }

Region region_of(const Graph& graph, const Op& op) {
  const char* region = operation(op.kind).region;
  return {graph.layer(op).name,
          region != nullptr ? region : kPhases[static_cast<std::size_t>(op.phase)].region};
}

std::int64_t network_products(const Graph& graph, const Op& op) {
  int weights = -1;  // or their gradient
  if (op.kind == OpKind::kConvolution || op.kind == OpKind::kConvolutionBackwardData) weights = op.inputs[1];
  if (op.kind == OpKind::kConvolutionBackwardWeight || op.kind == OpKind::kSumForWeights)
    weights = gradient_of_weights(graph, op).outputs[0];
  if (weights < 0) return 0;
  std::int64_t images = graph.training.batch;
  if (op.groups > 0)
    images = std::min(images - op.first_group * graph.chip.lanes, op.groups * graph.chip.lanes);
  const Shape& out = graph.layer(op).out;
  return images * graph.tensor(weights).size() * out.height * out.width;
}

void begin(Lowering& low, Listing& listing, const Op& op, bool analysing) {
  low.begin({&listing,
             region_of(low.graph(), op),
             kPhases[static_cast<std::size_t>(op.phase)].area,
             {op.first_group, op.first_group + op.groups},
             analysing && !op.again});
}

void lower(Lowering& low, const Op& op, bool training) {
  const Operation& o = operation(op.kind);
  if (o.lower == nullptr) throw std::logic_error(std::string("no lowering of its own: ") + name(op.kind));
  try {
    o.lower(low, op, training);
  } catch (const std::logic_error& error) {
    throw std::logic_error(std::string(name(op.kind)) + " of layer " + low.graph().layer(op).name + ": " +
                           error.what());
  }
}

}  // namespace anzan::compiler
