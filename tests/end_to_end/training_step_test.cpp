// Training steps of random networks, compiled and run on the functional engine, against two references:
// FP32 within the error bounds of double precision, and every format bit for bit.
#include "tests/end_to_end/training_step.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "compiler/input/input_error.hpp"

namespace anzan::testing::training_step_test {
namespace {

using compiler::TensorClass;
using compiler::TensorPrecision;
using isa::Format;
using isa::Rounding;

// An optimiser of any kind, from a generator of its own.
void draw_optimiser(StepCase& c) {
  using compiler::OptimizerKind;
  std::mt19937 random(c.seed ^ 0x0971U);
  compiler::TrainingParameters& t = c.training;
  if (random() % 4 == 0) t.clip_norm = random() % 4 == 0 ? 1e3 : 0.125;
  switch (random() % 5) {
    case 0:
    case 1:
      return;
    case 2:
      t.nesterov = true;
      return;
    case 3:
      t.optimizer = OptimizerKind::kAdam;
      break;
    default:
      t.optimizer = OptimizerKind::kAdamW;
  }
  constexpr double kBetas1[] = {0.9, 0, 0.5}, kBetas2[] = {0.999, 0.5, 0.99, 0},
                   kEpsilons[] = {1e-8, 1e-3, 1};
  t.beta1 = kBetas1[random() % 3];
  t.beta2 = kBetas2[random() % 4];
  t.epsilon = kEpsilons[random() % 3];
  c.learning_rate = 0.002;
  if (random() % 4 == 0) t.weight_decay = 0;
}

// Batches that are no multiples of the lanes, every number of lanes, both sizes of scratchpad.
StepCase random_case(std::uint32_t seed) {
  StepCase c;
  c.seed = seed;
  c.network = reference::random_network(seed);
  c.training.batch = 1 + static_cast<std::int64_t>(seed * 7 % 21);
  constexpr int kLanes[] = {16, 4, 8, 32};
  c.chip.lanes = kLanes[seed % 4];
  c.chip.scratchpad_kib = seed / 4 % 2 == 0 ? 64 : 2048;
  draw_optimiser(c);
  return c;
}

// Networks whose layers do not fit the smaller scratchpad at once, nor their channels the lanes.
StepCase large_case(std::uint32_t seed) {
  StepCase c = random_case(seed);
  reference::RandomNetworkLimits limits;
  limits.blocks = 3;
  limits.size = 14;
  limits.channels = 70;
  limits.products_an_image = 1000000;
  c.network = reference::random_network(seed, limits);
  c.chip.scratchpad_kib = 2 * c.chip.lanes;
  return c;
}

// The case on the chip; a network whose smallest tile needs more than that gets the largest scratchpad.
std::unique_ptr<TrainingStep> start(StepCase c, std::uint32_t& enlarged) {
  try {
    return std::make_unique<TrainingStep>(c);
  } catch (const compiler::InputError&) {
    if (c.chip.scratchpad_kib == 2048) throw;
    ++enlarged;
    c.chip.scratchpad_kib = 2048;
    return std::make_unique<TrainingStep>(c);
  }
}

TensorPrecision tensor_precision(Format format, int width, Rounding rounding) {
  TensorPrecision p;
  p.format = format;
  p.slot.width = static_cast<std::uint8_t>(width);
  p.slot.rounding = rounding;
  p.slot.policy = isa::Policy::kOverflowRate;
  p.slot.r_max = 0x01000000U;  // 1 / 256
  return p;
}

// ---- FP32 ---------------------------------------------------------------------------------------------

StepCase as_fp32(StepCase c, bool separate_master) {
  c.precision = uniform_precision(Format::kFp32, 16, Rounding::kNearestEven, separate_master);
  return c;
}

void fp32_networks(std::uint32_t first, std::uint32_t last, bool large = false) {
  std::uint32_t enlarged = 0;
  std::int64_t elements = 0, spills = 0;
  double largest = 0;
  for (std::uint32_t seed = first; seed <= last; ++seed) {
    const StepCase c = as_fp32(large ? large_case(seed) : random_case(seed), seed % 5 == 0);
    const auto step = start(c, enlarged);
    step->run(false, false);
    step->check();
    largest = std::max(largest, step->check_bounds());
    step->check_inference();
    elements += step->elements_compared();
    spills += step->spills();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(elements, 1000 * (last - first + 1));
  if (large) {
    EXPECT_GT(spills, 4 * (last - first)) << "no reduction was cut";
  }
  EXPECT_GT(largest, 0.2) << "the bounds are too wide to show anything";
  EXPECT_LT(enlarged, (last - first + 1) / 3);
}

TEST(TrainingStepFp32, RandomNetworks1) { fp32_networks(1, 35); }
TEST(TrainingStepFp32, RandomNetworks2) { fp32_networks(36, 70); }
TEST(TrainingStepFp32, LargeNetworks) { fp32_networks(71, 94, true); }

// ---- integers -----------------------------------------------------------------------------------------

compiler::Precision uniform(Format format, int width, Rounding rounding) {
  compiler::Precision p;
  for (TensorPrecision& c : p.classes) c = tensor_precision(format, width, rounding);
  return p;
}

// Moments of Adam have draws of their own, so that the other classes are as without.
struct Draws {
  explicit Draws(std::uint32_t seed) : usual(seed), moments(~seed) {}
  std::mt19937 usual, moments;
  std::mt19937& of(std::size_t kind) {
    return kind < static_cast<std::size_t>(TensorClass::kFirstMoment) ? usual : moments;
  }
};

// Policies that move often, one a class; `static` where nothing but the test moves the point.
void draw_policies(compiler::Precision& p, Draws& draws) {
  for (std::size_t k = 0; k < p.classes.size(); ++k) {
    TensorPrecision& c = p.classes[k];
    std::mt19937& random = draws.of(k);
    c.slot.policy = static_cast<isa::Policy>(random() % isa::kPolicyInfo.size);
    c.slot.window = static_cast<std::uint8_t>(1 + random() % 3);
    c.slot.decay = static_cast<std::uint8_t>(random() % 256);
    c.slot.guard = static_cast<std::uint8_t>(random() % 2);
  }
}

TensorPrecision any_precision(std::mt19937& random) {
  constexpr Rounding kRoundings[] = {Rounding::kNearestEven, Rounding::kStochastic, Rounding::kTowardsZero};
  const Rounding rounding = kRoundings[random() % 3];
  const int width = static_cast<int>(random() % 4);
  switch (random() % 5) {
    case 0:
      return tensor_precision(Format::kFp32, 16, rounding);
    case 1:
    case 2:
      return tensor_precision(Format::kInt8, 8 - width, rounding);
    default:
      return tensor_precision(Format::kInt16, 16 - 2 * width, rounding);
  }
}

// Every class in a format of its own, and layers that override some of them.
compiler::Precision mixed(const compiler::Network& network, Draws& draws) {
  compiler::Precision p;
  for (std::size_t k = 0; k < p.classes.size(); ++k) p.classes[k] = any_precision(draws.of(k));
  for (const compiler::Layer& l : network.layers) {
    for (std::size_t k = 0; k < p.classes.size(); ++k) {
      std::mt19937& random = draws.of(k);
      if (random() % 4 == 0) p.layers[l.name][static_cast<TensorClass>(k)] = any_precision(random);
    }
  }
  return p;
}

enum class Kind { kInt8Stochastic, kInt16Nearest, kInt8TowardsZero, kMixed };

struct Totals {
  std::uint32_t enlarged = 0;
  std::int64_t elements = 0, moved = 0, spills = 0;
};

void two_steps(const StepCase& c, Totals& totals) {
  const auto step = start(c, totals.enlarged);
  for (int i = 0; i < 2; ++i) {
    step->run(c.seed % 3 != 0, c.seed % 5 == 0);
    step->check();
    step->check_inference();
  }
  totals.elements += step->elements_compared();
  totals.moved += step->points_moved();
  totals.spills += step->spills();
}

void integer_networks(Kind kind, std::uint32_t first, std::uint32_t count, bool large = false) {
  Totals totals;
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    StepCase c = large ? large_case(seed) : random_case(seed);
    Draws draws(seed);
    std::mt19937& random = draws.usual;
    switch (kind) {
      case Kind::kInt8Stochastic:
        c.precision = uniform(Format::kInt8, 8, Rounding::kStochastic);
        break;
      case Kind::kInt16Nearest:
        c.precision = uniform(Format::kInt16, 16, Rounding::kNearestEven);
        break;
      case Kind::kInt8TowardsZero:
        c.precision = uniform(Format::kInt8, 8, Rounding::kTowardsZero);
        break;
      case Kind::kMixed:
        c.precision = mixed(c.network, draws);
        break;
    }
    draw_policies(c.precision, draws);
    c.precision.separate_master = random() % 2 == 0;
    if (c.precision.separate_master && kind != Kind::kMixed) {  // the usual pairs: a wider master
      c.precision.classes[static_cast<std::size_t>(TensorClass::kMasterWeight)] =
          random() % 2 == 0 ? tensor_precision(Format::kInt16, 16, Rounding::kStochastic)
                            : tensor_precision(Format::kFp32, 16, Rounding::kNearestEven);
    }
    two_steps(c, totals);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(totals.elements, 2000 * count);
  EXPECT_GT(totals.moved, 4 * count) << "the settings optimiser hardly moved a binary point";
  if (large) {
    EXPECT_GT(totals.spills, 4 * count) << "no reduction was cut";
  }
  EXPECT_LT(totals.enlarged, count / 3);
}

TEST(TrainingStepIntegers, Int8StochasticRandomNetworks) { integer_networks(Kind::kInt8Stochastic, 101, 20); }
TEST(TrainingStepIntegers, Int16NearestRandomNetworks) { integer_networks(Kind::kInt16Nearest, 201, 20); }
TEST(TrainingStepIntegers, Int8TowardsZeroRandomNetworks) {
  integer_networks(Kind::kInt8TowardsZero, 301, 20);
}
TEST(TrainingStepIntegers, MixedFormatsRandomNetworks1) { integer_networks(Kind::kMixed, 401, 20); }
TEST(TrainingStepIntegers, MixedFormatsRandomNetworks2) { integer_networks(Kind::kMixed, 421, 20); }
TEST(TrainingStepIntegers, LargeNetworks) {
  integer_networks(Kind::kInt8Stochastic, 501, 15, true);
  integer_networks(Kind::kInt16Nearest, 521, 15, true);
  integer_networks(Kind::kMixed, 541, 20, true);
}

}  // namespace
}  // namespace anzan::testing::training_step_test
