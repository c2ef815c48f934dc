// A network with values of its parameters as an ONNX model, for other programs; import_model reads it back.
#pragma once
#include <string>

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
// rates and decays that are not 1, and the numbers that FP32 rounds; "loss" with its name and smoothing.
inline constexpr const char* kMetadata = "anzan";
inline constexpr const char* kInputKeys[] = {"scale", "offset", "mean", "deviation"};
inline constexpr const char* kLossKeys[] = {"name", "type", "label_smoothing"};
inline constexpr const char* kMultipliers[] = {"weight_lr", "bias_lr", "weight_decay", "bias_decay"};
inline constexpr const char* kRounded[] = {"alpha", "beta",     "epsilon",        "k",   "max",
                                           "min",   "momentum", "negative_slope", "rate"};

// What the reader makes of a layer's number that was written.
double as_read_back(const std::string& key, double value);

}  // namespace anzan::compiler::onnx
