// The configuration: what is read from it, the effective form, overrides, and every kind of bad input
// (bad_inputs.json) with its pointer, value and expectation.
#include "sim/configuration/configuration.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "sim/host/embedded.hpp"
#include "sim/rtl/core.hpp"
#include "tests/sim/synthetic_data.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::configuration_test {
namespace {

using compiler::InputError;
using compiler::InputFinding;
using ::testing::HasSubstr;
using testing::ScratchDirectory;
using testing::write_file;
using Json = nlohmann::json;

Json valid() {
  return testing::small_configuration({{"kind", "idx"},
                                       {"train_images", "a"},
                                       {"train_labels", "b"},
                                       {"test_images", "c"},
                                       {"test_labels", "d"}});
}

Configuration parse(const Json& json, const std::vector<std::string>& sets = {}) {
  std::vector<Override> overrides;
  for (const std::string& set : sets) overrides.push_back(parse_override(set));
  return parse_configuration(json, "/data", overrides);
}

std::vector<InputFinding> findings(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.findings();
  }
  return {};
}

TEST(Configuration, ReadsEverything) {
  const Configuration c = parse(valid());
  EXPECT_EQ(c.network.layers.size(), 5U);
  EXPECT_EQ(c.parameters.batch, 16);
  EXPECT_EQ(c.parameters.momentum, 0.9);
  EXPECT_EQ(c.parameters.weight_decay, 5e-4);
  EXPECT_EQ(c.training.iterations, 24);
  EXPECT_EQ(c.training.seed, 5U);
  EXPECT_TRUE(c.training.shuffle);
  EXPECT_EQ(c.training.learning_rate.policy, LearningRate::Policy::kInv);
  EXPECT_EQ(c.chip.lanes, 16);
  EXPECT_EQ(c.chip.scratchpad_kib, 256);
  EXPECT_EQ(c.engine.threads, 0);
  EXPECT_EQ(c.dataset.train_images, "/data/a");
}

TEST(Configuration, EffectiveFormGivesTheSameAgain) {
  for (const char* preset : {"fp32", "int16", "int8", "int8_master16", "int8_master32"}) {
    Json json = valid();
    json["precision"] = {{"preset", preset},
                         {"layers", {{"fc", {{"weight", {{"rounding", "towards_zero"}}}}}}}};
    const Configuration first = parse(json);
    EXPECT_EQ(first.effective["training"]["shuffle"], true);
    EXPECT_EQ(first.effective["precision"]["weight"]["policy"]["interval"], 1);
    EXPECT_EQ(first.effective["network"]["layers"][0]["stride"], (Json{1, 1}));
    const Configuration second = parse_configuration(first.effective, "/elsewhere");
    EXPECT_EQ(second.effective, first.effective);
    EXPECT_EQ(second.identity("d"), first.identity("d"));
    EXPECT_EQ(second.precision.of(compiler::TensorClass::kWeight, "fc").slot.rounding,
              isa::Rounding::kTowardsZero);
  }
}

TEST(Configuration, SyntheticIsSpeltOut) {
  Json json = valid();
  json["dataset"] = {{"kind", "synthetic"}};
  const Configuration c = parse(json, {"/dataset/test_images_used=9"});
  EXPECT_EQ(c.dataset.kind, kSynthetic);
  EXPECT_EQ(c.dataset.seed, 1U);
  EXPECT_EQ(c.dataset.train_images_used, 1024);
  EXPECT_EQ(c.dataset.test_images_used, 9);
  const Configuration again = parse_configuration(c.effective, "/elsewhere");
  EXPECT_EQ(again.effective, c.effective);
  EXPECT_FALSE(c.training.until);
  EXPECT_EQ(parse(json, {"/training/until=0.99"}).training.until, 0.99);
}

Json with_optimizer(Json optimizer) {
  Json json = valid();
  json["training"]["optimizer"] = std::move(optimizer);
  json["training"]["optimizer"]["learning_rate"] = {{"base", 0.001}};
  return json;
}

TEST(Configuration, OptimizersAreSpeltOut) {
  const auto effective = [](const Configuration& c) {
    const Configuration again = parse_configuration(c.effective, "/elsewhere");
    EXPECT_EQ(again.effective, c.effective);
    EXPECT_EQ(again.identity("d"), c.identity("d"));
    Json optimizer = c.effective["training"]["optimizer"];
    optimizer.erase("learning_rate");
    return optimizer;
  };
  EXPECT_EQ(effective(parse(with_optimizer(Json::object()))),
            Json::parse(R"({"kind": "sgd", "momentum": 0, "nesterov": false, "weight_decay": 0})"));
  const Configuration adam = parse(with_optimizer({{"kind", "adam"}}));
  EXPECT_EQ(effective(adam), Json::parse(R"({"kind": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                                             "weight_decay": 0})"));
  EXPECT_EQ(adam.parameters.optimizer, compiler::OptimizerKind::kAdam);
  EXPECT_EQ(adam.parameters.clip_norm, 0);
  const Configuration adamw = parse(with_optimizer(
      {{"kind", "adamw"}, {"beta1", 0.5}, {"beta2", 0.75}, {"epsilon", 0.5}, {"clip_norm", 2}}));
  EXPECT_EQ(adamw.parameters.optimizer, compiler::OptimizerKind::kAdamW);
  EXPECT_EQ(adamw.parameters.beta1, 0.5);
  EXPECT_EQ(adamw.parameters.beta2, 0.75);
  EXPECT_EQ(adamw.parameters.epsilon, 0.5);
  EXPECT_EQ(adamw.parameters.clip_norm, 2);
  const Configuration nesterov = parse(with_optimizer({{"momentum", 0.5}, {"nesterov", true}}));
  EXPECT_EQ(nesterov.parameters.momentum, 0.5);
  EXPECT_TRUE(nesterov.parameters.nesterov);
}

// Precision counts where tensors have it.
TEST(Configuration, IdentityHasTheOptimizer) {
  const auto identity = [](const Json& optimizer, const std::vector<std::string>& sets = {}) {
    return parse(with_optimizer(optimizer), sets).identity("d");
  };
  const Json sgd{{"momentum", 0.5}}, adam{{"kind", "adam"}};
  for (const char* other : {R"({"momentum": 0.25})", R"({"momentum": 0.5, "nesterov": true})",
                            R"({"momentum": 0.5, "clip_norm": 1})", R"({"kind": "adam"})"})
    EXPECT_NE(identity(Json::parse(other)), identity(sgd)) << other;
  for (const char* other : {R"({"kind": "adamw"})", R"({"kind": "adam", "beta1": 0.8})",
                            R"({"kind": "adam", "beta2": 0.8})", R"({"kind": "adam", "epsilon": 1e-6})"})
    EXPECT_NE(identity(Json::parse(other)), identity(adam)) << other;
  EXPECT_NE(identity(sgd, {"/training/optimizer/learning_rate/warmup_steps=2"}), identity(sgd));
  const char *const momentum = "/precision/momentum/policy/guard=1",
                    *const first = "/precision/first_moment/policy/guard=1",
                    *const second = "/precision/layers/fc/second_moment/format=int8";
  EXPECT_NE(identity(sgd, {momentum}), identity(sgd));
  EXPECT_EQ(identity(adam, {momentum}), identity(adam));
  for (const char* moment : {first, second}) {
    EXPECT_NE(identity(adam, {moment}), identity(adam)) << moment;
    EXPECT_EQ(identity(sgd, {first}), identity(sgd)) << moment;
  }
  // as in checkpoints from before there were others
  const Json before = identity(sgd);
  EXPECT_EQ(
      before["training"]["optimizer"],
      Json::parse(R"({"kind": "sgd", "learning_rate": {"base": 0.001, "policy": "fixed"}, "momentum": 0.5,
                            "weight_decay": 0})"));
  EXPECT_FALSE(before["precision"].contains("first_moment"));
  EXPECT_FALSE(before["precision"].contains("second_moment"));
}

TEST(Configuration, IdentityIsWhatTheWeightsDependOn) {
  const Json identity = parse(valid()).identity("d");
  EXPECT_EQ(parse(valid(), {"/engine/threads=3", "/training/snapshot_interval=7", "/training/iterations=9",
                            "/training/test_interval=3", "/training/until=0.5", "/dataset/train_images=q",
                            "/training/augmentation/pad=0"})
                .identity("d"),
            identity);
  EXPECT_NE(parse(valid()).identity("e"), identity);
  for (const char* set :
       {"/training/seed=6", "/training/batch=8", "/network/layers/0/channels=7", "/precision/weight/width=7",
        "/dataset/train_images_used=3", "/chip/slots=1025", "/training/augmentation/pad=1",
        "/training/augmentation/flip=true", "/network/input/mean=[0]"}) {
    EXPECT_NE(parse(valid(), {set}).identity("d"), identity) << set;
  }
  EXPECT_EQ(parse(valid(), {"/chip/slots=1024"}).identity("d"), identity);
  EXPECT_FALSE(identity["training"].contains("augmentation"));
  EXPECT_FALSE(identity["chip"].contains("slots"));  // as in checkpoints from before there was the key
}

TEST(Configuration, RtlHoldsForWhatItIsBuiltFor) {
  constexpr auto kCore = "/engine/kind=rtl";
  constexpr auto kBlocks = "/engine={\"kind\": \"cycle\", \"rtl\": [\"dma\", \"tensor_unit\"]}";
  for (const char* engine : {kCore, kBlocks}) {
    parse(valid(), {engine, "/chip={\"lanes\": 4, \"scratchpad_kib\": 2048}"});
    parse(valid(), {engine, "/chip={\"lanes\": 16}"});
    const std::string built = std::to_string(rtl_slots()), more = std::to_string(rtl_slots() + 1);
    parse(valid(), {engine, "/chip/slots=" + built});
    const auto found = findings([&] { parse(valid(), {engine, "/chip/slots=" + more}); });
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().place, "/chip/slots");
    EXPECT_EQ(found.front().found, more);
    EXPECT_EQ(found.front().expected.rfind("at most " + built + " for ", 0), 0U) << found.front().expected;
  }
}

// bad_inputs.json: what is changed of a valid configuration, by JSON pointer and one after the other; the
// finding's place and value, and a part of what it expects. It is the only one, unless the row says `more`.
TEST(Configuration, EachFaultHasItsPointerValueAndExpectation) {
  std::ifstream file(ANZAN_SOURCE_DIR "/tests/sim/configuration/bad_inputs.json");
  const auto rows = nlohmann::ordered_json::parse(file);
  ASSERT_FALSE(rows.empty());
  for (const auto& row : rows) {
    SCOPED_TRACE(row.dump());
    std::vector<Override> changes;
    for (const auto& [pointer, value] : row.at("change").items())
      changes.push_back({Json::json_pointer(pointer), value});
    const auto found = findings([&] { parse_configuration(valid(), "/data", changes); });
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].place, row.at("place"));
    EXPECT_EQ(found[0].found, row.at("found"));
    EXPECT_THAT(found[0].expected, HasSubstr(row.at("expected").get<std::string>()));
    EXPECT_EQ(found.size() > 1, row.value("more", false)) << InputError(found).what();
  }
}

// A collective has neither images nor gradients.
TEST(Configuration, OfACollectiveNeedsNoBatchAndGoesAlongTheTopology) {
  const auto dimensions = [](const Json& topology, int chips, int cores) {
    Json json = valid();
    json["training"].erase("batch");
    json["chip"]["cores"] = cores;
    json["system"] = {{"chips", chips}, {"topology", topology}};
    const Configuration c = parse_configuration(json, "/data", {}, Purpose::kCollective);
    EXPECT_EQ(c.parameters.batch, 1);  // whatever the cores: nothing is trained
    return c.system.parameters.exchange.dimensions;
  };
  using Sizes = std::vector<int>;
  EXPECT_EQ(dimensions(testing::topology("torus", {4, 2}), 8, 1), (Sizes{4, 2}));
  EXPECT_EQ(dimensions(testing::topology("mesh", {3, 2}), 6, 2), (Sizes{2, 3, 2}));
  EXPECT_EQ(dimensions(testing::topology("hypercube", {3}), 8, 1), (Sizes{2, 2, 2}));
  EXPECT_EQ(dimensions(testing::topology("ring", {8}), 8, 4), (Sizes{4, 8}));
  EXPECT_EQ(dimensions(testing::topology("switch", {6}), 6, 1), (Sizes{6}));
  Json json = valid();
  json["system"] = {{"chips", 4}, {"exchange", {{"algorithm", "halving_doubling"}}}};
  EXPECT_EQ(
      parse_configuration(json, "/data", {}, Purpose::kCollective).system.parameters.exchange.dimensions,
      (Sizes{2, 2}));
  EXPECT_EQ(findings([&] { parse(json); }).at(0).place, "/training/batch");  // 16 images for 64 lanes
}

// The schema repeats the ranges of the model's table, so that they stand where a reader of the schema looks.
TEST(Configuration, TheSchemaKnowsTheModelsRangesOfHbm) {
  const Json keys = Json::parse(embedded_files().at(
      "configuration/config.schema.json"))["properties"]["chip"]["properties"]["hbm"]["properties"];
  EXPECT_EQ(keys.size(), models::hbm_fields().size() + 2);  // preset, scheduling
  for (const models::HbmField& field : models::hbm_fields()) {
    ASSERT_TRUE(keys.contains(field.name)) << field.name;
    EXPECT_EQ(keys[field.name]["minimum"], field.least) << field.name;
    EXPECT_EQ(keys[field.name]["maximum"], field.most) << field.name;
  }
}

TEST(Configuration, EveryPresetOfHbmIsPossible) {
  for (const char* preset : {"hbm1_1000", "hbm2_2000", "hbm2_2400"}) {
    const Configuration c =
        parse(valid(), {std::string("/chip/hbm/preset=") + preset, "/chip/hbm/channels=8"});
    EXPECT_EQ(c.cost.core.hbm.channels, 8);
    EXPECT_EQ(c.effective["chip"]["hbm"]["preset"], preset);
    EXPECT_EQ(parse(c.effective).effective, c.effective);
  }
}

TEST(Configuration, WhatOnlyCostsIsNoPartOfTheIdentity) {
  const Json identity = parse(valid()).identity("d");
  EXPECT_EQ(parse(valid(), {"/technology=45nm", "/chip/clock_ghz=2", "/chip/hbm/channels=1"}).identity("d"),
            identity);
  EXPECT_NE(parse(valid(), {"/training/seed=77"}).identity("d"), identity);
}

// A technology that is named is taken whole first.
TEST(Configuration, ChangesInsideATechnologyAreOfWhatItsNameStandsFor) {
  const auto pj = [](const Configuration& c) { return c.cost.technology.sram.front().pj; };
  const Configuration plain = parse(valid()), changed = parse(valid(), {"/technology/sram/0/pj=1234"}),
                      other = parse(valid(), {"/technology=45nm", "/technology/sram/0/pj=1234"});
  EXPECT_NE(pj(plain), 1234);
  EXPECT_EQ(pj(changed), 1234);
  EXPECT_EQ(changed.cost.technology.sram.back().pj, plain.cost.technology.sram.back().pj);
  EXPECT_EQ(changed.cost.technology.name, plain.cost.technology.name);
  EXPECT_EQ(other.cost.technology.name, "45nm");
  EXPECT_EQ(pj(other), 1234);
  const auto found = findings([&] { parse(valid(), {"/technology/srams=1"}); });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().place, "/technology/srams");
}

TEST(Configuration, UnknownKeysAreNamedWithTheNearest) {
  Json json = valid();
  json["trainig"] = 1;
  json["training"]["bach"] = 64;
  json["training"]["zzzzzzzz"] = 64;
  json["chip"]["clok_ghz"] = 1.0;
  json["network"]["layers"][0]["kernal"] = 3;
  const auto found = findings([&] { parse(json); });
  ASSERT_EQ(found.size(), 5U) << InputError(found).what();
  const auto expected = [&](const std::string& place) {
    const auto at =
        std::find_if(found.begin(), found.end(), [&](const InputFinding& f) { return f.place == place; });
    return at == found.end() ? "nothing at " + place : at->expected;
  };
  EXPECT_THAT(expected("/trainig"), HasSubstr("did you mean \"training\""));
  EXPECT_THAT(expected("/training/bach"), HasSubstr("did you mean \"batch\""));
  EXPECT_THAT(expected("/training/zzzzzzzz"), Not(HasSubstr("did you mean")));
  EXPECT_THAT(expected("/chip/clok_ghz"), HasSubstr("did you mean \"clock_ghz\""));
  EXPECT_THAT(expected("/network/layers/0/kernal"), HasSubstr("did you mean \"kernel\""));
}

TEST(Configuration, NamesOfOtherProgramsAreUnderstood) {
  const std::vector<std::string> types = {"convolution", "batch_norm", "max_pool", "average_pool"};
  EXPECT_EQ(suggestion("conv2d", types), "; did you mean \"convolution\"?");
  EXPECT_EQ(suggestion("batch_normalization", types), "; did you mean \"batch_norm\"?");
  EXPECT_EQ(suggestion("conductance", types), "");
}

TEST(Configuration, AllFindingsAtOnceFromEveryCheck) {
  Json json = valid();
  json["training"].erase("batch");                // schema
  json["precision"]["weight"] = {{"width", 12}};  // precision
  json["dataset"].erase("test_labels");           // data set
  json["network"]["layers"][1]["padding"] = 2;    // network
  json["chip"]["lanes"] = "many";                 // schema
  const auto found = findings([&] { parse(json); });
  std::vector<std::string> places;
  for (const InputFinding& f : found) places.push_back(f.place);
  // Precision is merged against the layers, so it waits for a network that can be read.
  EXPECT_THAT(places, ::testing::UnorderedElementsAre("/training/batch", "/dataset/test_labels",
                                                      "/network/layers/1/padding", "/chip/lanes"));
}

TEST(Configuration, WrongRootIsOneFinding) {
  for (const char* text : {"[]", "3", "null", "\"x\""}) {
    const auto found = findings([&] { parse_configuration(Json::parse(text), "/data"); });
    EXPECT_EQ(found.size(), 1U) << text;
  }
  const auto found = findings([&] { parse_configuration(Json::object(), "/data"); });
  EXPECT_EQ(found.size(), 3U);
}

TEST(Configuration, BatchTimesSizeMustFit32Bits) {
  const auto found = findings([&] {
    parse(valid(), {"/training/batch=60000", "/network/layers/0/channels=60000"});
  });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].place, "/training/batch");
}

TEST(Configuration, FilesAreRelativeToTheConfiguration) {
  const ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "networks");
  std::filesystem::create_directory(scratch / "configs");
  write_file(scratch / "networks/small.json", testing::small_network().dump());
  Json json = valid();
  json["network"] = "../networks/small.json";
  write_file(scratch / "configs/run.json", json.dump());
  const Configuration c = load_configuration(scratch / "configs/run.json");
  EXPECT_EQ(c.network.name, "small");
  EXPECT_EQ(c.dataset.train_images, (scratch / "configs/a").string());
  // A change inside the network changes the inlined copy.
  const Configuration wider =
      load_configuration(scratch / "configs/run.json", {parse_override("/network/layers/0/channels=9")});
  EXPECT_EQ(wider.network.layers[0].out.channels, 9);

  Json bad = testing::small_network();
  bad["layers"][0]["kernel"] = 10;
  write_file(scratch / "networks/small.json", bad.dump());
  const auto found = findings([&] { load_configuration(scratch / "configs/run.json"); });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].place, ::testing::EndsWith("networks/small.json#/layers/0/kernel"));
}

TEST(Configuration, FilesThatAreNoJson) {
  const ScratchDirectory scratch;
  const auto error = [&](const std::string& content) {
    write_file(scratch / "c.json", content);
    const auto found = findings([&] { load_configuration(scratch / "c.json"); });
    return found.empty() ? std::string("none") : found[0].place + ": " + found[0].found;
  };
  EXPECT_THAT(error("{\"a\": 1,}"), AllOf(HasSubstr("c.json"), HasSubstr("line 1, column 9")));
  EXPECT_THAT(error(""), HasSubstr("c.json"));
  EXPECT_THAT(error("{\"a\": 1, \"b\": {\"a\": 1, \"a\": 2}}"), HasSubstr("the key \"a\" twice"));
  EXPECT_THAT(error(std::string(100000, '[')), HasSubstr("deeper than 64"));
  EXPECT_THAT(error("{\"a\": 1e999}"), HasSubstr("c.json"));
  EXPECT_THAT(error("{\"a\": \"\xff\"}"), HasSubstr("c.json"));
  EXPECT_THAT(findings([&] { load_configuration(scratch / "none.json"); }).at(0).found,
              HasSubstr("no such file"));
  EXPECT_THAT(findings([&] { load_configuration(scratch.path()); }).at(0).found, HasSubstr("a directory"));
}

TEST(Overrides, SetCreateAndRefuse) {
  Json json = valid();
  json.erase("precision");
  const Configuration c = parse(json, {"/precision/layers/fc/weight/policy/kind=max",
                                       "/precision/preset=int8", "/network/name=x=y", "/training/seed=7"});
  EXPECT_EQ(c.precision.of(compiler::TensorClass::kWeight, "fc").slot.policy, isa::Policy::kMax);
  EXPECT_EQ(c.network.name, "x=y");
  EXPECT_EQ(c.training.seed, 7U);
  EXPECT_EQ(parse(json, {"/network/layers/1/kernel=[4,2]"}).network.layers[1].x.kernel, 2);

  const auto place = [&](const char* set) {
    const auto found = findings([&] { parse(json, {set}); });
    return found.empty() ? std::string("none") : found[0].place;
  };
  EXPECT_EQ(place("training/seed=7"), "--set training/seed=7");
  EXPECT_EQ(place("/training/seed"), "--set /training/seed");
  EXPECT_EQ(place("/training~2=1"), "--set /training~2=1");
  EXPECT_EQ(place("/dataset/train_labels=a\x8a"), "/dataset/train_labels");
  EXPECT_EQ(place("/training/sed=7"), "/training/sed");
  EXPECT_EQ(place("/nothing/at/all=7"), "/nothing/at/all");
  EXPECT_EQ(place("/network/layers/9/kernel=7"), "/network/layers/9/kernel");
  EXPECT_EQ(place("/network/layers/-/kernel=7"), "/network/layers/-/kernel");
  EXPECT_EQ(place("/training/seed/x=7"), "/training/seed/x");
  EXPECT_EQ(place("/engine=\xff"), "/engine");
}

// Each schema says for each key what it is, and gives integers and numbers a range.
void check_described(const Json& node, const std::string& place) {
  if (node.contains("type")) {
    const bool root_or_map = !node.contains("description");
    EXPECT_FALSE(root_or_map) << place << " has no description";
    const bool numeric = node["type"] == "integer" || node["type"] == "number";
    if (numeric && !node.contains("enum")) {
      EXPECT_TRUE(node.contains("minimum")) << place;
      EXPECT_TRUE(node.contains("maximum") || node.contains("exclusiveMaximum")) << place;
    }
    if (node["type"] == "object") {
      EXPECT_TRUE(node.contains("additionalProperties")) << place;
      const Json properties = node.value("properties", Json::object());
      for (const auto& item : properties.items()) check_described(item.value(), place + "/" + item.key());
    }
    if (node.contains("items")) check_described(node["items"], place + "/items");
  }
  const Json definitions = node.value("definitions", Json::object());
  for (const auto& item : definitions.items()) check_described(item.value(), place + "#" + item.key());
}

TEST(Schemas, EveryKeyIsDescribed) {
  for (const char* name : {"configuration/config.schema.json", "input/network.schema.json"})
    check_described(Json::parse(embedded_files().at(name)), name);
}

TEST(JsonInput, ReadsNothingSilently) {
  const auto found = [](const std::string& text) {
    try {
      return std::string("read: ") + parse_json(text, "f").dump();
    } catch (const InputError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(found("\xef\xbb\xbf{\"a\": [1, -2, 0.5, 1e-300, 0.0e-999, true, null, \"x\"],\r\n \"b\": {}}"),
            R"(read: {"a":[1,-2,0.5,1e-300,0.0,true,null,"x"],"b":{}})");
  EXPECT_THAT(found(std::string("{}\n\0", 4)), HasSubstr("f: found a NUL byte in line 2"));
  EXPECT_THAT(found(R"({"a": {"b": [0, 1e-400]}})"), HasSubstr("f#/a/b/1: found 1e-400, expected a number"));
  EXPECT_THAT(found(R"({"a": [-0.001e-500]})"), HasSubstr("f#/a/0: found -0.001e-500"));
  EXPECT_THAT(found(R"({"a": {"b/c": 1e400}})"), HasSubstr("f#/a/b~1c: found number overflow"));
  EXPECT_THAT(found(R"({"a": ["x", "y\u0000z"]})"), HasSubstr("f#/a/1: found a string with a NUL"));
  EXPECT_THAT(found(R"({"y\u0000z": 1})"), HasSubstr("a key with a NUL"));
  EXPECT_THAT(found(R"([{"a": 1, "c": {"a": 2}}, {"b": {"a": 1, "a": 2}}])"),
              HasSubstr("f#/1/b/a: found the key \"a\" twice"));
  EXPECT_THAT(found("{} {}"), HasSubstr("line 1, column 4"));
  EXPECT_THAT(found("{\"a\": 1,}"), HasSubstr("line 1"));
}

TEST(Configuration, EditorsMayBeToldTheSchema) {
  Json json = valid();
  json["$schema"] = "../config.schema.json";
  json["network"]["$schema"] = "x";
  EXPECT_EQ(parse_configuration(json, "/data").effective, parse_configuration(valid(), "/data").effective);
}

}  // namespace
}  // namespace anzan::sim::configuration_test
