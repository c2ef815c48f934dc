// ONNX files: bytes to a model and back, by Debian's libonnx and protobuf.
#pragma once
#include <cstddef>
#include <string>

#include "compiler/onnx/model.hpp"

namespace anzan::compiler::onnx {

constexpr std::size_t kMostBytes = 0x7fffffff;  // of a message of protobuf

// Throws InputError, with `place`, where the bytes are no model, where parts of it that this reader does not
// know would be needed (functions, several graphs), and where the model would take far more memory than its
// bytes. A tensor that cannot be used says so itself.
Model parse_model(const std::string& bytes, const std::string& place);

// The same bytes for the same model. Throws std::length_error beyond kMostBytes.
std::string model_bytes(const Model& model);

// For tests and tools: a tensor in a file of its own.
Tensor parse_tensor(const std::string& bytes, const std::string& place);

}  // namespace anzan::compiler::onnx
