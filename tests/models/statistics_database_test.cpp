// Counters that saturate, windows and totals, and their saved form.
#include "models/statistics_database.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

namespace anzan::models::statistics_database_test {
namespace {

constexpr std::uint32_t kFull = 0xffffffffU;

// Counters by number, for filling and reading.
template <class Statistics, class F>
void for_each_counter(Statistics& s, F f) {
  std::size_t number = 0;
  f(number++, s.values);
  f(number++, s.zeros);
  f(number++, s.saturated_high);
  f(number++, s.saturated_low);
  f(number++, s.underflows);
  for (auto& counter : s.histogram) f(number++, counter);
}

LocalStatistics drawn(std::mt19937_64& random, int bits) {
  LocalStatistics s;
  for_each_counter(s, [&](std::size_t, std::uint64_t& c) { c = random() >> (64 - bits); });
  return s;
}

TEST(Statistics, LocalCountsAddExactly) {
  std::mt19937_64 random(1);
  const LocalStatistics a = drawn(random, 40), b = drawn(random, 40);
  LocalStatistics sum = a;
  sum.add(b);
  std::vector<std::uint64_t> parts(69, 0);
  for (const LocalStatistics* part : {&a, &b}) {
    for_each_counter(*part, [&](std::size_t i, const std::uint64_t& c) { parts[i] += c; });
  }
  for_each_counter(sum, [&](std::size_t i, std::uint64_t& c) { EXPECT_EQ(c, parts[i]) << "counter " << i; });
}

// Saturation does not depend on how counts were grouped or ordered.
TEST(Statistics, SlotCountsSaturateInAnyOrder) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    std::mt19937_64 random(seed);
    std::vector<LocalStatistics> parts;
    for (int i = 0; i < 5; ++i) parts.push_back(drawn(random, 26 + static_cast<int>(seed) * 2));
    SlotStatistics forward, backward, grouped;
    LocalStatistics all;
    for (const auto& part : parts) forward.add(part), all.add(part);
    for (auto it = parts.rbegin(); it != parts.rend(); ++it) backward.add(*it);
    grouped.add(all);
    EXPECT_TRUE(forward == backward && forward == grouped) << "seed " << seed;
    std::vector<std::uint64_t> expected;
    for_each_counter(all, [&](std::size_t, std::uint64_t& c) { expected.push_back(c < kFull ? c : kFull); });
    for_each_counter(forward, [&](std::size_t i, std::uint32_t& c) {
      EXPECT_EQ(c, expected[i]) << "seed " << seed << " counter " << i;
    });
  }
}

TEST(Statistics, CountersStopAtTheirLargestValue) {
  SlotStatistics s;
  LocalStatistics one, huge;
  for_each_counter(one, [](std::size_t, std::uint64_t& c) { c = 1; });
  for_each_counter(huge, [](std::size_t, std::uint64_t& c) { c = kFull - 1; });
  s.add(huge);
  for_each_counter(s, [](std::size_t i, std::uint32_t& c) { EXPECT_EQ(c, kFull - 1) << i; });
  s.add(one);
  for_each_counter(s, [](std::size_t i, std::uint32_t& c) { EXPECT_EQ(c, kFull) << i; });
  s.add(one);
  for_each_counter(huge, [](std::size_t, std::uint64_t& c) { c = ~std::uint64_t{0}; });
  s.add(huge);
  for_each_counter(s, [](std::size_t i, std::uint32_t& c) { EXPECT_EQ(c, kFull) << i; });
}

// Counts of two slots against wide integers: sums up to 2^33 stop at the largest value; what was added leaves
// again.
TEST(Statistics, SlotCountsOfTwoCores) {
  std::uniform_int_distribution<std::uint32_t> count;
  std::mt19937 random(7);
  std::vector<std::uint64_t> first, second;
  SlotStatistics a, b;
  for_each_counter(a, [&](std::size_t, std::uint32_t& c) { first.push_back(c = count(random)); });
  for_each_counter(b, [&](std::size_t, std::uint32_t& c) { second.push_back(c = count(random)); });
  SlotStatistics sum = a, rest = a;
  sum.add(b);
  std::size_t full = 0;
  for_each_counter(sum, [&](std::size_t i, std::uint32_t& c) {
    EXPECT_EQ(c, std::min<std::uint64_t>(first[i] + second[i], kFull)) << "counter " << i;
    full += c == kFull;
  });
  EXPECT_GT(full, 10u);
  EXPECT_LT(full, 59u);
  for_each_counter(b, [](std::size_t, std::uint32_t& c) { c /= 2; });
  for_each_counter(rest, [](std::size_t, std::uint32_t& c) { c /= 2; });
  sum = rest;
  sum.add(b);
  sum.subtract(b);
  EXPECT_TRUE(sum == rest);
}

TEST(Statistics, DecayOfEveryCounter) {
  SlotStatistics s;
  for_each_counter(
      s, [](std::size_t i, std::uint32_t& c) { c = i % 2 == 0 ? kFull : static_cast<std::uint32_t>(i); });
  s.decay(128);
  for_each_counter(
      s, [](std::size_t i, std::uint32_t& c) { EXPECT_EQ(c, i % 2 == 0 ? 0x7fffffffU : i / 2) << i; });
  s.decay(0);
  EXPECT_TRUE(s == SlotStatistics{});
}

TEST(StatisticsDatabase, WindowAndTotalOfOneSlot) {
  StatisticsDatabase database;
  std::mt19937_64 random(8);
  const LocalStatistics a = drawn(random, 30), b = drawn(random, 30);
  SlotStatistics expected;
  expected.add(a);
  database.merge(3, a);
  EXPECT_TRUE(database.window(3) == expected && database.total(3) == expected);
  EXPECT_TRUE(database.window(2) == SlotStatistics{} && database.total(4) == SlotStatistics{});

  database.window(3).decay(0);  // as the optimiser does
  EXPECT_TRUE(database.total(3) == expected);
  database.merge(3, b);
  expected.add(b);
  SlotStatistics window;
  window.add(b);
  EXPECT_TRUE(database.window(3) == window);
  EXPECT_TRUE(database.take_total(3) == expected);
  EXPECT_TRUE(database.total(3) == SlotStatistics{});
  EXPECT_TRUE(database.window(3) == window);
}

// What a step has counted leaves, and comes back with what others have counted: only the new counts are
// moved, and the sum stops wherever the sums of all cores would.
TEST(StatisticsDatabase, TakesAndGives) {
  std::mt19937_64 random(9);
  StatisticsDatabase one, other, both;
  for (int n = 0; n < 20; ++n) {
    const LocalStatistics before = drawn(random, 30), a = drawn(random, 33), b = drawn(random, 33);
    for (StatisticsDatabase* database : {&one, &other, &both}) {
      database->window(3) = database->total(3) = {};
      database->merge(3, before);
      database->take_total(3);
    }
    const SlotStatistics kept = one.window(3);
    one.merge(3, a);
    other.merge(3, b);
    both.merge(3, a);
    both.merge(3, b);
    SlotStatistics sum = one.take(3);
    sum.add(other.take(3));
    EXPECT_TRUE(one.total(3) == SlotStatistics{});
    const bool stopped = !(one.window(3) == kept);
    one.give(3, sum);
    EXPECT_TRUE(one.total(3) == both.total(3));
    EXPECT_TRUE(stopped || one.window(3) == both.window(3));
  }
}

TEST(StatisticsDatabase, RefusesSlotsThatDoNotExist) {
  EXPECT_EQ(StatisticsDatabase().size(), 1024);
  for (const int slots : {1, 2, kUsualSlots, 3000, isa::kSlotsMax}) {
    SCOPED_TRACE(slots);
    StatisticsDatabase database(slots);
    ASSERT_EQ(database.size(), slots);
    for (const int slot : {-1, slots, 1 << 30}) {
      EXPECT_THROW(database.merge(slot, {}), std::out_of_range);
      EXPECT_THROW(database.take_total(slot), std::out_of_range);
      EXPECT_THROW(database.take(slot), std::out_of_range);
      EXPECT_THROW(database.give(slot, {}), std::out_of_range);
      EXPECT_THROW(database.window(slot), std::out_of_range);
      EXPECT_THROW(static_cast<const StatisticsDatabase&>(database).total(slot), std::out_of_range);
    }
  }
  for (const int slots : {-1, 0, isa::kSlotsMax + 1, 1 << 30})
    EXPECT_THROW(StatisticsDatabase{slots}, std::invalid_argument) << slots;
}

// What the last slot counts is nowhere else, in a database of any size, and is saved for that size only.
TEST(StatisticsDatabase, CountsInItsLastSlot) {
  std::mt19937_64 random(10);
  for (const int slots : {1, 2, kUsualSlots, 3000, isa::kSlotsMax}) {
    SCOPED_TRACE(slots);
    StatisticsDatabase database(slots), restored(slots), other(slots == 1 ? 2 : slots - 1);
    const LocalStatistics counts = drawn(random, 30);
    SlotStatistics expected;
    expected.add(counts);
    database.merge(slots - 1, counts);
    for (int slot = 0; slot < slots; ++slot) {
      ASSERT_TRUE(database.window(slot) == (slot == slots - 1 ? expected : SlotStatistics{})) << slot;
      ASSERT_TRUE(database.total(slot) == (slot == slots - 1 ? expected : SlotStatistics{})) << slot;
    }
    restored.deserialise(database.serialise());
    EXPECT_TRUE(restored == database);
    EXPECT_THROW(other.deserialise(database.serialise()), std::invalid_argument);
  }
}

TEST(StatisticsDatabase, SavesAndRestores) {
  StatisticsDatabase database;
  std::mt19937_64 random(9);
  for (int slot = 0; slot < database.size(); slot += 5) {
    database.merge(slot, drawn(random, 33));
    if (slot % 2 == 0) database.window(slot).decay(37);
  }
  const std::vector<std::uint8_t> bytes = database.serialise();
  ASSERT_EQ(bytes.size(), 1024U * 2 * 69 * 4);
  const std::uint8_t* const values = &bytes[64 * 4];  // behind the histogram of slot 0's window
  EXPECT_EQ(values[0] | values[1] << 8 | values[2] << 16 | static_cast<std::uint32_t>(values[3]) << 24,
            database.window(0).values);

  StatisticsDatabase restored;
  restored.merge(1, drawn(random, 20));
  restored.deserialise(bytes);
  EXPECT_TRUE(restored == database);

  const StatisticsDatabase before = restored;
  std::vector<std::uint8_t> wrong = bytes;
  wrong[0] ^= 1;
  wrong.pop_back();
  EXPECT_THROW(restored.deserialise(wrong), std::invalid_argument);
  wrong.resize(bytes.size() + 1);
  EXPECT_THROW(restored.deserialise(wrong), std::invalid_argument);
  EXPECT_THROW(restored.deserialise({}), std::invalid_argument);
  EXPECT_TRUE(restored == before);
}

}  // namespace
}  // namespace anzan::models::statistics_database_test
