// Drives settings_bench: entries and counters through the host ports, instructions and merges cycle by cycle.
#pragma once
#include <Vsettings_bench.h>

#include <cstdint>

#include "isa/program.hpp"
#include "sim/rtl/host_words.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim {

using sim::CounterWords, sim::EntryWords, sim::counter_address, sim::counter_words;
using sim::kEntryStride, sim::kScalarsAddress, sim::kSeedAddress, sim::kStepAddress;
using Set = isa::CounterSet;

class SettingsBench {
 public:
  SettingsBench() { rtl_.reset(); }
  Vsettings_bench& rtl() { return *rtl_.operator->(); }

  // What outputs show in this cycle, and its end.
  void settle_outputs() { rtl_->eval(); }
  void end_cycle() { rtl_.cycle(); }

  void write_entry(int slot, const EntryWords& words);
  EntryWords read_entry(int slot);
  void write_counters(int slot, Set set, const CounterWords& words);
  CounterWords read_counters(int slot, Set set);
  void write_store(std::uint32_t address, std::uint32_t word);
  std::uint32_t read_store(std::uint32_t address);

  // Puts the instruction on the ports; start_i is for the caller to lower after the cycle.
  void present(const isa::Instruction& instruction);
  // Line `line` of the counts at port 0 or 1.
  void present_counts(int port, const CounterWords& words, int line);
  // Runs it alone; returns E − S.
  int run(const isa::Instruction& instruction);
  // What a `take` has written last and a `give` will read, and from which line on it did.
  CounterWords& moved() { return moved_; }
  std::uint32_t moved_line() const { return moved_line_; }

 private:
  void move_pieces();

  Verilated<Vsettings_bench> rtl_;
  CounterWords moved_{};
  std::uint32_t moved_line_ = 0;
  int asked_ = -1;  // number of the piece that was asked for in the last cycle
};

isa::Instruction update_of(int slot);
isa::Instruction settle_of(int slot);
isa::Instruction take_of(int slot, std::uint32_t line);
isa::Instruction give_of(int slot, std::uint32_t line);

}  // namespace anzan::cosim
