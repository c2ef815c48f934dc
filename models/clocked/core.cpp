// One core on a kernel of its own.
#include "models/clocked/core.hpp"

#include <systemc>
#include <utility>

#include "models/clocked/core_blocks.hpp"
#include "models/clocked/kernel.hpp"

namespace anzan::models::clocked {

struct ClockedCore::System {
  System(const CoreParameters& p, RtlBlocks rtl)
      : clock(p.clock_period_fs), blocks(clock, p, std::move(rtl), CoreBlocks::Place{}) {}
  ~System() {
    kernel.select();
    if (waveform != nullptr) sc_core::sc_close_vcd_trace_file(waveform);
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
  sc_core::sc_trace_file* waveform = nullptr;
};

ClockedCore::ClockedCore(const CoreParameters& parameters) : ClockedCore(parameters, RtlBlocks{}) {}

ClockedCore::ClockedCore(const CoreParameters& parameters, RtlBlocks rtl)
    : system_((check(parameters), std::make_unique<System>(parameters, std::move(rtl)))) {}

ClockedCore::~ClockedCore() = default;

void ClockedCore::trace(const std::string& file) {
  system_->kernel.select();
  system_->waveform = sc_core::sc_create_vcd_trace_file(file.c_str());
  system_->waveform->set_time_unit(1, sc_core::SC_PS);
  system_->blocks.trace(system_->waveform);
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
