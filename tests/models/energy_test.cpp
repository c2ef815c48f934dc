// Energy against hand-made technologies in which each figure can be told from the others.
#include "models/energy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace anzan::models::energy_test {
namespace {

// Powers of two: every memory size in question lies on a corner or exactly between two.
const std::vector<SramPoint> kPoints{{4, 2}, {64, 8}, {256, 64}};

Technology technology() {
  Technology t;
  t.name = "test";
  t.sram = kPoints;
  t.core_static_mw = 3;
  t.scratchpad_static_mw_per_kib = 0.5;
  for (std::size_t k = 0; k < kEvents; ++k) t.event_pj[k] = 1 + static_cast<double>(k);
  return t;
}

TEST(SramEnergy, IsALineOnLogarithmicScales) {
  EXPECT_DOUBLE_EQ(sram_pj_per_access(kPoints, 4), 2);
  EXPECT_DOUBLE_EQ(sram_pj_per_access(kPoints, 64), 8);
  EXPECT_DOUBLE_EQ(sram_pj_per_access(kPoints, 256), 64);
  EXPECT_DOUBLE_EQ(sram_pj_per_access(kPoints, 16), 4);                    // slope 1/2
  EXPECT_DOUBLE_EQ(sram_pj_per_access(kPoints, 128), 8 * std::sqrt(8.0));  // slope 3/2
  EXPECT_DOUBLE_EQ(sram_pj_per_access(kPoints, 1), 1);                     // the first line goes on
  EXPECT_DOUBLE_EQ(sram_pj_per_access(kPoints, 1024), 512);                // the last line goes on
}

TEST(SramEnergy, RefusesWhatIsNoCurve) {
  EXPECT_THROW(sram_pj_per_access({}, 1), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access({{4, 2}}, 4), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access({{4, 2}, {4, 3}}, 4), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access({{8, 2}, {4, 3}}, 4), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access({{0, 2}, {4, 3}}, 4), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access({{2, 0}, {4, 3}}, 4), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access({{2, 1}, {4, -3}}, 4), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access({{2, 1}, {std::nan(""), 3}}, 4), std::invalid_argument);
  EXPECT_THROW(sram_pj_per_access(kPoints, 0), std::invalid_argument);
}

TEST(Energy, StoresAreAsLargeAsTheIsaMakesThem) {
  EXPECT_DOUBLE_EQ(size_kib(Store::kScratchpad, {2048, 7}), 2048);
  EXPECT_DOUBLE_EQ(size_kib(Store::kProgram, {2048, 7}), 7);
  // 1024 slots, two sets of 69 counters in lines of eight; entries of nine words, and 256 scalars.
  EXPECT_DOUBLE_EQ(size_kib(Store::kDatabase, {}), 1024.0 * 2 * 72 * 4 / 1024);
  EXPECT_DOUBLE_EQ(size_kib(Store::kSettings, {}), (1024.0 * 10 + 256) * 4 / 1024);
  EXPECT_DOUBLE_EQ(size_kib(Store::kDatabase, {2048, 7, 5000}), 5000.0 * 2 * 72 * 4 / 1024);
  EXPECT_DOUBLE_EQ(size_kib(Store::kSettings, {2048, 7, 5000}), (5000.0 * 10 + 256) * 4 / 1024);
}

// One event alone moves its own component and the total, by count times figure.
TEST(Energy, EachEventCountsForItsComponent) {
  const Technology t = technology();
  const StoreSizes sizes{16, 64};
  for (std::size_t k = 0; k < kEvents; ++k) {
    const auto event = static_cast<Event>(k);
    EventCounts counts;
    HbmCounters hbm;
    const std::int64_t n = 3000000000 + static_cast<std::int64_t>(k);
    if (event == Event::kHbmRead)
      hbm.read_bytes = n;
    else if (event == Event::kHbmWrite)
      hbm.written_bytes = n;
    else
      counts[event] = n;
    double pj = 1 + static_cast<double>(k);
    switch (info(event).store) {
      case Store::kNone:
        break;
      case Store::kScratchpad:  // 4 pJ for 8 bytes at 16 KiB
        pj = 0.5;
        break;
      case Store::kProgram:  // 8 pJ for 8 bytes at 64 KiB
        pj = 1;
        break;
      case Store::kDatabase:  // lines of 32 bytes
        pj = 4 * sram_pj_per_access(kPoints, 576);
        break;
      case Store::kSettings:  // words of 4 bytes
        pj = 0.5 * sram_pj_per_access(kPoints, 41);
        break;
    }
    const EnergyReport report = energy(counts, hbm, 0, t, sizes);
    const double expected = static_cast<double>(n) * pj * 1e-12;
    for (std::size_t c = 0; c < kComponents; ++c) {
      const auto component = static_cast<Component>(c);
      EXPECT_NEAR(report.joules(component), component == info(event).component ? expected : 0,
                  1e-12 * expected)
          << info(event).name << ", " << name(component);
    }
    EXPECT_NEAR(report.total_joules, expected, 1e-12 * expected);
    const std::string part = name(info(event).component);
    const bool watching =
        part == "analysis_block" || part == "statistics_database" || part == "settings_optimiser";
    EXPECT_NEAR(report.watching_joules, watching ? expected : 0, 1e-12 * expected) << info(event).name;
  }
}

TEST(Energy, StaticPowerFlowsAllTheTime) {
  const EnergyReport report = energy({}, {}, 0.25, technology(), {100, 1});
  EXPECT_DOUBLE_EQ(report.joules(Component::kStatic), 0.25 * (3 + 50) * 1e-3);
  EXPECT_DOUBLE_EQ(report.total_joules, report.joules(Component::kStatic));
  EXPECT_EQ(report.watching_joules, 0);
}

// What the memories of slots have beyond the usual ones idles like scratchpad; the core never gives power.
TEST(Energy, StaticPowerFollowsTheSlots) {
  const auto static_mw = [](int slots) {
    return energy({}, {}, 1, technology(), {100, 1, slots}).joules(Component::kStatic) * 1e3;
  };
  EXPECT_DOUBLE_EQ(static_mw(1024), 3 + 50);
  EXPECT_DOUBLE_EQ(static_mw(2048), 3 + 0.5 * (576 + 40) + 50);
  EXPECT_DOUBLE_EQ(static_mw(1023), 3 - 0.5 * (2 * 72 + 10) * 4 / 1024 + 50);
  EXPECT_DOUBLE_EQ(static_mw(1), 50);
}

TEST(Energy, IsAdditive) {
  EventCounts a, b;
  for (std::size_t k = 0; k < kEvents; ++k) {
    a.counts[k] = static_cast<std::int64_t>(k * k);
    b.counts[k] = static_cast<std::int64_t>(1000 - k);
  }
  const Technology t = technology();
  const StoreSizes sizes{16, 64};
  const EnergyReport both = energy(a * 2 + b, {}, 3, t, sizes), one = energy(a, {}, 1, t, sizes),
                     other = energy(b, {}, 1, t, sizes);
  for (std::size_t c = 0; c < kComponents; ++c)
    EXPECT_NEAR(both.joules_by_component[c], 2 * one.joules_by_component[c] + other.joules_by_component[c],
                1e-12 * both.joules_by_component[c]);
}

TEST(Energy, RefusesImpossibleTimes) {
  for (const double seconds : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW(energy({}, {}, seconds, technology(), {16, 64}), std::invalid_argument) << seconds;
}

}  // namespace
}  // namespace anzan::models::energy_test
