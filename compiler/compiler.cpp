// The compiler's passes in order: graph, memory plan, lowering to the four programs, semaphores, encoding.
#include "compiler/compiler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>

#include "compiler/exchange.hpp"
#include "compiler/graph.hpp"
#include "compiler/input_error.hpp"
#include "compiler/lowering.hpp"
#include "compiler/memory_plan.hpp"
#include "compiler/programs.hpp"
#include "compiler/schedule.hpp"

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
    case OpKind::kExchange:
      break;  // all of a step together
  }
}

// Slots whose tensors the operation writes anew (selections keep the point of their source).
std::vector<int> written_slots(const Graph& g, const Op& op) {
  std::vector<int> slots;
  const auto slot = [&](int t) { return g.tensors[static_cast<std::size_t>(t)].slot; };
  for (int output : op.outputs) {
    const bool selection =
        std::any_of(op.inputs.begin(), op.inputs.end(), [&](int i) { return slot(i) == slot(output); });
    const bool fp32 = g.tensors[static_cast<std::size_t>(output)].format == isa::Format::kFp32;
    if (slot(output) != kConstantSlot && !fp32 && (op.kind == OpKind::kUpdate || !selection))
      slots.push_back(slot(output));
  }
  return slots;
}

// What the reports call the operation's part in the program.
const char* pass_of(const Op& op) {
  if (op.kind == OpKind::kLoss) return "loss";
  if (op.kind == OpKind::kConvolutionBackwardWeight) return "backward_weight";
  if (op.kind == OpKind::kExchange) return "exchange";
  switch (op.stage) {
    case Stage::kForward:
      return "forward";
    case Stage::kBackward:
      return "backward_data";
    case Stage::kUpdate:
      break;
  }
  return "update";
}

void enter(Lowering& low, const Op& op) {
  const bool weights = op.kind == OpKind::kConvolutionBackwardWeight;
  const Area area = op.stage == Stage::kForward  ? Area::kForward
                    : op.stage == Stage::kUpdate ? Area::kUpdate
                    : weights                    ? Area::kWeightGradient
                                                 : Area::kBackward;
  low.enter(low.graph().network.layers[static_cast<std::size_t>(op.layer)].name, pass_of(op), area);
}

void finish(Lowering& low, Listing& listing) {
  low.emit(isa::End{});
  schedule(listing, low.lanes());
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
  finish(low, listing);
  return listing;
}

void one_step(Lowering& low) {
  std::map<int, std::int64_t> ready;  // by layer: when its gradients are there
  std::vector<GradientReady> to_sum;
  std::vector<UpdateBySums> by_sums;
  const std::int64_t start = low.tensor_cycles();
  for (const Op& op : low.graph().ops) {
    if (op.kind == OpKind::kExchange) {
      to_sum.push_back({&op, ready.at(op.layer)});
      continue;
    }
    const std::vector<int> slots = written_slots(low.graph(), op);
    if (op.kind == OpKind::kUpdate && !to_sum.empty()) {
      by_sums.push_back({&op, slots});
      continue;
    }
    enter(low, op);
    for (int s : slots) {
      low.optimise(s);
      if (op.kind != OpKind::kUpdate) low.settle(s);
    }
    lower(low, op, true);
    if (op.kind == OpKind::kConvolutionBackwardWeight) ready[op.layer] = low.tensor_cycles() - start;
    if (op.kind != OpKind::kUpdate) continue;
    for (int s : slots) low.settle(s);  // the whole tensor has been rewritten
  }
  lower_exchange(low, to_sum, by_sums);
}

Listing exchange_program(Lowering& low) {
  Listing listing;
  low.into(listing);
  std::vector<GradientReady> to_sum;
  for (const Op& op : low.graph().ops) {
    if (op.kind == OpKind::kExchange) to_sum.push_back({&op, 0});
  }
  lower_exchange(low, to_sum, {});
  finish(low, listing);
  return listing;
}

Listing step_program(Lowering& low, int steps) {
  Listing listing;
  low.into(listing);
  for (int s = 0; s < steps; ++s) one_step(low);
  finish(low, listing);
  return listing;
}

// Inference: no gradients, no statistics, so that test data moves no binary point.
Listing evaluate_program(Lowering& low) {
  Listing listing;
  low.into(listing);
  low.set_analysing(false);
  for (const Op& op : low.graph().ops) {
    if (op.stage != Stage::kForward) continue;
    enter(low, op);
    lower(low, op, false);
  }
  low.set_analysing(true);
  finish(low, listing);
  return listing;
}

Listing initialize_program(Lowering& low) {
  Listing listing;
  low.into(listing);
  for (const ParameterInfo& p : low.graph().parameters) lower_initialize(low, p);
  finish(low, listing);
  return listing;
}

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

std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> constant_contents(const Constants& k,
                                                                                   std::int64_t lanes) {
  const auto line = [&](std::uint32_t word) {
    return std::vector<std::uint32_t>(static_cast<std::size_t>(lanes), word);
  };
  std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> contents{
      {k.ones_line(isa::Format::kInt8), line(0x01010101u)},
      {k.ones_line(isa::Format::kInt16), line(0x00010001u)},
      {k.ones_line(isa::Format::kFp32), line(0x3f800000u)}};
  std::vector<std::uint32_t> countdown;
  for (std::int64_t i = 0; i < k.countdown; ++i) {
    const float value = static_cast<float>(k.countdown - i);
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    countdown.push_back(bits);
  }
  contents.emplace_back(k.countdown_line, std::move(countdown));
  return contents;
}

// Gradients as they go over the network. Sums of integers over N cores need log2 N bits above those of their
// terms.
Precision on_the_wire(Precision precision, const SystemParameters& system) {
  if (system.cores() == 1) return precision;
  const auto guard = static_cast<int>(std::ceil(std::log2(system.cores())));
  const auto change = [&](TensorPrecision& p) {
    if (system.exchange.format && *system.exchange.format != p.format) {
      p.format = *system.exchange.format;
      p.slot.width = p.format == isa::Format::kInt8 ? 8 : 16;
    }
    p.slot.guard = static_cast<std::uint8_t>(std::min<int>(p.slot.guard + guard, p.slot.width - 1));
  };
  change(precision.classes[static_cast<std::size_t>(TensorClass::kWeightGradient)]);
  for (auto& [layer, classes] : precision.layers) {
    const auto own = classes.find(TensorClass::kWeightGradient);
    if (own != classes.end()) change(own->second);
  }
  return precision;
}

TrainingParameters per_core(TrainingParameters training, const ChipParameters& chip,
                            const SystemParameters& system) {
  const std::int64_t cores = system.cores();
  if (cores > 1 && training.batch % (cores * chip.lanes) != 0)
    throw InputError("/training/batch", std::to_string(training.batch),
                     "a multiple of " + std::to_string(cores * chip.lanes) + ", " + std::to_string(cores) +
                         " cores with " + std::to_string(chip.lanes) + " lanes each");
  training.batch /= cores;
  return training;
}

}  // namespace

const char* name(TensorClass kind) {
  static constexpr const char* kNames[] = {
      "activation", "weight", "activation_gradient", "weight_gradient", "momentum", "master_weight",
      "bias",       "loss"};
  return kNames[static_cast<int>(kind)];
}

const TensorPrecision& Precision::of(TensorClass kind, const std::string& layer) const {
  const auto it = layers.find(layer);
  if (it != layers.end()) {
    const auto found = it->second.find(kind);
    if (found != it->second.end()) return found->second;
  }
  return classes[static_cast<std::size_t>(kind)];
}

const TensorInfo& CompiledModel::tensor(const std::string& tensor_name) const {
  for (const TensorInfo& t : tensors) {
    if (t.name == tensor_name) return t;
  }
  throw std::out_of_range("no tensor named " + tensor_name);
}

Graph build_graph(const Network& network, const Precision& precision, const TrainingParameters& training,
                  const ChipParameters& chip, const SystemParameters& system, HbmPlan* memory) {
  Graph graph =
      differentiate(network, on_the_wire(precision, system), per_core(training, chip, system), chip, system);
  const HbmPlan plan = plan_memory(graph, plan_constants(graph).end_line);
  if (memory != nullptr) *memory = plan;
  return graph;
}

Programs build_programs(const Graph& graph) {
  Lowering low(graph, plan_constants(graph));
  Programs p;
  p.initialize = initialize_program(low);
  p.calibrate = calibrate_program(low);
  p.step = step_program(low, 1);
  if (graph.system.cores() > 1 && graph.system.exchange.hide_in_forward) p.two_steps = step_program(low, 2);
  if (graph.system.cores() > 1) p.exchange = exchange_program(low);
  p.evaluate = evaluate_program(low);
  p.regions = low.regions();
  p.scalars = low.scalars();
  p.learning_rates = low.learning_rates();
  p.notes = low.notes();
  return p;
}

CompiledModel compile(const Network& network, const Precision& precision, const TrainingParameters& training,
                      const ChipParameters& chip, const SystemParameters& system) {
  HbmPlan memory;
  const Graph graph = build_graph(network, precision, training, chip, system, &memory);
  const Programs programs = build_programs(graph);
  CompiledModel m;
  m.chip = chip;
  m.system = system;
  m.training = graph.training;
  m.hbm_lines = memory.lines;
  m.memory = memory.report;
  m.slots = graph.slots;
  m.tensors = graph.tensors;
  m.parameters = graph.parameters;
  m.constants = constant_contents(plan_constants(graph), chip.lanes);
  m.scalars = programs.scalars;
  for (const auto& [number, multiplier] : programs.learning_rates)
    m.learning_rates.push_back({number, multiplier});
  m.initialize = isa::encode(programs.initialize.program);
  m.calibrate = isa::encode(programs.calibrate.program);
  const auto in_core = [](const Listing& listing) {
    return [shared = std::make_shared<const Listing>(listing)](int core) {
      return isa::encode(shared->in_core(core));
    };
  };
  m.step_in_core = in_core(programs.step);
  m.step = m.step_in_core(0);
  if (!programs.two_steps.program.empty()) m.two_steps_in_core = in_core(programs.two_steps);
  if (system.cores() > 1) m.exchange_in_core = in_core(programs.exchange);
  m.evaluate = isa::encode(programs.evaluate.program);
  m.regions = programs.regions;
  m.region_of = {programs.initialize.region_of, programs.calibrate.region_of, programs.step.region_of,
                 programs.evaluate.region_of};
  return m;
}

}  // namespace anzan::compiler
