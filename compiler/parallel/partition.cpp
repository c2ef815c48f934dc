// Stages are balanced by what their layers take, operations repeated for each micro-batch, and transfers put
// where a stage reads what another has written.
#include "compiler/parallel/partition.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "compiler/graph/layout.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/lowering/carried_sums.hpp"
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

// All stages go on at the same time, each by what comes next for it of the micro-batches.
class Clock {
 public:
  // `do_next(stage, back, micro_batch)`, in an order in which everything finds what it needs.
  template <class Do>
  static void run(int stages, int micro_batches, const Do& do_next) {
    const auto count = static_cast<std::size_t>(stages);
    std::vector<int> forward(count), back(count);  // micro-batches that have gone so far
    while (back.front() < micro_batches) {
      const std::vector<int> forward_before = forward, back_before = back;
      for (std::size_t s = 0; s < count; ++s) {
        // of a micro-batch that goes back here at once, nothing is kept in the stages behind
        const int ahead = forward[s] - back[s], most = stages - static_cast<int>(s);
        const bool goes_back = forward[s] == micro_batches || ahead == most;
        if (goes_back) {
          if (back[s] == micro_batches || (s + 1 < count && back_before[s + 1] <= back[s])) continue;
          do_next(static_cast<int>(s), true, back[s]++);
        } else {
          if (s > 0 && forward_before[s - 1] <= forward[s]) continue;
          do_next(static_cast<int>(s), false, forward[s]++);
        }
      }
    }
  }
};

class Partitioner {
 public:
  Partitioner(const Graph& graph, std::int64_t reserved)
      : graph_(graph), reserved_(reserved), stage_of_layer_(stages_of_layers(graph)) {
    const Mapping& mapping = graph.system.mapping;
    stages_ = mapping.pipeline.size;
    micro_batches_ = mapping.micro_batches;
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
    if (micro_batches_ > 1 && mapping.schedule == PipelineSchedule::kOneForwardOneBackward) take_apart();
  }

  Partition run() {
    if (graph_.system.mapping.schedule == PipelineSchedule::kGpipe) {
      all_forward_first();
    } else {
      Clock::run(stages_, micro_batches_, [this](int stage, bool back, int m) {
        for (const Op& op : ops_) {
          if (stage_of(op) != stage || (op.phase != Phase::kForward) != back) continue;
          of_all_images(op) ? add_or_wait(op, m) : add(op, m);
        }
      });
    }
    for (int s = 0; s < stages_; ++s) place(s);
    return std::move(result_);
  }

 private:
  static bool of_all_images(const Op& op) {
    return op.phase == Phase::kUpdate || op.phase == Phase::kWeightGradient;
  }
  int stage_of(const Op& op) const { return stage_of_layer_[static_cast<std::size_t>(op.layer)]; }
  bool is_last(int micro_batch) const { return micro_batch + 1 == micro_batches_; }

  void all_forward_first() {
    for (int m = 0; m < micro_batches_; ++m) {
      for (const Op& op : ops_)
        if (op.phase == Phase::kForward) add(op, m);
    }
    for (int m = 0; m < micro_batches_; ++m) {
      for (const Op& op : ops_) {
        if (op.phase == Phase::kForward) continue;
        if (!of_all_images(op))
          add(op, m);
        else if (is_last(m))
          add(op, kAll);
      }
    }
  }

  // Images of a tensor that the compiler places; those of the driver's stay together.
  bool has_images(int t) const {
    const TensorInfo& tensor = graph_.tensor(t);
    return tensor.layout == TensorInfo::Layout::kImages && !tensor.persistent && t != graph_.data &&
           t != graph_.label && t != graph_.loss && t != graph_.prediction;
  }

  // Which gradients of weights are summed micro-batch by micro-batch, and so which tensors are one for each.
  void take_apart() {
    apart_ = true;
    for (const Op& op : ops_) {
      if (op.phase != Phase::kWeightGradient) continue;
      if (const auto sums = sums_for(op)) {
        TensorInfo t;
        t.name = graph_.layer(op).name + ".weight_gradient.sums";
        t.layer = graph_.layer(op).name;
        t.kind = TensorClass::kWeightGradient;
        t.layout = TensorInfo::Layout::kVector;
        t.lanes = graph_.chip.lanes;
        t.lines = sums->lines();
        t.shape = {t.lines * t.lanes, 1, 1, 1};
        sums_[op.layer] = new_tensor(std::move(t));
      } else {
        for (const int t : op.inputs) whole_.insert({t, stage_of(op)});
      }
    }
  }

  // None where the sums would take more memory than the images that wait for the last micro-batch otherwise.
  std::optional<CarriedSums> sums_for(const Op& op) const {
    if (op.kind != OpKind::kConvolutionBackwardWeight) return {};
    const std::optional<CarriedSums> sums = carried_sums(graph_, op, groups_);
    const std::int64_t kept = std::min(micro_batches_, stages_ - stage_of(op));
    const auto waiting = [&](int t, std::int64_t anyway) {
      return has_images(t) ? graph_.tensor(t).lines * (micro_batches_ - anyway) / micro_batches_ : 0;
    };
    if (!sums || sums->lines() >= waiting(op.inputs[0], kept) + waiting(op.inputs[1], 1)) return {};
    return sums;
  }

  int new_tensor(TensorInfo t) {
    graph_.tensors.push_back(std::move(t));
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  // The tensor that has the images of a micro-batch in a stage.
  int part_of(int t, int micro_batch, int stage) {
    if (!apart_ || micro_batch == kAll || !has_images(t) || whole_.count({t, stage}) != 0) return t;
    const auto [found, is_new] = parts_.try_emplace({t, micro_batch}, -1);
    if (!is_new) return found->second;
    TensorInfo part = graph_.tensor(t);
    part.name += ".part" + std::to_string(micro_batch + 1);
    part.first_row = micro_batch * groups_ * part.pitch;
    part.part_rows = row_count(part) / micro_batches_;
    part.lines = ceil_div(part.part_rows, models::elements_per_word(part.format));
    return found->second = new_tensor(std::move(part));
  }

  void add(const Op& op, int micro_batch) {
    bring_inputs(op, micro_batch);
    const int first = std::max(0, micro_batch), end = micro_batch == kAll ? micro_batches_ : micro_batch + 1;
    for (int m = first; m < end; ++m) {
      for (const int t : op.outputs) holders_[{t, m}] = {stage_of(op)};
    }
    result_.ops.push_back(of_part(op, micro_batch));
  }

  void bring_inputs(const Op& op, int micro_batch) {
    const int first = std::max(0, micro_batch), end = micro_batch == kAll ? micro_batches_ : micro_batch + 1;
    for (int m = first; m < end; ++m) {
      for (const int t : op.inputs) bring(t, op, m);
    }
  }

  // What is of all images, while micro-batches go back: a sum goes on by this one, or all waits for the last.
  void add_or_wait(const Op& op, int micro_batch) {
    const auto sums = sums_.find(op.layer);
    const bool summed = op.phase == Phase::kWeightGradient && sums != sums_.end();
    if (!summed && is_last(micro_batch)) return add(op, kAll);
    if (!summed) {
      if (op.phase == Phase::kWeightGradient) bring_inputs(op, micro_batch);
      return;
    }
    add(op, micro_batch);
    Op& added = result_.ops.back();
    if (micro_batch > 0) added.inputs.push_back(sums->second);
    if (is_last(micro_batch)) return;
    added.kind = OpKind::kSumForWeights;
    added.outputs = {sums->second};
  }

  Op of_part(Op op, int micro_batch) {
    op.stage = stage_of(op);
    if (micro_batches_ == 1 || micro_batch == kAll) return op;
    op.first_group = micro_batch * groups_;
    op.groups = groups_;
    for (std::vector<int>* tensors : {&op.inputs, &op.outputs}) {
      for (int& t : *tensors) t = part_of(t, micro_batch, op.stage);
    }
    return op;
  }

  // What an earlier operation of another stage has written comes stage by stage.
  void bring(int t, const Op& to, int micro_batch) {
    const auto found = holders_.find({t, micro_batch});
    if (found == holders_.end()) {  // the driver's, or no images
      if (has_images(t)) throw std::logic_error(graph_.tensor(t).name + ": read before it is written");
      return;
    }
    std::set<int>& holders = found->second;
    const int last = stage_of(to);
    while (holders.count(last) == 0) {
      const int nearest = *std::min_element(holders.begin(), holders.end(), [&](int a, int b) {
        return std::abs(a - last) < std::abs(b - last);
      });
      Op op;
      op.kind = OpKind::kTransfer;
      op.phase = to.phase == Phase::kForward ? Phase::kForward : Phase::kBackward;
      op.layer = to.layer;
      op.stage = nearest;
      op.receiver = nearest < last ? nearest + 1 : nearest - 1;
      op.inputs = {part_of(t, micro_batch, op.stage)};
      op.outputs = {part_of(t, micro_batch, op.receiver)};
      if (micro_batches_ > 1) {
        op.first_group = micro_batch * groups_;
        op.groups = groups_;
      }
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
      const bool receives = op.kind == OpKind::kTransfer && op.receiver == stage;
      if (op.stage != stage && !receives) continue;
      Op here = op;
      if (op.kind == OpKind::kTransfer)
        (receives ? here.inputs : here.outputs) = receives ? op.outputs : op.inputs;
      g.ops.push_back(std::move(here));
    }
    const HbmPlan plan = plan_memory(g, reserved_);
    if (plan.lines > result_.memory.lines) result_.memory = plan;
    result_.plans.push_back(plan.report);
    result_.stages.push_back(std::move(g));
  }

  static constexpr int kAll = -1;  // micro-batches, not one of them

  Graph graph_;
  const std::vector<Op> ops_ = graph_.ops;
  std::int64_t reserved_, groups_ = 0;
  std::vector<int> stage_of_layer_;
  int stages_ = 1, micro_batches_ = 1;
  bool apart_ = false;                                    // micro-batches have tensors of their own
  std::map<int, int> sums_;                               // by layer: of the gradient of its weights so far
  std::set<std::pair<int, int>> whole_;                   // tensors that a stage needs whole all the same
  std::map<std::pair<int, int>, int> parts_;              // of a tensor and a micro-batch
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
