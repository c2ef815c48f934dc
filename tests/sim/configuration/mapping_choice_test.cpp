// The compiler's choice of a mapping against the simulation of every mapping.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "compiler/input/input_error.hpp"
#include "compiler/parallel/mapping_search.hpp"
#include "models/clocked/core.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/cost/system_cost.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::mapping_choice_test {
namespace {

using Json = nlohmann::json;

// Convolutions of many products with few weights, or layers of many weights with few products.
Json network(bool of_weights) {
  Json layers = Json::array();
  for (int k = 0; k < 3; ++k) {
    Json layer = of_weights ? Json{{"type", "fully_connected"}, {"channels", 192}}
                            : Json{{"type", "convolution"}, {"channels", 16}, {"kernel", 3}, {"padding", 1}};
    layer["name"] = "layer" + std::to_string(k);
    layers.push_back(layer);
  }
  layers.push_back({{"name", "classes"}, {"type", "fully_connected"}, {"channels", 4}});
  layers.push_back({{"name", "loss"}, {"type", "softmax_cross_entropy"}});
  const int size = of_weights ? 1 : 8;
  return {{"input", {{"channels", of_weights ? 64 : 2}, {"height", size}, {"width", size}}},
          {"layers", layers}};
}

Json json_of(bool of_weights) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = network(of_weights);
  json["precision"] = {{"preset", "int16"}};
  json["training"]["batch"] = 32;
  json["chip"] = {{"lanes", 4}, {"cores", 4}};
  return json;
}

Configuration divided(Json json, const compiler::MappingSizes& sizes) {
  json["system"]["mapping"] = {
      {"tensor", sizes.tensor}, {"pipeline", sizes.pipeline}, {"micro_batches", sizes.micro_batches}};
  return parse_configuration(json, ".");
}

compiler::CompiledModel compiled(const Configuration& c) { return compiler::compile(c.input()); }

std::vector<compiler::MappingCandidate> candidates_of(const Json& json) {
  const auto expected = [&](const compiler::MappingSizes& sizes) -> std::optional<std::int64_t> {
    try {
      return compiled(divided(json, sizes)).expected_step_cycles;
    } catch (const compiler::InputError&) {
      return {};
    }
  };
  return compiler::mapping_candidates(4, expected);
}

TEST(MappingChoice, ExpectsWhatTheSimulationSaysAndChoosesWell) {
  for (const bool of_weights : {false, true}) {
    const std::vector<compiler::MappingCandidate> candidates = candidates_of(json_of(of_weights));
    ASSERT_GE(candidates.size(), 8U);
    std::vector<double> cycles;
    for (const compiler::MappingCandidate& candidate : candidates) {
      const Configuration c = divided(json_of(of_weights), candidate.sizes);
      cycles.push_back(static_cast<double>(cost_of_system(c, compiled(c))->cycles_per_step));
      EXPECT_NEAR(static_cast<double>(candidate.expected_cycles), cycles.back(), 0.15 * cycles.back())
          << c.effective["system"]["mapping"];
    }
    EXPECT_LE(cycles.front(), 1.05 * *std::min_element(cycles.begin(), cycles.end())) << of_weights;
    EXPECT_GE(*std::max_element(cycles.begin(), cycles.end()), 1.5 * cycles.front());  // it matters
  }
}

TEST(MappingChoice, IsWhatTheConfigurationGets) {
  Json json = json_of(true);
  json["system"]["mapping"]["automatic"] = true;
  const Configuration chosen = parse_configuration(json, ".");
  const compiler::MappingSizes first = candidates_of(json_of(true)).front().sizes;
  EXPECT_EQ(chosen.effective["system"], divided(json_of(true), first).effective["system"]);
  EXPECT_EQ(chosen.system.parameters.mapping.tensor.size, first.tensor);
  json["training"]["batch"] = 1;  // no shares of a batch: what is left are axes of the network
  EXPECT_EQ(parse_configuration(json, ".").system.parameters.data_cores(), 1);
}

}  // namespace
}  // namespace anzan::sim::mapping_choice_test
