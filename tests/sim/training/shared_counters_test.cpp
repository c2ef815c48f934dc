// What cores count that have other images, shares of channels or another stage, they sum over the network.
// The reference is a host that adds up what the cores have counted in a step, in no time: windows, totals,
// points and losses are the same bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <tuple>
#include <variant>

#include "compiler/input/input_error.hpp"
#include "isa/program.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/trainer.hpp"
#include "tests/reference/random_network.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::shared_counters_test {
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

// By core.
std::vector<std::set<int>> slots_that_are_summed(const compiler::CompiledModel& model, int cores) {
  std::vector<std::set<int>> result(static_cast<std::size_t>(cores));
  for (int c = 0; c < cores && model.step_in_core; ++c) {
    for (const isa::Instruction& i : isa::decode(model.step_in_core(c)))
      if (const auto* take = std::get_if<isa::Take>(&i))
        result[static_cast<std::size_t>(c)].insert(take->slot);
  }
  return result;
}

// By slot, over cores that count different values: their images are others, or their share of the channels,
// or it is another stage.
std::vector<SlotStatistics> sums_by_host(const compiler::CompiledModel& model, Cores& cores) {
  std::vector<SlotStatistics> sums(model.slots.size());
  for (std::size_t s = 0; s < model.slots.size(); ++s) {
    const TensorClass kind = model.slots[s].kind;
    const bool once = kind == TensorClass::kWeight || kind == TensorClass::kMomentum ||
                      kind == TensorClass::kMasterWeight || kind == TensorClass::kBias;
    for (int c = 0; c < cores.size(); ++c) {
      const bool first = model.system.data_axis().coordinate(c) == 0,
                 first_share = model.system.mapping.tensor.coordinate(c) == 0;
      if ((first || !once) && (first_share || model.slots[s].differs))
        sums[s].add(cores.core(c).statistics.total(static_cast<int>(s)));
    }
  }
  return sums;
}

bool uses(const compiler::CompiledModel& model, int core, std::size_t slot) {
  const std::vector<compiler::TensorInfo>& tensors = model.stages[model.stage_of(core)].tensors;
  return std::any_of(tensors.begin(), tensors.end(), [slot](const compiler::TensorInfo& t) {
    return t.hbm_line >= 0 && static_cast<std::size_t>(t.slot) == slot;
  });
}

// As it was before the step. Where a window has stopped at the largest number, what a core has counted is not
// all in it: the largest is what it was in all.
SlotStatistics window_before(const compiler::CompiledModel& model, Cores& cores, std::size_t s) {
  const auto slot = static_cast<int>(s);
  SlotStatistics before;
  for (int c = 0; c < cores.size(); ++c) {
    if (!uses(model, c, s)) continue;
    SlotStatistics window = cores.core(c).statistics.window(slot);
    window.subtract(cores.core(c).statistics.total(slot));
    SlotStatistics::visit_fields(
        [](const isa::FieldInfo&, std::uint32_t& most, const std::uint32_t& w) { most = std::max(most, w); },
        before, window);
  }
  return before;
}

// Every core's window of a slot with a binary point becomes what it was before the step and what all cores
// have counted in it.
void share_by_host(const compiler::CompiledModel& model, const std::vector<SlotStatistics>& sums,
                   Cores& cores) {
  for (std::size_t s = 0; s < model.slots.size(); ++s) {
    if (model.slots[s].format == isa::Format::kFp32) continue;
    SlotStatistics window = window_before(model, cores, s);
    window.add(sums[s]);
    for (int c = 0; c < cores.size(); ++c) {
      cores.core(c).statistics.window(static_cast<int>(s)) = window;
      cores.core(c).statistics.total(static_cast<int>(s)) = sums[s];
    }
  }
}

// The functional engine; it remembers the cores, and sums after a step if it is told to.
class Watched final : public Engine {
 public:
  explicit Watched(const compiler::CompiledModel& model, bool by_host) : model_(model), by_host_(by_host) {}
  std::optional<models::clocked::SystemTiming> run(std::vector<LoadedProgram>& programs,
                                                   Cores& all) override {
    const bool step = isa::encode(programs.front().instructions()) == model_.programs[ProgramKind::kStep];
    if (step && counted_before > 0) count_before(all);
    auto timing = FunctionalEngine().run(programs, all);
    cores = &all;
    if (!by_host_ || !step) return timing;
    sums = sums_by_host(model_, all);
    share_by_host(model_, sums, all);
    return timing;
  }
  Cores* cores = nullptr;
  std::vector<SlotStatistics> sums;  // of the last step
  // As if every core had counted so many values, and half as many zeros, before anything else of a step, of
  // what it sums with others.
  std::uint32_t counted_before = 0;
  std::vector<std::set<int>> summed_slots;  // of each core

 private:
  void count_before(Cores& all) const {
    SlotStatistics counted;
    counted.values = counted_before;
    counted.zeros = counted_before / 2;
    for (int c = 0; c < all.size(); ++c) {
      for (const int slot : summed_slots[static_cast<std::size_t>(c)]) {
        all.core(c).statistics.window(slot).add(counted);
        all.core(c).statistics.total(slot).add(counted);
      }
    }
  }

  const compiler::CompiledModel& model_;
  bool by_host_;
};

struct System {
  const char* preset;
  int data = 1, tensor = 1, pipeline = 1, micro_batches = 1;
  const char* algorithm = "ring";
  int chips = 1;            // that the cores are on
  bool data_first = false;  // neighbours by number have other images
  int cores() const { return data * tensor * pipeline; }
};

Configuration configuration(const System& system, std::uint32_t seed) {
  reference::RandomNetworkLimits limits;
  limits.products_an_image = 10000;
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = Json::parse(reference::network_json(reference::random_network(seed, limits)));
  json["network"]["input"]["scale"] = 1.0 / 256;
  json["precision"] = {{"preset", system.preset}};
  json["training"]["batch"] = kLanes * system.data * system.micro_batches;
  json["chip"] = {{"lanes", kLanes}, {"cores", system.cores() / system.chips}, {"scratchpad_kib", 256}};
  if (system.chips > 1) json["system"] = testing::system_of("ring", {system.chips});
  json["system"]["exchange"] = {{"algorithm", system.algorithm}};
  json["system"]["mapping"] = {
      {"tensor", system.tensor}, {"pipeline", system.pipeline}, {"micro_batches", system.micro_batches}};
  if (system.data_first) json["system"]["mapping"]["axes"] = {"data", "tensor", "pipeline"};
  return parse_configuration(json, ".");
}

class SharedCounters : public ::testing::TestWithParam<std::tuple<System, int>> {
 protected:
  // Some networks have fewer layers with weights than stages, or no layer whose channels divide.
  SharedCounters() {
    std::mt19937 random(static_cast<std::uint32_t>(std::get<1>(GetParam())));
    for (int tries = 0; tries < 50 && model_.slots.empty(); ++tries) {
      try {
        config_ = configuration(std::get<0>(GetParam()), static_cast<std::uint32_t>(random() % 100));
        model_ = compiler::compile(config_.input());
      } catch (const compiler::InputError&) {
      }
    }
    set_.count = config_.parameters.batch;
    set_.size = config_.network.input.size();
    for (std::int64_t i = 0; i < set_.count * set_.size; ++i)
      set_.images.push_back(static_cast<std::uint8_t>(random() % 256));
    for (std::int64_t i = 0; i < set_.count; ++i)
      set_.labels.push_back(
          static_cast<std::uint8_t>(random() % static_cast<std::uint64_t>(config_.network.classes())));
  }

  Configuration config_;
  compiler::CompiledModel model_;
  ImageSet set_;
};

TEST_P(SharedCounters, AreTheSumsOfTheHost) {
  ASSERT_FALSE(model_.slots.empty());
  const compiler::CompiledModel still = without_sums(model_);
  Watched on_chip(model_, false), on_host(still, true);
  Trainer chip(model_, config_.network, 3, 1, on_chip), host(still, config_.network, 3, 1, on_host);
  std::vector<std::int64_t> images(static_cast<std::size_t>(set_.count));
  std::iota(images.begin(), images.end(), 0);
  for (Trainer* trainer : {&chip, &host}) trainer->initialise(set_, images, kRate);
  on_chip.summed_slots = on_host.summed_slots = slots_that_are_summed(model_, model_.system.cores());
  std::uint64_t counted = 0;
  for (std::int64_t step = 0; step < 5; ++step) {
    // values of two cores are more than the largest number, and zeros are more than floats tell apart; in
    // pipelines, stages only take over what others have counted
    const bool full = step == 4 && std::get<0>(GetParam()).pipeline == 1;
    on_chip.counted_before = on_host.counted_before = full ? 0x80000003U : 0;
    if (step == 3) {  // windows that are nearly full stop at the same number
      for (Watched* engine : {&on_chip, &on_host})
        for (int c = 0; c < engine->cores->size(); ++c)
          for (std::size_t s = 0; s < model_.slots.size(); ++s)
            engine->cores->core(c).statistics.window(static_cast<int>(s)).values =
                std::numeric_limits<std::uint32_t>::max() - 5;
    }
    ASSERT_EQ(chip.step(set_, images, step, kRate), host.step(set_, images, step, kRate));
    for (std::size_t s = 0; s < model_.slots.size(); ++s) {
      const auto slot = static_cast<int>(s);
      ASSERT_TRUE(chip.core().statistics.total(slot) == on_host.sums[s]) << model_.slots[s].name;
      counted += on_host.sums[s].values;
      for (int c = 0; c < on_chip.cores->size(); ++c) {
        if (!uses(model_, c, s)) continue;
        const models::Core &found = on_chip.cores->core(c), &expected = on_host.cores->core(c);
        const auto where = ::testing::Message()
                           << model_.slots[s].name << ", core " << c << ", step " << step;
        ASSERT_TRUE(found.settings.slot(slot) == expected.settings.slot(slot)) << where;
        if (model_.slots[s].format == isa::Format::kFp32) continue;  // every core has its own counts
        ASSERT_TRUE(found.statistics.window(slot) == expected.statistics.window(slot)) << where;
        ASSERT_TRUE(found.statistics.total(slot) == expected.statistics.total(slot)) << where;
      }
    }
  }
  EXPECT_EQ(chip.digest_of_state(), host.digest_of_state());
  EXPECT_GT(counted, 0U);
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<System, int>>& info) {
  const System& s = std::get<0>(info.param);
  std::string name = std::string(s.preset) + "_" + s.algorithm;
  for (const auto& [axis, size] : {std::pair{"_data", s.data},
                                   {"_tensor", s.tensor},
                                   {"_pipeline", s.pipeline},
                                   {"_parts", s.micro_batches},
                                   {"_chips", s.chips},
                                   {"_data_first", s.data_first ? 2 : 1}}) {
    if (size > 1) name += axis + std::to_string(size);
  }
  return name + "_" + std::to_string(std::get<1>(info.param));
}
INSTANTIATE_TEST_SUITE_P(Data, SharedCounters,
                         ::testing::Combine(::testing::Values(System{"int8", 2}, System{"int16", 3},
                                                              System{"int8", 4, 1, 1, 1, "halving_doubling"},
                                                              System{"int8_master16", 8, 1, 1, 1,
                                                                     "halving_doubling"},
                                                              System{"int8", 6}, System{"fp32", 2}),
                                            ::testing::Range(1, 4)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(
    Divided, SharedCounters,
    ::testing::Combine(::testing::Values(System{"int8", 1, 2}, System{"int16", 1, 3},
                                         System{"int8_master16", 1, 4}, System{"int8", 1, 1, 2},
                                         System{"int16", 1, 1, 3, 2}, System{"int8", 1, 1, 1, 2},
                                         System{"int8_master16", 2, 2}, System{"int8", 2, 1, 2, 2},
                                         System{"int8", 1, 2, 2, 2}, System{"int8_master16", 2, 2, 2},
                                         System{"int16", 2, 2, 2, 2, "ring", 1, true},
                                         System{"int8", 1, 2, 2, 1, "ring", 2},
                                         System{"int8", 2, 2, 1, 1, "ring", 4}, System{"fp32", 2, 2, 2}),
                       ::testing::Range(1, 5)),
    name_of);

}  // namespace
}  // namespace anzan::sim::shared_counters_test
