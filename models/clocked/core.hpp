// The clocked core: every block in its place, joined to HBM by a TLM-2.0 socket. Runs one program after
// another; each begins from the same state of time, as after the step barrier. Page: README.md.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "isa/program.hpp"
#include "models/clocked/meaning.hpp"
#include "models/clocked/rtl_block.hpp"
#include "models/hbm_timing.hpp"
#include "models/program_timing.hpp"
#include "models/work_observer.hpp"

namespace anzan::models::clocked {

struct CoreParameters {
  int lanes = 16;
  std::int64_t clock_period_fs = 1'000'000;
  int queue_depth = 8;       // instructions a unit's queue holds
  int dma_outstanding = 64;  // requests to HBM on their way
  HbmParameters hbm;
};

class ClockedCore {
 public:
  // Each has a kernel of its own, so there can be several in a process. Throws std::invalid_argument for
  // parameters out of range.
  explicit ClockedCore(const CoreParameters& parameters);
  // Blocks of `rtl` in place of models; they must have been made for the same parameters. `creation_order` is
  // for tests: each number creates the blocks in another order, on which no result may depend.
  ClockedCore(const CoreParameters& parameters, RtlBlocks rtl, unsigned creation_order = 0);
  ~ClockedCore();

  // Runs a program from its first fetch to its end. `meaning` executes the instructions in the order in which
  // they start; without it the run is dry. Throws isa::ProgramError for a copy from HBM to HBM, a put to
  // another core, and where the units wait for each other forever; and whatever `meaning` throws.
  // Time and values of RTL are one: with RTL blocks, throws std::logic_error.
  ProgramTiming run(const isa::Program& program, Meaning* meaning = nullptr);
  // The same with RTL blocks: they and the models work on the core that `meaning` names, which ends with the
  // bits that a core without RTL would leave. Throws std::logic_error if a block does what no program says.
  ProgramTiming run(const isa::Program& program, MeaningOnCore& meaning);

  // From now on, this is told of every instruction that a program issues.
  void watch(Watch watch);

  // From now on, states of the blocks go to FILE.vcd. Before the first run only.
  void trace(const std::string& file);

  // From now on requests to HBM and grants of the statistics database are appended to `log` (null: no
  // longer). Of a core without RTL.
  void log(BlockLog* log);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace anzan::models::clocked
