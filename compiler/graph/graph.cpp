// From a network to its training graph: forward, then back.
#include "compiler/graph/graph.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "compiler/graph/backward.hpp"
#include "compiler/graph/forward.hpp"
#include "compiler/graph/graph_builder.hpp"
#include "compiler/graph/shared_channels.hpp"
#include "compiler/input/input_error.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

namespace {

std::string slots_needed(std::size_t slots) {
  const std::string tensors = "the tensors of the network with settings of their own";
  if (slots <= static_cast<std::size_t>(isa::kSlotsMax))
    return "at least " + std::to_string(slots) + ": " + tensors;
  return "a smaller network: " + tensors + " need " + std::to_string(slots) + " slots, instructions name " +
         std::to_string(isa::kSlotsMax) + " at most";
}

}  // namespace

UpdateTensors update_tensors(const Graph& g, const Op& op) {
  UpdateTensors u;
  for (const int t : op.inputs) {
    const TensorClass kind = g.tensor(t).kind;
    if (is_moment(kind))
      u.moments.push_back(t);
    else if (kind == TensorClass::kWeightGradient)
      u.gradient = t;
    else if (kind == TensorClass::kMasterWeight)
      u.master = t;
    else if (kind == TensorClass::kLoss)
      u.scale = t;
    else
      u.value = t;
  }
  return u;
}

const Op& gradient_of_weights(const Graph& g, const Op& sum) {
  if (sum.kind == OpKind::kConvolutionBackwardWeight) return sum;
  const auto found = std::find_if(g.ops.begin(), g.ops.end(), [&](const Op& op) {
    return op.kind == OpKind::kConvolutionBackwardWeight && op.layer == sum.layer;
  });
  if (found == g.ops.end()) throw std::logic_error("sums of a gradient that nothing finishes");
  return *found;
}

std::vector<int> written_slots(const Graph& g, const Op& op) {
  std::vector<int> slots;
  if (op.again) return slots;
  for (const int output : op.outputs) {
    const TensorInfo& tensor = g.tensor(output);
    const bool keeps =
        tensor.selects || std::find(op.inputs.begin(), op.inputs.end(), output) != op.inputs.end();
    if (tensor.slot != kConstantSlot && models::has_binary_point(tensor.format) &&
        (op.kind == OpKind::kUpdate || !keeps))
      slots.push_back(tensor.slot);
  }
  return slots;
}

Graph differentiate(const Input& input) {
  GraphBuilder builder(input);
  SharedChannels sharing(builder);
  sharing.check_wishes();
  Forward(builder, sharing).run();
  sharing.check_sharing();
  Backward(builder, sharing).run();
  const std::size_t slots = builder.graph().slots.size();
  if (slots > static_cast<std::size_t>(input.chip.slots))
    throw InputError("/chip/slots", std::to_string(input.chip.slots), slots_needed(slots));
  builder.name_shared_slots();
  return std::move(builder.graph());
}

}  // namespace anzan::compiler
