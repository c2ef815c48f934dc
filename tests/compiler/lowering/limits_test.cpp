// What the compiler says of a chip that is too small for a network: the place, the value, and a size that is
// enough while the next smaller one is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "compiler/collective/program.hpp"
#include "compiler/compiler.hpp"
#include "compiler/input/input_error.hpp"
#include "tests/compiler/least_scratchpad.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler::limits_test {
namespace {

using testing::LeastScratchpad;

// What is said of a scratchpad of so many KiB; nothing if it is enough.
template <class Compile>
std::optional<LeastScratchpad> complaint(std::int64_t kib, const Compile& compile) {
  try {
    compile(kib);
  } catch (const InputError& error) {
    EXPECT_EQ(error.findings().front().found, std::to_string(kib));
    std::optional<LeastScratchpad> least = testing::least_scratchpad(error);
    EXPECT_TRUE(least) << error.what();
    return least ? least : LeastScratchpad{std::int64_t{1} << 30, ""};
  }
  return std::nullopt;
}

// Goes by what is said from 1 KiB on; returns for what.
template <class Compile>
std::vector<std::string> follow(const Compile& compile) {
  std::vector<std::string> asked;
  std::int64_t kib = 1;
  while (const std::optional<LeastScratchpad> first = complaint(kib, compile)) {
    EXPECT_GT(first->kib, kib) << first->what;
    if (first->kib <= kib || first->kib > 1 << 20) return asked;
    asked.push_back(first->what);
    const std::optional<LeastScratchpad> below = complaint(first->kib - 1, compile);
    EXPECT_TRUE(below.has_value()) << first->kib << " KiB are more than needed for " << first->what;
    if (below) {
      EXPECT_EQ(below->kib, first->kib) << below->what << ", " << first->what;
    }
    kib = first->kib;
    const std::optional<LeastScratchpad> next = complaint(kib, compile);
    if (next) {
      EXPECT_NE(next->what, first->what) << kib << " KiB are not enough";
    }
  }
  return asked;
}

Input input(std::uint32_t seed) {
  constexpr int kLanes[] = {4, 8, 16, 32};
  Input in;
  in.network = reference::random_network(seed);
  in.precision =
      seed % 2 == 0
          ? testing::uniform_precision(isa::Format::kFp32, 16, isa::Rounding::kNearestEven)
          : testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic, seed % 4 == 1);
  in.training.batch = 8;
  in.chip.lanes = kLanes[seed % 4];
  return in;
}

TEST(TooSmallAScratchpad, IsToldTheLeastThatIsEnough) {
  std::vector<std::string> asked;
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Input in = input(seed);
    const auto more = follow([&](std::int64_t kib) {
      in.chip.scratchpad_kib = kib;
      compile(in);
    });
    asked.insert(asked.end(), more.begin(), more.end());
  }
  using ::testing::Contains;
  using ::testing::HasSubstr;
  EXPECT_THAT(asked, Contains(HasSubstr("the smallest tile of convolution")));
  EXPECT_THAT(asked, Contains(HasSubstr("the smallest tile of the weight gradient")));
  EXPECT_THAT(asked, Contains(HasSubstr("rows of")));
}

// Eighths of it are for the exchange, and for roads between cores.
TEST(TooSmallAScratchpad, IsToldSoWithManyCoresToo) {
  const auto asked = [](int data, int stages, int micro_batches) {
    Input in = input(4);
    reference::RandomNetworkLimits limits;
    limits.batch_norms = micro_batches == 1;
    in.network = reference::random_network(4, limits);
    in.training.batch = 2 * in.chip.lanes * data;
    in.system.exchange.dimensions = {data};
    in.system.mapping.micro_batches = micro_batches;
    in.system.mapping.pipeline = {stages, data};
    return follow([&](std::int64_t kib) {
      in.chip.scratchpad_kib = kib;
      compile(in);
    });
  };
  using ::testing::Contains;
  using ::testing::HasSubstr;
  EXPECT_THAT(asked(64, 1, 1), Contains(HasSubstr("the exchange between 64 cores")));
  EXPECT_THAT(asked(1, 2, 2), Contains(HasSubstr("messages between cores")));
  asked(2, 2, 1);
}

TEST(TooSmallAScratchpad, IsToldSoByCollectivesToo) {
  for (int kind = 0; kind < kCollectiveKinds; ++kind) {
    for (const bool direct : {false, true}) {
      CollectiveParameters p;
      p.kind = static_cast<CollectiveKind>(kind);
      p.direct = direct;
      p.bytes = 1 << 20;
      p.exchange.dimensions = {12, 3};
      const auto asked = follow([&](std::int64_t kib) {
        p.chip.scratchpad_kib = kib;
        collective_program(p);
      });
      EXPECT_FALSE(asked.empty()) << name(p.kind);
    }
  }
}

Input of_network(const char* json, std::int64_t kib) {
  Input in;
  in.network = parse_network(nlohmann::json::parse(json));
  in.precision = testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic);
  in.training.batch = 2;
  in.chip.scratchpad_kib = kib;
  return in;
}

// Loops over all rows of a tensor are longer than the fields of one instruction.
TEST(ALargeScratchpad, GivesTheBitsOfASmallOne) {
  const auto trained = [](std::int64_t kib) {
    const CompiledModel model = compile(of_network(
        R"({"name": "wide", "input": {"channels": 1024, "height": 1, "width": 1}, "layers": [
            {"name": "a", "type": "fully_connected", "channels": 1024},
            {"name": "b", "type": "fully_connected", "channels": 1024},
            {"name": "c", "type": "fully_connected", "channels": 3},
            {"name": "loss", "type": "softmax_cross_entropy"}]})",
        kib));
    testing::TestChip chip(model);
    chip.prepare(5);
    chip.load_batch();
    chip.run(model.programs[ProgramKind::kStep]);
    return chip.parameters();
  };
  const std::vector<std::int64_t> expected = trained(256);
  for (const std::int64_t kib : {32768, 65536}) EXPECT_TRUE(trained(kib) == expected) << kib;
}

// Of the window of a first layer, the scratchpad holds the rows that are worked on.
TEST(ALargeImage, EntersAPerceptron) {
  for (const char* channels : {"1", "3"})
    compile(of_network((R"({"name": "perceptron", "input": {"channels": )" + std::string(channels) +
                        R"(, "height": 300, "width": 200}, "layers": [
            {"name": "a", "type": "fully_connected", "channels": 4},
            {"name": "loss", "type": "softmax_cross_entropy"}]})")
                           .c_str(),
                       2048));
}

TEST(TooManyElements, AreAnErrorOfTheInput) {
  Input in =
      of_network(R"({"name": "large", "input": {"channels": 4, "height": 2000, "width": 2000}, "layers": [
            {"name": "a", "type": "max_pool", "kernel": 4, "stride": 4},
            {"name": "b", "type": "max_pool", "kernel": 4, "stride": 4},
            {"name": "c", "type": "fully_connected", "channels": 4},
            {"name": "loss", "type": "softmax_cross_entropy"}]})",
                 2048);
  in.training.batch = 135;
  try {
    compile(in);
    FAIL() << "2^31 pixels";
  } catch (const InputError& error) {
    EXPECT_EQ(error.findings().front().place, "/training/batch") << error.what();
  }
}

// Of a layer over 6 x 6 pixels each pixel's gradient sums 4,096 products, not 36 times as many; a window of 8
// that moves by 8 meets a pixel once.
TEST(ProductsOfASum, AreThoseThatAnElementReallySums) {
  struct Summing {
    const char* layers;
    Shape input;
  };
  const Summing kFitting[] = {
      {R"({"name": "c", "type": "convolution", "channels": 1, "kernel": 1}, {"name": "f", "type": "fully_connected", "channels": 63})",
       {1, 32, 33}},
      {R"({"name": "c", "type": "convolution", "channels": 4, "kernel": 1}, {"name": "s", "type": "convolution", "channels": 1100, "kernel": 8, "stride": 8})",
       {4, 16, 16}},
  };
  for (const Summing& s : kFitting) {
    const nlohmann::json json{
        {"input", {{"channels", s.input.channels}, {"height", s.input.height}, {"width", s.input.width}}},
        {"layers", nlohmann::json::parse(std::string("[") + s.layers +
                                         R"(, {"name": "fc", "type": "fully_connected", "channels": 2},
                                             {"name": "loss", "type": "softmax_cross_entropy"}])")}};
    Input in;
    in.network = parse_network(json);
    in.precision = testing::uniform_precision(isa::Format::kInt16, 16, isa::Rounding::kNearestEven);
    in.training.batch = 1;
    EXPECT_NO_THROW(compile(in)) << s.layers;
  }
}

TEST(TooManyLines, AreAnErrorOfTheInput) {
  Input in = of_network(R"({"name": "wide", "input": {"channels": 40000, "height": 1, "width": 1}, "layers": [
            {"name": "a", "type": "fully_connected", "channels": 40000},
            {"name": "b", "type": "fully_connected", "channels": 40000},
            {"name": "loss", "type": "softmax_cross_entropy"}]})",
                        2048);
  in.precision = testing::uniform_precision(isa::Format::kFp32, 16, isa::Rounding::kNearestEven);
  in.chip.lanes = 4;
  try {
    compile(in);
    FAIL() << "19 GB in lines of 16 bytes";
  } catch (const InputError& error) {
    EXPECT_EQ(error.findings().front().place, "/network") << error.what();
  }
}

// One row fewer, or half of the channels, is refused with the numbers that are accepted.
TEST(TooSmallAnHbm, IsToldSoWithTheFewestRowsAndChannels) {
  const auto complaint_of = [](const Input& in) -> std::string {
    try {
      compile(in);
    } catch (const InputError& error) {
      EXPECT_EQ(error.findings().front().place, "/chip/hbm/rows") << error.what();
      EXPECT_EQ(error.findings().front().found, std::to_string(in.chip.hbm.rows));
      return error.findings().front().expected;
    }
    return "";
  };
  for (const int stages : {1, 2}) {
    Input in = input(4);
    in.system.mapping.pipeline = {stages, 1};
    const std::int64_t bytes = compile(in).hbm_lines * 4 * in.chip.lanes;
    in.chip.hbm = {1, 2, 128};
    const std::int64_t least = (bytes + 255) / 256;
    ASSERT_GT(least, 64);
    std::int64_t channels = 2;
    while (channels * 128 < bytes) channels *= 2;
    using ::testing::HasSubstr;
    using ::testing::StartsWith;
    const std::string found = complaint_of(in), bytes_there = "has 256";
    EXPECT_THAT(found, StartsWith("at least " + std::to_string(least) + " for the "));
    EXPECT_THAT(found, HasSubstr(std::to_string(bytes) + " bytes of "));
    EXPECT_THAT(found, HasSubstr(bytes_there));
    in.chip.hbm.rows = least - 1;
    EXPECT_THAT(complaint_of(in), HasSubstr("large enough with 4 /chip/hbm/channels"));
    in.chip.hbm.channels = 4;
    EXPECT_EQ(complaint_of(in), "");
    in.chip.hbm = {least, 2, 128};
    EXPECT_EQ(complaint_of(in), "");
  }
}

// Every multiplier of the learning rate takes an entry of the table.
TEST(TooManyScalars, AreAnErrorOfTheInput) {
  const auto compiled = [](int layers) {
    std::string json = R"({"name": "deep", "input": {"channels": 4, "height": 1, "width": 1}, "layers": [)";
    for (int l = 0; l < layers; ++l)
      json += R"({"name": "fc)" + std::to_string(l) +
              R"(", "type": "fully_connected", "channels": 4, "weight_lr": )" + std::to_string(2 * l + 1) +
              R"(, "bias_lr": )" + std::to_string(2 * l + 2) + "},";
    Input in = input(2);
    in.network =
        parse_network(nlohmann::json::parse(json + R"({"name": "loss", "type": "softmax_cross_entropy"}]})"));
    return compile(in);
  };
  compiled(100);  // 200 multipliers, and the numbers of the softmax
  try {
    compiled(120);
    FAIL() << "240 multipliers";
  } catch (const InputError& error) {
    EXPECT_EQ(error.findings().front().place, "/network/layers") << error.what();
  }
}

}  // namespace
}  // namespace anzan::compiler::limits_test
