// See mixed_engine.hpp.
#include "sim/engines/mixed_engine.hpp"

#include "sim/rtl/blocks.hpp"

namespace anzan::sim {
namespace {

class Values final : public models::clocked::MeaningOnCore {
 public:
  Values(FunctionalEngine& engine, FunctionalEngine& handing_on, LoadedProgram& program, models::Core& core)
      : engine_(engine), handing_on_(handing_on), program_(program), core_(core) {}

  models::Core& core() override { return core_; }
  void execute(std::size_t instruction) override { engine_.run_one(program_, instruction); }
  void execute(std::size_t instruction, std::vector<models::kernels::AnalysedRow>& rows) override {
    const auto take = [](void* to, const models::kernels::AnalysedRow& row) {
      static_cast<std::vector<models::kernels::AnalysedRow>*>(to)->push_back(row);
    };
    const models::kernels::RowTaker taker{take, &rows};
    handing_on_.run_one(program_, instruction, &taker);
  }

 private:
  FunctionalEngine& engine_;
  FunctionalEngine& handing_on_;
  LoadedProgram& program_;
  models::Core& core_;
};

}  // namespace

MixedEngine::MixedEngine(const models::clocked::CoreParameters& parameters,
                         const std::vector<std::string>& rtl, int slots)
    : clock_(parameters, make_rtl_blocks(rtl, parameters, slots)) {}

MixedEngine::~MixedEngine() = default;

models::ProgramTiming MixedEngine::run(LoadedProgram& program, FunctionalEngine& values, models::Core& core) {
  if (core_ != &core) {
    core_ = &core;
    handing_on_ = std::make_unique<FunctionalEngine>(core, 1, models::kernels::generic_kernels(core.lanes()));
  }
  Values meaning(values, *handing_on_, program, core);
  return clock_.run(program.instructions(), meaning);
}

}  // namespace anzan::sim
