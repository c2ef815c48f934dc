// What a program is compiled for besides the network: the chip, and what of the training recipe is in
// programs.
#pragma once
#include <cstdint>

namespace anzan::compiler {

struct ChipParameters {
  int lanes = 16;
  std::int64_t scratchpad_kib = 2048;
};

struct TrainingParameters {
  std::int64_t batch = 64;
  double momentum = 0.9;
  double weight_decay = 5e-4;
};

}  // namespace anzan::compiler
