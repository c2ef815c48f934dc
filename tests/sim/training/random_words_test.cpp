// Random words belong to elements, not to cores: however images and channels are divided, what is rounded at
// random is rounded as one core rounds it, and what is yet to be summed is rounded apart.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "compiler/passes.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/engines/functional_engine.hpp"
#include "sim/training/distribution.hpp"
#include "sim/training/initial_weights.hpp"
#include "sim/training/tensor_memory.hpp"
#include "sim/training/trainer.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::random_words_test {
namespace {

using Json = nlohmann::json;
using compiler::TensorInfo;

constexpr int kLanes = 4;

Configuration configuration(const Json& network, const Json& precision, std::int64_t batch, int data,
                            int tensor = 1) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  json["network"] = network;
  json["precision"] = precision;
  json["training"]["batch"] = batch;
  json["chip"] = {{"lanes", kLanes}, {"cores", data * tensor}, {"scratchpad_kib", 64}};
  json["system"]["mapping"] = {{"tensor", tensor}};
  return parse_configuration(json, ".");
}

// Noise, or one image of it again and again.
ImageSet images_of(const compiler::Network& network, std::int64_t count, bool equal) {
  std::mt19937 random(9);
  ImageSet set;
  set.count = count;
  set.size = network.input.size();
  for (std::int64_t i = 0; i < count * set.size; ++i) {
    const auto first = static_cast<std::size_t>(i % set.size);
    set.images.push_back(equal && i >= set.size ? set.images[first] : std::uint8_t(random() % 256));
  }
  for (std::int64_t i = 0; i < count; ++i)
    set.labels.push_back(equal ? std::uint8_t{1} : std::uint8_t(random() % 4));
  return set;
}

std::vector<std::int64_t> all(const ImageSet& set) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(set.count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// The mean over equal images is that of so many independent draws, whoever makes them.
TEST(RandomWords, ErrorsOfManyCoresAverageOutAsThoseOfOne) {
  const Json network = Json::parse(R"({
    "input": {"channels": 1, "height": 4, "width": 4, "scale": 0.00390625},
    "layers": [{"name": "fc", "type": "fully_connected", "channels": 4},
               {"name": "loss", "type": "softmax_cross_entropy"}]})");
  constexpr std::int64_t kImages = 256;
  const auto loss = [&](const Json& precision, int cores) {
    const Configuration c = configuration(network, precision, kImages, cores);
    const compiler::CompiledModel model = compiler::compile(c.input());
    const ImageSet set = images_of(c.network, kImages, true);
    FunctionalEngine engine;
    Trainer trainer(model, c.network, 5, 1, engine);
    trainer.initialise(set, all(set), 0.01);
    return trainer.step(set, all(set), 0, 0.01);
  };
  const Json coarse{{"preset", "int8"},
                    {"loss", {{"format", "int8"}, {"policy", {{"q_min", 2}, {"q_max", 2}}}}}};
  const double exact = loss({{"preset", "int8"}}, 1), share = 4 * exact - std::floor(4 * exact);
  const double sigma = std::sqrt(share * (1 - share) / double(kImages)) / 4;
  ASSERT_GT(sigma, 0.001);
  const double of_one = loss(coarse, 1);
  for (const int cores : {1, 2, 4, 16, 64}) {
    const double found = loss(coarse, cores);
    EXPECT_NEAR(found, exact, 4 * sigma) << cores << " cores";
    EXPECT_EQ(found, of_one) << cores << " cores";
  }
}

// What all cores have stored in a step, by tensor, in the order of the whole tensor's elements; where each
// core has all elements, one core's after the other's. Weights are random bytes, points are all the same.
class Stored {
 public:
  Stored(const Configuration& config, std::int64_t images) {
    const compiler::CompiledModel model = with_tensors_apart(config.input());
    const int number = model.system.cores();
    Cores cores(number, model.chip, model.hbm_lines, 1), host(1, model.chip, model.hbm_lines, 1);
    models::Core& whole = model.system.divided() ? host.core(0) : cores.core(0);
    for (std::size_t s = 0; s < model.slots.size(); ++s) {
      models::SlotSettings& slot = whole.settings.slot(static_cast<int>(s));
      slot = model.slots[s].settings;
      if (s > 0) slot.q_read = slot.q_write = slot.q_min;
    }
    for (std::size_t s = 0; s < model.scalars.size(); ++s)
      whole.settings.set_scalar(static_cast<int>(s), model.scalars[s]);
    whole.settings.set_seed(77);
    std::mt19937 random(3);
    for (const compiler::ParameterInfo& p : model.parameters) {
      TensorMemory memory(whole, model.tensor(p.name));
      for (std::int64_t i = 0; i < model.tensor(p.name).size(); ++i)
        memory.set(i, static_cast<std::int32_t>(random() % 64) - 32);
    }
    Distribution distribution(model, config.network, whole, cores);
    distribution.spread();
    const ImageSet set = images_of(config.network, images, false);
    distribution.write(set, all(set));
    std::vector<LoadedProgram> programs;
    for (int c = 0; c < number; ++c) programs.push_back(cores.executor(c).load(model.step_in_core(c)));
    FunctionalEngine().run(programs, cores);
    for (const TensorInfo& t : model.stages.front().tensors) {
      if (t.hbm_line >= 0 && t.slot != 0) tensors_[t.name] = read(model, cores, t);
    }
  }

  const std::map<std::string, std::vector<std::int32_t>>& tensors() const { return tensors_; }

 private:
  static compiler::CompiledModel with_tensors_apart(const compiler::Input& input) {
    compiler::Compilation c;
    c.input = input;
    compiler::run_passes(c, "network", "partition");
    const auto apart = [](std::vector<TensorInfo>& tensors, std::int64_t& lines) {
      for (TensorInfo& t : tensors) {
        t.hbm_line = lines;
        lines += t.lines;
      }
    };
    apart(c.whole.tensors, c.memory.lines);
    if (c.parts) apart(c.parts->stages.front().tensors, c.parts->memory.lines);
    compiler::run_passes(c, "tiles", "program");
    return std::move(c.model);
  }

  static std::vector<std::int32_t> read(const compiler::CompiledModel& model, Cores& cores,
                                        const TensorInfo& t) {
    const int shares = t.shared_out ? model.system.mapping.tensor.size : 1;
    const std::int64_t images = t.layout == TensorInfo::Layout::kImages ? t.shape[0] : 1,
                       of_image = t.size() / images;
    std::vector<std::int32_t> elements;
    for (int d = 0; d < model.system.data_cores(); ++d) {
      for (std::int64_t n = 0; n < images; ++n) {
        for (int s = 0; s < shares; ++s) {
          const int core = d * model.system.data_axis().stride + s * model.system.mapping.tensor.stride;
          const TensorMemory memory(cores.core(core), t);
          for (std::int64_t i = 0; i < of_image; ++i) elements.push_back(memory.get(n * of_image + i));
        }
      }
    }
    return elements;
  }

  std::map<std::string, std::vector<std::int32_t>> tensors_;
};

Json network_of_convolutions() {
  return Json::parse(R"({
    "input": {"channels": 2, "height": 6, "width": 6, "scale": 0.00390625},
    "layers": [{"name": "c1", "type": "convolution", "channels": 8, "kernel": 3, "padding": 1},
               {"name": "r1", "type": "relu"},
               {"name": "p1", "type": "average_pool", "kernel": 2, "stride": 2},
               {"name": "c2", "type": "convolution", "channels": 8, "kernel": 2},
               {"name": "r2", "type": "leaky_relu", "negative_slope": 0.1},
               {"name": "d2", "type": "dropout", "rate": 0.3},
               {"name": "fc", "type": "fully_connected", "channels": 4},
               {"name": "loss", "type": "softmax_cross_entropy"}]})");
}

// Everything stochastic; gradients are small.
Json pinned() {
  const auto at = [](int q) { return Json{{"policy", {{"q_min", q}, {"q_max", q}}}}; };
  return {{"preset", "int8"},
          {"default", {{"rounding", "stochastic"}, {"policy", {{"q_min", 5}, {"q_max", 5}}}}},
          {"activation", {{"rounding", "stochastic"}, {"policy", {{"q_min", 4}, {"q_max", 4}}}}},
          {"activation_gradient", at(11)},
          {"weight_gradient", at(9)}};
}

bool of_images(const std::string& name) {
  return name.find(".activation") != std::string::npos;  // and their gradients
}

TEST(RandomWords, ActivationsOfABatchDoNotDependOnItsDivision) {
  constexpr std::int64_t kImages = 32;
  const Stored one(configuration(network_of_convolutions(), pinned(), kImages, 1), kImages);
  for (const int cores : {2, 4, 8}) {
    const Stored many(configuration(network_of_convolutions(), pinned(), kImages, cores), kImages);
    int compared = 0;
    for (const auto& [name, elements] : many.tensors()) {
      if (!of_images(name)) continue;
      ++compared;
      EXPECT_EQ(elements, one.tensors().at(name)) << name << ", " << cores << " cores";
      EXPECT_GT(std::set<std::int32_t>(elements.begin(), elements.end()).size(), 2U) << name;
    }
    EXPECT_GE(compared, 10) << cores << " cores";
  }
}

// Forward, every value is computed whole by one core of those that share its channels.
TEST(RandomWords, SharedChannelsAreRoundedAsByOneCore) {
  constexpr std::int64_t kImages = 8;
  const Stored one(configuration(network_of_convolutions(), pinned(), kImages, 1), kImages);
  for (const int cores : {2, 4}) {
    const Stored many(configuration(network_of_convolutions(), pinned(), kImages, 1, cores), kImages);
    int compared = 0;
    for (const auto& [name, elements] : many.tensors()) {
      const std::string end = ".activation";
      if (name.size() < end.size() || name.substr(name.size() - end.size()) != end) continue;
      ++compared;
      EXPECT_EQ(elements, one.tensors().at(name)) << name << ", " << cores << " cores";
    }
    EXPECT_GE(compared, 4) << cores << " cores";
  }
}

// Cores with the same images have the same gradients before they are rounded: not one word may be the same.
TEST(RandomWords, PartsOfASumAreRoundedApart) {
  const Json network = network_of_convolutions();
  const Configuration c = configuration(network, pinned(), 8, 2);
  const compiler::CompiledModel model = compiler::compile(c.input());
  const isa::Program first = isa::decode(model.step_in_core(0)), second = isa::decode(model.step_in_core(1));
  int apart = 0, alike = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const auto check = [&](const auto& a, const auto& b) {
      if (a.analyse == 0) return;
      const compiler::SlotInfo& slot = model.slots[a.slot_o];
      using compiler::TensorClass;
      const bool summed = slot.kind == TensorClass::kWeightGradient;
      const bool same = slot.kind == TensorClass::kWeight || slot.kind == TensorClass::kMomentum ||
                        slot.kind == TensorClass::kBias;
      const std::int64_t by = std::int64_t{b.x.base} - a.x.base;
      EXPECT_EQ(by, same ? 0 : model.tensor(slot.name).size()) << slot.name;
      apart += summed;
      alike += same;
    };
    if (const auto* t = std::get_if<isa::Tensor>(&first[i])) check(*t, std::get<isa::Tensor>(second[i]));
    if (const auto* v = std::get_if<isa::Vector>(&first[i])) check(*v, std::get<isa::Vector>(second[i]));
  }
  EXPECT_GE(apart, 6);
  EXPECT_GE(alike, 6);
}

}  // namespace
}  // namespace anzan::sim::random_words_test
