// The fields of an HBM slice, and which values contradict each other.
#include "models/hbm_timing.hpp"

#include <algorithm>

namespace anzan::models {
namespace {

constexpr int kMostClocks = 1 << 20;

bool power_of_two(std::int64_t value) { return value > 0 && (value & (value - 1)) == 0; }

class Checker {
 public:
  explicit Checker(const HbmParameters& parameters) : p_(parameters) {}

  void ranges() {
    for (const HbmField& f : hbm_fields()) {
      const int value = p_.*f.member;
      if (value < f.least || value > f.most) {
        add(f.member, "an integer from " + std::to_string(f.least) + " to " + std::to_string(f.most));
      }
    }
  }
  void powers_of_two(std::initializer_list<int HbmParameters::*> members) {
    for (const auto member : members) {
      if (!power_of_two(p_.*member)) add(member, "a power of two");
    }
  }
  void at_least(int HbmParameters::*member, std::int64_t least, const std::string& what) {
    if (p_.*member < least) add(member, "at least " + std::to_string(least) + " = " + what);
  }
  // The first finding of a field stands for it.
  void add(int HbmParameters::*member, std::string expected) {
    const auto& fields = hbm_fields();
    const std::string name = std::find_if(fields.begin(), fields.end(), [&](const HbmField& f) {
                               return f.member == member;
                             })->name;
    if (std::any_of(findings_.begin(), findings_.end(), [&](const auto& f) { return f.field == name; }))
      return;
    findings_.push_back({name, std::to_string(p_.*member), std::move(expected)});
  }
  bool clean() const { return findings_.empty(); }
  std::vector<HbmFinding> take() { return std::move(findings_); }

 private:
  const HbmParameters& p_;
  std::vector<HbmFinding> findings_;
};

using P = HbmParameters;

void check_geometry(const HbmParameters& p, int line_bytes, Checker& checker) {
  checker.powers_of_two({&P::channels, &P::width_bits, &P::burst_bytes, &P::bank_groups, &P::banks_per_group,
                         &P::row_bytes, &P::interleave_bytes});
  if (std::int64_t{p.bank_groups} * p.banks_per_group > 64)
    checker.add(&P::banks_per_group, "at most 64 banks in a pseudo-channel");
  checker.at_least(&P::burst_bytes, p.width_bits / 4, "the bytes of one clock, width_bits / 4");
  const int unit = std::max(line_bytes, p.burst_bytes);
  checker.at_least(&P::row_bytes, unit, "a line of the core and a burst");
  if (p.interleave_bytes % unit != 0) {
    checker.add(&P::interleave_bytes,
                "a multiple of a line of the core and of a burst: " + std::to_string(unit));
  } else if (checker.clean() && p.interleave_bytes > p.bytes() / p.channels) {
    checker.add(&P::interleave_bytes, "at most the bytes of a pseudo-channel");
  }
}

void check_timings(const HbmParameters& p, Checker& checker) {
  const std::int64_t burst = p.width_bits > 0 ? std::int64_t{p.burst_bytes} * 4 / p.width_bits : 1;
  checker.at_least(&P::t_ccd_s, burst, "the clocks of a burst");
  checker.at_least(&P::t_ccd_l, p.t_ccd_s, "t_ccd_s");
  checker.at_least(&P::t_rrd_l, p.t_rrd_s, "t_rrd_s");
  checker.at_least(&P::t_wtr_l, p.t_wtr_s, "t_wtr_s");
  checker.at_least(&P::t_faw, p.t_rrd_s, "t_rrd_s");
  checker.at_least(&P::t_ras, std::max(p.t_rcd_read, p.t_rcd_write), "the larger of t_rcd_read, t_rcd_write");
  checker.at_least(&P::t_rc, std::int64_t{p.t_ras} + p.t_rp, "t_ras + t_rp");
  checker.at_least(&P::t_rtw, burst + p.t_cl - p.t_cwl, "t_cl + burst - t_cwl, or their data would meet");
  // Between two refreshes the oldest request must be able to open its row and use it.
  const std::int64_t closing = std::max<std::int64_t>({p.t_ras, burst + p.t_cwl + p.t_wr, p.t_rtp}) + p.t_rc;
  const std::int64_t opening = std::int64_t{p.activate_clocks} + std::max(p.t_rcd_read, p.t_rcd_write) + 4;
  checker.at_least(&P::t_refi, p.t_rfc + closing + opening,
                   "t_rfc and the time to close all rows and to open one");
}

}  // namespace

const std::array<HbmField, kHbmFields>& hbm_fields() {
  static constexpr std::array<HbmField, kHbmFields> kFields{{
      {"channels", &P::channels, 1, 64},
      {"width_bits", &P::width_bits, 8, 1024},
      {"burst_bytes", &P::burst_bytes, 4, 1024},
      {"bank_groups", &P::bank_groups, 1, 64},
      {"banks_per_group", &P::banks_per_group, 1, 64},
      {"row_bytes", &P::row_bytes, 16, 1 << 20},
      {"rows", &P::rows, 1, 1 << 24},
      {"interleave_bytes", &P::interleave_bytes, 16, 1 << 30},
      {"queue_depth", &P::queue_depth, 1, 1024},
      {"pass_limit", &P::pass_limit, 1, 4096},
      {"frontend_latency_ns", &P::frontend_latency_ns, 0, 100000},
      {"backend_latency_ns", &P::backend_latency_ns, 0, 100000},
      {"clock_ps", &P::clock_ps, 1, 1000000},
      {"activate_clocks", &P::activate_clocks, 1, 16},
      {"t_rcd_read", &P::t_rcd_read, 1, kMostClocks},
      {"t_rcd_write", &P::t_rcd_write, 1, kMostClocks},
      {"t_rp", &P::t_rp, 1, kMostClocks},
      {"t_ras", &P::t_ras, 1, kMostClocks},
      {"t_rc", &P::t_rc, 1, kMostClocks},
      {"t_rrd_s", &P::t_rrd_s, 1, kMostClocks},
      {"t_rrd_l", &P::t_rrd_l, 1, kMostClocks},
      {"t_faw", &P::t_faw, 1, kMostClocks},
      {"t_ccd_s", &P::t_ccd_s, 1, kMostClocks},
      {"t_ccd_l", &P::t_ccd_l, 1, kMostClocks},
      {"t_cl", &P::t_cl, 1, kMostClocks},
      {"t_cwl", &P::t_cwl, 1, kMostClocks},
      {"t_rtw", &P::t_rtw, 1, kMostClocks},
      {"t_wtr_s", &P::t_wtr_s, 1, kMostClocks},
      {"t_wtr_l", &P::t_wtr_l, 1, kMostClocks},
      {"t_rtp", &P::t_rtp, 1, kMostClocks},
      {"t_wr", &P::t_wr, 1, kMostClocks},
      {"t_rfc", &P::t_rfc, 1, kMostClocks},
      {"t_refi", &P::t_refi, 1, 1 << 30},
  }};
  return kFields;
}

std::vector<HbmFinding> check(const HbmParameters& parameters, int lanes) {
  Checker checker(parameters);
  checker.ranges();
  check_geometry(parameters, 4 * lanes, checker);
  check_timings(parameters, checker);
  return checker.take();
}

}  // namespace anzan::models
