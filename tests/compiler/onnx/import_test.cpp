// What the importer makes of nodes one by one, and what it refuses, with the node and the reason.
#include "compiler/onnx/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "compiler/input/input_error.hpp"
#include "compiler/input/network.hpp"
#include "compiler/onnx/file.hpp"

namespace anzan::testing::import_test {
namespace {

using compiler::InputError;
using compiler::onnx::Attribute;
using compiler::onnx::Imported;
using compiler::onnx::Model;
using compiler::onnx::Node;
using compiler::onnx::Tensor;
using ::testing::HasSubstr;
using ::testing::Not;
using Dims = std::vector<std::int64_t>;

Tensor floats(const std::string& name, const Dims& dims) {
  Tensor t{name, dims, true, {}, {}, ""};
  std::size_t size = 1;
  for (const std::int64_t d : dims) size *= static_cast<std::size_t>(d);
  for (std::size_t k = 0; k < size; ++k) t.floats.push_back(static_cast<float>(k) / 8);
  return t;
}

Tensor filled(const std::string& name, const Dims& dims, float value) {
  Tensor t = floats(name, dims);
  t.floats.assign(t.floats.size(), value);
  return t;
}

Tensor whole_numbers(const std::string& name, const Dims& values) {
  return {name, {static_cast<std::int64_t>(values.size())}, false, {}, values, ""};
}

Attribute whole(const char* name, std::int64_t value) {
  Attribute a;
  a.name = name;
  a.kind = Attribute::Kind::kInteger;
  a.integer = value;
  return a;
}

Attribute real(const char* name, float value) {
  Attribute a;
  a.name = name;
  a.kind = Attribute::Kind::kFloat;
  a.number = value;
  return a;
}

Attribute list(const char* name, const Dims& values) {
  Attribute a;
  a.name = name;
  a.kind = Attribute::Kind::kIntegers;
  a.integers = values;
  return a;
}

// Images [N, 2, 4, 4]; nodes in between; then 3 classes of what the last one gives, as a list of 32 numbers.
Model model_with(std::vector<Node> nodes, std::int64_t features = 32, const Dims& input = {-1, 2, 4, 4}) {
  Model m;
  m.name = "test";
  m.opset = 13;
  m.inputs = {{"x", true, true, input}};
  m.outputs = {{"scores", true, true, {-1, 3}}};
  const std::string last = nodes.empty() ? "x" : nodes.back().outputs.at(0);
  m.nodes = std::move(nodes);
  m.nodes.push_back({"flat", "Flatten", "", {last}, {"flat"}, {}});
  m.nodes.push_back({"fc", "Gemm", "", {"flat", "fc.weight"}, {"scores"}, {whole("transB", 1)}});
  m.initializers = {floats("fc.weight", {3, features})};
  return m;
}

std::string refusal(const Model& model) {
  try {
    compiler::parse_network(compiler::onnx::import_model(model, "m.onnx").network, "m.onnx#");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::size_t layers(const Model& model) {
  return compiler::onnx::import_model(model, "m.onnx").network["layers"].size();
}

TEST(OnnxImport, NamesEveryOperatorThatItDoesNotHave) {
  const std::string text = refusal(model_with({{"a", "Softplus", "", {"x"}, {"a"}, {}},
                                               {"b", "Relu", "", {"a"}, {"b"}, {}},
                                               {"", "Einsum", "", {"b"}, {"c"}, {}},
                                               {"d", "Relu", "com.microsoft", {"c"}, {"d"}, {}},
                                               {"e", "Softplus", "", {"d"}, {"e"}, {}}}));
  EXPECT_THAT(text, HasSubstr("m.onnx#/graph/node/0 (node a (Softplus)): found the operator Softplus"));
  EXPECT_THAT(text, HasSubstr("(the node of c (Einsum)): found the operator Einsum"));
  EXPECT_THAT(text, HasSubstr("(node d (Relu)): found the operator com.microsoft.Relu"));
  EXPECT_THAT(text, HasSubstr("(node e (Softplus))"));
  EXPECT_THAT(text, Not(HasSubstr("node b")));
  EXPECT_THAT(text, Not(HasSubstr("fc")));
}

TEST(OnnxImport, LooksOnlyAtWhatLeadsToTheOutput) {
  Model m = model_with({{"a", "Relu", "", {"x"}, {"a"}, {}}, {"b", "Relu", "", {"a"}, {"b"}, {}}});
  m.nodes.insert(m.nodes.begin(), {"dead", "Softplus", "", {"x"}, {"dead"}, {}});
  m.initializers.push_back({"unused", {7}, true, {}, {}, "values of type FLOAT16"});
  EXPECT_EQ(refusal(m), "");
}

// Shape, Gather, Unsqueeze, Concat, Reshape; and the batch as what is left.
TEST(OnnxImport, FollowsShapesThatAreComputed) {
  const std::vector<Node> chain{{"", "Shape", "", {"x"}, {"shape"}, {}},
                                {"", "Gather", "", {"shape", "first"}, {"batch"}, {whole("axis", 0)}},
                                {"", "Unsqueeze", "", {"batch", "zero"}, {"batch1"}, {}},
                                {"", "Concat", "", {"batch1", "rest"}, {"target"}, {whole("axis", 0)}},
                                {"", "Reshape", "", {"x", "target"}, {"y"}, {}}};
  for (const Dims& rest : {Dims{-1}, Dims{32}, Dims{2, 16}, Dims{32, 1, 1}, Dims{2, -1, 4}}) {
    Model m = model_with(chain);
    m.initializers.push_back(whole_numbers("zero", {0}));
    m.initializers.push_back({"first", {}, false, {}, {0}, ""});
    m.initializers.push_back(whole_numbers("rest", rest));
    EXPECT_EQ(refusal(m), "");
    EXPECT_EQ(layers(m), 2U);
  }
}

TEST(OnnxImport, ReshapesOnlyWithinImages) {
  const auto with = [](const Dims& target, std::int64_t batch) {
    Model m = model_with({{"r", "Reshape", "", {"x", "target"}, {"y"}, {}}}, 32, {batch, 2, 4, 4});
    m.initializers.push_back(whole_numbers("target", target));
    return refusal(m);
  };
  for (const std::int64_t batch : {-1, 5}) {
    EXPECT_EQ(with({-1, 32}, batch), "");
    EXPECT_EQ(with({0, -1}, batch), "");
    EXPECT_EQ(with({0, 0, -1}, batch), "");
    EXPECT_THAT(with({-1, 16}, batch), HasSubstr("(node r (Reshape)): found the shape [-1, 16]"));
    EXPECT_THAT(with({32, -1}, batch), HasSubstr("found the shape [32, -1]"));
    EXPECT_THAT(with({0, 33}, batch), HasSubstr("found the shape [0, 33]"));
    EXPECT_THAT(with({}, batch), HasSubstr("found the shape []"));
    EXPECT_THAT(with({0, -1, -1}, batch), HasSubstr("found the shape"));
  }
  EXPECT_EQ(with({5, 32}, 5), "");
  EXPECT_EQ(with({5, -1}, 5), "");
  EXPECT_THAT(with({5, 32}, -1), HasSubstr("found the shape [5, 32] for images of the shape [N, 2, 4, 4]"));
  EXPECT_THAT(with({5, 32}, 4), HasSubstr("found the shape [5, 32]"));
}

TEST(OnnxImport, TakesABiasThatIsAddedLater) {
  Model m = model_with({});
  m.nodes[1] = {"fc", "MatMul", "", {"flat", "w"}, {"product"}, {}};
  m.nodes.push_back({"plus", "Add", "", {"b", "product"}, {"scores"}, {}});
  m.initializers = {floats("w", {32, 3}), floats("b", {3})};
  const Imported imported = compiler::onnx::import_model(m, "m.onnx");
  EXPECT_EQ(imported.network["layers"][0]["bias"], true);
  EXPECT_EQ(imported.values.at("fc.bias"), m.initializers[1].floats);
  EXPECT_EQ(imported.values.at("fc.weight")[1], m.initializers[0].floats[3]);  // turned
  m.initializers[1] = floats("b", {1, 1, 3});
  EXPECT_THAT(refusal(m), HasSubstr("(node plus (Add)): found an addition of a constant of dims [1, 1, 3]"));
}

TEST(OnnxImport, RefusesWhatItWouldHaveToLose) {
  const auto conv = [](std::vector<Attribute> attributes, const Dims& weights, const char* name = "w") {
    Model m = model_with({{"c", "Conv", "", {"x", name}, {"y"}, std::move(attributes)}});
    m.initializers.push_back(floats("w", weights));
    return refusal(m);
  };
  EXPECT_EQ(conv({list("pads", {1, 1, 1, 1})}, {2, 2, 3, 3}), "");
  EXPECT_THAT(conv({whole("surprise", 1)}, {2, 2, 3, 3}),
              HasSubstr("(node c (Conv)): found attribute surprise"));
  EXPECT_THAT(conv({whole("pads", 1)}, {2, 2, 3, 3}), HasSubstr("attribute pads of another type"));
  EXPECT_THAT(conv({list("pads", {1, 1})}, {2, 2, 3, 3}), HasSubstr("found pads [1, 1]"));
  EXPECT_THAT(conv({list("pads", {-1, 0, 0, 0})}, {2, 2, 3, 3}), HasSubstr("found pads"));
  EXPECT_THAT(conv({list("strides", {0, 1})}, {2, 2, 3, 3}), HasSubstr("expected at least 1"));
  EXPECT_THAT(conv({list("dilations", {1LL << 40, 1})}, {2, 2, 3, 3}), HasSubstr("dilations"));
  EXPECT_THAT(conv({list("kernel_shape", {2, 2})}, {2, 2, 3, 3}), HasSubstr("kernel_shape [2, 2]"));
  EXPECT_THAT(conv({whole("group", 2)}, {2, 2, 3, 3}), HasSubstr("in 2 groups"));
  EXPECT_THAT(conv({whole("group", 0)}, {2, 2, 3, 3}), HasSubstr("in 0 groups"));
  EXPECT_THAT(conv({}, {2, 2, 3}), HasSubstr("weights: FP32 of dims [?, ?, ?, ?]"));
  EXPECT_THAT(conv({}, {2, 2, 9, 9}), HasSubstr("padded input"));
  EXPECT_THAT(conv({}, {2, 2, 3, 3}, "x"), HasSubstr("images as input 1"));
  EXPECT_THAT(conv({}, {2, 2, 3, 3}, "nobody"), HasSubstr("found the input nobody"));
}

TEST(OnnxImport, SaysWhatIsWrongWithTensors) {
  for (const char* problem : {"values of type FLOAT16", "values in another file"}) {
    Model m = model_with({});
    m.initializers[0].problem = problem;
    EXPECT_THAT(refusal(m), HasSubstr(std::string("(node fc (Gemm)): found ") + problem + " as input 1"));
  }
  Model m = model_with({});
  m.initializers[0] = floats("fc.weight", {3, 31});
  EXPECT_THAT(refusal(m),
              HasSubstr("(node fc (Gemm)): found images of the shape [32] and weights of dims [3, 31]"));
}

TEST(OnnxImport, WantsOneInputOfImagesAndOneOutput) {
  const auto with_input = [](const Dims& dims) { return refusal(model_with({}, 32, dims)); };
  EXPECT_EQ(with_input({-1, 32}), "");
  EXPECT_EQ(with_input({7, 2, 4, 4}), "");
  EXPECT_THAT(with_input({-1, 2, -1, 4}), HasSubstr("m.onnx#/graph/input/x: found dims [?, 2, ?, 4]"));
  EXPECT_THAT(with_input({-1, 2, 16}), HasSubstr("expected [N, C, H, W] or [N, F]"));
  EXPECT_THAT(with_input({0, 2, 4, 4}), HasSubstr("found dims [0, 2, 4, 4]"));
  EXPECT_THAT(with_input({1, 2, 4, 1 << 20}), HasSubstr("from 1 to 65535"));
  Model m = model_with({});
  m.inputs[0].is_float = false;
  EXPECT_THAT(refusal(m), HasSubstr("no tensor of FP32"));
  m = model_with({});
  m.inputs.push_back({"y", true, true, {1, 2}});
  EXPECT_THAT(refusal(m), HasSubstr("found 2 inputs"));
  m = model_with({});
  m.outputs.clear();
  EXPECT_THAT(refusal(m), HasSubstr("found 0 outputs"));
  m = model_with({});
  m.outputs[0].name = "x";
  EXPECT_THAT(refusal(m), HasSubstr("an output that no layer makes"));
}

TEST(OnnxImport, TakesEveryNameOfTheGraph) {
  const auto name_of = [](const std::string& name) {
    Model m = model_with({});
    m.name = name;
    const auto network = compiler::onnx::import_model(m, "m.onnx").network;
    EXPECT_EQ(nlohmann::json::parse(network.dump()), network);
    return compiler::parse_network(network, "m.onnx#").name;
  };
  EXPECT_EQ(name_of(""), "network");
  EXPECT_EQ(name_of("main graph"), "main graph");
  EXPECT_EQ(name_of("w\xff\x1bork"), "w\\xff\\x1bork");
  std::string long_name, hundred_bytes;
  for (int k = 0; k < 40; ++k) long_name += "盤";
  for (int k = 0; k < 33; ++k) hundred_bytes += "盤";
  EXPECT_EQ(name_of(long_name), hundred_bytes);
}

TEST(OnnxImport, RefusesCirclesAndNamesThatStandTwice) {
  EXPECT_THAT(
      refusal(model_with({{"a", "Add", "", {"x", "b"}, {"a"}, {}}, {"b", "Relu", "", {"a"}, {"b"}, {}}})),
      HasSubstr("(node a (Add)): found the input b"));
  EXPECT_THAT(refusal(model_with({{"a", "Relu", "", {"x"}, {"x"}, {}}})), HasSubstr("found the output x"));
  const std::vector<Node> twice{{"a", "Gemm", "", {"f", "w"}, {"a"}, {}},
                                {"b", "Gemm", "", {"a", "w"}, {"b"}, {}}};
  Model m = model_with({});
  m.nodes = {
      {"f", "Flatten", "", {"x"}, {"f"}, {}}, twice[0], twice[1], {"fc", "Relu", "", {"b"}, {"scores"}, {}}};
  m.initializers.push_back(floats("w", {32, 32}));
  EXPECT_THAT(refusal(m),
              HasSubstr("(node b (Gemm)): found the parameter w as input 1, which node a (Gemm) has, too"));
}

// Two products of four numbers; the second one's bias is what `folded` make of the first one's.
Model with_second_bias(const std::vector<Node>& folded, const std::string& bias) {
  std::vector<Node> nodes{{"f", "Flatten", "", {"x"}, {"f"}, {}},
                          {"a", "Gemm", "", {"f", "a.weight", "a.bias"}, {"a"}, {}}};
  nodes.insert(nodes.end(), folded.begin(), folded.end());
  nodes.push_back({"b", "Gemm", "", {"a", "b.weight", bias}, {"b"}, {}});
  Model m = model_with(nodes, 4);
  for (const Tensor& t : {floats("a.weight", {32, 4}), floats("a.bias", {4}), floats("b.weight", {4, 4})})
    m.initializers.push_back(t);
  for (const Tensor& t : {whole_numbers("zero", {0}), whole_numbers("four", {4}), filled("half", {}, 0.5F)})
    m.initializers.push_back(t);
  return m;
}

TEST(OnnxImport, FollowsParametersThatTwoLayersShare) {
  const std::string expected =
      "(node b (Gemm)): found the parameter a.bias as input 2, which node a (Gemm) has, too";
  EXPECT_THAT(refusal(with_second_bias({}, "a.bias")), HasSubstr(expected));
  const std::vector<std::vector<Node>> foldings{
      {{"", "Identity", "", {"a.bias"}, {"b.bias"}, {}}},
      {{"", "Cast", "", {"a.bias"}, {"b.bias"}, {whole("to", 1)}}},
      {{"", "Reshape", "", {"a.bias", "four"}, {"b.bias"}, {}}},
      {{"", "Unsqueeze", "", {"a.bias", "zero"}, {"row"}, {}},
       {"", "Squeeze", "", {"row", "zero"}, {"b.bias"}, {}}},
      {{"", "Transpose", "", {"a.bias"}, {"b.bias"}, {}}},
      {{"", "Mul", "", {"half", "a.bias"}, {"b.bias"}, {}}},
      {{"", "Concat", "", {"a.bias"}, {"b.bias"}, {whole("axis", 0)}}},
      {{"", "Slice", "", {"a.bias", "zero", "four"}, {"b.bias"}, {}}}};
  for (const std::vector<Node>& folded : foldings)
    EXPECT_THAT(refusal(with_second_bias(folded, "b.bias")), HasSubstr(expected)) << folded[0].op_type;
  const auto another = [](const std::vector<Node>& folded) {
    Model m = with_second_bias(folded, "b.bias");
    m.initializers.push_back(floats("another", {4}));
    m.initializers.back().floats[0] = 1;
    return refusal(m);
  };
  EXPECT_EQ(another({{"", "Identity", "", {"another"}, {"b.bias"}, {}}}), "");
  EXPECT_EQ(another({{"", "Mul", "", {"another", "half"}, {"b.bias"}, {}}}), "");
  EXPECT_THAT(another({{"", "Sub", "", {"another", "a.bias"}, {"b.bias"}, {}}}), HasSubstr(expected));
}

TEST(OnnxImport, FollowsWeightsThatAreTurned) {
  Model m = model_with({{"f", "Flatten", "", {"x"}, {"f"}, {}},
                        {"encode", "MatMul", "", {"f", "w"}, {"code"}, {}},
                        {"turn", "Transpose", "", {"w"}, {"turned"}, {}},
                        {"decode", "MatMul", "", {"code", "turned"}, {"y"}, {}}});
  m.initializers.push_back(floats("w", {32, 4}));
  EXPECT_THAT(
      refusal(m),
      HasSubstr("(node decode (MatMul)): found the parameter w as input 1, which node encode (MatMul) has"));
  m.nodes[2] = {"turned", "ConstantOfShape", "", {"shape"}, {"turned"}, {}};
  m.initializers.push_back(whole_numbers("shape", {4, 32}));
  EXPECT_EQ(refusal(m), "");
}

Node normalisation(const std::string& name, const std::string& input, const std::vector<std::string>& four) {
  return {name, "BatchNormalization", "", {input, four[0], four[1], four[2], four[3]}, {name}, {}};
}

// Two normalisations, with their scales, biases, means and variances, and what they are made of.
std::string refusal_of_two(const std::vector<std::string>& first, const std::vector<std::string>& second,
                           const std::vector<Tensor>& initializers,
                           const std::vector<std::array<std::string, 2>>& identities = {}) {
  std::vector<Node> nodes;
  for (const auto& [from, to] : identities) nodes.push_back({"", "Identity", "", {from}, {to}, {}});
  nodes.push_back(normalisation("n", "x", first));
  nodes.push_back(normalisation("m", "n", second));
  Model model = model_with(nodes);
  model.initializers.insert(model.initializers.end(), initializers.begin(), initializers.end());
  return refusal(model);
}

TEST(OnnxImport, RefusesANormalisationThatIsUsedTwice) {
  const std::vector<std::string> n{"n.weight", "n.bias", "n.mean", "n.var"};
  const std::string expected =
      "(node m (BatchNormalization)): found the parameter n.weight as input 1, which node n";
  EXPECT_THAT(refusal_of_two(n, n,
                             {floats("n.weight", {2}), filled("n.bias", {2}, 2), filled("n.mean", {2}, 3),
                              filled("n.var", {2}, 4)}),
              HasSubstr(expected));
  // a new one: what is equal has names of its own in the model
  EXPECT_THAT(refusal_of_two(n, n,
                             {filled("n.weight", {2}, 1), filled("n.bias", {2}, 0), filled("n.mean", {2}, 0),
                              filled("n.var", {2}, 1)}),
              HasSubstr(expected));
  // or is given one by an Identity
  EXPECT_THAT(refusal_of_two(n, n, {filled("n.weight", {2}, 1), filled("n.bias", {2}, 0)},
                             {{"n.bias", "n.mean"}, {"n.weight", "n.var"}}),
              HasSubstr(expected));
  EXPECT_THAT(refusal_of_two(n, {"m.weight", "m.bias", "n.mean", "m.var"},
                             {filled("n.weight", {2}, 1), filled("n.bias", {2}, 2), floats("n.mean", {2}),
                              filled("n.var", {2}, 4), filled("m.weight", {2}, 5), filled("m.bias", {2}, 6),
                              filled("m.var", {2}, 7)}),
              HasSubstr("found the parameter n.mean as input 3"));
}

// Exporters that write equal values once.
TEST(OnnxImport, TakesInitialValuesThatAreEqual) {
  const std::vector<std::string> n{"n.weight", "n.bias", "n.mean", "n.var"};
  const Tensor one = filled("n.weight", {2}, 1), zero = filled("n.bias", {2}, 0);
  EXPECT_EQ(refusal_of_two(n, {"m.weight", "m.bias", "m.mean", "m.var"}, {one, zero},
                           {{"n.bias", "n.mean"},
                            {"n.weight", "n.var"},
                            {"n.weight", "m.weight"},
                            {"n.bias", "m.bias"},
                            {"n.bias", "m.mean"},
                            {"n.weight", "m.var"}}),
            "");
  const std::vector<std::string> same{"n.weight", "n.bias", "n.bias", "n.weight"};
  EXPECT_EQ(refusal_of_two(same, same, {one, zero}), "");
  EXPECT_THAT(refusal_of_two(same, same, {one, floats("n.bias", {2})}), HasSubstr("the parameter n.bias"));
  Model m = with_second_bias({}, "a.bias");
  m.initializers[2] = filled("a.bias", {4}, 0.5F);
  EXPECT_EQ(refusal(m), "");
  // one number is no list, unless it is what layers begin with
  const auto of_one = [&](float value) {
    m.initializers[1] = floats("a.weight", {32, 1});
    m.initializers[2] = filled("a.bias", {1}, value);
    m.initializers[3] = floats("b.weight", {1, 4});
    m.nodes[2] = {"b", "Add", "", {"product", "a.bias"}, {"b"}, {}};
    m.nodes.insert(m.nodes.begin() + 2, {"w", "MatMul", "", {"a", "one"}, {"product"}, {}});
    m.initializers.push_back(floats("one", {1, 1}));
    m.initializers[0] = floats("fc.weight", {3, 1});
    const std::string text = refusal(m);
    m.nodes.erase(m.nodes.begin() + 2);
    m.initializers.pop_back();
    return text;
  };
  EXPECT_EQ(of_one(0), "");
  EXPECT_THAT(of_one(0.5F), HasSubstr("(node b (Add)): found the parameter a.bias as input 1"));
}

TEST(OnnxImport, GivesNamesThatLayersCannotHaveAnotherOne) {
  for (const std::string name : {"data", "label", "prediction", "loss"}) {
    Model m = model_with(
        {{name, "Conv", "", {"x", name + ".weight"}, {"c"}, {}}, {"sum", "Add", "", {"x", "c"}, {"y"}, {}}});
    m.initializers.push_back(floats(name + ".weight", {2, 2, 1, 1}));
    EXPECT_EQ(refusal(m), "");
    const Imported imported = compiler::onnx::import_model(m, "m.onnx");
    const std::string other = name == "loss" ? name : name + "_2";
    EXPECT_EQ(imported.network["layers"][0]["name"], other);
    EXPECT_EQ(imported.network["layers"][1]["inputs"], nlohmann::json({"data", other}));
    EXPECT_EQ(imported.values.count(other + ".weight"), 1U);
  }
}

TEST(OnnxImport, CallsNoAttributeUnknownThatItHasNotComeTo) {
  Model m = model_with({{"p", "Pad", "", {"x", "pads"}, {"p"}, {}},
                        {"pool",
                         "MaxPool",
                         "",
                         {"p"},
                         {"y"},
                         {list("kernel_shape", {2, 2}), list("strides", {2, 2}), whole("ceil_mode", 0)}}});
  m.initializers.push_back(whole_numbers("pads", {0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_THAT(refusal(m), HasSubstr("(node pool (MaxPool)): found a Pad before it"));
  EXPECT_THAT(refusal(m), Not(HasSubstr("attribute")));
}

TEST(OnnxImport, SaysWhatTheFileHas) {
  const auto of = [](const Node& node) { return refusal(model_with({node})); };
  Model m = model_with({{"c", "Conv", "", {"x", "w"}, {"y"}, {list("pads", {-1, 0, 0, 0})}}});
  m.initializers.push_back(floats("w", {2, 2, 1, 1}));
  EXPECT_THAT(refusal(m), HasSubstr("found pads [-1, 0, 0, 0]"));
  m.nodes[0].attributes = {whole("group", 1), list("strides", {0, 1})};
  EXPECT_THAT(refusal(m), HasSubstr("(node c (Conv)): found strides [0,1]"));
  m.nodes[0] = normalisation("n", "x", {"s", "b", "b", "s"});
  m.nodes[0].outputs = {"y"};
  m.nodes[0].attributes = {real("momentum", -0.5F)};
  m.initializers.push_back(filled("s", {2}, 1));
  m.initializers.push_back(filled("b", {2}, 0));
  EXPECT_THAT(refusal(m), HasSubstr("(node n (BatchNormalization)): found momentum -0.5"));
  EXPECT_THAT(of({"l", "LeakyRelu", "", {"x"}, {"y"}, {real("alpha", 2)}}),
              HasSubstr("(node l (LeakyRelu)): found alpha 2.0"));
  EXPECT_THAT(of({"l", "LRN", "", {"x"}, {"y"}, {whole("size", 3), real("bias", 0)}}),
              HasSubstr("(node l (LRN)): found bias 0.0"));
  EXPECT_THAT(of({"h", "HardSigmoid", "", {"x"}, {"y"}, {real("alpha", 0.16666F)}}),
              HasSubstr("(node h (HardSigmoid)): found alpha 0.16666, beta 0.5"));
  EXPECT_THAT(of({"twice", "Add", "", {"x", "x"}, {"y"}, {}}),
              HasSubstr("m.onnx#/graph/node/0 (node twice (Add)): found the same images as inputs 0 and 1"));
  EXPECT_THAT(of({"twice", "Concat", "", {"x", "x"}, {"y"}, {whole("axis", 1)}}),
              HasSubstr("(node twice (Concat)): found the same images as inputs 0 and 1"));
}

TEST(OnnxImport, SaysWhyPixelsAreNone) {
  Model m = model_with({{"f", "Flatten", "", {"x"}, {"f"}, {}},
                        {"u", "Unsqueeze", "", {"f", "axes"}, {"u"}, {}},
                        {"p", "Pad", "", {"u", "pads"}, {"p"}, {}},
                        {"c", "Conv", "", {"p", "w"}, {"y"}, {}}},
                       9, {-1, 1, 6, 1});
  m.initializers.push_back(whole_numbers("axes", {2, 3}));
  m.initializers.push_back(whole_numbers("pads", {0, 0, 1, 1, 0, 0, 1, 1}));
  m.initializers.push_back(floats("w", {1, 6, 1, 1}));
  const std::string reason = "found images of the shape [6, 1, 1], made of [1, 6, 1]";
  EXPECT_THAT(refusal(m), HasSubstr("(node p (Pad)): " + reason));
  m.nodes[3].inputs[0] = "u";
  EXPECT_THAT(refusal(m), HasSubstr("(node c (Conv)): " + reason));
  m.nodes[3].inputs[0] = "p";
  m.nodes[2].inputs[0] = "x";
  m.initializers.back() = floats("w", {1, 1, 1, 1});
  m.initializers[2].integers[2] = -1;
  EXPECT_THAT(refusal(m), HasSubstr("(node p (Pad)): found pads [0, 0, -1, 1, 0, 0, 1, 1], expected zeros"));
}

TEST(OnnxImport, TakesASoftmaxForTheLossOnlyAtTheEnd) {
  Model m = model_with({});
  m.nodes[1].outputs[0] = "logits";
  m.nodes.push_back({"s", "Softmax", "", {"logits"}, {"scores"}, {whole("axis", 1)}});
  EXPECT_EQ(layers(m), 2U);
  m.nodes.back().attributes = {whole("axis", 0)};
  EXPECT_THAT(refusal(m), HasSubstr("(node s (Softmax)): found axis 0"));
  m.nodes.back() = {"s", "Softmax", "", {"logits"}, {"y"}, {}};
  m.nodes.push_back({"r", "Relu", "", {"y"}, {"scores"}, {}});
  EXPECT_THAT(refusal(m), HasSubstr("(node s (Softmax)): found a softmax before the end"));
}

TEST(OnnxImport, TakesClassesOfPixels) {
  Model m = model_with({{"c", "Conv", "", {"x", "c.weight"}, {"scores"}, {}}});
  m.nodes.resize(1);
  m.initializers.push_back(floats("c.weight", {3, 2, 1, 1}));
  const auto logits = [&] {
    return compiler::parse_network(compiler::onnx::import_model(m, "m.onnx").network).logits();
  };
  const compiler::Shape expected{3, 4, 4};
  EXPECT_EQ(logits(), expected);
  m.nodes[0].outputs[0] = "logits";
  for (const std::int64_t axis : {1, -3}) {
    m.nodes.resize(1);
    m.nodes.push_back({"s", "Softmax", "", {"logits"}, {"scores"}, {whole("axis", axis)}});
    EXPECT_EQ(logits(), expected);
  }
  m.nodes[1].attributes = {};  // the last axis
  EXPECT_THAT(refusal(m), HasSubstr("(node s (Softmax)): found axis -1"));
  m.opset = 11;  // all axes from this one on
  m.nodes[1].attributes = {whole("axis", 1)};
  EXPECT_THAT(refusal(m), HasSubstr("found axis 1, before version 13"));
  m.opset = 13;
  m.nodes[1] = {"f", "Flatten", "", {"logits"}, {"scores"}, {}};
  EXPECT_THAT(refusal(m), HasSubstr("with a label for each pixel"));
}

// Constants that double from node to node would fill any memory.
TEST(OnnxImport, BoundsWhatItComputes) {
  std::vector<Node> nodes;
  std::string last = "shape";
  for (int k = 0; k < 40; ++k) {
    const std::string next = "c" + std::to_string(k);
    nodes.push_back({next, "Concat", "", {last, last}, {next}, {whole("axis", 0)}});
    last = next;
  }
  nodes.push_back({"r", "Reshape", "", {"x", last}, {"y"}, {}});
  Model m = model_with(nodes);
  m.initializers.push_back(whole_numbers("shape", {0, -1}));
  EXPECT_THAT(refusal(m), HasSubstr("at most 65,536 elements together"));
  m = model_with(std::vector<Node>(60000, {"a", "Relu", "", {"x"}, {"a"}, {}}));
  EXPECT_THAT(refusal(m), HasSubstr("found 60002 nodes, expected at most 50000"));
}

TEST(OnnxFile, RefusesBytesThatAreNoModel) {
  const auto parse = [](const std::string& bytes) -> std::string {
    try {
      compiler::onnx::parse_model(bytes, "m.onnx");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  const std::string good = compiler::onnx::model_bytes(model_with({}));
  EXPECT_EQ(parse(good), "");
  EXPECT_THAT(parse(""), HasSubstr("m.onnx: found an empty file"));
  EXPECT_THAT(parse("{\"layers\": []}"), HasSubstr("found a broken protobuf message"));
  EXPECT_THAT(parse(good.substr(0, good.size() / 2)), HasSubstr("found a broken protobuf message"));
  EXPECT_THAT(parse(std::string("\x08\x07", 2)), HasSubstr("found no graph"));
  // a graph of a length that lies; and one of two bytes a node
  EXPECT_THAT(parse(std::string("\x3a\xff\xff\xff\xff\x07\x00", 7)),
              HasSubstr("found a broken protobuf message"));
  std::string many;
  for (int k = 0; k < 1100000; ++k) many += std::string("\x0a\x00", 2);
  std::string length;
  for (std::size_t size = many.size(); size > 0; size >>= 7U)
    length += static_cast<char>((size & 0x7fU) | (size > 0x7f ? 0x80U : 0U));
  EXPECT_THAT(parse("\x3a" + length + many), HasSubstr("found more than 1048576 nodes"));
  // messages in messages
  std::string deep;
  for (int k = 0; k < 10000; ++k) deep = "\x3a" + std::string(1, static_cast<char>(0x80)) + deep;
  EXPECT_THAT(parse(deep), HasSubstr("found a broken protobuf message"));
}

TEST(OnnxFile, SaysOfATensorWhyItHasNoValues) {
  const auto problem = [](const std::string& bytes) {
    return compiler::onnx::parse_tensor(bytes, "t").problem;
  };
  const std::string two_floats("\x10\x01\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\x40", 12);
  EXPECT_EQ(problem("\x08\x02" + two_floats), "");
  EXPECT_EQ(problem("\x08\x03" + two_floats), "2 values where the dims are [3]");
  EXPECT_EQ(problem(std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11) + two_floats),
            "dims [?]");
  EXPECT_EQ(problem(std::string("\x08\xff\xff\xff\xff\x0f\x08\xff\xff\xff\xff\x0f", 12) + two_floats),
            "dims [4294967295, 4294967295]");
  EXPECT_EQ(problem(std::string("\x08\x02\x10\x0a\x4a\x04\x00\x00\x00\x00", 10)), "values of type FLOAT16");
  EXPECT_EQ(problem(std::string("\x08\x02\x10\x63", 4)), "values of type 99");
  EXPECT_EQ(problem("\x08\x02" + two_floats + std::string("\x70\x01", 2)), "values in another file");
  EXPECT_EQ(problem(std::string("\x08\x01\x10\x01\x4a\x04\x00\x00\xc0\x7f", 10)),
            "a value that is not finite");
}

}  // namespace
}  // namespace anzan::testing::import_test
