// What training costs on the chip: one dry clocked run of each program of a compiled model. Time does not
// depend on values, so it holds for every run of the program.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>

#include "compiler/compiler.hpp"
#include "models/event_counts.hpp"
#include "models/program_timing.hpp"
#include "sim/cost_options.hpp"
#include "sim/roofline.hpp"

namespace anzan::sim {

struct ProgramCost {
  isa::Program program;
  RegionMap regions;
  models::ProgramTiming timing;
  models::EventCounts events;  // of one run, HBM's included
  double seconds = 0;
  models::EnergyReport energy;
};

// How often each program has run.
struct ProgramRuns {
  std::int64_t initialize = 0, calibrate = 0, step = 0, evaluate = 0;
};

struct ChipCost {
  ProgramCost initialize, calibrate, step, evaluate;

  ChipCost(const compiler::CompiledModel& model, const CostOptions& options,
           models::clocked::ClockedCore& core);

  std::int64_t cycles(const ProgramRuns& runs) const;
  double joules(const ProgramRuns& runs) const;

  // Objects of result.json: `time`, `energy`, `traffic` and the array `roofline`.
  nlohmann::json time(const ProgramRuns& runs) const;
  nlohmann::json energy(const ProgramRuns& runs) const;
  nlohmann::json traffic() const;
  nlohmann::json roofline() const;

 private:
  CostOptions options_;
};

// `memory` of result.json.
nlohmann::json memory_to_json(const compiler::MemoryPlan& plan);

}  // namespace anzan::sim
