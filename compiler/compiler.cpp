// The compiler's passes in order: graph, partition, memory plan, programs, encoding.
#include "compiler/compiler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "compiler/input/input_error.hpp"
#include "compiler/programs.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> constant_contents(const Constants& k,
                                                                                   std::int64_t lanes) {
  const auto line = [&](std::uint32_t word) {
    return std::vector<std::uint32_t>(static_cast<std::size_t>(lanes), word);
  };
  std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> contents;
  for (const models::FormatTraits& f : models::kFormats)
    contents.emplace_back(k.ones_line(f.format), line(models::word_of_ones(f.format)));
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
  if (system.data_cores() == 1) return precision;
  const auto guard = static_cast<int>(std::ceil(std::log2(system.data_cores())));
  const auto change = [&](TensorPrecision& p) {
    if (system.exchange.format && *system.exchange.format != p.format) {
      p.format = *system.exchange.format;
      p.slot.width = static_cast<std::uint8_t>(models::default_width(p.format));
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
  const std::int64_t cores = system.data_cores();
  if (cores > 1 && training.batch % (cores * chip.lanes) != 0)
    throw InputError("/training/batch", std::to_string(training.batch),
                     "a multiple of " + std::to_string(cores * chip.lanes) + ", " + std::to_string(cores) +
                         " cores with " + std::to_string(chip.lanes) + " lanes each");
  training.batch /= cores;
  return training;
}

}  // namespace

const char* name(ProgramKind kind) {
  switch (kind) {
    case ProgramKind::kInitialize:
      return "initialize";
    case ProgramKind::kCalibrate:
      return "calibrate";
    case ProgramKind::kStep:
      return "step";
    case ProgramKind::kEvaluate:
      break;
  }
  return "evaluate";
}

const TensorInfo& CompiledModel::tensor(const std::string& tensor_name) const {
  for (const TensorInfo& t : tensors) {
    if (t.name == tensor_name) return t;
  }
  throw std::out_of_range("no tensor named " + tensor_name);
}

Graph build_graph(const Network& network, const Precision& precision, const TrainingParameters& training,
                  const ChipParameters& chip, const SystemParameters& system, HbmPlan* memory) {
  SystemParameters undivided = system;
  undivided.mapping = Mapping{};
  Graph graph = differentiate(network, on_the_wire(precision, system), per_core(training, chip, system), chip,
                              undivided);
  const HbmPlan plan = plan_memory(graph, plan_constants(graph).end_line);
  if (memory != nullptr) *memory = plan;
  return graph;
}

std::optional<Partition> build_partition(const Network& network, const Precision& precision,
                                         const TrainingParameters& training, const ChipParameters& chip,
                                         const SystemParameters& system) {
  if (!system.divided()) return {};
  const Graph graph =
      differentiate(network, on_the_wire(precision, system), per_core(training, chip, system), chip, system);
  return partition(graph, plan_constants(graph).end_line);
}

CompiledModel compile(const Network& network, const Precision& precision, const TrainingParameters& training,
                      const ChipParameters& chip, const SystemParameters& system) {
  HbmPlan memory;
  const Graph graph = build_graph(network, precision, training, chip, system, &memory);
  const std::optional<Partition> parts = build_partition(network, precision, training, chip, system);
  const Programs programs = build_programs(graph, parts);
  CompiledModel m;
  m.chip = chip;
  m.system = system;
  m.training = graph.training;
  m.hbm_lines = parts ? std::max(memory.lines, parts->memory.lines) : memory.lines;
  m.memory = parts ? parts->memory.report : memory.report;
  m.slots = parts ? parts->stages.front().slots : graph.slots;
  m.tensors = graph.tensors;
  const std::vector<Listing>& steps = programs.of_stage[ProgramKind::kStep];
  for (std::size_t s = 0; s < steps.size(); ++s)
    m.stages.push_back({parts ? parts->stages[s].tensors : graph.tensors, steps[s].region_of});
  m.parameters = graph.parameters;
  m.constants = constant_contents(plan_constants(graph), chip.lanes);
  m.scalars = programs.tables.scalars;
  for (const auto& [number, multiplier] : programs.tables.learning_rates)
    m.learning_rates.push_back({number, multiplier});
  const auto in_core = [](const Listing& listing) {
    return [shared = std::make_shared<const Listing>(listing)](int core) {
      return isa::encode(shared->in_core(core));
    };
  };
  std::vector<CompiledModel::InCore> of_stage;
  for (const Listing& stage : steps) of_stage.push_back(in_core(stage));
  m.step_in_core = [of_stage, pipeline = system.mapping.pipeline](int core) {
    return of_stage[static_cast<std::size_t>(pipeline.coordinate(core))](core);
  };
  for (const ProgramKind kind : kProgramKinds) {
    const Listing& listing = programs.of_stage[kind].front();
    m.programs[kind] = isa::encode(listing.in_core(0));
    m.region_of[kind] = listing.region_of;
  }
  const std::int64_t step = steps.front().expected_cycles, two = programs.two_steps.expected_cycles;
  m.expected_step_cycles = two > 0 ? two - step : step;
  if (!programs.two_steps.program.empty()) m.two_steps_in_core = in_core(programs.two_steps);
  if (!programs.exchange.program.empty()) m.exchange_in_core = in_core(programs.exchange);
  m.regions = programs.tables.regions;
  return m;
}

}  // namespace anzan::compiler
