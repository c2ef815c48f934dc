// Training steps of LeNet against the references, in FP32 and in integers.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/training_step.hpp"

namespace anzan::testing::lenet_step_test {
namespace {

using compiler::TensorClass;
using isa::Format;
using isa::Rounding;

StepCase lenet(const compiler::Precision& precision) {
  std::ifstream file(ANZAN_SOURCE_DIR "/workloads/networks/lenet.json");
  StepCase c;
  c.seed = 1;
  c.network = compiler::parse_network(nlohmann::json::parse(file));
  c.precision = precision;
  c.training.batch = 16;
  return c;
}

TEST(LeNetStep, Fp32) {
  TrainingStep step(lenet(uniform_precision(Format::kFp32, 16, Rounding::kNearestEven)));
  step.run(false, false);
  step.check();
  EXPECT_GT(step.check_bounds(), 0.1) << "the bounds are too wide to show anything";
}

void two_steps(const compiler::Precision& precision) {
  TrainingStep step(lenet(precision));
  for (int i = 0; i < 2; ++i) {
    step.run(true, false);
    step.check();
  }
  EXPECT_GT(step.points_moved(), 4) << "the settings optimiser hardly moved a binary point";
}

TEST(LeNetStep, Int8Stochastic) { two_steps(uniform_precision(Format::kInt8, 8, Rounding::kStochastic)); }
TEST(LeNetStep, Int16Nearest) { two_steps(uniform_precision(Format::kInt16, 16, Rounding::kNearestEven)); }

TEST(LeNetStep, MixedFormatsWithMaster) {
  const compiler::Precision int8 = uniform_precision(Format::kInt8, 8, Rounding::kTowardsZero);
  const compiler::Precision fp32 = uniform_precision(Format::kFp32, 16, Rounding::kNearestEven);
  compiler::Precision p = uniform_precision(Format::kInt16, 16, Rounding::kStochastic, true);
  const auto from = [](const compiler::Precision& other, TensorClass kind) {
    return other.classes[static_cast<std::size_t>(kind)];
  };
  p.classes[static_cast<std::size_t>(TensorClass::kWeight)] = from(int8, TensorClass::kWeight);
  p.classes[static_cast<std::size_t>(TensorClass::kMasterWeight)] = from(fp32, TensorClass::kMasterWeight);
  p.layers["conv2"][TensorClass::kActivation] = from(int8, TensorClass::kWeight);
  p.layers["fc1"][TensorClass::kActivationGradient] = from(fp32, TensorClass::kActivationGradient);
  two_steps(p);
}

}  // namespace
}  // namespace anzan::testing::lenet_step_test
