// statistics_database: both sets through the host port; random merges and updates, their grants and the bits
// they leave, against the rules and models::StatisticsDatabase; and the merges and updates of random programs
// at the times that the ticking core says.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

#include "models/settings_optimiser.hpp"
#include "models/timing.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/settings_bench.hpp"
#include "tests/models/clocked/random_schedule.hpp"
#include "tests/models/clocked/ticking_core.hpp"

namespace anzan::cosim::statistics_database_cosim_test {
namespace {

constexpr int kPass = models::kMergeCycles;

class Database : public ::testing::Test {
 protected:
  // Counts of an instruction; some so large that sums of a few stop.
  models::LocalStatistics counts() {
    models::LocalStatistics local;
    const auto draw = [this] {
      return values_.one_in(4) ? 0 : (values_.word() & 0xffffffffU) >> values_.between(0, 31);
    };
    for (std::uint64_t& bin : local.histogram) bin = draw();
    for (std::uint64_t* other :
         {&local.values, &local.zeros, &local.saturated_high, &local.saturated_low, &local.underflows})
      *other = draw();
    return local;
  }
  static CounterWords words_of(const models::LocalStatistics& local) {
    models::SlotStatistics s;
    s.add(local);
    return counter_words(s);
  }
  CounterWords noise() {
    CounterWords words;
    for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(values_.word());
    return words;
  }
  SettingsBench bench_;
  CornerValues values_{51};
};

TEST_F(Database, HostReadsWhatItWrote) {
  std::vector<CounterWords> sets;
  const std::vector<int> slots = {
      0, 1, 2, 511, 512, 1023, 1024, 32768, isa::kSlotsMax - 2, isa::kSlotsMax - 1};
  for (const int slot : slots)
    for (const Set set : {Set::kWindow, Set::kTotal}) {
      sets.push_back(noise());
      bench_.write_counters(slot, set, sets.back());
    }
  std::size_t n = 0;
  for (const int slot : slots)
    for (const Set set : {Set::kWindow, Set::kTotal})
      EXPECT_EQ(bench_.read_counters(slot, set), sets[n++]) << slot;
  bench_.write_counters(511, Set::kTotal, {});
  EXPECT_EQ(bench_.read_counters(511, Set::kTotal), CounterWords{});
  EXPECT_EQ(bench_.read_counters(511, Set::kWindow), sets[6]);
}

// The rules once more, cycle by cycle, with the models' values. A slot whose update is under way has no
// merges, as semaphores guarantee it.
class Traffic : public Database {
 protected:
  static constexpr int kNone = -1;
  struct Merge {
    bool active = false;
    int slot = 0, granted = kNone;
    models::LocalStatistics local;
    CounterWords words{};
  };
  struct Update {
    bool active = false;
    int slot = 0, asks = kNone, granted = kNone;  // asks: first cycle of the request, kNone when granted
    bool second = false;
  };

  void SetUp() override {
    for (const int slot : slots_) {
      models::SlotSettings& s = store_.slot(slot);
      s.policy = static_cast<isa::Policy>(values_.between(0, isa::kPolicyInfo.size - 1));
      s.width = static_cast<std::uint8_t>(values_.between(2, 16));
      s.decay = static_cast<std::uint8_t>(values_.between(0, 255));
      s.interval = static_cast<std::uint16_t>(values_.between(1, 3));
      s.r_max = static_cast<std::uint32_t>(values_.word());
      s.window = 4;
      bench_.write_entry(slot, isa::pack(s));
      for (const Set set : {Set::kWindow, Set::kTotal}) bench_.write_counters(slot, set, {});
    }
  }
  bool taken(int slot) const {
    return (update_.active && update_.slot == slot) || (merges_[0].active && merges_[0].slot == slot) ||
           (merges_[1].active && merges_[1].slot == slot);
  }
  int draw_slot() { return slots_[static_cast<std::size_t>(values_.between(0, 5))]; }

  void begin(int rareness) {
    for (Merge& merge : merges_) {
      const int slot = draw_slot();
      if (merge.active || !values_.one_in(rareness) || (update_.active && update_.slot == slot)) continue;
      merge = {true, slot, kNone, counts(), {}};
      merge.words = words_of(merge.local);
    }
    const int slot = draw_slot();
    if (update_.active || !values_.one_in(rareness) || taken(slot)) return;
    update_ = {true, slot, now_ + 1, kNone, false};
    bench_.present(update_of(slot));
  }

  void drive_ports() {
    Vsettings_bench& rtl = bench_.rtl();
    unsigned asking = 0, slots = 0;
    for (int port = 0; port < 2; ++port) {
      const Merge& merge = merges_[static_cast<std::size_t>(port)];
      const bool asks = merge.active && merge.granted == kNone;
      asking |= (asks ? 1U : 0U) << port;
      slots |= static_cast<unsigned>(asks ? merge.slot : values_.between(0, isa::kSlotsMax - 1))
               << (16 * port);
      const int line = merge.granted == kNone ? 0 : now_ - merge.granted;
      if (merge.active && line < models::kDatabaseLines)
        bench_.present_counts(port, merge.words, line);
      else
        bench_.present_counts(port, noise(), 0);
    }
    rtl.req_i = static_cast<CData>(asking);
    rtl.slot_i = slots;
  }

  unsigned grant() {
    if (now_ <= busy_to_) return 0;
    for (std::size_t port = 0; port < 2; ++port) {
      Merge& merge = merges_[port];
      if (!merge.active || merge.granted != kNone) continue;
      merge.granted = now_;
      busy_to_ = now_ + kPass - 1;
      database_.merge(merge.slot, merge.local);
      return 1U << port;
    }
    if (!update_.active || update_.asks == kNone || update_.asks > now_) return 0;
    busy_to_ = now_ + kPass - 1;
    update_.asks = kNone;
    update_.granted = now_;
    if (update_.second) models::update(store_.slot(update_.slot), database_.window(update_.slot));
    return 4;
  }
  // Whether the update ends in this cycle.
  bool end() {
    for (Merge& merge : merges_) merge.active = merge.active && now_ != busy_end(merge.granted);
    if (!update_.active || update_.granted == kNone || now_ != busy_end(update_.granted)) return false;
    update_.granted = kNone;
    update_.active = !update_.second;
    if (!update_.second) update_.asks = now_ + models::kScanCycles + 1;
    return std::exchange(update_.second, !update_.second);
  }
  static int busy_end(int granted) { return granted == kNone ? kNone : granted + kPass - 1; }

  const std::array<int, 6> slots_ = {0, 1, 1077, 1078, isa::kSlotsMax - 2, isa::kSlotsMax - 1};
  models::SettingsStore store_{isa::kSlotsMax};
  models::StatisticsDatabase database_{isa::kSlotsMax};
  std::array<Merge, 2> merges_;
  Update update_;
  int now_ = 0, busy_to_ = kNone;
};

TEST_F(Traffic, GrantsAndBits) {
  int grants[5] = {};
  for (; now_ < 200000; ++now_) {
    const int phase = now_ / 1000 % 4;  // nearly idle to saturated, the last cycles without new work
    if (now_ < 199000) begin(phase == 0 ? 100 : phase == 1 ? 20 : phase == 2 ? 3 : 1);
    drive_ports();
    bench_.settle_outputs();
    const unsigned granted = grant();
    ASSERT_EQ(bench_.rtl().gnt_o, granted) << "cycle " << now_;
    ++grants[granted];
    ASSERT_EQ(bench_.rtl().done_o != 0, end()) << "cycle " << now_;
    bench_.end_cycle();
    bench_.rtl().start_i = 0;
  }
  EXPECT_GT(grants[1], 1000);
  EXPECT_GT(grants[2], 500);
  EXPECT_GT(grants[4], 200);
  ASSERT_FALSE(update_.active || merges_[0].active || merges_[1].active);
  for (const int slot : slots_) {
    EXPECT_EQ(bench_.read_counters(slot, Set::kWindow), counter_words(database_.window(slot))) << slot;
    EXPECT_EQ(bench_.read_counters(slot, Set::kTotal), counter_words(database_.total(slot))) << slot;
    EXPECT_EQ(bench_.read_entry(slot), isa::pack(store_.slot(slot))) << slot;
  }
}

// Every merge, update and settle of a program at the cycles of the ticking core.
class Programs : public Database {
 protected:
  void replay(const isa::Program& program, const models::ProgramTiming& timing) {
    std::map<std::int64_t, std::size_t> starts;
    std::map<std::int64_t, int> grants;                 // port by cycle
    std::set<std::pair<std::int64_t, int>> first_asks;  // cycle and port
    std::set<std::int64_t> ends;
    for (std::size_t i = 0; i < program.size(); ++i) {
      const models::InstructionTiming& t = timing.instructions[i];
      if (isa::unit(program[i]) == isa::Unit::kSettings) {
        starts[t.started] = i;
        ends.insert(t.ended);
      } else if (models::merges(program[i])) {
        const int port = isa::unit(program[i]) == isa::Unit::kTensor ? 0 : 1;
        first_asks.insert({t.worked + 1, port});
        grants[t.ended - kPass + 1] = port;
      }
    }
    Vsettings_bench& rtl = bench_.rtl();
    unsigned asking = 0;
    for (std::int64_t now = 0; now < timing.cycles; ++now) {
      for (int port = 0; port < 2; ++port) asking |= (first_asks.count({now, port}) != 0 ? 1U : 0U) << port;
      const auto start = starts.find(now);
      if (start != starts.end()) bench_.present(program[start->second]);
      rtl.req_i = static_cast<CData>(asking);
      bench_.settle_outputs();
      const auto grant = grants.find(now);
      const unsigned granted = grant == grants.end() ? 0 : 1U << grant->second;
      ASSERT_EQ(rtl.gnt_o & 3U, granted) << "cycle " << now;
      ASSERT_EQ(rtl.done_o != 0, ends.count(now) != 0) << "cycle " << now;
      asking &= ~granted;
      bench_.end_cycle();
      rtl.start_i = 0;
    }
  }
};

TEST_F(Programs, AsTheTickingCore) {
  std::int64_t waits = 0;
  int updates = 0;
  for (std::uint64_t seed = 1; seed <= 12 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    reference::ScheduleShape shape;
    shape.instructions = 200;
    shape.lanes = 16;
    const isa::Program program = reference::random_schedule(seed, shape);
    const models::ProgramTiming timing = reference::tick(program, {});
    waits += timing.database_wait_cycles;
    for (const isa::Instruction& i : program) updates += std::holds_alternative<isa::Update>(i) ? 1 : 0;
    replay(program, timing);
  }
  EXPECT_GT(waits, 100);
  EXPECT_GT(updates, 50);
}

}  // namespace
}  // namespace anzan::cosim::statistics_database_cosim_test
