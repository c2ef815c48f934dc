// Runs the programs dry and puts what they cost into JSON.
#include "sim/cost/chip_cost.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "models/timing.hpp"
#include "sim/cost/area.hpp"
#include "sim/cost/waiting.hpp"

namespace anzan::sim {

using compiler::ProgramKind;

namespace {

using Json = nlohmann::json;

models::SettingsStore settings_of(const compiler::CompiledModel& model) {
  models::SettingsStore settings(model.chip.slots);
  for (std::size_t s = 0; s < model.slots.size(); ++s)
    settings.slot(static_cast<int>(s)) = model.slots[s].settings;
  return settings;
}

std::int64_t program_kib(const compiler::CompiledModel& model) {
  return (model.longest_program_words * std::int64_t{sizeof(std::uint32_t)} + 1023) / 1024;
}

Json idle_to_json(const IdleCycles& idle) {
  Json json{{"dispatch", idle.dispatch}, {"start", idle.start}, {"end", idle.end}};
  for (std::size_t u = 1; u < isa::kUnits; ++u) {
    const std::string unit = isa::name(static_cast<isa::Unit>(u));
    json[unit] = idle.semaphore[u];
    json["queue_of_" + unit] = idle.queue[u];
  }
  return json;
}

// The instructions that kept queues full, by unit, layer, phase and name; the longest first.
Json held_by_to_json(const UnitUse& use, const RepeatedStep& step, const std::vector<Region>& regions) {
  std::map<std::array<std::string, 4>, std::int64_t> cycles;
  for (const auto& [place, held] : use.held_by) {
    const isa::Instruction& instruction = step.program[place];
    const Region& region = regions[step.region_of[place]];
    const std::array<std::string, 4> what{isa::name(isa::unit(instruction)), region.layer, region.phase,
                                          std::string(isa::info(instruction).name)};
    cycles[what] += held;
  }
  Json json = Json::array();
  for (const auto& [what, held] : cycles) {
    if (held > 0)
      json.push_back({{"unit", what[0]},
                      {"layer", what[1]},
                      {"phase", what[2]},
                      {"instruction", what[3]},
                      {"cycles", held}});
  }
  std::stable_sort(json.begin(), json.end(), [](const Json& a, const Json& b) {
    return a.at("cycles").get<std::int64_t>() > b.at("cycles").get<std::int64_t>();
  });
  return json;
}

Json use_to_json(const UnitUse& use, const Json& held_by) {
  Json busy = Json::object();
  for (std::size_t w = 0; w < kWorkKinds; ++w)
    if (use.busy[w] != 0) busy[std::string(name(static_cast<Work>(w)))] = use.busy[w];
  return {{"busy", busy}, {"idle", idle_to_json(use.idle)}, {"held_by", held_by}};
}

models::HbmCounters difference(const models::HbmCounters& a, const models::HbmCounters& b) {
  return {a.read_requests - b.read_requests, a.write_requests - b.write_requests,
          a.read_bytes - b.read_bytes,       a.written_bytes - b.written_bytes,
          a.activations - b.activations,     a.row_hits - b.row_hits,
          a.refreshes - b.refreshes,         a.data_bus_busy_clocks - b.data_bus_busy_clocks};
}

}  // namespace

ChipCost::ChipCost(const compiler::CompiledModel& model, const CostOptions& options,
                   std::optional<SystemCost> system, models::Watch watch, const DryRun& run)
    : options_(options),
      system_(std::move(system)),
      program_kib_(program_kib(model)),
      slots_(model.chip.slots) {
  const models::SettingsStore settings = settings_of(model);
  std::optional<models::clocked::ClockedCore> core;
  const auto run_alone = [&](const std::vector<std::uint32_t>& words, const isa::Program& program) {
    if (run) return run(words, program);
    if (!core) core.emplace(options.core);
    core->watch(watch);
    return core->run(program);
  };
  const auto cost = [&](const std::vector<std::uint32_t>& words, RegionMap regions,
                        const models::ProgramTiming* of_system = nullptr) {
    ProgramCost c;
    c.program = isa::decode(words);
    c.regions = std::move(regions);
    c.timing = of_system != nullptr ? *of_system : run_alone(words, c.program);
    c.hbm = c.timing.hbm;
    if (of_system != nullptr && system_->two_steps) c.hbm = difference(system_->two_steps->hbm, c.timing.hbm);
    c.cycles = of_system != nullptr ? system_->cycles_per_step : c.timing.cycles;
    c.events = count_events(c.program, model.chip.lanes, settings);
    return c;
  };
  for (const ProgramKind kind : compiler::kProgramKinds) {
    if (model.programs[kind].empty()) continue;
    watch.begin(std::string("running the program ") + compiler::name(kind) + " dry",
                static_cast<std::int64_t>(model.region_of[kind].size()));
    const bool step = kind == ProgramKind::kStep;
    programs[kind] = cost(model.programs[kind],
                          {model.regions, model.region_of[kind],
                           step ? model.stages.front().products : std::vector<std::int64_t>{}},
                          system_ && step ? &system_->stages.front() : nullptr);
  }
  for (std::size_t s = 1; s < model.stages.size(); ++s)
    later_stages.push_back(cost(model.step_in_core(model.first_core(s)),
                                {model.regions, model.stages[s].region_of, model.stages[s].products},
                                &system_->stages[s]));
  if (system_ && system_->two_steps) {
    two_steps_ = isa::decode(model.two_steps_in_core(0));
    region_of_two_steps_ = model.region_of_two_steps;
  }
  images_ = model.training.batch;
  idle_lanes_ = (model.chip.lanes - images_ % model.chip.lanes) % model.chip.lanes;
  price(options);
}

void ChipCost::price_one(ProgramCost& program) const {
  const models::StoreSizes sizes{options_.scratchpad_kib, program_kib_, slots_};
  program.seconds = static_cast<double>(program.cycles) / (options_.clock_ghz * 1e9);
  program.energy = models::energy(program.events, program.hbm, program.seconds, options_.technology, sizes);
}

void ChipCost::price(const CostOptions& options) {
  options_ = options;
  for (ProgramCost& program : programs) {
    if (program.is_there()) price_one(program);
  }
  for (ProgramCost& program : later_stages) price_one(program);
}

void ChipCost::keep_figures() {
  of_cycles();
  const auto forget = [](ProgramCost& program) {
    program.program = {};
    program.regions = {};
    program.timing.instructions = {};
  };
  for (ProgramCost& program : programs) forget(program);
  for (ProgramCost& program : later_stages) forget(program);
  two_steps_ = {};
  region_of_two_steps_ = {};
  if (!system_) return;
  system_->stages = {};
  system_->two_steps = {};
}

// Of two steps that overlap, the first from where the one before it would have ended, and then the second up
// to where the first ends: what comes round in every step.
RepeatedStep ChipCost::repeated_step(std::size_t stage) const {
  const ProgramCost& alone = stage == 0 ? step() : later_stages[stage - 1];
  if (two_steps_.empty()) return {alone.program, alone.timing, alone.regions.of, {0, cycles_per_step()}};
  const std::int64_t from = std::max<std::int64_t>(0, barrier_cycles() - cycles_per_step());
  return {two_steps_, *system_->two_steps, region_of_two_steps_, {from, from + cycles_per_step()}};
}

// Share of the cycles of a step that each unit is busy.
Json ChipCost::utilization(const std::vector<UnitUse>& uses) const {
  Json json = Json::object();
  for (const UnitUse& use : uses)
    json[isa::name(use.unit)] =
        static_cast<double>(use.busy_cycles()) / static_cast<double>(cycles_per_step());
  return json;
}

const ChipCost::OfCycles& ChipCost::of_cycles() const {
  if (of_cycles_) return *of_cycles_;
  OfCycles found;
  for (std::size_t s = 0; s <= later_stages.size(); ++s) {
    const RepeatedStep repeated = repeated_step(s);
    const std::vector<UnitUse> uses =
        unit_uses(repeated.program, repeated.timing, options_.core.lanes, repeated.window);
    found.utilization.push_back(utilization(uses));
    if (s > 0) continue;
    for (const UnitUse& use : uses)
      found.units[isa::name(use.unit)] =
          use_to_json(use, held_by_to_json(use, repeated, step().regions.regions));
  }
  for (const RegionUse& use : region_uses()) found.least_array_cycles += use.least_array_cycles;
  return of_cycles_.emplace(std::move(found));
}

std::int64_t ChipCost::cycles_a_run(ProgramKind kind) const {
  return kind == ProgramKind::kStep ? cycles_per_step() : programs[kind].timing.cycles;
}

std::int64_t ChipCost::cycles(const ProgramRuns& runs) const {
  std::int64_t sum = 0;
  for (const ProgramKind kind : compiler::kProgramKinds) sum += runs[kind] * cycles_a_run(kind);
  return sum;
}

double ChipCost::joules_a_run(ProgramKind kind) const {
  if (kind != ProgramKind::kStep) return static_cast<double>(cores()) * programs[kind].energy.total_joules;
  return over_cores([](const ProgramCost& c) { return c.energy.total_joules; }) + link_joules();
}

double ChipCost::joules(const ProgramRuns& runs) const {
  double sum = 0;
  for (const ProgramKind kind : compiler::kProgramKinds)
    sum += static_cast<double>(runs[kind]) * joules_a_run(kind);
  return sum;
}

double ChipCost::link_joules() const {
  if (!system_) return 0;
  return 1e-12 * static_cast<double>(system_->interchip_bytes()) *
         models::event_pj(models::Event::kLinkByte, options_.technology, {});
}

Json ChipCost::time(const ProgramRuns& runs) const {
  const OfCycles& found = of_cycles();
  Json by_program = Json::object();
  for (const ProgramKind kind : compiler::kProgramKinds) {
    if (!programs[kind].is_there()) continue;
    by_program[compiler::name(kind)] = {{"runs", runs[kind]}, {"cycles", cycles_a_run(kind)}};
  }
  const std::int64_t total = cycles(runs);
  const double seconds = static_cast<double>(cycles_per_step()) / (options_.clock_ghz * 1e9);
  Json time{{"cycles_per_step", cycles_per_step()},
            {"seconds_per_step", seconds},
            {"images_per_second", static_cast<double>(images()) / seconds},
            {"utilization", found.utilization[0]},
            {"useful_share_of_peak", found.least_array_cycles / static_cast<double>(cycles_per_step())},
            {"idle_lanes", idle_lanes_},
            {"images_per_core", images_},
            {"units", found.units},
            {"database_wait_cycles_per_step", step().timing.database_wait_cycles},
            {"programs", by_program},
            {"total_cycles", total},
            {"total_seconds", static_cast<double>(total) / (options_.clock_ghz * 1e9)}};
  if (system_) time["scaling"] = system_->scaling();
  if (!later_stages.empty()) time["stages"] = found.utilization;
  return time;
}

Json ChipCost::energy(const ProgramRuns& runs) const {
  Json parts = Json::object();
  for (std::size_t c = 0; c < models::kComponents; ++c)
    parts[models::name(static_cast<models::Component>(c))] =
        over_cores([c](const ProgramCost& cost) { return cost.energy.joules_by_component[c]; });
  const char* links = models::name(models::Component::kLinks);
  parts[links] = parts.value(links, 0.0) + link_joules();
  Json by_program = Json::object();
  for (const ProgramKind kind : compiler::kProgramKinds) {
    if (!programs[kind].is_there()) continue;
    by_program[compiler::name(kind)] = {{"runs", runs[kind]}, {"joules", joules_a_run(kind)}};
  }
  return {
      {"technology", options_.technology.name},
      {"joules_per_step", joules_a_run(ProgramKind::kStep)},
      {"joules_per_image", joules_a_run(ProgramKind::kStep) / static_cast<double>(images())},
      {"by_component", parts},
      {"watching_joules_per_step", over_cores([](const ProgramCost& c) { return c.energy.watching_joules; })},
      {"programs", by_program},
      {"total_joules", joules(runs)}};
}

Json ChipCost::traffic() const {
  const auto of_cores = [this](std::int64_t models::HbmCounters::*counter) {
    return over_cores([counter](const ProgramCost& c) { return c.hbm.*counter; });
  };
  using Hbm = models::HbmCounters;
  const std::int64_t read = of_cores(&Hbm::read_bytes), written = of_cores(&Hbm::written_bytes);
  const double peak = options_.core.hbm.peak_gb_per_s() * 1e9 * step().seconds * static_cast<double>(cores());
  return {{"hbm_bytes_per_step", read + written},
          {"onchip_bytes_per_step", system_ ? system_->onchip_bytes() : 0},
          {"interchip_bytes_per_step", system_ ? system_->interchip_bytes() : 0},
          {"by_link", system_ ? system_->by_link() : Json::array()},
          {"hbm",
           {{"read_bytes", read},
            {"written_bytes", written},
            {"activations", of_cores(&Hbm::activations)},
            {"row_hits", of_cores(&Hbm::row_hits)},
            {"refreshes", of_cores(&Hbm::refreshes)},
            {"peak_share", static_cast<double>(read + written) / peak}}}};
}

Json cost_of_one_run(const ChipCost& cost, const compiler::MemoryPlan& memory) {
  ProgramRuns once;
  once.fill(1);
  return {{"time", cost.time(once)},
          {"energy", cost.energy(once)},
          {"traffic", cost.traffic()},
          {"area", cost.area()},
          {"memory", memory_to_json(memory)}};
}

Json network_to_json(const compiler::Network& network) {
  Json layers = Json::array();
  std::int64_t parameters = 0, products = 0;
  for (const compiler::Layer& layer : network.layers) {
    layers.push_back({{"name", layer.name},
                      {"parameters", parameter_count(layer)},
                      {"products_per_image", product_count(layer)}});
    parameters += parameter_count(layer);
    products += product_count(layer);
  }
  return {{"name", network.name},
          {"parameters", parameters},
          {"products_per_image", products},
          {"layers", layers}};
}

Json memory_to_json(const compiler::MemoryPlan& plan) {
  return {{"conventional_bytes", plan.conventional_bytes},
          {"planned_bytes", plan.planned_bytes},
          {"lower_bound_bytes", plan.lower_bound_bytes}};
}

Json ChipCost::area() const {
  return area_to_json({options_.core.lanes, options_.scratchpad_kib, slots_, cores()});
}

std::vector<RegionUse> ChipCost::region_uses() const {
  return sim::roofline(step().program, step().timing, options_.core.lanes, step().regions);
}

Json ChipCost::roofline() const { return roofline_to_json(region_uses()); }

}  // namespace anzan::sim
