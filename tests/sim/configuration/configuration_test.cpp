// The configuration: what is read from it, the effective form, overrides, and every kind of bad input
// with its pointer, value and expectation.
#include "sim/configuration/configuration.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "sim/host/embedded.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim {
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

TEST(Configuration, IdentityIsWhatTheWeightsDependOn) {
  const std::string identity = parse(valid()).identity("d");
  EXPECT_EQ(parse(valid(), {"/engine/threads=3", "/training/snapshot_interval=7", "/dataset/train_images=q"})
                .identity("d"),
            identity);
  EXPECT_NE(parse(valid()).identity("e"), identity);
  for (const char* set : {"/training/seed=6", "/training/batch=8", "/network/layers/0/channels=7",
                          "/precision/weight/width=7", "/dataset/train_images_used=3"}) {
    EXPECT_NE(parse(valid(), {set}).identity("d"), identity) << set;
  }
}

struct Bad {
  const char* set;
  const char* place;
  const char* found;
  const char* expected;
};
const Bad kBad[] = {
    {"/training/batch=0", "/training/batch", "0", "an integer from 1 to 65535"},
    {"/training/batch=64.5", "/training/batch", "64.5", "an integer"},
    {"/training/batch=many", "/training/batch", "\"many\"", "an integer"},
    {"/training/batch=18446744073709551615", "/training/batch", "18446744073709551615",
     "an integer from 1 to 65535"},
    {"/training/iterations=null", "/training/iterations", "null", "an integer"},
    {"/training/seed=-1", "/training/seed", "-1", "from 0 to 4294967295"},
    {"/training/shuffle=1", "/training/shuffle", "1", "true or false"},
    {"/training/optimizer/kind=adam", "/training/optimizer/kind", "\"adam\"", "\"sgd\""},
    {"/training/optimizer/momentum=1", "/training/optimizer/momentum", "1", "less than 1"},
    {"/training/optimizer/learning_rate/policy=cosine", "/training/optimizer/learning_rate/policy",
     "\"cosine\"", "\"inv\""},
    {"/training/optimizer/learning_rate/steps=[1]", "/training/optimizer/learning_rate/steps", "[1]",
     "policy inv does not use it"},
    {"/training/optimizer/learning_rate=3", "/training/optimizer/learning_rate", "3", "an object"},
    {"/precision/preset=int4", "/precision/preset", "\"int4\"", "\"int8_master16\""},
    {"/precision/weight/width=33", "/precision/weight/width", "33", "from 2 to 16"},
    {"/precision/weight/width=1", "/precision/weight/width", "1", "from 2 to 16"},
    {"/precision/weight/width=9", "/precision/weight/width", "9", "2 to 8, the bits of int8"},
    {"/precision/default/width=9", "/precision/default/width", "9", "2 to 8, the bits of int8"},
    {"/precision/weight/format=bf16", "/precision/weight/format", "\"bf16\"", "\"int8\""},
    {"/precision/weight/rounding=up", "/precision/weight/rounding", "\"up\"", "stochastic"},
    {"/precision/weight={\"format\": \"fp32\", \"width\": 8}", "/precision/weight/width", "8", "no width"},
    {"/precision/weight/policy/kind=best", "/precision/weight/policy/kind", "\"best\"", "overflow_rate"},
    {"/precision/weight/policy/r_max=2", "/precision/weight/policy/r_max", "2", "from 0 to 1"},
    {"/precision/weight/policy/interval=0", "/precision/weight/policy/interval", "0", "from 1 to 65535"},
    {"/precision/weight/policy/q_max=41", "/precision/weight/policy/q_max", "41", "from -16 to 40"},
    {"/precision/weight/policy={\"q_min\": 5, \"q_max\": 4}", "/precision/weight/policy/q_min", "5",
     "at most q_max (4)"},
    {"/precision/layers/conf={}", "/precision/layers/conf", "settings of an unknown layer",
     "did you mean \"conv\""},
    {"/precision/layers/relu/weight={}", "/precision/layers/relu/weight", "{}", "no tensor of this class"},
    {"/chip/lanes=12", "/chip/lanes", "12", "4, 8, 16, 32"},
    {"/chip/cores=0", "/chip/cores", "0", "from 1 to 1024"},
    {"/chip/cores=2", "/training/batch", "16", "a multiple of 32: images for 16 lanes of each of 2 cores"},
    {"/system/chips=4", "/training/batch", "16", "a multiple of 64: images for 16 lanes of each of 4 cores"},
    {R"(/system={"topology": {"kind": "star"}})", "/system/topology/kind", "\"star\"", "\"switch\""},
    {R"(/system={"topology": {"kind": "torus", "sizes": [2, 2]}, "exchange": {"algorithm": "ring"}})",
     "/system/topology/sizes", "[2,2]", "1 chips, not 4"},
    {R"(/system={"topology": {"kind": "links", "sizes": [4, 4], "links": [[0, 1], [2, 3]]}})",
     "/system/topology", "links", "no links lead from node 0 to node 2"},
    {R"(/system={"topology": {"sizes": [4], "failed": [[0, 2]]}})", "/system/topology", "ring", "0-2"},
    {R"(/system={"topology": {"kind": "links", "sizes": [3, 3], "links": [[0, 1], [1, 2], [2, 0]], "failed": [[0, 1],
     [0, 2]]}})",
     "/system/topology", "links", "no links lead from node 0"},
    {R"(/system={"topology": {"link": {"preset": "ether"}}})", "/system/topology/link/preset", "\"ether\"",
     "\"tofu2\""},
    {R"(/system={"topology": {"link": {"gb_per_s": 0}}})", "/system/topology/link/gb_per_s", "0",
     "from 0.001"},
    {R"(/system={"exchange": {"dimensions": [2]}})", "/system/exchange/dimensions", "[2]",
     "sizes whose product is 1"},
    {R"(/system={"exchange": {"algorithm": "torus"}})", "/system/exchange/algorithm", "torus",
     "a torus or a mesh, not ring"},
    {"/engine/kind=verilog", "/engine/kind", "\"verilog\"", "\"functional\", \"cycle\", \"rtl\""},
    {"/chip/clock_ghz=0", "/chip/clock_ghz", "0", "from 0.001 to 100"},
    {"/chip/queue_depth=0", "/chip/queue_depth", "0", "from 1 to 1024"},
    {"/chip/dma_outstanding=0", "/chip/dma_outstanding", "0", "from 1 to 4096"},
    {"/chip/hbm/preset=hbm9", "/chip/hbm/preset", "\"hbm9\"", "\"hbm2_2000\""},
    {"/chip/hbm/t_ras=11", "/chip/hbm/t_ras", "11", "at least 12 = the larger of t_rcd_read, t_rcd_write"},
    {"/chip/hbm/t_ras=40", "/chip/hbm/t_rc", "42", "at least 54 = t_ras + t_rp"},
    {"/chip/hbm/t_ccd_s=1", "/chip/hbm/t_ccd_s", "1", "the clocks of a burst"},
    {"/chip/hbm/channels=3", "/chip/hbm/channels", "3", "a power of two"},
    {"/chip/hbm/width_bits=0", "/chip/hbm/width_bits", "0", "from 8 to 1024"},
    {"/chip/hbm/clock_ps=0", "/chip/hbm/clock_ps", "0", "from 1 to 1000000"},
    {"/chip/hbm/t_rfc=4000", "/chip/hbm/t_refi", "3900", "at least"},
    {"/technology=3nm", "/technology", "\"3nm\"", "one of 45nm, 7nm, which are built in"},
    {"/technology=7", "/technology", "7", "a string or an object"},
    {"/engine/threads=-1", "/engine/threads", "-1", "from 0 to 1024"},
    {"/dataset/kind=cifar", "/dataset/kind", "\"cifar\"", "\"mnist\""},
    {"/dataset/kind=mnist", "/dataset/train_images", "\"a\"", "kind mnist does not use it"},
    {"/dataset={\"kind\": \"idx\"}", "/dataset/train_images", "nothing", "kind idx needs it"},
    {"/dataset/directory=here", "/dataset/directory", "\"here\"", "kind idx does not use it"},
    {"/network=5", "/network", "5", "a string or an object"},
    {"/network=missing.json", "/data/missing.json", "no such file", "a JSON file"},
    {"/network/layers=[]", "/network/layers", "[]", "an array of at least 1"},
    {"/network/layers/0/kernel=9", "/network/layers/0/kernel", "9", "at most the padded input, 8x8"},
    {"/network/layers/0/kernel=[3]", "/network/layers/0/kernel", "[3]",
     "an integer from 1 to 65535 or an array of 2"},
    {"/network/layers/0/name=1st", "/network/layers/0/name", "\"1st\"", "Name of the layer"},
    {"/network/input/height=0", "/network/input/height", "0", "from 1 to 65535"},
};

TEST(Configuration, RtlHoldsForWhatItIsBuiltFor) {
  constexpr auto kCore = "/engine/kind=rtl";
  constexpr auto kBlocks = "/engine={\"kind\": \"cycle\", \"rtl\": [\"dma\", \"tensor_unit\"]}";
  for (const char* engine : {kCore, kBlocks}) {
    parse(valid(), {engine, "/chip={\"lanes\": 4, \"scratchpad_kib\": 2048}"});
    parse(valid(), {engine, "/chip={\"lanes\": 16}"});
  }
  const std::pair<const char*, Bad> table[] = {
      {kCore, {"/chip/lanes=8", "/chip/lanes", "8", "4 or 16 for the engine rtl"}},
      {kCore, {"/chip/lanes=32", "/chip/lanes", "32", "4 or 16 for the engine rtl"}},
      {kCore, {"/chip/queue_depth=7", "/chip/queue_depth", "7", "8 for the engine rtl"}},
      {kCore, {"/chip/dma_outstanding=65", "/chip/dma_outstanding", "65", "64 for the engine rtl"}},
      {kCore,
       {"/chip/scratchpad_kib=2049", "/chip/scratchpad_kib", "2049", "at most 2048 for the engine rtl"}},
      {kBlocks, {"/chip/lanes=8", "/chip/lanes", "8", "4 or 16 for blocks in RTL"}},
      {kBlocks, {"/chip/dma_outstanding=65", "/chip/dma_outstanding", "65", "64 for a dma in RTL"}},
      {kBlocks,
       {"/engine/kind=rtl", "/engine/rtl", "[\"dma\",\"tensor_unit\"]", "none without the engine cycle"}},
      {kBlocks, {"/engine/rtl/0=hbm", "/engine/rtl/0", "\"hbm\"", "tensor_unit"}},
  };
  for (const auto& [engine, one] : table) {
    const auto found = findings([&, rtl = engine, bad = one] { parse(valid(), {rtl, bad.set}); });
    ASSERT_EQ(found.size(), 1U) << one.set;
    EXPECT_EQ(found[0].place, one.place);
    EXPECT_EQ(found[0].found, one.found);
    EXPECT_THAT(found[0].expected, HasSubstr(one.expected));
  }
}

TEST(Configuration, EachFaultHasItsPointerValueAndExpectation) {
  for (const Bad& bad : kBad) {
    const auto found = findings([&] { parse(valid(), {bad.set}); });
    ASSERT_FALSE(found.empty()) << bad.set;
    EXPECT_EQ(found[0].place, bad.place) << bad.set;
    EXPECT_EQ(found[0].found, bad.found) << bad.set;
    EXPECT_THAT(found[0].expected, HasSubstr(bad.expected)) << bad.set;
    const bool several = std::string(bad.set).rfind("/dataset", 0) == 0;
    if (!several) {
      EXPECT_EQ(found.size(), 1U) << InputError(found).what();
    }
  }
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
  const std::string identity = parse(valid()).identity("d");
  EXPECT_EQ(parse(valid(), {"/technology=45nm", "/chip/clock_ghz=2", "/chip/hbm/channels=1"}).identity("d"),
            identity);
  EXPECT_NE(parse(valid(), {"/training/seed=77"}).identity("d"), identity);
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
  EXPECT_EQ(parse(json, {"/network/layers/1/kernel=[4,2]"}).network.layers[1].kernel_w, 2);

  const auto place = [&](const char* set) {
    const auto found = findings([&] { parse(json, {set}); });
    return found.empty() ? std::string("none") : found[0].place;
  };
  EXPECT_EQ(place("training/seed=7"), "--set training/seed=7");
  EXPECT_EQ(place("/training/seed"), "--set /training/seed");
  EXPECT_EQ(place("/training~2=1"), "--set /training~2=1");
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

}  // namespace
}  // namespace anzan::sim
