// How the tensors of a network are stored, class by class and layer by layer.
#pragma once
#include <array>
#include <map>
#include <string>

#include "isa/isa_generated.hpp"
#include "models/settings_store.hpp"

namespace anzan::compiler {

// Tensor classes that have a precision of their own. `loss` is the loss of each image.
enum class TensorClass {
  kActivation,
  kWeight,
  kActivationGradient,
  kWeightGradient,
  kMomentum,
  kMasterWeight,
  kBias,
  kLoss,
  kFirstMoment,  // Adam's averages of gradients, and of their squares
  kSecondMoment,
  kUpdate,  // what is taken from parameters: counted, never stored, so without a precision
};
inline constexpr int kTensorClasses = 10;
const char* name(TensorClass kind);  // "activation", "weight", ... as in the configuration
// What an update keeps for the next one.
constexpr bool is_moment(TensorClass kind) {
  return kind == TensorClass::kMomentum || kind == TensorClass::kFirstMoment ||
         kind == TensorClass::kSecondMoment;
}
// Cores with other images compute these from the same numbers.
constexpr bool same_for_all_images(TensorClass kind) {
  return kind == TensorClass::kWeight || kind == TensorClass::kMasterWeight || kind == TensorClass::kBias ||
         kind == TensorClass::kUpdate || is_moment(kind);
}

// How the tensors of one class are stored. `slot` holds width, rounding, policy and its parameters;
// binary points are found at run time (calibration).
struct TensorPrecision {
  isa::Format format = isa::Format::kFp32;
  models::SlotSettings slot;
};

struct Precision {
  std::array<TensorPrecision, kTensorClasses> classes;
  bool separate_master = false;  // false: the stored weight is its own master copy
  // Tensors of the same name in layers whose settings are alike in all classes have one slot.
  bool shares_slots = false;
  std::map<std::string, std::map<TensorClass, TensorPrecision>> layers;  // overrides by layer name
  const TensorPrecision& of(TensorClass kind, const std::string& layer) const;
};

}  // namespace anzan::compiler
