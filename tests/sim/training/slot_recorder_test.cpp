// What is said of tensors that no longer work.
#include "sim/training/slot_recorder.hpp"

#include <gtest/gtest.h>

#include <set>

namespace anzan::sim::slot_recorder_test {
namespace {

class Warnings : public ::testing::Test {
 protected:
  Warnings() : recorder_(2), core_(4, 16, 16) {
    compiler::SlotInfo constant, tensor;
    tensor.name = "fc.activation_gradient";
    tensor.layer = "fc";
    tensor.kind = compiler::TensorClass::kActivationGradient;
    tensor.format = isa::Format::kInt8;
    infos_ = {constant, tensor};
    models::SlotSettings& s = core_.settings.slot(1);
    s.policy = isa::Policy::kOverflowRate;
    s.r_max = 429497;  // 1e-4
    s.q_min = -16;
    s.q_max = 40;
    s.q_write = 5;
  }

  // A step in which so many of 100 values are zero, become zero, saturate.
  void step(std::uint32_t zeros, std::uint32_t underflows, std::uint32_t saturated,
            const std::vector<Updates>& updates = {}) {
    models::SlotStatistics& total = core_.statistics.total(1);
    total.values = 100;
    total.zeros = zeros;
    total.underflows = underflows;
    total.saturated_low = saturated;
    recorder_.record(core_, ++steps_, updates);
  }

  // Kind and step of each.
  std::set<std::pair<std::string, std::int64_t>> found() const {
    std::set<std::pair<std::string, std::int64_t>> result;
    for (const nlohmann::json& w : recorder_.warnings(infos_, core_)) {
      EXPECT_EQ(w["tensor"], "fc.activation_gradient");
      const std::string advice = w["advice"];
      EXPECT_EQ(advice.find("/precision/layers/fc/activation_gradient") != std::string::npos,
                w["kind"] != "all_zero")
          << advice;
      result.emplace(w["kind"], w["step"].is_null() ? 0 : w["step"].get<std::int64_t>());
    }
    return result;
  }
  using Found = std::set<std::pair<std::string, std::int64_t>>;

  SlotRecorder recorder_;
  models::Core core_;
  std::vector<compiler::SlotInfo> infos_;
  std::int64_t steps_ = 0;
};

TEST_F(Warnings, NoneOfAHealthyTensor) {
  for (int s = 0; s < 10; ++s) step(60, 39, 0, {{1, 100, 99}});
  EXPECT_EQ(found(), Found());
}

TEST_F(Warnings, AllZerosAreNamedWithTheirFirstStep) {
  step(50, 0, 0);
  step(100, 0, 0);
  step(99, 0, 0);
  for (int k = 0; k < 9; ++k) step(100, 0, 0);
  EXPECT_EQ(found(), Found());
  step(100, 0, 0);
  EXPECT_EQ(found(), Found({{"all_zero", 4}}));
}

TEST_F(Warnings, AndSoIsWhatUnderflowsAltogether) {
  step(50, 50, 0);
  step(50, 49, 0);
  EXPECT_EQ(found(), Found());
  step(50, 50, 0);
  for (int k = 0; k < 8; ++k) step(0, 100, 0);
  EXPECT_EQ(found(), Found());
  step(0, 100, 0);
  EXPECT_EQ(found(), Found({{"all_underflowed", 3}}));
  const nlohmann::json slot = recorder_.report(infos_, core_).at(0);
  EXPECT_EQ(slot["first_all_underflowed"], 1);
}

TEST_F(Warnings, UpdatesThatAllVanish) {
  step(0, 0, 0, {{1, 10, 9}});
  for (int k = 0; k < 9; ++k) step(0, 0, 0, {{1, 10, 10}});
  EXPECT_EQ(found(), Found());
  step(0, 0, 0, {{1, 10, 10}});
  EXPECT_EQ(found(), Found({{"updates_vanish", 2}}));
  const nlohmann::json slot = recorder_.report(infos_, core_).at(0);
  EXPECT_EQ(slot["updates"], 110);
  EXPECT_EQ(slot["vanished_updates"], 109);
}

TEST_F(Warnings, SaturationFarAboveItsRule) {
  for (int k = 0; k < 20; ++k) step(0, 0, 1);
  EXPECT_EQ(found(), Found());
  for (int k = 0; k < 9; ++k) step(0, 0, 3);
  EXPECT_EQ(found(), Found());
  step(0, 0, 3);
  EXPECT_EQ(found(), Found({{"saturation", 21}}));
  step(0, 0, 1);
  EXPECT_EQ(found(), Found());
}

TEST_F(Warnings, PointsAtTheirLimits) {
  for (const int q : {-16, 40}) {
    core_.settings.slot(1).q_write = static_cast<std::int8_t>(q);
    EXPECT_EQ(found(), Found({{"point_at_limit", 0}})) << q;
  }
  core_.settings.slot(1).policy = isa::Policy::kStatic;
  EXPECT_EQ(found(), Found());
}

TEST_F(Warnings, GoOnFromACheckpoint) {
  step(100, 0, 0);
  SlotRecorder next(2);
  next.from_json(nlohmann::json::parse(recorder_.to_json().dump()));
  recorder_ = next;
  for (int k = 0; k < 9; ++k) step(100, 0, 0);
  EXPECT_EQ(found(), Found({{"all_zero", 1}}));
}

}  // namespace
}  // namespace anzan::sim::slot_recorder_test
