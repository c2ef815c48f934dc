// Systems of Verilated cores against the cycle engine: every instruction's issue, start and end, every
// arrival, every link and every bit of every core; and that a fault in what arrives would be seen.
#include "sim/engines/rtl_engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <optional>
#include <random>

#include "sim/data/dataset.hpp"
#include "sim/engines/cycle_engine.hpp"
#include "sim/training/trainer.hpp"
#include "tests/sim/put_storm.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::rtl_engine_test {
namespace {

using models::clocked::CoreParameters;
using models::clocked::SystemTiming;

SystemOptions options_of(int chips, int cores_per_chip, const char* kind, std::vector<int> sizes) {
  SystemOptions o;
  o.chips = chips;
  o.cores_per_chip = cores_per_chip;
  const models::LinkPreset between = models::link_preset("tofu2"), inside = models::link_preset("on_chip");
  o.network.cores = cores_per_chip;
  o.network.onchip = inside.link;
  o.network.chips.kind = kind;
  o.network.chips.sizes = std::move(sizes);
  o.network.chips.link = between.link;
  o.packet = chips == 1 ? inside.packet : between.packet;
  o.parameters.exchange.dimensions = {o.cores()};
  return o;
}

// What a run leaves behind.
struct Left {
  SystemTiming timing;
  std::vector<std::vector<std::uint8_t>> memories;  // HBM, then scratchpad, of each core
  std::vector<models::SlotSettings> settings;
  std::vector<models::SlotStatistics> statistics;

  Left(SystemTiming t, Cores& cores) : timing(std::move(t)) {
    for (int c = 0; c < cores.size(); ++c) {
      models::Core& core = cores.core(c);
      for (const isa::Space space : {isa::Space::kHbm, isa::Space::kScratchpad}) {
        const std::uint8_t* bytes = core.bytes(space);
        memories.emplace_back(bytes, bytes + core.lines(space) * core.line_bytes());
      }
      for (int s = 0; s < core.settings.size(); ++s) {
        settings.push_back(core.settings.slot(s));
        statistics.push_back(core.statistics.window(s));
        statistics.push_back(core.statistics.total(s));
      }
    }
  }
};

// The first difference in each of these, or nothing.
std::string difference(const Left& rtl, const Left& model) {
  std::string found;
  const auto say = [&](bool differs, const std::string& what) {
    if (differs && found.find(what) == std::string::npos) found += (found.empty() ? "" : ", ") + what;
  };
  for (std::size_t c = 0; c < model.timing.cores.size(); ++c) {
    const std::string of_core = " of core " + std::to_string(c);
    const models::ProgramTiming &r = rtl.timing.cores[c], &m = model.timing.cores[c];
    say(r.cycles != m.cycles, "cycles" + of_core);
    say(r.instructions.size() != m.instructions.size(), "instructions" + of_core);
    for (std::size_t i = 0; i + 1 < m.instructions.size(); ++i) {
      const models::InstructionTiming &a = r.instructions[i], &b = m.instructions[i];
      say(a.issued != b.issued || a.started != b.started || a.ended != b.ended, "times" + of_core);
    }
    const auto same = [](const models::Arrival& a, const models::Arrival& b) {
      return a.cycle == b.cycle && a.semaphores == b.semaphores;
    };
    say(!std::equal(r.arrivals.begin(), r.arrivals.end(), m.arrivals.begin(), m.arrivals.end(), same),
        "arrivals" + of_core);
    say(r.hbm.read_bytes != m.hbm.read_bytes || r.hbm.written_bytes != m.hbm.written_bytes,
        "traffic" + of_core);
    say(rtl.memories[2 * c] != model.memories[2 * c], "HBM" + of_core);
    say(rtl.memories[2 * c + 1] != model.memories[2 * c + 1], "scratchpad" + of_core);
  }
  say(rtl.settings != model.settings, "settings");
  say(rtl.statistics != model.statistics, "statistics");
  for (std::size_t l = 0; l < model.timing.links.size(); ++l) {
    const models::LinkCounters &a = rtl.timing.links[l], &b = model.timing.links[l];
    say(a.bytes != b.bytes || a.packets != b.packets || a.busy_fs != b.busy_fs, "links");
  }
  return found;
}

Left run(const testing::PutStorm& storm, int lanes, std::uint32_t seed, Engine& engine, int number) {
  const std::int64_t kib = (storm.scratchpad_lines() * 4 * lanes + 1023) / 1024;
  Cores cores(number, {lanes, kib}, 16, 1);
  std::mt19937 random(seed);
  std::vector<LoadedProgram> programs;
  for (int c = 0; c < number; ++c) {
    std::uint8_t* bytes = cores.core(c).scratchpad();
    for (std::int64_t k = 0; k < kib * 1024; ++k) bytes[k] = static_cast<std::uint8_t>(random());
    programs.push_back(cores.executor(c).load(isa::encode(storm.programs()[static_cast<std::size_t>(c)])));
  }
  SystemTiming timing = engine.run(programs, cores).value();
  return {std::move(timing), cores};
}

std::unique_ptr<RtlCore> powered_up(const CoreParameters& parameters) {
  constexpr int kSeed = 20;
  return make_rtl_core(parameters, kSeed);
}

CoreParameters parameters_of(int lanes) {
  CoreParameters p;
  p.lanes = lanes;
  return p;
}

// Of seeds [first, last); the first difference that there is. Registers without a reset power up at random.
std::string storms(const SystemOptions& options, int lanes, std::uint32_t first, std::uint32_t last,
                   const RtlEngine::MakeCore& make = powered_up) {
  for (std::uint32_t seed = first; seed < last; ++seed) {
    const testing::PutStorm storm(seed, options.cores());
    const CoreParameters parameters = parameters_of(lanes);
    std::optional<Left> model, rtl;
    {
      CycleEngine engine(parameters, options);
      model.emplace(run(storm, lanes, seed, engine, options.cores()));
    }
    {
      RtlEngine engine(parameters, options, 4, make);
      rtl.emplace(run(storm, lanes, seed, engine, options.cores()));
    }
    const std::string found = difference(*rtl, *model);
    if (!found.empty()) return "seed " + std::to_string(seed) + ": " + found;
  }
  return "";
}

TEST(RtlSystem, PutsBetweenTheCoresOfAChipLeaveWhatTheModelsLeave) {
  EXPECT_EQ(storms(options_of(1, 2, "ring", {1}), 4, 0, 40), "");
  EXPECT_EQ(storms(options_of(1, 4, "ring", {1}), 4, 100, 120), "");
}
TEST(RtlSystem, PutsBetweenChipsLeaveWhatTheModelsLeave) {
  EXPECT_EQ(storms(options_of(3, 1, "ring", {3}), 4, 200, 230), "");
  EXPECT_EQ(storms(options_of(2, 2, "ring", {2}), 4, 300, 320), "");
}
TEST(RtlSystem, PutsOfSixteenLanesLeaveWhatTheModelsLeave) {
  EXPECT_EQ(storms(options_of(1, 2, "ring", {1}), 16, 400, 408), "");
}

// A core one of whose faces is spoilt.
class SpoiltCore : public RtlCore {
 public:
  explicit SpoiltCore(std::unique_ptr<RtlCore> core) : core_(std::move(core)) {}
  void load(const models::Core& core, SlotRange slots) override { core_->load(core, slots); }
  void store(models::Core& core, SlotRange slots) override { core_->store(core, slots); }
  void begin(const isa::Program& program, models::Core& core) override { core_->begin(program, core); }
  bool cycle(std::int64_t number) override { return core_->cycle(number); }
  models::ProgramTiming timing(std::int64_t last) override { return core_->timing(last); }
  void set_number(int number) override { core_->set_number(number); }
  void arrive(const PutRow& row) override { core_->arrive(row); }
  const PutRow* sent() const override { return core_->sent(); }

 protected:
  std::unique_ptr<RtlCore> core_;
};

template <class Core>
std::string storms_with() {
  return storms(options_of(1, 2, "ring", {1}), 4, 0, 10,
                [](const CoreParameters& p) { return std::make_unique<Core>(powered_up(p)); });
}

TEST(RtlSystem, NothingDiffersBehindAnotherFace) { EXPECT_EQ(storms_with<SpoiltCore>(), ""); }

TEST(RtlSystem, ARowThatIsLostIsFound) {
  struct Loses : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void arrive(const PutRow& row) override {
      PutRow changed = row;
      if (++rows == 20) changed.byte_enables = 0;
      SpoiltCore::arrive(changed);
    }
    int rows = 0;
  };
  const std::string found = storms_with<Loses>();
  EXPECT_THAT(found, ::testing::HasSubstr("scratchpad of core"));
  EXPECT_THAT(found, ::testing::Not(::testing::HasSubstr("times")));
}

TEST(RtlSystem, ARowThatIsLateIsFound) {
  struct IsLate : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void arrive(const PutRow& row) override { next = row; }
    bool cycle(std::int64_t number) override {
      if (held) SpoiltCore::arrive(*held);
      held = std::exchange(next, std::nullopt);
      return SpoiltCore::cycle(number);
    }
    std::optional<PutRow> held, next;
  };
  EXPECT_THAT(storms_with<IsLate>(), ::testing::HasSubstr("times of core"));
}

TEST(RtlSystem, ASemaphoreTooManyIsFound) {
  struct Raises : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void arrive(const PutRow& row) override {
      PutRow changed = row;
      changed.semaphores |= row.semaphores >> 1;
      SpoiltCore::arrive(changed);
    }
  };
  EXPECT_THAT(storms_with<Raises>(), ::testing::HasSubstr("times of core"));
}

TEST(RtlSystem, AnotherReceiverIsFound) {
  struct Numbers : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    const PutRow* sent() const override {
      const PutRow* row = SpoiltCore::sent();
      if (row == nullptr) return row;
      changed = *row;
      changed.line ^= 1;
      return &changed;
    }
    mutable PutRow changed;
  };
  EXPECT_THAT(storms_with<Numbers>(), ::testing::HasSubstr("scratchpad of core"));
}

// Training, program after program.
class Recording : public Engine {
 public:
  explicit Recording(Engine& engine) : engine_(engine) {}
  std::optional<SystemTiming> run(std::vector<LoadedProgram>& programs, Cores& cores) override {
    const std::optional<SystemTiming> timing = engine_.run(programs, cores);
    left.emplace_back(timing.value(), cores);
    return timing;
  }
  std::vector<Left> left;

 private:
  Engine& engine_;
};

struct Trained {
  std::vector<Left> left;
  std::string digest;
  Trainer::Cycles cycles{};
  std::int64_t right = 0;
};

Trained train(const Configuration& config, const compiler::CompiledModel& model, const Dataset& data,
              Engine& engine) {
  constexpr int kSteps = 2;
  Recording recording(engine);
  Trainer trainer(model, config.network, 5, 1, recording);
  std::vector<std::int64_t> batch(static_cast<std::size_t>(config.parameters.batch));
  std::iota(batch.begin(), batch.end(), 0);
  trainer.initialise(data.train, batch, 0.05);
  for (int s = 0; s < kSteps; ++s) trainer.step(data.train, batch, s, 0.05);
  const std::int64_t right = trainer.classify(data.train, batch);
  return {std::move(recording.left), trainer.digest_of_state(), trainer.cycles(), right};
}

void check_training(const std::vector<std::string>& sets) {
  SCOPED_TRACE(::testing::PrintToString(sets));
  testing::ScratchDirectory scratch;
  std::vector<std::string> all{"/chip/scratchpad_kib=64"};
  all.insert(all.end(), sets.begin(), sets.end());
  const Configuration config = testing::small_configuration_with(scratch, all);
  const compiler::CompiledModel model = compiler::compile(config.input());
  const Dataset data = load_dataset(config.dataset, config.network);
  std::optional<Trained> expected, found;
  {
    CycleEngine engine(config.cost.core, config.system);
    expected.emplace(train(config, model, data, engine));
  }
  {
    RtlEngine engine(config.cost.core, config.system, static_cast<int>(model.slots.size()));
    found.emplace(train(config, model, data, engine));
  }
  ASSERT_EQ(found->left.size(), expected->left.size());
  // where the network is divided, a core of the host's runs all programs but the two steps
  ASSERT_EQ(found->left.size(), model.system.divided() ? 2U : 5U);
  for (std::size_t n = 0; n < found->left.size(); ++n)
    EXPECT_EQ(difference(found->left[n], expected->left[n]), "") << "program " << n;
  EXPECT_EQ(found->digest, expected->digest);
  EXPECT_EQ(found->cycles, expected->cycles);
  EXPECT_EQ(found->right, expected->right);
}

constexpr auto kLanes = "/chip/lanes=4";

TEST(RtlSystem, TwoCoresOfAChipTrainAsTheModelsDo) {
  for (const char* preset : {"int8", "int16", "fp32"})
    check_training(
        {kLanes, "/training/batch=8", "/chip/cores=2", std::string("/precision/preset=") + preset});
}
TEST(RtlSystem, ANetworkOfMoreThanAThousandSlotsTrainsAsTheModelsDo) {
  check_training({kLanes, "/training/batch=4", "/chip/slots=" + std::to_string(rtl_slots()),
                  "/network=" + testing::deep_network(150).dump()});
}
TEST(RtlSystem, TwoChipsTrainAsTheModelsDo) {
  check_training({kLanes, "/training/batch=8", "/system/chips=2", "/system/exchange/format=int8"});
}
TEST(RtlSystem, ARingOfFourChipsTrainsAsTheModelsDo) {
  for (const char* preset : {"int8", "fp32"})
    check_training(
        {kLanes, "/training/batch=16", "/system/chips=4", std::string("/precision/preset=") + preset});
}
TEST(RtlSystem, TwoChipsOfTwoCoresTrainAsTheModelsDo) {
  check_training(
      {kLanes, "/training/batch=16", "/system/chips=2", "/chip/cores=2", "/precision/preset=int16"});
}
TEST(RtlSystem, TwoCoresThatDivideANetworkTrainAsTheModelsDo) {
  for (const char* axis : {"tensor", "pipeline"})
    check_training({kLanes, "/training/batch=8", "/chip/cores=2", "/precision/preset=int8",
                    "/system/mapping/micro_batches=2", std::string("/system/mapping/") + axis + "=2"});
}
TEST(RtlSystem, TwoChipsOfSixteenLanesTrainAsTheModelsDo) {
  check_training({"/training/batch=32", "/system/chips=2"});
}

}  // namespace
}  // namespace anzan::sim::rtl_engine_test
