// A part is a tensor of the whole gradient's shape of which some rows are there.
#include "compiler/memory/weight_parts.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/graph/layout.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/input/scratchpad.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

bool may_divide(const SystemParameters& system, const TrainingParameters& training) {
  return system.cores() == 1 && !system.divided() && training.clip_norm == 0;
}

class Divider {
 public:
  explicit Divider(Graph& graph) : g_(graph), ops_(std::move(graph.ops)) { g_.ops.clear(); }

  void run() {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      const std::vector<int> parts = parts_of(ops_[i]);
      if (parts.size() <= 1)
        g_.ops.push_back(ops_[i]);
      else
        i = divide(i, parts);
    }
  }

 private:
  // Rows of the smallest part: a block of input channels, all taps and output channels.
  static std::int64_t block_rows(const TensorInfo& t) {
    const WeightLayout l = weight_layout(t);
    return l.taps * l.out_pitch;
  }

  // Tensors of the parts, the first of which replaces the whole.
  std::vector<int> parts_of(const Op& op) {
    if (op.kind != OpKind::kConvolutionBackwardWeight) return {};
    const int whole = op.outputs[0];
    const TensorInfo like = g_.tensor(whole);
    const std::int64_t block = block_rows(like), per_line = models::elements_per_word(like.format),
                       most = g_.memory.weight_gradient_kib * 1024 / line_bytes(g_.chip) * per_line;
    const std::int64_t blocks = like.groups > 1 ? 1 : ceil_div(row_count(like), block);
    const std::int64_t step = std::max<std::int64_t>(1, most / block);
    std::vector<int> parts;
    for (const Range& r : pieces(blocks, step)) {
      if (blocks <= step) return {};
      if (!parts.empty()) g_.tensors.push_back(like);
      parts.push_back(parts.empty() ? whole : static_cast<int>(g_.tensors.size()) - 1);
      TensorInfo& part = g_.tensor(parts.back());
      if (parts.size() > 1) part.name += ".part" + std::to_string(parts.size());
      part.first_row = r.begin * block;
      part.part_rows = r.size() * block;
      part.lines = ceil_div(part.part_rows, per_line);
    }
    return parts;
  }

  // The operation at `i` and the updates that follow it; returns the place of the last of them.
  std::size_t divide(std::size_t i, const std::vector<int>& parts) {
    const Op whole = ops_[i];
    std::vector<Op> others;  // the update of the biases
    Op update;
    std::size_t end = i;
    while (end + 1 < ops_.size() && ops_[end + 1].kind == OpKind::kUpdate &&
           ops_[end + 1].layer == whole.layer) {
      const Op& next = ops_[++end];
      (next.inputs[0] == whole.outputs[0] ? update : others.emplace_back()) = next;
    }
    for (const int part : parts) {
      Op op = whole;
      op.outputs[0] = part;
      if (part != parts.front()) op.outputs.resize(1);
      g_.ops.push_back(std::move(op));
      Op of_part = update;
      of_part.inputs[0] = part;
      g_.ops.push_back(std::move(of_part));
      if (part == parts.front()) g_.ops.insert(g_.ops.end(), others.begin(), others.end());
    }
    return end;
  }

  Graph& g_;
  const std::vector<Op> ops_;
};

}  // namespace

bool divides_weight_gradients(const Input& input) { return may_divide(input.system, input.training); }

void divide_weight_gradients(Graph& graph) {
  if (graph.memory.weight_gradient_kib == 0) return;
  if (!may_divide(graph.system, graph.training))
    throw InputError("/memory/weight_gradient_kib", std::to_string(graph.memory.weight_gradient_kib),
                     graph.training.clip_norm > 0
                         ? "0 where clip_norm wants all gradients before the first update"
                         : "0 where several cores or micro-batches share the work");
  Divider(graph).run();
}

}  // namespace anzan::compiler
