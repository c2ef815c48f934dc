// The double-precision step against finite differences and a step computed by hand.
#include "tests/reference/double_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/reference/random_network.hpp"

namespace anzan::reference::double_network_test {
namespace {

using compiler::LayerKind;

constexpr std::uint32_t kNetworks = 100;
constexpr std::int64_t kBatch = 3;

struct Difference {
  double gradient = 0;
  bool smooth = false;  // no decision changed on the way
};

// Central difference of the mean loss with respect to one element, with one step of extrapolation.
Difference difference(const compiler::Network& network, RandomStep step, const std::string& name,
                      std::size_t i, const DoubleStep& at, const DoubleSettings& settings) {
  double& element = step.tensors.at(name)[i];
  const double original = element;
  Difference result;
  result.smooth = true;
  double slope[2];
  for (int k = 0; k < 2; ++k) {
    const double h = 1e-4 * (k + 1);
    double loss[2];
    for (int side = 0; side < 2; ++side) {
      element = original + (side == 0 ? -h : h);
      const DoubleStep moved = double_forward(network, step.tensors, step.labels, settings);
      result.smooth = result.smooth && moved.decisions == at.decisions;
      loss[side] = moved.mean_loss;
    }
    slope[k] = (loss[1] - loss[0]) / (2 * h);
  }
  result.gradient = (4 * slope[0] - slope[1]) / 3;
  return result;
}

TEST(ReferenceDouble, GradientsEqualFiniteDifferences) {
  int checked = 0, skipped = 0, nonzero = 0;
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    RandomNetworkLimits limits;
    limits.products_an_image = 8000;
    const compiler::Network network = random_network(seed, limits);
    const RandomStep step = random_step(network, kBatch, seed);
    DoubleSettings settings;
    settings.batch = kBatch;
    const DoubleStep result = double_training_step(network, step.tensors, step.labels, settings);
    for (const auto& [name, values] : step.tensors) {
      const auto is = [&name = name](const char* what) { return name.find(what) != std::string::npos; };
      if (is("momentum") || is(".mask") || is("running_")) continue;
      const Values& gradient = result.at(name + "_gradient");
      ASSERT_EQ(gradient.value.size(), values.size()) << network_json(network);
      const std::size_t stride = std::max<std::size_t>(1, values.size() / 5);
      for (std::size_t i = seed % stride; i < values.size(); i += stride) {
        const Difference d = difference(network, step, name, i, result, settings);
        if (!d.smooth) {
          ++skipped;
          continue;
        }
        ++checked;
        nonzero += gradient.value[i] != 0;
        ASSERT_NEAR(gradient.value[i], d.gradient, 1e-9 + 1e-6 * std::fabs(d.gradient))
            << "seed " << seed << " " << name << "[" << i << "]\n"
            << network_json(network);
      }
    }
  }
  EXPECT_GT(checked, 1000);
  EXPECT_GT(nonzero, checked / 2);
  EXPECT_LT(skipped, checked / 10);
}

compiler::Layer layer(const std::string& name, LayerKind kind, int input, compiler::Shape in,
                      compiler::Shape out) {
  compiler::Layer l;
  l.name = name;
  l.kind = kind;
  l.inputs = {input};
  l.in = in;
  l.out = out;
  if (kind == LayerKind::kFullyConnected) {
    l.y.kernel = in.height;
    l.x.kernel = in.width;
  }
  return l;
}

// data (1 x 3) -> maximum -> two classes.
TEST(ReferenceDouble, RoutesToTheFirstMaximum) {
  compiler::Network network;
  network.input = {1, 1, 3};
  network.layers = {layer("pool", LayerKind::kMaxPool, -1, {1, 1, 3}, {1, 1, 1}),
                    layer("fc", LayerKind::kFullyConnected, 0, {1, 1, 1}, {2, 1, 1}),
                    layer("loss", LayerKind::kSoftmaxCrossEntropy, 1, {2, 1, 1}, {2, 1, 1})};
  network.layers[0].x.kernel = 3;
  const DoubleStep step =
      double_training_step(network, {{"data", {1, 2, 2}}, {"fc.weight", {1, -1}}}, {0}, DoubleSettings());
  const std::vector<double>& gradient = step.at("data_gradient").value;
  EXPECT_EQ(gradient[0], 0);
  EXPECT_NEAR(gradient[1], -2 / (1 + std::exp(4.0)), 1e-15);
  EXPECT_EQ(gradient[2], 0);
  EXPECT_EQ(step.ambiguous, 0);  // data is exact, so the tie is one in FP32 too
}

// A sum that cancels: FP32 may find it on either side of zero, or either tap the larger one.
TEST(ReferenceDouble, WidensTheBoundsAtOpenDecisions) {
  compiler::Network network;
  network.input = {2, 1, 2};
  network.layers = {layer("conv", LayerKind::kConvolution, -1, {2, 1, 2}, {1, 1, 2}),
                    layer("relu", LayerKind::kRelu, 0, {1, 1, 2}, {1, 1, 2}),
                    layer("pool", LayerKind::kMaxPool, 1, {1, 1, 2}, {1, 1, 1}),
                    layer("fc", LayerKind::kFullyConnected, 2, {1, 1, 1}, {2, 1, 1}),
                    layer("loss", LayerKind::kSoftmaxCrossEntropy, 3, {2, 1, 1}, {2, 1, 1})};
  network.layers[2].x.kernel = 2;
  DoubleTensors tensors{{"data", {1, 1, 3, 3}}, {"conv.weight", {-1.0 / 3, 0.5}}, {"fc.weight", {1, -1}}};
  DoubleStep step = double_training_step(network, tensors, {0}, DoubleSettings());
  EXPECT_EQ(step.ambiguous, 1);  // which tap
  double dy = std::fabs(step.at("pool.activation_gradient").value[0]);
  EXPECT_GE(step.at("relu.activation_gradient").error(0), dy);
  EXPECT_GE(step.at("relu.activation_gradient").error(1), dy);
  tensors["conv.weight"] = {-1.5, 0.5};
  step = double_training_step(network, tensors, {0}, DoubleSettings());
  EXPECT_EQ(step.ambiguous, 3);  // and whether either passes
  dy = std::fabs(step.at("pool.activation_gradient").value[0]);
  EXPECT_GE(step.at("conv.activation_gradient").error(0), dy);
  const double open = step.at("conv.weight_gradient").shift[0];
  EXPECT_GT(open, 0);
  EXPECT_GE(step.at("conv.weight").error(0), 0.01 * open);  // the learning rate
  tensors["data"] = {1, 0, 3, 4};
  step = double_training_step(network, tensors, {0}, DoubleSettings());
  EXPECT_EQ(step.ambiguous, 1);  // the first pixel's sign; the second is the maximum
  dy = std::fabs(step.at("pool.activation_gradient").value[0]);
  EXPECT_LT(step.at("conv.activation_gradient").error(1), 1e-3 * dy);
}

// Mean 2 and variance 1 of 1 and 3; with an epsilon of 3 the normalised values are -1/2 and 1/2.
TEST(ReferenceDouble, NormalisesAsATextbook) {
  compiler::Network network;
  network.input = {1, 1, 1};
  network.layers = {layer("norm", LayerKind::kBatchNorm, -1, {1, 1, 1}, {1, 1, 1}),
                    layer("fc", LayerKind::kFullyConnected, 0, {1, 1, 1}, {2, 1, 1}),
                    layer("loss", LayerKind::kSoftmaxCrossEntropy, 1, {2, 1, 1}, {2, 1, 1})};
  network.layers[0].bias = true;
  network.layers[0].epsilon = 3;
  network.layers[0].average_momentum = 0.25;
  DoubleSettings settings;
  settings.batch = 2;
  const DoubleTensors tensors{
      {"data", {1, 3}},           {"norm.weight", {2}},           {"norm.bias", {0.5}},
      {"norm.running_mean", {4}}, {"norm.running_variance", {6}}, {"fc.weight", {1, -1}}};
  const DoubleStep step = double_training_step(network, tensors, {1, 0}, settings);
  const auto value = [&](const char* name, std::size_t i = 0) { return step.at(name).value[i]; };
  EXPECT_NEAR(value("norm.activation"), -0.5, 1e-15);
  EXPECT_NEAR(value("norm.activation", 1), 1.5, 1e-15);
  EXPECT_NEAR(value("norm.running_mean"), 3.5, 1e-15);
  EXPECT_NEAR(value("norm.running_variance"), 5, 1e-15);  // 3/4 of 6, 1/4 of that of a sample, 2
  const double dy0 = value("norm.activation_gradient"), dy1 = value("norm.activation_gradient", 1);
  const double g = (dy1 - dy0) / 2;
  EXPECT_NEAR(value("norm.weight_gradient"), g, 1e-15);
  EXPECT_NEAR(value("norm.bias_gradient"), dy0 + dy1, 1e-15);
  EXPECT_NEAR(value("data_gradient"), dy0 - (dy0 + dy1) / 2 + g / 4, 1e-15);
  EXPECT_NEAR(value("data_gradient", 1), dy1 - (dy0 + dy1) / 2 - g / 4, 1e-15);
}

// One fully connected layer, one image, two classes with equal logits: p = 1/2.
class Updates : public ::testing::Test {
 protected:
  Updates() {
    network_.input = {2, 1, 1};
    network_.layers = {layer("fc", LayerKind::kFullyConnected, -1, {2, 1, 1}, {2, 1, 1}),
                       layer("loss", LayerKind::kSoftmaxCrossEntropy, 0, {2, 1, 1}, {2, 1, 1})};
    network_.layers[0].bias = true;
    network_.layers[0].bias_lr = 2;
    network_.layers[0].bias_decay = 0;
    settings_.learning_rate = 0.1;
    settings_.momentum = 0.5;
    settings_.weight_decay = 0.25;
  }
  void step() { step_ = double_training_step(network_, tensors_, {1}, settings_); }
  void near(const std::string& name, const std::vector<double>& expected) {
    ASSERT_EQ(step_.at(name).value.size(), expected.size()) << name;
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(step_.at(name).value[i], expected[i], 1e-14) << name << i;
  }
  compiler::Network network_;
  DoubleSettings settings_;
  DoubleTensors tensors_{{"data", {1, -2}},
                         {"fc.weight", {4, 1, 2, 0}},  // logits 2 + 1 and 2 + 1
                         {"fc.bias", {1, 1}},
                         {"fc.momentum", {1, 0, 0, 0}},
                         {"fc.bias_momentum", {0, 8}}};
  DoubleStep step_;
};
using ReferenceDoubleUpdates = Updates;

TEST_F(ReferenceDoubleUpdates, AreCaffes) {
  step();
  EXPECT_NEAR(step_.mean_loss, std::log(2.0), 1e-15);
  EXPECT_EQ(step_.predictions, std::vector<int>{0});
  near("fc.activation", {3, 3});
  near("fc.activation_gradient", {0.5, -0.5});
  near("data_gradient", {1, 0.5});
  near("fc.weight_gradient", {0.5, -1, -0.5, 1});
  near("fc.bias_gradient", {0.5, -0.5});
  // v = 0.5 v + 0.1 (g + 0.25 w); bias: 0.5 v + 0.2 g.
  near("fc.momentum", {0.65, -0.075, 0, 0.1});
  near("fc.weight", {3.35, 1.075, 2, -0.1});
  near("fc.bias_momentum", {0.1, 3.9});
  near("fc.bias", {0.9, -2.9});
}

TEST_F(ReferenceDoubleUpdates, AreNesterovs) {
  settings_.nesterov = true;
  step();
  near("fc.momentum", {0.65, -0.075, 0, 0.1});
  // 0.5 v + {0.15, -0.075, 0, 0.1}
  near("fc.weight", {3.525, 1.1125, 2, -0.15});
  near("fc.bias_momentum", {0.1, 3.9});
  near("fc.bias", {0.85, -0.85});  // 0.5 v + {0.1, -0.1}
}

TEST_F(ReferenceDoubleUpdates, AreClippedTogether) {
  settings_.clip_norm = std::sqrt(0.75);  // of the root of 3
  step();
  near("fc.weight_gradient", {0.5, -1, -0.5, 1});
  // 0.5 v + 0.1 (g / 2 + 0.25 w)
  near("fc.momentum", {0.625, -0.025, 0.025, 0.05});
  near("fc.bias_momentum", {0.05, 3.95});
  settings_.clip_norm = 1.75;
  step();
  near("fc.momentum", {0.65, -0.075, 0, 0.1});
}

TEST_F(ReferenceDoubleUpdates, AreAdams) {
  settings_.beta1 = 0.5;
  settings_.beta2 = 0.75;
  settings_.epsilon = 0.25;
  settings_.t = 2;  // corrections 0.75 and 0.4375
  tensors_["fc.first_moment"] = {1, 0, 0, 0};
  tensors_["fc.bias_second_moment"] = {1, 0};
  const auto moved = [](double m, double s, double rate) {
    return rate * (m / 0.75) / (std::sqrt(s / 0.4375) + 0.25);
  };
  settings_.optimizer = compiler::OptimizerKind::kAdamW;
  step();
  near("fc.first_moment", {0.75, -0.5, -0.25, 0.5});
  near("fc.second_moment", {0.0625, 0.25, 0.0625, 0.25});
  near("fc.weight", {4 * 0.975 - moved(0.75, 0.0625, 0.1), 0.975 - moved(-0.5, 0.25, 0.1),
                     2 * 0.975 - moved(-0.25, 0.0625, 0.1), -moved(0.5, 0.25, 0.1)});
  near("fc.bias_second_moment", {0.8125, 0.0625});
  near("fc.bias", {1 - moved(0.25, 0.8125, 0.2), 1 - moved(-0.25, 0.0625, 0.2)});
  settings_.optimizer = compiler::OptimizerKind::kAdam;
  step();
  // of g + w / 4: 1.5, -0.75, 0, 1
  near("fc.first_moment", {1.25, -0.375, 0, 0.5});
  near("fc.second_moment", {0.5625, 0.140625, 0, 0.25});
  near("fc.weight",
       {4 - moved(1.25, 0.5625, 0.1), 1 - moved(-0.375, 0.140625, 0.1), 2, -moved(0.5, 0.25, 0.1)});
}

}  // namespace
}  // namespace anzan::reference::double_network_test
