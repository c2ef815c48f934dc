// See cycle_engine.hpp.
#include "sim/cycle_engine.hpp"

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

models::ProgramTiming run_clocked(models::clocked::ClockedCore& core, FunctionalEngine& values,
                                  LoadedProgram& program) {
  Values meaning(values, program);
  return core.run(program.instructions(), &meaning);
}

}  // namespace anzan::sim
