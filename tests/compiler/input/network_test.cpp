// The network front end: shapes of networks that are right, and one precise finding for each fault.
#include "compiler/input/network.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "compiler/input/input_error.hpp"

namespace anzan::compiler::network_test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

Json network(const char* layers, const char* input = R"({"channels": 3, "height": 9, "width": 12})") {
  return Json{{"input", Json::parse(input)}, {"layers", Json::parse(layers)}};
}

std::vector<InputFinding> findings(const Json& json) {
  try {
    parse_network(json, "net#");
  } catch (const InputError& error) {
    return error.findings();
  }
  return {};
}

TEST(Network, MeanAndDeviationAreOfEachChannel) {
  const char* layers = R"([{"name": "fc", "type": "fully_connected", "channels": 2},
                           {"name": "loss", "type": "softmax_cross_entropy"}])";
  const Network net = parse_network(network(
      layers, R"({"channels": 2, "height": 3, "width": 3, "mean": [0.5, -1], "deviation": [0.25, 2]})"));
  EXPECT_EQ(net.mean, (std::vector<double>{0.5, -1}));
  EXPECT_EQ(net.deviation, (std::vector<double>{0.25, 2}));
  for (const char* numbers : {"[0.5]", "[1, 2, 3]"}) {
    for (const std::string key : {"mean", "deviation"}) {
      try {
        parse_network(network(
            layers,
            (R"({"channels": 2, "height": 3, "width": 3, ")" + key + "\": " + numbers + "}").c_str()));
        ADD_FAILURE() << key << numbers;
      } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("/input/" + key), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("2, one a channel"), std::string::npos) << error.what();
      }
    }
  }
}

TEST(Network, LenetHasItsShapes) {
  const Network net =
      parse_network(network(R"([
      {"name": "conv1", "type": "convolution", "channels": 20, "kernel": 5, "bias_lr": 2},
      {"name": "pool1", "type": "max_pool", "kernel": 2, "stride": 2},
      {"name": "conv2", "type": "convolution", "channels": 50, "kernel": 5, "weight_filler": {"kind": "gaussian", "value": 0.1}},
      {"name": "pool2", "type": "max_pool", "kernel": 2, "stride": 2},
      {"name": "fc1", "type": "fully_connected", "channels": 500, "bias": false, "weight_decay": 0},
      {"name": "relu1", "type": "relu"},
      {"name": "fc2", "type": "fully_connected", "channels": 10},
      {"name": "loss", "type": "softmax_cross_entropy"}])",
                            R"({"channels": 1, "height": 28, "width": 28, "scale": 0.5, "offset": -1})"));
  ASSERT_EQ(net.layers.size(), 8U);
  EXPECT_EQ(net.layers[0].out, (Shape{20, 24, 24}));
  EXPECT_EQ(net.layers[1].out, (Shape{20, 12, 12}));
  EXPECT_EQ(net.layers[2].out, (Shape{50, 8, 8}));
  EXPECT_EQ(net.layers[3].out, (Shape{50, 4, 4}));
  EXPECT_EQ(net.layers[4].y.kernel, 4);
  EXPECT_EQ(net.layers[4].x.kernel, 4);
  EXPECT_EQ(net.layers[4].out, (Shape{500, 1, 1}));
  EXPECT_EQ(net.layers[6].in, (Shape{500, 1, 1}));
  EXPECT_EQ(net.classes(), 10);
  EXPECT_EQ(net.labels_an_image(), 1);
  EXPECT_EQ(net.scale, 0.5);
  EXPECT_EQ(net.offset, -1);
  EXPECT_EQ(net.layers[0].inputs, std::vector<int>{-1});
  EXPECT_EQ(net.layers[7].inputs, std::vector<int>{6});
  EXPECT_TRUE(net.layers[0].bias);
  EXPECT_EQ(net.layers[0].bias_lr, 2);
  EXPECT_EQ(net.layers[0].weight_filler.kind, Filler::Kind::kXavier);
  EXPECT_EQ(net.layers[2].weight_filler.kind, Filler::Kind::kGaussian);
  EXPECT_EQ(net.layers[2].weight_filler.value, 0.1);
  EXPECT_FALSE(net.layers[4].bias);
  EXPECT_EQ(net.layers[4].weight_decay, 0);
}

TEST(Network, PairsGroupsStridesPaddingAndBranches) {
  const Network net = parse_network(network(R"([
      {"name": "a", "type": "convolution", "channels": 6, "kernel": [3, 2], "stride": [2, 3], "padding": [1, 0], "groups": 3},
      {"name": "b", "type": "convolution", "channels": 6, "kernel": 1},
      {"name": "c", "type": "add", "inputs": ["a", "b"]},
      {"name": "d", "type": "average_pool", "kernel": [2, 3], "padding": 1},
      {"name": "e", "type": "flatten"},
      {"name": "g", "type": "relu"},
      {"name": "h", "type": "fully_connected", "channels": 5},
      {"name": "f", "type": "softmax_cross_entropy"}])"));
  EXPECT_EQ(net.layers[0].out, (Shape{6, 5, 4}));  // floor((9 + 2 - 3) / 2) + 1, floor((12 - 2) / 3) + 1
  EXPECT_EQ(net.layers[0].groups, 3);
  EXPECT_EQ(net.layers[2].inputs, (std::vector<int>{0, 1}));
  EXPECT_EQ(net.layers[3].out, (Shape{6, 6, 4}));
  EXPECT_EQ(net.layers[4].out, (Shape{144, 1, 1}));
  EXPECT_EQ(net.layers[6].in, (Shape{144, 1, 1}));
  EXPECT_EQ(net.layers[5].place, "/layers/5");
}

// Shapes that others have published, each with the rounding of the tool that it comes from.
TEST(Network, WindowsHaveTheShapesOfOtherTools) {
  struct Shaped {
    const char* layer;
    const char* input;
    std::int64_t height, width;
  };
  const Shaped kShapes[] = {
      // Caffe's CIFAR-10 quick and GoogLeNet's first pool; PyTorch rounds down
      {R"("type": "max_pool", "kernel": 3, "stride": 2, "ceil_mode": true)",
       R"({"channels": 1, "height": 32, "width": 32})", 16, 16},
      {R"("type": "max_pool", "kernel": 3, "stride": 2)", R"({"channels": 1, "height": 32, "width": 32})", 15,
       15},
      {R"("type": "average_pool", "kernel": 3, "stride": 2, "ceil_mode": true)",
       R"({"channels": 1, "height": 112, "width": 112})", 56, 56},
      // a window that would begin behind the input does not count
      {R"("type": "max_pool", "kernel": 1, "stride": 2, "ceil_mode": true)",
       R"({"channels": 1, "height": 6, "width": 7})", 3, 4},
      // the first layer of MLPerf Tiny's DS-CNN: 4 rows above and 5 below, one column on each side
      {R"("type": "convolution", "channels": 64, "kernel": [10, 4], "stride": 2, "padding": "same")",
       R"({"channels": 1, "height": 49, "width": 10})", 25, 5},
      {R"("type": "convolution", "channels": 64, "kernel": [10, 4], "stride": 2, "padding": [4, 1, 5, 1])",
       R"({"channels": 1, "height": 49, "width": 10})", 25, 5},
      // DeepLab's atrous convolution
      {R"("type": "convolution", "channels": 1, "kernel": 3, "dilation": 6, "padding": 6)",
       R"({"channels": 1, "height": 65, "width": 65})", 65, 65},
      {R"("type": "global_average_pool")", R"({"channels": 1, "height": 5, "width": 7})", 1, 1},
  };
  for (const Shaped& s : kShapes) {
    const std::string layers = std::string(R"([{"name": "a", )") + s.layer +
                               R"(}, {"name": "fc", "type": "fully_connected", "channels": 2},
                                  {"name": "loss", "type": "softmax_cross_entropy"}])";
    const Network net = parse_network(network(layers.c_str(), s.input));
    EXPECT_EQ(net.layers[0].out.height, s.height) << s.layer;
    EXPECT_EQ(net.layers[0].out.width, s.width) << s.layer;
  }
}

TEST(Network, AnOddPixelOfSamePaddingGoesToTheEndOrTheBeginning) {
  for (const bool lower : {false, true}) {
    const std::string layers =
        std::string(R"([{"name": "a", "type": "convolution", "channels": 1, "kernel": [10, 4],
        "stride": 2, "padding": ")") +
        (lower ? "same_lower" : "same") +
        R"("}, {"name": "fc", "type": "fully_connected", "channels": 2},
                                  {"name": "loss", "type": "softmax_cross_entropy"}])";
    const Layer l =
        parse_network(network(layers.c_str(), R"({"channels": 1, "height": 49, "width": 10})")).layers[0];
    EXPECT_EQ(l.y.pad, lower ? 5 : 4);
    EXPECT_EQ(l.y.pad_end, lower ? 4 : 5);
    EXPECT_EQ(l.x.pad, 1);
    EXPECT_EQ(l.x.pad_end, 1);
  }
}

struct Fault {
  const char* what;
  const char* layers;
  const char* place;     // of the one finding
  const char* expected;  // part of its expectation
};

// The network ends in a sound tail, so that each fault stands alone.
const Fault kFaults[] = {
    {"unknown input", R"({"name": "a", "type": "relu", "inputs": ["b"]})", "net#/layers/0/inputs/0",
     "earlier layer"},
    {"input that comes later", R"({"name": "a", "type": "relu", "inputs": ["fc"]})", "net#/layers/0/inputs/0",
     "earlier layer"},
    {"input of itself", R"({"name": "a", "type": "relu", "inputs": ["a"]})", "net#/layers/0/inputs/0",
     "earlier layer"},
    {"two inputs of one", R"({"name": "a", "type": "relu", "inputs": ["data", "data"]})",
     "net#/layers/0/inputs", "one input"},
    {"add without inputs", R"({"name": "a", "type": "add"})", "net#/layers/0/inputs", "the key inputs"},
    {"add of one", R"({"name": "a", "type": "add", "inputs": ["data"]})", "net#/layers/0/inputs",
     "two inputs"},
    {"add of the same", R"({"name": "a", "type": "add", "inputs": ["data", "data"]})", "net#/layers/0/inputs",
     "different inputs"},
    {"product of three",
     R"({"name": "r", "type": "relu"}, {"name": "s", "type": "relu"}, {"name": "a", "type": "multiply", "inputs": ["data", "r", "s"]})",
     "net#/layers/2/inputs", "two inputs"},
    {"one pixel of other channels",
     R"({"name": "r", "type": "convolution", "channels": 1, "kernel": [9, 12]}, {"name": "a", "type": "multiply", "inputs": ["data", "r"]})",
     "net#/layers/1/inputs", "as many channels and one pixel"},
    {"concat of one", R"({"name": "a", "type": "concat", "inputs": ["data"]})", "net#/layers/0/inputs",
     "two inputs or more"},
    {"concat of other pixels",
     R"({"name": "p", "type": "max_pool", "kernel": 2}, {"name": "a", "type": "concat", "inputs": ["data", "p"]})",
     "net#/layers/1/inputs", "one height and width"},
    {"concat of flattened inputs",
     R"({"name": "p", "type": "flatten"}, {"name": "r", "type": "relu"}, {"name": "a", "type": "concat", "inputs": ["p", "r"]})",
     "net#/layers/2", "a fully_connected layer"},
    {"sum of three shapes",
     R"({"name": "r", "type": "relu"}, {"name": "p", "type": "max_pool", "kernel": 2}, {"name": "a", "type": "add", "inputs": ["data", "r", "p"]})",
     "net#/layers/2/inputs", "inputs of one shape"},
    {"duplicate name", R"({"name": "fc", "type": "relu"})", "net#/layers/1/name", "no other layer"},
    {"reserved name", R"({"name": "label", "type": "relu"})", "net#/layers/0/name", "other than data"},
    {"unknown type", R"({"name": "a", "type": "lstm"})", "net#/layers/0/type", "known layer type"},
    {"convolution without channels", R"({"name": "a", "type": "convolution", "kernel": 3})",
     "net#/layers/0/channels", "the key channels"},
    {"convolution without kernel", R"({"name": "a", "type": "convolution", "channels": 3})",
     "net#/layers/0/kernel", "the key kernel"},
    {"pool with channels", R"({"name": "a", "type": "max_pool", "kernel": 2, "channels": 3})",
     "net#/layers/0/channels", "no such key"},
    {"pool with groups", R"({"name": "a", "type": "max_pool", "kernel": 2, "groups": 3})",
     "net#/layers/0/groups", "no such key"},
    {"relu with a kernel", R"({"name": "a", "type": "relu", "kernel": 2})", "net#/layers/0/kernel",
     "no such key"},
    {"relu with a slope", R"({"name": "a", "type": "relu", "negative_slope": 0.1})",
     "net#/layers/0/negative_slope", "no such key"},
    {"slope above one", R"({"name": "a", "type": "leaky_relu", "negative_slope": 1.5})",
     "net#/layers/0/negative_slope", "from 0 to 1"},
    {"negative slope below zero", R"({"name": "a", "type": "leaky_relu", "negative_slope": -0.1})",
     "net#/layers/0/negative_slope", "from 0 to 1"},
    {"limits of a relu", R"({"name": "a", "type": "relu", "max": 6})", "net#/layers/0/max", "no such key"},
    {"rate of a relu", R"({"name": "a", "type": "relu", "rate": 0.1})", "net#/layers/0/rate", "no such key"},
    {"rate of one", R"({"name": "a", "type": "dropout", "rate": 1})", "net#/layers/0/rate", "below 1"},
    {"smoothing of a relu", R"({"name": "a", "type": "relu", "label_smoothing": 0.1})",
     "net#/layers/0/label_smoothing", "no such key"},
    {"size of a relu", R"({"name": "a", "type": "relu", "size": 5})", "net#/layers/0/size", "no such key"},
    {"size of zero", R"({"name": "a", "type": "lrn", "size": 0})", "net#/layers/0/size", "at least 1"},
    {"summand of zero", R"({"name": "a", "type": "lrn", "k": 0})", "net#/layers/0/k", "from 1e-06 to"},
    {"lrn of a flattened image", R"({"name": "z", "type": "flatten"}, {"name": "a", "type": "lrn"})",
     "net#/layers/1", "a fully_connected layer"},
    {"limits that cross", R"({"name": "a", "type": "clip", "min": 1, "max": 1})", "net#/layers/0/max",
     "min below max, which are 1.0 and 1.0"},
    {"a limit beyond the other's default", R"({"name": "a", "type": "clip", "min": 7})", "net#/layers/0/min",
     "min below max, which are 7.0 and 6.0"},
    {"epsilon of zero", R"({"name": "a", "type": "batch_norm", "epsilon": 0})", "net#/layers/0/epsilon",
     "from 1e-12 to 1"},
    {"epsilon too large", R"({"name": "a", "type": "batch_norm", "epsilon": 1.5})", "net#/layers/0/epsilon",
     "from 1e-12 to 1"},
    {"momentum above one", R"({"name": "a", "type": "batch_norm", "momentum": 1.1})",
     "net#/layers/0/momentum", "from 0 to 1"},
    {"momentum below zero", R"({"name": "a", "type": "batch_norm", "momentum": -0.1})",
     "net#/layers/0/momentum", "from 0 to 1"},
    {"convolution with a momentum",
     R"({"name": "a", "type": "convolution", "channels": 3, "kernel": 1, "momentum": 0.1})",
     "net#/layers/0/momentum", "no such key"},
    {"batch_norm with channels", R"({"name": "a", "type": "batch_norm", "channels": 3})",
     "net#/layers/0/channels", "no such key"},
    {"batch_norm of a flattened image",
     R"({"name": "z", "type": "flatten"}, {"name": "a", "type": "batch_norm"})", "net#/layers/1",
     "a fully_connected layer"},
    {"relu with a filler", R"({"name": "a", "type": "relu", "weight_lr": 2})", "net#/layers/0/weight_lr",
     "no such key"},
    {"kernel too large", R"({"name": "a", "type": "convolution", "channels": 3, "kernel": [10, 3]})",
     "net#/layers/0/kernel", "at most the padded input, 9x12"},
    {"kernel too large with padding",
     R"({"name": "a", "type": "convolution", "channels": 3, "kernel": 14, "padding": 2})",
     "net#/layers/0/kernel", "13x16"},
    {"kernel of zero", R"({"name": "a", "type": "max_pool", "kernel": 0})", "net#/layers/0/kernel",
     "at least 1"},
    {"stride of zero", R"({"name": "a", "type": "max_pool", "kernel": 2, "stride": [1, 0]})",
     "net#/layers/0/stride", "at least 1"},
    {"negative padding", R"({"name": "a", "type": "max_pool", "kernel": 2, "padding": -1})",
     "net#/layers/0/padding", "at least 0"},
    {"pooling of padding alone", R"({"name": "a", "type": "max_pool", "kernel": 2, "padding": 2})",
     "net#/layers/0/padding", "each window meets its input"},
    {"windows between pixels",
     R"({"name": "a", "type": "max_pool", "kernel": [2, 1], "dilation": [10, 1], "padding": [1, 0]})",
     "net#/layers/0/padding", "each window meets its input"},
    {"three sides", R"({"name": "a", "type": "max_pool", "kernel": 2, "padding": [1, 1, 1]})",
     "net#/layers/0/padding", "[top, left, bottom, right]"},
    {"dilation beyond the input", R"({"name": "a", "type": "max_pool", "kernel": 3, "dilation": 5})",
     "net#/layers/0/kernel", "9x12, with its dilation"},
    {"convolution rounded up",
     R"({"name": "a", "type": "convolution", "channels": 1, "kernel": 2, "ceil_mode": true})",
     "net#/layers/0/ceil_mode", "no such key"},
    {"maximum of what counts",
     R"({"name": "a", "type": "max_pool", "kernel": 2, "count_include_pad": false})",
     "net#/layers/0/count_include_pad", "no such key"},
    {"groups and outputs", R"({"name": "a", "type": "convolution", "channels": 4, "kernel": 1, "groups": 3})",
     "net#/layers/0/channels", "a multiple of groups"},
    {"groups and inputs", R"({"name": "a", "type": "convolution", "channels": 4, "kernel": 1, "groups": 2})",
     "net#/layers/0/groups", "a divisor of the input's 3"},
    {"groups of zero", R"({"name": "a", "type": "convolution", "channels": 4, "kernel": 1, "groups": 0})",
     "net#/layers/0/groups", "at least 1"},
    {"unknown filler",
     R"({"name": "a", "type": "fully_connected", "channels": 4, "weight_filler": {"kind": "he"}})",
     "net#/layers/0/weight_filler/kind", "known filler"},
    {"gaussian without deviation",
     R"({"name": "a", "type": "fully_connected", "channels": 4, "weight_filler": {"kind": "gaussian"}})",
     "net#/layers/0/weight_filler/value", "needs it"},
    {"negative deviation",
     R"({"name": "a", "type": "fully_connected", "channels": 4, "weight_filler": {"kind": "gaussian", "value": -1}})",
     "net#/layers/0/weight_filler/value", "at least 0"},
    {"xavier with a value",
     R"({"name": "a", "type": "fully_connected", "channels": 4, "weight_filler": {"kind": "xavier", "value": 1}})",
     "net#/layers/0/weight_filler/value", "no such key"},
    {"rate of no bias",
     R"({"name": "a", "type": "fully_connected", "channels": 4, "bias": false, "bias_lr": 2})",
     "net#/layers/0/bias_lr", "no such key"},
    {"loss in the middle",
     R"({"name": "z", "type": "fully_connected", "channels": 3}, {"name": "a", "type": "softmax_cross_entropy"})",
     "net#/layers/1/type", "the loss once"},
    {"output that nobody uses",
     R"({"name": "a", "type": "relu"}, {"name": "b", "type": "relu", "inputs": ["data"]})", "net#/layers/0",
     "leads to the loss"},
    {"pooling of a flattened image",
     R"({"name": "z", "type": "flatten"}, {"name": "a", "type": "max_pool", "kernel": 1})", "net#/layers/1",
     "a fully_connected layer"},
    {"convolution of a flattened image",
     R"({"name": "z", "type": "flatten"}, {"name": "r", "type": "relu"}, {"name": "a", "type": "convolution", "kernel": 1, "channels": 2})",
     "net#/layers/2", "a fully_connected layer"},
    {"outputs too large",
     R"({"name": "a", "type": "convolution", "channels": 65535, "kernel": 1, "padding": 30000})",
     "net#/layers/0", "fewer than 2^31"},
    {"two faults' shapes",
     R"({"name": "a", "type": "max_pool", "kernel": 99}, {"name": "b", "type": "max_pool", "kernel": 98})",
     "net#/layers/0/kernel", "at most"},
};

TEST(Network, EachFaultHasOneFinding) {
  for (const Fault& fault : kFaults) {
    const std::string layers =
        std::string("[") + fault.layers +
        R"(, {"name": "fc", "type": "fully_connected", "channels": 10}, {"name": "loss", "type": "softmax_cross_entropy"}])";
    const auto found = findings(network(layers.c_str()));
    ASSERT_EQ(found.size(), 1U) << fault.what << ": " << (found.empty() ? "" : InputError(found).what());
    EXPECT_EQ(found[0].place, fault.place) << fault.what;
    EXPECT_THAT(found[0].expected, HasSubstr(fault.expected)) << fault.what;
  }
}

TEST(Network, FaultsOfTheWhole) {
  EXPECT_EQ(findings(network("[]")).at(0).place, "net#/layers");
  auto found = findings(network(R"([{"name": "fc", "type": "fully_connected", "channels": 10}])"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].place, "net#/layers/0/type");
  found = findings(network(R"([{"name": "l", "type": "softmax_cross_entropy"}])",
                           R"({"channels": 4, "height": 1, "width": 1})"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].expected, HasSubstr("to train"));
  found = findings(network(
      R"([{"name": "c", "type": "convolution", "channels": 1, "kernel": 1}, {"name": "l", "type": "softmax_cross_entropy"}])"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].expected, HasSubstr("two classes"));
  found = findings(network(
      R"([{"name": "c", "type": "convolution", "channels": 2, "kernel": 1}, {"name": "f", "type": "flatten"},
          {"name": "l", "type": "softmax_cross_entropy"}])"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].expected, HasSubstr("a fully_connected layer"));
  found = findings(network(
      R"([{"name": "f", "type": "fully_connected", "channels": 1}, {"name": "l", "type": "softmax_cross_entropy"}])"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].expected, HasSubstr("two classes"));
  found = findings(network(R"([{"name": "c", "type": "convolution", "channels": 2, "kernel": 2},
      {"name": "a", "type": "add", "inputs": ["c", "data"]}, {"name": "f", "type": "fully_connected", "channels": 2},
      {"name": "l", "type": "softmax_cross_entropy"}])"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].found, "3x9x12 and 2x8x11");
}

TEST(Network, CollectsAllFindings) {
  const auto found = findings(network(R"([
      {"name": "a", "type": "convolution", "channels": 4, "kernel": 1, "groups": 3, "bias": false, "bias_lr": 1},
      {"name": "a", "type": "max_pool", "kernel": 2, "channels": 1},
      {"name": "l", "type": "relu", "inputs": ["q"]}])"));
  EXPECT_EQ(found.size(), 6U) << InputError(found).what();
}

TEST(InputFinding, SaysThatNothingIsThere) {
  EXPECT_EQ(sentence({"--kind", "", "a name"}), "--kind: found nothing, expected a name");
  EXPECT_EQ(sentence({"", "no such file", "a file"}), "\"\": found no such file, expected a file");
}

TEST(Network, WhatIsNoNetworkIsAnInputErrorToo) {
  for (const char* text : {"{}", "[]", "null", "3", R"({"input": 1, "layers": []})",
                           R"({"input": {"channels": 1, "height": 1, "width": 1}, "layers": [1]})",
                           R"({"input": {"channels": "x", "height": 1, "width": 1}, "layers": []})"}) {
    EXPECT_THROW(parse_network(Json::parse(text)), InputError) << text;
  }
}

}  // namespace
}  // namespace anzan::compiler::network_test
