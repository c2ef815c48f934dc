// The front end for ONNX: a model to a network as network.schema.json has it, and the values of its
// parameters.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/input/initial_values.hpp"
#include "compiler/onnx/model.hpp"

namespace anzan::compiler::onnx {

struct Imported {
  nlohmann::json network;
  ParameterValues values;
};

// Every node that leads to the output becomes a layer, a shape or a constant; a softmax at the end, or none,
// is softmax_cross_entropy. Throws InputError with all findings, each with the node's number as place after
// `place`, and its name.
Imported import_model(const Model& model, const std::string& place);

}  // namespace anzan::compiler::onnx
