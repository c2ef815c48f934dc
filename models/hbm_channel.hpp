// The controller of one HBM pseudo-channel and the banks behind it, in clocks of the memory (models/hbm.md
// gives the scheduling rules). Online and deterministic: what happens in clock t depends only on requests
// that have arrived by t. It jumps from command to command; a clock in which nothing happens costs nothing.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "models/hbm_timing.hpp"
#include "models/program_timing.hpp"

namespace anzan::models {

// A read or write of `bursts` neighbouring columns of one row. Bank numbers run through the bank groups
// first.
struct HbmAccess {
  std::int64_t id = 0;
  std::int64_t arrival_clock = 0;
  std::int32_t row = 0, column = 0;
  std::int16_t bank = 0, bursts = 1;
  bool write = false;
};

// A request has left the queue: its last column command was given at `clock`.
struct HbmDeparture {
  std::int64_t id, clock;
  bool write;
};

struct HbmCommand {
  enum class Kind { kActivate, kPrecharge, kPrechargeAll, kRead, kWrite, kRefresh };
  Kind kind;
  std::int64_t clock;                 // the first clock of the command
  int bank = 0, row = 0, column = 0;  // as far as the kind has them
  std::int64_t id = -1;               // of the request, for kRead and kWrite
};

class HbmChannel {
 public:
  explicit HbmChannel(const HbmParameters& parameters);  // must have passed check()

  void reset();  // clock 0: banks closed, no request, no timer running, counters zero

  bool full() const { return free_ < 0; }
  bool idle() const { return queued_ == 0; }

  // Queues a request. Requests come in order of arrival, none in a clock that run() has passed, none while
  // full.
  void push(const HbmAccess& access);

  // Gives all commands of clocks before `limit`. A refresh that fell due before is brought to its end.
  void run(std::int64_t limit);

  // Runs until one request has left; its departure is the last. Not while idle.
  void run_until_departure();

  // Requests that have left since the list was last cleared, in order of their clocks.
  std::vector<HbmDeparture>& departures() { return departures_; }

  const HbmCounters& counters() const { return counters_; }

  void set_log(std::vector<HbmCommand>* log) { log_ = log; }  // null: none; must outlive the channel's use

 private:
  static constexpr std::int16_t kNone = -1;
  static constexpr std::int64_t kNever = INT64_MAX;

  struct Slot {  // a request; `next` is that of its bank, or of those to arrive or of free slots
    HbmAccess access;
    std::int64_t sequence = 0;
    std::int16_t done = 0;  // bursts
    std::int16_t next = kNone, previous = kNone, older = kNone, younger = kNone;
    bool activated = false;  // it had its row opened for itself
  };
  struct Bank {
    int open_row = kNone;
    std::int16_t first = kNone, last = kNone;  // its requests by age
    std::int16_t hit = kNone;                  // the one that may use the open row next,
    int hit_kind = 0;                          // 0: a read, 1: a write
    std::int64_t hit_sequence = 0;
    std::int64_t column_ready[2] = {0, 0};  // read, write
    std::int64_t precharge_ready = 0, activate_ready = 0;
  };
  struct Group {
    std::int64_t column_ready[2] = {0, 0};
    std::int64_t activate_ready = 0;
  };
  struct Plan {  // the next command of a bus, if nothing else happens
    std::int64_t clock = kNever, sequence = kNever;
    int bank = kNone;
    bool valid = false;
  };

  bool step(std::int64_t limit);  // the next command or arrival before `limit`, if any
  void arrive();
  void give_column();
  void give_row();
  void activate(int number);
  void precharge(int number);
  void refresh();
  void plan_column();
  void plan_row();
  void consider_column(int number);
  void consider_row(int number);
  std::int64_t column_clock(int number) const;
  std::int64_t row_clock(int number) const;
  std::int16_t find_hit(int number) const;
  void update_bank(int number);
  void depart(int slot);
  bool capped() const { return passed_ >= pass_limit_; }
  Group& group_of(int bank) { return groups_[bank & (p_.bank_groups - 1)]; }
  const Group& group_of(int bank) const { return groups_[bank & (p_.bank_groups - 1)]; }
  void log(const HbmCommand& command) {
    if (log_ != nullptr) log_->push_back(command);
  }

  HbmParameters p_;
  int pass_limit_;     // 0: in order
  int write_to_read_;  // first clock of a write command to the end of its data
  std::vector<Slot> slots_;
  std::vector<Bank> banks_;
  std::vector<Group> groups_;
  std::int16_t free_ = kNone, arriving_first_ = kNone, arriving_last_ = kNone;
  int queued_ = 0;                                  // arrived or not
  std::uint64_t hit_banks_ = 0;                     // banks with a hit
  std::uint64_t row_banks_ = 0;                     // banks with requests and without one
  std::int16_t oldest_ = kNone, youngest_ = kNone;  // of the requests that have arrived
  int passed_ = 0;                                  // column commands that have passed it
  std::int64_t sequence_ = 0;
  std::int64_t now_ = 0;                   // nothing can happen before
  std::int64_t column_ready_[2] = {0, 0};  // of the channel: read, write
  std::int64_t activate_ready_ = 0;
  std::int64_t row_bus_free_ = 0;
  std::array<std::int64_t, 4> activates_{};  // the last four, a ring
  int next_activate_ = 0;
  std::int64_t refresh_due_ = 0;
  Plan column_plan_, row_plan_;
  HbmCounters counters_;
  std::vector<HbmDeparture> departures_;
  std::vector<HbmCommand>* log_ = nullptr;
};

}  // namespace anzan::models
