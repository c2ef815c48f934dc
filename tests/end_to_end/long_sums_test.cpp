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

namespace anzan::testing::long_sums_test {
namespace {

using nlohmann::json;

enum class Cut { kGroups, kRows, kPixels };

struct Drawn {
  StepCase step;
  std::int64_t pieces = 0;
};

class Draws {
 public:
  Draws(Cut cut, std::uint32_t seed) : cut_(cut), seed_(seed), random_(seed) {}

  // A convolution with as many output pixels and images, whatever its window.
  Drawn all() {
    const std::int64_t pieces = sum();
    Drawn d{{}, pieces};
    d.step.seed = seed_;
    d.step.network = compiler::parse_network(network());
    d.step.training.batch = batch_;
    d.step.chip.lanes = static_cast<int>(lanes_);
    d.step.chip.scratchpad_kib = any(0, 1) == 0 ? 64 : 2048;
    d.step.precision = uniform_precision(
        isa::Format::kInt16, 16, any(0, 1) == 0 ? isa::Rounding::kStochastic : isa::Rounding::kNearestEven);
    if (seed_ % 3 > 0)  // as they are: 16 bits hide where a sum was cut
      d.step.precision.classes[static_cast<std::size_t>(compiler::TensorClass::kWeightGradient)].format =
          isa::Format::kFp32;
    return d;
  }

 private:
  static constexpr std::int64_t kMost = 65536;

  std::int64_t any(std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(random_() % static_cast<std::uint32_t>(to - from + 1));
  }

  // Images and pixels of the sum; returns the number of its pieces.
  std::int64_t sum() {
    constexpr int kLanes[] = {8, 16};
    lanes_ = cut_ == Cut::kGroups ? kLanes[any(0, 1)] : 32;
    if (cut_ == Cut::kGroups) {
      width_ = any(48, 63), height_ = any(48, 63);
      const std::int64_t together = kMost / (lanes_ * height_ * width_), groups = together + any(1, 2);
      batch_ = lanes_ * (groups - 1) + any(1, lanes_);
      return (groups + together - 1) / together;
    }
    batch_ = any(1, 3);
    if (cut_ == Cut::kRows) {
      width_ = seed_ % 2 == 1 ? 64 : any(30, 90);  // 64: a piece of whole rows is full
      const std::int64_t together = kMost / (lanes_ * width_);
      height_ = together + any(1, together / 2);
      return 2;
    }
    height_ = any(1, 2), width_ = 2048 + any(1, 300);
    return 2 * height_;
  }

  json network() {
    const std::int64_t groups = any(1, 2), channels = groups * any(1, groups == 1 ? 4 : 2);
    const std::int64_t out_channels =
        groups * (cut_ == Cut::kPixels && any(0, 2) == 0 ? lanes_ / groups + any(1, 2) : any(1, 3));
    const std::int64_t kernel = any(1, 3), stride = any(1, 2), dilation = any(1, 2);
    std::int64_t pad = any(0, 2);
    const auto inputs = [&](std::int64_t outputs) {
      return (outputs - 1) * stride + (kernel - 1) * dilation + 1 - 2 * pad;
    };
    while (inputs(std::min(height_, width_)) < 1) --pad;
    const json pooled = {std::min<std::int64_t>(height_, 4), 4};
    return {
        {"input", {{"channels", channels}, {"height", inputs(height_)}, {"width", inputs(width_)}}},
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
  }

  Cut cut_;
  std::uint32_t seed_;
  std::mt19937 random_;
  std::int64_t lanes_ = 32, height_ = 0, width_ = 0, batch_ = 0;
};

void check(Cut cut, std::uint32_t first, std::uint32_t last) {
  for (std::uint32_t seed = first; seed <= last; ++seed) {
    const Drawn d = Draws(cut, seed).all();
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
}  // namespace anzan::testing::long_sums_test
