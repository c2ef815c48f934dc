// The bit-level step by hand, where order, names and sharing matter.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/reference/chain.hpp"
#include "tests/reference/integer_network.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::reference::integer_rules_test {
namespace {

using compiler::Layer;
using compiler::LayerKind;
using compiler::Network;

// A fully connected layer behind a flatten adds by (y, x, channel), but by (channel, y, x) where data has
// so few channels that they are gathered: 2^24 + 1 - 2^24 + 1 is 1.
TEST(ReferenceInteger, Fp32AddsInCanonicalOrder) {
  for (const std::int64_t channels : {2, 3, 4}) {
    Chain chain({channels, 1, 2});
    chain.add("flat", LayerKind::kFlatten, {2 * channels, 1, 1});
    chain.add("fc", LayerKind::kFullyConnected, {1, 1, 1});
    chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {1, 1, 1});
    StepSettings settings;
    settings.batch = 4;
    settings.lanes = 2;
    settings.weight_decay = 0;
    IntegerNetwork step(chain.network, uniform_formats(chain.network, TensorFormat()), settings);
    const auto inputs = static_cast<std::size_t>(2 * channels);
    // Image 0, channel-major: (2^24, 1), (-2^24, 1), then zeros.
    std::vector<float> data(4 * inputs, 0.0F);
    data[0] = 0x1p24F;
    data[1] = 1;
    data[2] = -0x1p24F;
    data[3] = 1;
    step.set_values("data", data);
    step.set_values("fc.weight", std::vector<float>(inputs, 1.0F));
    step.set_values("fc.momentum", std::vector<float>(inputs, 0.0F));
    step.forward();
    EXPECT_EQ(step.tensor("fc.activation").real(0), channels < 4 ? 1.0F : 2.0F) << channels;
    EXPECT_EQ(step.prediction(), (std::vector<int>{0, 0, 0, 0}));
  }
}

// Only a gathered convolution adds the zeros of padding, which is seen where the sum is -0.
TEST(ReferenceInteger, Fp32GathersPaddingAsZeros) {
  for (const std::int64_t channels : {1, 4}) {
    Chain chain({channels, 1, 1});
    Layer& conv = chain.add("conv", LayerKind::kConvolution, {1, 1, 2});
    conv.x.kernel = 2;
    conv.x.pad = 1;
    conv.bias = true;
    chain.add("flat", LayerKind::kFlatten, {2, 1, 1});
    chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {2, 1, 1});
    IntegerNetwork step(chain.network, uniform_formats(chain.network, TensorFormat()), StepSettings());
    const auto inputs = static_cast<std::size_t>(channels);
    step.set_values("data", std::vector<float>(inputs, -0.0F));
    step.set_values("conv.weight", std::vector<float>(2 * inputs, 1.0F));
    step.set_values("conv.bias", {-0.0F});
    step.forward();
    EXPECT_EQ(std::signbit(step.tensor("conv.activation").real(0)), channels == 4) << channels;
  }
}

// Weights: pixels outside images of one group of lanes; groups outermost.
TEST(ReferenceInteger, Fp32WeightGradientsAddByGroupPixelImage) {
  Chain chain({1, 1, 2});
  Layer& conv = chain.add("conv", LayerKind::kConvolution, {1, 1, 2});
  conv.bias = true;
  chain.add("flat", LayerKind::kFlatten, {2, 1, 1});
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {2, 1, 1});
  StepSettings settings;
  settings.batch = 4;
  settings.lanes = 2;
  IntegerNetwork step(chain.network, uniform_formats(chain.network, TensorFormat()), settings);
  step.set_values("data", std::vector<float>(8, 1.0F));
  step.set_values("conv.weight", {1});
  step.set_values("conv.bias", {0});
  step.set_values("conv.momentum", {0});
  step.set_values("conv.bias_momentum", {0});
  step.forward();
  // In order: images 0, 1 at x = 0, then at x = 1; then images 2, 3. By image: 2^24 + 1 = 2^24, ...
  step.set_values("conv.activation_gradient", {0x1p24F, 1, -0x1p24F, 1, 0x1p24F, 1, -0x1p24F, 0});
  step.backward();
  // (2^24 - 2^24) + 1 + 1 = 2; 2 + 2^24 - 2^24 = 2; + 1 + 0 = 3. Images outermost: 1, then 2^24 and 0, 0.
  EXPECT_EQ(step.tensor("conv.weight_gradient").real(0), 3.0F);
  EXPECT_EQ(step.tensor("conv.bias_gradient").real(0), 3.0F);
}

// Data: taps outside output channels.
TEST(ReferenceInteger, Fp32DataGradientsAddByTapChannel) {
  Chain chain({1, 1, 2});
  Layer& first = chain.add("first", LayerKind::kConvolution, {1, 1, 2});
  first.bias = false;
  Layer& conv = chain.add("conv", LayerKind::kConvolution, {2, 1, 3});
  conv.x.kernel = 2;
  conv.x.pad = 1;
  chain.add("flat", LayerKind::kFlatten, {6, 1, 1});
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {6, 1, 1});
  IntegerNetwork step(chain.network, uniform_formats(chain.network, TensorFormat()), StepSettings());
  step.set_values("data", {1, 1});
  step.set_values("first.weight", {1});
  step.set_values("first.momentum", {0});
  step.set_values("conv.weight", {1, 1, 1, 1});
  step.set_values("conv.momentum", {0, 0, 0, 0});
  step.forward();
  // Input 0 is seen by tap 0 at output 1 and tap 1 at output 0: (oc0, 1), (oc1, 1), (oc0, 0), (oc1, 0).
  step.set_values("conv.activation_gradient", {1, 0x1p24F, 0, 1, -0x1p24F, 0});
  step.backward();
  EXPECT_EQ(step.tensor("first.activation_gradient").real(0), 2.0F);
}

// A lane adds up pieces of 32 pixels of its images, first by pixels; then lanes are added up: 2^24 loses the
// ones of its own piece and of the same piece of the lane's other image, not that of their second pieces.
TEST(ReferenceInteger, Fp32ChannelSumsAddByPieceImageLane) {
  Chain chain({1, 1, 33});
  Layer& norm = chain.add("norm", LayerKind::kBatchNorm, {1, 1, 33});
  norm.average_momentum = 1;
  chain.add("fc", LayerKind::kFullyConnected, {1, 1, 1});
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {1, 1, 1});
  StepSettings settings;
  settings.batch = 4;
  settings.lanes = 2;
  IntegerNetwork step(chain.network, uniform_formats(chain.network, TensorFormat()), settings);
  std::vector<float> data(4 * 33, 0.0F);
  data[0] = 0x1p24F;  // image 0, of lane 0
  data[1] = 1;
  data[32] = -0x1p24F;
  data[33] = 2;      // image 1, of lane 1
  data[2 * 33] = 1;  // image 2, of lane 0
  data[2 * 33 + 32] = 1;
  step.set_values("data", data);
  step.set_values("fc.weight", std::vector<float>(33, 1.0F));
  step.set_values("fc.momentum", std::vector<float>(33, 0.0F));
  step.set_values("norm.weight", {1});
  for (const char* zero : {"norm.momentum", "norm.running_mean", "norm.running_variance"})
    step.set_values(zero, {0});
  step.forward();
  step.set_values(step.logit_gradient(), std::vector<float>(4, 0.0F));
  step.backward();
  step.update();
  EXPECT_EQ(step.tensor("norm.running_mean").real(0), 3 * static_cast<float>(1.0 / (4 * 33)));
}

// int8 by hand: fused ReLU, bias at the accumulator's point, masks, a separate master copy.
TEST(ReferenceInteger, Int8StepByHand) {
  Chain chain({2, 1, 1});
  chain.add("fc", LayerKind::kFullyConnected, {2, 1, 1}).bias = true;
  chain.add("relu", LayerKind::kRelu, {2, 1, 1});
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {2, 1, 1});
  TensorFormat int8;
  int8.format = Format::kInt8;
  int8.width = 8;
  IntegerNetwork::Formats formats = uniform_formats(chain.network, int8);
  formats["data"].q_read = 1;
  formats["fc.weight"].q_read = 2;
  formats["fc.weight"].q_write = 1;
  formats["relu.activation"].q_write = 1;
  formats["relu.activation_gradient"].q_write = 3;
  formats["fc.weight_gradient"].q_write = 2;
  formats["fc.master_weight"] = TensorFormat();
  formats["fc.master_weight"].format = Format::kInt16;
  formats["fc.master_weight"].q_read = formats["fc.master_weight"].q_write = 4;
  formats["fc.momentum"].q_write = 3;
  StepSettings settings;
  settings.learning_rate = 0.5;
  settings.momentum = 0.5;
  settings.weight_decay = 0.25;
  IntegerNetwork step(chain.network, formats, settings);
  EXPECT_EQ(step.activation(0), "relu.activation");
  EXPECT_EQ(step.inputs(), (std::vector<std::string>{"data", "fc.weight", "fc.momentum", "fc.master_weight",
                                                     "fc.bias", "fc.bias_momentum"}));
  step.set("data", {3, -2});             // 1.5, -1
  step.set("fc.weight", {5, 1, -4, 2});  // 1.25, 0.25; -1, 0.5
  step.set("fc.master_weight", {20, 5, -16, 8});
  step.set("fc.momentum", {2, 0, 0, 0});  // at q_read 0
  step.set("fc.bias", {1, 1});
  step.set("fc.bias_momentum", {0, 0});
  step.forward();
  // 1 + 1.875 - 0.25 = 2.625 -> 5.25 -> 5; 1 - 1.5 - 0.5 < 0.
  EXPECT_EQ(step.tensor("relu.activation").stored, (std::vector<std::int32_t>{5, 0}));
  EXPECT_EQ(step.statistics("relu.activation").zeros, 1U);
  EXPECT_THROW(step.tensor("fc.activation"), std::invalid_argument);
  step.set("relu.activation_gradient", {4, 7});  // 0.5, masked
  step.backward();
  EXPECT_EQ(step.tensor("relu.activation_gradient").stored, (std::vector<std::int32_t>{4, 0}));
  EXPECT_EQ(step.tensor("fc.weight_gradient").stored,
            (std::vector<std::int32_t>{3, -2, 0, 0}));                                   // 0.75, -0.5
  EXPECT_EQ(step.tensor("fc.bias_gradient").stored, (std::vector<std::int32_t>{0, 0}));  // 0.5 to even
  EXPECT_EQ(step.statistics("fc.bias_gradient").underflows, 1U);
  step.update();
  // g + w/4: 0.75 + 0.3125 = 1.0625; -0.5 + 0.078125 = -0.421875; -0.25; 0.125. Halved, plus v/2 = 1:
  // 1.53125, -0.2109375, -0.125, 0.0625; times 8: 12.25, -1.6875, -1, 0.5.
  EXPECT_EQ(step.tensor("fc.momentum").stored, (std::vector<std::int32_t>{12, -2, -1, 0}));
  // 1.25 - 1.53125 = -0.28125, 0.5234375, -0.875, 0.4375: from what was not rounded yet.
  EXPECT_EQ(step.tensor("fc.master_weight").stored, (std::vector<std::int32_t>{-4, 8, -14, 7}));
  EXPECT_EQ(step.tensor("fc.weight").stored, (std::vector<std::int32_t>{-1, 1, -2, 1}));
  // Bias: decay 0.25 of 1, halved: 0.125 -> 0.
  EXPECT_EQ(step.tensor("fc.bias").stored, (std::vector<std::int32_t>{1, 1}));
}

// data -> a; a -> b; a + b -> sum -> relu -> a has two consumers, whose contributions are stored.
TEST(ReferenceInteger, SeveralConsumersAddInBackwardOrder) {
  Chain chain({1, 1, 1});
  chain.add("a", LayerKind::kConvolution, {2, 1, 1});
  chain.add("b", LayerKind::kConvolution, {2, 1, 1}).groups = 2;
  chain.add("c", LayerKind::kRelu, {2, 1, 1}, {0});
  chain.add("sum", LayerKind::kAdd, {2, 1, 1}, {1, 2});
  chain.add("out", LayerKind::kRelu, {2, 1, 1});
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {2, 1, 1});
  TensorFormat int8;
  int8.format = Format::kInt8;
  int8.width = 8;
  IntegerNetwork::Formats formats = uniform_formats(chain.network, int8);
  formats["a.activation_gradient.1"].q_write = -1;  // loses the last bit
  IntegerNetwork step(chain.network, formats, StepSettings());
  for (const std::string& name : step.inputs())
    step.set_values(name, std::vector<float>(name == "data" ? 1 : 2, 1));
  step.set("data", {3});
  step.set("a.weight", {2, -2});
  step.set("b.weight", {3, -4});
  step.forward();
  EXPECT_EQ(step.tensor("a.activation").stored, (std::vector<std::int32_t>{6, -6}));
  EXPECT_EQ(step.tensor("c.activation").stored, (std::vector<std::int32_t>{6, 0}));
  EXPECT_EQ(step.statistics("c.activation").values, 0U);  // a selection
  EXPECT_EQ(step.tensor("b.activation").stored, (std::vector<std::int32_t>{18, 24}));
  EXPECT_EQ(step.tensor("out.activation").stored, (std::vector<std::int32_t>{24, 24}));
  step.set("out.activation_gradient", {7, 5});
  step.backward();
  EXPECT_EQ(step.tensor("c.activation_gradient").stored, (std::vector<std::int32_t>{7, 5}));
  EXPECT_EQ(step.tensor("a.activation_gradient.1").stored,
            (std::vector<std::int32_t>{4, 0}));  // 3.5 to 4, times 2
  EXPECT_EQ(step.tensor("a.activation_gradient.2").stored, (std::vector<std::int32_t>{21, -20}));
  EXPECT_EQ(step.tensor("a.activation_gradient").stored, (std::vector<std::int32_t>{29, -20}));
  EXPECT_EQ(step.tensor("a.weight_gradient").stored, (std::vector<std::int32_t>{87, -60}));
}

// Behind a flatten a ReLU stands alone: a selection from the convolution's tensor.
TEST(ReferenceInteger, FlattenKeepsReluApart) {
  Chain chain({1, 1, 2});
  chain.add("conv", LayerKind::kConvolution, {1, 1, 2});
  chain.add("flat", LayerKind::kFlatten, {2, 1, 1});
  chain.add("relu", LayerKind::kRelu, {2, 1, 1});
  chain.add("fc", LayerKind::kFullyConnected, {2, 1, 1});
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {2, 1, 1});
  const IntegerNetwork step(chain.network, uniform_formats(chain.network, TensorFormat()), StepSettings());
  EXPECT_EQ(step.activation(0), "conv.activation");
  EXPECT_EQ(step.activation(1), "conv.activation");
  EXPECT_EQ(step.activation(2), "relu.activation");
  EXPECT_EQ(step.logit_gradient(), "fc.activation_gradient");
}

// Overlapping windows: the first maximum takes the gradient, each window adds its own.
TEST(ReferenceInteger, MaxPoolRoutesToTheFirstMaximum) {
  Chain chain({1, 1, 4});
  chain.add("a", LayerKind::kConvolution, {1, 1, 4});
  Layer& pool = chain.add("pool", LayerKind::kMaxPool, {1, 1, 3});
  pool.x.kernel = 3;
  pool.x.stride = 2;
  pool.x.pad = 2;
  chain.add("flat", LayerKind::kFlatten, {3, 1, 1});
  chain.add("loss", LayerKind::kSoftmaxCrossEntropy, {3, 1, 1});
  TensorFormat int8;
  int8.format = Format::kInt8;
  int8.width = 8;
  IntegerNetwork step(chain.network, uniform_formats(chain.network, int8), StepSettings());
  step.set("data", {-5, -3, -3, -3});
  step.set("a.weight", {1});
  step.set("a.momentum", {0});
  step.forward();
  EXPECT_EQ(step.tensor("pool.activation").stored, (std::vector<std::int32_t>{-5, -3, -3}));
  EXPECT_THROW(step.set("pool.activation", {0, 0, 0}), std::invalid_argument);
  step.set("pool.activation_gradient", {10, 20, 40});
  step.backward();
  EXPECT_EQ(step.tensor("a.activation_gradient").stored, (std::vector<std::int32_t>{10, 20, 40, 0}));
}

}  // namespace
}  // namespace anzan::reference::integer_rules_test
