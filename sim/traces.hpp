// The traces of one run of a program: Chrome trace events, text records, and the waveform of the blocks.
#pragma once
#include <filesystem>

#include "sim/chip_cost.hpp"

namespace anzan::sim {

struct TraceOptions {
  bool events = false;        // trace.json (Perfetto) and trace.txt
  bool waveform = false;      // trace.vcd
  bool rtl_waveform = false;  // trace.fst of a whole run on the engine rtl
};

// Into `directory`, which exists. Throws std::system_error where a file cannot be written.
void write_traces(const ProgramCost& cost, const CostOptions& chip, const TraceOptions& options,
                  const std::filesystem::path& directory);

}  // namespace anzan::sim
