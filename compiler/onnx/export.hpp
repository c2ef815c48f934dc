// A network with values of its parameters as an ONNX model, for other programs; import_model reads it back.
#pragma once
#include "compiler/input/initial_values.hpp"
#include "compiler/input/network.hpp"
#include "compiler/onnx/model.hpp"

namespace anzan::compiler::onnx {

// Operators of version 14. Input `data` [N, C, H, W]: samples as the network gets them, after scale, offset,
// mean and deviation; output [N, classes], before the softmax. Nodes have the names of layers, initializers
// those of parameters. What ONNX has no place for is in the metadata under kMetadata. `values` has all
// parameters.
Model export_model(const Network& network, const ParameterValues& values);

// A JSON object: "input" with scale, offset, mean and deviation; "layers" with the multipliers of learning
// rates and decays that are not 1; "loss" with its name and smoothing.
inline constexpr const char* kMetadata = "anzan";
inline constexpr const char* kInputKeys[] = {"scale", "offset", "mean", "deviation"};
inline constexpr const char* kLossKeys[] = {"name", "type", "label_smoothing"};
inline constexpr const char* kMultipliers[] = {"weight_lr", "bias_lr", "weight_decay", "bias_decay"};

}  // namespace anzan::compiler::onnx
