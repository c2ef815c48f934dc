// A model with inputs and the outputs that they give, as test data of ONNX has them in a folder: model.onnx,
// and test_data_set_0 with a tensor a file.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/onnx/model.hpp"

namespace anzan::testing {

struct OnnxCase {
  compiler::onnx::Model model;
  std::vector<compiler::onnx::Tensor> inputs;  // of those of the model that are no initializers
  compiler::onnx::Tensor output;               // the first
};

OnnxCase read_onnx_case(const std::filesystem::path& folder);
std::string file_content(const std::filesystem::path& file);

// Imports the model, behind which it puts a layer that changes nothing and one to train, compiles it in FP32,
// and returns what the chip makes of the images in `inference`. The model has one input, which has them in
// its first axis: as many as lanes or fewer. Throws InputError where the model or the network is refused.
std::vector<double> outputs_of_chip(compiler::onnx::Model model, const compiler::onnx::Tensor& images);

// How far the results of FP32 may be from those of another program: relative, or to 1 where that is less.
inline constexpr double kOnnxTolerance = 2e-5;

// Empty, or the first element that differs.
std::string difference(const std::vector<double>& found, const std::vector<float>& expected,
                       double tolerance = kOnnxTolerance);

}  // namespace anzan::testing
