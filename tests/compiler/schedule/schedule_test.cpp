// Law 2 on whole programs: neither the tiling, nor the number of threads, nor the overlap of the units can
// change a stored bit.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "compiler/schedule/semaphores.hpp"
#include "isa/program.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler::schedule_test {
namespace {

using testing::TestChip;

Precision precision_of(std::uint32_t seed) {
  switch (seed % 3) {
    case 0:
      return testing::uniform_precision(isa::Format::kFp32, 16, isa::Rounding::kNearestEven);
    case 1:
      return testing::uniform_precision(isa::Format::kInt16, 16, isa::Rounding::kNearestEven, seed % 2 == 0);
    default:
      return testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic, seed % 2 == 0);
  }
}

CompiledModel compiled(std::uint32_t seed, std::int64_t scratchpad_kib, int lanes = 16) {
  TrainingParameters training;
  training.batch = 1 + seed % 37;
  ChipParameters chip;
  chip.lanes = lanes;
  chip.scratchpad_kib = scratchpad_kib;
  return compile({reference::random_network(seed), precision_of(seed), training, chip});
}

std::vector<std::int64_t> after_two_steps(const CompiledModel& model, std::uint32_t seed) {
  TestChip chip(model);
  chip.prepare(seed);
  for (std::uint32_t step = 1; step <= 2; ++step) {
    chip.core().settings.set_step(step);
    chip.load_batch();
    chip.run(model.programs[ProgramKind::kStep]);
  }
  chip.load_batch();
  chip.run(model.programs[ProgramKind::kEvaluate]);
  std::vector<std::int64_t> result = chip.parameters();
  const std::vector<std::int64_t> prediction = chip.read_stored("prediction");
  result.insert(result.end(), prediction.begin(), prediction.end());
  return result;
}

// Compares all that two cores keep.
void expect_equal(const models::Core& found, const models::Core& expected) {
  for (const isa::Space space : {isa::Space::kScratchpad, isa::Space::kHbm})
    EXPECT_EQ(std::memcmp(found.bytes(space), expected.bytes(space),
                          static_cast<std::size_t>(expected.lines(space) * expected.line_bytes())),
              0)
        << isa::name(space);
  EXPECT_TRUE(found.settings == expected.settings);
  EXPECT_TRUE(found.statistics == expected.statistics);
  EXPECT_EQ(found.semaphores, expected.semaphores);
}

TEST(Schedule, ThreadsDoNotChangeABitOfTheCore) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    const CompiledModel model = compiled(seed, seed % 4 == 0 ? 2048 : 64);
    const int threads[] = {1, 2, 3, 8};
    std::vector<std::unique_ptr<TestChip>> chips;
    for (std::size_t k = 0; k < std::size(threads); ++k) {
      chips.push_back(std::make_unique<TestChip>(model));
      chips[k]->prepare(seed);
    }
    for (const ProgramKind kind : {ProgramKind::kStep, ProgramKind::kStep, ProgramKind::kEvaluate}) {
      for (std::size_t k = 0; k < chips.size(); ++k) {
        chips[k]->load_batch();
        chips[k]->run(model.programs[kind], threads[k]);
        SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(threads[k]) + " threads, " +
                     compiler::name(kind));
        expect_equal(chips[k]->core(), chips[0]->core());
        if (HasFailure()) return;
      }
    }
  }
}

TEST(Schedule, TilingDoesNotChangeABit) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    const auto expected = after_two_steps(compiled(seed, 2048), seed);
    for (std::int64_t kib : {256, 64}) {
      EXPECT_EQ(after_two_steps(compiled(seed, kib), seed), expected)
          << "seed " << seed << ", " << kib << " KiB";
    }
  }
}

// An order in which the instructions could really start and end: any unit may run its next instruction as
// soon as the semaphores let it.
std::vector<std::uint32_t> shuffled(const std::vector<std::uint32_t>& words, std::uint32_t seed) {
  const isa::Program program = isa::decode(words);
  std::vector<std::deque<isa::Instruction>> queues(8);
  for (const isa::Instruction& i : program) {
    if (isa::unit(i) != isa::Unit::kSequencer) queues[static_cast<std::size_t>(isa::unit(i))].push_back(i);
  }
  std::vector<int> semaphores(isa::kSemaphores, 0);
  std::mt19937 random(seed);
  isa::Program order;
  const auto wait_of = [](const isa::Instruction& i) { return isa::wait(i); };
  const auto signal_of = [](const isa::Instruction& i) { return isa::signal(i); };
  while (order.size() + 1 < program.size()) {
    std::vector<std::size_t> ready;
    for (std::size_t u = 0; u < queues.size(); ++u) {
      if (queues[u].empty()) continue;
      bool free = true;
      for (int s = 0; s < isa::kSemaphores; ++s) {
        if ((wait_of(queues[u].front()) >> s & 1u) != 0 && semaphores[static_cast<std::size_t>(s)] == 0)
          free = false;
      }
      if (free) ready.push_back(u);
    }
    if (ready.empty()) throw std::runtime_error("deadlock");
    // favour one unit for long runs, so that units get far ahead of each other
    const std::size_t u =
        ready[random() % 4 == 0 ? random() % ready.size() : order.size() / 64 % ready.size()];
    for (int s = 0; s < isa::kSemaphores; ++s) {
      semaphores[static_cast<std::size_t>(s)] -= static_cast<int>(wait_of(queues[u].front()) >> s & 1u);
      semaphores[static_cast<std::size_t>(s)] += static_cast<int>(signal_of(queues[u].front()) >> s & 1u);
    }
    order.push_back(queues[u].front());
    queues[u].pop_front();
  }
  order.push_back(isa::End{});
  return isa::encode(order);
}

TEST(Schedule, AnyOrderThatTheSemaphoresAllowGivesTheSameBits) {
  for (std::uint32_t seed = 1; seed <= 24; ++seed) {
    CompiledModel model = compiled(seed, seed % 2 == 0 ? 64 : 2048);
    const auto expected = after_two_steps(model, seed);
    const auto programs = model.programs;
    for (std::uint32_t order = 1; order <= 3; ++order) {
      for (const ProgramKind kind : {ProgramKind::kStep, ProgramKind::kEvaluate})
        model.programs[kind] = shuffled(programs[kind], order);
      EXPECT_EQ(after_two_steps(model, seed), expected) << "seed " << seed << ", order " << order;
    }
  }
}

TEST(Schedule, SemaphoresEndAtZero) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    const CompiledModel model = compiled(seed, 64);
    for (const auto& words : model.programs) {
      std::vector<std::int64_t> count(isa::kSemaphores, 0);
      for (const isa::Instruction& i : isa::decode(words)) {
        std::visit(
            [&](const auto& x) {
              for (std::size_t s = 0; s < count.size(); ++s)
                count[s] += std::int64_t{x.signal >> s & 1u} - std::int64_t{x.wait >> s & 1u};
            },
            i);
      }
      for (std::int64_t c : count) EXPECT_EQ(c, 0) << "seed " << seed;
    }
  }
}

// Numbers of lanes change the order of FP32 sums, but integers must not change where nothing is random.
TEST(Schedule, IntegerResultsDoNotDependOnTheLanes) {
  TrainingParameters training;
  training.batch = 11;
  const Precision precision =
      testing::uniform_precision(isa::Format::kInt16, 16, isa::Rounding::kNearestEven);
  for (std::uint32_t seed : {3u, 5u, 8u}) {
    std::vector<std::int64_t> expected;
    for (int lanes : {16, 4, 8, 32}) {
      ChipParameters chip;
      chip.lanes = lanes;
      const CompiledModel model = compile({reference::random_network(seed), precision, training, chip});
      const auto found = after_two_steps(model, seed);
      if (expected.empty()) expected = found;
      EXPECT_EQ(found, expected) << "seed " << seed << ", " << lanes << " lanes";
    }
  }
}

}  // namespace
}  // namespace anzan::compiler::schedule_test
