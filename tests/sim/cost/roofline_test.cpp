// Operations, traffic and bounds of regions: small ones by hand, products by walking all loops.
#include "sim/cost/roofline.hpp"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "isa/assembly.hpp"
#include "models/timing.hpp"
#include "tests/sim/clocked_program.hpp"

namespace anzan::sim::roofline_test {
namespace {

using nlohmann::json;

struct Example {
  isa::Program program = isa::assemble(
      "copy element=int8 src_space=hbm loops=[64]\n"                                  // 64 rows of 16 bytes
      "copy element=fp32 dst_space=hbm loops=[2 3]\n"                                 // 6 rows of 64 bytes
      "copy element=int16 loops=[7]\n"                                                // not HBM
      "tensor format=int8 row_count=10 mask.lane_count=12 reduce=2 loops=[5 10 2]\n"  // 5 tiles of 20 steps
      "tensor format=int16 row_count=16 mask.lane_count=16 reduce=1 loops=[50 3]\n"   // drains 13 a tile
      "vector mask.lane_count=11 loops=[40 2]\n"
      "update slot=3\n"
      "end\n");
  models::ProgramTiming timing;
  RegionMap map{{{"conv1", "forward"}, {"nothing", "here"}, {"fc", "backward_data"}, {"fc", "update"}},
                {0, 2, 2, 0, 2, 0, 3, 0},
                {24000, 0, 7, 0}};

  Example() {
    timing.instructions = {{1, 2, 100, 100},     {2, 101, 130, 130}, {3, 131, 141, 141}, {4, 101, 300, 310},
                           {5, 311, 1200, 1200}, {6, 7, 200, 212},   {7, 50, 148, 148},  {1201, 0, 0, 0}};
    timing.cycles = 1201;
  }
};

TEST(Roofline, SumsEachRegion) {
  const Example e;
  const std::vector<RegionUse> uses = roofline(e.program, e.timing, 16, e.map);
  ASSERT_EQ(uses.size(), 3u);
  EXPECT_EQ(uses[0].region.layer, "conv1");
  EXPECT_EQ(uses[0].cycles, 308);
  EXPECT_EQ(uses[0].array_operations, 2 * 5 * 20 * 10 * 12 * 4);
  EXPECT_EQ(uses[0].operations, 2 * 24000);
  EXPECT_DOUBLE_EQ(uses[0].least_array_cycles, 24000.0 / (16 * 16 * 4));
  EXPECT_EQ(uses[1].operations, 2 * 7);
  EXPECT_DOUBLE_EQ(uses[1].least_array_cycles, 7.0 / (16 * 16 * 2));
  EXPECT_EQ(uses[0].vector_operations, 80 * 11);
  EXPECT_EQ(uses[0].hbm_bytes, 64 * 16);
  EXPECT_EQ(uses[0].drain, 0);
  EXPECT_EQ(uses[0].bound, "tensor");
  EXPECT_EQ(uses[0].busy, (std::array<std::int64_t, isa::kUnits>{0, 98, 209, 205, 0, 0}));
  EXPECT_EQ(uses[1].array_operations, 2 * 50 * 3 * 16 * 16 * 2);
  EXPECT_EQ(uses[1].hbm_bytes, 6 * 64);
  EXPECT_EQ(uses[1].drain, 49 * 13);
  EXPECT_EQ(uses[1].bound, "drain");
  EXPECT_EQ(uses[2].region.phase, "update");
  EXPECT_EQ(uses[2].bound, "settings");
  EXPECT_EQ(hbm_bytes(e.program[0], 32).read, 64 * 32);
  EXPECT_EQ(hbm_bytes(e.program[0], 32).written, 0);
  EXPECT_EQ(hbm_bytes(e.program[1], 4).written, 6 * 16);
  EXPECT_EQ(hbm_bytes(e.program[2], 4).read, 0);
}

TEST(Roofline, WritesJson) {
  const Example e;
  const json uses = json::parse(roofline_to_json(roofline(e.program, e.timing, 16, e.map)).dump());
  EXPECT_EQ(uses.at(0), json::parse(R"({"layer": "conv1", "phase": "forward", "cycles": 308,
      "busy": {"dma": 98, "tensor": 209, "vector": 205, "settings": 0, "network": 0}, "drain_cycles": 0, "bound": "tensor",
      "operations": 48000, "array_operations": 96000, "vector_operations": 880, "hbm_bytes": 1024, "operations_per_byte": 46.875})"));
  EXPECT_TRUE(uses.at(2).at("operations_per_byte").is_null());
  EXPECT_EQ(roofline_to_json({}), json::array());
}

TEST(Roofline, NamesTheBusiestUnit) {
  for (const auto& [line, bound] : std::vector<std::pair<std::string, std::string>>{{"copy", "dma"},
                                                                                    {"transpose", "dma"},
                                                                                    {"tensor", "tensor"},
                                                                                    {"vector", "vector"},
                                                                                    {"put", "network"}}) {
    isa::Program program = isa::assemble("settle\n" + line + "\nend\n");
    models::ProgramTiming timing{60, {{1, 2, 30, 30}, {2, 3, 50, 50}, {60, 60, 60, 60}}, {}, 0};
    const RegionMap map{{{"l", "p"}}, {0, 0, 0}};
    EXPECT_EQ(roofline(program, timing, 16, map).at(0).bound, bound);
    timing.instructions[0] = {1, 2, 55, 55};
    EXPECT_EQ(roofline(program, timing, 16, map).at(0).bound, "settings");
  }
}

// One product for each row, lane, element of a word, and pass through the innermost loop.
std::int64_t walked_products(const isa::Tensor& t) {
  std::array<int, isa::kLoops> at{};
  std::int64_t count = 0;
  const int elements = t.format == isa::Format::kInt8 ? 4 : t.format == isa::Format::kInt16 ? 2 : 1;
  for (;;) {
    for (int row = t.row_first; row < t.row_first + t.row_count; ++row)
      for (int lane = 0; lane < t.mask.lane_count; ++lane) count += elements;
    std::size_t k = isa::kLoops;
    while (k > 0 && ++at[k - 1] == t.loops[k - 1]) at[--k] = 0;
    if (k == 0) return count;
  }
}

TEST(Roofline, AgreesWithLoopsAndSpansOfRandomPrograms) {
  std::mt19937 random(7);
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const testing::ClockedProgram p = testing::random_clocked_program(seed);
    RegionMap map{{{"a", "x"}, {"b", "x"}, {"c", "x"}}, {}};
    for (std::size_t i = 0; i < p.program.size(); ++i)
      map.of.push_back(static_cast<std::uint16_t>(random() % 3));
    const std::vector<RegionUse> uses = roofline(p.program, p.timing, 8, map);
    ASSERT_EQ(uses.size(), 3u);
    for (std::size_t r = 0; r < 3; ++r) {
      std::int64_t products = 0, first = p.timing.cycles, last = 0;
      std::array<std::int64_t, isa::kUnits> busy{};
      for (std::size_t i = 0; i + 1 < p.program.size(); ++i) {
        if (map.of[i] != r) continue;
        if (const auto* t = std::get_if<isa::Tensor>(&p.program[i])) products += walked_products(*t);
        const models::InstructionTiming& t = p.timing.instructions[i];
        first = std::min(first, t.started);
        last = std::max(last, t.ended);
        busy[isa::unit_number(isa::unit(p.program[i]))] += t.ended - t.started;
      }
      EXPECT_EQ(uses[r].array_operations, 2 * products);
      EXPECT_EQ(uses[r].cycles, last - first);
      EXPECT_EQ(uses[r].busy, busy);
    }
  }
}

TEST(Roofline, RefusesMapsThatDoNotFit) {
  Example e;
  e.map.products.push_back(0);
  EXPECT_THROW(roofline(e.program, e.timing, 16, e.map), std::invalid_argument);
  e.map.products.pop_back();
  e.map.of[3] = 4;
  EXPECT_THROW(roofline(e.program, e.timing, 16, e.map), std::invalid_argument);
  e.map.of.pop_back();
  e.map.of[3] = 0;
  EXPECT_THROW(roofline(e.program, e.timing, 16, e.map), std::invalid_argument);
  e.map.of.push_back(0);
  EXPECT_NO_THROW(roofline(e.program, e.timing, 16, e.map));
  e.timing.instructions[4].started = 0;
  EXPECT_THROW(roofline(e.program, e.timing, 16, e.map), std::invalid_argument);
}

}  // namespace
}  // namespace anzan::sim::roofline_test
