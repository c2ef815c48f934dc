// The traces of one training step, or of one collective: Chrome trace events, text records, and the waveform
// of the blocks.
#pragma once
#include <filesystem>

#include "sim/cost/chip_cost.hpp"
#include "sim/cost/collective_cost.hpp"

namespace anzan::sim {

struct TraceOptions {
  bool events = false;        // trace.json (Perfetto) and trace.txt; of further cores trace_core_N.txt
  bool waveform = false;      // trace.vcd
  bool rtl_waveform = false;  // trace.fst of a whole run on the engine rtl
};

// Of all cores that were simulated for `cost`, and of the links between them, into `directory`, which exists.
// Runs the step once more where a record of it was not kept. Throws std::system_error where a file cannot be
// written, and as ClockedSystem::run.
void write_traces(const ChipCost& cost, const compiler::CompiledModel& model, const CostOptions& chip,
                  const TraceOptions& options, const std::filesystem::path& directory);

// The run of `cost` once more, as Chrome trace events (chrome_trace.hpp), into a file. Throws as
// write_traces.
void trace_collective(const Configuration& configuration, const CollectiveCost& cost,
                      const std::filesystem::path& file);

}  // namespace anzan::sim
