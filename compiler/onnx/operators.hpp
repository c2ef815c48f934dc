// The table of operators: which of ONNX can be read, and what each becomes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "compiler/onnx/node_import.hpp"

namespace anzan::compiler::onnx {

struct Operator {
  const char* type;
  std::size_t least_inputs, most_inputs;
  void (*convert)(NodeImport&);  // of images: gives the output, or fails; null: never of images
  std::optional<Tensor> (*fold)(NodeImport&) = nullptr;  // of constants alone, likewise
};

const std::vector<Operator>& operators();
const Operator* find_operator(const std::string& type);  // null: none of them

}  // namespace anzan::compiler::onnx
