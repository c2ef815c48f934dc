// The HBM slice of one core: pseudo-channels behind a port that takes a line a core cycle (models/hbm.md).
// Outside, time is in cycles of the core counted from reset; the channels keep their own clock.
//
// Two ways lead to the same cycles: run() carries one whole walk of the DMA through at once; present() and
// collect() take single requests, for a requester that is itself clocked.
#pragma once
#include <cstdint>
#include <vector>

#include "models/hbm_channel.hpp"
#include "models/hbm_timing.hpp"
#include "models/program_timing.hpp"

namespace anzan::models {

// Requests of one kind that the DMA presents in order, one a cycle, `outstanding` of them at most being under
// way. Request i is presented in the first cycle a_i that is at least first_cycle, a_(i-1) + 1 and
// w_(i-outstanding) + 1 and finds room in the queue of its channel; it retires in w_i = max(done_i, w_(i-1) +
// 1), done_i being the cycle in which its data stands at the DMA, or in which its write is known to be done.
struct LineWalk {
  std::int64_t first_cycle = 0;
  int outstanding = 64;
  bool write = false;
};

struct HbmCompletion {
  std::int64_t id, cycle;
  bool operator==(const HbmCompletion& other) const { return id == other.id && cycle == other.cycle; }
};

class Hbm {
 public:
  // Throws std::invalid_argument with all findings of check(), or for a period below 1.
  Hbm(const HbmParameters& parameters, int lanes, std::int64_t core_clock_fs);

  // Cycle 0: banks closed, nothing under way, counters zero. The next refresh is a t_refi away.
  void reset();

  std::int64_t lines() const { return lines_; }  // addresses are in [0, lines)

  // A walk over `count` lines, the k-th at the k-th value of next_line() (std::int64_t); returns w_(count-1).
  // Throws std::invalid_argument for an address outside, a count or outstanding below 1, or if requests are
  // still under way in first_cycle; only reset() may follow then.
  template <typename NextLine>
  std::int64_t run(const LineWalk& walk, std::int64_t count, NextLine&& next_line) {
    begin(walk, count);
    for (std::int64_t k = 0; k < count; ++k) issue(k, next_line());
    return finish(count);
  }

  // Single requests. Cycles never decrease from call to call. Ids are the caller's.
  bool can_accept(std::int64_t cycle, std::int64_t line);
  void present(std::int64_t cycle, std::int64_t line, bool write, std::int64_t id);  // throws if not accepted
  std::vector<HbmCompletion> collect(std::int64_t cycle);  // new ones up to `cycle`, by cycle, then id

  // Brings refreshes and counters up to the start of `cycle`; cycles of later calls are not before it.
  void advance(std::int64_t cycle);
  HbmCounters counters() const;

  // From here on every command of channel `number` is appended to `log` (null: no longer).
  void log_commands(int number, std::vector<HbmCommand>* log);
  // From here on every request is appended to `log` when it is presented (null: no longer).
  void log_requests(std::vector<HbmRequest>* log) { requests_ = log; }

 private:
  struct Place {
    std::size_t channel;
    HbmAccess access;
  };
  struct Flight {  // one of the last requests of a walk
    std::int64_t done = 0;
    std::size_t channel = 0;
  };

  Place place(std::int64_t line, bool write) const;
  std::int64_t clocks_before(std::int64_t cycle) const;  // that have begun by the start of the cycle
  std::int64_t arrival_clock(std::int64_t cycle) const;
  std::int64_t room_cycle(std::int64_t departure_clock) const;  // first that sees the room left behind
  std::int64_t done_cycle(const HbmDeparture& departure) const;

  void begin(const LineWalk& walk, std::int64_t count);
  void issue(std::int64_t number, std::int64_t line);
  std::int64_t finish(std::int64_t count);
  void retire_next();
  void note_departures(HbmChannel& channel);
  void gather(std::int64_t cycle);

  HbmParameters p_;
  std::int64_t core_time_, clock_time_, front_time_, back_time_;  // in their largest common unit
  std::int64_t lines_ = 0;
  int bursts_ = 1;  // of a line
  int line_shift_ = 0, unit_shift_ = 0, interleave_shift_ = 0, channel_shift_ = 0, group_shift_ = 0,
      column_shift_ = 0, bank_shift_ = 0;
  std::vector<HbmChannel> channels_;

  LineWalk walk_;
  std::vector<Flight> flights_;  // a ring; done is 0 while unknown
  std::int64_t ring_mask_ = 0;
  std::int64_t presented_cycle_ = -1, retired_cycle_ = -1, retired_ = 0;

  std::int64_t cycle_ = 0;  // of the last call
  std::vector<HbmCompletion> ready_;
  std::vector<HbmRequest>* requests_ = nullptr;
};

}  // namespace anzan::models
