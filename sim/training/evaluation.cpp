// Batch after batch; what is missing in the last one does not count.
#include "sim/training/evaluation.hpp"

#include <algorithm>
#include <numeric>

#include "sim/training/trained_run.hpp"

namespace anzan::sim {

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
  TrainedRun run(directory, overrides, watch);
  const Dataset dataset = load_dataset(run.configuration().dataset, run.configuration().network);
  Evaluation evaluation;
  evaluation.step = run.step();
  evaluation.images = dataset.test.count;
  evaluation.labels = dataset.test.label_count();
  watch.begin("testing images", dataset.test.count);
  const auto go_on = [&](std::int64_t done) {
    watch.done(done);
    return true;
  };
  evaluation.right = count_right(run.trainer(), dataset.test, go_on).value_or(0);
  return evaluation;
}

}  // namespace anzan::sim
