// Hands each core's executor to the clocked system as the meaning of its instructions.
#include "sim/engines/cycle_engine.hpp"

#include "models/network/chips.hpp"

namespace anzan::sim {
namespace {

class Values final : public models::clocked::Meaning {
 public:
  Values(Executor& executor, LoadedProgram& program) : executor_(executor), program_(program) {}
  void execute(std::size_t instruction) override { executor_.run_one(program_, instruction); }

 private:
  Executor& executor_;
  LoadedProgram& program_;
};

}  // namespace

CycleEngine::CycleEngine(const models::clocked::CoreParameters& parameters, const SystemOptions& options)
    : clock_(parameters, models::build_chips(options.network), options.packet,
             {options.parameters.sizes(), options.cores()}) {}

std::optional<models::clocked::SystemTiming> CycleEngine::run(std::vector<LoadedProgram>& programs,
                                                              Cores& cores) {
  std::vector<isa::Program> instructions;
  std::vector<Values> values;
  for (std::size_t c = 0; c < programs.size(); ++c) {
    instructions.push_back(programs[c].instructions());
    values.emplace_back(cores.executor(static_cast<int>(c)), programs[c]);
  }
  std::vector<models::clocked::Meaning*> meanings;
  for (Values& of_core : values) meanings.push_back(&of_core);
  return clock_.run(instructions, meanings);
}

}  // namespace anzan::sim
