// How many images, or pixels of them, trained weights classify rightly: within a run, and afterwards from its
// directory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "sim/configuration/json_input.hpp"
#include "sim/training/trainer.hpp"

namespace anzan::sim {

// Of all labels of the set, those of the last images too where they do not fill a batch. Before each batch
// `go_on` is told how many images are done; nothing comes back once it says false.
std::optional<std::int64_t> count_right(Trainer& trainer, const ImageSet& set,
                                        const std::function<bool(std::int64_t)>& go_on);

struct Evaluation {
  std::int64_t step = 0;  // of the weights
  std::int64_t right = 0, labels = 0, images = 0;
};

// The test images of DIR/config.json, as changed by the overrides, with the weights of DIR/checkpoint.bin.
// Throws InputError if either is missing or wrong, or the weights are of another network, precision or chip.
Evaluation evaluate(const std::filesystem::path& directory, const std::vector<Override>& overrides,
                    models::Watch watch = {});

}  // namespace anzan::sim
