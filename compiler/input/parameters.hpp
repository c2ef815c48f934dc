// What a program is compiled for besides the network: the chip, and what of the training recipe is in
// programs.
#pragma once
#include <cstdint>

#include "models/settings_store.hpp"

namespace anzan::compiler {

// Of the HBM of a core; no rows: as large as a program needs it.
struct HbmSize {
  static constexpr std::int64_t kMostChannels = 64;
  std::int64_t rows = 0, channels = 1;
  std::int64_t row_bytes = 0;  // of one row of all banks of a channel
};

struct ChipParameters {
  int lanes = 16;
  std::int64_t scratchpad_kib = 2048;
  HbmSize hbm = {};
  int slots = models::kUsualSlots;  // of settings store and statistics database
};

struct TrainingParameters {
  std::int64_t batch = 64;
  double momentum = 0.9;
  double weight_decay = 5e-4;
};

}  // namespace anzan::compiler
