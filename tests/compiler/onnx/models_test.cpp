// Networks that PyTorch's exporter wrote (models/, by make_models.py): what the chip makes of images in FP32
// is what PyTorch makes of them; and what their layers become.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "compiler/onnx/file.hpp"
#include "compiler/onnx/import.hpp"
#include "tests/compiler/onnx/onnx_case.hpp"

namespace anzan::testing::models_test {
namespace {

namespace fs = std::filesystem;
using compiler::onnx::Imported;
using compiler::onnx::Node;

const fs::path kModels = ANZAN_SOURCE_DIR "/tests/compiler/onnx/models";

// A softmax at the end is part of the loss: what comes out of the chip is before it.
void leave_out_softmax(OnnxCase& c) {
  const Node last = c.model.nodes.back();
  if (last.op_type != "Softmax" && last.op_type != "LogSoftmax") return;
  c.model.nodes.pop_back();
  c.model.outputs[0].name = last.inputs[0];
}

std::vector<float> softmax(std::vector<double> scores, std::int64_t classes, bool logarithm) {
  std::vector<float> result;
  for (std::size_t first = 0; first < scores.size(); first += static_cast<std::size_t>(classes)) {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(scores[first + static_cast<std::size_t>(c)]);
    for (std::int64_t c = 0; c < classes; ++c) {
      const double score = scores[first + static_cast<std::size_t>(c)];
      result.push_back(static_cast<float>(logarithm ? score - std::log(sum) : std::exp(score) / sum));
    }
  }
  return result;
}

TEST(OnnxModels, GiveOnTheChipWhatPyTorchGives) {
  int models = 0;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    const std::string name = entry.path().filename().string();
    SCOPED_TRACE(name);
    OnnxCase c = read_onnx_case(entry.path());
    const std::string last = c.model.nodes.back().op_type;
    leave_out_softmax(c);
    std::vector<double> scores = outputs_of_chip(c.model, c.inputs.at(0));
    if (last == "Softmax" || last == "LogSoftmax") {
      const std::vector<float> shares = softmax(scores, c.output.dims.at(1), last == "LogSoftmax");
      scores.assign(shares.begin(), shares.end());
    }
    EXPECT_EQ(difference(scores, c.output.floats), "");
    ++models;
  }
  EXPECT_EQ(models, 11);
}

Imported imported(const std::string& name) {
  return compiler::onnx::import_model(
      compiler::onnx::parse_model(file_content(kModels / name / "model.onnx"), name), name);
}

std::string types_of(const Imported& model) {
  std::string types;
  for (const auto& layer : model.network["layers"])
    types += (types.empty() ? "" : " ") + layer["type"].get<std::string>();
  return types;
}

TEST(OnnxModels, BecomeTheLayersThatWereMeant) {
  const std::string lenet =
      "convolution relu max_pool convolution batch_norm relu max_pool fully_connected relu fully_connected "
      "softmax_cross_entropy";
  EXPECT_EQ(types_of(imported("lenet_free_batch")), lenet);
  EXPECT_EQ(types_of(imported("lenet_fixed_batch")), lenet);
  EXPECT_EQ(
      types_of(imported("mobile")),
      "convolution hard_swish convolution relu clip global_average_pool convolution relu convolution "
      "hard_sigmoid multiply convolution swish global_average_pool fully_connected softmax_cross_entropy");
  EXPECT_EQ(types_of(imported("mobile_unfolded")), types_of(imported("mobile")));
  EXPECT_EQ(types_of(imported("perceptron")), "fully_connected relu fully_connected softmax_cross_entropy");
  EXPECT_EQ(types_of(imported("perceptron_unfolded")), types_of(imported("perceptron")));
}

TEST(OnnxModels, NameLayersAfterTheirWeights) {
  const Imported model = imported("lenet_free_batch");
  EXPECT_EQ(model.network["layers"][0]["name"], "conv1");
  EXPECT_EQ(model.values.at("conv1.weight").size(), 4U * 25);
  EXPECT_EQ(model.values.at("bn.running_variance").size(), 6U);
  EXPECT_EQ(model.values.count("conv2.bias"), 0U);
  EXPECT_EQ(model.network["layers"][4]["epsilon"], 1e-5);
  EXPECT_EQ(model.network["layers"][4]["momentum"], 0.1);
  EXPECT_EQ(model.network["input"]["scale"], 1.0 / 255);
}

}  // namespace
}  // namespace anzan::testing::models_test
