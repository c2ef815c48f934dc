// A configuration, what its reports say of energy, and the same from the reference.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/compiler.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/configuration/technology.hpp"
#include "sim/cost/chip_cost.hpp"
#include "tests/sim/cost/energy_reference.hpp"

namespace anzan::sim::testing {

using Json = nlohmann::json;
using compiler::ProgramKind;

inline const std::filesystem::path kWorkloads = std::filesystem::path(ANZAN_SOURCE_DIR) / "workloads";

// A sum of doubles, a small part at a time.
inline void expect_same(double found, double expected, const std::string& what) {
  EXPECT_NEAR(found, expected, 1e-7 * std::abs(expected) + 1e-18) << what;
}

// A configuration, what it costs, and what the reference needs of both.
struct EnergyCase {
  Configuration config;
  compiler::CompiledModel model;
  std::optional<SystemCost> system;
  std::string name;

  EnergyCase(Configuration c, std::string title)
      : config(std::move(c)),
        model(compiler::compile(config.input())),
        system(cost_of_system(config, model, {/*wanted=*/false, {}})),
        name(std::move(title)) {}

  EnergyReference reference(const Json& technology) const {
    ReferenceCore core{config.cost.core, config.cost.scratchpad_kib, 0, {}, config.chip.slots};
    for (const std::vector<std::uint32_t>& words : model.programs)
      core.program_bytes = std::max(core.program_bytes, static_cast<std::int64_t>(4 * words.size()));
    for (std::size_t s = 0; s < model.slots.size(); ++s) {
      if (model.slots[s].settings.rounding == isa::Rounding::kStochastic)
        core.slots_that_round_by_dice.insert(static_cast<int>(s));
    }
    return {technology, core};
  }

  // A step of all cores. Of overlapped ones, the memory does what two do less what one does.
  EnergyReference step(const Json& technology, const ProgramCost& alone, double seconds) const {
    EnergyReference sum = reference(technology);
    if (!system) {
      sum.add(alone.program, alone.timing);
      sum.add_static(seconds);
      return sum;
    }
    for (std::size_t s = 0; s < model.stages.size(); ++s) {
      const isa::Program program = isa::decode(model.step_in_core(model.first_core(s)));
      sum.add_instructions(program);
      if (system->two_steps) sum.add_memory(isa::decode(model.two_steps_in_core(0)), *system->two_steps);
      sum.add_memory(program, system->stages[s], system->two_steps ? -1 : 1);
      sum.add_static(seconds);
    }
    sum.times_cores(static_cast<double>(config.system.cores()) / static_cast<double>(model.stages.size()));
    for (std::size_t l = 0; l < system->links.size(); ++l) {
      if (!system->network.onchip[l]) sum.add_link_bytes(static_cast<double>(system->links[l].bytes));
    }
    return sum;
  }

  void check(const Json& technology) const {
    SCOPED_TRACE(name + ", " + technology.at("name").get<std::string>());
    CostOptions options = config.cost;
    Json copy = technology;
    options.technology = load_technology(copy, kWorkloads, "/technology");
    const ChipCost cost(model, options, system);
    ProgramRuns runs{};
    runs[ProgramKind::kInitialize] = 1;
    runs[ProgramKind::kStep] = 7;
    runs[ProgramKind::kEvaluate] = 3;
    const Json time = cost.time(runs), energy = cost.energy(runs), traffic = cost.traffic();
    const double seconds =
        static_cast<double>(time.at("cycles_per_step").get<std::int64_t>()) / (options.clock_ghz * 1e9);
    const EnergyReference sum = step(technology, cost.step(), seconds);
    for (const auto& [component, joules] : sum.joules())
      expect_same(energy.at("by_component").at(component).get<double>(), joules, component);
    for (const auto& item : energy.at("by_component").items())
      EXPECT_TRUE(item.value() == 0.0 || sum.joules().count(item.key()) != 0) << item.key();
    expect_same(energy.at("joules_per_step").get<double>(), sum.total(), "step");
    check_counters(technology, energy, traffic);
    double total = 7 * sum.total();
    for (const ProgramKind kind : {ProgramKind::kInitialize, ProgramKind::kEvaluate}) {
      EnergyReference program = reference(technology);
      const ProgramCost& c = cost.programs[kind];
      program.add(c.program, c.timing);
      program.add_static(static_cast<double>(c.timing.cycles) / (options.clock_ghz * 1e9));
      program.times_cores(config.system.cores());
      expect_same(energy.at("programs").at(compiler::name(kind)).at("joules").get<double>(), program.total(),
                  compiler::name(kind));
      total += static_cast<double>(runs[kind]) * program.total();
    }
    expect_same(energy.at("total_joules").get<double>(), total, "in all");
  }

  // HBM by hand, from the report alone.
  static void check_counters(const Json& technology, const Json& energy, const Json& traffic) {
    const Json &pj = technology.at("events").at("hbm"), &hbm = traffic.at("hbm");
    double sum = 0;
    for (const auto& [counter, event] :
         std::vector<std::pair<std::string, std::string>>{{"read_bytes", "hbm_read"},
                                                          {"written_bytes", "hbm_write"},
                                                          {"activations", "hbm_activation"},
                                                          {"refreshes", "hbm_refresh"}})
      sum += hbm.at(counter).get<double>() * pj.at(event).at("pj").get<double>() * 1e-12;
    expect_same(energy.at("by_component").at("hbm").get<double>(), sum, "hbm by its counters");
    EXPECT_EQ(hbm.at("read_bytes").get<std::int64_t>() + hbm.at("written_bytes").get<std::int64_t>(),
              traffic.at("hbm_bytes_per_step").get<std::int64_t>());
    double parts = 0;
    for (const Json& part : energy.at("by_component")) parts += part.get<double>();
    expect_same(energy.at("joules_per_step").get<double>(), parts, "sum of the parts");
  }
};

inline std::vector<Json> technologies() {
  std::vector<Json> all;
  for (const std::string& name : built_in_technologies())
    all.push_back(read_json_file(kWorkloads / "technology" / (name + ".json")));
  return all;
}

}  // namespace anzan::sim::testing
