// Layers that work element by element, and losses, where random networks do not go: images of which the
// scratchpad holds a few pixels, or a few classes, and values on the very edges of a function's pieces. Held
// to the references as training steps are.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "compiler/input/network.hpp"
#include "tests/end_to_end/training_step.hpp"

namespace anzan::testing::element_layers_test {
namespace {

using nlohmann::json;

StepCase step_case(const json& network, isa::Format format) {
  StepCase c;
  c.seed = 1;
  c.network = compiler::parse_network(network);
  c.chip.lanes = 4;
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  c.precision = uniform_precision(format, width, isa::Rounding::kNearestEven, false);
  return c;
}

void check_step(TrainingStep& step) {
  step.run(false, false);
  step.check();
  step.check_inference();
}

// With the least scratchpad that is enough.
std::unique_ptr<TrainingStep> in_little_room(StepCase& c) {
  c.chip.scratchpad_kib = 1;
  return in_enough_scratchpad(c);
}

// One pixel multiplies all of an image, and is added to all: its gradient is a sum over them, a piece at a
// time, which goes on from the sum so far.
TEST(ElementLayers, SumsOverPixelsGoOnFromPieceToPiece) {
  const json network = {{"input", {{"channels", 2}, {"height", 19}, {"width", 23}}},
                        {"layers",
                         {{{"name", "c"}, {"type", "convolution"}, {"channels", 3}, {"kernel", 1}},
                          {{"name", "whole"}, {"type", "fully_connected"}, {"channels", 3}},
                          {{"name", "gate"}, {"type", "hard_sigmoid"}},
                          {{"name", "gated"}, {"type", "multiply"}, {"inputs", {"c", "gate"}}},
                          {{"name", "sum"}, {"type", "add"}, {"inputs", {"gated", "whole"}}},
                          {{"name", "small"}, {"type", "max_pool"}, {"kernel", 4}, {"stride", 4}},
                          {{"name", "f"}, {"type", "fully_connected"}, {"channels", 3}},
                          {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}};
  for (const isa::Format format : {isa::Format::kFp32, isa::Format::kInt16, isa::Format::kInt8}) {
    StepCase c = step_case(network, format);
    c.training.batch = 6;
    check_step(*in_little_room(c));
    // FP32 rows of all pixels, of four channels of one batch group
    EXPECT_LT(c.chip.scratchpad_kib * 1024, 19 * 23 * 4 * c.chip.lanes * 4) << "nothing is cut";
  }
}

// More classes than the scratchpad holds, and an image without a label.
TEST(ElementLayers, LossesGoOnFromPieceToPiece) {
  for (json loss : {json{{"type", "softmax_cross_entropy"}},
                    json{{"type", "softmax_cross_entropy"}, {"label_smoothing", 0.1}},
                    json{{"type", "mean_squared_error"}}}) {
    loss["name"] = "loss";
    const json network = {
        {"input", {{"channels", 5}, {"height", 1}, {"width", 1}}},
        {"layers", {{{"name", "f"}, {"type", "fully_connected"}, {"channels", 301}}, loss}}};
    for (const isa::Format format : {isa::Format::kFp32, isa::Format::kInt16, isa::Format::kInt8}) {
      StepCase c = step_case(network, format);
      c.training.batch = 6;
      const std::unique_ptr<TrainingStep> step = in_little_room(c);
      step->run(false, true);
      step->check();
      step->check_inference();
      // FP32 rows of all classes, of one batch group
      EXPECT_LT(c.chip.scratchpad_kib * 1024, 301 * c.chip.lanes * 4) << "nothing is cut";
    }
  }
}

// A label a pixel: more pixels than the scratchpad holds at once, or not even the classes of one; and all of
// them at once.
TEST(ElementLayers, LossesOfPixels) {
  for (json loss : {json{{"type", "softmax_cross_entropy"}},
                    json{{"type", "softmax_cross_entropy"}, {"label_smoothing", 0.1}},
                    json{{"type", "mean_squared_error"}}}) {
    loss["name"] = "loss";
    for (const int classes : {7, 121}) {
      const std::int64_t height = classes > 7 ? 1 : 9, width = classes > 7 ? 3 : 11;
      const json network = {
          {"input", {{"channels", 3}, {"height", height}, {"width", width}}},
          {"layers",
           {{{"name", "c"}, {"type", "convolution"}, {"channels", classes}, {"kernel", 3}, {"padding", 1}},
            loss}}};
      for (const isa::Format format : {isa::Format::kFp32, isa::Format::kInt8}) {
        StepCase c = step_case(network, format);
        c.training.batch = 6;
        const std::unique_ptr<TrainingStep> little = in_little_room(c);
        // FP32 rows of all classes of all pixels, of one batch group
        EXPECT_LT(c.chip.scratchpad_kib * 1024, height * width * classes * c.chip.lanes * 4)
            << "nothing is cut";
        c.chip.scratchpad_kib = 2048;
        TrainingStep plenty(c);
        for (TrainingStep* step : {little.get(), &plenty}) {
          step->run(false, true);
          step->check();
          step->check_inference();
        }
      }
    }
  }
}

// The place, and its neighbours in FP32.
void add_around(std::vector<double>& values, float place) {
  constexpr float kEndless = std::numeric_limits<float>::infinity();
  for (const float value : {std::nextafter(place, -kEndless), place, std::nextafter(place, kEndless)})
    values.push_back(static_cast<double>(value));
}

// Where a gradient jumps, the function's own value decides, to the last bit: a convolution with weight 1
// brings the data there as they are.
TEST(ElementLayers, GradientsJumpWhereTheyAreSaidTo) {
  std::vector<double> values{-100, -1, -1e-30, 0, 1e-30, 1, 100};
  for (const float place : {-3.0F, 3.0F, 6.0F, -0.3F, 0.7F}) add_around(values, place);
  const json functions[] = {{{"type", "relu"}},
                            {{"type", "leaky_relu"}, {"negative_slope", 0.25}},
                            {{"type", "clip"}},  // ReLU6
                            {{"type", "clip"}, {"min", -0.3}, {"max", 0.7}},
                            {{"type", "hard_sigmoid"}},
                            {{"type", "hard_swish"}}};
  for (json function : functions) {
    function["name"] = "function";
    StepCase c = step_case(
        {{"input", {{"channels", 1}, {"height", 1}, {"width", values.size()}}},
         {"layers",
          {{{"name", "as_it_is"}, {"type", "convolution"}, {"channels", 1}, {"kernel", 1}, {"bias", false}},
           function,
           {{"name", "f"}, {"type", "fully_connected"}, {"channels", 3}},
           {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}},
        isa::Format::kFp32);
    c.training.batch = 1;
    c.given = {{"data", values}, {"as_it_is.weight", {1}}};
    TrainingStep step(c);
    check_step(step);
  }
}

}  // namespace
}  // namespace anzan::testing::element_layers_test
