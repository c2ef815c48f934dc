// Whatever is asked of memory: tensors that are alive at the same time never share a line, operations stand
// in an order that gives the same values, and parts of a gradient are all of it.
#include "compiler/memory/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

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

// All techniques, and every order with every choice of what is computed again.
std::vector<MemoryParameters> all_parameters() {
  std::vector<MemoryParameters> all{MemoryParameters{}};
  for (const Technique& t : memory_techniques()) all.push_back(t.parameters);
  for (const GradientOrder order :
       {GradientOrder::kInputFirst, GradientOrder::kSmallerFirst, GradientOrder::kLeastPeak}) {
    for (const Recompute recompute : {Recompute::kNothing, Recompute::kCheap}) {
      all.emplace_back();
      all.back().order = order;
      all.back().recompute = recompute;
    }
  }
  return all;
}

bool alive_together(const Graph& g, const std::vector<Lifetime>& life, std::size_t a, std::size_t b) {
  if (g.tensors[a].persistent || g.tensors[b].persistent) return true;
  return life[a].begin <= life[b].end && life[b].begin <= life[a].end;
}

void expect_disjoint(const Graph& g, const HbmPlan& plan, std::int64_t reserved, const std::string& what) {
  const std::vector<Lifetime> life = lifetimes(g);
  for (std::size_t a = 0; a < g.tensors.size(); ++a) {
    const TensorInfo& t = g.tensors[a];
    if (life[a].end < life[a].begin) continue;
    EXPECT_GE(t.hbm_line, reserved) << what;
    EXPECT_LE(t.hbm_line + t.lines, plan.lines) << what;
    for (std::size_t b = 0; b < a; ++b) {
      const TensorInfo& u = g.tensors[b];
      if (life[b].end < life[b].begin || !alive_together(g, life, a, b)) continue;
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

// What has become of the rows of what is stored: a plain map of each.
class InitialRowsSeen {
 public:
  explicit InitialRowsSeen(const Graph& g) : g_(g) {
    for (const ParameterInfo& p : g.parameters) {
      for (std::size_t t = 0; t < g.tensors.size(); ++t) {
        const TensorInfo& info = g.tensors[t];
        const bool master = info.kind == TensorClass::kMasterWeight && info.persistent &&
                            p.name == info.layer + ".weight" && info.name != p.name;
        if (info.name == p.name || master) left_[static_cast<int>(t)] = p.name;
      }
    }
  }

  void take(const InitialPiece& piece, const InitialStep& step) {
    for (const bool stores : {false, true}) {
      if (stores ? !step.stores : !step.shows) continue;
      for (const InitialStep::Use& use : step.uses) {
        const InitialRows& rows = piece.rows.at(use.rows);
        ASSERT_EQ(left_.at(use.stored), g_.parameters.at(rows.parameter).name);
        const Range there = rows_there(rows.values);
        for (std::int64_t r = there.begin; r < there.end; ++r)
          EXPECT_TRUE((stores ? stored_ : shown_)[use.stored].insert(r).second) << "twice";
      }
      if (!stores) continue;
      for (const auto& [tensor, name] : left_)
        if (g_.tensor(tensor).slot == g_.tensor(step.uses.front().stored).slot) expect_all(shown_, tensor);
    }
  }

  void expect_all_stored() {
    for (const auto& [tensor, name] : left_) expect_all(stored_, tensor);
  }

 private:
  using Rows = std::map<int, std::set<std::int64_t>>;
  void expect_all(Rows& rows, int tensor) const {
    EXPECT_EQ(static_cast<std::int64_t>(rows[tensor].size()), row_count(g_.tensor(tensor)));
  }

  const Graph& g_;
  std::map<int, std::string> left_;  // by tensor: the parameter whose values it takes
  Rows shown_, stored_;
};

TEST(InitialPieces, ShowEveryRowOfASlotBeforeTheyStoreOne) {
  std::size_t pieces = 0, cut = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    Input input = drawn_input(seed);
    input.precision.shares_slots = seed % 3 == 0;
    const Graph g = training_graph(input);
    std::mt19937 random(seed);
    const std::int64_t first = random() % 100, room = random() % (seed % 5 == 0 ? 100'000 : 60);
    InitialRowsSeen seen(g);
    for (const InitialPiece& piece : initial_pieces(g, first, room)) {
      std::int64_t line = first;
      for (const InitialRows& rows : piece.rows) {
        EXPECT_GE(rows.values.hbm_line, line);
        EXPECT_GE(rows.values.lines, rows_there(rows.values).size());
        line = rows.values.hbm_line + rows.values.lines;
        cut += rows.values.part_rows > 0;
      }
      EXPECT_LE(line, first + std::max<std::int64_t>(room, kChannelAlignment)) << "seed " << seed;
      EXPECT_EQ(line, piece.end_line());
      for (const InitialStep& step : piece.steps) seen.take(piece, step);
      ++pieces;
    }
    seen.expect_all_stored();
  }
  EXPECT_GT(pieces, 500U);
  EXPECT_GT(cut, 100U);
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
  int moved = 0, again = 0;
  for (std::uint32_t seed = 1; seed <= 120; ++seed) {
    Input input = drawn_input(seed);
    if (seed % 2 == 0) input.memory.recompute = Recompute::kCheap;
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
        again += before[j] != j && g.ops[j].again;
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
  EXPECT_GT(again, 20);
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
