// A run's configuration: read, checked against the schemas and for sense, with everything spelt out.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/compiler.hpp"
#include "sim/configuration/cost_options.hpp"
#include "sim/configuration/engine_kinds.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/configuration/learning_rate.hpp"
#include "sim/configuration/system_settings.hpp"
#include "sim/data/augmentation.hpp"
#include "sim/data/dataset.hpp"

namespace anzan::sim {

struct TrainingOptions {
  std::int64_t iterations = 1;
  std::uint32_t seed = 1;
  bool shuffle = true;
  std::int64_t test_interval = 0, snapshot_interval = 0;  // in steps; 0: never
  bool stop_on_divergence = true;                         // otherwise such a run goes on to its end
  Augmentation augmentation;
  std::optional<double> until;  // test accuracy, from 0 to 1, with which the run ends
  LearningRate learning_rate;
};

// What can be done on divergence, by name; the first is the default.
inline constexpr std::array<std::string_view, 2> kOnDivergence{"stop", "continue"};

struct EngineOptions {
  EngineKind kind = EngineKind::kFunctional;
  int threads = 0;               // 0: one for each processor
  std::vector<std::string> rtl;  // blocks that are RTL among models
};

struct Configuration {
  nlohmann::json effective;  // every default filled in, the network inlined: gives the same run
  compiler::Network network;
  compiler::Precision precision;
  compiler::TrainingParameters parameters;
  compiler::ChipParameters chip;
  compiler::MemoryParameters memory;
  SystemOptions system;
  DatasetOptions dataset;
  TrainingOptions training;
  EngineOptions engine;
  CostOptions cost;

  // What the compiler is given.
  compiler::Input input() const {
    return {network, precision, parameters, chip, system.parameters, /*two_steps=*/false, memory};
  }
  // All that the weights after a given step depend on, the version of this program among it, data sets by
  // content instead of by path: runs with one identity give the same bits.
  nlohmann::json identity(const std::string& dataset_digest) const;
};

// Each key in which an identity is another: what it has, and what the other has.
std::vector<compiler::InputFinding> differences(const nlohmann::json& identity, const nlohmann::json& other);

// What the configuration is read for. A collective alone, over all cores of the system, has neither images
// nor gradients: the batch is one that all cores could share, whatever the configuration says, and the
// algorithm `automatic` goes along the dimensions of the topology.
enum class Purpose { kTraining, kCollective };

// Reads `file`, applies the overrides in order, and checks. Throws InputError with all findings.
Configuration load_configuration(const std::filesystem::path& file,
                                 const std::vector<Override>& overrides = {},
                                 Purpose purpose = Purpose::kTraining, models::Watch watch = {});

// The same for a configuration in memory; relative paths in it count from `directory`. `parts`: of
// configurations that were read before, and are to be.
struct ReadParts;
Configuration parse_configuration(nlohmann::json json, const std::filesystem::path& directory,
                                  const std::vector<Override>& overrides = {},
                                  Purpose purpose = Purpose::kTraining, models::Watch watch = {},
                                  ReadParts* parts = nullptr);

}  // namespace anzan::sim
