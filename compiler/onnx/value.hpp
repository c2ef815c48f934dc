// What a name of the graph stands for while it is read: a constant, or the images that a layer makes.
#pragma once
#include <array>
#include <limits>
#include <memory>
#include <vector>

#include "compiler/input/layers.hpp"
#include "compiler/onnx/model.hpp"

namespace anzan::compiler::onnx {

// The number of images among the integers of a shape, whatever it is.
inline constexpr std::int64_t kBatch = std::numeric_limits<std::int64_t>::min();

struct Value {
  enum class Kind {
    kUnknown,   // of a node that is refused: nothing more is said of it
    kConstant,  // `constant`
    kImages,    // elements of images, in the order of ONNX
  } kind = Kind::kUnknown;

  std::shared_ptr<const Tensor> constant;

  int layer = -1;                     // that makes them; -1: the network's input
  Shape shape;                        // as the layer has it
  std::vector<std::int64_t> dims;     // as the graph sees it, without the first one, which counts images
  std::array<std::int64_t, 4> pad{};  // zeros around the pixels: top, left, bottom, right

  bool is_images() const { return kind == Kind::kImages; }
  bool is_constant() const { return kind == Kind::kConstant; }
  bool padded() const { return pad != std::array<std::int64_t, 4>{}; }
  bool has_pixels() const {
    return !padded() && dims == std::vector<std::int64_t>{shape.channels, shape.height, shape.width};
  }
  bool is_vector() const { return !padded() && dims.size() == 1; }
};

inline Value constant_value(Tensor tensor) {
  Value value;
  value.kind = Value::Kind::kConstant;
  value.constant = std::make_shared<const Tensor>(std::move(tensor));
  return value;
}

// A constant of the model, which outlives the value.
inline Value constant_of(const Tensor& tensor) {
  Value value;
  value.kind = Value::Kind::kConstant;
  value.constant = std::shared_ptr<const Tensor>(std::shared_ptr<void>(), &tensor);
  return value;
}

inline Value images_value(int layer, const Shape& shape) {
  Value value;
  value.kind = Value::Kind::kImages;
  value.layer = layer;
  value.shape = shape;
  value.dims = {shape.channels, shape.height, shape.width};
  return value;
}

}  // namespace anzan::compiler::onnx
