// A checkpoint: all that a run needs to go on with the same bits as if it had never stopped.
// File: magic, format version, lengths, then a JSON header, the settings store, the statistics database
// and the tensors that live from step to step; last the SHA-256 of all before it.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "sim/training/trainer.hpp"

namespace anzan::sim {

// `header` holds the run's own state. Throws std::system_error if it cannot be written.
void save_checkpoint(const std::filesystem::path& file, const std::string& identity,
                     const nlohmann::json& header, Trainer& trainer);

// Restores the trainer and returns the header. Throws InputError if there is no checkpoint, it is
// damaged, of another format version, or it belongs to a configuration with another identity; the trainer is
// then unchanged.
nlohmann::json load_checkpoint(const std::filesystem::path& file, const std::string& identity,
                               Trainer& trainer);

}  // namespace anzan::sim
