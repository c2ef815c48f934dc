// The energy of a core, added up anew: from each instruction, iteration by iteration, from the commands that
// a memory gives when the copies of a trace are carried to it again, and from the text of a technology file,
// after models/energy.md. Shares no code with models/event_counts and models/energy.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "isa/program.hpp"
#include "models/clocked/core.hpp"
#include "models/program_timing.hpp"

namespace anzan::sim::testing {

struct ReferenceCore {
  models::clocked::CoreParameters parameters;
  std::int64_t scratchpad_kib = 0;
  std::int64_t program_bytes = 0;          // of the longest program
  std::set<int> slots_that_round_by_dice;  // output slots
  int slots = 1024;
};

class EnergyReference {
 public:
  EnergyReference(nlohmann::json technology, ReferenceCore core)
      : technology_(std::move(technology)), core_(std::move(core)) {}

  // Adds one run of a program, `times` as often (-1 takes it away again), but for what flows all the time.
  // Throws std::logic_error where the memory does not end a copy when the trace says.
  void add(const isa::Program& program, const models::ProgramTiming& trace, double times = 1);
  void add_instructions(const isa::Program& program, double times = 1);
  void add_memory(const isa::Program& program, const models::ProgramTiming& trace, double times = 1);
  void add_link_bytes(double bytes) { count("links", "link_byte", bytes); }
  void add_static(double seconds);

  // All that was added, again for each of so many cores, but for links.
  void times_cores(double cores);

  const std::map<std::string, double>& joules() const { return joules_; }  // by component
  double total() const;
  // By figure of the technology: "tensor/product_int8", …
  const std::map<std::string, double>& joules_by_figure() const { return by_figure_; }
  const std::map<std::string, double>& counts() const { return counts_; }  // of events with a figure

 private:
  class Walk;
  void count(const std::string& component, const std::string& event, double n);
  void access(const std::string& component, double kib, double bytes);
  void put(const std::string& component, const std::string& figure, double joules);
  double access_pj(double kib) const;

  nlohmann::json technology_;
  ReferenceCore core_;
  std::map<std::string, double> joules_, by_figure_, counts_;
  std::map<std::string, double> figures_;  // pJ of those that have been looked up
  std::map<double, double> accesses_;      // pJ of a memory of so many KiB
};

}  // namespace anzan::sim::testing
