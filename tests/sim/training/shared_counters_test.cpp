// What cores that have other images count, they sum over the network. The reference is a host that adds up
// what the cores have counted in a step, in no time: windows, totals, points and losses are the same bits.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <random>
#include <tuple>
#include <variant>

#include "isa/program.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/trainer.hpp"
#include "tests/reference/random_network.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim {
namespace {

using compiler::ProgramKind;
using compiler::TensorClass;
using models::SlotStatistics;
using Json = nlohmann::json;

constexpr int kLanes = 4;
constexpr double kRate = 0.02;

// Counters neither leave the database nor come back; whom the instructions wait for and signal stays.
struct Still {
  template <class Moves>
  static isa::Instruction instead(const Moves& i) {
    return isa::Settle{i.wait, i.signal, models::kUsualSlots - 1};
  }
  isa::Instruction operator()(const isa::Take& i) const { return instead(i); }
  isa::Instruction operator()(const isa::Give& i) const { return instead(i); }
  template <class Other>
  isa::Instruction operator()(const Other& i) const {
    return i;
  }
};

std::vector<std::uint32_t> without_sums(const std::vector<std::uint32_t>& words) {
  isa::Program program = isa::decode(words);
  for (isa::Instruction& i : program) i = std::visit(Still{}, i);
  return isa::encode(program);
}

compiler::CompiledModel without_sums(compiler::CompiledModel model) {
  model.programs[ProgramKind::kStep] = without_sums(model.programs[ProgramKind::kStep]);
  model.step_in_core = [in_core = model.step_in_core](int core) { return without_sums(in_core(core)); };
  return model;
}

// Every core's window of a slot becomes what it was before the step and what all cores have counted in it;
// tensors that do not depend on the images are counted once.
void sum_by_host(const compiler::CompiledModel& model, Cores& cores) {
  for (std::size_t s = 0; s < model.slots.size(); ++s) {
    const auto slot = static_cast<int>(s);
    const TensorClass kind = model.slots[s].kind;
    const bool once = kind == TensorClass::kWeight || kind == TensorClass::kMomentum ||
                      kind == TensorClass::kMasterWeight || kind == TensorClass::kBias;
    SlotStatistics before, sum;
    for (int c = 0; c < cores.size(); ++c) {
      models::Core& core = cores.core(c);
      SlotStatistics window = core.statistics.window(slot);
      window.subtract(core.statistics.total(slot));
      if (c == 0) before = window;
      ASSERT_TRUE(window == before) << model.slots[s].name;
      if (c == 0 || !once) sum.add(core.statistics.total(slot));
    }
    before.add(sum);
    for (int c = 0; c < cores.size(); ++c) {
      cores.core(c).statistics.window(slot) = before;
      cores.core(c).statistics.total(slot) = sum;
    }
  }
}

// The functional engine; it remembers the cores, and sums after a step if it is told to.
class Watched final : public Engine {
 public:
  explicit Watched(const compiler::CompiledModel& model, bool sums) : model_(model), sums_(sums) {}
  std::optional<models::clocked::SystemTiming> run(std::vector<LoadedProgram>& programs,
                                                   Cores& all) override {
    auto timing = FunctionalEngine().run(programs, all);
    cores = &all;
    const bool step = isa::encode(programs.front().instructions()) == model_.programs[ProgramKind::kStep];
    if (sums_ && step) sum_by_host(model_, all);
    return timing;
  }
  Cores* cores = nullptr;

 private:
  const compiler::CompiledModel& model_;
  bool sums_;
};

struct System {
  int cores;
  const char* algorithm;
  const char* preset;
};

class SharedCounters : public ::testing::TestWithParam<std::tuple<System, int>> {
 protected:
  SharedCounters() {
    std::mt19937 random(static_cast<std::uint32_t>(std::get<1>(GetParam())));
    reference::RandomNetworkLimits limits;
    limits.products_an_image = 10000;
    Json json = testing::small_configuration({{"kind", "mnist"}});
    json["network"] = Json::parse(reference::network_json(
        reference::random_network(static_cast<std::uint32_t>(random() % 100), limits)));
    json["network"]["input"]["scale"] = 1.0 / 256;
    json["precision"] = {{"preset", system().preset}};
    json["training"]["batch"] = kLanes * system().cores;
    json["chip"] = {{"lanes", kLanes}, {"cores", system().cores}, {"scratchpad_kib", 256}};
    json["system"]["exchange"] = {{"algorithm", system().algorithm}};
    config_ = parse_configuration(json, ".");
    set_.count = std::int64_t{kLanes} * system().cores;
    set_.size = config_.network.input.size();
    for (std::int64_t i = 0; i < set_.count * set_.size; ++i)
      set_.images.push_back(static_cast<std::uint8_t>(random() % 256));
    for (std::int64_t i = 0; i < set_.count; ++i)
      set_.labels.push_back(
          static_cast<std::uint8_t>(random() % static_cast<std::uint64_t>(config_.network.classes())));
  }
  const System& system() const { return std::get<0>(GetParam()); }

  Configuration config_;
  ImageSet set_;
};

TEST_P(SharedCounters, AreTheSumsOfTheHost) {
  const compiler::CompiledModel model = compiler::compile(config_.input()), still = without_sums(model);
  Watched on_chip(model, false), on_host(still, true);
  Trainer chip(model, config_.network, 3, 1, on_chip), host(still, config_.network, 3, 1, on_host);
  std::vector<std::int64_t> images(static_cast<std::size_t>(set_.count));
  std::iota(images.begin(), images.end(), 0);
  for (Trainer* trainer : {&chip, &host}) trainer->initialise(set_, images, kRate);
  std::uint64_t counted = 0;
  for (std::int64_t step = 0; step < 4; ++step) {
    if (step == 3) {  // windows that are nearly full stop at the same number
      for (Watched* engine : {&on_chip, &on_host})
        for (int c = 0; c < engine->cores->size(); ++c)
          for (std::size_t s = 0; s < model.slots.size(); ++s)
            engine->cores->core(c).statistics.window(static_cast<int>(s)).values =
                std::numeric_limits<std::uint32_t>::max() - 5;
    }
    ASSERT_EQ(chip.step(set_, images, step, kRate), host.step(set_, images, step, kRate));
    for (std::size_t s = 0; s < model.slots.size(); ++s) {
      const auto slot = static_cast<int>(s);
      for (int c = 0; c < on_chip.cores->size(); ++c) {
        models::Core &found = on_chip.cores->core(c), &expected = on_host.cores->core(c);
        const auto where = ::testing::Message() << model.slots[s].name << ", core " << c << ", step " << step;
        ASSERT_TRUE(found.statistics.window(slot) == expected.statistics.window(slot)) << where;
        ASSERT_TRUE(found.statistics.total(slot) == expected.statistics.total(slot)) << where;
        ASSERT_TRUE(found.settings.slot(slot) == expected.settings.slot(slot)) << where;
      }
      counted += on_chip.cores->core(0).statistics.total(slot).values;
    }
  }
  EXPECT_EQ(chip.digest_of_state(), host.digest_of_state());
  EXPECT_GT(counted, 0U);
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<System, int>>& info) {
  const System& s = std::get<0>(info.param);
  return std::string(s.algorithm) + std::to_string(s.cores) + s.preset +
         std::to_string(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Drawn, SharedCounters,
                         ::testing::Combine(::testing::Values(System{2, "ring", "int8"},
                                                              System{3, "ring", "int16"},
                                                              System{4, "halving_doubling", "int8"},
                                                              System{8, "halving_doubling", "int8_master16"},
                                                              System{6, "ring", "int8"}),
                                            ::testing::Range(1, 4)),
                         name_of);

}  // namespace
}  // namespace anzan::sim
