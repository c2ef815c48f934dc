// Updates over several steps against the formulas of the textbooks, written here in double precision from the
// gradients that the chip has found; what they count; and that no size of scratchpad changes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <sstream>

#include "compiler/input/input_error.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/chain.hpp"

namespace anzan::testing::update_test {
namespace {

using compiler::LayerKind;
using compiler::OptimizerKind;
using compiler::TrainingParameters;

constexpr double kRate = 0.01;
constexpr std::uint32_t kSteps = 20;

// Bias and weights with multipliers, groups, of one channel too, a window, channels that fill neither words
// nor lanes, and more of them than a small scratchpad has rows.
compiler::Network network() {
  reference::Chain chain({6, 4, 4});
  compiler::Layer& convolution = chain.add("conv", LayerKind::kConvolution, {14, 3, 3});
  convolution.y.kernel = convolution.x.kernel = 2;
  convolution.groups = 2;
  convolution.bias = true;
  convolution.bias_lr = 2;
  convolution.bias_decay = 0;
  chain.add("norm", LayerKind::kBatchNorm, {14, 3, 3}).bias = true;
  compiler::Layer& depthwise = chain.add("depthwise", LayerKind::kConvolution, {14, 2, 2});
  depthwise.y.kernel = depthwise.x.kernel = 2;
  depthwise.groups = 14;
  chain.add("wide", LayerKind::kFullyConnected, {170, 1, 1});
  compiler::Layer& classifier = chain.add("fc", LayerKind::kFullyConnected, {37, 1, 1});
  classifier.bias = true;
  classifier.weight_decay = 0.5;
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {1, 1, 1});
  return chain.network;
}

struct Rule {
  const char* name;
  TrainingParameters training;
};

std::vector<Rule> rules() {
  TrainingParameters usual;
  usual.batch = 7;
  usual.weight_decay = 0.02;
  TrainingParameters nesterov = usual, adam = usual, clipped;
  nesterov.nesterov = true;
  adam.optimizer = OptimizerKind::kAdam;
  TrainingParameters adamw = adam, quick = adam;
  adamw.optimizer = OptimizerKind::kAdamW;
  quick.beta1 = 0;
  quick.beta2 = 0.5;
  quick.epsilon = 0.01;
  clipped = adamw;
  clipped.clip_norm = 0.3;
  return {{"sgd", usual},   {"nesterov", nesterov}, {"adam", adam},
          {"adamw", adamw}, {"quick adam", quick},  {"clipped adamw", clipped}};
}

struct Multipliers {
  double rate, decay;
};
Multipliers multipliers(const compiler::Network& network, const std::string& parameter) {
  for (const compiler::Layer& l : network.layers) {
    if (parameter == l.name + ".weight") return {l.weight_lr, l.weight_decay};
    if (parameter == l.name + ".bias") return {l.bias_lr, l.bias_decay};
  }
  throw std::out_of_range(parameter);
}

using Vector = std::vector<double>;

// Adam: Kingma and Ba, algorithm 1, with L2; AdamW: Loshchilov and Hutter, algorithm 2; SGD as PyTorch has
// it, whose velocity is without the rate.
struct Textbook {
  TrainingParameters training;
  Vector w, m, v;

  void step(const Vector& gradient, double t, const Multipliers& by, double scale) {
    m.resize(w.size());
    v.resize(w.size());
    const double rate = kRate * by.rate, decay = training.weight_decay * by.decay;
    for (std::size_t i = 0; i < w.size(); ++i) {
      double g = scale * gradient[i];
      if (training.optimizer == OptimizerKind::kAdamW) {
        w[i] *= 1 - rate * decay;
      } else {
        g += decay * w[i];
      }
      if (training.optimizer == OptimizerKind::kSgd) {
        m[i] = training.momentum * m[i] + g;
        w[i] -= rate * (training.nesterov ? g + training.momentum * m[i] : m[i]);
        continue;
      }
      m[i] = training.beta1 * m[i] + (1 - training.beta1) * g;
      v[i] = training.beta2 * v[i] + (1 - training.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(training.beta1, t)),
                   v_hat = v[i] / (1 - std::pow(training.beta2, t));
      w[i] -= rate * m_hat / (std::sqrt(v_hat) + training.epsilon);
    }
  }
};

std::string gradient_of(const std::string& parameter) { return parameter + "_gradient"; }

Vector noise(std::int64_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Vector values(static_cast<std::size_t>(size));
  for (double& x : values) x = static_cast<float>(static_cast<double>(random()) * 0x1p-31 - 1);
  return values;
}

void run_step(TestChip& chip, std::uint32_t step) {
  chip.load_batch();
  chip.write("data", noise(chip.model().tensor("data").size(), 100 + step));
  chip.begin_step(step, kRate);
  chip.run(chip.model().programs[compiler::ProgramKind::kStep]);
}

const models::SlotStatistics& counts(TestChip& chip, const std::string& slot) {
  const auto& slots = chip.model().slots;
  const auto found =
      std::find_if(slots.begin(), slots.end(), [&](const compiler::SlotInfo& s) { return s.name == slot; });
  if (found == slots.end()) throw std::out_of_range(slot);
  return chip.core().statistics.total(static_cast<int>(found - slots.begin()));
}

double norm_of(const TestChip& chip) {
  double sum = 0;
  for (const compiler::ParameterInfo& p : chip.model().parameters) {
    if (!p.trained) continue;
    for (const double g : chip.read(gradient_of(p.name))) sum += g * g;
  }
  return std::sqrt(sum);
}

void follow(const Rule& rule) {
  const compiler::Network net = network();
  const compiler::Precision fp32 = uniform_precision(isa::Format::kFp32, 16, isa::Rounding::kNearestEven);
  const compiler::CompiledModel model = with_tensors_apart({net, fp32, rule.training, {16, 64}});
  TestChip chip(model);
  chip.prepare(5, kRate);
  std::map<std::string, Textbook> books;
  for (const compiler::ParameterInfo& p : model.parameters)
    if (p.trained) books[p.name] = {rule.training, chip.read(p.name), {}, {}};
  int clipped = 0;
  for (std::uint32_t step = 0; step < kSteps; ++step) {
    run_step(chip, step);
    const double norm = norm_of(chip), most = rule.training.clip_norm;
    const bool clips = most > 0 && norm > most;
    clipped += clips;
    for (auto& [name, book] : books) {
      book.step(chip.read(gradient_of(name)), step + 1.0, multipliers(net, name), clips ? most / norm : 1);
      const Vector found = chip.read(name);
      double furthest = 0;
      for (std::size_t i = 0; i < found.size(); ++i)
        furthest = std::max(furthest, std::fabs(found[i] - book.w[i]));
      EXPECT_LT(furthest, 4e-6) << name << " after " << step + 1 << " steps";
    }
  }
  EXPECT_EQ(clipped > 0, rule.training.clip_norm > 0);
}

TEST(Update, FollowsTheTextbook) {
  for (const Rule& rule : rules()) {
    SCOPED_TRACE(rule.name);
    follow(rule);
  }
}

// What is taken from the parameters is not zero although the moments are, and the other way round.
TEST(Update, CountsWhatIsTaken) {
  const compiler::Precision fp32 = uniform_precision(isa::Format::kFp32, 16, isa::Rounding::kNearestEven);
  for (const Rule& rule : rules()) {
    SCOPED_TRACE(rule.name);
    const bool momentum = compiler::momentum_is_update(rule.training);
    const compiler::CompiledModel model = compiler::compile({network(), fp32, rule.training, {16, 64}});
    TestChip chip(model);
    chip.prepare(5, kRate);
    for (const compiler::ParameterInfo& p : model.parameters) {
      if (!p.trained) continue;
      EXPECT_EQ(model.slots[static_cast<std::size_t>(p.update_slot)].kind,
                momentum ? compiler::TensorClass::kMomentum : compiler::TensorClass::kUpdate);
    }
    const Vector before = chip.read("fc.weight");
    chip.write("label", Vector(static_cast<std::size_t>(model.tensor("label").size())));  // no gradients
    chip.write("data", noise(model.tensor("data").size(), 1));
    chip.begin_step(0, kRate);
    chip.run(model.programs[compiler::ProgramKind::kStep]);
    const models::SlotStatistics& taken = counts(chip, momentum ? "fc.momentum" : "fc.update");
    const bool decays = before != chip.read("fc.weight");
    EXPECT_TRUE(decays);
    EXPECT_EQ(taken.values, before.size());
    EXPECT_EQ(taken.zeros, 0U);
    const models::SlotStatistics& of_bias =
        counts(chip, momentum ? "conv.bias_momentum" : "conv.bias_update");
    EXPECT_EQ(of_bias.zeros, of_bias.values);  // without decay
    if (rule.training.optimizer == OptimizerKind::kAdamW) {
      EXPECT_EQ(counts(chip, "fc.first_moment").zeros, before.size());
    }
  }
}

// All that lives from step to step.
std::vector<std::int64_t> state(const TestChip& chip) {
  std::vector<std::int64_t> all;
  for (const compiler::TensorInfo& t : chip.model().tensors) {
    if (!t.persistent) continue;
    const std::vector<std::int64_t> one = chip.read_stored(t.name);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

TEST(Update, NoScratchpadChangesABit) {
  int small = 0;
  for (const isa::Format format : {isa::Format::kFp32, isa::Format::kInt8}) {
    const compiler::Precision precision =
        uniform_precision(format, 8, isa::Rounding::kStochastic, format == isa::Format::kInt8);
    for (const Rule& rule : rules()) {
      if (!rule.training.nesterov && rule.training.clip_norm == 0) continue;
      SCOPED_TRACE(rule.name);
      std::vector<std::int64_t> expected;
      for (const std::int64_t kib : {2048, 16, 8, 6, 5, 4}) {
        compiler::CompiledModel model;
        try {
          model = compiler::compile({network(), precision, rule.training, {4, kib}});
        } catch (const compiler::InputError&) {
          EXPECT_LT(kib, 16);
          break;
        }
        small += kib < 16;
        TestChip chip(model);
        chip.prepare(5, kRate);
        for (std::uint32_t step = 0; step < 2; ++step) run_step(chip, step);
        if (expected.empty()) expected = state(chip);
        EXPECT_EQ(state(chip), expected) << kib << " KiB";
      }
    }
  }
  EXPECT_GT(small, 6);
}

TEST(Update, ANormNeedsTheWholeNetwork) {
  TrainingParameters training = rules().back().training;
  training.batch = 16;
  const compiler::Precision fp32 = uniform_precision(isa::Format::kFp32, 16, isa::Rounding::kNearestEven);
  compiler::Input input{network(), fp32, training, {4, 64}};
  for (compiler::Dimension compiler::Mapping::*axis :
       {&compiler::Mapping::tensor, &compiler::Mapping::pipeline}) {
    compiler::Input divided = input;
    (divided.system.mapping.*axis).size = 2;
    try {
      compiler::compile(divided);
      ADD_FAILURE() << "was not refused";
    } catch (const compiler::InputError& error) {
      EXPECT_EQ(error.findings().front().place, "/training/optimizer/clip_norm");
      EXPECT_EQ(error.findings().front().found, "0.3");
    }
  }
}

}  // namespace
}  // namespace anzan::testing::update_test
