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

enum class OptimizerKind { kSgd, kAdam, kAdamW };

struct TrainingParameters {
  std::int64_t batch = 64;
  double momentum = 0.9;  // of SGD
  double weight_decay = 5e-4;
  OptimizerKind optimizer = OptimizerKind::kSgd;
  bool nesterov = false;                              // SGD
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // Adam
  double clip_norm = 0;                               // of all gradients together; 0: as large as they are
};
// Whether the momentum is what is taken from the parameter. Else the updates have a slot of their own, which
// counts them.
constexpr bool momentum_is_update(const TrainingParameters& t) {
  return t.optimizer == OptimizerKind::kSgd && !t.nesterov;
}

}  // namespace anzan::compiler
