// The slice as the core sees it: latencies computed by hand, walks against a requester that goes cycle by
// cycle, and what bandwidth streams and scattered lines reach.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <tuple>

#include "models/hbm.hpp"

namespace anzan::models::hbm_walk_test {
namespace {

constexpr std::int64_t kGigahertz = 1000000;  // period in femtoseconds

std::int64_t run(Hbm& hbm, const LineWalk& walk, const std::vector<std::int64_t>& lines) {
  std::size_t k = 0;
  return hbm.run(walk, static_cast<std::int64_t>(lines.size()), [&] { return lines[k++]; });
}

// The same walk with single requests, cycle by cycle, by the definition of LineWalk.
std::int64_t run_by_cycles(Hbm& hbm, const LineWalk& walk, const std::vector<std::int64_t>& lines) {
  const auto count = static_cast<std::int64_t>(lines.size());
  std::map<std::int64_t, std::int64_t> done;
  std::vector<std::int64_t> retired;  // w_i
  std::int64_t presented = 0;
  for (std::int64_t cycle = walk.first_cycle; static_cast<std::int64_t>(retired.size()) < count; ++cycle) {
    // A request that retires in this cycle makes place for one from the next cycle on.
    const bool allowed =
        presented < count && presented - static_cast<std::int64_t>(retired.size()) < walk.outstanding;
    for (const HbmCompletion& c : hbm.collect(cycle)) done[c.id] = c.cycle;
    const auto next = done.find(static_cast<std::int64_t>(retired.size()));
    if (next != done.end()) {
      EXPECT_LE(next->second, cycle);
      retired.push_back(cycle);
    }
    if (allowed && hbm.can_accept(cycle, lines[static_cast<std::size_t>(presented)])) {
      hbm.present(cycle, lines[static_cast<std::size_t>(presented)], walk.write, presented);
      ++presented;
    }
  }
  return retired.back();
}

auto tie(const HbmCounters& c) {
  return std::make_tuple(c.read_requests, c.write_requests, c.read_bytes, c.written_bytes, c.activations,
                         c.row_hits, c.refreshes, c.data_bus_busy_clocks);
}

TEST(HbmWalk, LatenciesComputedByHand) {
  Hbm hbm(HbmParameters{}, 16, kGigahertz);
  // Presented in 100, at the controller in clock 110: activate counts at 111, reads at 123 and 126, data
  // until 126 + 18 + 2, and 10 back.
  EXPECT_EQ(run(hbm, {100, 64, false}, {0}), 156);
  // Row hit: reads at 210 and 213. Four lines further: the bank group comes again, the column follows.
  EXPECT_EQ(run(hbm, {200, 64, false}, {16}), 243);
  // Write: 310, 313, data until 313 + 7 + 2.
  EXPECT_EQ(run(hbm, {300, 64, true}, {16}), 332);
  // One at a time: the next one leaves the cycle after the former has retired.
  EXPECT_EQ(run(hbm, {400, 1, false}, {16, 16}), 443 + 1 + 43);
  // A line shorter than a burst costs a burst; one of 128 bytes four.
  Hbm narrow(HbmParameters{}, 4, kGigahertz);
  EXPECT_EQ(run(narrow, {100, 64, false}, {0}), 153);
  EXPECT_EQ(narrow.counters().read_bytes, 32);
  Hbm wide(HbmParameters{}, 32, kGigahertz);
  EXPECT_EQ(run(wide, {100, 64, false}, {0}), 162);
  EXPECT_EQ(wide.counters().read_bytes, 128);
}

TEST(HbmWalk, ClocksAreConvertedOutwards) {
  // 1 GHz memory, core of 3 ns: presented at 30 ns, at the controller at 40, data and way back end at 86:
  // cycle 29.
  Hbm slow_core(HbmParameters{}, 16, 3 * kGigahertz);
  EXPECT_EQ(run(slow_core, {10, 64, false}, {0}), 29);
  // Memory of 3 ns, core of 1 ns: presented at 10, at the controller at 20, clock 7 (21 ns); activate counts
  // in clock 8, reads in 20 and 23, data until clock 43 (129 ns), 10 back.
  HbmParameters slow;
  slow.clock_ps = 3000;
  Hbm fast_core(slow, 16, kGigahertz);
  EXPECT_EQ(run(fast_core, {10, 64, false}, {0}), 139);
}

TEST(HbmWalk, EveryLineHasAPlaceOfItsOwn) {
  for (const int lanes : {4, 16, 32}) {
    HbmParameters p;
    p.rows = 8;
    p.channels = 2;
    p.queue_depth = 1024;
    Hbm hbm(p, lanes, kGigahertz);
    std::vector<std::vector<HbmCommand>> logs(2);
    for (int c = 0; c < 2; ++c) hbm.log_commands(c, &logs[static_cast<std::size_t>(c)]);
    std::vector<std::int64_t> lines;
    for (std::int64_t k = 0; k < hbm.lines(); ++k) lines.push_back(k);
    run(hbm, {0, 64, false}, lines);
    std::map<std::tuple<std::size_t, int, int, int>, int> columns;
    for (std::size_t c = 0; c < logs.size(); ++c) {
      for (const HbmCommand& command : logs[c]) {
        if (command.kind != HbmCommand::Kind::kRead) continue;
        ++columns[{c, command.bank, command.row, command.column}];
        EXPECT_LT(command.row, p.rows);
        EXPECT_LT(command.column, p.row_bytes / p.burst_bytes);
      }
    }
    EXPECT_EQ(static_cast<std::int64_t>(columns.size()), p.bytes() / p.burst_bytes);
    for (const auto& [place, times] : columns) EXPECT_EQ(times, std::max(1, p.burst_bytes / (4 * lanes)));
  }
}

TEST(HbmWalk, BothWaysGiveTheSameCycles) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint64_t>(n)); };
    HbmParameters p;
    p.scheduling = below(2) == 0 ? HbmScheduling::kInOrder : HbmScheduling::kFrFcfs;
    p.channels = 1 << below(4);
    p.queue_depth = 1 + below(20);
    p.clock_ps = 500 + below(2000);
    p.frontend_latency_ns = below(30);
    p.backend_latency_ns = below(30);
    const int lanes = 4 << below(4);
    const std::int64_t core_fs = 300000 + below(3000000);
    Hbm one(p, lanes, core_fs), other(p, lanes, core_fs);
    std::int64_t cycle = below(100);
    for (int walk = 0; walk < 6; ++walk) {
      const LineWalk w{cycle, 1 + below(100), below(2) == 0};
      std::vector<std::int64_t> lines;
      const std::int64_t stride = below(3) == 0 ? 1 + below(300) : 1, base = below(10000);
      const bool scattered = below(3) == 0;
      const int count = 1 + below(400);
      for (int k = 0; k < count; ++k) lines.push_back(scattered ? below(1 << 20) : base + k * stride);
      const std::int64_t last = run(one, w, lines);
      ASSERT_EQ(run_by_cycles(other, w, lines), last) << "seed " << seed << " walk " << walk;
      one.advance(last);
      ASSERT_EQ(tie(one.counters()), tie(other.counters())) << "seed " << seed << " walk " << walk;
      cycle = last + 1 + (below(3) == 0 ? below(20000) : 0);
    }
    one.reset();
    Hbm fresh(p, lanes, core_fs);
    ASSERT_EQ(run(one, {7, 50, false}, {1, 2, 300}), run(fresh, {7, 50, false}, {1, 2, 300}))
        << "seed " << seed;
  }
}

// Share of the peak that 20,000 lines reach, the k-th being at stride · k or, for stride 0, anywhere.
double share_of_peak(HbmScheduling scheduling, bool write, std::int64_t stride) {
  HbmParameters p;
  p.scheduling = scheduling;
  Hbm hbm(p, 16, kGigahertz);
  std::mt19937_64 random(1);
  std::int64_t line = -stride;
  const std::int64_t count = 20000;
  const std::int64_t last = hbm.run({0, 128, write}, count, [&] {
    line = stride == 0 ? static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(hbm.lines()))
                       : (line + stride) % hbm.lines();
    return line;
  });
  return static_cast<double>(count) * 64 / static_cast<double>(last + 1) / p.peak_gb_per_s();
}

TEST(HbmWalk, StreamsComeNearThePeakThatRefreshesLeave) {
  const double left = 1 - 260.0 / 3900;
  for (const bool write : {false, true}) {
    const double first_ready = share_of_peak(HbmScheduling::kFrFcfs, write, 1);
    EXPECT_GT(first_ready, 0.95 * left);
    EXPECT_LT(first_ready, left);
    // In order, the second burst of a line waits for t_ccd_l: five clocks a line instead of four.
    const double in_order = share_of_peak(HbmScheduling::kInOrder, write, 1);
    EXPECT_GT(in_order, 0.95 * 0.8 * left);
    EXPECT_LT(in_order, 0.8 * left);
  }
  // Scattered lines open a row each: at most a row every t_rrd_s, so a line of four clocks in four.
  const double scattered = share_of_peak(HbmScheduling::kFrFcfs, false, 0);
  EXPECT_GT(scattered, 0.6);
  EXPECT_LT(scattered, left);
  // A line of every row of one bank number: all in one channel and one bank group. One bank alone would give
  // a line every t_rc; permuted by the row, they fall to four.
  const double one_bank = 0.25 * 4 / 42;
  EXPECT_GT(share_of_peak(HbmScheduling::kFrFcfs, false, 1024), 3 * one_bank);
}

TEST(HbmWalk, RefusesWhatIsWrong) {
  HbmParameters impossible;
  impossible.t_rc = 1;
  EXPECT_THROW(Hbm(impossible, 16, kGigahertz), std::invalid_argument);
  EXPECT_THROW(Hbm(HbmParameters{}, 16, 0), std::invalid_argument);
  Hbm hbm(HbmParameters{}, 16, kGigahertz);
  EXPECT_EQ(hbm.lines(), (std::int64_t{1} << 30) / 64);
  EXPECT_THROW(run(hbm, {0, 64, false}, {}), std::invalid_argument);
  EXPECT_THROW(run(hbm, {0, 0, false}, {0}), std::invalid_argument);
  EXPECT_THROW(run(hbm, {0, 64, false}, {hbm.lines()}), std::invalid_argument);
  EXPECT_THROW(run(hbm, {0, 64, false}, {-1}), std::invalid_argument);
  hbm.present(5, 0, false, 1);
  EXPECT_THROW(run(hbm, {6, 64, false}, {0}), std::invalid_argument);
  EXPECT_THROW(hbm.present(4, 0, false, 2), std::invalid_argument);
  EXPECT_EQ(hbm.collect(60).size(), 0U);
  EXPECT_EQ(hbm.collect(61), (std::vector<HbmCompletion>{{1, 61}}));
  EXPECT_EQ(run(hbm, {100, 64, false}, {0}), 143);
  EXPECT_THROW(run(hbm, {143, 64, false}, {hbm.lines()}), std::invalid_argument);
}

}  // namespace
}  // namespace anzan::models::hbm_walk_test
