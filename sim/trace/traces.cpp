// A waveform, or links that are watched, take a run of their own.
#include "sim/trace/traces.hpp"

#include <fmt/format.h>

#include "models/clocked/core.hpp"
#include "sim/cost/system_runner.hpp"
#include "sim/trace/chrome_trace.hpp"
#include "sim/trace/link_recorder.hpp"
#include "sim/trace/text_trace.hpp"

namespace anzan::sim {
namespace {

void write_events(const TracedRun& run, const std::filesystem::path& directory) {
  write_chrome_trace(directory / "trace.json", run);
  for (std::size_t c = 0; c < run.cores.size(); ++c)
    write_trace(directory / (c == 0 ? "trace.txt" : fmt::format("trace_core_{}.txt", c)),
                make_trace(run.cores[c].program, run.cores[c].timing));
}

void write_one_core(const ProgramCost& cost, const CostOptions& chip, const TraceOptions& options,
                    const std::filesystem::path& directory) {
  if (options.events)
    write_events({{{cost.program, cost.timing, cost.regions}}, chip.core.lanes, chip.clock_ghz}, directory);
  if (options.waveform) {
    // a core of its own: a waveform begins with the first run
    models::clocked::ClockedCore core(chip.core);
    core.trace((directory / "trace").string());
    core.run(cost.program);
  }
}

void write_system(const SystemCost& cost, const compiler::CompiledModel& model, const CostOptions& chip,
                  const TraceOptions& options, const std::filesystem::path& directory) {
  const models::clocked::Alike alike = cost.simulated();
  std::vector<isa::Program> programs;
  for (int c = 0; c < alike.simulated; ++c) programs.push_back(isa::decode(model.step_in_core(c)));
  models::clocked::ClockedSystem system(chip.core, cost.network, cost.options.packet, alike);
  if (options.waveform) system.trace((directory / "trace").string());
  LinkRecorder links(cost.network.topology.links().size());
  const models::clocked::SystemTiming timing = system.run(programs, {}, &links);
  if (!options.events) return;
  TracedRun run{{}, chip.core.lanes, chip.clock_ghz, cost.options.cores_per_chip, &cost.network, &links};
  std::vector<RegionMap> regions;  // of each stage; the traced cores refer to them
  for (const auto& stage : model.stages) regions.push_back({model.regions, stage.region_of});
  for (std::size_t c = 0; c < programs.size(); ++c)
    run.cores.push_back({programs[c], timing.cores[c], regions[model.stage_of(static_cast<int>(c))]});
  write_events(run, directory);
}

}  // namespace

void write_traces(const ChipCost& cost, const compiler::CompiledModel& model, const CostOptions& chip,
                  const TraceOptions& options, const std::filesystem::path& directory) {
  if (!options.events && !options.waveform) return;
  if (cost.system()) {
    write_system(*cost.system(), model, chip, options, directory);
  } else {
    write_one_core(cost.step(), chip, options, directory);
  }
}

void trace_collective(const Configuration& c, const CollectiveCost& cost, const std::filesystem::path& file) {
  const compiler::CollectiveProgram program = compiler::collective_program(cost.collective);
  const models::clocked::Alike cores = SystemRunner::simulated(c.system, cost.cores_simulated < cost.cores);
  std::vector<isa::Program> programs;
  std::vector<RegionMap> regions;
  for (int core = 0; core < cores.simulated; ++core) {
    programs.push_back(program.in_core(core));
    regions.push_back({{{std::string(compiler::name(cost.kind)), ""}},
                       std::vector<std::uint16_t>(programs.back().size(), 0)});
  }
  LinkRecorder links(cost.network.topology.links().size());
  const models::clocked::SystemTiming timing =
      models::clocked::ClockedSystem(c.cost.core, cost.network, c.system.packet, cores)
          .run(programs, {}, &links);
  TracedRun run{{}, c.chip.lanes, c.cost.clock_ghz, c.system.cores_per_chip, &cost.network, &links};
  for (std::size_t core = 0; core < programs.size(); ++core)
    run.cores.push_back({programs[core], timing.cores[core], regions[core]});
  write_chrome_trace(file, run);
}

}  // namespace anzan::sim
