// What points of a space have in common, and is done once: compiled programs, dry runs of them, and what
// cycles decide. Each is found again by all that it was made from (content_key), so whoever finds it gets
// what he would have made himself.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/cost/chip_cost.hpp"
#include "sim/host/recent.hpp"

namespace anzan::sim {

class SharedWork {
 public:
  // `most_bytes`: about, of all that is kept.
  explicit SharedWork(std::size_t most_bytes);

  // The objects `time`, `energy`, `traffic`, `area` and `memory` of cost.json, as of `anzan cost --step`.
  // Throws what the compiler and the runs throw.
  nlohmann::json cost(const Configuration& configuration);

  // How often something had to be made: programs compiled, programs run dry, systems and lone cores among
  // them.
  struct Made {
    std::int64_t programs = 0, runs = 0;
  };
  const Made& made() const { return made_; }

 private:
  struct Compiled {  // one of the two
    std::optional<compiler::CompiledModel> model;
    std::optional<compiler::InputError> refusal;
  };
  struct Cycles {
    std::int64_t cycles = 0;
    std::optional<compiler::InputError> refusal;
  };
  struct Figures {
    ChipCost cost;
    compiler::MemoryPlan memory;
  };

  std::shared_ptr<Compiled> compiled(const compiler::Input& input, const std::string& key);
  std::int64_t cycles_of(const models::clocked::CoreParameters& core, const compiler::Input& input);
  Figures figures_of(const Configuration& configuration, const std::string& program_key,
                     const std::string& core_key);

  Recent<Compiled> programs_;
  Recent<models::ProgramTiming> runs_;
  Recent<Cycles> cores_alone_;
  Recent<Figures> figures_;
  Made made_;
};

}  // namespace anzan::sim
