// See traces.hpp.
#include "sim/traces.hpp"

#include "models/clocked/core.hpp"
#include "sim/chrome_trace.hpp"
#include "sim/text_trace.hpp"

namespace anzan::sim {

void write_traces(const ProgramCost& cost, const CostOptions& chip, const TraceOptions& options,
                  const std::filesystem::path& directory) {
  if (options.events) {
    write_chrome_trace(directory / "trace.json", cost.program, cost.timing, chip.core.lanes, chip.clock_ghz,
                       cost.regions);
    write_trace(directory / "trace.txt", make_trace(cost.program, cost.timing));
  }
  if (options.waveform) {
    // a core of its own: a waveform begins with the first run
    models::clocked::ClockedCore core(chip.core);
    core.trace((directory / "trace").string());
    core.run(cost.program);
  }
}

}  // namespace anzan::sim
