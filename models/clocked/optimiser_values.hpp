// The values of a settings unit that is a model among RTL: entry and window come through the ports of
// settings store and statistics database, and go back through them; counters that are moved, too. Page:
// README.md.
#pragma once
#include "models/clocked/pin_cycles.hpp"
#include "models/clocked/surroundings.hpp"
#include "models/clocked/unit_values.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models::clocked {

class OptimiserValues final : public UnitValues, public Transactor {
 public:
  OptimiserValues(const Clock& clock, PinCycles& pins) : clock_(clock), pins_(pins) {
    pins.join(PinCycles::Order::kUnits, *this);
  }
  void restart(const Surroundings& surroundings, MeaningOnCore& meaning) {
    around_ = surroundings;
    meaning_ = &meaning;
  }

  void started(const Job& job) override;
  void granted() override;  // of an update first to read the window, then to write it

 private:
  void pins(std::int64_t now) override;
  void read_window(std::int64_t now);
  void write_window(std::int64_t now);
  void execute();
  void take_line(std::int64_t now);
  void give_line(std::int64_t now);
  SlotStatistics execute_move(const SlotStatistics& counters);

  const Clock& clock_;
  PinCycles& pins_;
  Surroundings around_;
  MeaningOnCore* meaning_ = nullptr;

  const Job* job_ = nullptr;
  std::int64_t started_ = 0;
  std::int64_t granted_ = 0;  // in which cycle
  int grants_ = 0;
  SlotSettings entry_;
  SlotStatistics window_, decayed_;  // or, of counters that are moved, both what is moved
};

}  // namespace anzan::models::clocked
