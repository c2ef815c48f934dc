// Networks with more tensors than a chip has slots by default: refused where they do not fit, with what they
// need; trained alike by the functional and the cycle engine where they do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "compiler/input/input_error.hpp"
#include "sim/data/dataset.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/trainer.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::many_slots_test {
namespace {

using compiler::InputFinding;
using ::testing::HasSubstr;

constexpr int kLayers = 150;

class ManySlots : public ::testing::Test {
 protected:
  Configuration configured(int layers, int slots) const {
    return testing::small_configuration_with(
        scratch_, {"/chip/lanes=4", "/training/batch=4", "/chip/slots=" + std::to_string(slots),
                   "/network=" + testing::deep_network(layers).dump()});
  }
  std::vector<InputFinding> refusal(int layers, int slots) const {
    try {
      compiler::compile(configured(layers, slots).input());
    } catch (const compiler::InputError& error) {
      return error.findings();
    }
    return {};
  }

  testing::ScratchDirectory scratch_;
};

int largest_slot(const isa::Program& program) {
  int largest = 0;
  for (const isa::Instruction& instruction : program)
    isa::visit_fields(instruction, [&](const isa::FieldInfo& field, const auto& value) {
      if (field.name.find("slot") != std::string_view::npos)
        largest = std::max(largest, static_cast<int>(value));
    });
  return largest;
}

TEST_F(ManySlots, AreRefusedWhereThereAreFewer) {
  const int needed =
      static_cast<int>(compiler::compile(configured(kLayers, isa::kSlotsMax).input()).slots.size());
  ASSERT_GT(needed, models::kUsualSlots);
  for (const int slots : {1, models::kUsualSlots, needed - 1}) {
    const auto found = refusal(kLayers, slots);
    ASSERT_EQ(found.size(), 1U) << slots;
    EXPECT_EQ(found.front().place, "/chip/slots");
    EXPECT_EQ(found.front().found, std::to_string(slots));
    EXPECT_EQ(found.front().expected, "at least " + std::to_string(needed) +
                                          ": the tensors of the network with settings of their own");
  }
  const compiler::CompiledModel model = compiler::compile(configured(kLayers, needed).input());
  EXPECT_EQ(model.chip.slots, needed);
  EXPECT_EQ(largest_slot(isa::decode(model.programs[compiler::ProgramKind::kStep])), needed - 1);
}

// Nobody is told to ask for more than an instruction can name.
TEST_F(ManySlots, MoreThanInstructionsNameAreRefused) {
  const auto found = refusal(9990, isa::kSlotsMax);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().place, "/chip/slots");
  EXPECT_THAT(found.front().expected, HasSubstr("a smaller network"));
  EXPECT_THAT(found.front().expected, HasSubstr("instructions name 65536 at most"));
}

TEST_F(ManySlots, FunctionalAndCycleTrainAlike) {
  const Configuration config = configured(kLayers, 4000);
  const compiler::CompiledModel model = compiler::compile(config.input());
  const Dataset data = load_dataset(config.dataset, config.network);
  std::vector<std::int64_t> batch(static_cast<std::size_t>(config.parameters.batch));
  std::iota(batch.begin(), batch.end(), 0);
  FunctionalEngine functional;
  CycleEngine cycle(config.cost.core, config.system);
  std::vector<std::string> digests;
  for (Engine* engine : {static_cast<Engine*>(&functional), static_cast<Engine*>(&cycle)}) {
    Trainer trainer(model, config.network, 5, 1, *engine);
    trainer.initialise(data.train, batch, 0.05);
    for (int s = 0; s < 2; ++s) trainer.step(data.train, batch, s, 0.05);
    digests.push_back(trainer.digest_of_state());
    // each slot has watched its own tensor, the last ones, too
    const models::Core& core = trainer.core();
    for (std::size_t s = model.slots.size() - 5; s < model.slots.size(); ++s)
      EXPECT_GT(core.statistics.total(static_cast<int>(s)).values, 0U) << model.slots[s].name;
  }
  EXPECT_EQ(digests[0], digests[1]);
}

}  // namespace
}  // namespace anzan::sim::many_slots_test
