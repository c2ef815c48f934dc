// Networks in files of their own: JSON, or ONNX, which brings the values of its parameters.
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/input/initial_values.hpp"
#include "compiler/input/network.hpp"

namespace anzan::sim {

// A network as network.schema.json has it, with absolute paths. That of an ONNX file names the file as its
// weights, which have been read with it.
struct NetworkFile {
  nlohmann::json network;
  std::string weights;
  std::shared_ptr<const compiler::ParameterValues> values;
};

// Throws InputError with all findings.
NetworkFile read_network_file(const std::filesystem::path& file);

// Reads the file of a network's weights, if it names one, unless it is that of `read`. Throws InputError,
// with `place`, where it has no parameter of the network, or one of another size.
void read_weights(compiler::Network& network, const std::string& place, const NetworkFile& read);

// SHA-256 over names and values.
std::string digest_of(const compiler::ParameterValues& values);
// The same, or nothing; those that were asked for last are not hashed again.
std::string digest_of(const std::shared_ptr<const compiler::ParameterValues>& values);

}  // namespace anzan::sim
