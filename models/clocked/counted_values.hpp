// The values of a tensor or vector unit that is a model among RTL: settings come through the settings store's
// port during setup, then the instruction is executed with nothing but these; what it counts goes row by row
// through an analysis block that is RTL, and line by line to the statistics database. Page: README.md.
#pragma once
#include <vector>

#include "models/clocked/borrowed_settings.hpp"
#include "models/clocked/pin_cycles.hpp"
#include "models/clocked/rtl_block.hpp"
#include "models/clocked/unit_values.hpp"
#include "models/timing.hpp"

namespace anzan::models::clocked {

class CountedValues final : public UnitValues, public Transactor {
 public:
  // `analysis`: null for the model of it.
  CountedValues(const Clock& clock, PinCycles& pins, CountingPort port, RtlAnalysisBlock* analysis)
      : clock_(clock), pins_(pins), port_(port), analysis_(analysis) {
    pins.join(PinCycles::Order::kUnits, *this);
  }
  void restart(const isa::Program& program, const Surroundings& surroundings, MeaningOnCore& meaning);

  void started(const Job& job) override;
  void granted() override;

 private:
  void pins(std::int64_t now) override;
  void look_up(std::int64_t number);
  void execute();
  void count_row(std::int64_t now);
  void merge_line(std::int64_t now);

  const Clock& clock_;
  PinCycles& pins_;
  CountingPort port_;
  RtlAnalysisBlock* analysis_;
  const isa::Program* program_ = nullptr;
  Surroundings around_;
  MeaningOnCore* meaning_ = nullptr;

  const Job* job_ = nullptr;
  std::int64_t started_ = 0;
  bool executed_ = true;
  std::vector<int> slots_, scalars_;  // to be looked up, one a cycle
  BorrowedSettings settings_;
  std::vector<kernels::AnalysedRow> rows_;
  std::size_t next_row_ = 0;
  SlotStatistics counted_;
  int line_ = kDatabaseLines;  // of a grant, the next
};

}  // namespace anzan::models::clocked
