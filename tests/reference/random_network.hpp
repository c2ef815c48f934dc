// Small legal networks drawn from a seed, and seeded data for one training step on them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "tests/reference/double_network.hpp"
#include "tests/reference/integer_network.hpp"

namespace anzan::reference {

struct RandomNetworkLimits {
  int blocks = 4;                           // most blocks (layer, or residual block) before the classifier
  std::int64_t size = 9;                    // greatest height and width of the input
  std::int64_t channels = 21;               // most channels of a layer
  std::int64_t products_an_image = 150000;  // most multiplications forward
  bool batch_norms = true;
};

// Covers every layer kind, strides 1 to 3, padding (of convolutions up to far beyond the kernel), kernels and
// images that are not square, groups, channel counts that are no multiples of 4 or 16, several consumers of a
// tensor, fused and lone ReLUs, layers with and without bias, all multipliers. The same seed gives the same
// network everywhere.
compiler::Network random_network(std::uint32_t seed, const RandomNetworkLimits& limits = {});

// The network as the text that compiler::parse_network reads.
std::string network_json(const compiler::Network& network);

// Data, labels (of each pixel of the logits, image by image), parameters, momenta and masks of dropouts of
// one step; every value is an FP32 value of moderate size.
struct RandomStep {
  DoubleTensors tensors;
  std::vector<int> labels;
};
RandomStep random_step(const compiler::Network& network, std::int64_t batch, std::uint32_t seed);

// One format for every tensor of the network, slots numbered from 0 in the order of names; no masters.
IntegerNetwork::Formats uniform_formats(const compiler::Network& network, const TensorFormat& format);

// The finest binary point at which `width` bits hold all the values.
int finest_point(const std::vector<double>& values, int width);

}  // namespace anzan::reference
