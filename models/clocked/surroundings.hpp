// What a unit meets at its ports besides the sequencer, in plain C++: settings store and statistics database
// as registers that are asked in one cycle and answer in the next, whether they are models or RTL. Page:
// README.md.
#pragma once
#include <array>
#include <cstdint>

#include "isa/isa_generated.hpp"
#include "models/core.hpp"
#include "models/hbm.hpp"
#include "models/settings_store.hpp"

namespace anzan::models::clocked {

// What instructions need of a slot to read and write values.
using Lookup = isa::Lookup;

enum class CountingPort { kTensor = 0, kVector = 1 };  // of settings store and statistics database

// Answers to what was asked in a cycle stand from the next one until something else is asked.
class SettingsFace {
 public:
  virtual ~SettingsFace() = default;
  virtual void look_up(CountingPort port, int slot) = 0;
  virtual Lookup looked_up(CountingPort port) const = 0;
  virtual void look_up_scalar(int number) = 0;  // of the vector unit
  virtual std::uint32_t scalar() const = 0;
  virtual std::uint32_t seed() const = 0;
  virtual std::uint32_t step() const = 0;

  // The settings optimiser's port: a whole entry.
  virtual void read_entry(int slot) = 0;
  virtual SlotSettings entry() const = 0;
  // From the next cycle on: width, points and rounding, and where `state` the optimiser's state too.
  virtual void write_entry(int slot, const SlotSettings& settings, bool state) = 0;
};

// A line of the statistics database: counters in the order of isa.json, zeros after the last.
using CounterLine = std::array<std::uint32_t, isa::kCountersPerLine>;

// The data of a grant that begins in cycle g. Only who has been granted speaks.
class StatisticsFace {
 public:
  virtual ~StatisticsFace() = default;
  virtual void add(CountingPort port, int slot, int line, const CounterLine& counts) = 0;  // in g + line
  virtual void read(int slot, int line) = 0;  // in g + line; window() answers in g + line + 1
  virtual CounterLine window() const = 0;
  virtual void write(int slot, int line, const CounterLine& window) = 0;  // in g + line
  // In g + line: the total leaves, and the window loses it; window() answers with it in g + line + 1.
  virtual void take(int slot, int line) = 0;
  virtual void give(int slot, int line, const CounterLine& counts) = 0;  // in g + line: as add
};

struct Surroundings {
  Core* core = nullptr;  // its memories
  Hbm* hbm = nullptr;    // when requests are answered
  SettingsFace* settings = nullptr;
  StatisticsFace* statistics = nullptr;
};

}  // namespace anzan::models::clocked
