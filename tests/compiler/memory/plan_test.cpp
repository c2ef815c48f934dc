// Whatever is asked of memory: tensors that are alive at the same time never share a line, operations stand
// in an order that gives the same values, and parts of a gradient are all of it.
#include "compiler/memory/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "compiler/graph/layout.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/memory/techniques.hpp"
#include "compiler/memory/training_graph.hpp"
#include "models/number_format.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler::plan_test {
namespace {

Input drawn_input(std::uint32_t seed) {
  Input input;
  input.network = reference::random_network(seed);
  input.precision =
      testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic, seed % 2 == 0);
  input.training.batch = 5;
  return input;
}

// All that can be asked for.
std::vector<MemoryParameters> all_parameters() {
  std::vector<MemoryParameters> all{MemoryParameters{}};
  for (const Technique& t : memory_techniques()) all.push_back(t.parameters);
  return all;
}

bool alive_together(const Graph& g, const std::vector<Lifetime>& life, std::size_t a, std::size_t b) {
  const bool initial_a = life[a].end < life[a].begin, initial_b = life[b].end < life[b].begin;
  if (g.tensors[a].persistent || g.tensors[b].persistent) return true;
  if (initial_a || initial_b) return initial_a && initial_b;
  return life[a].begin <= life[b].end && life[b].begin <= life[a].end;
}

void expect_disjoint(const Graph& g, const HbmPlan& plan, std::int64_t reserved, const std::string& what) {
  const std::vector<Lifetime> life = lifetimes(g);
  for (std::size_t a = 0; a < g.tensors.size(); ++a) {
    const TensorInfo& t = g.tensors[a];
    EXPECT_GE(t.hbm_line, reserved) << what;
    EXPECT_LE(t.hbm_line + t.lines, plan.lines) << what;
    for (std::size_t b = 0; b < a; ++b) {
      const TensorInfo& u = g.tensors[b];
      if (!alive_together(g, life, a, b)) continue;
      EXPECT_TRUE(t.hbm_line + t.lines <= u.hbm_line || u.hbm_line + u.lines <= t.hbm_line)
          << what << ": " << t.name << " and " << u.name;
    }
  }
}

TEST(MemoryPlan, LiveTensorsOfRandomNetworksAreDisjoint) {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    std::map<MemoryPlaces, std::int64_t> tight;
    for (const MemoryParameters& memory : all_parameters()) {
      Input input = drawn_input(seed);
      input.memory = memory;
      Graph g = training_graph(input);
      const std::int64_t reserved = 9;
      const HbmPlan plan = plan_memory(g, reserved);
      expect_disjoint(g, plan, reserved, "seed " + std::to_string(seed));
      EXPECT_LE(plan.report.lower_bound_bytes, plan.report.planned_bytes);
      EXPECT_LE(plan.report.planned_bytes, plan.report.conventional_bytes);
      if (memory.places == MemoryPlaces::kConventional) {
        EXPECT_EQ(plan.report.planned_bytes, plan.report.conventional_bytes);
      }
      if (memory.slack_percent > 0) continue;
      const std::int64_t bytes = plan.report.planned_bytes;
      tight.emplace(memory.places, bytes);
    }
    EXPECT_GE(tight.at(MemoryPlaces::kConventional), tight.at(MemoryPlaces::kSharedGradients));
  }
}

// What an operation is, whatever its place and whatever part it makes.
std::string signature(const Graph& g, const Op& op) {
  std::string text = std::string(name(op.kind)) + " of " + std::to_string(op.layer);
  for (const std::vector<int>* tensors : {&op.inputs, &op.outputs}) {
    text += " |";
    for (const int t : *tensors) text += " " + g.tensor(t).name;
  }
  return text;
}

bool share(const std::vector<int>& a, const std::vector<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int t) { return std::find(b.begin(), b.end(), t) != b.end(); });
}

// Two operations of which one writes what the other touches stand as they were written.
TEST(OrderOfOperations, KeepsWhoReadsWhat) {
  int moved = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    Input input = drawn_input(seed);
    const Graph written = training_graph(input);
    std::map<std::string, std::vector<std::size_t>> places;
    for (std::size_t i = 0; i < written.ops.size(); ++i)
      places[signature(written, written.ops[i])].push_back(i);
    for (const GradientOrder order : {GradientOrder::kSmallerFirst, GradientOrder::kLeastPeak}) {
      input.memory.order = order;
      const Graph g = training_graph(input);
      ASSERT_EQ(g.ops.size(), written.ops.size());
      auto left = places;
      std::vector<std::size_t> before;  // by operation of g: its number in `written`
      for (const Op& op : g.ops) {
        std::vector<std::size_t>& numbers = left[signature(g, op)];
        ASSERT_FALSE(numbers.empty()) << signature(g, op);
        before.push_back(numbers.front());
        numbers.erase(numbers.begin());
      }
      for (std::size_t j = 0; j < g.ops.size(); ++j) {
        moved += before[j] != j;
        for (std::size_t i = 0; i < j; ++i) {
          const Op &a = g.ops[i], &b = g.ops[j];
          const bool depend =
              share(a.outputs, b.inputs) || share(a.inputs, b.outputs) || share(a.outputs, b.outputs);
          ASSERT_TRUE(!depend || before[i] < before[j]) << signature(g, a) << "\n" << signature(g, b);
        }
      }
    }
  }
  EXPECT_GT(moved, 1000);
}

TEST(OrderOfOperations, LeastPeakIsNoMore) {
  int less = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    Input input = drawn_input(seed);
    Graph written = training_graph(input);
    input.memory.order = GradientOrder::kLeastPeak;
    Graph ordered = training_graph(input);
    const std::int64_t before = plan_memory(written, 0).report.lower_bound_bytes,
                       after = plan_memory(ordered, 0).report.lower_bound_bytes;
    EXPECT_LE(after, before) << seed;
    less += after < before;
  }
  EXPECT_GT(less, 10);
}

std::int64_t peak_bytes(const Input& input) {
  Graph g = training_graph(input);
  return plan_memory(g, 0).report.lower_bound_bytes;
}

// A budget is kept to, or the least is said, which is then found.
TEST(Recompute, KeepsToABudgetOrSaysTheLeast) {
  int kept = 0, refused = 0;
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    Input input = drawn_input(seed);
    const std::int64_t before = peak_bytes(input);
    input.memory.recompute = Recompute::kCheap;
    EXPECT_LE(peak_bytes(input), before) << seed;
    input.memory.recompute = Recompute::kNothing;
    for (const std::int64_t percent : {99, 95, 90, 80, 60}) {
      input.memory.budget_bytes = before * percent / 100;
      try {
        EXPECT_LE(peak_bytes(input), input.memory.budget_bytes) << seed;
        ++kept;
      } catch (const InputError& error) {
        EXPECT_EQ(error.findings().front().place, "/memory/budget_mib");
        const std::string said = error.findings().front().expected;
        input.memory.budget_bytes =
            std::llround(std::stod(said.substr(std::string("at least ").size())) * 1024 * 1024);
        EXPECT_LE(peak_bytes(input), input.memory.budget_bytes) << seed << ": " << said;
        ++refused;
      }
    }
  }
  EXPECT_GT(kept, 20);
  EXPECT_GT(refused, 20);
}

TEST(WeightParts, AreTheWholeGradientOnceAndEachIsUsedUp) {
  int divided = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    Input input = drawn_input(seed);
    input.memory.weight_gradient_kib = 1;
    input.chip.lanes = 4;
    input.network = reference::random_network(seed, {4, 9, 70, 300000});
    const Graph g = training_graph(input);
    std::map<std::string, std::vector<std::size_t>> parts;  // of a layer
    for (std::size_t i = 0; i < g.ops.size(); ++i) {
      const Op& op = g.ops[i];
      if (op.kind != OpKind::kConvolutionBackwardWeight || g.tensor(op.outputs[0]).part_rows == 0) continue;
      const TensorInfo& part = g.tensor(op.outputs[0]);
      parts[part.layer].push_back(i);
      EXPECT_EQ(part.lines * models::elements_per_word(part.format), part.part_rows);
      ASSERT_LT(i + 1, g.ops.size());
      EXPECT_EQ(g.ops[i + 1].kind, OpKind::kUpdate);
      EXPECT_EQ(g.ops[i + 1].inputs[0], op.outputs[0]);
      EXPECT_EQ(op.outputs.size() > 1, part.first_row == 0 && g.layer(op).bias)
          << "biases go with the first part";
    }
    for (const auto& [layer, ops] : parts) {
      ++divided;
      std::int64_t next = 0;
      for (const std::size_t i : ops) {
        const TensorInfo& part = g.tensor(g.ops[i].outputs[0]);
        EXPECT_EQ(part.first_row, next);
        next += part.part_rows;
        const bool one_block = part.part_rows == weight_layout(part).taps * weight_layout(part).out_pitch;
        EXPECT_TRUE(one_block || part.lines * part.lanes * 4 <= 1024) << layer;
      }
      EXPECT_EQ(next, row_count(g.tensor(g.ops[ops.front()].outputs[0]))) << layer;
    }
  }
  EXPECT_GT(divided, 8);
}

TEST(WeightParts, AreRefusedWhereAllGradientsAreWantedAtOnce) {
  Input input = drawn_input(1);
  input.memory.weight_gradient_kib = 1;
  input.training.clip_norm = 1;
  EXPECT_THROW(training_graph(input), InputError);
  EXPECT_EQ(compare_techniques(input).back().name, std::string("least_peak"));
  input.training.clip_norm = 0;
  EXPECT_EQ(compare_techniques(input).back().name, std::string("recompute_cheap"));
}

}  // namespace
}  // namespace anzan::compiler::plan_test
