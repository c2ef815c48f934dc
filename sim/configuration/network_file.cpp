// What a file is, its name says.
#include "sim/configuration/network_file.hpp"

#include <algorithm>

#include "compiler/input/input_error.hpp"
#include "compiler/onnx/file.hpp"
#include "compiler/onnx/import.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/host/input_file.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using compiler::InputFinding;
using Json = nlohmann::json;
namespace fs = std::filesystem;

bool is_onnx(const fs::path& file) { return file.extension() == ".onnx"; }

compiler::onnx::Imported read_onnx(const fs::path& file) {
  const std::string place = file.string();
  return compiler::onnx::import_model(
      compiler::onnx::parse_model(read_whole(file, "an ONNX model", compiler::onnx::kMostBytes), place),
      place);
}

fs::path absolute_path(const fs::path& file) { return fs::absolute(file).lexically_normal(); }

}  // namespace

NetworkFile read_network_file(const fs::path& file) {
  if (is_onnx(file)) {
    compiler::onnx::Imported imported = read_onnx(file);
    const std::string weights = absolute_path(file).string();
    imported.network["weights"] = weights;
    return {std::move(imported.network), weights,
            std::make_shared<const compiler::ParameterValues>(std::move(imported.values))};
  }
  Json network = read_json_file(file);
  if (network.is_object() && network.contains("weights") && network["weights"].is_string())
    network["weights"] = absolute_path(file.parent_path() / network["weights"].get<std::string>()).string();
  return {std::move(network), "", nullptr};
}

void read_weights(compiler::Network& network, const std::string& place, const NetworkFile& read) {
  if (network.weights.empty()) return;
  const auto values =
      read.values && read.weights == network.weights
          ? read.values
          : std::make_shared<const compiler::ParameterValues>(read_onnx(network.weights).values);
  std::vector<InputFinding> findings;
  bool any = false;
  for (const auto& [name, size] : compiler::parameter_sizes(network)) {
    const auto found = values->find(name);
    if (found == values->end()) continue;
    any = true;
    if (static_cast<std::int64_t>(found->second.size()) != size)
      findings.push_back({place + "/weights",
                          name + " of " + std::to_string(found->second.size()) + " values",
                          std::to_string(size) + ", as the network has"});
  }
  if (!any) findings.push_back({place + "/weights", "no parameter of the network", "a file that has some"});
  if (!findings.empty()) throw InputError(std::move(findings));
  network.initial = values;
}

std::string digest_of(const std::shared_ptr<const compiler::ParameterValues>& values) {
  thread_local std::weak_ptr<const compiler::ParameterValues> last;
  thread_local std::string digest;
  if (!values) return "";
  if (last.lock() != values) {
    digest = digest_of(*values);
    last = values;
  }
  return digest;
}

std::string digest_of(const compiler::ParameterValues& values) {
  Sha256 hash;
  for (const auto& [name, numbers] : values) {
    hash.add(name + " " + std::to_string(numbers.size()) + "\n");
    hash.add(numbers.data(), numbers.size() * sizeof numbers[0]);
  }
  return hash.hex();
}

}  // namespace anzan::sim
