// The node tests of ONNX (Debian's libonnx-testdata) of every operator in the table: what is made of images
// goes through the chip in FP32, what is made of constants through the importer. Prints which were run, and
// why others were not; which are run is a committed list.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "compiler/input/input_error.hpp"
#include "compiler/onnx/operators.hpp"
#include "tests/compiler/onnx/onnx_case.hpp"

namespace anzan::testing::node_test {
namespace {

namespace fs = std::filesystem;
using compiler::InputError;
using compiler::onnx::Model;
using compiler::onnx::Node;
using compiler::onnx::Tensor;
using compiler::onnx::Value;
using Dims = std::vector<std::int64_t>;

const fs::path kData = "/usr/share/libonnx-testdata/data";

// Of these, all inputs are images; of the others, the first one, and the rest is constant.
const std::set<std::string> kOfImages{"Add", "Concat", "Mul", "Sum"};

// A list becomes [1, F]; what has three axes gets one of a single column behind them.
Dims usual_dims(Dims dims) {
  if (dims.size() == 1) dims.insert(dims.begin(), 1);
  if (dims.size() == 3) dims.push_back(1);
  return dims;
}

compiler::onnx::Attribute whole_attribute(const char* name, std::int64_t value) {
  compiler::onnx::Attribute a;
  a.name = name;
  a.kind = compiler::onnx::Attribute::Kind::kInteger;
  a.integer = value;
  return a;
}

// One input for all inputs that are images: their channels one after the other, from which convolutions with
// ones and zeros pick again.
Tensor joined(Model& model, const std::vector<Tensor>& inputs) {
  Tensor all = inputs.at(0);
  std::int64_t channels = 0, first = 0;
  for (const Tensor& t : inputs) {
    channels += t.dims[1];
    bool alike = t.is_float && t.dims.size() == all.dims.size() && t.dims.size() != 3;
    for (std::size_t d = 0; alike && d < t.dims.size(); ++d) alike = d == 1 || t.dims[d] == all.dims[d];
    if (!alike) throw InputError("inputs", "images of different shapes", "one input");
  }
  const bool list = all.dims.size() == 2;
  const std::int64_t pixels = list ? 1 : all.dims[2] * all.dims[3], images = all.dims[0];
  std::vector<Node> nodes;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const std::int64_t mine = inputs[k].dims[1];
    Tensor pick{"pick" + std::to_string(k), {mine, channels, 1, 1}, true, {}, {}, ""};
    if (list) pick.dims = {mine, channels};
    pick.floats.resize(static_cast<std::size_t>(mine * channels));
    for (std::int64_t c = 0; c < mine; ++c)
      pick.floats[static_cast<std::size_t>(c * channels + first + c)] = 1;
    first += mine;
    nodes.push_back({"", list ? "Gemm" : "Conv", "", {"all", pick.name}, {model.inputs[k].name}, {}});
    if (list) nodes.back().attributes.push_back(whole_attribute("transB", 1));
    model.initializers.push_back(pick);
  }
  nodes.insert(nodes.end(), model.nodes.begin(), model.nodes.end());
  model.nodes = nodes;
  all.dims[1] = channels;
  all.floats.clear();
  for (std::int64_t n = 0; n < images; ++n) {
    for (const Tensor& t : inputs) {
      const std::int64_t size = t.dims[1] * pixels;
      all.floats.insert(all.floats.end(), t.floats.begin() + n * size, t.floats.begin() + (n + 1) * size);
    }
  }
  model.inputs = {{"all", true, true, all.dims}};
  return all;
}

// The model's inputs that are no initializers, in order.
std::vector<std::string> free_inputs(const Model& model) {
  std::set<std::string> given;
  for (const Tensor& t : model.initializers) given.insert(t.name);
  std::vector<std::string> names;
  for (const auto& port : model.inputs) {
    if (given.count(port.name) == 0) names.push_back(port.name);
  }
  return names;
}

// What inference cannot show, and what a change of the rank would make another test.
void check_testable(const OnnxCase& c) {
  const Node& node = c.model.nodes.at(0);
  for (const auto& a : node.attributes) {
    if (a.name == "training_mode" && a.integer != 0) throw InputError("mode", "training", "inference");
    if (a.name == "axis" && a.integer < 0 && c.inputs.at(0).dims.size() == 3)
      throw InputError("axis", "an axis counted from the end of three", "[N, C, H, W] or [N, F]");
  }
  if (node.op_type == "Dropout" && node.inputs.size() == 3) throw InputError("mode", "training", "inference");
}

// Empty, or what differs. Throws InputError where the importer refuses it.
std::string on_the_chip(const OnnxCase& c) {
  check_testable(c);
  Model model = c.model;
  const std::vector<std::string> names = free_inputs(model);
  model.inputs.clear();
  std::vector<Tensor> images;
  for (std::size_t k = 0; k < c.inputs.size(); ++k) {
    Tensor t = c.inputs[k];
    t.name = names.at(k);
    if (k > 0 && kOfImages.count(model.nodes.at(0).op_type) == 0) {
      model.initializers.push_back(t);
      continue;
    }
    t.dims = usual_dims(t.dims);
    model.inputs.push_back({t.name, true, true, t.dims});
    images.push_back(t);
  }
  if (images.empty()) throw InputError("inputs", "no images", "images");
  const Tensor all = images.size() == 1 ? images[0] : joined(model, images);
  if (!all.is_float || !all.problem.empty() || all.dims.size() < 2 || all.dims[0] > 64)
    throw InputError("inputs", "no images in FP32, up to 64", "images");
  return difference(outputs_of_chip(model, all), c.output.floats);
}

// The same of a node of constants.
std::string in_the_importer(const OnnxCase& c) {
  const Node& node = c.model.nodes.at(0);
  const compiler::onnx::Operator* op = compiler::onnx::find_operator(node.op_type);
  if (op->fold == nullptr || c.model.nodes.size() != 1) throw InputError("node", "constants", "images");
  compiler::onnx::NetworkSoFar so_far;
  so_far.opset = c.model.opset;
  std::map<std::string, Value> values;
  for (const Tensor& t : c.model.initializers) values[t.name] = compiler::onnx::constant_value(t);
  const std::vector<std::string> names = free_inputs(c.model);
  for (std::size_t k = 0; k < c.inputs.size(); ++k)
    values[names.at(k)] = compiler::onnx::constant_value(c.inputs[k]);
  std::vector<const Value*> inputs;
  for (const std::string& name : node.inputs) inputs.push_back(name.empty() ? nullptr : &values.at(name));
  compiler::onnx::NodeImport n(so_far, node, "node", inputs, std::vector<int>(inputs.size(), 1));
  const std::optional<Tensor> found = op->fold(n);
  n.check_attributes();
  if (n.failed()) throw InputError(so_far.findings);
  const bool same = found && found->dims == c.output.dims && found->is_float == c.output.is_float &&
                    found->integers == c.output.integers && found->floats == c.output.floats;
  return same ? "" : "another constant";
}

struct Verdict {
  std::string how, reason, wrong;  // where it was run, why not, what was wrong
};

Verdict verdict_of(const fs::path& folder) {
  Verdict v;
  try {
    const OnnxCase c = read_onnx_case(folder);
    if (!c.output.problem.empty()) return {"", c.output.problem, ""};
    const auto attempt = [&](const char* where, std::string (*run)(const OnnxCase&)) {
      try {
        v.wrong += run(c);
        v.how += (v.how.empty() ? "" : " ") + std::string(where);
      } catch (const InputError& error) {
        const auto& finding = error.findings().front();
        v.reason = finding.found + "; expected " + finding.expected;
      }
    };
    attempt("importer", in_the_importer);
    attempt("chip", on_the_chip);
  } catch (const InputError& error) {
    v.reason = error.what();
  } catch (const std::exception& error) {
    v.wrong = std::string("threw ") + error.what();
  }
  return v;
}

// Tests with a single node, of an operator in the table.
std::map<std::string, fs::path> folders() {
  std::map<std::string, fs::path> found;
  for (const char* part : {"node", "pytorch-converted", "pytorch-operator", "simple"}) {
    for (const auto& entry : fs::directory_iterator(kData / part)) {
      const std::string name = std::string(part) + "/" + entry.path().filename().string();
      try {
        const Model model = read_onnx_case(entry.path()).model;
        const auto claimed = [](const Node& n) {
          return n.domain.empty() && compiler::onnx::find_operator(n.op_type) != nullptr;
        };
        if (!model.nodes.empty() && std::all_of(model.nodes.begin(), model.nodes.end(), claimed))
          found[name] = entry.path();
      } catch (const std::exception&) {
        continue;  // sequences, and what no table has
      }
    }
  }
  return found;
}

TEST(OnnxNodes, GiveWhatTheirTestsExpect) {
  ASSERT_TRUE(fs::exists(kData)) << "needs the package libonnx-testdata";
  std::ifstream list(ANZAN_SOURCE_DIR "/tests/compiler/onnx/node_tests.txt");
  // Operators that no node test shows here: models_test.cpp does.
  std::set<std::string> shown{"LogSoftmax", "ReduceMean", "Softmax"};
  std::set<std::string> expected, run;
  for (std::string line; std::getline(list, line);) {
    if (!line.empty() && line[0] != '#') expected.insert(line);
  }
  for (const auto& [name, folder] : folders()) {
    const Verdict v = verdict_of(folder);
    EXPECT_EQ(v.wrong, "") << name;
    if (v.how.empty()) {
      std::cout << "skipped " << name << ": " << v.reason << '\n';
      continue;
    }
    run.insert(name + ": " + v.how);
    std::cout << "run     " << name << ": " << v.how << '\n';
    for (const Node& node : read_onnx_case(folder).model.nodes) shown.insert(node.op_type);
  }
  // Later data lack some of these, and have others, which are run as well.
  for (const std::string& line : expected) {
    if (!fs::exists(kData / line.substr(0, line.find(':')))) continue;
    EXPECT_EQ(run.count(line), 1U) << line << ": not run so; the list: tests/compiler/onnx/node_tests.txt";
  }
  EXPECT_EQ(shown.size(), compiler::onnx::operators().size());
}

}  // namespace
}  // namespace anzan::testing::node_test
