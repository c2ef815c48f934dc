// Random networks trained in the memory that each technique plans, beside training in which every tensor has
// its own: whatever outlives a step, points and counters among it, is the same to the bit.
#include <gtest/gtest.h>

#include "compiler/input/input_error.hpp"
#include "compiler/memory/techniques.hpp"
#include "compiler/memory/training_graph.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::testing::memory_test {
namespace {

using compiler::CompiledModel;
using compiler::Input;
using compiler::ProgramKind;

Input drawn_input(std::uint32_t seed) {
  Input input;
  // wide enough for parts of gradients
  input.network = reference::random_network(seed, {3, 6, seed % 2 == 0 ? 200 : 21, 600000});
  constexpr isa::Format kFormats[] = {isa::Format::kInt8, isa::Format::kInt16, isa::Format::kFp32};
  const isa::Format format = kFormats[seed % 3];
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  input.precision = uniform_precision(format, width, isa::Rounding::kStochastic, seed % 2 == 0);
  constexpr int kLanes[] = {4, 8, 16};
  input.chip.lanes = kLanes[seed / 3 % 3];
  input.chip.scratchpad_kib = seed % 5 == 0 ? 64 : 256;
  input.training.batch = 1 + seed % 7;
  if (seed % 4 == 0) input.training.optimizer = compiler::OptimizerKind::kAdam;
  return input;
}

// The least of a few that recomputation, of convolutions too, keeps to; 0: none.
std::int64_t least_budget(Input input, std::int64_t lower_bound) {
  for (const std::int64_t percent : {70, 85, 95}) {
    input.memory = {};
    input.memory.budget_bytes = lower_bound * percent / 100;
    try {
      compiler::training_graph(input);
      return input.memory.budget_bytes;
    } catch (const compiler::InputError&) {
      continue;
    }
  }
  return 0;
}

// After calibration and after each of three steps: what persists, loss, prediction, points, counters.
class Training {
 public:
  explicit Training(const Input& input) : model_(compiler::compile(input)), chip_(model_) {
    chip_.prepare(3);
  }

  void step(std::uint32_t number) {
    chip_.load_batch();
    chip_.begin_step(number, 0.05);
    chip_.run(model_.programs[ProgramKind::kStep]);
  }

  std::map<std::string, std::vector<std::int64_t>> kept() const {
    std::map<std::string, std::vector<std::int64_t>> all;
    for (const compiler::TensorInfo& t : model_.tensors) {
      if (t.persistent || (stepped_ && (t.name == "loss" || t.name == "prediction")))
        all[t.name] = chip_.read_stored(t.name);
    }
    return all;
  }

  models::SlotStatistics total(std::size_t slot) {
    return chip_.core().statistics.take_total(static_cast<int>(slot));
  }

  CompiledModel model_;
  TestChip chip_;
  bool stepped_ = false;
};

TEST(Memory, EveryPlanTrainsTheSameWeights) {
  std::int64_t parts = 0, again = 0;
  for (std::uint32_t seed = 1; seed <= 24; ++seed) {
    Input input = drawn_input(seed);
    Training apart([&] {
      input.memory.places = compiler::MemoryPlaces::kConventional;
      return input;
    }());
    std::vector<std::unique_ptr<Training>> planned;
    std::vector<compiler::Technique> techniques = compiler::memory_techniques();
    if (const std::int64_t budget = least_budget(input, apart.model_.memory.lower_bound_bytes); budget > 0) {
      techniques.push_back({"budget", {}});
      techniques.back().parameters.budget_bytes = budget;
    }
    for (const compiler::GradientOrder order :
         {compiler::GradientOrder::kSmallerFirst, compiler::GradientOrder::kLeastPeak}) {
      techniques.push_back({"another order, computed again", {}});
      techniques.back().parameters.order = order;
      techniques.back().parameters.recompute = compiler::Recompute::kCheap;
    }
    for (const compiler::Technique& t : techniques) {
      input.memory = t.parameters;
      planned.push_back(std::make_unique<Training>(input));
      ASSERT_EQ(planned.back()->model_.slots.size(), apart.model_.slots.size());
      for (const compiler::TensorInfo& tensor : planned.back()->model_.tensors) {
        parts += tensor.part_rows > 0;
        again += tensor.name.find(".again") != std::string::npos;
      }
    }
    for (std::uint32_t step = 0; step <= 3; ++step) {
      if (step > 0) apart.step(step);
      apart.stepped_ = step > 0;
      std::vector<models::SlotStatistics> totals;
      for (std::size_t s = 0; s < apart.model_.slots.size(); ++s) totals.push_back(apart.total(s));
      for (std::size_t p = 0; p < planned.size(); ++p) {
        Training& other = *planned[p];
        if (step > 0) other.step(step);
        other.stepped_ = step > 0;
        const std::string what =
            "seed " + std::to_string(seed) + ", step " + std::to_string(step) + ", " + techniques[p].name;
        ASSERT_EQ(other.kept(), apart.kept()) << what;
        for (std::size_t s = 0; s < totals.size(); ++s) {
          const models::SlotSettings &found = other.chip_.core().settings.slot(static_cast<int>(s)),
                                     &wanted = apart.chip_.core().settings.slot(static_cast<int>(s));
          ASSERT_TRUE(found.q_read == wanted.q_read && found.q_write == wanted.q_write)
              << what << ": point of " << apart.model_.slots[s].name << " " << int{found.q_read} << ", "
              << int{found.q_write} << " for " << int{wanted.q_read} << ", " << int{wanted.q_write};
        }
        for (std::size_t s = 0; s < totals.size(); ++s) ASSERT_EQ(other.total(s), totals[s]) << what;
      }
    }
  }
  EXPECT_GT(parts, 60);
  EXPECT_GT(again, 30);
}

}  // namespace
}  // namespace anzan::testing::memory_test
