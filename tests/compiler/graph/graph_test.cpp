// Graphs of random networks: every parameter is trained, whatever kinds of layers stand behind it; and the
// parts that make a graph, one by one.
#include "compiler/graph/graph.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compiler/graph/backward.hpp"
#include "compiler/graph/forward.hpp"
#include "compiler/graph/operators.hpp"
#include "compiler/input/input_error.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler::graph_test {
namespace {

Input input(std::uint32_t seed) {
  return {reference::random_network(seed),
          testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic),
          {},
          {}};
}

TEST(Graph, EveryParameterOfRandomNetworksIsTrained) {
  std::set<LayerKind> passed;  // kinds behind a layer with weights
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    const Graph g = differentiate(input(seed));
    std::set<std::string> updated, averaged;
    for (const Op& op : g.ops) {
      if (op.kind == OpKind::kUpdate) updated.insert(g.tensor(op.outputs[0]).name);
      if (op.kind == OpKind::kBatchNormAverages)
        for (const int t : op.outputs) averaged.insert(g.tensor(t).name);
      if (op.phase == Phase::kBackward) passed.insert(g.layer(op).kind);
    }
    std::size_t trained = 0;
    for (const ParameterInfo& p : g.parameters) {
      trained += p.trained ? 1 : 0;
      EXPECT_EQ(updated.count(p.name), p.trained ? 1U : 0U) << seed << ": " << p.name;
      EXPECT_EQ(averaged.count(p.name), p.trained ? 0U : 1U) << seed << ": " << p.name;
    }
    EXPECT_EQ(updated.size(), trained) << seed;
  }
  for (const LayerTraits& kind : kLayerKinds) {
    const bool passes = (kind.facts & (kIsView | kIsLoss)) == 0;
    EXPECT_EQ(passed.count(kind.kind), passes ? 1U : 0U) << kind.name;
  }
}

TEST(Graph, OperationsReadWhatIsWrittenBefore) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    const Graph g = differentiate(input(seed));
    std::set<int> written{g.data, g.label};
    for (std::size_t t = 0; t < g.tensors.size(); ++t)
      if (g.tensors[t].persistent) written.insert(static_cast<int>(t));
    for (const Op& op : g.ops) {
      for (const int t : op.inputs) EXPECT_EQ(written.count(t), 1U) << seed << ": " << g.tensor(t).name;
      written.insert(op.outputs.begin(), op.outputs.end());
    }
  }
}

TEST(Graph, ForwardAloneHasOneOperationForEachLayerThatDoesSomething) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    const Input in = input(seed);
    GraphBuilder builder(in);
    SharedChannels sharing(builder);
    Forward(builder, sharing).run();
    std::size_t layers = 0, operations = 0;
    for (const Layer& l : in.network.layers) layers += has(l, kIsView) ? 0 : 1;
    for (const Op& op : builder.graph().ops) {
      EXPECT_EQ(op.phase, Phase::kForward);
      operations += op.relu ? 2 : 1;  // with the ReLU that it applies
    }
    EXPECT_EQ(operations, layers) << seed;
  }
}

TEST(Graph, ChannelsAreSharedWhereTheyDivide) {
  Input in = input(1);
  in.system.mapping.tensor = {2, 1};
  Layer& l = in.network.layers.front();
  l = Layer{};
  l.name = "even";
  l.kind = LayerKind::kConvolution;
  l.inputs = {-1};
  l.in = l.out = in.network.input;
  for (const std::int64_t channels : {6, 7}) {
    l.out.channels = channels;
    GraphBuilder builder(in);
    SharedChannels sharing(builder);
    builder.graph().data = builder.add_image("data", "data", TensorClass::kActivation, in.network.input);
    EXPECT_EQ(sharing.decide(0, builder.graph().data), channels == 6);
    EXPECT_EQ(sharing.shares(0), channels == 6);
    if (channels == 6) {
      EXPECT_NO_THROW(sharing.check_sharing());
    } else {
      EXPECT_THROW(sharing.check_sharing(), InputError);
    }
  }
}

}  // namespace
}  // namespace anzan::compiler::graph_test
