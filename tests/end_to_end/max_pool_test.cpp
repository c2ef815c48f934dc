// Max pools, and what they keep of their windows until the gradient comes: packed where numbers of taps are
// small. Held to the references as training steps are, which also look at every bit that is kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "compiler/input/network.hpp"
#include "tests/end_to_end/training_step.hpp"

namespace anzan::testing::max_pool_test {
namespace {

using nlohmann::json;

// The pool between layers with weights: before it a convolution over one pixel, of so many groups.
StepCase step_case(const compiler::Shape& input, std::int64_t channels, std::int64_t groups, json pool,
                   isa::Format format) {
  pool["name"] = "pool";
  pool["type"] = "max_pool";
  StepCase c;
  c.seed = 1;
  c.network = compiler::parse_network(
      {{"input", {{"channels", input.channels}, {"height", input.height}, {"width", input.width}}},
       {"layers",
        {{{"name", "before"},
          {"type", "convolution"},
          {"channels", channels},
          {"kernel", 1},
          {"groups", groups},
          {"bias", false}},
         pool,
         {{"name", "f"}, {"type", "fully_connected"}, {"channels", 2}},
         {{"name", "loss"}, {"type", "softmax_cross_entropy"}}}}});
  const int width = format == isa::Format::kInt8 ? 8 : 16;
  c.precision = uniform_precision(format, width, isa::Rounding::kNearestEven, false);
  return c;
}

std::int64_t step(StepCase& c) {
  const std::unique_ptr<TrainingStep> trained = in_enough_scratchpad(c);
  trained->run(false, false);
  trained->check();
  trained->check_inference();
  return trained->elements_compared();
}

struct Kernel {
  std::int64_t height, width, together;
};

// Of the windows side by side, the largest tap is another one in each four of channels; together they meet
// all that an element can hold.
std::vector<double> all_combinations(const compiler::Shape& input, const Kernel& k) {
  std::vector<double> values;
  for (std::int64_t c = 0; c < input.channels; ++c) {
    for (std::int64_t y = 0; y < input.height; ++y) {
      for (std::int64_t x = 0; x < input.width; ++x) {
        std::int64_t window = y / k.height * (input.width / k.width) + x / k.width;
        for (std::int64_t place = c / 4 % k.together; place > 0; --place) window /= k.height * k.width;
        const bool largest = window % (k.height * k.width) == y % k.height * k.width + x % k.width;
        values.push_back(largest ? 0.75 : -0.5);
      }
    }
  }
  return values;
}

TEST(MaxPools, KeepEveryCombinationOfTaps) {
  constexpr Kernel kKernels[] = {{1, 1, 8}, {1, 2, 8}, {3, 1, 4}, {2, 2, 4}, {1, 5, 2}, {3, 3, 2}, {4, 4, 2}};
  constexpr isa::Format kFormats[] = {isa::Format::kInt8, isa::Format::kFp32, isa::Format::kInt16};
  std::size_t number = 0;
  for (const Kernel& k : kKernels) {
    SCOPED_TRACE(std::to_string(k.height) + " x " + std::to_string(k.width));
    std::int64_t combinations = 1;
    for (std::int64_t place = 0; place < k.together; ++place) combinations *= k.height * k.width;
    // a whole group of channels, then a line, then less than that
    const compiler::Shape input{4 * k.together + 6, k.height * ((combinations + 15) / 16), k.width * 16};
    StepCase c =
        step_case(input, input.channels, input.channels,
                  {{"kernel", {k.height, k.width}}, {"stride", {k.height, k.width}}}, kFormats[number % 3]);
    c.training.batch = 1;
    c.chip.lanes = 4;
    c.chip.scratchpad_kib = number++ % 2 == 0 ? 1 : 512;
    c.given = {{"data", all_combinations(input, k)},
               {"before.weight", std::vector<double>(static_cast<std::size_t>(input.channels), 1)}};
    EXPECT_GT(step(c), 256);
  }
}

// Numbers that just fit, and those that do not; channels that fill no group; windows that overlap, stick out
// or skip pixels.
TEST(MaxPools, OfAllSizesOfWindowsAndChannels) {
  const json kPools[] = {{{"kernel", 2}, {"stride", 2}},
                         {{"kernel", 2}},
                         {{"kernel", {1, 2}}, {"stride", {2, 1}}},
                         {{"kernel", 3}, {"stride", 2}, {"padding", 1}},
                         {{"kernel", 3}, {"stride", 2}, {"ceil_mode", true}},
                         {{"kernel", 2}, {"dilation", 3}, {"padding", 1}},
                         {{"kernel", 3}, {"stride", 4}},
                         {{"kernel", {4, 4}}, {"stride", 3}, {"padding", {3, 0}}},
                         {{"kernel", {1, 16}}},
                         {{"kernel", {1, 17}}},
                         {{"kernel", {1, 127}}},
                         {{"kernel", {4, 32}}, {"stride", {1, 40}}},
                         {{"kernel", {3, 43}}, {"stride", {2, 9}}}};
  constexpr std::int64_t kChannels[] = {1, 3, 4, 5, 8, 9, 15, 16, 17, 31, 33, 50};
  constexpr isa::Format kFormats[] = {isa::Format::kInt8, isa::Format::kFp32, isa::Format::kInt16};
  std::mt19937 random(5);
  for (const json& pool : kPools) {
    for (int i = 0; i < 3; ++i) {
      const json& kernel = pool["kernel"];
      const bool wide = kernel.is_array() && kernel[1] > 4;
      const std::int64_t channels = kChannels[random() % std::size(kChannels)],
                         size = 7 + static_cast<std::int64_t>(random() % 3);
      const compiler::Shape input = wide ? compiler::Shape{2, 4, 128} : compiler::Shape{2, 8, size};
      SCOPED_TRACE(pool.dump() + ", " + std::to_string(channels) + " channels");
      StepCase c = step_case(input, channels, 1, pool, kFormats[random() % 3]);
      c.seed = static_cast<std::uint32_t>(random());
      c.chip.lanes = 4 << random() % 4;
      c.training.batch = 1 + static_cast<std::int64_t>(random() % 5);
      c.chip.scratchpad_kib = i % 2 == 0 ? 1 : 512;
      EXPECT_GT(step(c), 0);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(MaxPools, KeepALineOfSeveral) {
  const auto bytes = [](std::int64_t kernel, std::int64_t channels) {
    StepCase c = step_case({2, 15, 15}, channels, 1, {{"kernel", kernel}}, isa::Format::kInt8);
    c.training.batch = 16;
    const compiler::CompiledModel model = compiler::compile(c.input());
    const std::int64_t windows = (16 - kernel) * (16 - kernel);
    return model.tensor("pool.index").lines * 64 / windows / 16;  // of a window of an image
  };
  EXPECT_EQ(bytes(1, 64), 8);
  EXPECT_EQ(bytes(2, 64), 16);
  EXPECT_EQ(bytes(2, 65), 20);
  EXPECT_EQ(bytes(2, 50), 16);
  EXPECT_EQ(bytes(2, 4), 4);
  EXPECT_EQ(bytes(3, 64), 32);
  EXPECT_EQ(bytes(4, 64), 32);
  EXPECT_EQ(bytes(5, 64), 64);
  EXPECT_EQ(bytes(11, 64), 64);
  EXPECT_EQ(bytes(12, 64), 256);
}

TEST(MaxPools, KeepNothingWhereNothingIsTrained) {
  StepCase c = step_case({2, 8, 8}, 20, 1, {{"kernel", 2}, {"stride", 2}}, isa::Format::kInt8);
  const compiler::CompiledModel model = compiler::compile(c.input());
  const auto comparisons = [&](compiler::ProgramKind kind) {
    const isa::Program program = isa::decode(model.programs[kind]);
    std::int64_t found = 0;
    for (std::size_t i = 0; i < program.size(); ++i) {
      const auto* v = std::get_if<isa::Vector>(&program[i]);
      found += v != nullptr && v->op == isa::VectorOp::kSelectEq &&
               model.regions[model.region_of[kind][i]].layer == "pool";
    }
    return found;
  };
  EXPECT_GT(comparisons(compiler::ProgramKind::kStep), 0);
  EXPECT_GT(comparisons(compiler::ProgramKind::kCalibrate), 0);
  EXPECT_EQ(comparisons(compiler::ProgramKind::kEvaluate), 0);
}

}  // namespace
}  // namespace anzan::testing::max_pool_test
