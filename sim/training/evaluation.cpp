// The functional engine does it, whatever the run was made with: all give the same bits.
#include "sim/training/evaluation.hpp"

#include <algorithm>
#include <numeric>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/engines/thread_team.hpp"
#include "sim/training/checkpoint.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using compiler::InputFinding;
using Json = nlohmann::json;

// What the weights have to fit, of an identity.
Json fitting(Json identity) {
  for (const char* key : {"training", "dataset", "data_cores", "system"}) identity.erase(key);
  return identity;
}

}  // namespace

std::optional<std::int64_t> count_right(Trainer& trainer, const ImageSet& set,
                                        const std::function<bool(std::int64_t)>& go_on) {
  const std::int64_t batch = trainer.batch();
  std::int64_t right = 0;
  for (std::int64_t first = 0; first < set.count; first += batch) {
    if (!go_on(first)) return {};
    std::vector<std::int64_t> images(static_cast<std::size_t>(std::min(batch, set.count - first)));
    std::iota(images.begin(), images.end(), first);
    right += trainer.classify(set, images);
  }
  return right;
}

Evaluation evaluate(const std::filesystem::path& directory, const std::vector<Override>& overrides,
                    models::Watch watch) {
  const std::filesystem::path checkpoint = directory / kCheckpointFile;
  const Configuration configuration =
      load_configuration(directory / kConfigFile, overrides, Purpose::kTraining, watch);
  const Dataset dataset = load_dataset(configuration.dataset, configuration.network);
  const compiler::CompiledModel model =
      compiler::compile(configuration.input(), {/*step_only=*/false, watch});
  FunctionalEngine engine;
  Trainer trainer(model, configuration.network, configuration.training.seed,
                  thread_count(configuration.engine.threads), engine);
  const Json identity = fitting(configuration.identity(dataset.digest));
  const HeaderCheck check = [&](const Json& other, const Json& header) {
    if (!header.at("step").is_number_unsigned()) throw std::invalid_argument("step");
    std::vector<InputFinding> findings = differences(identity, fitting(other));
    for (InputFinding& finding : findings) finding.expected += ", as the weights were trained";
    if (!findings.empty()) throw InputError(std::move(findings));
  };
  Evaluation evaluation;
  evaluation.step = load_checkpoint(checkpoint, check, trainer).at("step").get<std::int64_t>();
  evaluation.images = dataset.test.count;
  watch.begin("testing images", dataset.test.count);
  const auto go_on = [&](std::int64_t done) {
    watch.done(done);
    return true;
  };
  evaluation.right = count_right(trainer, dataset.test, go_on).value_or(0);
  return evaluation;
}

}  // namespace anzan::sim
