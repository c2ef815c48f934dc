// The list of passes, and those of them that are short.
#include "compiler/passes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "compiler/dump.hpp"
#include "compiler/input/hbm_size.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/memory/training_graph.hpp"
#include "compiler/operations.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

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

// Sums of counters, indices of random words and stages of a pipeline go by the tensor that has a slot.
void check_shared_slots(const Input& input) {
  if (input.precision.shares_slots && (input.system.data_cores() > 1 || input.system.divided()))
    throw InputError("/precision/share_slots", "true",
                     "false where several cores or micro-batches share the work");
}

// The squares of a core that has a part of the parameters are a part of the sum.
void check_clipping(const Input& input) {
  const Mapping& mapping = input.system.mapping;
  if (input.training.clip_norm > 0 && (mapping.tensor.size > 1 || mapping.pipeline.size > 1))
    throw InputError(
        "/training/optimizer/clip_norm", fmt::format("{}", input.training.clip_norm),
        "no norm of all gradients where cores share the network: " +
            std::string(mapping.tensor.size > 1 ? "/system/mapping/tensor" : "/system/mapping/pipeline") +
            " 1, or no clip_norm");
}

void share_data(Compilation& c) {
  check_shared_slots(c.input);
  check_clipping(c.input);
  c.of_core = c.input;
  c.of_core.precision = on_the_wire(c.input.precision, c.input.system);
  c.of_core.training = per_core(c.input.training, c.input.chip, c.input.system);
}

void make_graph(Compilation& c) {
  Input undivided = c.of_core;
  undivided.system.mapping = Mapping{};
  c.whole = training_graph(undivided);
}

void place_tensors(Compilation& c) {
  c.constants = plan_constants(c.whole);
  c.memory = plan_memory(c.whole, c.constants.end_line);
  check_hbm(c.input.chip, c.memory.lines,
            c.input.system.divided() ? "the whole network, which calibrates in one core" : "the network");
}

void divide(Compilation& c) {
  if (!c.input.system.divided()) return;
  c.parts = partition(training_graph(c.of_core), c.constants.end_line);
  check_hbm(c.input.chip, c.parts->memory.lines, "a stage of the network");
}

void lower_programs(Compilation& c) {
  c.lowered = lower_all(c.whole, c.memory.initial, c.parts, c.constants, c.input.two_steps, c.options.watch);
}

void schedule_programs(Compilation& c) {
  c.scheduled = schedule_all(std::move(c.lowered), c.input.chip.lanes, c.options);
}

std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> constant_contents(const Constants& k,
                                                                                   std::int64_t lanes) {
  const auto line = [&](std::uint32_t word) {
    return std::vector<std::uint32_t>(static_cast<std::size_t>(lanes), word);
  };
  std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> contents;
  for (const models::FormatTraits& f : models::kFormats)
    contents.emplace_back(k.ones_line(f.format), line(models::word_of_ones(f.format)));
  std::vector<std::uint32_t> countdown;
  for (std::int64_t i = 0; i <= k.countdown; ++i) {
    const float value = static_cast<float>(k.countdown - i);
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    countdown.push_back(bits);
  }
  contents.emplace_back(k.countdown_line, std::move(countdown));
  return contents;
}

// The program of a core, encoded when it is asked for.
CompiledModel::InCore encoder(const SharedListing& listing) {
  return [listing](int core) { return isa::encode(listing->in_core(core)); };
}

void encode_initial(CompiledModel& m, const std::vector<InitialPiece>& pieces,
                    const std::vector<SharedListing>& listings) {
  isa::Program all;
  std::vector<std::uint16_t>& regions = m.region_of[ProgramKind::kInitialize];
  for (std::size_t i = 0; i < listings.size(); ++i) {
    const isa::Program program = listings[i]->in_core(0);
    m.initial.push_back({pieces[i].rows, isa::encode(program)});
    if (!all.empty()) {  // without the end of the piece before
      all.pop_back();
      regions.pop_back();
    }
    all.insert(all.end(), program.begin(), program.end());
    regions.insert(regions.end(), listings[i]->region_of.begin(), listings[i]->region_of.end());
  }
  if (!all.empty()) m.programs[ProgramKind::kInitialize] = isa::encode(all);
}

void encode_programs(CompiledModel& m, const Scheduled& s) {
  std::vector<CompiledModel::InCore> steps;
  for (const SharedListing& stage : s.programs[ProgramKind::kStep]) steps.push_back(encoder(stage));
  m.step_in_core = [steps, pipeline = m.system.mapping.pipeline](int core) {
    return steps[static_cast<std::size_t>(pipeline.coordinate(core))](core);
  };
  for (const ProgramKind kind : kProgramKinds) {
    if (s.programs[kind].empty() || kind == ProgramKind::kInitialize) continue;
    const Listing& listing = *s.programs[kind].front();
    m.programs[kind] = isa::encode(listing.in_core(0));
    m.region_of[kind] = listing.region_of;
  }
  if (s.two_steps != nullptr) {
    m.two_steps_in_core = encoder(s.two_steps);
    m.region_of_two_steps = s.two_steps->region_of;
  }
  if (s.exchange != nullptr) m.exchange_in_core = encoder(s.exchange);
  m.expected_step_cycles = s.expected_step_cycles();
}

// Of a core that does the operations of the graph, by region.
std::vector<std::int64_t> products_by_region(const Graph& g, const std::vector<Region>& regions) {
  std::map<std::pair<std::string, std::string>, std::size_t> numbers;
  for (std::size_t r = 0; r < regions.size(); ++r) numbers[{regions[r].layer, regions[r].phase}] = r;
  std::vector<std::int64_t> products(regions.size());
  for (const Op& op : g.ops) {
    const std::int64_t of_op = network_products(g, op);
    if (of_op == 0 || op.again) continue;
    const Region region = region_of(g, op);
    products[numbers.at({region.layer, region.phase})] += of_op;
  }
  return products;
}

void encode(Compilation& c) {
  CompiledModel& m = c.model;
  m.chip = c.input.chip;
  m.system = c.input.system;
  m.training = c.of_core.training;
  m.hbm_lines = std::max(c.memory.lines, c.parts ? c.parts->memory.lines : 0);
  m.step_lines = c.parts ? c.parts->memory.lines : c.memory.lines;
  m.memory = c.parts ? c.parts->memory.report : c.memory.report;
  m.slots = c.parts ? c.parts->stages.front().slots : c.whole.slots;
  m.tensors = c.whole.tensors;
  const std::vector<SharedListing>& steps = c.scheduled.programs[ProgramKind::kStep];
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Graph& g = c.parts ? c.parts->stages[s] : c.whole;
    m.stages.push_back({g.tensors, steps[s]->region_of, products_by_region(g, c.scheduled.tables.regions),
                        c.parts ? c.parts->plans[s] : c.memory.report});
  }
  m.parameters = c.whole.parameters;
  m.constants = constant_contents(c.constants, c.input.chip.lanes);
  m.scalars = c.scheduled.tables.scalars;
  m.step_scalars = c.scheduled.tables.step_scalars;
  m.regions = c.scheduled.tables.regions;
  encode_initial(m, c.memory.initial, c.scheduled.programs[ProgramKind::kInitialize]);
  encode_programs(m, c.scheduled);
  m.longest_program_words = c.scheduled.longest_program_words;
}

}  // namespace

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

const std::vector<Pass>& passes() {
  static const std::vector<Pass> list{
      {"network", share_data, print_network},
      {"graph", make_graph, print_graph},
      {"training_graph", nullptr, print_training_graph},
      {"precision", nullptr, print_precision},
      {"memory", place_tensors, print_memory},
      {"partition", divide, print_partition},
      {"tiles", lower_programs, print_tiles},
      {"schedule", schedule_programs, print_schedule},
      {"program", encode, print_program},
  };
  return list;
}

std::size_t pass_number(const std::string& name) {
  std::string all;
  for (std::size_t i = 0; i < passes().size(); ++i) {
    if (name == passes()[i].name) return i;
    all += (all.empty() ? "" : ", ") + std::string(passes()[i].name);
  }
  throw InputError("--dump", name, "one of " + all);
}

void run_passes(Compilation& compilation, const std::string& first, const std::string& last) {
  for (std::size_t i = pass_number(first); i <= pass_number(last); ++i) {
    if (passes()[i].run != nullptr) passes()[i].run(compilation);
  }
}

}  // namespace anzan::compiler
