// What points share must not show: each is what it is alone, and what the command says.
#include "sim/sweep/evaluator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "sim/command_line.hpp"
#include "sim/sweep/shared_work.hpp"
#include "sim/training/training_run.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::evaluator_test {
namespace {

using ::testing::HasSubstr;
using testing::ScratchDirectory;
using Json = nlohmann::json;

Json small_base() {
  Json base = testing::small_configuration({{"kind", "synthetic"}});
  base["training"]["batch"] = 64;
  const Json drop{{"name", "drop"}, {"type", "dropout"}, {"rate", 0.25}};
  base["network"]["layers"].insert(base["network"]["layers"].begin() + 3, drop);
  return base;
}

Settings settings(const std::vector<std::string>& sets) {
  Settings all;
  for (const std::string& set : sets) all.push_back(parse_override(set));
  return all;
}

// An axis of the space that points are drawn from, and how often it is set.
struct DrawnAxis {
  const char* pointer;
  std::vector<const char*> levels;
  double share = 0.25;
};

// Few levels, so that points meet who share with them. Some cannot be: a scratchpad of 1 KiB, 48 images for
// four cores, a width of FP32, a rate of refresh below the refresh itself, a kernel larger than its input.
const std::vector<DrawnAxis>& drawn_axes() {
  static const std::vector<DrawnAxis> axes{
      {"/chip/lanes", {"8", "16", "32"}},
      {"/chip/scratchpad_kib", {"1", "32", "64", "256"}},
      {"/chip/clock_ghz", {"0.5", "1", "1.25", "2"}, 0.4},
      {"/chip/hbm/preset", {"hbm1_1000", "hbm2_2400"}},
      {"/chip/hbm/clock_ps", {"500", "1000", "2000"}},
      {"/chip/hbm/frontend_latency_ns", {"5", "10", "20"}, 0.15},
      {"/chip/hbm/backend_latency_ns", {"5", "10", "20"}, 0.15},
      {"/chip/hbm/t_cl", {"12", "18", "24"}, 0.15},
      {"/chip/hbm/t_refi", {"100", "2000"}, 0.1},
      {"/chip/hbm/channels", {"2", "8"}, 0.15},
      {"/chip/hbm/scheduling", {"in_order", "fr_fcfs"}, 0.15},
      {"/chip/queue_depth", {"2", "8"}, 0.15},
      {"/chip/dma_outstanding", {"4", "64"}, 0.15},
      {"/chip/slots", {"512", "1024"}, 0.1},
      {"/technology", {"7nm", "45nm"}},
      {"/technology/static/core/mw", {"1.5", "300"}},
      {"/precision/preset", {"fp32", "int16", "int8_master16"}},
      {"/precision/default/width", {"5", "8"}, 0.2},
      {"/precision/activation/rounding", {"stochastic", "nearest_even"}, 0.2},
      {"/precision/layers/fc/weight/format", {"int16", "fp32"}, 0.1},
      {"/system/chips", {"2", "4"}, 0.3},
      {"/chip/cores", {"2"}, 0.1},
      {"/system/topology/link/gb_per_s", {"1", "25"}},
      {"/system/topology/link/latency_ns", {"100", "900"}, 0.15},
      {"/system/topology/link/buffer_packets", {"1", "2"}, 0.15},
      {"/system/topology/link/header_bytes", {"8", "200"}, 0.15},
      {"/chip/network/gb_per_s", {"2"}, 0.1},
      {"/system/topology/kind", {"full", "switch"}, 0.1},
      {"/system/exchange/algorithm", {"ring", "halving_doubling"}, 0.15},
      {"/system/exchange/format", {"int16", "fp32"}, 0.15},
      {"/system/exchange/hide_in_forward", {"false"}, 0.15},
      {"/system/mapping/pipeline", {"2"}, 0.1},
      {"/system/mapping/automatic", {"true"}, 0.1},
      {"/network", {"other.json", "nowhere.json"}, 0.1},
      {"/network/layers/0/channels", {"8", "5"}, 0.15},
      {"/network/layers/0/kernel", {"2", "9"}, 0.1},
      {"/training/batch", {"32", "48", "128"}},
      {"/training/optimizer/weight_decay", {"0", "0.01"}, 0.1},
      {"/memory/places", {"conventional", "shared_gradients"}, 0.15},
      {"/memory/order", {"least_peak"}, 0.15},
      {"/memory/recompute", {"cheap"}, 0.15},
  };
  return axes;
}

template <class Items>
const auto& any_of(const Items& items, std::mt19937& random) {
  return items[random() % items.size()];
}

std::string level_of(const DrawnAxis& axis, std::mt19937& random) {
  return std::string(axis.pointer) + "=" + any_of(axis.levels, random);
}

std::vector<std::string> draw_point(std::mt19937& random) {
  std::vector<std::string> sets;
  for (const DrawnAxis& axis : drawn_axes()) {
    if (std::uniform_real_distribution<double>()(random) >= axis.share / 2) continue;
    sets.push_back(level_of(axis, random));
  }
  return sets;
}

// Families that have most in common, as a sweep has them, in any order.
std::vector<std::vector<std::string>> draw_points(std::uint32_t seed, int families, int members) {
  std::mt19937 random(seed);
  std::vector<std::vector<std::string>> points;
  for (int f = 0; f < families; ++f) {
    const std::vector<std::string> common = draw_point(random);
    for (int m = 0; m < members; ++m) {
      points.push_back(common);
      for (int changes = static_cast<int>(random() % 4); changes > 0; --changes)
        points.back().push_back(level_of(any_of(drawn_axes(), random), random));
    }
  }
  std::shuffle(points.begin(), points.end(), random);
  return points;
}

std::string text_of(const std::vector<std::string>& sets) {
  std::string text;
  for (const std::string& set : sets) text += " --set " + set;
  return text;
}

// cost.json of the command, or why it refuses.
struct Said {
  int status = 0;
  Json result;
  std::string error;
};

Said command_says(const ScratchDirectory& scratch, const std::vector<std::string>& sets) {
  std::vector<std::string> words{
      "anzan",  "cost",   (scratch / "base.json").string(), "--out", (scratch / "out").string(),
      "--step", "--quiet"};
  for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::filesystem::remove(scratch / "out/cost.json");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Said said;
  said.status = command_line(static_cast<int>(words.size()), arguments.data());
  ::testing::internal::GetCapturedStdout();
  said.error = ::testing::internal::GetCapturedStderr();
  if (said.status != 0) return said;
  const Json whole = read_json_file(scratch / "out/cost.json");
  for (const char* key : {"time", "energy", "traffic", "area", "memory"}) said.result[key] = whole.at(key);
  return said;
}

// As the command shows it.
std::string shown_findings(const std::string& message) {
  std::string text = "anzan: wrong input\n";
  for (std::size_t begin = 0; begin <= message.size();) {
    const std::size_t end = std::min(message.find('\n', begin), message.size());
    if (end > begin) text += "  " + message.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return text;
}

TEST(Evaluator, PointsThatShareAreWhatEachIsAloneAndWhatTheCommandSays) {
  const ScratchDirectory scratch;
  testing::write_file(scratch / "base.json", small_base().dump());
  testing::write_file(scratch / "other.json", testing::deep_network(3).dump());
  Evaluator sharing(small_base(), scratch.path());
  int done = 0, refused = 0, systems = 0;
  for (const auto& sets : draw_points(7, 8, 12)) {
    SCOPED_TRACE(text_of(sets));
    const Outcome found = sharing.cost(settings(sets)),
                  alone = Evaluator(small_base(), scratch.path()).cost(settings(sets));
    const Said said = command_says(scratch, sets);
    ASSERT_EQ(found.kind, alone.kind);
    EXPECT_EQ(found.message, alone.message);
    EXPECT_EQ(found.result.dump(), alone.result.dump());
    if (found.kind == OutcomeKind::kDone) {
      ASSERT_EQ(said.status, 0) << said.error;
      EXPECT_EQ(found.result.dump(), said.result.dump());
      ++done;
      systems += found.result["time"].contains("scaling") ? 1 : 0;
    } else {
      ASSERT_EQ(found.kind, OutcomeKind::kRefused);
      EXPECT_EQ(said.status, 2);
      EXPECT_EQ(said.error, shown_findings(found.message));
      ++refused;
    }
  }
  EXPECT_GT(done, 20);
  EXPECT_GT(refused, 5);
  EXPECT_GT(systems, 5);
}

Configuration configured(const std::vector<std::string>& sets) {
  return parse_configuration(small_base(), {}, settings(sets));
}

// What is made for the second point that the first has not made.
SharedWork::Made made_for(const std::vector<std::string>& first, const std::vector<std::string>& second) {
  SharedWork work(std::size_t{1} << 26);
  work.cost(configured(first));
  const SharedWork::Made before = work.made();
  SharedWork alone(std::size_t{1} << 26);
  EXPECT_EQ(work.cost(configured(second)).dump(), alone.cost(configured(second)).dump()) << text_of(second);
  return {work.made().programs - before.programs, work.made().runs - before.runs};
}

TEST(SharedWork, NothingIsMadeTwice) {
  struct Case {
    std::vector<std::string> first, second;
    std::int64_t programs, runs;
  };
  const std::vector<std::string> chips{"/system/chips=4", "/training/batch=64"};
  const auto of_chips = [&](std::vector<std::string> more) {
    more.insert(more.begin(), chips.begin(), chips.end());
    return more;
  };
  const std::vector<Case> cases{
      {{}, {}, 0, 0},
      {{}, {"/technology=45nm"}, 0, 0},
      {{}, {"/dataset/test_images_used=10"}, 0, 0},
      {{}, {"/training/seed=9"}, 0, 0},
      {{}, {"/chip/clock_ghz=1.25"}, 0, 1},
      {{}, {"/chip/hbm/t_cl=20"}, 0, 1},
      {{}, {"/chip/queue_depth=3"}, 0, 1},
      {{}, {"/chip/lanes=8"}, 1, 1},
      {{}, {"/training/batch=32"}, 1, 1},
      // settings are in no program
      {{}, {"/precision/default/width=7"}, 1, 0},
      // links that join nothing
      {{}, {"/system/topology/link/gb_per_s=3", "/chip/network/latency_ns=7"}, 0, 0},
      // everything twice as fast
      {{"/chip/hbm/clock_ps=1000", "/chip/hbm/frontend_latency_ns=10", "/chip/hbm/backend_latency_ns=20"},
       {"/chip/clock_ghz=2", "/chip/hbm/clock_ps=500", "/chip/hbm/frontend_latency_ns=5",
        "/chip/hbm/backend_latency_ns=10"},
       0,
       0},
      {of_chips({}), of_chips({"/technology=45nm"}), 0, 0},
      // exchanges are planned by what links take
      {of_chips({}), of_chips({"/system/topology/link/buffer_packets=9"}), 1, 1},
      // the cores that are compared with it are the same
      {of_chips({}), of_chips({"/system/exchange/hide_in_backward=false"}), 1, 1},
  };
  for (const Case& c : cases) {
    const SharedWork::Made made = made_for(c.first, c.second);
    EXPECT_EQ(made.programs, c.programs) << text_of(c.second);
    EXPECT_EQ(made.runs, c.runs) << text_of(c.second);
  }
}

TEST(SharedWork, WhatIsForgottenIsMadeAgain) {
  SharedWork work(1), enough(std::size_t{1} << 26);
  for (int round = 0; round < 2; ++round) {
    for (const char* lanes : {"8", "16"}) {
      const Configuration c = configured({std::string("/chip/lanes=") + lanes});
      EXPECT_EQ(work.cost(c), enough.cost(c));
    }
  }
  EXPECT_EQ(work.made().programs, 4);
  EXPECT_EQ(enough.made().programs, 2);
  Recent<int> recent(10);
  recent.put("a", 1, 4);
  recent.put("b", 2, 4);
  EXPECT_EQ(*recent.find("a"), 1);
  recent.put("c", 3, 4);
  EXPECT_EQ(recent.find("b"), nullptr);
  EXPECT_EQ(*recent.find("a"), 1);
  recent.put("d", 4, 100);
  EXPECT_EQ(recent.size(), 1U);
  EXPECT_EQ(*recent.find("d"), 4);
}

TEST(Evaluator, KeysNameWhatAResultDependsOn) {
  const ScratchDirectory scratch;
  Evaluator evaluator(small_base(), scratch.path());
  const auto key = [&](const std::vector<std::string>& sets) { return evaluator.check(settings(sets)).key; };
  const auto program = [&](const std::vector<std::string>& sets) {
    return evaluator.check(settings(sets)).program_key;
  };
  const std::string base = key({});
  EXPECT_EQ(base.size(), 64U);
  for (const char* same : {"/engine/threads=3", "/engine/kind=cycle", "/chip/clock_ghz=1.0",
                           "/training/batch=64", "/training/snapshot_interval=7"})
    EXPECT_EQ(key({same}), base) << same;
  for (const char* other :
       {"/chip/clock_ghz=1.5", "/technology=45nm", "/training/seed=6", "/training/iterations=23",
        "/dataset/train_images_used=99", "/memory/order=least_peak"})
    EXPECT_NE(key({other}), base) << other;
  EXPECT_EQ(program({"/technology=45nm", "/chip/clock_ghz=2"}), program({}));
  EXPECT_NE(program({"/chip/lanes=8"}), program({}));
  EXPECT_EQ(evaluator.check({}).effective, parse_configuration(small_base(), scratch.path()).effective);
  EXPECT_THROW(evaluator.check(settings({"/chip/lanes=5"})), compiler::InputError);
  EXPECT_EQ(key({}), base);  // after one that was refused
}

TEST(Evaluator, TheCompilerDividesEachPointAsIfItWereAlone) {
  Json base = small_base();
  base["system"] = {{"chips", 4}, {"mapping", {{"automatic", true}}}};
  Evaluator evaluator(base, {});
  std::set<std::string> found;
  for (const char* speed : {"100", "0.001", "100"}) {
    for (const char* batch : {"16", "128"}) {
      const Settings changes = settings({std::string("/system/topology/link/gb_per_s=") + speed,
                                         std::string("/training/batch=") + batch, "/chip/lanes=4"});
      const Json effective = evaluator.check(changes).effective;
      EXPECT_EQ(effective, parse_configuration(base, {}, changes).effective) << speed << " " << batch;
      found.insert(effective["system"]["mapping"].dump());
    }
  }
  EXPECT_GT(found.size(), 1U);
}

Json training_base(const ScratchDirectory& scratch) {
  Json base = testing::small_configuration(testing::write_dataset(scratch.path()));
  base["training"].update({{"iterations", 40}, {"test_interval", 16}});
  base["training"]["optimizer"]["learning_rate"] = {{"policy", "cosine"}, {"base", 0.05}};
  base["training"]["augmentation"] = {{"pad", 2}, {"flip", true}};
  base["engine"] = {{"threads", 2}};
  return base;
}

// Without what no two runs have in common.
Json without_seconds(Json result) {
  for (const char* key :
       {"wall_seconds", "training_seconds", "images_per_second", "simulated_cycles_per_second"})
    result.at("simulation").erase(key);
  return result;
}

TEST(Evaluator, ATrainingInPartsIsOneInOneGo) {
  const ScratchDirectory scratch;
  const Json base = training_base(scratch);
  const Settings changes = settings({"/precision/weight/rounding=stochastic"});
  Evaluator evaluator(base, scratch.path());
  std::vector<Json> results;
  for (const std::int64_t steps : {10, 25, 32, 0}) {
    const Outcome outcome = evaluator.train(changes, steps, scratch / "parts");
    ASSERT_EQ(outcome.kind, OutcomeKind::kDone) << outcome.message;
    EXPECT_GT(outcome.cpu_seconds, 0);
    results.push_back(without_seconds(outcome.result));
    const Json& training = results.back()["training"];
    EXPECT_EQ(training["steps"], steps == 0 ? 40 : steps);
    EXPECT_EQ(training["ended_by"], steps == 0 ? "iterations" : "pause");
    EXPECT_EQ(results.back()["accuracy"]["history"].back()["step"], training["steps"]);
    EXPECT_TRUE(Schema::embedded("training/result.schema.json").check(outcome.result).empty());
  }
  TrainingRun whole(parse_configuration(base, scratch.path(), changes), scratch / "whole", Beginning::kNew,
                    Progress::Kind::kQuiet);
  ASSERT_TRUE(whole.train());
  EXPECT_EQ(results.back(), without_seconds(whole.result()));
  EXPECT_NE(results[0]["digest"], results[1]["digest"]);
  // Asked again, also for what lies before the checkpoint, it says the same; that stays.
  EXPECT_EQ(without_seconds(evaluator.train(changes, 10, scratch / "parts").result), results[0]);
  EXPECT_EQ(without_seconds(evaluator.train(changes, 0, scratch / "parts").result), results[3]);
}

TEST(Evaluator, TrainingSaysWhatIsWrongWithWhom) {
  const ScratchDirectory scratch;
  Evaluator evaluator(training_base(scratch), scratch.path());
  const Outcome diverged =
      evaluator.train(settings({"/precision/preset=fp32", "/training/optimizer/learning_rate/base=1000",
                                "/training/optimizer/weight_decay=1"}),
                      20, scratch / "diverged");
  EXPECT_EQ(diverged.kind, OutcomeKind::kDone);
  EXPECT_EQ(diverged.result["status"]["state"], "diverged");
  const Outcome refused = evaluator.train(settings({"/chip/scratchpad_kib=1"}), 20, scratch / "refused");
  EXPECT_EQ(refused.kind, OutcomeKind::kRefused);
  EXPECT_THAT(refused.message, HasSubstr("scratchpad"));
  const Outcome failed = evaluator.train(settings({"/dataset/train_images=nowhere"}), 20, scratch / "failed");
  EXPECT_EQ(failed.kind, OutcomeKind::kFailed);
  EXPECT_THAT(failed.message, HasSubstr("nowhere"));
}

}  // namespace
}  // namespace anzan::sim::evaluator_test
