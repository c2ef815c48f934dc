// How an imported model is executed: as any network, by the program for inference.
#include "tests/compiler/onnx/onnx_case.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "compiler/onnx/file.hpp"
#include "compiler/onnx/import.hpp"
#include "tests/compiler/test_chip.hpp"

namespace anzan::testing {
namespace {

using compiler::onnx::Model;
using compiler::onnx::Tensor;

// No tensor lies where another was, so that the layer's output stays.
// Behind the output: a leaky ReLU of slope 1; behind a Pad, a convolution of ones.
void add_unchanging_node(Model& model, std::int64_t channels) {
  const std::string last = model.outputs.at(0).name;
  if (model.nodes.back().op_type == "Pad") {
    Tensor ones{"ones", {channels, channels, 1, 1}, true, {}, {}, ""};
    for (std::int64_t k = 0; k < channels * channels; ++k)
      ones.floats.push_back(k % (channels + 1) == 0 ? 1.0F : 0.0F);
    model.initializers.push_back(ones);
    model.nodes.push_back({"unchanged", "Conv", "", {last, "ones"}, {"unchanged_"}, {}});
  } else {
    compiler::onnx::Attribute slope;
    slope.name = "alpha";
    slope.kind = compiler::onnx::Attribute::Kind::kFloat;
    slope.number = 1;
    model.nodes.push_back({"unchanged", "LeakyRelu", "", {last}, {"unchanged_"}, {slope}});
  }
  model.outputs.resize(1);
  model.outputs[0].name = "unchanged_";
}

}  // namespace

std::string file_content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  return text.str();
}

OnnxCase read_onnx_case(const std::filesystem::path& folder) {
  OnnxCase c;
  c.model = compiler::onnx::parse_model(file_content(folder / "model.onnx"), folder.filename().string());
  const std::filesystem::path data = folder / "test_data_set_0";
  for (int k = 0;; ++k) {
    const std::filesystem::path file = data / ("input_" + std::to_string(k) + ".pb");
    if (!std::filesystem::exists(file)) break;
    c.inputs.push_back(compiler::onnx::parse_tensor(file_content(file), file.string()));
  }
  c.output = compiler::onnx::parse_tensor(file_content(data / "output_0.pb"), "output");
  return c;
}

std::vector<double> outputs_of_chip(Model model, const Tensor& images) {
  add_unchanging_node(model, images.dims.at(1));
  compiler::onnx::Imported imported = compiler::onnx::import_model(model, "model");
  nlohmann::json& layers = imported.network["layers"];
  layers.erase(layers.size() - 1);
  const std::string last = layers.back().at("name").get<std::string>();
  layers.push_back({{"name", "trained"}, {"type", "fully_connected"}, {"channels", 2}});
  layers.push_back({{"name", "end"}, {"type", "softmax_cross_entropy"}});
  compiler::Input input;
  input.network = compiler::parse_network(imported.network);
  input.precision = uniform_precision(isa::Format::kFp32, 32, isa::Rounding::kNearestEven);
  input.chip.lanes = 16;
  input.chip.scratchpad_kib = 256;
  input.training.batch = (images.dims.at(0) + 15) / 16 * 16;
  // No tensor lies where another was, so that the layer's output stays.
  const compiler::CompiledModel compiled = with_tensors_apart(input);
  TestChip chip(compiled);
  std::map<std::string, std::vector<double>> initial;
  for (const compiler::ParameterInfo& p : compiled.parameters) {
    std::vector<double>& values = initial[p.name];
    values.assign(static_cast<std::size_t>(compiled.tensor(p.initial).size()), p.filler.value);
    if (const auto found = imported.values.find(p.name); found != imported.values.end())
      values.assign(found->second.begin(), found->second.end());
  }
  chip.initialise(initial);
  std::vector<double> data(images.floats.begin(), images.floats.end());
  data.resize(static_cast<std::size_t>(compiled.tensor("data").size()));
  chip.write("data", data);
  chip.write("label", std::vector<double>(static_cast<std::size_t>(compiled.tensor("label").size())));
  chip.run(compiled.programs[compiler::ProgramKind::kEvaluate]);
  std::vector<double> result = chip.read(last + ".activation");
  const std::size_t of_an_image = result.size() / static_cast<std::size_t>(input.training.batch);
  result.resize(of_an_image * static_cast<std::size_t>(images.dims.at(0)));
  return result;
}

std::string difference(const std::vector<double>& found, const std::vector<float>& expected,
                       double tolerance) {
  if (found.size() != expected.size())
    return std::to_string(found.size()) + " elements instead of " + std::to_string(expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) {
    const auto wanted = static_cast<double>(expected[k]);
    if (std::abs(found[k] - wanted) <= tolerance * std::max(1.0, std::abs(wanted))) continue;
    std::ostringstream text;
    text << "element " << k << " is " << found[k] << " instead of " << wanted;
    return text.str();
  }
  return "";
}

}  // namespace anzan::testing
