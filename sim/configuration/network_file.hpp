// Networks in files of their own: JSON, or ONNX, which brings the values of its parameters.
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/input/initial_values.hpp"
#include "compiler/input/network.hpp"

namespace anzan::sim {

// As network.schema.json has it; that of an ONNX file names the file as its weights. Paths in it are
// absolute. Throws InputError with all findings.
nlohmann::json read_network_file(const std::filesystem::path& file);

// Reads the file of a network's weights, if it names one. Throws InputError, with `place`, where that has no
// parameter of the network, or one of another size.
void read_weights(compiler::Network& network, const std::string& place);

// SHA-256 over names and values.
std::string digest_of(const compiler::ParameterValues& values);

}  // namespace anzan::sim
