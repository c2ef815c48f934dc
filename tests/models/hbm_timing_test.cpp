// Which parameters of an HBM slice are impossible, and that the shipped presets are not.
#include "models/hbm_timing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace anzan::models::hbm_timing_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

std::vector<std::string> fields(const HbmParameters& p, int lanes = 16) {
  std::vector<std::string> names;
  for (const HbmFinding& f : check(p, lanes)) names.push_back(f.field);
  return names;
}

HbmParameters with(int HbmParameters::*member, int value) {
  HbmParameters p;
  p.*member = value;
  return p;
}

TEST(HbmTiming, EachContradictionIsFound) {
  using P = HbmParameters;
  EXPECT_TRUE(check(P{}, 32).empty());
  const struct {
    int P::*member;
    int value;
    const char* field;
  } cases[] = {
      {&P::channels, 3, "channels"},
      {&P::width_bits, 48, "width_bits"},
      {&P::burst_bytes, 24, "burst_bytes"},
      {&P::burst_bytes, 8, "burst_bytes"},
      {&P::bank_groups, 3, "bank_groups"},
      {&P::banks_per_group, 5, "banks_per_group"},
      {&P::banks_per_group, 32, "banks_per_group"},
      {&P::row_bytes, 1000, "row_bytes"},
      {&P::row_bytes, 32, "row_bytes"},
      {&P::interleave_bytes, 32, "interleave_bytes"},
      {&P::interleave_bytes, 384, "interleave_bytes"},
      {&P::interleave_bytes, 1 << 29, "interleave_bytes"},
      {&P::t_ccd_s, 1, "t_ccd_s"},
      {&P::t_ccd_l, 1, "t_ccd_l"},
      {&P::t_rrd_l, 3, "t_rrd_l"},
      {&P::t_wtr_l, 3, "t_wtr_l"},
      {&P::t_faw, 3, "t_faw"},
      {&P::t_ras, 11, "t_ras"},
      {&P::t_rc, 41, "t_rc"},
      {&P::t_rtw, 12, "t_rtw"},
      {&P::t_rfc, 3900, "t_refi"},
      {&P::t_refi, 300, "t_refi"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(fields(with(c.member, c.value)), Contains(c.field)) << c.field << " = " << c.value;
  }
  EXPECT_THAT(fields(with(&P::t_rtw, 13)), ElementsAre());  // 18 + 2 - 7: data follows data at once
  EXPECT_THAT(fields(with(&P::rows, 12345)), ElementsAre());
}

TEST(HbmTiming, EveryFieldHasItsRange) {
  for (const HbmField& f : hbm_fields()) {
    EXPECT_THAT(fields(with(f.member, f.least - 1)), Contains(f.name));
    EXPECT_THAT(fields(with(f.member, f.most + 1)), Contains(f.name));
  }
}

TEST(HbmTiming, AllContradictionsAreFoundAtOnce) {
  HbmParameters p;
  p.channels = 0;
  p.row_bytes = 1000;
  p.t_ccd_l = 1;
  p.t_rc = 1;
  EXPECT_THAT(fields(p), UnorderedElementsAre("channels", "row_bytes", "t_ccd_l", "t_rc"));
  const std::vector<HbmFinding> findings = check(with(&HbmParameters::t_rc, 41), 16);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].found, "41");
  EXPECT_EQ(findings[0].expected, "at least 42 = t_ras + t_rp");
}

TEST(HbmTiming, ALineMustFitTheInterleaving) {
  EXPECT_TRUE(check(with(&HbmParameters::interleave_bytes, 64), 16).empty());
  EXPECT_THAT(fields(with(&HbmParameters::interleave_bytes, 64), 32), ElementsAre("interleave_bytes"));
}

TEST(HbmTiming, PresetsHaveAllFieldsAreSoundAndNameTheirSource) {
  int presets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ANZAN_SOURCE_DIR "/workloads/hbm")) {
    std::ifstream file(entry.path());
    const nlohmann::json json = nlohmann::json::parse(file);
    HbmParameters p;
    for (const HbmField& f : hbm_fields()) p.*f.member = json.at(f.name).get<int>();
    EXPECT_EQ(json.size(), hbm_fields().size() + 2) << entry.path();  // with source and scheduling
    EXPECT_TRUE(json.at("scheduling") == "fr_fcfs" || json.at("scheduling") == "in_order") << entry.path();
    EXPECT_FALSE(json.at("source").empty()) << entry.path();
    EXPECT_TRUE(check(p, 32).empty()) << entry.path();
    if (entry.path().stem() == "hbm2_2000") {
      for (const HbmField& f : hbm_fields()) EXPECT_EQ(p.*f.member, HbmParameters{}.*f.member) << f.name;
      EXPECT_DOUBLE_EQ(p.peak_gb_per_s(), 64);
      EXPECT_EQ(p.bytes(), std::int64_t{1} << 30);
    }
    ++presets;
  }
  EXPECT_GE(presets, 3);
}

}  // namespace
}  // namespace anzan::models::hbm_timing_test
