// RTL blocks as the clocked core sees them: each is called once in every cycle in which it has something to
// do, and knows the pins; what lies beyond them stands in surroundings.hpp. Plain C++: who implements this
// need not see SystemC. Page: README.md.
#pragma once
#include <cstdint>
#include <memory>

#include "isa/program.hpp"
#include "models/clocked/surroundings.hpp"
#include "models/kernels/jobs.hpp"

namespace anzan::models::clocked {

class RtlUnit {
 public:
  virtual ~RtlUnit() = default;

  // A program begins: the unit is reset.
  virtual void restart(const Surroundings& surroundings) = 0;
  // The next cycle is S of this instruction; the unit is idle.
  virtual void start(const isa::Instruction& instruction) = 0;

  struct Outputs {
    bool wrote, done;  // in this cycle
    bool asks;         // from the next cycle on: for the statistics database
  };
  // A clock cycle; `granted`: it is the first of a grant of the database. Cycles between instructions are
  // left out. Throws std::logic_error if the unit does what no instruction says.
  virtual Outputs cycle(std::int64_t now, bool granted) = 0;
};

// Memories: their clock falls at the end of a cycle in which somebody has used them.
class RtlSettingsStore : public SettingsFace {
 public:
  // What programs use of the slots below `slots`; load() leaves nothing of use in the core's own store.
  virtual void load(Core& core, int slots) = 0;
  virtual void store(Core& core, int slots) = 0;
  virtual void end_cycle() = 0;
};

class RtlStatisticsDatabase : public StatisticsFace {
 public:
  virtual void load(Core& core, int slots) = 0;  // as above
  virtual void store(Core& core, int slots) = 0;
  // The ports that ask in this cycle, a bit each, and the slot of each; the port that is granted, or -1.
  virtual int ask(unsigned ports, const std::array<int, 3>& slots) = 0;
  virtual void end_cycle() = 0;
};

class RtlAnalysisBlock {
 public:
  virtual ~RtlAnalysisBlock() = default;
  virtual void clear() = 0;                                 // a cycle: an instruction begins
  virtual void count(const kernels::AnalysedRow& row) = 0;  // a cycle: the row is counted
  virtual CounterLine line(int number) = 0;                 // of what has been counted
};

// The blocks of a core that are RTL; null: a model.
struct RtlBlocks {
  std::unique_ptr<RtlUnit> dma, tensor_unit, vector_unit, settings_optimiser, network_unit;
  std::unique_ptr<RtlSettingsStore> settings_store;
  std::unique_ptr<RtlStatisticsDatabase> statistics_database;
  std::unique_ptr<RtlAnalysisBlock> tensor_analysis, vector_analysis;  // of units that are models
  int slots = 0;                                                       // programs use slots below

  bool any() const {
    return dma || tensor_unit || vector_unit || settings_optimiser || network_unit || settings_store ||
           statistics_database || tensor_analysis || vector_analysis;
  }
};

}  // namespace anzan::models::clocked
