// The core's clock: cycles since a program's start as times of the SystemC kernel, and back. No process runs
// for a cycle in which nothing happens.
#pragma once
#include <cstdint>
#include <systemc>

namespace anzan::models::clocked {

class Clock {
 public:
  // The kernel's time resolution must be a femtosecond.
  explicit Clock(std::int64_t period_fs) : period_fs_(period_fs) {}

  std::int64_t period_fs() const { return period_fs_; }
  void restart() { origin_ = sc_core::sc_time_stamp(); }  // this instant is cycle 0

  std::int64_t cycle() const {
    return static_cast<std::int64_t>((sc_core::sc_time_stamp() - origin_).value()) / period_fs_;
  }
  sc_core::sc_time cycles(std::int64_t count) const {
    return sc_core::sc_time::from_value(static_cast<sc_core::sc_time::value_type>(count * period_fs_));
  }
  // Notifies in that cycle, which may not have passed. An earlier notification that is pending stays.
  void notify(sc_core::sc_event& event, std::int64_t cycle) const {
    event.notify(origin_ + cycles(cycle) - sc_core::sc_time_stamp());
  }

 private:
  std::int64_t period_fs_;
  sc_core::sc_time origin_;
};

}  // namespace anzan::models::clocked
