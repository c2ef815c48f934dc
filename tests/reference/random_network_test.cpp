// The random networks are what they claim to be: legal, varied, and read back by the compiler as drawn.
#include "tests/reference/random_network.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace anzan::reference::random_network_test {
namespace {

using compiler::Layer;
using compiler::Network;

constexpr std::uint32_t kNetworks = 100;

// Beside the kinds of layers.
constexpr const char* kWhatIsDrawn[] = {"stride 1",
                                        "stride 2",
                                        "stride 3",
                                        "groups",
                                        "gaps",
                                        "odd channels",
                                        "consumers 2",
                                        "consumers 3",
                                        "padding as large as the kernel",
                                        "padding far beyond the kernel",
                                        "padding of one tap",
                                        "windows rounded up of max_pool",
                                        "windows rounded up of average_pool",
                                        "averages of what is there",
                                        "more than two inputs of concat",
                                        "more than two inputs of add",
                                        "parts between words",
                                        "smoothed labels",
                                        "classes of pixels of softmax_cross_entropy",
                                        "classes of pixels of mean_squared_error",
                                        "one pixel for all of add",
                                        "one pixel for all of multiply",
                                        "batch_norm after data",
                                        "batch_norm after relu",
                                        "batch_norm after convolution",
                                        "batch_norm after fully_connected",
                                        "normalised pixel",
                                        "normalised without bias",
                                        "relu after batch_norm",
                                        "leaky_relu after batch_norm",
                                        "batch_norm after add"};

// The layer and what it reads, and what is met or normalised.
void see_layer(const Network& network, const Layer& l, std::set<std::string>& seen) {
  const std::string before =
      l.inputs[0] < 0 ? "data" : name(network.layers[static_cast<std::size_t>(l.inputs[0])].kind);
  seen.insert(name(l.kind));
  seen.insert(name(l.kind) + (" after " + before));
  for (const int input : l.inputs) {
    const compiler::Shape& in =
        input < 0 ? network.input : network.layers[static_cast<std::size_t>(input)].out;
    if (l.inputs.size() > 1 && in.height * in.width != l.out.height * l.out.width)
      seen.insert(std::string("one pixel for all of ") + name(l.kind));
  }
  if (l.inputs.size() > 2) seen.insert(std::string("more than two inputs of ") + name(l.kind));
  if (l.kind == compiler::LayerKind::kConcat && l.in.channels % 4 != 0) seen.insert("parts between words");
  if (l.label_smoothing > 0) seen.insert("smoothed labels");
  if (has(l, compiler::kIsLoss) && l.in.height * l.in.width > 1)
    seen.insert(std::string("classes of pixels of ") + name(l.kind));
  if (!has(l, compiler::kNormalises)) return;
  if (l.in.height * l.in.width == 1) seen.insert("normalised pixel");
  if (!l.bias) seen.insert("normalised without bias");
}

TEST(ReferenceRandomNetwork, CoversTheLayers) {
  std::set<std::string> seen;
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    const Network network = random_network(seed);
    std::vector<int> uses(network.layers.size() + 1);
    for (const Layer& l : network.layers) {
      for (const int input : l.inputs) ++uses[static_cast<std::size_t>(input + 1)];
      const std::string kind = name(l.kind);
      see_layer(network, l, seen);
      if (!has(l, compiler::kTakesWindow)) continue;
      seen.insert("stride " + std::to_string(l.y.stride));
      if (l.y.pad > 0) seen.insert("padding of " + kind);
      if (l.y.pad == l.y.kernel) seen.insert("padding as large as the kernel");
      if (l.y.pad > l.y.kernel + 1) seen.insert("padding far beyond the kernel");
      if (l.y.kernel == 1 && l.y.pad > 0) seen.insert("padding of one tap");
      if (l.y.kernel != l.x.kernel) seen.insert("kernel of " + kind);
      if (l.groups > 1) seen.insert("groups");
      if (l.y.dilation > 1) seen.insert("dilation of " + kind);
      if (l.y.pad_end != l.y.pad) seen.insert("uneven padding of " + kind);
      if (l.ceil_mode) seen.insert("windows rounded up of " + kind);
      if (!l.count_include_pad) seen.insert("averages of what is there");
      if (l.y.stride > l.y.kernel) seen.insert("gaps");
      if (l.out.channels > 16 && l.out.channels % 4 != 0) seen.insert("odd channels");
    }
    for (const int n : uses) seen.insert("consumers " + std::to_string(n));
  }
  for (const char* what : kWhatIsDrawn) {
    EXPECT_TRUE(seen.count(what)) << what;
  }
  for (const compiler::LayerTraits& traits : compiler::kLayerKinds) {
    EXPECT_TRUE(seen.count(traits.name)) << "no network has a layer of kind " << traits.name;
    if ((traits.facts & compiler::kTakesWindow) == 0) continue;
    EXPECT_TRUE(seen.count(std::string("padding of ") + traits.name)) << traits.name;
    EXPECT_TRUE(seen.count(std::string("kernel of ") + traits.name)) << traits.name;
    EXPECT_TRUE(seen.count(std::string("dilation of ") + traits.name)) << traits.name;
    EXPECT_TRUE(seen.count(std::string("uneven padding of ") + traits.name)) << traits.name;
  }
}

TEST(ReferenceRandomNetwork, IsReadBackAsDrawn) {
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    const Network drawn = random_network(seed);
    const std::string text = network_json(drawn);
    const Network read = compiler::parse_network(nlohmann::json::parse(text));
    ASSERT_EQ(read.layers.size(), drawn.layers.size());
    EXPECT_EQ(read.classes(), drawn.classes());
    EXPECT_TRUE(read.input == drawn.input);
    for (std::size_t i = 0; i < read.layers.size(); ++i) {
      const Layer &a = read.layers[i], &b = drawn.layers[i];
      const auto windows = [](const Layer& l) {
        std::vector<std::int64_t> keys{l.groups, l.ceil_mode, l.count_include_pad};
        for (const compiler::WindowAxis& w : {l.y, l.x})
          keys.insert(keys.end(), {w.kernel, w.stride, w.dilation, w.pad, w.pad_end});
        return keys;
      };
      const auto multipliers = [](const Layer& l) {
        return std::vector<double>{l.weight_lr,
                                   l.bias_lr,
                                   l.weight_decay,
                                   l.bias_decay,
                                   l.negative_slope,
                                   l.rate,
                                   static_cast<double>(l.size),
                                   l.alpha,
                                   l.beta,
                                   l.k,
                                   l.label_smoothing,
                                   l.least,
                                   l.greatest,
                                   l.epsilon,
                                   l.average_momentum};
      };
      EXPECT_EQ(a.name, b.name);
      EXPECT_EQ(a.kind, b.kind);
      EXPECT_EQ(a.inputs, b.inputs) << text;
      EXPECT_TRUE(a.in == b.in) << a.name << "\n" << text;
      EXPECT_TRUE(a.out == b.out) << a.name << "\n" << text;
      EXPECT_EQ(windows(a), windows(b)) << a.name << "\n" << text;
      EXPECT_EQ(multipliers(a), multipliers(b)) << a.name << "\n" << text;
      EXPECT_EQ(a.bias, b.bias) << a.name;
    }
  }
}

}  // namespace
}  // namespace anzan::reference::random_network_test
