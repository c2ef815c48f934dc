// The schedule as text: what each unit is expected to do for which part of the network, and when.
#include "compiler/schedule/dump_schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "compiler/schedule/schedule.hpp"
#include "isa/units.hpp"

namespace anzan::compiler {
namespace {

struct Row {
  std::int64_t start = std::numeric_limits<std::int64_t>::max(), end = 0, instructions = 0;
  isa::PerWorker<std::int64_t> busy{};
  void add(std::size_t unit, const models::InstructionTiming& t) {
    start = std::min(start, t.started);
    end = std::max(end, t.ended);
    ++instructions;
    busy[unit] += t.ended - t.started + 1;
  }
};

std::string line(const std::string& name, const Row& row) {
  std::string text = fmt::format("{:<30} {:>6} {:>9} {:>9}", name, row.instructions, row.start, row.end);
  for (const std::int64_t busy : row.busy) text += fmt::format(" {:>9}", busy);
  return text + '\n';
}

}  // namespace

std::string schedule_text(const std::string& title, const Listing& listing,
                          const std::vector<Region>& regions, int lanes) {
  const models::ProgramTiming timing = estimate(listing.program, lanes);
  Row all;
  std::vector<Row> rows(regions.size());
  for (std::size_t i = 0; i < listing.program.size(); ++i) {
    if (!isa::works(listing.program[i])) continue;
    const std::size_t unit = isa::worker_number(listing.program[i]);
    rows[listing.region_of[i]].add(unit, timing.instructions[i]);
    all.add(unit, timing.instructions[i]);
  }
  std::string text = fmt::format("# {}: {} cycles expected\n{:<30} {:>6} {:>9} {:>9}", title, timing.cycles,
                                 "cycles busy by unit", "instr.", "start", "end");
  for (std::size_t u = 0; u < isa::kWorkers; ++u) text += fmt::format(" {:>9}", isa::name(isa::worker(u)));
  text += '\n';
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].instructions > 0) text += line(regions[r].layer + " " + regions[r].phase, rows[r]);
  }
  text += line("all", all) + fmt::format("{:<56}", "share of the program");
  for (const std::int64_t busy : all.busy) {
    text +=
        fmt::format(" {:>7.1f} %", 100.0 * static_cast<double>(busy) / static_cast<double>(timing.cycles));
  }
  return text + "\n\n";
}

}  // namespace anzan::compiler
