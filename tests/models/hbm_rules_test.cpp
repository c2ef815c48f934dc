// Random requests to pseudo-channels of random timings. Two references that share nothing with the model: a
// check of every pair of commands against every timing, and a controller that follows the rules of
// models/hbm.md clock by clock, asking that check what it may do. The model must give the same commands in
// the same clocks.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "models/hbm_channel.hpp"

namespace anzan::models::hbm_rules_test {
namespace {

using Kind = HbmCommand::Kind;
using Log = std::vector<HbmCommand>;

bool is_column(Kind kind) { return kind == Kind::kRead || kind == Kind::kWrite; }

// Why `c` may not follow `e`, or null. An activate counts at its last clock.
const char* conflict(const HbmParameters& p, const HbmCommand& e, const HbmCommand& c) {
  const auto counts = [&](const HbmCommand& x) {
    return x.clock + (x.kind == Kind::kActivate ? p.activate_clocks - 1 : 0);
  };
  const std::int64_t distance = counts(c) - counts(e);
  const bool bank = e.bank == c.bank, group = e.bank % p.bank_groups == c.bank % p.bank_groups;
  const int burst = p.burst_bytes * 8 / (2 * p.width_bits), written = p.t_cwl + burst;
  const bool closes = c.kind == Kind::kPrechargeAll || (c.kind == Kind::kPrecharge && bank);
  if (is_column(e.kind) != is_column(c.kind)) {
    if (e.kind == Kind::kRead && closes && distance < p.t_rtp) return "t_rtp";
    if (e.kind == Kind::kWrite && closes && distance < written + p.t_wr) return "t_wr";
    if (e.kind == Kind::kActivate && bank &&
        distance < (c.kind == Kind::kRead ? p.t_rcd_read : p.t_rcd_write)) {
      return "t_rcd";
    }
    return nullptr;
  }
  if (is_column(e.kind)) {
    if (e.kind == c.kind) return distance < (group ? p.t_ccd_l : p.t_ccd_s) ? "t_ccd" : nullptr;
    if (e.kind == Kind::kRead) {
      if (e.clock + p.t_cl + burst > c.clock + p.t_cwl) return "data bus";
      return distance < p.t_rtw ? "t_rtw" : nullptr;
    }
    return distance < written + (group ? p.t_wtr_l : p.t_wtr_s) ? "t_wtr" : nullptr;
  }
  if (c.clock < counts(e) + 1) return "row bus";
  if (e.kind == Kind::kActivate && closes && distance < p.t_ras) return "t_ras";
  if (e.kind == Kind::kRefresh && distance < p.t_rfc) return "t_rfc";
  if (e.kind == Kind::kActivate && (c.kind == Kind::kRefresh || (c.kind == Kind::kActivate && bank))) {
    return distance < p.t_rc ? "t_rc" : nullptr;
  }
  if (e.kind == Kind::kActivate && c.kind == Kind::kActivate) {
    return distance < (group ? p.t_rrd_l : p.t_rrd_s) ? "t_rrd" : nullptr;
  }
  const bool precharged = e.kind == Kind::kPrechargeAll || (e.kind == Kind::kPrecharge && bank);
  if ((precharged && c.kind == Kind::kActivate) ||
      ((precharged || e.kind == Kind::kPrecharge) && c.kind == Kind::kRefresh)) {
    return distance < p.t_rp ? "t_rp" : nullptr;
  }
  return nullptr;
}

// Why `c` may not follow log[0, count), or null.
const char* conflict(const HbmParameters& p, const Log& log, std::size_t count, const HbmCommand& c) {
  int activates = 0;
  for (std::size_t k = count; k-- > 0;) {
    if (c.clock - log[k].clock > 2000) break;  // longer than any timing of these tests
    if (const char* text = conflict(p, log[k], c)) return text;
    if (c.kind == Kind::kActivate && log[k].kind == Kind::kActivate && ++activates == 4) {
      if (c.clock - log[k].clock < p.t_faw) return "t_faw";
    }
  }
  return nullptr;
}

class Controller {
 public:
  explicit Controller(const HbmParameters& p)
      : p_(p), open_(static_cast<std::size_t>(p.banks()), -1), due_(p.t_refi) {}

  Log run(std::vector<HbmAccess> requests) {
    std::size_t next = 0;
    for (std::int64_t clock = 0; next < requests.size() || !queue_.empty(); ++clock) {
      while (next < requests.size() && requests[next].arrival_clock <= clock)
        queue_.push_back({requests[next++], 0});
      if (clock >= due_) {
        refresh(clock);
      } else {
        column(clock);
        row(clock);
      }
    }
    return log_;
  }

 private:
  struct Entry {
    HbmAccess access;
    int done;
  };

  bool give(const HbmCommand& c) {
    if (conflict(p_, log_, log_.size(), c) != nullptr) return false;
    log_.push_back(c);
    return true;
  }
  bool only_oldest() const { return p_.scheduling == HbmScheduling::kInOrder || passed_ >= p_.pass_limit; }

  void refresh(std::int64_t clock) {
    if (std::any_of(open_.begin(), open_.end(), [](int row) { return row >= 0; })) {
      if (give({Kind::kPrechargeAll, clock})) std::fill(open_.begin(), open_.end(), -1);
    } else if (give({Kind::kRefresh, clock})) {
      due_ += p_.t_refi;
    }
  }

  // The entry of the bank that may use its open row, or -1.
  int hit(int bank) const {
    int first = -1;
    for (std::size_t k = 0; k < queue_.size(); ++k) {
      const HbmAccess& a = queue_[k].access;
      if (a.bank != bank) continue;
      if (first < 0) first = static_cast<int>(k);
      const bool matches = a.row == open_[static_cast<std::size_t>(bank)];
      const bool may_pass = p_.scheduling == HbmScheduling::kFrFcfs && !(only_oldest() && first == 0);
      if (matches) return static_cast<int>(k);
      if (!may_pass) return -1;
    }
    return -1;
  }

  void column(std::int64_t clock) {
    for (std::size_t k = 0; k < queue_.size(); ++k) {
      if (k > 0 && only_oldest()) return;
      Entry& entry = queue_[k];
      const HbmAccess& a = entry.access;
      if (hit(a.bank) != static_cast<int>(k)) continue;
      if (!give({a.write ? Kind::kWrite : Kind::kRead, clock, a.bank, a.row, a.column + entry.done, a.id}))
        continue;
      if (k > 0) ++passed_;
      if (++entry.done == a.bursts) {
        queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(k));
        if (k == 0) passed_ = 0;
      }
      return;
    }
  }

  void row(std::int64_t clock) {
    std::vector<bool> seen(open_.size());
    for (const Entry& entry : queue_) {
      const int bank = entry.access.bank;
      if (seen[static_cast<std::size_t>(bank)]) continue;
      seen[static_cast<std::size_t>(bank)] = true;
      if (hit(bank) >= 0) continue;
      int& open = open_[static_cast<std::size_t>(bank)];
      if (open >= 0 && give({Kind::kPrecharge, clock, bank})) {
        open = -1;
        return;
      }
      if (open < 0 && give({Kind::kActivate, clock, bank, entry.access.row})) {
        open = entry.access.row;
        return;
      }
    }
  }

  HbmParameters p_;
  std::vector<int> open_;
  std::vector<Entry> queue_;
  int passed_ = 0;
  std::int64_t due_;
  Log log_;
};

class Cases {
 public:
  explicit Cases(std::uint64_t seed) : random_(seed) {}

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

  HbmParameters parameters() {
    for (;;) {
      HbmParameters p;
      p.scheduling = below(2) == 0 ? HbmScheduling::kInOrder : HbmScheduling::kFrFcfs;
      p.bank_groups = 1 << below(3);
      p.banks_per_group = 1 << below(3);
      p.queue_depth = 1 + below(40);
      p.pass_limit = 1 + below(20);
      p.activate_clocks = 1 + below(3);
      const auto vary = [&](int& value) { value = std::max(1, value / 2 + below(value + 1)); };
      for (int* value :
           {&p.t_rcd_read, &p.t_rcd_write, &p.t_rp, &p.t_ras, &p.t_rc, &p.t_rrd_s, &p.t_rrd_l, &p.t_faw,
            &p.t_ccd_s, &p.t_ccd_l, &p.t_cl, &p.t_cwl, &p.t_rtw, &p.t_wtr_s, &p.t_wtr_l, &p.t_rtp, &p.t_wr}) {
        vary(*value);
      }
      p.t_faw += below(40);
      p.t_rfc = 20 + below(300);
      p.t_refi = 300 + below(1500);
      if (check(p, 16).empty()) return p;
    }
  }

  std::vector<HbmAccess> requests(const HbmParameters& p, int count) {
    const int pace = 1 << below(7), rows = 1 + below(4), banks = 1 + below(p.banks()), writes = below(3);
    std::vector<HbmAccess> list;
    std::int64_t clock = 0;
    for (int k = 0; k < count; ++k) {
      clock += below(50) == 0 ? below(3 * p.t_refi) : below(pace);
      HbmAccess a;
      a.id = k;
      a.arrival_clock = clock;
      a.bank = static_cast<std::int16_t>(below(banks));
      a.row = below(rows);
      a.bursts = static_cast<std::int16_t>(1 << below(3));
      a.column = below(4) * 4;
      a.write = writes == 2 || (writes == 1 && below(3) == 0);
      list.push_back(a);
    }
    return list;
  }

 private:
  std::mt19937_64 random_;
};

// Requests that find no room come later: `requests` then holds when. `eager`: the channel is brought to now
// before every request.
Log commands_of(const HbmParameters& p, std::vector<HbmAccess>& requests, bool eager) {
  HbmChannel channel(p);
  Log log;
  channel.set_log(&log);
  std::int64_t least = 0;
  for (HbmAccess& a : requests) {
    if (channel.full()) {
      channel.run(std::max(least, a.arrival_clock));
      if (channel.full()) {
        channel.run_until_departure();
        least = std::max(least, channel.departures().back().clock + 1);
      }
    }
    a.arrival_clock = least = std::max(least, a.arrival_clock);
    if (eager) channel.run(a.arrival_clock);
    channel.push(a);
  }
  while (!channel.idle()) channel.run_until_departure();
  return log;
}

bool same(const HbmCommand& a, const HbmCommand& b) {
  return a.kind == b.kind && a.clock == b.clock && a.bank == b.bank && a.row == b.row &&
         a.column == b.column && a.id == b.id;
}

TEST(HbmRules, TheModelGivesTheCommandsOfTheControllerThatCountsClocks) {
  std::size_t commands = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Cases cases(seed);
    const HbmParameters p = cases.parameters();
    std::vector<HbmAccess> requests = cases.requests(p, 120);
    const Log log = commands_of(p, requests, false);
    const Log expected = Controller(p).run(requests);
    for (std::size_t k = 0; k < std::max(log.size(), expected.size()); ++k) {
      ASSERT_TRUE(k < log.size() && k < expected.size() && same(log[k], expected[k]))
          << "seed " << seed << " command " << k << " clock " << (k < log.size() ? log[k].clock : -1)
          << ", expected " << (k < expected.size() ? expected[k].clock : -1);
    }
    std::vector<HbmAccess> again = requests;
    const Log eager = commands_of(p, again, true);
    ASSERT_TRUE(eager.size() == log.size() && std::equal(log.begin(), log.end(), eager.begin(), same))
        << "seed " << seed;
    commands += log.size();
  }
  EXPECT_GT(commands, 100000U);
}

// Requests of one line are served in the order of their arrival, and each is served once and whole.
void expect_order(const std::vector<HbmAccess>& requests, const Log& log, std::uint64_t seed) {
  std::vector<int> served(requests.size());
  std::vector<std::int64_t> last(requests.size());
  for (const HbmCommand& c : log) {
    if (!is_column(c.kind)) continue;
    const auto id = static_cast<std::size_t>(c.id);
    ASSERT_EQ(c.column, requests[id].column + served[id]) << "seed " << seed;
    ++served[id];
    last[id] = c.clock;
  }
  for (std::size_t k = 0; k < requests.size(); ++k) {
    ASSERT_EQ(served[k], requests[k].bursts) << "seed " << seed;
    for (std::size_t e = 0; e < k; ++e) {
      const HbmAccess &a = requests[e], &b = requests[k];
      if (a.bank == b.bank && a.row == b.row && a.column == b.column) {
        ASSERT_LT(last[e], last[k]) << "seed " << seed;
      }
    }
  }
}

TEST(HbmRules, EveryPairOfCommandsKeepsEveryTiming) {
  for (std::uint64_t seed = 1000; seed < 1100; ++seed) {
    Cases cases(seed);
    const HbmParameters p = cases.parameters();
    std::vector<HbmAccess> requests = cases.requests(p, 1000);
    const Log log = commands_of(p, requests, false);
    std::vector<int> open(static_cast<std::size_t>(p.banks()), -1);
    std::int64_t due = p.t_refi;
    for (std::size_t k = 0; k < log.size(); ++k) {
      const HbmCommand& c = log[k];
      const char* why = conflict(p, log, k, c);
      ASSERT_EQ(why, nullptr) << "seed " << seed << " command " << k << " clock " << c.clock << ": " << why;
      int& row = open[static_cast<std::size_t>(c.bank)];
      if (is_column(c.kind)) {
        ASSERT_EQ(row, c.row) << "seed " << seed;
      }
      if (c.kind == Kind::kActivate) {
        ASSERT_EQ(row, -1) << "seed " << seed;
        row = c.row;
      }
      if (c.kind == Kind::kPrecharge) row = -1;
      if (c.kind == Kind::kPrechargeAll) std::fill(open.begin(), open.end(), -1);
      if (c.kind == Kind::kRefresh) {
        ASSERT_EQ(std::count(open.begin(), open.end(), -1), p.banks()) << "seed " << seed;
        ASSERT_GE(c.clock, due) << "seed " << seed;
        due += p.t_refi;
        ASSERT_LT(c.clock, due) << "seed " << seed;
      }
    }
    expect_order(requests, log, seed);
  }
}

}  // namespace
}  // namespace anzan::models::hbm_rules_test
