// Layers that share slots: who shares with whom; and that no tensor is read with a binary point that it was
// not written with, however the points of shared slots move from step to step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "compiler/input/input_error.hpp"
#include "sim/data/dataset.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/slot_recorder.hpp"
#include "sim/training/tensor_memory.hpp"
#include "sim/training/trainer.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::shared_slots_test {
namespace {

using compiler::CompiledModel;
using compiler::TensorInfo;
using ::testing::HasSubstr;

// Tensors that are selections, sums of gradients, or read much later; weights of different sizes.
constexpr auto kNetwork = R"({
  "name": "shared",
  "input": {"channels": 1, "height": 8, "width": 8, "scale": 0.00390625},
  "layers": [
    {"name": "a", "type": "convolution", "channels": 6, "kernel": 3, "padding": 1},
    {"name": "b", "type": "convolution", "channels": 6, "kernel": 3, "padding": 1},
    {"name": "sum", "type": "add", "inputs": ["a", "b"]},
    {"name": "pool", "type": "max_pool", "kernel": 2, "stride": 2},
    {"name": "relu", "type": "relu"},
    {"name": "c", "type": "fully_connected", "channels": 9},
    {"name": "leaky", "type": "leaky_relu"},
    {"name": "d", "type": "fully_connected", "channels": 4},
    {"name": "loss", "type": "softmax_cross_entropy"}
  ]})";

class SharedSlots : public ::testing::Test {
 protected:
  Configuration configured(std::vector<std::string> sets) const {
    for (const char* set : {"/chip/lanes=4", "/training/batch=16"}) sets.insert(sets.begin(), set);
    sets.insert(sets.begin(), std::string("/network=") + kNetwork);
    return testing::small_configuration_with(scratch_, sets);
  }
  static std::map<std::string, int> slots_of(const CompiledModel& model) {
    std::map<std::string, int> slots;
    for (const TensorInfo& t : model.tensors) slots[t.name] = t.slot;
    return slots;
  }

  testing::ScratchDirectory scratch_;
};

TEST_F(SharedSlots, HaveAlikeTensorsOfLayersWithAlikeSettings) {
  const Configuration config = configured({"/precision/preset=int8", "/precision/share_slots=true",
                                           "/precision/layers={\"d\": {\"weight\": {\"width\": 6}}}"});
  const CompiledModel model = compiler::compile(config.input());
  auto slot = slots_of(model);
  for (const char* part :
       {".weight", ".bias", ".momentum", ".bias_momentum", ".weight_gradient", ".bias_gradient"}) {
    SCOPED_TRACE(part);
    EXPECT_EQ(slot.at("a" + std::string(part)), slot.at("b" + std::string(part)));
    EXPECT_EQ(slot.at("a" + std::string(part)), slot.at("c" + std::string(part)));
    EXPECT_NE(slot.at("a" + std::string(part)), slot.at("d" + std::string(part)));  // has a weight of its own
  }
  EXPECT_EQ(slot.at("a.activation"), slot.at("sum.activation"));
  EXPECT_NE(slot.at("a.activation"), slot.at("d.activation"));
  EXPECT_NE(slot.at("a.activation"), slot.at("a.activation_gradient"));
  EXPECT_NE(slot.at("data"), slot.at("a.activation"));
  EXPECT_NE(slot.at("a.momentum"), slot.at("a.bias_momentum"));
  EXPECT_EQ(model.slots[static_cast<std::size_t>(slot.at("a.weight"))].name, "a.weight and 2 more");
  EXPECT_EQ(model.slots[static_cast<std::size_t>(slot.at("d.weight"))].name, "d.weight");
  EXPECT_LT(model.slots.size(), 20U);
  EXPECT_EQ(config.effective["precision"]["share_slots"], true);
  const Configuration apart = configured({"/precision/preset=int8"});
  EXPECT_FALSE(apart.effective["precision"].contains("share_slots"));
  EXPECT_GT(compiler::compile(apart.input()).slots.size(), 30U);
}

TEST_F(SharedSlots, AreForOneCoreThatDoesAWholeBatch) {
  for (const char* set : {"/chip/cores=2", "/system/chips=4", "/system/mapping={\"micro_batches\": 2}"}) {
    SCOPED_TRACE(set);
    try {
      compiler::compile(configured({"/precision/share_slots=true", set}).input());
      ADD_FAILURE() << "accepted";
    } catch (const compiler::InputError& error) {
      EXPECT_EQ(error.findings().front().place, "/precision/share_slots");
      EXPECT_THAT(error.findings().front().expected, HasSubstr("false where several cores or micro-batches"));
    }
  }
}

// A trainer of such a network, whose points a test can move.
struct Training {
  Training(const Configuration& c, Engine& e)
      : config(c), model(compiler::compile(c.input())), data(load_dataset(c.dataset, c.network)) {
    trainer.emplace(model, config.network, 5, 1, e);
    batch.resize(static_cast<std::size_t>(config.parameters.batch));
    std::iota(batch.begin(), batch.end(), 0);
    trainer->initialise(data.train, batch, 0.05);
  }
  double step(double rate) { return trainer->step(data.train, batch, number++, rate); }
  // All points of integers go down by so many bits as soon as they are chosen anew.
  void guard(int bits) {
    for (std::size_t s = 1; s < model.slots.size(); ++s)
      trainer->core().settings.slot(static_cast<int>(s)).guard = static_cast<std::uint8_t>(bits);
  }
  std::map<std::string, std::vector<double>> weights() {
    std::map<std::string, std::vector<double>> all;
    for (const compiler::ParameterInfo& p : model.parameters) {
      const TensorInfo& t = model.tensor(p.name);
      const TensorMemory memory(trainer->core(), t);
      for (std::int64_t i = 0; i < t.size(); ++i) all[p.name].push_back(memory.value(i));
    }
    return all;
  }

  Configuration config;
  CompiledModel model;
  Dataset data;
  std::optional<Trainer> trainer;
  std::vector<std::int64_t> batch;
  int number = 0;
};

std::vector<std::string> of_sixteen_bits(bool shared) {
  return {"/precision/preset=int16", "/precision/default={\"policy\": {\"kind\": \"max\"}}",
          std::string("/precision/share_slots=") + (shared ? "true" : "false")};
}

// With a learning rate of zero nothing changes but points, and by them a value by the last bit of a coarser
// one.
TEST_F(SharedSlots, MovePointsWithoutMovingValues) {
  FunctionalEngine engine;
  Training training(configured(of_sixteen_bits(true)), engine);
  const auto before = training.weights();
  const double loss = training.step(0);
  const int slot = training.model.tensor("a.weight").slot;
  std::set<int> points;
  for (const int bits : {0, 1, 3, 0, 2, 0, 0}) {
    training.guard(bits);
    EXPECT_NEAR(training.step(0), loss, 0.01);
    const models::SlotSettings& settings = training.trainer->core().settings.slot(slot);
    EXPECT_EQ(settings.q_read, settings.q_write);
    points.insert(settings.q_read);
    for (const auto& [name, values] : training.weights()) {
      for (std::size_t i = 0; i < values.size(); ++i)
        ASSERT_NEAR(values[i], before.at(name)[i], 0.004) << name << " " << i;
    }
  }
  EXPECT_GE(points.size(), 3U);
}

TEST_F(SharedSlots, TrainAsSlotsOfTheirOwnDo) {
  FunctionalEngine functional;
  Training shared(configured(of_sixteen_bits(true)), functional),
      own(configured(of_sixteen_bits(false)), functional);
  Configuration config = configured(of_sixteen_bits(true));
  CycleEngine cycle(config.cost.core, config.system);
  Training timed(config, cycle);
  for (int s = 0; s < 12; ++s) {
    const double loss = own.step(0.01);
    ASSERT_NEAR(shared.step(0.01), loss, 0.02 * loss) << s;
    timed.step(0.01);
  }
  EXPECT_EQ(timed.trainer->digest_of_state(), shared.trainer->digest_of_state());
}

// The first points suit the largest of the tensors, though the rule remembers the last update only.
TEST_F(SharedSlots, AreCalibratedForAllTheirTensors) {
  FunctionalEngine engine;
  Training training(
      configured({"/precision/preset=int16", "/precision/share_slots=true",
                  "/precision/default={\"policy\": {\"kind\": \"max\", \"window\": 1, \"decay\": 0}}"}),
      engine);
  training.step(0);
  for (std::size_t s = 1; s < training.model.slots.size(); ++s) {
    const models::SlotStatistics& total = training.trainer->core().statistics.total(static_cast<int>(s));
    EXPECT_EQ(total.saturated_high + total.saturated_low, 0U) << training.model.slots[s].name;
  }
}

// What is produced counts, selections do not, whoever shares with whom.
TEST_F(SharedSlots, CountWhatSlotsOfTheirOwnCount) {
  FunctionalEngine engine;
  Training shared(configured(of_sixteen_bits(true)), engine), own(configured(of_sixteen_bits(false)), engine);
  std::map<std::string, std::uint64_t> found, expected;
  for (auto [training, sums] : {std::pair(&shared, &found), std::pair(&own, &expected)}) {
    training->step(0.01);
    for (std::size_t s = 1; s < training->model.slots.size(); ++s)
      (*sums)[compiler::name(training->model.slots[s].kind)] +=
          training->trainer->core().statistics.total(static_cast<int>(s)).values;
  }
  EXPECT_EQ(found, expected);
}

// What all layers have updated, and of it what vanished, is said once of the slot that they share.
TEST_F(SharedSlots, CountUpdatesOfAllTheirTensors) {
  FunctionalEngine engine;
  Training shared(configured(of_sixteen_bits(true)), engine), own(configured(of_sixteen_bits(false)), engine);
  shared.step(0.05);
  own.step(0.05);
  std::map<std::string, std::uint64_t> expected, found;
  const auto sum = [](std::map<std::string, std::uint64_t>& sums, const Training& t) {
    for (const Updates& u : t.trainer->updates()) {
      const compiler::SlotInfo& slot = t.model.slots[static_cast<std::size_t>(u.slot)];
      sums[compiler::name(slot.kind)] += u.wanted;
      EXPECT_LE(u.vanished, u.wanted);
    }
  };
  sum(expected, own);
  sum(found, shared);
  EXPECT_EQ(shared.trainer->updates().size(), 2U);
  ASSERT_EQ(found.size(), 2U);
  for (const auto& [kind, updates] : expected)
    EXPECT_NEAR(double(found[kind]), double(updates), 0.05 * double(updates)) << kind;
}

}  // namespace
}  // namespace anzan::sim::shared_slots_test
