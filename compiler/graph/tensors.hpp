// The vocabulary of a compiled network: tensors in HBM, slots of settings, trainable parameters.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "compiler/input/network.hpp"
#include "compiler/input/precision.hpp"
#include "isa/isa_generated.hpp"
#include "models/settings_store.hpp"

namespace anzan::compiler {

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
  bool selects = false;     // holds values of another tensor, which have been counted, in its slot
  // A core holds its share of the channels (of weights and vectors: of the outputs) and `shape` is that of
  // the share; shares stand one after the other along the tensor axis.
  bool shared_out = false;
  std::int64_t hbm_line = 0, lines = 0;  // line -1: not in this core
  // Rows that are there, where these are not all: of a gradient of weights, whole blocks of input channels;
  // of images, whole batch groups, whose rows then stand together (first_row: of the first group's first
  // pixel).
  std::int64_t first_row = 0, part_rows = 0;  // no rows: all
  std::int64_t size() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
  struct Place {
    std::int64_t row;
    int lane;
  };
  Place place(std::int64_t index) const;
};

struct SlotInfo {
  std::string name;  // of the tensor that owns it; of several, of the first
  std::string layer;
  TensorClass kind = TensorClass::kActivation;
  isa::Format format = isa::Format::kFp32;
  models::SlotSettings settings;
  int words_of = -1;     // number of the tensor for whose elements random words are drawn; the slot has none
  bool differs = false;  // cores along the tensor axis count different values, not all the same
};

// What training finds: the driver writes FP32 values drawn from `filler` to the tensor `initial`.
struct ParameterInfo {
  std::string name, initial;  // names of tensors: "conv1.weight", "conv1.weight.initial"
  Filler filler;
  std::int64_t fan_in = 1;
  bool trained = true;  // by its gradient; else an average that forward leaves behind
  int update_slot = 0;  // counts what is taken from it
};

struct MemoryPlan {
  std::int64_t conventional_bytes = 0, planned_bytes = 0, lower_bound_bytes = 0;
};

}  // namespace anzan::compiler
