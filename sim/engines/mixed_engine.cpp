// Two executors on the core: one for blocks that count for themselves, one for those whose counts RTL takes.
#include "sim/engines/mixed_engine.hpp"

#include <stdexcept>

#include "sim/rtl/blocks.hpp"

namespace anzan::sim {
namespace {

class WatchedValues final : public models::clocked::MeaningOnCore {
 public:
  WatchedValues(Executor& executor, Executor& handing_on, LoadedProgram& program, models::Core& core)
      : executor_(executor), handing_on_(handing_on), program_(program), core_(core) {}

  models::Core& core() override { return core_; }
  void execute(std::size_t instruction) override { executor_.run_one(program_, instruction); }
  void execute(std::size_t instruction, std::vector<models::kernels::AnalysedRow>& rows) override {
    const auto take = [](void* to, const models::kernels::AnalysedRow& row) {
      static_cast<std::vector<models::kernels::AnalysedRow>*>(to)->push_back(row);
    };
    const models::kernels::RowTaker taker{take, &rows};
    handing_on_.run_one(program_, instruction, &taker);
  }

 private:
  Executor& executor_;
  Executor& handing_on_;
  LoadedProgram& program_;
  models::Core& core_;
};

}  // namespace

MixedEngine::MixedEngine(const models::clocked::CoreParameters& parameters,
                         const std::vector<std::string>& rtl, int slots)
    : clock_(parameters, make_rtl_blocks(rtl, parameters, slots)) {}

MixedEngine::~MixedEngine() = default;

std::optional<models::clocked::SystemTiming> MixedEngine::run(std::vector<LoadedProgram>& programs,
                                                              Cores& cores) {
  if (programs.size() != 1 || cores.size() != 1)
    throw std::invalid_argument("blocks in RTL among models: are for one core");
  models::Core& core = cores.core(0);
  if (core_ != &core) {
    core_ = &core;
    handing_on_ = std::make_unique<Executor>(core, 1, models::kernels::generic_kernels(core.lanes()));
  }
  WatchedValues meaning(cores.executor(0), *handing_on_, programs[0], core);
  models::clocked::SystemTiming timing;
  timing.cores.push_back(clock_.run(programs[0].instructions(), meaning));
  return timing;
}

}  // namespace anzan::sim
