// Settings store and statistics database of a models::Core behind the ports that RTL units see.
#pragma once
#include "models/clocked/surroundings.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models::clocked {

// Line `line` of the counters, and back.
CounterLine line_of(const SlotStatistics& statistics, int line);
void set_line(SlotStatistics& statistics, int line, const CounterLine& counts);

class ModelSettings final : public SettingsFace {
 public:
  void restart(Core& core) { store_ = &core.settings; }

  void look_up(CountingPort port, int slot) override;
  Lookup looked_up(CountingPort port) const override { return found_[static_cast<std::size_t>(port)]; }
  void look_up_scalar(int number) override { scalar_ = store_->scalar(number); }
  std::uint32_t scalar() const override { return scalar_; }
  std::uint32_t seed() const override { return store_->seed(); }
  std::uint32_t step() const override { return store_->step(); }
  void read_entry(int slot) override { entry_ = store_->slot(slot); }
  SlotSettings entry() const override { return entry_; }
  void write_entry(int slot, const SlotSettings& settings, bool state) override;

 private:
  SettingsStore* store_ = nullptr;
  std::array<Lookup, 2> found_;
  std::uint32_t scalar_ = 0;
  SlotSettings entry_;
};

class ModelStatistics final : public StatisticsFace {
 public:
  void restart(Core& core) { database_ = &core.statistics; }

  void add(CountingPort port, int slot, int line, const CounterLine& counts) override;
  void read(int slot, int line) override { window_ = line_of(database_->window(slot), line); }
  CounterLine window() const override { return window_; }
  void write(int slot, int line, const CounterLine& window) override {
    set_line(database_->window(slot), line, window);
  }
  void take(int slot, int line) override;
  void give(int slot, int line, const CounterLine& counts) override {
    add(CountingPort::kTensor, slot, line, counts);  // whichever port
  }

 private:
  StatisticsDatabase* database_ = nullptr;
  CounterLine window_{};
};

}  // namespace anzan::models::clocked
