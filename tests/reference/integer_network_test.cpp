// The bit-level step against double precision, where formats are wide.
#include "tests/reference/integer_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/reference/chain.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::reference::integer_network_test {
namespace {

using compiler::Layer;
using compiler::LayerKind;
using compiler::Network;

constexpr std::int64_t kBatch = 5;
constexpr std::uint32_t kNetworks = 100;

std::vector<float> as_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

float target(const Network& network, bool label) {
  const double smoothing = network.layers.back().label_smoothing;
  return static_cast<float>((label ? 1 - smoothing : 0) + smoothing / static_cast<double>(network.classes()));
}

// Gradient of the logits in plain FP32, from the stored logits, written as the chip would have stored it.
void set_logit_gradient(IntegerNetwork& step, const Network& network, const std::vector<int>& labels) {
  const std::vector<float> z = step.tensor(step.activation(network.layers.back().inputs[0])).reals();
  const auto pixels = static_cast<std::size_t>(network.labels_an_image());
  const std::size_t classes = z.size() / labels.size();
  const bool softmax = network.layers.back().kind == compiler::LayerKind::kSoftmaxCrossEntropy;
  std::vector<float> gradient(z.size());
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto at = [&](std::size_t c) { return (n / pixels * classes + c) * pixels + n % pixels; };
    float largest = z[at(0)], sum = 0;
    for (std::size_t c = 0; c < classes; ++c) largest = std::max(largest, z[at(c)]);
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(z[at(c)] - largest);
    for (std::size_t c = 0; c < classes; ++c) {
      const float logit = z[at(c)], label = target(network, static_cast<int>(c) == labels[n]);
      const float difference = softmax ? std::exp(logit - largest) / sum - label
                                       : (logit - label) * (2.0F / static_cast<float>(classes));
      gradient[at(c)] = difference / static_cast<float>(labels.size());
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

// What the step was given, and the masks that it drew.
DoubleTensors with_masks(const RandomStep& given, const IntegerNetwork& step) {
  DoubleTensors tensors = given.tensors;
  for (const auto& [name, mask] : step.masks()) tensors[name] = mask;
  return tensors;
}

// Has windows that meet only padding: their neighbours are equal, so a maximum over them is a tie, and what
// batch normalisation leaves of them is nothing but rounding, of either sign.
bool pads_beyond_kernels(const Network& network) {
  return std::any_of(network.layers.begin(), network.layers.end(), [](const compiler::Layer& l) {
    const auto beyond = [](const compiler::WindowAxis& w) {
      return std::max(w.pad, w.pad_end) >= std::max<std::int64_t>(1, w.kernel);
    };
    return beyond(l.y) || beyond(l.x);
  });
}

TEST(ReferenceInteger, Fp32StaysWithinTheBoundsOfDouble) {
  std::int64_t compared = 0;
  struct Open {
    std::int64_t ambiguous = 0, decisions = 0;
  };
  std::array<Open, 2> open;  // of ordinary networks, and of those that pad beyond their kernels
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
    const DoubleStep reference = double_training_step(network, with_masks(given, step), given.labels, exact);
    Open& o = open[pads_beyond_kernels(network) ? 1 : 0];
    o.ambiguous += reference.ambiguous;
    o.decisions += static_cast<std::int64_t>(reference.decisions.size());
    EXPECT_EQ(step.prediction(), reference.predictions) << "seed " << seed;
    for (const auto& [name, tensor] : step.tensors()) {
      if (name == "data" || name.find("_gradient.") != std::string::npos) continue;
      if (step.name_in_double(name).empty()) continue;
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
  EXPECT_EQ(largest_share.size(), 10U);
  for (const auto& [kind, share] : largest_share)
    EXPECT_GT(share, 0.02) << kind << ": the bounds are too wide";
  EXPECT_LT(open[0].ambiguous, open[0].decisions / 1000) << "of " << open[0].decisions;
  EXPECT_LT(open[1].ambiguous, open[1].decisions / 50) << "of " << open[1].decisions;
}

// Where terms of a sum cancel, its roundings are as large as those of FP32, times the ratio of the units.
double relative_distance(const StoredTensor& tensor, const Values& expected) {
  double distance = 0, norm = 0;
  for (std::size_t i = 0; i < expected.value.size(); ++i) {
    const double d = tensor.real(static_cast<std::int64_t>(i)) - expected.value[i];
    const double roundings = 0x1p9 * expected.deviation[i];
    distance += d * d;
    norm += std::max(expected.value[i] * expected.value[i], 50 * 50 * roundings * roundings);
  }
  return norm == 0 ? std::sqrt(distance) : std::sqrt(distance / norm);
}

TEST(ReferenceInteger, WideIntegersApproachDouble) {
  std::size_t compared = 0;
  std::vector<std::string> far;  // seed and tensor
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    const Network network = random_network(seed);
    const RandomStep given = random_step(network, kBatch, seed);
    StepSettings settings;
    settings.batch = kBatch;
    settings.seed = seed;
    TensorFormat format;
    format.format = Format::kInt16;
    format.width = 16;
    format.rounding = seed % 2 == 0 ? Rounding::kStochastic : Rounding::kNearestEven;
    IntegerNetwork::Formats formats = uniform_formats(network, format);
    DoubleSettings exact;
    exact.batch = kBatch;
    const DoubleStep reference = double_training_step(
        network, with_masks(given, IntegerNetwork(network, formats, settings)), given.labels, exact);
    for (auto& [name, f] : formats) {
      std::string base =
          name.substr(0, name.find("_gradient.") == std::string::npos ? name.size() : name.rfind('.'));
      const auto given_values = given.tensors.find(base);
      const bool known = reference.tensors.count(base) != 0;
      const int before = given_values != given.tensors.end() ? finest_point(given_values->second, 15) : 0;
      f.q_write = known ? finest_point(reference.at(base).value, 15) : before;
      f.q_read = given_values != given.tensors.end() ? before : f.q_write;
    }
    const IntegerNetwork step = run_step(network, given, formats, settings);
    for (const auto& [name, tensor] : step.tensors()) {
      if (name == "data" || name.find("_gradient.") != std::string::npos) continue;
      if (step.name_in_double(name).empty()) continue;
      const Values& expected = reference.at(step.name_in_double(name));
      if (relative_distance(tensor, expected) > 0.02) far.push_back(std::to_string(seed) + " " + name);
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
  EXPECT_LT(far.size(), compared / 50) << ::testing::PrintToString(far);
}

double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// Through five layers and sums of up to 1152 products, FP32 and the bounds stay near rounding.
TEST(ReferenceInteger, BoundsStayTightThroughLeNet) {
  Chain lenet({1, 28, 28});
  Layer& conv1 = lenet.add("conv1", LayerKind::kConvolution, {20, 24, 24});
  conv1.y.kernel = conv1.x.kernel = 5;
  Layer& pool1 = lenet.add("pool1", LayerKind::kMaxPool, {20, 12, 12});
  pool1.y.kernel = pool1.x.kernel = pool1.y.stride = pool1.x.stride = 2;
  Layer& conv2 = lenet.add("conv2", LayerKind::kConvolution, {50, 8, 8});
  conv2.y.kernel = conv2.x.kernel = 5;
  Layer& pool2 = lenet.add("pool2", LayerKind::kMaxPool, {50, 4, 4});
  pool2.y.kernel = pool2.x.kernel = pool2.y.stride = pool2.x.stride = 2;
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

}  // namespace
}  // namespace anzan::reference::integer_network_test
