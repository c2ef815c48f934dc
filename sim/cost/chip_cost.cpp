// Runs the programs dry and puts what they cost into JSON.
#include "sim/cost/chip_cost.hpp"

#include "models/timing.hpp"
#include "sim/cost/waiting.hpp"

namespace anzan::sim {

using compiler::ProgramKind;

namespace {

using Json = nlohmann::json;

models::SettingsStore settings_of(const compiler::CompiledModel& model) {
  models::SettingsStore settings;
  for (std::size_t s = 0; s < model.slots.size(); ++s)
    settings.slot(static_cast<int>(s)) = model.slots[s].settings;
  return settings;
}

std::int64_t program_kib(const compiler::CompiledModel& model) {
  return (model.longest_program_words * std::int64_t{sizeof(std::uint32_t)} + 1023) / 1024;
}

Json idle_to_json(const IdleCycles& idle) {
  Json json{{"dispatch", idle.dispatch}, {"start", idle.start}, {"end", idle.end}};
  for (std::size_t u = 1; u < isa::kUnits; ++u)
    json[std::string(isa::name(static_cast<isa::Unit>(u)))] = idle.semaphore[u];
  return json;
}

Json use_to_json(const UnitUse& use) {
  Json busy = Json::object();
  for (std::size_t w = 0; w < kWorkKinds; ++w)
    if (use.busy[w] != 0) busy[std::string(name(static_cast<Work>(w)))] = use.busy[w];
  return {{"busy", busy}, {"idle", idle_to_json(use.idle)}};
}

// Share of the cycles that each unit is busy.
Json utilization(const ProgramCost& cost) {
  Json json = Json::object();
  for (const UnitUse& use : unit_uses(cost.program, cost.timing))
    json[std::string(isa::name(use.unit))] =
        static_cast<double>(use.busy_cycles()) / static_cast<double>(cost.timing.cycles);
  return json;
}

}  // namespace

ChipCost::ChipCost(const compiler::CompiledModel& model, const CostOptions& options,
                   std::optional<SystemCost> system, models::Watch watch)
    : options_(options), system_(std::move(system)) {
  const models::SettingsStore settings = settings_of(model);
  const models::StoreSizes sizes{options.scratchpad_kib, program_kib(model)};
  models::clocked::ClockedCore core(options.core);
  core.watch(watch);
  const auto cost = [&](const std::vector<std::uint32_t>& words, const std::vector<std::uint16_t>& region_of,
                        const models::ProgramTiming* known = nullptr) {
    ProgramCost c;
    c.program = isa::decode(words);
    c.regions = {model.regions, region_of};
    c.timing = known != nullptr ? *known : core.run(c.program);
    c.events = count_events(c.program, model.chip.lanes, settings) + count_events(c.timing.hbm);
    c.seconds = static_cast<double>(c.timing.cycles) / (options.clock_ghz * 1e9);
    c.energy = models::energy(c.events, c.timing.hbm, c.seconds, options.technology, sizes);
    return c;
  };
  for (const ProgramKind kind : compiler::kProgramKinds) {
    if (model.programs[kind].empty()) continue;
    watch.begin(std::string("running the program ") + compiler::name(kind) + " dry",
                static_cast<std::int64_t>(model.region_of[kind].size()));
    const bool known = system_ && kind == ProgramKind::kStep;
    programs[kind] =
        cost(model.programs[kind], model.region_of[kind], known ? &system_->stages.front() : nullptr);
  }
  for (std::size_t s = 1; s < model.stages.size(); ++s)
    later_stages.push_back(
        cost(model.step_in_core(model.first_core(s)), model.stages[s].region_of, &system_->stages[s]));
}

std::int64_t ChipCost::cycles_a_run(ProgramKind kind) const {
  return kind == ProgramKind::kStep ? cycles_per_step() : programs[kind].timing.cycles;
}

std::int64_t ChipCost::cycles(const ProgramRuns& runs) const {
  std::int64_t sum = 0;
  for (const ProgramKind kind : compiler::kProgramKinds) sum += runs[kind] * cycles_a_run(kind);
  return sum;
}

double ChipCost::joules(const ProgramRuns& runs) const {
  double between = 0;  // steps, of one core
  for (const ProgramKind kind : compiler::kProgramKinds) {
    if (kind != ProgramKind::kStep)
      between += static_cast<double>(runs[kind]) * programs[kind].energy.total_joules;
  }
  const double of_a_step = over_cores([](const ProgramCost& c) { return c.energy.total_joules; });
  return static_cast<double>(cores()) * between +
         static_cast<double>(runs[ProgramKind::kStep]) * (of_a_step + link_joules());
}

double ChipCost::link_joules() const {
  if (!system_) return 0;
  return 1e-12 * static_cast<double>(system_->interchip_bytes()) *
         models::event_pj(models::Event::kLinkByte, options_.technology, {});
}

Json ChipCost::time(const ProgramRuns& runs) const {
  Json units = Json::object();
  for (const UnitUse& use : unit_uses(step().program, step().timing))
    units[std::string(isa::name(use.unit))] = use_to_json(use);
  Json by_program = Json::object();
  for (const ProgramKind kind : compiler::kProgramKinds) {
    if (programs[kind].program.empty()) continue;
    by_program[compiler::name(kind)] = {{"runs", runs[kind]}, {"cycles", programs[kind].timing.cycles}};
  }
  const std::int64_t total = cycles(runs);
  Json time{{"cycles_per_step", cycles_per_step()},
            {"seconds_per_step", static_cast<double>(cycles_per_step()) / (options_.clock_ghz * 1e9)},
            {"utilization", utilization(step())},
            {"units", units},
            {"database_wait_cycles_per_step", step().timing.database_wait_cycles},
            {"programs", by_program},
            {"total_cycles", total},
            {"total_seconds", static_cast<double>(total) / (options_.clock_ghz * 1e9)}};
  if (system_) time["scaling"] = system_->scaling();
  if (!later_stages.empty()) {
    time["stages"] = {utilization(step())};
    for (const ProgramCost& stage : later_stages) time["stages"].push_back(utilization(stage));
  }
  return time;
}

Json ChipCost::energy(const ProgramRuns& runs) const {
  Json parts = Json::object();
  for (std::size_t c = 0; c < models::kComponents; ++c)
    parts[models::name(static_cast<models::Component>(c))] =
        over_cores([c](const ProgramCost& cost) { return cost.energy.joules_by_component[c]; });
  const char* links = models::name(models::Component::kLinks);
  parts[links] = parts.value(links, 0.0) + link_joules();
  const double of_cores = over_cores([](const ProgramCost& c) { return c.energy.total_joules; });
  return {
      {"technology", options_.technology.name},
      {"joules_per_step", of_cores + link_joules()},
      {"by_component", parts},
      {"watching_joules_per_step", over_cores([](const ProgramCost& c) { return c.energy.watching_joules; })},
      {"total_joules", joules(runs)}};
}

Json ChipCost::traffic() const {
  const models::HbmCounters& hbm = step().timing.hbm;
  const double peak = options_.core.hbm.peak_gb_per_s() * 1e9 * step().seconds;
  const std::int64_t bytes =
      over_cores([](const ProgramCost& c) { return c.timing.hbm.read_bytes + c.timing.hbm.written_bytes; });
  return {{"hbm_bytes_per_step", bytes},
          {"onchip_bytes_per_step", system_ ? system_->onchip_bytes() : 0},
          {"interchip_bytes_per_step", system_ ? system_->interchip_bytes() : 0},
          {"by_link", system_ ? system_->by_link() : Json::array()},
          {"hbm",
           {{"read_bytes", hbm.read_bytes},
            {"written_bytes", hbm.written_bytes},
            {"activations", hbm.activations},
            {"row_hits", hbm.row_hits},
            {"refreshes", hbm.refreshes},
            {"peak_share", static_cast<double>(hbm.read_bytes + hbm.written_bytes) / peak}}}};
}

Json memory_to_json(const compiler::MemoryPlan& plan) {
  return {{"conventional_bytes", plan.conventional_bytes},
          {"planned_bytes", plan.planned_bytes},
          {"lower_bound_bytes", plan.lower_bound_bytes}};
}

Json ChipCost::roofline() const {
  return roofline_to_json(sim::roofline(step().program, step().timing, options_.core.lanes, step().regions));
}

}  // namespace anzan::sim
