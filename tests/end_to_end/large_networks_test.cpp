// A training step of each shipped network of 224 x 224 pixels against the references, layer by layer as it
// ships. A campaign takes it whole, with an image; else it is thinner and on smaller images: an eighth of the
// channels and as many pixels as leave one for the last layers.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/campaign.hpp"
#include "tests/end_to_end/training_step.hpp"

namespace anzan::testing::large_networks_test {
namespace {

using isa::Format;
using isa::Rounding;

constexpr std::int64_t kThinner = 8;

compiler::Network shipped(const std::string& name, int size) {
  std::ifstream file(ANZAN_SOURCE_DIR "/workloads/networks/" + name + ".json");
  nlohmann::json json = nlohmann::json::parse(file);
  if (in_campaign()) return compiler::parse_network(json);
  json["input"]["height"] = json["input"]["width"] = size;
  for (nlohmann::json& layer : json["layers"]) {
    if (layer.contains("channels")) layer["channels"] = layer["channels"].get<std::int64_t>() / kThinner;
  }
  return compiler::parse_network(json);
}

struct Large {
  const char* name;
  int size;
};
void PrintTo(const Large& l, std::ostream* os) { *os << l.name; }

class LargeNetwork : public ::testing::TestWithParam<Large> {
 protected:
  static StepCase step_case(Format format, int width, Rounding rounding) {
    StepCase c;
    c.seed = 1;
    c.network = shipped(GetParam().name, GetParam().size);
    c.precision = uniform_precision(format, width, rounding);
    c.training.batch = in_campaign() ? 1 : 4;
    c.chip.lanes = in_campaign() ? 16 : 4;
    c.chip.scratchpad_kib = in_campaign() ? 2048 : 256;
    return c;
  }
};

TEST_P(LargeNetwork, Fp32) {
  TrainingStep step(step_case(Format::kFp32, 16, Rounding::kNearestEven));
  step.run(false, false);
  step.check();
  EXPECT_GT(step.check_bounds(), 0.05) << "the bounds are too wide to show anything";
  step.check_inference();
}

TEST_P(LargeNetwork, Int16) {
  TrainingStep step(step_case(Format::kInt16, 16, Rounding::kStochastic));
  step.run(false, false);
  step.check();
  step.check_inference();
}

TEST_P(LargeNetwork, Int8) {
  TrainingStep step(step_case(Format::kInt8, 8, Rounding::kStochastic));
  step.run(false, false);
  step.check();
  step.check_inference();
}

INSTANTIATE_TEST_SUITE_P(Shipped, LargeNetwork,
                         ::testing::Values(Large{"alexnet", 67}, Large{"vgg16", 32}, Large{"resnet18", 40},
                                           Large{"resnet50", 40}),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace anzan::testing::large_networks_test
