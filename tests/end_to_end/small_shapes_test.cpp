// Every small window: kernel, stride, padding and size of each axis, of convolutions and pools, first in the
// network or not, in every format. Each is trained for a step and compared with the bit-level reference:
// forward, both gradients, update, statistics. A share of the pairs of axes is tried always, all of them by
// scripts/campaigns.sh.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "tests/campaign.hpp"
#include "tests/end_to_end/training_step.hpp"

namespace anzan::testing::small_shapes_test {
namespace {

using compiler::Layer;
using compiler::LayerKind;

struct SmallAxis {
  std::int64_t kernel, stride, padding, size;
  std::int64_t positions() const { return (size + 2 * padding - kernel) / stride + 1; }
};

// Padding of convolutions goes on where windows meet nothing else, and far beyond; pools have less than their
// kernel.
std::vector<SmallAxis> small_axes(bool pool) {
  std::vector<SmallAxis> all;
  for (std::int64_t kernel = 1; kernel <= 3; ++kernel) {
    for (std::int64_t stride = 1; stride <= 4; ++stride) {
      for (std::int64_t size = 1; size <= 5; ++size) {
        for (std::int64_t padding = 0; padding <= (pool ? kernel - 1 : kernel + 3); ++padding) {
          const std::int64_t far = padding == kernel + 3 ? 11 : padding;
          if (size + 2 * far >= kernel) all.push_back({kernel, stride, far, size});
        }
      }
    }
  }
  return all;
}

int drawn(std::mt19937& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<std::uint32_t>(high - low + 1));
}

class Shapes {
 public:
  explicit Shapes(LayerKind kind) : kind_(kind), axes_(small_axes(kind != LayerKind::kConvolution)) {}

  std::int64_t pairs() const { return static_cast<std::int64_t>(axes_.size() * axes_.size()); }
  std::int64_t run() const { return run_; }
  std::int64_t elements() const { return elements_; }
  std::int64_t tight() const { return tight_; }

  // The rest of the case is drawn by the number of the pair.
  void try_pair(std::int64_t number) {
    const auto n = static_cast<std::int64_t>(axes_.size());
    const SmallAxis &y = axes_[static_cast<std::size_t>(number / n)],
                    &x = axes_[static_cast<std::size_t>(number % n)];
    std::mt19937 random(static_cast<std::uint32_t>(number) * 3 + static_cast<std::uint32_t>(kind_));
    try_network(network(y, x, random), static_cast<std::uint32_t>(number), random);
  }

  // A first layer of few channels and a kernel of which the least scratchpad holds a few rows; every other
  // one is fully connected.
  void try_large_kernel(std::uint32_t seed) {
    std::mt19937 random(seed);
    compiler::Network net;
    net.name = "large_kernel";
    const auto axis = [&] {
      const std::int64_t kernel = drawn(random, 5, 14);
      return SmallAxis{kernel, drawn(random, 1, 3), drawn(random, 0, 2), kernel + drawn(random, 0, 3)};
    };
    const SmallAxis y = axis(), x = axis();
    net.input = {drawn(random, 1, 3), y.size, x.size};
    if (seed % 2 == 0) window(weighted(net, LayerKind::kConvolution, drawn(random, 1, 6), random), y, x);
    classify(net, random);
    try_network(net, seed, random);
  }

 private:
  void try_network(const compiler::Network& network, std::uint32_t seed, std::mt19937& random) {
    StepCase c;
    c.seed = seed;
    c.network = network;
    constexpr int kLanes[] = {4, 8, 16, 32};
    c.chip.lanes = kLanes[random() % 4];
    c.training.batch = drawn(random, 1, c.chip.lanes == 4 ? 6 : 3);
    constexpr isa::Format kFormats[] = {isa::Format::kInt8, isa::Format::kInt16, isa::Format::kFp32};
    const isa::Format format = kFormats[random() % 3];
    c.precision = uniform_precision(
        format, format == isa::Format::kInt8 ? 8 : 16,
        random() % 2 == 0 ? isa::Rounding::kStochastic : isa::Rounding::kNearestEven, random() % 4 == 0);
    // the least that is enough, or more than a whole layer takes
    const bool tight = random() % 2 == 0;
    c.chip.scratchpad_kib = tight ? 1 : 512;
    const std::unique_ptr<TrainingStep> step = in_enough_scratchpad(c);
    step->run(random() % 2 == 0, false);
    step->check();
    ++run_;
    tight_ += tight;
    elements_ += step->elements_compared();
  }

  compiler::Network network(const SmallAxis& y, const SmallAxis& x, std::mt19937& random) const {
    compiler::Network net;
    net.name = "small_shape";
    net.input = {drawn(random, 1, 5), y.size, x.size};
    if (random() % 2 == 0) weighted(net, LayerKind::kConvolution, drawn(random, 1, 6), random);
    if (kind_ == LayerKind::kConvolution) {
      Layer& l = weighted(net, kind_, drawn(random, 1, 9), random);
      window(l, y, x);
    } else {
      window(append(net, kind_), y, x);
    }
    if (random() % 2 == 0) append(net, LayerKind::kRelu);
    classify(net, random);
    return net;
  }

  static void classify(compiler::Network& net, std::mt19937& random) {
    Layer& last = weighted(net, LayerKind::kFullyConnected, drawn(random, 2, 4), random);
    last.y.kernel = last.in.height;
    last.x.kernel = last.in.width;
    last.out.height = last.out.width = 1;
    append(net, LayerKind::kSoftmaxCrossEntropy);
  }

  static Layer& append(compiler::Network& net, LayerKind kind) {
    Layer l;
    l.kind = kind;
    l.name = std::string(compiler::name(kind)) + std::to_string(net.layers.size());
    l.inputs = {static_cast<int>(net.layers.size()) - 1};
    l.in = l.out = net.layers.empty() ? net.input : net.layers.back().out;
    l.place = "/layers/" + std::to_string(net.layers.size());
    net.layers.push_back(l);
    return net.layers.back();
  }

  static Layer& weighted(compiler::Network& net, LayerKind kind, std::int64_t channels,
                         std::mt19937& random) {
    Layer& l = append(net, kind);
    l.out.channels = channels;
    l.bias = random() % 4 != 0;
    l.weight_filler = {compiler::Filler::Kind::kGaussian, 0.25};
    l.bias_filler = {compiler::Filler::Kind::kUniform, 0.5};
    return l;
  }

  static void window(Layer& l, const SmallAxis& y, const SmallAxis& x) {
    l.y.kernel = y.kernel;
    l.y.stride = y.stride;
    l.y.pad = l.y.pad_end = y.padding;
    l.out.height = y.positions();
    l.x.kernel = x.kernel;
    l.x.stride = x.stride;
    l.x.pad = l.x.pad_end = x.padding;
    l.out.width = x.positions();
  }

  LayerKind kind_;
  std::vector<SmallAxis> axes_;
  std::int64_t run_ = 0, elements_ = 0, tight_ = 0;
};

// Every `step`-th pair from `first` on; prime steps meet all axes in both directions. In a campaign, every
// `parts`-th, so that as many calls try all.
struct Share {
  std::int64_t first, step, parts;
};
void try_pairs(LayerKind kind, const Share& share) {
  const std::int64_t step = in_campaign() ? share.parts : share.step, first = share.first % step;
  Shapes shapes(kind);
  for (std::int64_t number = first; number < shapes.pairs(); number += step) {
    SCOPED_TRACE("pair " + std::to_string(number));
    shapes.try_pair(number);
    if (::testing::Test::HasFailure()) return;
  }
  std::cout << shapes.run() << " of " << shapes.pairs() << " pairs, " << shapes.elements()
            << " elements compared\n";
  EXPECT_GT(shapes.tight(), shapes.run() / 4);
  EXPECT_GT(shapes.elements(), 100 * shapes.run());
}

TEST(SmallShapes, Convolutions1) { try_pairs(LayerKind::kConvolution, {0, 661, 3}); }
TEST(SmallShapes, Convolutions2) { try_pairs(LayerKind::kConvolution, {220, 661, 3}); }
TEST(SmallShapes, Convolutions3) { try_pairs(LayerKind::kConvolution, {440, 661, 3}); }
TEST(SmallShapes, LargeKernelsOfFirstLayers) {
  Shapes shapes(LayerKind::kConvolution);
  for (std::uint32_t seed = 1; seed <= 60 && !HasFailure(); ++seed) shapes.try_large_kernel(seed);
}
TEST(SmallShapes, MaxPools) { try_pairs(LayerKind::kMaxPool, {0, 97, 1}); }
TEST(SmallShapes, AveragePools) { try_pairs(LayerKind::kAveragePool, {48, 97, 1}); }

}  // namespace
}  // namespace anzan::testing::small_shapes_test
