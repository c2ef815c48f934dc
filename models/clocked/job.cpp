// Program to jobs: see job.hpp.
#include "models/clocked/job.hpp"

#include "models/affine.hpp"
#include "models/number_format.hpp"
#include "models/timing.hpp"

namespace anzan::models::clocked {
namespace {

void describe_hbm(Job& job, const isa::Copy& c, const isa::ProgramError::Place& place) {
  job.reads_hbm = c.src_space == isa::Space::kHbm;
  job.writes_hbm = c.dst_space == isa::Space::kHbm;
  if (job.reads_hbm && job.writes_hbm)
    throw isa::ProgramError(place, "a copy from HBM to HBM", "one side in the scratchpad");
  if (!job.reads_hbm && !job.writes_hbm) return;
  const isa::Address& rows = job.reads_hbm ? c.src : c.dst;
  job.nest = nest_of(c.loops, 0, isa::kLoops);
  job.rows = stream_of(rows.base, rows.stride, 0, isa::kLoops);
  job.rows_per_line_log2 = log2_elements_per_word(c.element);
  simplify(job.nest, {&job.rows});
}

// The entry of the statistics database, or of the settings store, that an instruction changes.
int slot_of(const isa::Instruction& instruction) {
  if (const auto* i = std::get_if<isa::Tensor>(&instruction)) return i->slot_o;
  if (const auto* i = std::get_if<isa::Vector>(&instruction)) return i->slot_o;
  if (const auto* i = std::get_if<isa::Update>(&instruction)) return i->slot;
  if (const auto* i = std::get_if<isa::Settle>(&instruction)) return i->slot;
  if (const auto* i = std::get_if<isa::Take>(&instruction)) return i->slot;
  if (const auto* i = std::get_if<isa::Give>(&instruction)) return i->slot;
  return 0;
}

}  // namespace

std::vector<Job> jobs_of(const isa::Program& program, int lanes, int core, int cores) {
  std::vector<Job> jobs;
  isa::ProgramError::Place place;
  for (const isa::Instruction& instruction : program) {
    place.instruction = jobs.size();
    Job job;
    job.index = jobs.size();
    job.unit = isa::unit(instruction);
    job.wait = isa::wait(instruction);
    job.signal = isa::signal(instruction);
    job.fetch_cycles = fetch_cycles(instruction, lanes);
    job.work_cycles = work_cycles(instruction);
    job.merges = merges(instruction);
    job.slot = slot_of(instruction);
    if (job.unit == isa::Unit::kSettings) job.settings = isa::opcode(instruction);
    if (const auto* copy = std::get_if<isa::Copy>(&instruction)) {
      place.field = "src_space";
      describe_hbm(job, *copy, place);
    }
    if (const auto* put = std::get_if<isa::Put>(&instruction)) {
      place.field = "core";
      if (put->core >= cores)
        throw isa::ProgramError(place, std::to_string(put->core),
                                cores == 1 ? "0, the only core" : "below " + std::to_string(cores));
      job.remote_signal = put->remote_signal;
      job.receiver = put->core;
      job.leaves = put->core != core;
      job.rows_sent = iterations(put->loops, 0, isa::kLoops);
      job.rows_per_line_log2 = log2_elements_per_word(put->element);
    }
    jobs.push_back(job);
    if (job.unit == isa::Unit::kSequencer) return jobs;
  }
  place.field = "opcode";
  throw isa::ProgramError(place, "the end of the program", "end");
}

}  // namespace anzan::models::clocked
