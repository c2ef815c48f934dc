// Gradients of weights and biases whose sums no accumulator holds: cut into whole groups of images, into rows
// or into pixels, in any scratchpad, beside the reference bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "compiler/input/input_error.hpp"
#include "compiler/input/network_json.hpp"
#include "tests/end_to_end/training_step.hpp"

namespace anzan::testing {
namespace {

using nlohmann::json;

enum class Cut { kGroups, kRows, kPixels };

struct Drawn {
  StepCase step;
  std::int64_t pieces = 0;
};

// A convolution with that many output pixels and images, whatever its window.
Drawn draw(Cut cut, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto any = [&](std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(to - from + 1));
  };
  constexpr std::int64_t kMost = 65536;
  constexpr int kLanes[] = {4, 8, 16};
  Drawn d;
  const std::int64_t lanes = cut == Cut::kGroups ? kLanes[any(1, 2)] : 32;
  std::int64_t height = 0, width = 0, batch = 0;
  if (cut == Cut::kGroups) {
    width = any(48, 63), height = any(48, 63);
    const std::int64_t together = kMost / (lanes * height * width), groups = together + any(1, 2);
    batch = lanes * (groups - 1) + any(1, lanes);
    d.pieces = (groups + together - 1) / together;
  } else if (cut == Cut::kRows) {
    batch = any(1, 3), width = seed % 2 == 1 ? 64 : any(30, 90);  // 64: a piece of whole rows is full
    const std::int64_t together = kMost / (lanes * width);
    height = together + any(1, together / 2);
    d.pieces = 2;
  } else {
    batch = any(1, 3), height = any(1, 2), width = 2048 + any(1, 300);
    d.pieces = 2 * height;
  }
  const std::int64_t groups = any(1, 2), channels = groups * any(1, groups == 1 ? 4 : 2);
  const std::int64_t out_channels =
      groups * (cut == Cut::kPixels && any(0, 2) == 0 ? lanes / groups + any(1, 2) : any(1, 3));
  const std::int64_t kernel = any(1, 3), stride = any(1, 2), dilation = any(1, 2);
  std::int64_t pad = any(0, 2);
  const json pooled = {std::min<std::int64_t>(height, 4), 4};
  const auto inputs = [&](std::int64_t outputs) {
    return (outputs - 1) * stride + (kernel - 1) * dilation + 1 - 2 * pad;
  };
  while (inputs(std::min(height, width)) < 1) --pad;
  const json network{
      {"input", {{"channels", channels}, {"height", inputs(height)}, {"width", inputs(width)}}},
      {"layers",
       {{{"name", "c"},
         {"type", "convolution"},
         {"channels", out_channels},
         {"kernel", kernel},
         {"stride", stride},
         {"dilation", dilation},
         {"padding", pad},
         {"groups", groups},
         {"bias", any(0, 3) > 0}},
        {{"name", "p"}, {"type", "max_pool"}, {"kernel", pooled}, {"stride", pooled}, {"ceil_mode", true}},
        {{"name", "fc"}, {"type", "fully_connected"}, {"channels", 2}},
        {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}};
  d.step.seed = seed;
  d.step.network = compiler::parse_network(network);
  d.step.training.batch = batch;
  d.step.chip.lanes = static_cast<int>(lanes);
  d.step.chip.scratchpad_kib = any(0, 1) == 0 ? 64 : 2048;
  d.step.precision = uniform_precision(
      isa::Format::kInt16, 16, any(0, 1) == 0 ? isa::Rounding::kStochastic : isa::Rounding::kNearestEven);
  if (seed % 3 > 0)  // as they are: 16 bits hide where a sum was cut
    d.step.precision.classes[static_cast<std::size_t>(compiler::TensorClass::kWeightGradient)].format =
        isa::Format::kFp32;
  return d;
}

void check(Cut cut, std::uint32_t first, std::uint32_t last) {
  for (std::uint32_t seed = first; seed <= last; ++seed) {
    const Drawn d = draw(cut, seed);
    SCOPED_TRACE(d.step.describe());
    const std::string decided = compiler::dump("tiles", d.step.input());
    EXPECT_NE(decided.find("convolution_backward_weight c: "), std::string::npos) << decided;
    EXPECT_NE(decided.find("exact sums " + std::to_string(d.pieces) + ";"), std::string::npos) << decided;
    TrainingStep step(d.step);
    for (int i = 0; i < 2; ++i) {
      step.run(i == 1, false);
      step.check();
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(LongSums, AreCutBetweenGroupsOfImages) { check(Cut::kGroups, 1, 3); }
TEST(LongSums, AreCutBetweenRows) { check(Cut::kRows, 11, 13); }
TEST(LongSums, AreCutBetweenPixels) { check(Cut::kPixels, 21, 25); }

}  // namespace
}  // namespace anzan::testing
