// An instruction as the clocked models see it: what of it decides time.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isa/program.hpp"
#include "models/kernels/jobs.hpp"

namespace anzan::models::clocked {

struct Job {
  std::size_t index = 0;  // in the program
  isa::Unit unit = isa::Unit::kSequencer;
  std::uint32_t wait = 0, signal = 0;
  std::uint32_t remote_signal = 0;  // of a put: raised at the receiver
  int receiver = 0;                 // of a put: its core
  bool leaves = false;              // a put to another core
  std::int64_t rows_sent = 0;
  std::int64_t fetch_cycles = 1;
  std::int64_t work_cycles = 0;                 // W - S, where HBM has no part
  bool merges = false;                          // statistics, after its last write
  int slot = 0;                                 // of these, or of what the settings unit does
  isa::Opcode settings = isa::Opcode::kSettle;  // what the settings unit does
  bool reads_hbm = false, writes_hbm = false;
  kernels::Nest nest{};  // of the rows in HBM, where it reads or writes HBM
  kernels::Stream rows{};
  int rows_per_line_log2 = 0;  // also of a put
};

// Of core number `core` among `cores`. Throws isa::ProgramError for a copy from HBM to HBM, a put to a core
// that is not there, and a program without `end`.
std::vector<Job> jobs_of(const isa::Program& program, int lanes, int core = 0, int cores = 1);

}  // namespace anzan::models::clocked
