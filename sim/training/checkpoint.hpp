// A checkpoint: all that a run needs to go on with the same bits as if it had never stopped.
// File: magic, format version, lengths, then the identity and a header in JSON, the settings store, the
// statistics database and the tensors that live from step to step; last the SHA-256 of all before it.
#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "sim/training/trainer.hpp"

namespace anzan::sim {

// In the directory of a run; the configuration beside it says what it is a checkpoint of.
inline constexpr const char *kCheckpointFile = "checkpoint.bin", *kConfigFile = "config.json",
                            *kResultFile = "result.json", *kWeightsFile = "weights.npz";

// `identity` is what has to be the same (Configuration::identity), `header` holds the run's own state. Throws
// std::system_error if it cannot be written.
void save_checkpoint(const std::filesystem::path& file, const nlohmann::json& identity,
                     const nlohmann::json& header, Trainer& trainer);

// Looks at identity and header before anything is restored, and throws InputError where another identity was
// expected; a std::logic_error or an exception of the JSON library says that they are damaged.
using HeaderCheck = std::function<void(const nlohmann::json& identity, const nlohmann::json& header)>;

// Restores the trainer and returns the header. Throws InputError if there is no checkpoint, it is damaged, of
// another format version, holds what a run of this model cannot have written, or the check throws one; the
// trainer is then unchanged.
nlohmann::json load_checkpoint(const std::filesystem::path& file, const HeaderCheck& check, Trainer& trainer);

}  // namespace anzan::sim
