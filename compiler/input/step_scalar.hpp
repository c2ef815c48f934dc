// Scalars of the settings store that the driver writes before each step.
#pragma once
#include <cstdint>

#include "compiler/input/parameters.hpp"

namespace anzan::compiler {

struct StepScalar {
  enum class Kind {
    kRate,           // learning rate
    kCorrectedRate,  // learning rate / (1 - beta1^t): Adam's, which corrects its young first moment
    kRootCorrection  // 1 / sqrt(1 - beta2^t): the same for the root of the second one
  } kind = Kind::kRate;
  double multiplier = 1;
  int scalar = 0;  // entry of the table

  // In step 0, 1, ..., that is t = 1, 2, ...
  float value(const TrainingParameters& training, double learning_rate, std::int64_t step) const;
};

}  // namespace anzan::compiler
