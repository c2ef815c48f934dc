// What a training step costs on a system of many cores: cores, exchange and network in time, without values.
// Cores that are provably alike are simulated once.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/clocked/system.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/configuration/system_settings.hpp"

namespace anzan::sim {

// `traffic.by_link` of result.json: an object a link.
nlohmann::json links_to_json(const models::ChipsNetwork& network,
                             const std::vector<models::LinkCounters>& links);

// Cycles of core 0's programs; all cores begin together.
struct SystemCost {
  SystemOptions options;
  models::ChipsNetwork network;
  bool alike = true;  // the cores of one chip stood for all; false: each was simulated
  // From barrier to barrier, of the first core of each stage of the pipeline.
  std::vector<models::ProgramTiming> stages;
  // Of core 0, where the next step may begin before this one has ended: two steps without a barrier.
  std::optional<models::ProgramTiming> two_steps;
  std::int64_t step_cycles = 0;      // of the slowest core
  std::int64_t cycles_per_step = 0;  // when the next step begins before this one has ended
  std::int64_t exchange_cycles =
      0;  // of the exchange, if nothing else is done; 0 where the network is divided
  // From step to step like cycles_per_step, of a step that exchanges nothing; of a divided network, at no
  // cost.
  std::int64_t compute_cycles = 0;
  // Of one core with all images; none: not asked for, or too much for its memory.
  std::optional<std::int64_t> one_core_cycles;
  std::int64_t expected_cycles = 0;  // cycles_per_step as the scheduler imagines it
  std::vector<models::LinkCounters> links;

  models::clocked::Alike simulated() const;  // all cores, or those of a chip for all
  std::int64_t exposed_cycles() const { return std::max<std::int64_t>(0, cycles_per_step - compute_cycles); }
  std::int64_t hidden_cycles() const;
  std::int64_t onchip_bytes() const;  // over all links of the kind, headers too
  std::int64_t interchip_bytes() const;
  nlohmann::json scaling() const;  // `time.scaling` of result.json
  nlohmann::json by_link() const { return links_to_json(network, links); }
};

// From step to step of one core that exchanges nothing: with a barrier between steps, or without one where
// `input.two_steps`. Throws as the compiler.
std::int64_t cycles_of_one_core(const models::clocked::CoreParameters& core, const compiler::Input& input,
                                models::Watch watch = {});

// What one core takes for all images, with which a system is compared: known, or to be run.
struct OneCore {
  bool wanted = true;
  std::optional<std::int64_t> known_cycles = {};
  // cycles_of_one_core() of who has met such cores before; none: they are run.
  std::function<std::int64_t(const compiler::Input& input)> cycles = {};
};

// Of the configuration that `model` was compiled from; nothing where it has one core. Where segments stream,
// the cores of one chip stand for all only nearly (models/clocked/network_unit.md); `exact` simulates all of
// them there. Throws as ClockedSystem::run.
std::optional<SystemCost> cost_of_system(const Configuration& configuration,
                                         const compiler::CompiledModel& model, const OneCore& one_core = {},
                                         models::Watch watch = {}, bool exact = false);

}  // namespace anzan::sim
