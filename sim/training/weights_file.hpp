// Trained weights for other programs: an ONNX model; or a NumPy archive (.npz), which is a zip of .npy files,
// not compressed. For each parameter, e.g. conv1.weight, in logical order (of a weight: output channel, input
// channel of its group, row, column):
//   conv1.weight.npy         the values, FP32
//   conv1.weight.stored.npy  the integers n, where it is stored as such: int8 or int16
//   conv1.weight.point.npy   and their binary point q, one int32: a value is n * 2^-q
#pragma once
#include <filesystem>

#include "compiler/input/initial_values.hpp"
#include "sim/training/trainer.hpp"

namespace anzan::sim {

// Throws std::system_error if it cannot be written, std::length_error beyond 4 GiB.
void write_weights(const std::filesystem::path& file, Trainer& trainer);

// The values in FP32, as they are stored: of integers n * 2^-q, exactly.
compiler::ParameterValues parameter_values(Trainer& trainer);

// The network with these values as an ONNX model. Throws as write_weights, beyond 2 GiB.
void export_onnx(const std::filesystem::path& file, const compiler::Network& network, Trainer& trainer);

}  // namespace anzan::sim
