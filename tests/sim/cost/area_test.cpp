// The area of cores against the table, added up anew.
#include "sim/cost/area.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "isa/isa_generated.hpp"

namespace anzan::sim::area_test {
namespace {

using Json = nlohmann::json;

Json table() {
  std::ifstream file(std::string(ANZAN_SOURCE_DIR) + "/workloads/area/osu018.json");
  return Json::parse(file);
}

// A row as it was synthesised; that of fewer lanes where lanes change nothing.
Json row(const Json& all, const std::string& block, int lanes) {
  const Json& rows = all["blocks_by_lanes"];
  return rows[std::to_string(lanes)].contains(block) ? rows[std::to_string(lanes)][block] : rows["4"][block];
}

TEST(Area, OfMeasuredLanesIsTheSumOfTheTable) {
  const Json all = table();
  for (const int lanes : {4, 8}) {
    double um2 = 0;
    for (const auto& item : all["blocks_by_lanes"]["4"].items())
      um2 += row(all, item.key(), lanes)["um2"].get<double>();
    const Json area = area_to_json({lanes, 64, 1024, 3});
    EXPECT_NEAR(area["logic_mm2"].get<double>(), 3e-6 * um2, 1e-9 * um2);
    EXPECT_NEAR(area["logic_gates"].get<double>(), 3 * um2 / 24.0, 1e-6 * um2);
    EXPECT_FALSE(area["extrapolated"].get<bool>());
  }
}

TEST(Area, MemoriesHaveTheBitsThatTheirSizesSay) {
  const Json all = table();
  const auto bits = [&](int lanes, std::int64_t kib, int slots) {
    return area_to_json({lanes, kib, slots, 1})["memory_bits"].get<std::int64_t>();
  };
  EXPECT_EQ(bits(8, 2048, 1024) - bits(8, 1024, 1024), std::int64_t{1024} * 1024 * 8);
  // Both have an entry a slot.
  const std::int64_t of_slot = (row(all, "settings_store", 4)["memory_bits"].get<std::int64_t>() +
                                row(all, "statistics_database", 4)["memory_bits"].get<std::int64_t>()) /
                               1024;
  EXPECT_EQ(bits(8, 64, 4096) - bits(8, 64, 1024), 3072 * of_slot);
  const Json area = area_to_json({4, 64, 1024, 1});
  EXPECT_NEAR(area["mm2"].get<double>() - area["logic_mm2"].get<double>(),
              4.65e-6 * area["memory_bits"].get<double>(), 1e-9);
}

TEST(Area, GrowsWithLanesAsProcessingElementsDo) {
  double before = 0;
  for (const int lanes : isa::kLanes) {
    const Json area = area_to_json({lanes, 64, 1024, 1});
    const auto mm2 = area["by_block"]["tensor_unit"]["logic_mm2"].get<double>();
    const double elements =
        1e-6 * table()["um2_of_each_pair_of_lanes"]["tensor_unit"].get<double>() * lanes * lanes;
    EXPECT_GT(mm2, elements);
    EXPECT_LT(mm2, 1.7 * elements);
    EXPECT_GT(mm2, before);
    EXPECT_EQ(area["by_block"]["settings_optimiser"],
              area_to_json({4, 64, 1024, 1})["by_block"]["settings_optimiser"]);
    before = mm2;
  }
}

}  // namespace
}  // namespace anzan::sim::area_test
