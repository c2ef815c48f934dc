// See system_engine.hpp.
#include "sim/engines/cycle_system_engine.hpp"

#include "models/network/chips.hpp"

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

SystemEngine::SystemEngine(const models::clocked::CoreParameters& parameters, const SystemOptions& options)
    : clock_(parameters, models::build_chips(options.network), options.packet,
             {options.parameters.sizes(), options.cores()}) {}

models::clocked::SystemTiming SystemEngine::run(std::vector<LoadedProgram>& programs, System& system) {
  std::vector<isa::Program> instructions;
  std::vector<std::unique_ptr<Values>> values;
  std::vector<models::clocked::Meaning*> meanings;
  for (int c = 0; c < system.size(); ++c) {
    LoadedProgram& program = programs.at(static_cast<std::size_t>(c));
    instructions.push_back(program.instructions());
    values.push_back(std::make_unique<Values>(system.values(c), program));
    meanings.push_back(values.back().get());
  }
  return clock_.run(instructions, meanings);
}

}  // namespace anzan::sim
