// See cycle_engine.hpp.
#include "sim/engines/cycle_engine.hpp"

namespace anzan::sim {
namespace {

class Values : public models::clocked::Meaning {
 public:
  Values(FunctionalEngine& engine, LoadedProgram& program) : engine_(engine), program_(program) {}
  void execute(std::size_t instruction) override { engine_.run_one(program_, instruction); }

 private:
  FunctionalEngine& engine_;
  LoadedProgram& program_;
};

}  // namespace

models::ProgramTiming CycleEngine::run(LoadedProgram& program, FunctionalEngine& values, models::Core&) {
  Values meaning(values, program);
  return clock_.run(program.instructions(), &meaning);
}

}  // namespace anzan::sim
