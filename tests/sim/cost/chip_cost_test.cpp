// Reports of what a step costs: counts as papers have them, and shares that add up to the step.
#include "sim/cost/chip_cost.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/compiler.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/summary.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::chip_cost_test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

// Layers in few words.
class Layers {
 public:
  Layers& convolution(int channels, int kernel, int stride, int padding, int groups = 1) {
    return add("convolution", {{"channels", channels},
                               {"kernel", kernel},
                               {"stride", stride},
                               {"padding", padding},
                               {"groups", groups}});
  }
  Layers& pool(int kernel) { return add("max_pool", {{"kernel", kernel}, {"stride", 2}}); }
  Layers& fully_connected(int channels) { return add("fully_connected", {{"channels", channels}}); }
  Json network(int size) {
    add("softmax_cross_entropy", Json::object());
    return {{"name", "published"},
            {"input", {{"channels", 3}, {"height", size}, {"width", size}}},
            {"layers", layers_}};
  }

 private:
  Layers& add(const std::string& type, Json keys) {
    keys["name"] = type + std::to_string(layers_.size());
    keys["type"] = type;
    layers_.push_back(keys);
    return *this;
  }
  Json layers_ = Json::array();
};

Json vgg16() {
  Layers layers;
  for (const auto& [channels, count] :
       std::vector<std::pair<int, int>>{{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}) {
    for (int k = 0; k < count; ++k) layers.convolution(channels, 3, 1, 1);
    layers.pool(2);
  }
  return layers.fully_connected(4096).fully_connected(4096).fully_connected(1000).network(224);
}

Json alexnet_of_torchvision() {
  return Layers()
      .convolution(64, 11, 4, 2)
      .pool(3)
      .convolution(192, 5, 1, 2)
      .pool(3)
      .convolution(384, 3, 1, 1)
      .convolution(256, 3, 1, 1)
      .convolution(256, 3, 1, 1)
      .pool(3)
      .fully_connected(4096)
      .fully_connected(4096)
      .fully_connected(1000)
      .network(224);
}

Json alexnet_of_caffe() {
  return Layers()
      .convolution(96, 11, 4, 0)
      .pool(3)
      .convolution(256, 5, 1, 2, 2)
      .pool(3)
      .convolution(384, 3, 1, 1)
      .convolution(384, 3, 1, 1, 2)
      .convolution(256, 3, 1, 1, 2)
      .pool(3)
      .fully_connected(4096)
      .fully_connected(4096)
      .fully_connected(1000)
      .network(227);
}

const std::string kConfigs = ANZAN_SOURCE_DIR "/workloads/configs/";

// What torchvision, Caffe's model zoo and the papers quote.
TEST(NetworkCounts, AreThePublishedOnes) {
  struct Published {
    const char* name;
    Json network;
    std::int64_t parameters, products;
  };
  const auto shipped = [](const std::string& name) {
    return read_json_file(ANZAN_SOURCE_DIR "/workloads/networks/" + name + ".json");
  };
  const Json lenet = shipped("lenet");
  for (const Published& p :
       {Published{"LeNet", lenet, 431080, 2293000},
        {"VGG-16", vgg16(), 138357544, 15470264320},
        {"AlexNet of torchvision", alexnet_of_torchvision(), 61100840, 714188480},
        {"AlexNet of Caffe", alexnet_of_caffe(), 60965224, 724406816},
        {"shipped AlexNet", shipped("alexnet"), 60965224, 724406816},
        {"shipped AlexNet, bare", shipped("alexnet_bare"), 60965224, 724406816},
        {"shipped VGG-16", shipped("vgg16"), 138357544, 15470264320},
        {"shipped VGG-19", shipped("vgg19"), 143667240, 19632062464},
        {"shipped ResNet-18", shipped("resnet18"), 11689512, 1814073344},
        {"shipped ResNet-50", shipped("resnet50"), 25557032, 4089184256},
        {"shipped ResNet-20", shipped("resnet20"), 272474, 40813184},
        // a bias for each channel of its convolutions instead of a normalisation's two parameters
        {"shipped ResNet-20 without normalisation", shipped("resnet20_fixup"), 272474 - 784, 40813184},
        {"shipped dilated network", shipped("dilated"), 448 + 2320 + 4640 + 198,
         1024 * (432 + 2304 + 4608 + 192)},
        {"shipped VGG8B", shipped("vgg8b"), 7321866, 716304384},
        // two parameters of a normalisation instead of a bias for each of 3,200 channels
        {"shipped VGG8B with normalisation", shipped("vgg8b_bn"), 7321866 + 3200, 716304384},
        {"shipped perceptron", shipped("mlp"), 157000 + 20100 + 5050 + 510, 156800 + 20000 + 5000 + 500},
        {"shipped CIFAR-10 quick of Caffe", shipped("cifar10_quick"), 145578, 12354176}}) {
    SCOPED_TRACE(p.name);
    const compiler::Network network = compiler::parse_network(p.network);
    const Json json = network_to_json(network);
    EXPECT_EQ(json.at("parameters").get<std::int64_t>(), p.parameters);
    EXPECT_EQ(json.at("products_per_image").get<std::int64_t>(), p.products);
    EXPECT_EQ(json.at("layers").size(), network.layers.size());
    EXPECT_THAT(compiler::dump("network", {network, {}, {}, {}}),
                HasSubstr(std::to_string(p.parameters) + " parameters, " + std::to_string(p.products) +
                          " products an image forward\n"));
  }
  const Json layers = network_to_json(compiler::parse_network(lenet)).at("layers");
  EXPECT_EQ(layers.at(0), (Json{{"name", "conv1"}, {"parameters", 520}, {"products_per_image", 288000}}));
  EXPECT_EQ(layers.at(6), (Json{{"name", "fc2"}, {"parameters", 5010}, {"products_per_image", 5000}}));
}

// Layer by layer as Caffe's bvlc_alexnet and VGG's configuration D have them; counts see none of what has no
// parameters.
TEST(ShippedNetworks, HaveEveryPublishedLayer) {
  const auto layers = [](const std::string& name) {
    const compiler::Network network =
        compiler::parse_network(read_json_file(ANZAN_SOURCE_DIR "/workloads/networks/" + name + ".json"));
    std::string names;
    for (const compiler::Layer& l : network.layers) {
      names += l.name + ' ';
      EXPECT_EQ(l.kind == compiler::LayerKind::kLrn, l.name.rfind("norm", 0) == 0) << l.name;
      EXPECT_EQ(l.kind == compiler::LayerKind::kDropout, l.name.rfind("drop", 0) == 0) << l.name;
      if (l.kind == compiler::LayerKind::kDropout) {
        EXPECT_EQ(l.rate, 0.5) << l.name;
      }
      if (l.kind == compiler::LayerKind::kLrn) {
        EXPECT_EQ(std::tuple(l.size, l.alpha, l.beta, l.k), std::tuple(5, 1e-4, 0.75, 1.0)) << l.name;
      }
    }
    return names;
  };
  const std::string classifier = "fc6 relu6 drop6 fc7 relu7 drop7 fc8 loss ";
  EXPECT_EQ(layers("alexnet"),
            "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 " +
                classifier);
  const auto convolutions = [](const std::vector<int>& counts) {
    std::string names;
    for (std::size_t block = 1; block <= counts.size(); ++block) {
      const std::string number = std::to_string(block);
      for (int k = 1; k <= counts[block - 1]; ++k) {
        const std::string both = number + '_' + std::to_string(k) + ' ';
        names += "conv" + both + "relu" + both;
      }
      names += "pool" + number + ' ';
    }
    return names;
  };
  EXPECT_EQ(layers("vgg16"), convolutions({2, 2, 3, 3, 3}) + classifier);
  EXPECT_EQ(layers("vgg19"), convolutions({2, 2, 4, 4, 4}) + classifier);
}

struct Cost {
  Configuration config;
  compiler::CompiledModel model;
  ChipCost cost;
  Json time;

  explicit Cost(Configuration c)
      : config(std::move(c)),
        model(compiler::compile(config.input())),
        cost(model, config.cost, cost_of_system(config, model, {true, 1000000})),
        time(cost.time(once())) {}

  static ProgramRuns once() {
    ProgramRuns runs{};
    runs.fill(1);
    return runs;
  }
  std::string text() const {
    return cost_summary({{"time", time}, {"energy", cost.energy(once())}, {"traffic", cost.traffic()}});
  }
  Json region(const std::string& layer, const std::string& phase) const {
    for (const Json& region : cost.roofline()) {
      if (region.at("layer") == layer && region.at("phase") == phase) return region;
    }
    return {};
  }
};

Cost lenet(const std::vector<std::string>& sets) {
  std::vector<Override> overrides;
  for (const std::string& set : sets) overrides.push_back(parse_override(set));
  return Cost(load_configuration(kConfigs + "lenet_mnist_int8.json", overrides));
}

TEST(Operations, AreThoseOfTheNetworkForImagesThatAreThere) {
  for (const auto& [batch, lanes] : std::vector<std::pair<int, int>>{{64, 16}, {1, 16}, {17, 16}, {16, 32}}) {
    SCOPED_TRACE(batch);
    const Cost c =
        lenet({"/training/batch=" + std::to_string(batch), "/chip/lanes=" + std::to_string(lanes)});
    for (const auto& [layer, products] : std::vector<std::pair<std::string, std::int64_t>>{
             {"conv1", 288000}, {"conv2", 1600000}, {"fc1", 400000}, {"fc2", 5000}}) {
      for (const std::string phase : {"forward", "backward_data", "backward_weight"}) {
        const Json region = c.region(layer, phase);
        if (layer == "conv1" && phase == "backward_data") {
          EXPECT_TRUE(region.is_null());
          continue;
        }
        EXPECT_EQ(region.at("operations").get<std::int64_t>(), 2 * batch * products) << layer << ' ' << phase;
        EXPECT_GE(region.at("array_operations").get<std::int64_t>(), 2 * batch * products);
      }
    }
    // Of 3 x 2,293,000 products, all but those of the first layer's gradient of its input.
    const double least = batch * (3 * 2293000.0 - 288000) / (lanes * lanes * 4);
    EXPECT_NEAR(c.time.at("useful_share_of_peak").get<double>(),
                least / c.time.at("cycles_per_step").get<double>(), 1e-12);
    EXPECT_EQ(c.time.at("idle_lanes").get<int>(), (lanes - batch % lanes) % lanes);
    EXPECT_EQ(c.time.at("images_per_core").get<int>(), batch);
  }
}

TEST(Operations, OfAllCoresAreThoseOfTheNetwork) {
  for (const std::vector<std::string>& sets : std::vector<std::vector<std::string>>{
           {"/chip/cores=4"},
           {"/chip/cores=2", "/system/mapping/tensor=2"},
           {"/chip/cores=2", "/system/mapping/pipeline=2"},
           {"/chip/cores=4", "/system/mapping/pipeline=2", "/system/mapping/micro_batches=2",
            "/system/mapping/tensor=2"},
           {"/chip/cores=2", "/system/mapping/pipeline=2", "/system/mapping/micro_batches=4",
            "/system/mapping/schedule=1f1b"}}) {
    std::vector<Override> overrides{parse_override("/training/batch=64"), parse_override("/chip/lanes=4")};
    for (const std::string& set : sets) overrides.push_back(parse_override(set));
    const Configuration config = load_configuration(kConfigs + "lenet_mnist_int8.json", overrides);
    const compiler::CompiledModel model = compiler::compile(config.input());
    std::int64_t products = 0;
    for (const auto& stage : model.stages)
      products += std::accumulate(stage.products.begin(), stage.products.end(), std::int64_t{0});
    EXPECT_EQ(products * config.system.cores() / static_cast<std::int64_t>(model.stages.size()),
              64 * (3 * 2293000 - 288000))
        << sets.back();
  }
}

std::int64_t sum_of(const Json& cycles) {
  std::int64_t sum = 0;
  for (const Json& part : cycles) {
    EXPECT_GE(part.get<std::int64_t>(), 0);
    sum += part.get<std::int64_t>();
  }
  return sum;
}

void expect_shares_of_the_step(const Cost& c) {
  const auto step = c.time.at("cycles_per_step").get<std::int64_t>();
  for (const auto& unit : c.time.at("units").items()) {
    const std::int64_t busy = sum_of(unit.value().at("busy"));
    EXPECT_EQ(busy + sum_of(unit.value().at("idle")), step) << unit.key();
    EXPECT_DOUBLE_EQ(c.time.at("utilization").at(unit.key()).get<double>(),
                     static_cast<double>(busy) / static_cast<double>(step));
    std::int64_t queues = 0, held = 0;
    for (const auto& cause : unit.value().at("idle").items())
      queues += cause.key().rfind("queue_of_", 0) == 0 ? cause.value().get<std::int64_t>() : 0;
    for (const Json& by : unit.value().at("held_by")) held += by.at("cycles").get<std::int64_t>();
    EXPECT_EQ(held, queues) << unit.key();
  }
  EXPECT_LE(c.time.at("useful_share_of_peak").get<double>(), c.time.at("utilization").at("tensor"));
  if (!c.time.contains("scaling")) return;
  const Json& scaling = c.time.at("scaling");
  EXPECT_DOUBLE_EQ(scaling.at("efficiency").get<double>() * scaling.at("cores").get<int>(),
                   scaling.at("speedup").get<double>());
  // Both from step to step: what is exchanged cannot make a step shorter, but for the order of its
  // instructions.
  EXPECT_LE(scaling.at("speedup").get<double>(), 1.08 * scaling.at("speedup_limit").get<double>());
}

Json network_of(int relus, int channels) {
  Json network = testing::small_network();
  Json layers = Json::array();
  for (Json layer : network.at("layers")) {
    if (layer.at("name") == "conv") layer["channels"] = channels;
    layers.push_back(layer);
    if (layer.at("name") != "conv") continue;
    for (int k = 0; k < relus; ++k)
      layers.push_back({{"name", "more" + std::to_string(k)}, {"type", "relu"}});
  }
  network["layers"] = layers;
  return network;
}

void expect_runs_add_up(const Cost& c) {
  std::int64_t cycles = 0;
  for (const Json& program : c.time.at("programs"))
    cycles += program.at("runs").get<std::int64_t>() * program.at("cycles").get<std::int64_t>();
  EXPECT_EQ(cycles, c.time.at("total_cycles").get<std::int64_t>());
  if (!c.time.contains("scaling")) return;
  const Json& scaling = c.time.at("scaling");
  if (scaling.at("speedup").is_number()) {
    EXPECT_LE(scaling.at("speedup").get<double>(), scaling.at("speedup_limit").get<double>());
  }
}

// The limit is that of the same work: gradients in the format in which they go over the network.
TEST(Scaling, LimitIsOfTheWorkThatIsDone) {
  const Cost c = lenet({"/chip/cores=2", "/training/batch=64", R"(/precision={"preset": "fp32"})",
                        R"(/system/exchange={"format": "int16"})"});
  const Json& scaling = c.time.at("scaling");
  EXPECT_LT(scaling.at("compute_cycles").get<std::int64_t>(),
            c.time.at("cycles_per_step").get<std::int64_t>());
  expect_runs_add_up(c);
}

// Busy and waiting are all of a step, for any number of cores, lanes and layers.
TEST(Shares, AddUpToTheStep) {
  std::mt19937 random(3);
  const auto pick = [&](std::vector<int> of) { return of[random() % of.size()]; };
  int overlapped = 0, divided = 0;
  for (int k = 0; k < 30; ++k) {
    Json json = testing::small_configuration({{"kind", "mnist"}});
    const int lanes = k == 0 ? 4 : pick({4, 8, 16}), cores = k == 0 ? 4 : pick({1, 2, 3, 4});
    const int relus = k == 0 ? 20 : pick({0, 1, 5, 20});
    json["network"] = network_of(relus, pick({4, 6, 8}));
    json["precision"] = {{"preset", random() % 2 == 0 ? "int8" : "fp32"}};
    json["chip"].update({{"lanes", lanes}, {"cores", cores}});
    json["training"]["batch"] = cores * lanes * (k == 0 ? 1 : pick({1, 2}));
    json["system"]["exchange"] = {{"hide_in_forward", k == 0 || random() % 4 != 0},
                                  {"hide_in_backward", random() % 4 != 0}};
    if (k > 0 && cores == 2 && random() % 2 == 0) json["system"]["mapping"] = {{"pipeline", 2}};
    SCOPED_TRACE(json.dump());
    const Cost c(parse_configuration(json, "."));
    expect_shares_of_the_step(c);
    expect_runs_add_up(c);
    overlapped += c.cost.system() && c.cost.system()->two_steps ? 1 : 0;
    divided += c.model.stages.size() > 1 ? 1 : 0;
  }
  EXPECT_GE(overlapped, 5);
  EXPECT_GE(divided, 1);
}

// The busy cycles of an overlapped step are those of a step: the window has each of its instructions once.
TEST(Shares, OfAnOverlappedStepAreItsOwnWork) {
  const Cost c = lenet({"/system/chips=4", "/training/batch=256"});
  ASSERT_TRUE(c.cost.system()->two_steps);
  expect_shares_of_the_step(c);
  for (const UnitUse& use : unit_uses(c.cost.step().program, c.cost.step().timing, 16)) {
    if (use.unit != isa::Unit::kTensor && use.unit != isa::Unit::kVector) continue;
    const auto busy = static_cast<double>(sum_of(c.time.at("units").at(isa::name(use.unit)).at("busy")));
    EXPECT_NEAR(busy, static_cast<double>(use.busy_cycles()), 0.02 * busy) << isa::name(use.unit);
  }
}

TEST(Summary, SaysWhatABatchIsRoundedUpTo) {
  EXPECT_THAT(
      lenet({"/training/batch=17"}).text(),
      HasSubstr("a batch of 17 a core takes the time of 32: 15 lanes of its last group have no image\n"));
  EXPECT_THAT(lenet({"/training/batch=32"}).text(), Not(HasSubstr("takes the time of")));
}

TEST(Summary, HasUnitsThatFit) {
  Json json = testing::small_configuration({{"kind", "mnist"}});
  const std::string text = Cost(parse_configuration(json, ".")).text();
  EXPECT_THAT(text, Not(HasSubstr(" 0.0")));
  EXPECT_THAT(text, HasSubstr(" kB a step"));
  EXPECT_THAT(text, HasSubstr("useful products: "));
}

}  // namespace
}  // namespace anzan::sim::chip_cost_test
