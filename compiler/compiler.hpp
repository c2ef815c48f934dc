// The mini compiler's face: from a network and its settings to programs for one core.
// Everything the driver needs to load, run and read back a compiled network is in CompiledModel.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/graph/initial_piece.hpp"
#include "compiler/graph/tensors.hpp"
#include "compiler/input/input.hpp"
#include "compiler/input/step_scalar.hpp"
#include "compiler/instructions/listing.hpp"
#include "isa/program.hpp"
#include "models/work_observer.hpp"

namespace anzan::compiler {

// initialize: FP32 initial values -> stored weights; calibrate: one batch, finds the first binary points and
// changes no weight; step: one training step; evaluate: one batch of inference.
enum class ProgramKind { kInitialize, kCalibrate, kStep, kEvaluate };
inline constexpr std::array kProgramKinds{ProgramKind::kInitialize, ProgramKind::kCalibrate,
                                          ProgramKind::kStep, ProgramKind::kEvaluate};
const char* name(ProgramKind kind);  // "initialize", ...

// One of each program.
template <class T>
class ByProgram : public std::array<T, kProgramKinds.size()> {
 public:
  T& operator[](ProgramKind kind) { return this->at(static_cast<std::size_t>(kind)); }
  const T& operator[](ProgramKind kind) const { return this->at(static_cast<std::size_t>(kind)); }
};

struct CompiledModel {
  ChipParameters chip;
  SystemParameters system;
  TrainingParameters training;  // of one core
  std::int64_t hbm_lines = 0;   // of the core that needs most, for any of the programs
  std::int64_t step_lines = 0;  // likewise, for the step
  std::vector<SlotInfo> slots;
  std::vector<TensorInfo> tensors;
  std::vector<ParameterInfo> parameters;
  std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> constants;  // HBM line, words
  std::vector<std::uint32_t> scalars;    // initial scalar table (FP32 bits)
  std::vector<StepScalar> step_scalars;  // that the driver writes before each step
  // Encoded. Driver protocol: write `data` and `label` (one-hot; all zeros for a padded image), run, read
  // `loss` and `prediction` (one FP32/class number a pixel of the logits). With several cores the step is
  // that of core 0; the other programs are the same in all cores, and where the network is divided they are
  // for a core that has all of it.
  ByProgram<std::vector<std::uint32_t>> programs;
  // Initial values come piece by piece, each of which the driver writes (FP32) before it runs its program:
  // together they would need more memory than training. `programs` has these programs as one.
  struct InitialPart {
    std::vector<InitialRows> rows;
    std::vector<std::uint32_t> program;
  };
  std::vector<InitialPart> initial;
  std::int64_t longest_program_words = 0;  // of all four, also where only the step was asked for
  using InCore = std::function<std::vector<std::uint32_t>(int core)>;
  InCore step_in_core;
  // For reports only, and empty where the network is divided: two steps without a barrier between them (empty
  // also where that is switched off), and the exchange of a step alone.
  InCore two_steps_in_core, exchange_in_core;
  std::vector<std::uint16_t> region_of_two_steps;
  // From step to step, as the scheduler imagines it.
  std::int64_t expected_step_cycles = 0;
  // The cores of each stage of the pipeline while they train: what they have in their HBM (`tensors` says it
  // for a core that has the whole network), the regions of their step, and how many multiplications of the
  // network each core has in each of `regions`: of images that are there, none that only the array makes. One
  // stage has all where the network is not divided.
  struct PipelineStage {
    std::vector<TensorInfo> tensors;
    std::vector<std::uint16_t> region_of;
    std::vector<std::int64_t> products;
    MemoryPlan memory;
  };
  std::vector<PipelineStage> stages;
  std::size_t stage_of(int core) const {
    return static_cast<std::size_t>(system.mapping.pipeline.coordinate(core));
  }
  int first_core(std::size_t stage) const { return static_cast<int>(stage) * system.mapping.pipeline.stride; }
  // For each instruction of a program, the number of its region.
  std::vector<Region> regions;
  ByProgram<std::vector<std::uint16_t>> region_of;
  MemoryPlan memory;  // of the stage that needs most
  const TensorInfo& tensor(const std::string& name) const;
};

struct CompileOptions {
  bool step_only = false;  // the other programs are left empty; they would take two thirds of the time
  models::Watch watch = {};
};

// `training.batch` are the images of all cores. Throws InputError where they do not divide evenly among the
// cores, and where the chip is too small.
CompiledModel compile(const Input& input, const CompileOptions& options = {});

// CompiledModel::expected_step_cycles alone. Throws the same.
std::int64_t expected_step_cycles(const Input& input);

// Names of the passes, in the order in which they run, and the text of one.
std::vector<std::string> dump_passes();
std::string dump(const std::string& pass, const Input& input, models::Watch watch = {});

}  // namespace anzan::compiler
