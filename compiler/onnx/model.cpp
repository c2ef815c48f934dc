// What an ONNX model's parts look like in errors.
#include "compiler/onnx/model.hpp"

namespace anzan::compiler::onnx {

std::string shown_dims(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (std::size_t k = 0; k < dims.size(); ++k)
    text += (k == 0 ? "" : ", ") + (dims[k] < 0 ? std::string("?") : std::to_string(dims[k]));
  return text + "]";
}

}  // namespace anzan::compiler::onnx
