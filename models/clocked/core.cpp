// One core on a kernel of its own.
#include "models/clocked/core.hpp"

#include <systemc>
#include <utility>

#include "models/clocked/core_blocks.hpp"
#include "models/clocked/kernel.hpp"
#include "models/clocked/waveform.hpp"

namespace anzan::models::clocked {

struct ClockedCore::System {
  System(const CoreParameters& p, RtlBlocks rtl)
      : clock(p.clock_period_fs), blocks(clock, p, std::move(rtl), CoreBlocks::Place{}) {}
  ~System() {
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

ClockedCore::ClockedCore(const CoreParameters& parameters, RtlBlocks rtl)
    : system_((check(parameters), std::make_unique<System>(parameters, std::move(rtl)))) {}

ClockedCore::~ClockedCore() = default;

void ClockedCore::trace(const std::string& file) {
  system_->kernel.select();
  system_->waveform = std::make_unique<Waveform>(file, system_->clock.period_fs());
  system_->blocks.trace(system_->waveform->file());
}

ProgramTiming ClockedCore::run(const isa::Program& program, Meaning* meaning) {
  return system_->run(program, meaning);
}

ProgramTiming ClockedCore::run(const isa::Program& program, MeaningOnCore& meaning) {
  return system_->run(program, meaning);
}

}  // namespace anzan::models::clocked

// The kernel's library asks for it; here programs have a main of their own and run the kernel by sc_start.
int sc_main(int, char**) { return 1; }
