// Operators that move nothing: images stay as they are, and only their dims are seen otherwise.
#pragma once
#include "compiler/onnx/node_import.hpp"

namespace anzan::compiler::onnx {

void same_images(NodeImport& n);      // Identity, and Cast to FP32
void shape_of_images(NodeImport& n);  // Shape: a constant
void flatten(NodeImport& n);
void reshape(NodeImport& n);
void squeeze(NodeImport& n);
void unsqueeze(NodeImport& n);
void transpose(NodeImport& n);  // only where no element moves
void pad(NodeImport& n);        // zeros, which the next Conv takes for its own

// One axis of all elements.
Value as_vector(Value images);

}  // namespace anzan::compiler::onnx
