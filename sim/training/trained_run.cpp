// The checkpoint decides what fits; which images there are does not matter to weights.
#include "sim/training/trained_run.hpp"

#include "compiler/input/input_error.hpp"
#include "sim/engines/thread_team.hpp"
#include "sim/training/checkpoint.hpp"

namespace anzan::sim {
namespace {

using compiler::InputFinding;
using Json = nlohmann::json;

// What the weights have to fit, of an identity.
Json fitting(Json identity) {
  for (const char* key : {"training", "dataset", "data_cores", "system"}) identity.erase(key);
  return identity;
}

}  // namespace

TrainedRun::TrainedRun(const std::filesystem::path& directory, const std::vector<Override>& overrides,
                       models::Watch watch)
    : configuration_(load_configuration(directory / kConfigFile, overrides, Purpose::kTraining, watch)),
      model_(compiler::compile(configuration_.input(), {/*step_only=*/false, watch})),
      trainer_(model_, configuration_.network, configuration_.training.seed,
               thread_count(configuration_.engine.threads), engine_) {
  const Json identity = fitting(configuration_.identity(""));
  const HeaderCheck check = [&](const Json& other, const Json& header) {
    if (!header.at("step").is_number_unsigned()) throw std::invalid_argument("step");
    std::vector<InputFinding> findings = differences(identity, fitting(other));
    for (InputFinding& finding : findings) finding.expected += ", as the weights were trained";
    if (!findings.empty()) throw compiler::InputError(std::move(findings));
  };
  step_ = load_checkpoint(directory / kCheckpointFile, check, trainer_).at("step").get<std::int64_t>();
}

}  // namespace anzan::sim
