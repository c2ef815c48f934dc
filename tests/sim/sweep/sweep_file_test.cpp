// SWEEP.json: what it says, and everything that is refused, by place.
#include "sim/sweep/sweep_file.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "compiler/input/input_error.hpp"
#include "sim/sweep/judge.hpp"
#include "sim/sweep/sampler.hpp"
#include "tests/campaign.hpp"

namespace anzan::sim::sweep_file_test {
namespace {

using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const std::string kConfigs = std::string(ANZAN_SOURCE_DIR) + "/workloads/configs";

Json plain() {
  return Json::parse(R"({
    "base": "lenet_mnist_int8.json",
    "axes": [
      {"pointer": "/chip/lanes", "values": [4, 8, 16, 32]},
      {"pointer": "/chip/scratchpad_kib", "powers_of_two": {"from": 256, "to": 2048}}
    ],
    "objectives": [{"figure": "/time/cycles_per_step"}, {"figure": "/energy/joules_per_step"}],
    "sampler": {"kind": "grid"}
  })");
}

SweepFile parsed(const Json& json) { return parse_sweep(json, kConfigs, "plain"); }

// "place: found; expected" of each finding.
std::vector<std::string> refusals(const Json& json) {
  std::vector<std::string> all;
  try {
    parsed(json);
  } catch (const compiler::InputError& error) {
    for (const compiler::InputFinding& f : error.findings())
      all.push_back(f.place + ": " + f.found + "; " + f.expected);
  }
  return all;
}

Json values_of(const Axis& axis) {
  Json values = Json::array();
  for (const Settings& level : axis.levels)
    for (const Override& change : level) values.push_back(change.value);
  return values;
}

TEST(SweepFile, AxesHaveValuesOfEveryForm) {
  Json json = plain();
  json["axes"] = Json::parse(R"([
    {"pointer": "/chip/lanes", "values": [32, 4]},
    {"pointer": "/chip/scratchpad_kib", "powers_of_two": {"from": 64, "to": 600}},
    {"pointer": "/chip/queue_depth", "range": {"from": 2, "to": 9, "step": 3}},
    {"pointer": "/chip/clock_ghz", "range": {"from": 0.1, "to": 0.5, "step": 0.1}},
    {"pointer": "/chip/hbm/channels", "name": "hbm_channels", "powers_of_two": {"from": 8, "to": 16}},
    {"name": "format", "tied": [{"/precision/preset": "int8"}, {"/precision/preset": "int16", "/training/batch": 32}]}
  ])");
  const SweepFile sweep = parsed(json);
  const std::vector<Axis>& axes = sweep.space.axes();
  ASSERT_EQ(axes.size(), 6U);
  EXPECT_EQ(values_of(axes[0]), Json::parse("[32, 4]"));
  EXPECT_EQ(values_of(axes[1]), Json::parse("[64, 128, 256, 512]"));
  EXPECT_EQ(values_of(axes[2]), Json::parse("[2, 5, 8]"));
  EXPECT_EQ(values_of(axes[3]).dump(), "[0.1,0.2,0.3,0.4,0.5]");
  EXPECT_EQ(axes[4].name, "hbm_channels");
  ASSERT_EQ(axes[5].levels.size(), 2U);
  EXPECT_EQ(axes[5].levels[1].size(), 2U);
  EXPECT_EQ(sweep.space.grid_points(), 2 * 4 * 3 * 5 * 2 * 2);
  EXPECT_EQ(sweep.name, "plain");
  EXPECT_EQ(sweep.base.at("training").at("batch"), 64);
  EXPECT_EQ(sweep.base_directory, kConfigs);
  const Settings settings = sweep.space.settings({1, 3, 0, 1, 0, 1});
  ASSERT_EQ(settings.size(), 7U);
  EXPECT_EQ(settings[0].pointer.to_string(), "/chip/lanes");
  EXPECT_EQ(settings[0].value, 4);
  EXPECT_EQ(settings[6].value, 32);
}

TEST(SweepFile, FiguresOfObjectivesAreKept) {
  Json json = plain();
  json["figures"] = {{"edp", "joules * cycles_per_step * lanes"},
                     {"joules", "/energy/joules_per_step"},
                     {"mm2", "/area/mm2"}};
  json["objectives"].push_back({{"figure", "edp"}, {"direction", "maximise"}});
  json["constraints"] = {"lanes * scratchpad_kib < 10000", "joules < 1", "lanes > 4 && cycles_per_step > 10"};
  const SweepFile sweep = parsed(json);
  ASSERT_EQ(sweep.figures.size(), 4U);
  EXPECT_EQ(sweep.figures[0].name, "joules");
  EXPECT_EQ(sweep.figures[2].name, "cycles_per_step");
  EXPECT_EQ(sweep.figures[3].expression, "joules * cycles_per_step * lanes");
  ASSERT_EQ(sweep.objectives.size(), 3U);
  EXPECT_EQ(sweep.objectives[0].figure, 2U);
  EXPECT_EQ(sweep.objectives[1].figure, 0U);
  EXPECT_TRUE(sweep.objectives[2].maximise);
  EXPECT_THAT(sweep.result_constraints, ElementsAre("joules < 1", "lanes > 4 && cycles_per_step > 10"));
  EXPECT_TRUE(sweep.space.admits({1, 2}));
  EXPECT_FALSE(sweep.space.admits({3, 2}));
}

TEST(Judge, SaysWhatAResultIsWorth) {
  Json json = plain();
  json["figures"] = {{"limit", "/time/scaling/speedup_limit"},
                     {"edp", "joules_per_step * cycles_per_step * lanes"}};
  json["objectives"] = Json::parse(
      R"([{"figure": "/time/cycles_per_step"}, {"figure": "/energy/joules_per_step", "direction": "maximise"},
                                       {"figure": "edp"}])");
  json["constraints"] = {"cycles_per_step * lanes < 1000", "lanes > 4"};
  const SweepFile sweep = parsed(json);
  const Judge judge(sweep);
  Outcome outcome;
  outcome.result = Json::parse(
      R"({"time": {"cycles_per_step": 100, "scaling": {"speedup_limit": null}}, "energy": {"joules_per_step": 0.5}})");
  const Judgement good = judge({1, 0}, outcome);
  EXPECT_THAT(good.figures, ElementsAre(std::nullopt, 100, 0.5, 400));
  EXPECT_TRUE(good.meets);
  EXPECT_EQ(good.objectives, Objectives({100, -0.5, 400}));
  const Judgement wide = judge({2, 0}, outcome);  // 16 lanes: a constraint on results
  EXPECT_FALSE(wide.meets || wide.objectives);
  EXPECT_EQ(wide.figures[3], 800);
  outcome.kind = OutcomeKind::kFailed;
  EXPECT_FALSE(judge({1, 0}, outcome).meets);
  outcome.kind = OutcomeKind::kDone;
  outcome.result["energy"]["joules_per_step"] = nullptr;
  const Judgement without = judge({1, 0}, outcome);
  EXPECT_TRUE(without.meets);
  EXPECT_FALSE(without.objectives);
  EXPECT_EQ(without.figures[3], std::nullopt);
  outcome.result.erase("time");
  EXPECT_FALSE(judge({1, 0}, outcome).meets) << "what is not there meets nothing";
}

// Each change of a right file, as a patch, and the findings that it must give.
struct Refusal {
  const char* patch;
  std::vector<std::string> findings;  // parts of each, in any order; "&" joins parts of one
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.patch; }

class Refusals : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refusals, NameThePlaceAndWhatIsExpected) {
  const std::vector<std::string> found = refusals(plain().patch(Json::parse(GetParam().patch)));
  ASSERT_EQ(found.size(), GetParam().findings.size()) << ::testing::PrintToString(found);
  for (const std::string& wanted : GetParam().findings) {
    std::size_t matches = 0;
    for (const std::string& finding : found) {
      bool all = true;
      for (std::size_t from = 0; from <= wanted.size();) {
        const std::size_t end = std::min(wanted.find('&', from), wanted.size());
        all = all && finding.find(wanted.substr(from, end - from)) != std::string::npos;
        from = end + 1;
      }
      matches += all ? 1 : 0;
    }
    EXPECT_EQ(matches, 1U) << wanted << " in " << ::testing::PrintToString(found);
  }
}

const Refusal kRefusals[] = {
    // axes
    {R"([{"op": "replace", "path": "/axes/0/pointer", "value": "/chip/lane"}])",
     {R"(/axes/0/pointer: "/chip/lane"&did you mean "lanes")"}},
    {R"([{"op": "replace", "path": "/axes/0/pointer", "value": "chip"}])",
     {"/axes/0/pointer: &a JSON pointer"}},
    {R"([{"op": "replace", "path": "/axes/0/values", "value": []}])",
     {"/axes/0/values: []; an array of at least 1"}},
    {R"([{"op": "replace", "path": "/axes", "value": []}])", {"/axes: []; an array of at least 1"}},
    {R"([{"op": "replace", "path": "/axes/0/values", "value": [4, 4]}])", {"/axes/0/values: &none is twice"}},
    {R"([{"op": "replace", "path": "/axes/0/values", "value": [4, 5, "x"]}])",
     {"/axes/0/values/1: 5; one of 4, 8, 16, 32", "/axes/0/values/2: \"x\""}},
    {R"([{"op": "replace", "path": "/axes/1/powers_of_two/from", "value": 96}])",
     {"/axes/1/powers_of_two/from: 96; a power of two"}},
    {R"([{"op": "replace", "path": "/axes/1/powers_of_two/to", "value": 128}])",
     {"/axes/1/powers_of_two/to: 128; at least from, 256"}},
    {R"([{"op": "replace", "path": "/axes/1/powers_of_two/to", "value": 4611686018427387905}])",
     {"/axes/1/powers_of_two/to: 4611686018427387905; a number, greater than 0, at most"}},
    {R"([{"op": "replace", "path": "/axes/1/powers_of_two/to", "value": 8388608}])",
     {"/axes/1/powers_of_two: 2097152; an integer from 1 to 1048576"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"pointer": "/chip/slots", "range": {"from": 1, "to": 1e9, "step": 1}}}])",
     {"/axes/1/range: 1e+09 levels; at most 100000"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"pointer": "/chip/slots", "range": {"from": 5, "to": 1, "step": 1}}}])",
     {"/axes/1/range/to: 1; at least from, 5"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"pointer": "/chip/slots"}}])",
     {"/axes/1: an axis without levels"}},
    {R"([{"op": "add", "path": "/axes/1/values", "value": [4]}])",
     {"/axes/1: values and powers_of_two; one of"}},
    {R"([{"op": "remove", "path": "/axes/1/pointer"}])", {"/axes/1/pointer: nothing"}},
    {R"([{"op": "replace", "path": "/axes/1/pointer", "value": "/chip/lanes"}, {"op": "replace", "path": "/axes/1/powers_of_two", "value": {"from": 8, "to": 16}}])",
     {"/axes/1/name: \"lanes\"; a name of its own",
      "/axes/1: an axis that sets /chip/lanes; &/axes/0 sets /chip/lanes"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"pointer": "/chip", "values": [{"lanes": 4}]}}])",
     {"/axes/1: an axis that sets /chip; &/axes/0 sets /chip/lanes"}},
    {R"([{"op": "add", "path": "/axes/0/name", "value": "max"}])",
     {"/axes/0/name: \"max\"; a name of letters"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"tied": [{"/chip/slots": 4}]}}])",
     {"/axes/1/name: nothing"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"name": "t", "tied": [{"/chip/slots": 4}, {"/chip/slots": 0, "/chip/slot": 1}, {}]}}])",
     {"/axes/1/tied/1/~1chip~1slots: 0; an integer from 1",
      "/axes/1/tied/1/~1chip~1slot: \"/chip/slot\"; a key", "/axes/1/tied/2: {}; at least one"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"pointer": "/network/layers/99/channels", "values": [4]}}])",
     {"/axes/1: &element 99&elements"}},
    {R"([{"op": "replace", "path": "/axes/1", "value": {"pointer": "/technology/event/x", "values": [4]}}])",
     {"/axes/1/pointer: &did you mean \"events\""}},
    // the base
    {R"([{"op": "replace", "path": "/base", "value": "no_such.json"}])", {"no_such.json"}},
    {R"([{"op": "replace", "path": "/base", "value": {"network": "../networks/lenet.json", "training": {"batch": 0, "iterations": 1, "optimizer": {"learning_rate": {"base": 0.01}}}, "dataset": {"kind": "mnist"}}}])",
     {"/base/training/batch: 0; an integer from 1"}},
    {R"([{"op": "replace", "path": "/base", "value": 3}])", {"/base: 3; a string or an object"}},
    {R"([{"op": "remove", "path": "/base"}, {"op": "add", "path": "/bass", "value": 1}])",
     {"/base: nothing", "/bass: an unknown key&did you mean \"base\""}},
    // constraints
    {R"([{"op": "add", "path": "/constraints", "value": ["lanes <", "lane > 3", "lanes = 4", "lanes, 4", "lanes == 'x'", "lanes < 4", "3 + 'a'"]}])",
     {"/constraints/0: &an expression",
      "/constraints/1: lane; one of the names lanes, scratchpad_kib, cycles_per_step, joules_per_step; did "
      "you mean \"lanes\"",
      "/constraints/2: =; ==", "/constraints/3: ", "/constraints/4: \"x\"; a text that an axis has",
      "/constraints/5: lanes < 4; what at least one point", "/constraints/6: \"a\""}},
    {R"([{"op": "add", "path": "/constraints", "value": ["lanes > 8", "scratchpad_kib < 512", "lanes * scratchpad_kib > 8192"]}])",
     {"/constraints: lanes > 8 and scratchpad_kib < 512 and lanes * scratchpad_kib > 8192; what at least one "
      "point"}},
    // results
    {R"([{"op": "replace", "path": "/objectives/0/figure", "value": "/time/cycle_per_step"}])",
     {"/objectives/0/figure: &did you mean \"cycles_per_step\""}},
    {R"([{"op": "replace", "path": "/objectives/0/figure", "value": "/time"}])",
     {"/objectives/0/figure: \"/time\"; the pointer of a number"}},
    {R"([{"op": "replace", "path": "/objectives/0/figure", "value": "/accuracy/test"}])",
     {"/objectives/0/figure: &\"measure\": \"training\""}},
    {R"([{"op": "replace", "path": "/objectives/0/figure", "value": "joules"}])",
     {"/objectives/0/figure: \"joules\"; the name of one of"}},
    {R"([{"op": "replace", "path": "/objectives/0/figure", "value": "/energy/joules_per_step"}])",
     {"/objectives/1/figure: &another figure"}},
    {R"([{"op": "add", "path": "/figures", "value": {"lanes": "/time/cycles_per_step", "f": "/energy/x"}}])",
     {"/figures/lanes: the name \"lanes\"", "/figures/f: "}},
    {R"([{"op": "add", "path": "/figures", "value": {"e": "lanes + x", "g": "e"}}])",
     {"/figures/e: x; one of the names", "/figures/g: e; one of the names"}},
    // samplers
    {R"([{"op": "add", "path": "/sampler/points", "value": 4}])",
     {"/sampler/points: 4; no such key: the sampler grid"}},
    {R"([{"op": "replace", "path": "/sampler/kind", "value": "random"}])",
     {"/sampler/points: nothing; what the sampler random needs"}},
    {R"([{"op": "replace", "path": "/sampler", "value": {"kind": "random", "points": 17}}])",
     {"/sampler/points: 17; at most the 16 points"}},
    {R"([{"op": "replace", "path": "/sampler", "value": {"kind": "nsga2", "points": 6}}])",
     {"/sampler/points: 6; at least 8"}},
    {R"([{"op": "replace", "path": "/sampler", "value": {"kind": "nsga2", "points": 12, "population": 16}}])",
     {"/sampler/population: 16; at most points, 12"}},
    {R"([{"op": "replace", "path": "/sampler", "value": {"kind": "nsga2", "points": 12, "population": 10}}])",
     {"/sampler/population: 10"}},
    {R"([{"op": "replace", "path": "/sampler", "value": {"kind": "sobol", "points": 12, "seed": 3}}, {"op": "remove", "path": "/objectives"}])",
     {"/sampler/seed: 3; no such key: the sampler sobol"}},
    {R"([{"op": "replace", "path": "/sampler", "value": {"kind": "surrogate", "points": 12, "initial": 13}}, {"op": "remove", "path": "/objectives"}])",
     {"/objectives: none; at least one"}},
    {R"([{"op": "replace", "path": "/sampler", "value": {"kind": "halving", "points": 12, "rungs": [10, 10, 5]}}])",
     {"/sampler/kind: \"halving\"; with \"measure\": \"training\"", "/sampler/rungs/1: 10; more than 10",
      "/sampler/rungs/2: 5; more than 10"}},
    {R"([{"op": "replace", "path": "/base", "value": "-"}])", {"/base: \"-\"; the name of a file"}},
    {R"([{"op": "replace", "path": "/sampler/kind", "value": "gird"}])",
     {"/sampler/kind: \"gird\"&did you mean \"grid\""}},
    {R"([{"op": "add", "path": "/axes/2", "value": {"pointer": "/chip/clock_ghz", "range": {"from": 0.001, "to": 100, "step": 0.001}}},
         {"op": "add", "path": "/axes/3", "value": {"pointer": "/chip/slots", "range": {"from": 1, "to": 65536, "step": 1}}}])",
     {"/sampler/kind: a grid of 104857600000 points; at most 10000000; fewer levels"}},
};

INSTANTIATE_TEST_SUITE_P(SweepFile, Refusals, ::testing::ValuesIn(kRefusals));

// Random damage to right files: what is left is read, or refused by place, and nothing else happens.
TEST(SweepFile, BearsDamage) {
  Json whole = plain();
  whole["name"] = "x";
  whole["measure"] = "cost";
  whole["axes"].push_back(Json::parse(
      R"({"name": "t", "tied": [{"/precision/preset": "int8"}, {"/precision/preset": "int16", "/training/batch": 8}]})"));
  whole["axes"].push_back(
      Json::parse(R"({"pointer": "/chip/clock_ghz", "range": {"from": 0.5, "to": 2, "step": 0.5}})"));
  whole["figures"] = {{"joules", "/energy/joules_per_step"}, {"edp", "joules * cycles_per_step"}};
  whole["constraints"] = {"lanes * scratchpad_kib <= 65536", "preset == 'int8' || joules < 1"};
  whole["sampler"] = Json::parse(R"({"kind": "nsga2", "points": 40, "seed": 3, "population": 8})");
  const Json flat = whole.flatten();
  std::vector<std::string> places;
  for (const auto& [pointer, value] : flat.items()) places.push_back(pointer);
  const Json values = Json::parse(
      R"([null, true, -1, 0, 3, 1e9, 1e300, 0.1, "", "/", "/chip/lanes", "/chip/~2", "lanes +", "nsga2", "grid", "halving", [], [1], {}, {"/": 1}, {"a": {"b": []}}])");
  std::mt19937 random(1);
  const auto any = [&](const auto& list) -> const auto& { return list[random() % list.size()]; };
  int right = 0, wrong = 0;
  for (int round = 0; round < share_of_cases(400); ++round) {
    Json damaged = whole;
    for (std::size_t changes = 1 + random() % 2; changes > 0; --changes) {
      Json::json_pointer place(any(places));
      for (std::size_t up = random() % 3; up > 0 && !place.parent_pointer().empty(); --up)
        place = place.parent_pointer();
      if (!damaged.contains(place)) continue;
      if (random() % 3 == 0 && damaged[place.parent_pointer()].is_object()) {
        damaged[place.parent_pointer()].erase(place.back());
      } else if (Json& value = damaged[place]; value.is_string() && random() % 2 == 0) {
        std::string text = value.get<std::string>();
        if (!text.empty()) text[random() % text.size()] = "/'\"+(=,<0x ~"[random() % 12];
        value = text;
      } else {
        value = any(values);
      }
    }
    try {
      const SweepFile sweep = parsed(damaged);
      EXPECT_GT(requests(sweep), 0U) << damaged;
      ++right;
    } catch (const compiler::InputError& error) {
      for (const compiler::InputFinding& finding : error.findings())
        EXPECT_FALSE(finding.place.empty()) << damaged;
      ++wrong;
    }
  }
  EXPECT_GT(right, share_of_cases(400) / 40);
  EXPECT_GT(wrong, share_of_cases(400) / 2);
}

TEST(SweepFile, TheBaseMayLackWhatAxesSet) {
  Json json = plain();
  json["base"] = Json::parse(std::ifstream(kConfigs + "/lenet_mnist_int8.json"));
  json["base"]["training"].erase("batch");
  EXPECT_THAT(refusals(json), ElementsAre(HasSubstr("/base/training/batch: nothing")));
  json["axes"].push_back({{"pointer", "/training/batch"}, {"values", {16, 32}}});
  EXPECT_THAT(refusals(json), ElementsAre());
}

}  // namespace
}  // namespace anzan::sim::sweep_file_test
