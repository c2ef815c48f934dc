// What training costs on the chip, or on a system of chips: one dry clocked run of each program of a compiled
// model. Time does not depend on values, so it holds for every run of the program.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/event_counts.hpp"
#include "models/program_timing.hpp"
#include "sim/configuration/cost_options.hpp"
#include "sim/cost/roofline.hpp"
#include "sim/cost/system_cost.hpp"

namespace anzan::sim {

struct ProgramCost {
  isa::Program program;
  RegionMap regions;
  models::ProgramTiming timing;
  models::HbmCounters hbm;     // of one run; of a step that overlaps the next one, from step to step
  std::int64_t cycles = 0;     // likewise, until the slowest core has ended
  models::EventCounts events;  // of one run, without those of HBM
  double seconds = 0;          // of `cycles`
  models::EnergyReport energy;
  bool is_there() const { return cycles > 0; }
};

// What the units of a core do from step to step: a window of a run that lasts as long as a step, so that all
// shares of a step have one base.
struct RepeatedStep {
  const isa::Program& program;
  const models::ProgramTiming& timing;
  const std::vector<std::uint16_t>& region_of;
  Window window;
};

// The timing of a program, encoded and decoded, on a core with the parameters that were asked for.
using DryRun = std::function<models::ProgramTiming(const std::vector<std::uint32_t>& words,
                                                   const isa::Program& program)>;

using ProgramRuns = compiler::ByProgram<std::int64_t>;  // how often each program has run

struct ChipCost {
  compiler::ByProgram<ProgramCost> programs;  // those that the model has
  std::vector<ProgramCost> later_stages;      // the steps of the stages of a pipeline after the first

  // `system`: the step of a system of several cores, as the others are of one. `run`: of a core that is
  // alone; none: a ClockedCore.
  ChipCost(const compiler::CompiledModel& model, const CostOptions& options,
           std::optional<SystemCost> system = {}, models::Watch watch = {}, const DryRun& run = {});

  // What it costs with other options, in which all takes the same cycles: nothing is run.
  void price(const CostOptions& options);
  // Forgets programs and their instructions, of which only roofline() and traces still ask afterwards.
  void keep_figures();

  const ProgramCost& step() const { return programs[compiler::ProgramKind::kStep]; }

  std::int64_t barrier_cycles() const {  // of a step alone
    return system_ ? system_->step_cycles : step().timing.cycles;
  }
  const std::optional<SystemCost>& system() const { return system_; }
  std::int64_t cycles(const ProgramRuns& runs) const;
  double joules(const ProgramRuns& runs) const;

  // Objects of result.json: `time`, `energy`, `traffic` and the array `roofline`.
  nlohmann::json time(const ProgramRuns& runs) const;
  nlohmann::json energy(const ProgramRuns& runs) const;
  nlohmann::json traffic() const;
  nlohmann::json area() const;
  nlohmann::json roofline() const;

 private:
  std::int64_t images() const {  // of a step of all cores
    return images_ * (system_ ? system_->options.parameters.data_cores() : 1);
  }
  std::int64_t cores() const { return system_ ? system_->options.cores() : 1; }
  std::int64_t cycles_per_step() const { return system_ ? system_->cycles_per_step : step().timing.cycles; }
  std::int64_t cycles_a_run(compiler::ProgramKind kind) const;
  double joules_a_run(compiler::ProgramKind kind) const;  // of all cores
  std::vector<RegionUse> region_uses() const;
  RepeatedStep repeated_step(std::size_t stage) const;
  nlohmann::json utilization(const std::vector<UnitUse>& uses) const;
  double link_joules() const;  // of a step
  // Over all cores: f(cost) of each stage's step as often as the stage has cores.
  template <class F>
  auto over_cores(const F& f) const {
    auto sum = f(step());
    for (const ProgramCost& stage : later_stages) sum += f(stage);
    return sum * static_cast<decltype(sum)>(cores() / (1 + static_cast<std::int64_t>(later_stages.size())));
  }

  void price_one(ProgramCost& program) const;

  CostOptions options_;
  std::optional<SystemCost> system_;
  std::int64_t program_kib_ = 0;
  int slots_ = 0;
  // Two steps of core 0, where they overlap.
  isa::Program two_steps_;
  std::vector<std::uint16_t> region_of_two_steps_;
  std::int64_t idle_lanes_ = 0, images_ = 0;  // of a core
  // What only cycles decide, found when it is first asked for: `units`, `utilization` of each stage, and the
  // cycles that the network's products would take at least.
  struct OfCycles {
    nlohmann::json units, utilization = nlohmann::json::array();
    double least_array_cycles = 0;
  };
  const OfCycles& of_cycles() const;
  mutable std::optional<OfCycles> of_cycles_;
};

// The objects `time`, `energy`, `traffic`, `area` and `memory` of cost.json: of one run of each program that
// the model has.
nlohmann::json cost_of_one_run(const ChipCost& cost, const compiler::MemoryPlan& memory);

// `network` of result.json: parameters and products of each layer, as papers count them.
nlohmann::json network_to_json(const compiler::Network& network);
// `memory` of result.json.
nlohmann::json memory_to_json(const compiler::MemoryPlan& plan);

}  // namespace anzan::sim
