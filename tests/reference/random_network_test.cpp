// The random networks are what they claim to be: legal, varied, and read back by the compiler as drawn.
#include "tests/reference/random_network.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace anzan::reference {
namespace {

using compiler::Layer;
using compiler::Network;

constexpr std::uint32_t kNetworks = 100;

TEST(ReferenceRandomNetwork, CoversTheLayers) {
  std::set<std::string> seen;
  for (std::uint32_t seed = 1; seed <= kNetworks; ++seed) {
    const Network network = random_network(seed);
    std::vector<int> uses(network.layers.size() + 1);
    for (const Layer& l : network.layers) {
      for (const int input : l.inputs) ++uses[static_cast<std::size_t>(input + 1)];
      const std::string kind = name(l.kind);
      seen.insert(kind);
      if (!has(l, compiler::kTakesWindow)) continue;
      seen.insert("stride " + std::to_string(l.stride_h));
      if (l.pad_h > 0) seen.insert("padding of " + kind);
      if (l.pad_h == l.kernel_h) seen.insert("padding as large as the kernel");
      if (l.pad_h > l.kernel_h + 1) seen.insert("padding far beyond the kernel");
      if (l.kernel_h == 1 && l.pad_h > 0) seen.insert("padding of one tap");
      if (l.kernel_h != l.kernel_w) seen.insert("kernel of " + kind);
      if (l.groups > 1) seen.insert("groups");
      if (l.stride_h > l.kernel_h) seen.insert("gaps");
      if (l.out.channels > 16 && l.out.channels % 4 != 0) seen.insert("odd channels");
    }
    for (const int n : uses) seen.insert("consumers " + std::to_string(n));
  }
  for (const char* what :
       {"stride 1", "stride 2", "stride 3", "groups", "gaps", "odd channels", "consumers 2", "consumers 3",
        "padding as large as the kernel", "padding far beyond the kernel", "padding of one tap"}) {
    EXPECT_TRUE(seen.count(what)) << what;
  }
  for (const compiler::LayerTraits& traits : compiler::kLayerKinds) {
    EXPECT_TRUE(seen.count(traits.name)) << "no network has a layer of kind " << traits.name;
    if ((traits.facts & compiler::kTakesWindow) == 0) continue;
    EXPECT_TRUE(seen.count(std::string("padding of ") + traits.name)) << traits.name;
    EXPECT_TRUE(seen.count(std::string("kernel of ") + traits.name)) << traits.name;
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
        return std::vector<std::int64_t>{l.kernel_h, l.kernel_w, l.stride_h, l.stride_w,
                                         l.pad_h,    l.pad_w,    l.groups};
      };
      const auto multipliers = [](const Layer& l) {
        return std::vector<double>{l.weight_lr, l.bias_lr, l.weight_decay, l.bias_decay, l.negative_slope};
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
}  // namespace anzan::reference
