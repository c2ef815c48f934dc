// Pipelines in time: a core that waits for the others stands idle for (P - 1) / (m + P - 1) of the time in
// which it goes forward and back (Huang et al., GPipe, 2019).
#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/compiler.hpp"
#include "isa/units.hpp"
#include "models/clocked/system.hpp"
#include "sim/configuration/configuration.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::pipeline_time_test {
namespace {

using Json = nlohmann::json;

constexpr int kLanes = 4;

// Stages of the same work, enough of it for the tensor unit never to wait for memory; before the first a
// layer of little work, so that it, too, has gradients to pass back.
Json network(int stages) {
  Json layers = Json::array();
  const auto convolution = [&](const std::string& name, int channels) {
    layers.push_back({{"name", name},
                      {"type", "convolution"},
                      {"channels", channels},
                      {"kernel", 3},
                      {"padding", 1},
                      {"bias", false}});
  };
  convolution("before", 40);
  for (int s = 0; s < stages; ++s) convolution("stage" + std::to_string(s), 40);
  layers.push_back({{"name", "pool"}, {"type", "average_pool"}, {"kernel", 8}});
  layers.push_back({{"name", "classes"}, {"type", "fully_connected"}, {"channels", 2}, {"bias", false}});
  layers.push_back({{"name", "loss"}, {"type", "softmax_cross_entropy"}});
  return {{"input", {{"channels", 1}, {"height", 8}, {"width", 8}}}, {"layers", layers}};
}

Configuration configuration(int stages, int micro_batches, const std::string& schedule) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = network(stages);
  json["precision"] = {{"preset", "fp32"}};
  json["training"]["batch"] = 4 * kLanes * micro_batches;
  json["chip"] = {{"lanes", kLanes},
                  {"cores", stages},
                  {"scratchpad_kib", 2048},
                  {"network", {{"gb_per_s", 1000}, {"latency_ns", 1}}}};
  json["system"]["mapping"] = {{"pipeline", stages},
                               {"micro_batches", micro_batches},
                               {"schedule", schedule},
                               {"stages", Json::array()}};
  for (int s = 1; s < stages; ++s) json["system"]["mapping"]["stages"].push_back("stage" + std::to_string(s));
  return parse_configuration(json, ".");
}

// Cycles of stage 0 from its first product forward to its last one back, less those for gradients of weights.
double forward_and_back(int stages, int micro_batches, const std::string& schedule) {
  const Configuration c = configuration(stages, micro_batches, schedule);
  const compiler::CompiledModel model = compiler::compile(c.input());
  std::vector<isa::Program> programs;
  for (int core = 0; core < stages; ++core) programs.push_back(isa::decode(model.step_in_core(core)));
  const auto timing = models::clocked::ClockedSystem(c.cost.core, models::build_chips(c.system.network),
                                                     c.system.packet, {c.system.parameters.sizes(), stages})
                          .run(programs);
  const std::vector<models::InstructionTiming>& t = timing.cores[0].instructions;
  const auto product = [&](std::size_t i, bool of_weights) {
    const std::string& pass = model.regions[model.stages[0].region_of[i]].phase;
    return std::holds_alternative<isa::Tensor>(programs[0][i]) && (pass == "backward_weight") == of_weights;
  };
  std::int64_t first = -1, last = 0, weights = 0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (!product(i, false)) continue;
    if (first < 0) first = t[i].started;
    last = std::max(last, t[i].ended);
  }
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (product(i, true)) weights += std::max<std::int64_t>(0, std::min(last, t[i].ended) - t[i].started);
  }
  return static_cast<double>(last - first - weights);
}

double bubble(int stages, int micro_batches, const std::string& schedule) {
  return 1 - forward_and_back(1, micro_batches, schedule) / forward_and_back(stages, micro_batches, schedule);
}

double of_the_textbook(int stages, int micro_batches) {
  return static_cast<double>(stages - 1) / (micro_batches + stages - 1);
}

TEST(PipelineTime, TheBubbleIsThatOfTheTextbook) {
  for (const auto& [stages, micro_batches] : {std::pair{2, 2}, {2, 8}, {3, 4}, {4, 4}, {4, 8}})
    EXPECT_NEAR(bubble(stages, micro_batches, "gpipe"), of_the_textbook(stages, micro_batches), 0.01)
        << stages << " stages, " << micro_batches;
}

// Going back in turn has the same bubble; some waits are filled by sums for the gradients of weights, which
// come earlier then.
TEST(PipelineTime, BackInTurnWaitsNoLonger) {
  const double expected = of_the_textbook(4, 8), found = bubble(4, 8, "1f1b");
  EXPECT_LT(found, expected + 0.01);
  EXPECT_GT(found, expected - 0.04);
}

}  // namespace
}  // namespace anzan::sim::pipeline_time_test
