// Memory as articles count it, against figures that were computed apart from this code; and what holds for
// every network.
#include "compiler/memory/counting.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/reference/random_network.hpp"

namespace anzan::compiler::counting_test {
namespace {

Network shipped(const std::string& name) {
  std::ifstream file(std::string(ANZAN_SOURCE_DIR "/workloads/networks/") + name + ".json");
  return parse_network(nlohmann::json::parse(file));
}

struct Figures {
  const char* network;
  std::int64_t batch;
  double conventional, shared_gradients, smaller_first;  // MB of 10^6 bytes, FP32
};

TEST(CountedMemory, IsThatOfTheArticle) {
  constexpr Figures kFigures[] = {
      {"vgg16", 8, 2077.3, 1452.1, 1053.7},
      {"vgg16", 64, 8870.0, 4865.3, 4470.1},
      {"vgg19", 64, 9580.4, 5220.5, 4825.3},
  };
  for (const Figures& f : kFigures) {
    const CountedMemory m = count_memory(shipped(f.network), f.batch, 4);
    EXPECT_NEAR(static_cast<double>(m.conventional) * 1e-6, f.conventional, 0.05) << f.network;
    EXPECT_NEAR(static_cast<double>(m.shared_gradients) * 1e-6, f.shared_gradients, 0.05) << f.network;
    EXPECT_NEAR(static_cast<double>(m.smaller_first) * 1e-6, f.smaller_first, 0.05) << f.network;
  }
}

// By hand: data 48, a convolution without bias of 24 weights to 8 x 4 x 4 values in place through a ReLU,
// pooled to 8 x 2 x 2, then 32 x 10 weights and 10 biases to 10 values; 2 images of 2 bytes a value.
TEST(CountedMemory, OfASmallNetworkByHand) {
  const Network network = parse_network(nlohmann::json::parse(R"({
    "name": "small", "input": {"channels": 3, "height": 4, "width": 4},
    "layers": [
      {"name": "conv", "type": "convolution", "channels": 8, "kernel": 1, "bias": false},
      {"name": "relu", "type": "relu"},
      {"name": "pool", "type": "max_pool", "kernel": 2, "stride": 2},
      {"name": "fc", "type": "fully_connected", "channels": 10},
      {"name": "loss", "type": "softmax_cross_entropy"}]})"));
  const CountedMemory m = count_memory(network, 2, 2);
  const std::int64_t weights = 2 * (24 + 330), data = 4 * 48, outputs = 4 * (128 + 32 + 10);
  EXPECT_EQ(m.weights, weights);
  EXPECT_EQ(m.activations, data + outputs);
  EXPECT_EQ(m.conventional, 2 * weights + data + 2 * outputs);
  EXPECT_EQ(m.shared_gradients, weights + 2 * 330 + data + outputs);
  // of fc the gradient of its input, 4 x 32, is the smaller one
  EXPECT_EQ(m.smaller_first, weights + data + outputs + 4 * 32);
}

TEST(CountedMemory, EachTechniqueNeedsNoMoreThanTheOneBefore) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    const Network network = reference::random_network(seed);
    for (const std::int64_t batch : {1, 64}) {
      const CountedMemory m = count_memory(network, batch, 4);
      EXPECT_GE(m.conventional, m.shared_gradients) << seed;
      EXPECT_GE(m.shared_gradients, m.weights + m.activations) << seed;
      EXPECT_GE(m.smaller_first, m.weights + m.activations) << seed;
    }
  }
}

}  // namespace
}  // namespace anzan::compiler::counting_test
