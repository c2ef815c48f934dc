// See rtl_engine.hpp.
#include "sim/engines/rtl_engine.hpp"

namespace anzan::sim {

RtlEngine::RtlEngine(const models::clocked::CoreParameters& parameters, int slots)
    : lanes_(parameters.lanes),
      slots_(slots),
      rtl_(make_rtl_core(parameters)),
      clock_(parameters.clock_period_fs) {}

models::ProgramTiming RtlEngine::run(LoadedProgram& program, FunctionalEngine&, models::Core& core) {
  return run(program.instructions(), core);
}

models::ProgramTiming RtlEngine::run(const isa::Program& program, models::Core& core) {
  check_rtl_fits(core, lanes_);
  rtl_->load(core, {0, slots_});
  rtl_->begin(program, core);
  const std::int64_t last = clock_.run([this](std::int64_t number) { return rtl_->cycle(number); });
  rtl_->store(core, {0, slots_});
  return rtl_->timing(last);
}

}  // namespace anzan::sim
