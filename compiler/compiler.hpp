// The mini compiler's face: from a network and its settings to programs for one core.
// Everything the driver needs to load, run and read back a compiled network is in CompiledModel.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "compiler/input/precision.hpp"
#include "compiler/input/system.hpp"
#include "isa/program.hpp"

namespace anzan::compiler {

struct ChipParameters {
  int lanes = 16;
  std::int64_t scratchpad_kib = 2048;
};

struct TrainingParameters {
  std::int64_t batch = 64;
  double momentum = 0.9;
  double weight_decay = 5e-4;
};

// A logical tensor in HBM. The element with logical (row-major) index i over `shape` stands in row
// `row(i)` (counted from hbm_line, in rows of `format`), lane `lane(i)`.
struct TensorInfo {
  enum class Layout { kImages, kWeights, kVector };
  std::string name;  // "conv1.weight", "conv1.activation", "data", "label", "loss", ...
  std::string layer;
  TensorClass kind = TensorClass::kActivation;
  isa::Format format = isa::Format::kFp32;
  int slot = 0;
  Layout layout = Layout::kImages;
  std::array<std::int64_t, 4> shape{1, 1, 1, 1};  // images: N C H W; weights: OC IC KH KW; vector: C 1 1 1
  std::int64_t pitch = 0, groups = 1;             // layout parameters, see compiler/graph/layout.hpp
  int lanes = 16;
  bool gathered = false;    // weights whose (ic, ky, kx) stand in the lanes
  bool persistent = false;  // keeps its value from step to step
  // A core holds its share of the channels (of weights and vectors: of the outputs) and `shape` is that of
  // the share; shares stand one after the other along the tensor axis.
  bool shared_out = false;
  std::int64_t hbm_line = 0, lines = 0;  // line -1: not in this core
  std::int64_t size() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
  struct Place {
    std::int64_t row;
    int lane;
  };
  Place place(std::int64_t index) const;
};

struct SlotInfo {
  std::string name;  // of the tensor that owns it
  std::string layer;
  TensorClass kind = TensorClass::kActivation;
  isa::Format format = isa::Format::kFp32;
  models::SlotSettings settings;
  bool differs = false;  // cores along the tensor axis count different values, not all the same
};

// A trainable tensor: the driver writes FP32 values drawn from `filler` to the tensor `initial`.
struct ParameterInfo {
  std::string name, initial;  // names of tensors: "conv1.weight", "conv1.weight.initial"
  Filler filler;
  std::int64_t fan_in = 1;
};

struct MemoryPlan {
  std::int64_t conventional_bytes = 0, planned_bytes = 0, lower_bound_bytes = 0;
};

// A part of the network in one direction: a layer, and "forward", "backward_data", "backward_weight",
// "update", "loss" or "initialize".
struct Region {
  std::string layer, pass;
};

struct CompiledModel {
  ChipParameters chip;
  SystemParameters system;
  TrainingParameters training;  // of one core
  std::int64_t hbm_lines = 0;   // of the core that needs most
  std::vector<SlotInfo> slots;
  std::vector<TensorInfo> tensors;
  std::vector<ParameterInfo> parameters;
  std::vector<std::pair<std::int64_t, std::vector<std::uint32_t>>> constants;  // HBM line, words
  std::vector<std::uint32_t> scalars;  // initial scalar table (FP32 bits)
  // Scalars that the driver writes before each step: FP32(learning rate * multiplier).
  struct LearningRate {
    int scalar = 0;
    double multiplier = 1;
  };
  std::vector<LearningRate> learning_rates;
  // Encoded programs. initialize: FP32 initial values -> stored weights; calibrate: one batch, finds
  // the first binary points and changes no weight; step: one training step; evaluate: one batch of
  // inference. Driver protocol: write `data` and `label` (one-hot; all zeros for a padded image),
  // run, read `loss` and `prediction` (one FP32/class number an image).
  std::vector<std::uint32_t> initialize, calibrate, step, evaluate;
  // With several cores, `step` is that of core 0; the other programs are the same in all, and where a network
  // is divided they are for a core that has all of it. Besides, to see what time they take: two steps in one
  // program, where the next may begin before the first has ended (none where that is switched off), and the
  // exchange of a step without the rest; both not where the network is divided.
  using InCore = std::function<std::vector<std::uint32_t>(int core)>;
  InCore step_in_core, two_steps_in_core, exchange_in_core;
  // From step to step, as the scheduler imagines it.
  std::int64_t expected_step_cycles = 0;
  // The cores of each stage of the pipeline while they train: what they have in their HBM (`tensors` says it
  // for a core that has the whole network), and the regions of their step. One stage has all where the
  // network is not divided.
  struct PipelineStage {
    std::vector<TensorInfo> tensors;
    std::vector<std::uint16_t> region_of;
  };
  std::vector<PipelineStage> stages;
  std::size_t stage_of(int core) const {
    return static_cast<std::size_t>(system.mapping.pipeline.place(core));
  }
  int first_core(std::size_t stage) const { return static_cast<int>(stage) * system.mapping.pipeline.stride; }
  // For each instruction of a program, the number of its region.
  std::vector<Region> regions;
  struct {
    std::vector<std::uint16_t> initialize, calibrate, step, evaluate;
  } region_of;
  MemoryPlan memory;
  const TensorInfo& tensor(const std::string& name) const;
};

// `training.batch` are the images of all cores. Throws InputError where they do not divide evenly among the
// cores.
CompiledModel compile(const Network& network, const Precision& precision, const TrainingParameters& training,
                      const ChipParameters& chip, const SystemParameters& system = {});

// Text of one pass: network, graph, training_graph, precision, tiles, memory, schedule,
// program.
std::vector<std::string> dump_passes();
std::string dump(const std::string& pass, const Network& network, const Precision& precision,
                 const TrainingParameters& training, const ChipParameters& chip,
                 const SystemParameters& system = {});

}  // namespace anzan::compiler
