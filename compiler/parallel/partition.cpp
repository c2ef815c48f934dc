// Stages are balanced by what their layers take, operations repeated for each micro-batch, and transfers put
// where a stage reads what another has written.
#include "compiler/parallel/partition.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "compiler/graph/layout.hpp"
#include "compiler/input/input_error.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

// Cycles of a step that a layer takes, about: its products on the whole array, or what it moves, whichever
// takes longer. Products are made forward and for two gradients; activations move as often; weights are read
// twice, and an update reads and writes two more tensors like them beside their gradient.
std::int64_t work_of(const Graph& graph, int layer) {
  const Layer& l = graph.layer(layer);
  const std::int64_t lanes = graph.chip.lanes, images = graph.training.batch;
  const std::int64_t products = 3 * images * l.out.size() * weights_of_a_channel(l),
                     weights = weight_count(l);
  const std::int64_t moved = 3 * images * (l.in.size() + l.out.size()) + 8 * weights;
  std::int64_t per_word = 1;
  for (const TensorInfo& t : graph.tensors) {
    if (t.layer == l.name && t.kind == TensorClass::kActivation)
      per_word = models::elements_per_word(t.format);
  }
  return std::max(products / (lanes * lanes), moved / lanes) / per_word;
}

// Every stage begins with a layer that has weights; the layers before the first such one are in the first.
std::vector<int> possible_beginnings(const Network& network) {
  std::vector<int> layers;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    if (has(network.layers[i], kHasWeights)) layers.push_back(static_cast<int>(i));
  }
  return layers;
}

// First layers of stages 1, 2, …, such that the largest stage is as small as it can be.
std::vector<int> balanced(const Graph& graph, const std::vector<int>& beginnings, int stages) {
  const std::size_t n = beginnings.size();
  std::vector<std::int64_t> up_to{0};  // work before beginning k; the last: all
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t first = k == 0 ? 0 : static_cast<std::size_t>(beginnings[k]),
                      end = k + 1 < n ? static_cast<std::size_t>(beginnings[k + 1])
                                      : graph.network.layers.size();
    std::int64_t work = 0;
    for (std::size_t i = first; i < end; ++i) work += work_of(graph, static_cast<int>(i));
    up_to.push_back(up_to.back() + work);
  }
  // least[s][k]: of the best division of everything before beginning k into s stages; from[s][k]: its last
  const auto count = static_cast<std::size_t>(stages);
  const std::int64_t never = std::numeric_limits<std::int64_t>::max();
  std::vector<std::vector<std::int64_t>> least(count + 1, std::vector<std::int64_t>(n + 1, never));
  std::vector<std::vector<std::size_t>> from(count + 1, std::vector<std::size_t>(n + 1, 0));
  least[0][0] = 0;
  for (std::size_t s = 1; s <= count; ++s) {
    for (std::size_t k = s; k <= n; ++k) {
      for (std::size_t b = s - 1; b < k; ++b) {
        if (least[s - 1][b] == never) continue;
        const std::int64_t largest = std::max(least[s - 1][b], up_to[k] - up_to[b]);
        if (largest >= least[s][k]) continue;
        least[s][k] = largest;
        from[s][k] = b;
      }
    }
  }
  std::vector<int> first;
  for (std::size_t s = count, k = n; s > 1; --s) {
    k = from[s][k];
    first.push_back(beginnings[k]);
  }
  std::reverse(first.begin(), first.end());
  return first;
}

std::vector<int> named(const Network& network, const std::vector<std::string>& names) {
  std::vector<int> first;
  for (const std::string& name : names) {
    const auto found = std::find_if(network.layers.begin(), network.layers.end(),
                                    [&](const Layer& l) { return l.name == name; });
    const int layer = static_cast<int>(found - network.layers.begin());
    if (found == network.layers.end() || layer <= (first.empty() ? 0 : first.back()))
      throw InputError("/system/mapping/stages", name,
                       "names of layers in the order of the network, none of them the first");
    first.push_back(layer);
  }
  return first;
}

class Partitioner {
 public:
  Partitioner(const Graph& graph, std::int64_t reserved)
      : graph_(graph), reserved_(reserved), stage_of_layer_(stages_of_layers(graph)) {
    micro_batches_ = graph.system.mapping.micro_batches;
    const std::int64_t groups = ceil_div(graph.training.batch, graph.chip.lanes);
    if (groups % micro_batches_ != 0 || (micro_batches_ > 1 && graph.training.batch % graph.chip.lanes != 0))
      throw InputError("/system/mapping/micro_batches", std::to_string(micro_batches_),
                       "parts of " + std::to_string(graph.training.batch) +
                           " images of a core that are multiples of " + std::to_string(graph.chip.lanes) +
                           " lanes");
    groups_ = groups / micro_batches_;
    for (const Layer& l : graph.network.layers) {
      if (micro_batches_ > 1 && has(l, kNormalises))
        throw InputError("/system/mapping/micro_batches", std::to_string(micro_batches_),
                         "1: layer " + l.name + " normalises by sums over all images of a core");
    }
  }

  Partition run() {
    for (int m = 0; m < micro_batches_; ++m) {
      for (const Op& op : graph_.ops)
        if (op.phase == Phase::kForward) add(op, m);
    }
    for (int m = 0; m < micro_batches_; ++m) {
      const bool last = m + 1 == micro_batches_;
      for (const Op& op : graph_.ops) {
        if (op.phase == Phase::kForward) continue;
        if (of_all_images(op)) {
          if (last) add(op, -1);
        } else {
          add(op, m);
        }
      }
    }
    for (int s = 0; s < graph_.system.mapping.pipeline.size; ++s) place(s);
    return std::move(result_);
  }

 private:
  static bool of_all_images(const Op& op) {
    return op.phase == Phase::kUpdate || op.phase == Phase::kWeightGradient;
  }

  // Micro-batch -1: all of them.
  void add(Op op, int micro_batch) {
    op.stage = stage_of_layer_[static_cast<std::size_t>(op.layer)];
    const int first = std::max(0, micro_batch), end = micro_batch < 0 ? micro_batches_ : micro_batch + 1;
    for (int m = first; m < end; ++m) {
      for (const int t : op.inputs) bring(t, of_part(op, m), m);
      for (const int t : op.outputs) holders_[{t, m}] = {op.stage};
    }
    result_.ops.push_back(micro_batch < 0 ? op : of_part(op, micro_batch));
  }

  Op of_part(Op op, int micro_batch) const {
    if (micro_batches_ == 1) return op;
    op.first_group = micro_batch * groups_;
    op.groups = groups_;
    return op;
  }

  // What an earlier operation of another stage has written comes stage by stage.
  void bring(int t, const Op& to, int micro_batch) {
    const auto found = holders_.find({t, micro_batch});
    if (found == holders_.end()) return;  // the driver's, or a weight
    std::set<int>& holders = found->second;
    while (holders.count(to.stage) == 0) {
      const int nearest = *std::min_element(holders.begin(), holders.end(), [&](int a, int b) {
        return std::abs(a - to.stage) < std::abs(b - to.stage);
      });
      Op op;
      op.kind = OpKind::kTransfer;
      op.phase = to.phase == Phase::kForward ? Phase::kForward : Phase::kBackward;
      op.layer = to.layer;
      op.inputs = op.outputs = {t};
      op.stage = nearest;
      op.receiver = nearest < to.stage ? nearest + 1 : nearest - 1;
      op.first_group = to.first_group;
      op.groups = to.groups;
      holders.insert(op.receiver);
      result_.ops.push_back(std::move(op));
    }
  }

  void place(int stage) {
    Graph g = graph_;
    g.divided = g.system.divided();
    g.ops.clear();
    if (g.divided) g.parameters.clear();  // initial values are not for these cores
    for (const Op& op : result_.ops) {
      if (op.stage == stage || (op.kind == OpKind::kTransfer && op.receiver == stage)) g.ops.push_back(op);
    }
    const HbmPlan plan = plan_memory(g, reserved_);
    if (plan.lines > result_.memory.lines) result_.memory = plan;
    result_.stages.push_back(std::move(g));
  }

  const Graph& graph_;
  std::int64_t reserved_, groups_ = 0;
  std::vector<int> stage_of_layer_;
  int micro_batches_ = 1;
  std::map<std::pair<int, int>, std::set<int>> holders_;  // of a tensor's images of a micro-batch
  Partition result_;
};

}  // namespace

std::vector<int> stages_of_layers(const Graph& graph) {
  const Mapping& mapping = graph.system.mapping;
  const Network& network = graph.network;
  const std::vector<int> beginnings = possible_beginnings(network);
  if (mapping.pipeline.size > static_cast<int>(beginnings.size()))
    throw InputError("/system/mapping/pipeline", std::to_string(mapping.pipeline.size) + " stages",
                     "at most " + std::to_string(beginnings.size()) + ", as many as layers with weights");
  if (!mapping.stage_begin.empty() &&
      static_cast<int>(mapping.stage_begin.size()) + 1 != mapping.pipeline.size)
    throw InputError(
        "/system/mapping/stages", std::to_string(mapping.stage_begin.size()) + " names",
        "the first layer of each of " + std::to_string(mapping.pipeline.size) + " stages but the first");
  const std::vector<int> first = mapping.stage_begin.empty()
                                     ? balanced(graph, beginnings, mapping.pipeline.size)
                                     : named(network, mapping.stage_begin);
  std::vector<int> stages;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto after = std::upper_bound(first.begin(), first.end(), static_cast<int>(i));
    stages.push_back(static_cast<int>(after - first.begin()));
  }
  return stages;
}

Partition partition(const Graph& graph, std::int64_t reserved) { return Partitioner(graph, reserved).run(); }

}  // namespace anzan::compiler
