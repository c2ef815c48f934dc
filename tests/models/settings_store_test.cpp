// Entries, scalars and registers of the settings store, and their saved form.
#include "models/settings_store.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace anzan::models::settings_store_test {
namespace {

TEST(SettingsStore, DefaultsAreTheArchitecturesLimits) {
  const SlotSettings s;
  EXPECT_EQ(s.width, 16);
  EXPECT_EQ(s.q_min, -16);
  EXPECT_EQ(s.q_max, 40);
  EXPECT_EQ(s.interval, 1);
  EXPECT_EQ(s.window, 1);
  EXPECT_EQ(s.policy, isa::Policy::kStatic);
  EXPECT_EQ(s.rounding, isa::Rounding::kNearestEven);
}

TEST(SettingsStore, SettleMakesThePointForWritingThatForReading) {
  SettingsStore store;
  store.slot(5).q_read = 3;
  store.slot(5).q_write = -7;
  store.slot(6).q_write = 9;
  store.settle(5);
  EXPECT_EQ(store.slot(5).q_read, -7);
  EXPECT_EQ(store.slot(5).q_write, -7);
  EXPECT_EQ(store.slot(6).q_read, 0);
}

TEST(SettingsStore, RefusesWhatDoesNotExist) {
  SettingsStore store;
  for (const int number : {-1, isa::kScalars, 1 << 30}) {
    EXPECT_THROW(store.scalar(number), std::out_of_range);
    EXPECT_THROW(store.set_scalar(number, 0), std::out_of_range);
  }
  EXPECT_NO_THROW(store.set_scalar(isa::kScalars - 1, 1));
}

// As small as it may be, as usual, with slots that fill no power of two, and as many as instructions name.
constexpr int kSizes[] = {1, 2, kUsualSlots, 3000, isa::kSlotsMax};

TEST(SettingsStore, HasTheSlotsThatItIsMadeWith) {
  EXPECT_EQ(SettingsStore().size(), 1024);
  for (const int slots : kSizes) {
    SCOPED_TRACE(slots);
    SettingsStore store(slots);
    ASSERT_EQ(store.size(), slots);
    for (const int number : {-1, slots, 1 << 30}) {
      EXPECT_THROW(store.slot(number), std::out_of_range);
      EXPECT_THROW(static_cast<const SettingsStore&>(store).slot(number), std::out_of_range);
      EXPECT_THROW(store.settle(number), std::out_of_range);
    }
    store.slot(slots - 1).q_write = 21;
    store.settle(slots - 1);
    for (int number = 0; number < slots; ++number)
      ASSERT_EQ(store.slot(number).q_read, number == slots - 1 ? 21 : 0) << number;
    SettingsStore restored(slots);
    restored.deserialise(store.serialise());
    EXPECT_TRUE(restored == store);
    SettingsStore other(slots == 1 ? 2 : slots - 1);
    EXPECT_THROW(other.deserialise(store.serialise()), std::invalid_argument);
    EXPECT_FALSE(other == store);
  }
  for (const int slots : {-1, 0, isa::kSlotsMax + 1, 1 << 30})
    EXPECT_THROW(SettingsStore{slots}, std::invalid_argument) << slots;
}

TEST(SettingsStore, HistoryKeepsTheLastEight) {
  SlotSettings s;
  for (int p = -3; p < 10; ++p) {
    push_history(s, p);
    const int kept = p + 4 < 8 ? p + 4 : 8;
    ASSERT_EQ(s.history_count, kept);
    for (int i = 0; i < kept; ++i) ASSERT_EQ(s.history[static_cast<std::size_t>(i)], p - kept + 1 + i);
  }
}

// One change a field, none of them to its default.
std::vector<std::function<void(SlotSettings&)>> field_changes() {
  return {
      [](SlotSettings& s) { s.width = 5; },
      [](SlotSettings& s) { s.q_read = -16; },
      [](SlotSettings& s) { s.q_write = 40; },
      [](SlotSettings& s) { s.rounding = isa::Rounding::kTowardsZero; },
      [](SlotSettings& s) { s.policy = isa::Policy::kPredictive; },
      [](SlotSettings& s) { s.interval = 0x1234; },
      [](SlotSettings& s) { s.warmup = 0xfedc; },
      [](SlotSettings& s) { s.guard = 200; },
      [](SlotSettings& s) { s.hysteresis = 3; },
      [](SlotSettings& s) { s.decay = 255; },
      [](SlotSettings& s) { s.r_max = 0xa1b2c3d4U; },
      [](SlotSettings& s) { s.window = 8; },
      [](SlotSettings& s) { s.q_min = -128; },
      [](SlotSettings& s) { s.q_max = 127; },
      [](SlotSettings& s) { s.updates = 0x80000001U; },
      [](SlotSettings& s) { s.age = 0x01020304U; },
      [](SlotSettings& s) { s.history[7] = -40; },
      [](SlotSettings& s) { s.history_count = 8; },
  };
}

TEST(SettingsStore, EveryFieldIsComparedAndSaved) {
  const SettingsStore fresh;
  const auto changes = field_changes();
  const std::vector<std::uint8_t> fresh_bytes = fresh.serialise();
  ASSERT_EQ(fresh_bytes.size(), 1024U * 40 + 256 * 4 + 8);
  std::set<std::string_view> names;
  for (const isa::FieldInfo& field : isa::kSlotSettingsFields) names.insert(field.stem);
  ASSERT_EQ(changes.size(), names.size()) << "one change a field";
  for (std::size_t i = 0; i < changes.size(); ++i) {
    SettingsStore store;
    changes[i](store.slot(1000));
    EXPECT_FALSE(store == fresh) << "field " << i;
    EXPECT_TRUE(store.slot(1000) != fresh.slot(1000)) << "field " << i;
    const std::vector<std::uint8_t> bytes = store.serialise();
    EXPECT_EQ(bytes.size(), fresh_bytes.size());
    SettingsStore restored;
    changes[(i + 1) % changes.size()](restored.slot(7));
    restored.deserialise(bytes);
    EXPECT_TRUE(restored == store) << "field " << i;
  }
}

TEST(SettingsStore, ScalarsAndRegistersAreSaved) {
  SettingsStore store;
  for (int i = 0; i < isa::kScalars; ++i)
    store.set_scalar(i, 0x3f800000U + static_cast<std::uint32_t>(i) * 77);
  store.set_seed(0xdeadbeefU);
  store.set_step(0x12345678U);
  const std::vector<std::uint8_t> bytes = store.serialise();
  SettingsStore restored;
  restored.deserialise(bytes);
  EXPECT_TRUE(restored == store);
  EXPECT_EQ(restored.scalar(255), 0x3f800000U + 255 * 77);
  EXPECT_EQ(restored.seed(), 0xdeadbeefU);
  EXPECT_EQ(restored.step(), 0x12345678U);
  // Little-endian, step last.
  const std::vector<std::uint8_t> tail(bytes.end() - 8, bytes.end());
  EXPECT_EQ(tail, (std::vector<std::uint8_t>{0xef, 0xbe, 0xad, 0xde, 0x78, 0x56, 0x34, 0x12}));

  SettingsStore other = store;
  other.set_step(1);
  EXPECT_FALSE(other == store);
  other = store;
  other.set_seed(1);
  EXPECT_FALSE(other == store);
  other = store;
  other.set_scalar(9, 1);
  EXPECT_FALSE(other == store);
}

TEST(SettingsStore, RefusesSavedStateThatIsWrongAndKeepsItsOwn) {
  SettingsStore store;
  store.slot(1).width = 7;
  const SettingsStore before = store;
  const std::vector<std::uint8_t> good = SettingsStore().serialise();
  std::vector<std::vector<std::uint8_t>> wrong(7, good);
  wrong[0].pop_back();
  wrong[1].push_back(0);
  wrong[2].clear();
  wrong[3][3] = 3;   // rounding of slot 0
  wrong[4][36] = 9;  // history count of slot 0
  wrong[5][4] = 6;   // policy of slot 0
  wrong[6][37] = 1;  // a bit of no field
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_THROW(store.deserialise(wrong[i]), std::invalid_argument) << i;
    EXPECT_TRUE(store == before) << i;
  }
  EXPECT_NO_THROW(store.deserialise(good));
}

}  // namespace
}  // namespace anzan::models::settings_store_test
