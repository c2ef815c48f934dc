// The programs of a network: operations in order, with the choices of binary points between them, lowered and
// scheduled.
#include "compiler/programs.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "compiler/parallel/division.hpp"
#include "compiler/parallel/exchange.hpp"
#include "compiler/schedule/schedule.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

void lower(Lowering& low, const Op& op, bool training) {
  switch (op.kind) {
    case OpKind::kConvolution:
      return lower_convolution(low, op);
    case OpKind::kConvolutionBackwardData:
      return lower_convolution_backward_data(low, op);
    case OpKind::kConvolutionBackwardWeight:
      return lower_convolution_backward_weight(low, op);
    case OpKind::kMaxPool:
    case OpKind::kMaxPoolBackward:
    case OpKind::kAveragePool:
    case OpKind::kAveragePoolBackward:
      return lower_pool(low, op);
    case OpKind::kRelu:
    case OpKind::kReluBackward:
    case OpKind::kAdd:
    case OpKind::kCopy:
      return lower_elementwise(low, op);
    case OpKind::kLoss:
      return lower_loss(low, op, training);
    case OpKind::kUpdate:
      return lower_update(low, op, true);
    case OpKind::kExchange:  // all of a step together
    case OpKind::kGather:    // between cores
    case OpKind::kReduceScatter:
    case OpKind::kSlice:
    case OpKind::kTransfer:
      break;
  }
}

// Slots whose tensors the operation writes anew (selections keep the point of their source).
std::vector<int> written_slots(const Graph& g, const Op& op) {
  std::vector<int> slots;
  const auto slot = [&](int t) { return g.tensors[static_cast<std::size_t>(t)].slot; };
  for (int output : op.outputs) {
    const bool selection =
        std::any_of(op.inputs.begin(), op.inputs.end(), [&](int i) { return slot(i) == slot(output); });
    const bool has_point = models::has_binary_point(g.tensors[static_cast<std::size_t>(output)].format);
    if (slot(output) != kConstantSlot && has_point && (op.kind == OpKind::kUpdate || !selection))
      slots.push_back(slot(output));
  }
  return slots;
}

// What the reports call the operation's part in the program.
const char* phase_name(const Op& op) {
  if (op.kind == OpKind::kLoss) return "loss";
  if (op.kind == OpKind::kConvolutionBackwardWeight) return "backward_weight";
  if (op.kind == OpKind::kExchange) return "exchange";
  switch (op.phase) {
    case Phase::kForward:
      return "forward";
    case Phase::kBackward:
      return "backward_data";
    case Phase::kUpdate:
      break;
  }
  return "update";
}

void enter(Lowering& low, const Op& op) {
  const bool weights = op.kind == OpKind::kConvolutionBackwardWeight;
  const Area area = op.phase == Phase::kForward  ? Area::kForward
                    : op.phase == Phase::kUpdate ? Area::kUpdate
                    : weights                    ? Area::kWeightGradient
                                                 : Area::kBackward;
  low.enter(low.graph().network.layers[static_cast<std::size_t>(op.layer)].name, phase_name(op), area);
}

Listing finish(Lowering& low, Listing& listing) {
  low.emit(isa::End{});
  return std::move(schedule(std::move(listing), low.lanes()).front());
}

// One batch that finds the first binary points: every tensor is produced, its point chosen from what was
// seen, and produced again. Weights do not change.
Listing calibrate_program(Lowering& low) {
  Listing listing;
  low.into(listing);
  for (const Op& op : low.graph().ops) {
    if (op.kind == OpKind::kExchange) continue;  // every core finds its points on the same images
    enter(low, op);
    const std::vector<int> slots = written_slots(low.graph(), op);
    if (op.kind == OpKind::kUpdate) {
      lower_update(low, op, false);
      const int momentum = low.graph().tensors[static_cast<std::size_t>(op.inputs[2])].slot;
      low.optimise(momentum);
      low.settle(momentum);
      continue;
    }
    lower(low, op, true);
    for (int s : slots) {
      low.optimise(s);
      low.settle(s);
    }
    if (!slots.empty()) lower(low, op, true);
  }
  return finish(low, listing);
}

// One training step of all stages.
class Step {
 public:
  Step(Lowerings& stages, const std::vector<Op>& ops) : stages_(stages), ops_(ops), division_(stages, ops) {
    for (const auto& low : stages) starts_.push_back(low->tensor_cycles());
    to_sum_.resize(stages.size());
    by_sums_.resize(stages.size());
  }

  void run() {
    for (const Op& op : ops_) {
      Lowering& low = *stages_[static_cast<std::size_t>(op.stage)];
      if (op.kind == OpKind::kExchange) {
        to_sum_[static_cast<std::size_t>(op.stage)].push_back({&op, ready_.at(op.layer)});
      } else if (between_cores(op)) {
        choose_points(op.kind == OpKind::kTransfer ? *stages_[static_cast<std::size_t>(op.receiver)] : low,
                      op);
        division_.lower(op);
      } else {
        compute(low, op);
      }
    }
    for (std::size_t s = 0; s < stages_.size(); ++s) lower_exchange(*stages_[s], to_sum_[s], by_sums_[s]);
  }

 private:
  static bool between_cores(const Op& op) {
    return op.kind == OpKind::kTransfer || op.kind == OpKind::kGather || op.kind == OpKind::kReduceScatter ||
           op.kind == OpKind::kSlice;
  }

  void compute(Lowering& low, const Op& op) {
    const auto stage = static_cast<std::size_t>(op.stage);
    if (op.kind == OpKind::kUpdate && !to_sum_[stage].empty()) {
      by_sums_[stage].push_back({&op, written_slots(low.graph(), op)});
      return;
    }
    enter(low, op);
    low.work_on(op.first_group, op.groups);
    const std::vector<int> slots = choose_points(low, op);
    lower(low, op, true);
    if (op.kind == OpKind::kConvolutionBackwardWeight)
      ready_[op.layer] = low.tensor_cycles() - starts_[stage];
    if (op.kind != OpKind::kUpdate) return;
    for (const int s : slots) low.settle(s);  // the whole tensor has been rewritten
  }

  // Before the first of a tensor's images is written, in every stage that has the tensor: all find the same.
  std::vector<int> choose_points(Lowering& low, const Op& op) {
    std::vector<int> slots = written_slots(low.graph(), op);
    if (op.kind == OpKind::kTransfer)
      slots = {low.graph().tensors[static_cast<std::size_t>(op.inputs[0])].slot};
    const auto has_point = [&](int slot) {
      return models::has_binary_point(low.graph().slots[static_cast<std::size_t>(slot)].format) &&
             slot != kConstantSlot;
    };
    std::vector<int> chosen;
    for (const int s : slots) {
      if (!has_point(s) || !chosen_.emplace(low.stage(), s).second) continue;
      if (op.kind == OpKind::kTransfer) enter(low, op);
      low.optimise(s);
      if (op.kind != OpKind::kUpdate) low.settle(s);
      chosen.push_back(s);
    }
    return chosen;
  }

  Lowerings& stages_;
  const std::vector<Op>& ops_;
  Division division_;
  std::vector<std::int64_t> starts_;                // by stage: of its tensor unit
  std::map<int, std::int64_t> ready_;               // by layer: when its gradients are there
  std::vector<std::vector<GradientReady>> to_sum_;  // by stage
  std::vector<std::vector<UpdateBySums>> by_sums_;
  std::set<std::pair<int, int>> chosen_;  // stage, slot
};

Listing exchange_program(Lowering& low) {
  Listing listing;
  low.into(listing);
  std::vector<GradientReady> to_sum;
  for (const Op& op : low.graph().ops) {
    if (op.kind == OpKind::kExchange) to_sum.push_back({&op, 0});
  }
  lower_exchange(low, to_sum, {});
  return finish(low, listing);
}

std::vector<Listing> step_program(Lowerings& stages, const std::vector<Op>& ops, int steps) {
  Listing listing;
  for (const auto& low : stages) low->into(listing);
  for (int s = 0; s < steps; ++s) Step(stages, ops).run();
  for (const auto& low : stages) low->emit(isa::End{});
  return schedule(std::move(listing), stages.front()->lanes());
}

// Inference: no gradients, no statistics, so that test data moves no binary point.
Listing evaluate_program(Lowering& low) {
  Listing listing;
  low.into(listing);
  low.set_analysing(false);
  for (const Op& op : low.graph().ops) {
    if (op.phase != Phase::kForward) continue;
    enter(low, op);
    lower(low, op, false);
  }
  low.set_analysing(true);
  return finish(low, listing);
}

Listing initialize_program(Lowering& low) {
  Listing listing;
  low.into(listing);
  for (const ParameterInfo& p : low.graph().parameters) lower_initialize(low, p);
  return finish(low, listing);
}

}  // namespace

// The largest number for which a countdown is needed: pooling taps and classes.
Constants plan_constants(const Graph& g) {
  Constants k;
  k.countdown = g.network.classes();
  for (const Layer& l : g.network.layers) {
    if (l.kind == LayerKind::kMaxPool) k.countdown = std::max(k.countdown, l.kernel_h * l.kernel_w);
  }
  k.end_line = k.countdown_line + ceil_div(k.countdown, g.chip.lanes);
  return k;
}

Programs build_programs(const Graph& whole, const std::optional<Partition>& parts) {
  Programs p;
  const Constants constants = plan_constants(whole);
  Lowerings all, stages;
  all.push_back(std::make_unique<Lowering>(whole, constants, p.tables));
  Lowering& low = *all.front();
  p.of_stage[ProgramKind::kInitialize].push_back(initialize_program(low));
  p.of_stage[ProgramKind::kCalibrate].push_back(calibrate_program(low));
  if (parts) {
    for (const Graph& stage : parts->stages)
      stages.push_back(
          std::make_unique<Lowering>(stage, constants, p.tables, static_cast<int>(stages.size())));
    p.of_stage[ProgramKind::kStep] = step_program(stages, parts->ops, 1);
  } else {
    p.of_stage[ProgramKind::kStep] = step_program(all, whole.ops, 1);
  }
  if (!parts && whole.system.data_cores() > 1) {
    if (whole.system.exchange.hide_in_forward)
      p.two_steps = std::move(step_program(all, whole.ops, 2).front());
    p.exchange = exchange_program(low);
  }
  p.of_stage[ProgramKind::kEvaluate].push_back(evaluate_program(low));
  return p;
}

}  // namespace anzan::compiler
