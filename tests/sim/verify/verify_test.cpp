// Random programs on three engines; and what is said of those that differ.
#include "sim/verify/verify.hpp"

#include <gmock/gmock.h>

namespace anzan::sim::verify_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

void expect_none_differs(const VerifyOptions& options) {
  const std::vector<ProgramVerdict> verdicts = verify(options);
  ASSERT_EQ(verdicts.size(), static_cast<std::size_t>(options.programs));
  for (const ProgramVerdict& v : verdicts) {
    EXPECT_EQ(v.difference, "") << repeat_command(options, v);
    EXPECT_GT(v.cycles, options.instructions) << "seed " << v.seed;
  }
}

TEST(Verify, ProgramsWithFourLanesAgreeAndReachEveryBin) {
  VerifyOptions options{1, 300, 4, 30};
  FunctionalCoverage coverage;
  options.coverage = &coverage;
  expect_none_differs(options);
  EXPECT_THAT(coverage.missed(), ::testing::IsEmpty());
}

TEST(Verify, OneProgramMissesBins) {
  VerifyOptions options{1, 1, 4, 5};
  FunctionalCoverage coverage;
  options.coverage = &coverage;
  expect_none_differs(options);
  EXPECT_GT(coverage.missed().size(), 100U);
}
TEST(Verify, ProgramsWithSixteenLanesAgree) { expect_none_differs({1001, 10, 16, 30}); }

// The RTL core with one thing about it spoilt.
class SpoiltCore : public RtlCore {
 public:
  explicit SpoiltCore(std::unique_ptr<RtlCore> core) : core_(std::move(core)) {}
  void load(const models::Core& core, SlotRange slots) override { core_->load(core, first_ = slots); }
  void store(models::Core& core, SlotRange slots) override {
    core_->store(core, slots);
    spoil(core);
  }
  void begin(const isa::Program& program, models::Core& core) override { core_->begin(program, core); }
  bool cycle(std::int64_t number) override { return core_->cycle(number); }
  void log(models::BlockLog* log) override { core_->log(log_ = log); }
  std::vector<std::vector<std::uint32_t>> state() override { return core_->state(); }
  void set_number(int number) override { core_->set_number(number); }
  void arrive(const PutRow& row) override { core_->arrive(row); }
  const PutRow* sent() const override { return core_->sent(); }
  models::ProgramTiming timing(std::int64_t last) override { return core_->timing(last); }

 protected:
  virtual void spoil(models::Core&) {}
  SlotRange first_{};
  models::BlockLog* log_ = nullptr;

 private:
  std::unique_ptr<RtlCore> core_;
};

// With the RTL that Core makes of the right one, and models of these parameters.
template <class Core = SpoiltCore>
std::string difference(const models::clocked::CoreParameters& model = {}) {
  VerifyOptions options{1, 40, 4, 30};
  options.stop = true;
  const auto make = [](const models::clocked::CoreParameters& p, int seed) {
    return std::make_unique<Core>(make_rtl_core(p, seed));
  };
  return verify(options, {}, {model, make}).back().difference;
}

TEST(Verify, NothingDiffersBehindAnotherFace) { EXPECT_EQ(difference(), ""); }

TEST(Verify, ModelWithAnotherQueueDiffersInTheSequencer) {
  models::clocked::CoreParameters model;
  model.queue_depth = 7;
  EXPECT_THAT(
      difference(model),
      ContainsRegex(
          "sequencer, instruction [0-9]+ \\(.* unit\\): RTL issued in cycle [0-9]+, model in [0-9]+"));
}

TEST(Verify, ModelWithFewerRequestsUnderWayDiffersInTheDma) {
  models::clocked::CoreParameters model;
  model.dma_outstanding = 16;
  EXPECT_THAT(difference(model),
              ContainsRegex("dma unit, instruction [0-9]+ .*: RTL ended in cycle [0-9]+, model in "
                            "[0-9]+(.|\n)*after instruction [0-9]+ \\(dma unit, cycles"));
}

TEST(Verify, BitsOfTheScratchpadAreFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void spoil(models::Core& core) override { core.scratchpad()[100] ^= 0x10; }
  };
  EXPECT_THAT(difference<Core>(), ContainsRegex("scratchpad line 6, byte 4: RTL 0x.., model 0x.."));
}

TEST(Verify, BitsOfHbmAreFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void spoil(models::Core& core) override { core.hbm()[33] ^= 0x80; }
  };
  EXPECT_THAT(difference<Core>(), ContainsRegex("hbm line 2, byte 1: RTL 0x.., model 0x.."));
}

TEST(Verify, BitsOfASettingAreFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void spoil(models::Core& core) override { core.settings.slot(first_.first + 1).age ^= 1; }
  };
  EXPECT_THAT(difference<Core>(),
              ContainsRegex("settings store, slot [0-9]+, word [0-9]: RTL 0x.{8}, model 0x.{8}"));
}

TEST(Verify, ACountThatIsMissingIsFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void spoil(models::Core& core) override { ++core.statistics.total(first_.first + 2).underflows; }
  };
  EXPECT_THAT(difference<Core>(),
              ContainsRegex("statistics database, slot [0-9]+, counter of the total [0-9]+: RTL "
                            "0x.{8}, model 0x.{8}"));
}

TEST(Verify, ARequestForAnotherLineOfHbmIsFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void spoil(models::Core&) override {
      if (!log_->requests.empty()) ++log_->requests.back().line;
    }
  };
  EXPECT_THAT(
      difference<Core>(),
      ContainsRegex("dma unit, request to HBM [0-9]+: RTL .* line [0-9]+ in cycle [0-9]+, model .* line"));
}

TEST(Verify, AGrantInAnotherCycleIsFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void spoil(models::Core&) override {
      if (!log_->grants.empty()) ++log_->grants.back().cycle;
    }
  };
  EXPECT_THAT(difference<Core>(),
              ContainsRegex("statistics database, grant [0-9]+: RTL port .*, model port "));
}

TEST(Verify, AWriteOfSettingsThatIsMissingIsFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    void spoil(models::Core&) override {
      if (!log_->settings.empty()) log_->settings.pop_back();
    }
  };
  EXPECT_THAT(
      difference<Core>(),
      ContainsRegex("settings store, write [0-9]+: RTL none after [0-9]+, model (all|points) of slot"));
}

TEST(Verify, ASlotThatNothingNamesAndAScalarMayNotChange) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    std::vector<std::vector<std::uint32_t>> state() override {
      auto rows = SpoiltCore::state();
      if (calls_++ % 2 == 1) rows[static_cast<std::size_t>(1 + (first_.first + 500) % rtl_slots())][12] ^= 1;
      return rows;
    }
    int calls_ = 0;
  };
  struct Scalar : Core {
    using Core::Core;
    std::vector<std::vector<std::uint32_t>> state() override {
      auto rows = SpoiltCore::state();
      if (calls_++ % 2 == 1) rows[0][255] ^= 1;
      return rows;
    }
  };
  EXPECT_THAT(difference<Core>(),
              ContainsRegex("statistics database, slot [0-9]+, which nothing names, word 12: RTL 0x"));
  EXPECT_THAT(difference<Scalar>(), HasSubstr("settings store, scalar, seed or step 255: RTL 0x"));
}

// One of two cores: those alone are told their number once.
struct OneOfTwo : SpoiltCore {
  using SpoiltCore::SpoiltCore;
  void set_number(int number) override {
    ++numbered_;
    SpoiltCore::set_number(number);
  }
  int numbered_ = 0;
};

TEST(Verify, ARequestOfOneOfTwoCoresInAnotherCycleIsFound) {
  struct Core : OneOfTwo {
    using OneOfTwo::OneOfTwo;
    void spoil(models::Core&) override {
      if (numbered_ > 1 && !log_->requests.empty()) ++log_->requests.back().cycle;
    }
  };
  EXPECT_THAT(difference<Core>(), ContainsRegex("core [01] of two: dma unit, request to HBM [0-9]+: RTL "));
}

TEST(Verify, AGrantAndAWriteOfSettingsOfOneOfTwoCoresAreCompared) {
  struct Grant : OneOfTwo {
    using OneOfTwo::OneOfTwo;
    void spoil(models::Core&) override {
      if (numbered_ > 1 && !log_->grants.empty()) log_->grants.back().port ^= 1;
    }
  };
  struct Write : OneOfTwo {
    using OneOfTwo::OneOfTwo;
    void spoil(models::Core&) override {
      if (numbered_ > 1 && !log_->settings.empty()) log_->settings.pop_back();
    }
  };
  EXPECT_THAT(difference<Grant>(),
              ContainsRegex("core [01] of two: statistics database, grant [0-9]+: RTL "));
  EXPECT_THAT(difference<Write>(), ContainsRegex("core [01] of two: settings store, write [0-9]+: RTL none"));
}

TEST(Verify, AScalarOfOneOfTwoCoresMayNotChange) {
  struct Core : OneOfTwo {
    using OneOfTwo::OneOfTwo;
    std::vector<std::vector<std::uint32_t>> state() override {
      auto rows = SpoiltCore::state();
      if (numbered_ > 1 && calls_++ % 2 == 1) rows[0][255] ^= 1;
      return rows;
    }
    int calls_ = 0;
  };
  EXPECT_THAT(difference<Core>(),
              HasSubstr("core 0 of two: settings store, scalar, seed or step 255: RTL 0x"));
}

TEST(Verify, ACoreThatNeverEndsIsFound) {
  struct Core : SpoiltCore {
    using SpoiltCore::SpoiltCore;
    bool cycle(std::int64_t number) override { return SpoiltCore::cycle(number) && false; }
  };
  EXPECT_THAT(difference<Core>(),
              HasSubstr("sequencer: RTL has neither started another instruction nor ended"));
}

TEST(Verify, JunitHasACaseAProgramAndTheCommandThatRepeatsIt) {
  const VerifyOptions options{7, 2, 4, 30};
  const std::string xml = junit(options, {{7, 100, ""}, {8, 100, "dma unit: a < b & \"c\""}}, 1.5);
  EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\" time=\"1.500\""));
  EXPECT_THAT(xml, HasSubstr("name=\"seed 7\"/>"));
  EXPECT_THAT(xml, HasSubstr("anzan verify --lanes 4 --instructions 30 --seed 8 --programs 1"));
  EXPECT_THAT(xml, HasSubstr("dma unit: a &lt; b &amp; &quot;c&quot;"));
}

}  // namespace
}  // namespace anzan::sim::verify_test
