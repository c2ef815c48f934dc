// The bit-level step: against double precision where formats are wide, and by hand where order, names
// and sharing matter.
#include "tests/reference/integer_network.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/reference/random_network.hpp"

namespace anzan::reference {
namespace {

using compiler::Layer;
using compiler::LayerKind;
using compiler::Network;

constexpr std::int64_t kBatch = 5;
constexpr std::uint32_t kNetworks = 100;

std::vector<float> as_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

// Gradient of the logits in plain FP32, from the stored logits, written as the chip would have stored it.
void set_logit_gradient(IntegerNetwork& step, const Network& network, const std::vector<int>& labels) {
  const std::vector<float> z = step.tensor(step.activation(network.layers.back().inputs[0])).reals();
  const std::size_t classes = z.size() / labels.size();
  std::vector<float> gradient(z.size());
  for (std::size_t n = 0; n < labels.size(); ++n) {
    float largest = z[n * classes], sum = 0;
    for (std::size_t c = 0; c < classes; ++c) largest = std::max(largest, z[n * classes + c]);
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(z[n * classes + c] - largest);
    for (std::size_t c = 0; c < classes; ++c) {
      const float p = std::exp(z[n * classes + c] - largest) / sum;
      gradient[n * classes + c] =
          (p - (static_cast<int>(c) == labels[n] ? 1.0F : 0.0F)) / static_cast<float>(labels.size());
    }
  }
  step.set_values(step.logit_gradient(), gradient);
}

IntegerNetwork run_step(const Network& network, const RandomStep& given,
                        const IntegerNetwork::Formats& formats, const StepSettings& settings) {
  IntegerNetwork step(network, formats, settings);
  for (const std::string& name : step.inputs()) step.set_values(name, as_floats(given.tensors.at(name)));
  step.forward();
  set_logit_gradient(step, network, given.labels);
  step.backward();
  step.update();
  return step;
}

TEST(ReferenceInteger, Fp32StaysWithinTheBoundsOfDouble) {
  std::int64_t compared = 0, ambiguous = 0, decisions = 0;
  std::map<std::string, double> largest_share;  // of error in bound, by kind of tensor
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    const Network network = random_network(seed);
    const RandomStep given = random_step(network, kBatch, seed);
    StepSettings settings;
    settings.batch = kBatch;
    settings.lanes = 4;
    const IntegerNetwork step = run_step(network, given, uniform_formats(network, TensorFormat()), settings);
    DoubleSettings exact;
    exact.batch = kBatch;
    const DoubleStep reference = double_training_step(network, given.tensors, given.labels, exact);
    ambiguous += reference.ambiguous;
    decisions += static_cast<std::int64_t>(reference.decisions.size());
    EXPECT_EQ(step.prediction(), reference.predictions) << "seed " << seed;
    for (const auto& [name, tensor] : step.tensors()) {
      if (name == "data" || name.find("_gradient.") != std::string::npos) continue;
      const std::string kind = name.substr(name.rfind('.'));
      const Values& expected = reference.at(step.name_in_double(name));
      ASSERT_EQ(tensor.stored.size(), expected.value.size()) << "seed " << seed << " " << name;
      for (std::size_t i = 0; i < expected.value.size(); ++i) {
        const double error = std::fabs(tensor.real(static_cast<std::int64_t>(i)) - expected.value[i]);
        ASSERT_LE(error, expected.error(i))
            << "seed " << seed << " " << name << "[" << i << "] of " << expected.value[i] << "\n"
            << network_json(network);
        if (error > 0) largest_share[kind] = std::max(largest_share[kind], error / expected.error(i));
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 100000);
  EXPECT_EQ(largest_share.size(), 8U);
  for (const auto& [kind, share] : largest_share)
    EXPECT_GT(share, 0.02) << kind << ": the bounds are too wide";
  EXPECT_LT(ambiguous, decisions / 1000) << "of " << decisions;
}

double relative_distance(const StoredTensor& tensor, const std::vector<double>& expected) {
  double distance = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = tensor.real(static_cast<std::int64_t>(i)) - expected[i];
    distance += d * d;
    norm += expected[i] * expected[i];
  }
  return norm == 0 ? std::sqrt(distance) : std::sqrt(distance / norm);
}

TEST(ReferenceInteger, WideIntegersApproachDouble) {
  std::size_t compared = 0;
  std::vector<std::string> far;  // seed and tensor
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    const Network network = random_network(seed);
    const RandomStep given = random_step(network, kBatch, seed);
    DoubleSettings exact;
    exact.batch = kBatch;
    const DoubleStep reference = double_training_step(network, given.tensors, given.labels, exact);
    TensorFormat format;
    format.format = Format::kInt16;
    format.width = 16;
    format.rounding = seed % 2 == 0 ? Rounding::kStochastic : Rounding::kNearestEven;
    IntegerNetwork::Formats formats = uniform_formats(network, format);
    for (auto& [name, f] : formats) {
      std::string base =
          name.substr(0, name.find("_gradient.") == std::string::npos ? name.size() : name.rfind('.'));
      const auto given_values = given.tensors.find(base);
      const bool known = reference.tensors.count(base) != 0;
      const int before = given_values != given.tensors.end() ? finest_point(given_values->second, 15) : 0;
      f.q_write = known ? finest_point(reference.at(base).value, 15) : before;
      f.q_read = given_values != given.tensors.end() ? before : f.q_write;
    }
    StepSettings settings;
    settings.batch = kBatch;
    settings.seed = seed;
    const IntegerNetwork step = run_step(network, given, formats, settings);
    for (const auto& [name, tensor] : step.tensors()) {
      if (name == "data" || name.find("_gradient.") != std::string::npos) continue;
      const Values& expected = reference.at(step.name_in_double(name));
      if (relative_distance(tensor, expected.value) > 0.02) far.push_back(std::to_string(seed) + " " + name);
      ++compared;
      const Statistics s = step.statistics(name);
      if (s.values == 0) continue;
      std::int64_t counted = s.zeros;
      for (const std::uint32_t bin : s.histogram) counted += bin;
      EXPECT_EQ(counted, s.values) << name;
      EXPECT_EQ(s.values, tensor.stored.size()) << name;
    }
  }
  EXPECT_GT(compared, 500U);
  // A maximum that two taps reach within an integer step may route its gradient otherwise.
  EXPECT_LT(far.size(), compared / 50) << testing::PrintToString(far);
}

class Chain {
 public:
  explicit Chain(compiler::Shape input) { network.input = input; }
  Layer& add(const std::string& name, LayerKind kind, compiler::Shape out, std::vector<int> inputs = {}) {
    Layer l;
    l.name = name;
    l.kind = kind;
    l.inputs = inputs.empty() ? std::vector<int>{static_cast<int>(network.layers.size()) - 1} : inputs;
    l.in = l.inputs[0] < 0 ? network.input : network.layers[static_cast<std::size_t>(l.inputs[0])].out;
    l.out = out;
    if (kind == LayerKind::kFullyConnected) {
      l.kernel_h = l.in.height;
      l.kernel_w = l.in.width;
    }
    network.layers.push_back(l);
    return network.layers.back();
  }
  Network network;
};

double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// Through five layers and sums of up to 1152 products, FP32 and the bounds stay near rounding.
TEST(ReferenceInteger, BoundsStayTightThroughLeNet) {
  Chain lenet({1, 28, 28});
  Layer& conv1 = lenet.add("conv1", LayerKind::kConvolution, {20, 24, 24});
  conv1.kernel_h = conv1.kernel_w = 5;
  Layer& pool1 = lenet.add("pool1", LayerKind::kMaxPool, {20, 12, 12});
  pool1.kernel_h = pool1.kernel_w = pool1.stride_h = pool1.stride_w = 2;
  Layer& conv2 = lenet.add("conv2", LayerKind::kConvolution, {50, 8, 8});
  conv2.kernel_h = conv2.kernel_w = 5;
  Layer& pool2 = lenet.add("pool2", LayerKind::kMaxPool, {50, 4, 4});
  pool2.kernel_h = pool2.kernel_w = pool2.stride_h = pool2.stride_w = 2;
  lenet.add("fc1", LayerKind::kFullyConnected, {500, 1, 1});
  lenet.add("relu1", LayerKind::kRelu, {500, 1, 1});
  lenet.add("fc2", LayerKind::kFullyConnected, {10, 1, 1});
  lenet.add("loss", LayerKind::kSoftmaxCrossEntropy, {10, 1, 1});
  StepSettings settings;
  settings.batch = 2;
  DoubleSettings exact;
  exact.batch = settings.batch;
  const RandomStep given = random_step(lenet.network, settings.batch, 1);
  const IntegerNetwork step =
      run_step(lenet.network, given, uniform_formats(lenet.network, TensorFormat()), settings);
  const DoubleStep reference = double_training_step(lenet.network, given.tensors, given.labels, exact);
  EXPECT_EQ(reference.ambiguous, 0);
  for (const auto& [name, tensor] : step.tensors()) {
    if (name == "data") continue;
    const Values& expected = reference.at(step.name_in_double(name));
    const double size = root_mean_square(expected.value);
    for (std::size_t i = 0; i < expected.value.size(); ++i) {
      ASSERT_LE(std::fabs(tensor.real(static_cast<std::int64_t>(i)) - expected.value[i]), expected.error(i))
          << name;
      ASSERT_LE(expected.error(i), 1e-3 * size) << name << "[" << i << "]";
    }
  }
}

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
    conv.kernel_w = 2;
    conv.pad_w = 1;
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
  conv.kernel_w = 2;
  conv.pad_w = 1;
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
  pool.kernel_w = 3;
  pool.stride_w = 2;
  pool.pad_w = 2;
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
}  // namespace anzan::reference
