// What an HBM slice is made of: its geometry, its timings and its controller, and which of that is
// impossible. The meaning of every field is on models/hbm.md too; presets with their sources: workloads/hbm/.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace anzan::models {

enum class HbmScheduling { kInOrder, kFrFcfs };
constexpr std::array<const char*, 2> kHbmSchedulings{"in_order", "fr_fcfs"};  // their names, in their order

// Times without a unit in their name are in clocks of the memory; between commands, from command to command
// unless stated otherwise. The defaults are those of workloads/hbm/hbm2_2000.json.
struct HbmParameters {
  int channels = 4;      // pseudo-channels of the slice; a power of two
  int width_bits = 64;   // data pins of one; two beats a clock
  int burst_bytes = 32;  // of one column command: width_bits / 8 · burst length
  int bank_groups = 4;   // powers of two; at most 64 banks together
  int banks_per_group = 4;
  int row_bytes = 1024;
  int rows = 16384;            // of a bank
  int interleave_bytes = 256;  // address -> pseudo-channel: one follows the other every so many bytes

  HbmScheduling scheduling = HbmScheduling::kFrFcfs;
  int queue_depth = 32;  // requests of one pseudo-channel, from presented to their last column command
  int pass_limit = 64;   // fr_fcfs: column commands that may pass the oldest request
  int frontend_latency_ns = 10;  // from the presenting of a request to the controller's queue
  int backend_latency_ns = 10;   // from the end of the data burst to the requester

  int clock_ps = 1000;      // tCK
  int activate_clocks = 2;  // an activate takes so many clocks of the row bus; it counts at the last of them
  int t_rcd_read = 12;      // activate -> read
  int t_rcd_write = 6;      // activate -> write
  int t_rp = 14;            // precharge -> activate, refresh
  int t_ras = 28;           // activate -> precharge
  int t_rc = 42;            // activate -> activate of the same bank
  int t_rrd_s = 4;          // activate -> activate of another bank group
  int t_rrd_l = 6;          // … of the same bank group
  int t_faw = 16;           // activate -> the fourth activate after it
  int t_ccd_s = 2;          // read -> read, write -> write of another bank group
  int t_ccd_l = 3;          // … of the same bank group
  int t_cl = 18;            // read -> first clock of its data
  int t_cwl = 7;            // write -> first clock of its data
  int t_rtw = 18;           // read -> write
  int t_wtr_s = 4;          // end of a write's data -> read of another bank group
  int t_wtr_l = 9;          // … of the same bank group
  int t_rtp = 5;            // read -> precharge
  int t_wr = 14;            // end of a write's data -> precharge
  int t_rfc = 260;          // refresh -> activate, refresh
  int t_refi = 3900;        // all-bank refreshes fall due every so many clocks from reset on

  int banks() const { return bank_groups * banks_per_group; }
  int burst_clocks() const { return burst_bytes * 4 / width_bits; }
  std::int64_t clock_fs() const { return std::int64_t{clock_ps} * 1000; }
  std::int64_t bytes() const { return std::int64_t{channels} * banks() * rows * row_bytes; }
  double peak_gb_per_s() const { return 1e3 * channels * burst_bytes / burst_clocks() / clock_ps; }
};

// Every integer of HbmParameters: the name is that of the member and of the JSON key.
struct HbmField {
  const char* name;
  int HbmParameters::*member;
  int least, most;
};
constexpr int kHbmFields = 33;
const std::array<HbmField, kHbmFields>& hbm_fields();

struct HbmFinding {
  std::string field;     // a name of hbm_fields()
  std::string found;     // its value
  std::string expected;  // what would have been possible
};

// Everything that no memory could be, or that the model cannot hold; empty: nothing. A core of `lanes` has
// lines of 4 · lanes bytes. What is only unwise is no finding: a t_faw too short to matter, say.
std::vector<HbmFinding> check(const HbmParameters& parameters, int lanes);

}  // namespace anzan::models
