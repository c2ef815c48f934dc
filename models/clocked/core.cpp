// One core on a kernel of its own.
#include "models/clocked/core.hpp"

#include <systemc>
#include <utility>

#include "models/clocked/core_blocks.hpp"
#include "models/clocked/kernel.hpp"
#include "models/clocked/waveform.hpp"

namespace anzan::models::clocked {

struct ClockedCore::Parts {
  Parts(const CoreParameters& p, RtlBlocks rtl, unsigned creation_order)
      : clock(p.clock_period_fs), blocks(clock, p, std::move(rtl), CoreBlocks::Place{}, creation_order) {}
  ~Parts() {
    kernel.select();
    waveform.reset();
  }

  template <class AnyMeaning>
  ProgramTiming run(const isa::Program& program, AnyMeaning&& meaning) {
    kernel.select();
    clock.restart();
    blocks.begin(program, meaning);
    sc_core::sc_start();
    return blocks.finish();
  }

  Kernel kernel;  // first: all that follows lives in it
  Clock clock;
  CoreBlocks blocks;
  std::unique_ptr<Waveform> waveform;
};

ClockedCore::ClockedCore(const CoreParameters& parameters) : ClockedCore(parameters, RtlBlocks{}) {}

ClockedCore::ClockedCore(const CoreParameters& parameters, RtlBlocks rtl, unsigned creation_order)
    : parts_(std::make_unique<Parts>(checked(parameters), std::move(rtl), creation_order)) {}

ClockedCore::~ClockedCore() = default;

void ClockedCore::trace(const std::string& file) {
  parts_->kernel.select();
  parts_->waveform = std::make_unique<Waveform>(file, parts_->clock.period_fs());
  parts_->blocks.trace(parts_->waveform->file());
}

void ClockedCore::log(BlockLog* log) { parts_->blocks.log(log); }

void ClockedCore::watch(Watch watch) { parts_->blocks.watch(watch); }

ProgramTiming ClockedCore::run(const isa::Program& program, Meaning* meaning) {
  return parts_->run(program, meaning);
}

ProgramTiming ClockedCore::run(const isa::Program& program, MeaningOnCore& meaning) {
  return parts_->run(program, meaning);
}

}  // namespace anzan::models::clocked

// The kernel's library asks for it; here programs have a main of their own and run the kernel by sc_start.
int sc_main(int, char**) { return 1; }
