// The commands of one pseudo-channel, computed by hand from the rules of models/hbm.md and the figures of
// HBM2 at 2.0 Gb/s a pin: t_rcd 12/6, t_rp 14, t_ras 28, t_rrd 4/6, t_faw 16, t_ccd 2/3, t_cl 18, t_cwl 7,
// t_rtw 18, t_wtr 4/9, t_rtp 5, t_wr 14, t_rfc 260, t_refi 3900; an activate takes two clocks and counts at
// the second.
#include "models/hbm_channel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace anzan::models::hbm_channel_test {
namespace {

using ::testing::ElementsAre;

// Bank numbers: 0 and 4 share a bank group, 0 to 3 are in different ones.
HbmAccess access(std::int64_t id, std::int64_t clock, int bank, int row, int bursts, bool write) {
  HbmAccess a;
  a.id = id;
  a.arrival_clock = clock;
  a.bank = static_cast<std::int16_t>(bank);
  a.row = row;
  a.bursts = static_cast<std::int16_t>(bursts);
  a.write = write;
  return a;
}
HbmAccess read(std::int64_t id, std::int64_t clock, int bank, int row, int bursts = 1) {
  return access(id, clock, bank, row, bursts, false);
}
HbmAccess write(std::int64_t id, std::int64_t clock, int bank, int row, int bursts = 1) {
  return access(id, clock, bank, row, bursts, true);
}

// "clock ACT bank row", "clock PRE bank", "clock PREA", "clock RD id", "clock WR id", "clock REF"
std::string text(const HbmCommand& c) {
  const std::string at = std::to_string(c.clock);
  switch (c.kind) {
    case HbmCommand::Kind::kActivate:
      return at + " ACT " + std::to_string(c.bank) + " " + std::to_string(c.row);
    case HbmCommand::Kind::kPrecharge:
      return at + " PRE " + std::to_string(c.bank);
    case HbmCommand::Kind::kPrechargeAll:
      return at + " PREA";
    case HbmCommand::Kind::kRead:
      return at + " RD " + std::to_string(c.id);
    case HbmCommand::Kind::kWrite:
      return at + " WR " + std::to_string(c.id);
    case HbmCommand::Kind::kRefresh:
      return at + " REF";
  }
  return "?";
}

struct Channel {
  explicit Channel(HbmParameters parameters = {}) : channel(parameters) { channel.set_log(&log); }

  // What the requests make of the channel, after all that came before.
  std::vector<std::string> commands(const std::vector<HbmAccess>& accesses) {
    log.clear();
    for (const HbmAccess& a : accesses) channel.push(a);
    while (!channel.idle()) channel.run_until_departure();
    std::vector<std::string> texts;
    for (const HbmCommand& c : log) texts.push_back(text(c));
    return texts;
  }

  std::vector<HbmCommand> log;
  HbmChannel channel;
};

HbmParameters in_order() {
  HbmParameters p;
  p.scheduling = HbmScheduling::kInOrder;
  return p;
}

TEST(HbmChannel, OpensHitsAndChangesARow) {
  Channel c;
  EXPECT_THAT(c.commands({read(0, 100, 5, 7, 2)}), ElementsAre("100 ACT 5 7", "113 RD 0", "116 RD 0"));
  EXPECT_EQ(c.channel.departures().back().clock, 116);
  EXPECT_THAT(c.commands({read(1, 200, 5, 7, 2)}), ElementsAre("200 RD 1", "203 RD 1"));
  EXPECT_THAT(c.commands({read(2, 300, 5, 8)}), ElementsAre("300 PRE 5", "313 ACT 5 8", "326 RD 2"));
  const HbmCounters& counters = c.channel.counters();
  EXPECT_EQ(counters.read_requests, 3);
  EXPECT_EQ(counters.row_hits, 1);
  EXPECT_EQ(counters.activations, 2);
  EXPECT_EQ(counters.read_bytes, 5 * 32);
  EXPECT_EQ(counters.data_bus_busy_clocks, 5 * 2);
}

TEST(HbmChannel, ARowStaysOpenForItsTimeAndAfterAReadOrWrite) {
  Channel quick;  // t_ras: the activate counts at 1, so 29; t_rc: 43, begun at 42
  EXPECT_THAT(quick.commands({read(0, 0, 0, 1), read(1, 0, 0, 2)}),
              ElementsAre("0 ACT 0 1", "13 RD 0", "29 PRE 0", "42 ACT 0 2", "55 RD 1"));
  Channel late;  // t_rtp after the last of 8 reads: 13 + 7 · 3 + 5
  EXPECT_THAT(late.commands({read(0, 0, 0, 1, 8), read(1, 0, 0, 2)}), ::testing::Contains("39 PRE 0"));
  Channel written;  // t_rcd 6, then t_cwl + burst + t_wr: 7 + 7 + 2 + 14
  EXPECT_THAT(written.commands({write(0, 0, 0, 1), read(1, 0, 0, 2)}),
              ElementsAre("0 ACT 0 1", "7 WR 0", "30 PRE 0", "43 ACT 0 2", "56 RD 1"));
}

TEST(HbmChannel, ColumnCommandsOfABankGroupKeepTheLongerDistance) {
  const std::vector<HbmAccess> opening = {read(0, 0, 0, 1), read(1, 0, 4, 1), read(2, 0, 1, 1)};
  const std::vector<HbmAccess> reads = {read(3, 500, 0, 1), read(4, 500, 4, 1), read(5, 500, 1, 1)};
  Channel first_ready;
  first_ready.commands(opening);
  EXPECT_THAT(first_ready.commands(reads), ElementsAre("500 RD 3", "502 RD 5", "504 RD 4"));
  Channel ordered(in_order());
  ordered.commands(opening);
  EXPECT_THAT(ordered.commands(reads), ElementsAre("500 RD 3", "503 RD 4", "505 RD 5"));
}

TEST(HbmChannel, FourActivatesFitIntoTheirWindow) {
  HbmParameters p;
  p.t_faw = 30;
  Channel c(p);
  const auto commands =
      c.commands({read(0, 0, 0, 1), read(1, 0, 1, 1), read(2, 0, 2, 1), read(3, 0, 3, 1), read(4, 0, 4, 1)});
  EXPECT_THAT(commands,
              ::testing::IsSupersetOf({"0 ACT 0 1", "4 ACT 1 1", "8 ACT 2 1", "12 ACT 3 1", "30 ACT 4 1"}));
  Channel group;  // two of one bank group: t_rrd_l
  EXPECT_THAT(group.commands({read(0, 0, 0, 1), read(1, 0, 4, 1)}), ::testing::Contains("6 ACT 4 1"));
}

TEST(HbmChannel, TheDataBusTurns) {
  const std::vector<HbmAccess> opening = {read(0, 0, 0, 1), read(1, 0, 4, 1), read(2, 0, 1, 1)};
  Channel same;  // 7 + 2 + 9 after the write in its bank group
  same.commands(opening);
  EXPECT_THAT(same.commands({write(3, 500, 0, 1), read(4, 500, 4, 1)}), ElementsAre("500 WR 3", "518 RD 4"));
  Channel other;  // 7 + 2 + 4 in another one
  other.commands(opening);
  EXPECT_THAT(other.commands({write(3, 500, 0, 1), read(4, 500, 1, 1)}), ElementsAre("500 WR 3", "513 RD 4"));
  EXPECT_THAT(other.commands({read(5, 600, 0, 1), write(6, 600, 1, 1)}), ElementsAre("600 RD 5", "618 WR 6"));
}

TEST(HbmChannel, ARefreshClosesAllBanksAndTakesItsTime) {
  Channel
      c;  // the row opens a clock before the refresh falls due: t_ras to 3928, t_rp to 3942, t_rfc to 4202
  EXPECT_THAT(c.commands({read(0, 3899, 0, 1)}),
              ElementsAre("3899 ACT 0 1", "3928 PREA", "3942 REF", "4201 ACT 0 1", "4214 RD 0"));
  EXPECT_EQ(c.channel.counters().row_hits, 0);
  // With all banks closed it begins at once; idle time leaves as many behind as fell due.
  Channel idle;
  EXPECT_THAT(idle.commands({read(0, 7801, 0, 1)}),
              ElementsAre("3900 REF", "7800 REF", "8059 ACT 0 1", "8072 RD 0"));
  idle.channel.run(39001);
  EXPECT_EQ(idle.channel.counters().refreshes, 10);
}

TEST(HbmChannel, FirstReadyLetsHitsPassAndInOrderDoesNot) {
  const std::vector<HbmAccess> requests = {read(1, 500, 0, 2), read(2, 500, 0, 1)};
  Channel first_ready;
  first_ready.commands({read(0, 0, 0, 1)});
  EXPECT_THAT(first_ready.commands(requests),
              ElementsAre("500 RD 2", "505 PRE 0", "518 ACT 0 2", "531 RD 1"));
  Channel ordered(in_order());
  ordered.commands({read(0, 0, 0, 1)});
  EXPECT_THAT(ordered.commands(requests),
              ElementsAre("500 PRE 0", "513 ACT 0 2", "526 RD 1", "542 PRE 0", "555 ACT 0 1", "568 RD 2"));
}

TEST(HbmChannel, InOrderOpensRowsAhead) {
  Channel c(in_order());
  EXPECT_THAT(c.commands({read(0, 0, 0, 1), read(1, 0, 1, 1)}),
              ElementsAre("0 ACT 0 1", "4 ACT 1 1", "13 RD 0", "17 RD 1"));
}

TEST(HbmChannel, HitsPassTheOldestOnlySoOften) {
  HbmParameters p;
  p.pass_limit = 3;
  Channel c(p);
  c.commands({read(0, 0, 0, 1)});
  std::vector<HbmAccess> requests = {read(1, 500, 0, 2)};
  for (int k = 2; k < 7; ++k) requests.push_back(read(k, 500, 0, 1));
  EXPECT_THAT(c.commands(requests),
              ElementsAre("500 RD 2", "503 RD 3", "506 RD 4", "511 PRE 0", "524 ACT 0 2", "537 RD 1",
                          "553 PRE 0", "566 ACT 0 1", "579 RD 5", "582 RD 6"));
}

// A write and a read of one line keep their order, whatever passes them.
TEST(HbmChannel, RequestsOfOneLineKeepTheirOrder) {
  Channel c;
  c.commands({read(0, 0, 0, 1), read(1, 0, 1, 1)});
  EXPECT_THAT(c.commands({write(2, 500, 0, 1, 2), read(3, 500, 0, 1, 2), read(4, 500, 1, 1)}),
              ElementsAre("500 WR 2", "503 WR 2", "516 RD 4", "521 RD 3", "524 RD 3"));
}

TEST(HbmChannel, TakesAsManyRequestsAsItsQueueHolds) {
  HbmParameters p;
  p.queue_depth = 2;
  Channel c(p);
  EXPECT_TRUE(c.channel.idle());
  c.channel.push(read(0, 0, 0, 1));
  EXPECT_FALSE(c.channel.full());
  c.channel.push(read(1, 5, 0, 1));
  EXPECT_TRUE(c.channel.full());
  c.channel.run(13);
  EXPECT_TRUE(c.channel.full());
  c.channel.run(14);
  EXPECT_FALSE(c.channel.full());
}

TEST(HbmChannel, ResetForgetsEverything) {
  Channel c;
  const std::vector<HbmAccess> requests = {read(0, 5, 0, 1, 2), write(1, 9, 0, 2), read(2, 9, 7, 1)};
  const auto first = c.commands(requests);
  c.channel.reset();
  EXPECT_EQ(c.channel.counters().activations, 0);
  EXPECT_EQ(c.commands(requests), first);
}

}  // namespace
}  // namespace anzan::models::hbm_channel_test
