// Functions of the step's number, so that a run that goes on has what it would have had.
#include "compiler/input/step_scalar.hpp"

#include <cmath>

namespace anzan::compiler {
namespace {

// What a moment that began with zero has seen after so many steps.
double seen(double beta, std::int64_t steps) { return 1 - std::pow(beta, static_cast<double>(steps)); }

}  // namespace

float StepScalar::value(const TrainingParameters& training, double learning_rate, std::int64_t step) const {
  double result = multiplier;
  if (kind == Kind::kRate) result *= learning_rate;
  if (kind == Kind::kCorrectedRate) result *= learning_rate / seen(training.beta1, step + 1);
  if (kind == Kind::kRootCorrection) result /= std::sqrt(seen(training.beta2, step + 1));
  return static_cast<float>(result);
}

}  // namespace anzan::compiler
