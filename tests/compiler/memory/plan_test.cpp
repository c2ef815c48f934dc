// Tensors that are alive at the same time never share memory, and the plan lies between its bounds.
#include "compiler/memory/plan.hpp"

#include <gtest/gtest.h>

#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler {
namespace {

TEST(MemoryPlan, LiveTensorsOfRandomNetworksAreDisjoint) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    const Precision precision =
        testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic, seed % 2 == 0);
    TrainingParameters training;
    training.batch = 5;
    Graph g = differentiate({reference::random_network(seed), precision, training, ChipParameters{}});
    const std::int64_t reserved = 9;
    const HbmPlan plan = plan_memory(g, reserved);
    const std::vector<Lifetime> life = lifetimes(g);
    const auto alive_together = [&](std::size_t a, std::size_t b) {
      const bool initial = life[a].end < life[a].begin || life[b].end < life[b].begin;
      if (g.tensors[a].persistent || g.tensors[b].persistent) return true;
      if (initial) return life[a].end < life[a].begin && life[b].end < life[b].begin;
      return life[a].begin <= life[b].end && life[b].begin <= life[a].end;
    };
    for (std::size_t a = 0; a < g.tensors.size(); ++a) {
      const TensorInfo& t = g.tensors[a];
      EXPECT_GE(t.hbm_line, reserved);
      EXPECT_LE(t.hbm_line + t.lines, plan.lines);
      for (std::size_t b = 0; b < a; ++b) {
        const TensorInfo& u = g.tensors[b];
        if (!alive_together(a, b)) continue;
        EXPECT_TRUE(t.hbm_line + t.lines <= u.hbm_line || u.hbm_line + u.lines <= t.hbm_line)
            << "seed " << seed << ": " << t.name << " and " << u.name;
      }
    }
    EXPECT_LE(plan.report.lower_bound_bytes, plan.report.planned_bytes);
    EXPECT_LE(plan.report.planned_bytes, plan.report.conventional_bytes);
  }
}

}  // namespace
}  // namespace anzan::compiler
