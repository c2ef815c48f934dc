// Whole runs in process: the result against its schema, and what is shown on the way.
#include "sim/training/training_run.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <optional>

#include "sim/program_file.hpp"
#include "sim/summary.hpp"
#include "sim/training/evaluation.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim::training_run_test {
namespace {

using ::testing::HasSubstr;
using testing::ScratchDirectory;
using testing::small_configuration_with;
using Json = nlohmann::json;

TEST(TrainingRun, ResultKeepsItsSchema) {
  const Schema& schema = Schema::embedded("training/result.schema.json");
  for (const char* preset : {"fp32", "int8", "int8_master16"}) {
    const ScratchDirectory scratch;
    TrainingRun run(small_configuration_with(scratch, {std::string("/precision/preset=") + preset}),
                    scratch / "out", Beginning::kNew, Progress::Kind::kQuiet);
    ASSERT_TRUE(run.train());
    const Json result = read_json_file(scratch / "out/result.json");
    EXPECT_EQ(result, run.result());
    const auto findings = schema.check(result);
    EXPECT_TRUE(findings.empty()) << compiler::InputError(findings).what();
    EXPECT_EQ(result["training"]["steps"], 24);
    EXPECT_EQ(result["training"]["images_seen"], 24 * 16);
    EXPECT_EQ(result["accuracy"]["history"].size(), 3U);
    EXPECT_EQ(result["accuracy"]["test"], result["accuracy"]["history"][2]["test"]);
    EXPECT_GE(result["memory"]["planned_bytes"], result["memory"]["lower_bound_bytes"]);
    const std::string text = summary(result);
    for (const Json& slot : result["precision"]["slots"])
      EXPECT_THAT(text, HasSubstr(slot["name"].get<std::string>()));
    Json wrong = result;
    wrong["accuracy"]["test"] = 1.5;
    wrong["precision"]["slots"][0].erase("histogram");
    wrong["more"] = 1;
    EXPECT_EQ(schema.check(wrong).size(), 3U);  // the check itself can fail
  }
}

struct Ended {
  Json result;
  std::optional<std::string> failure;
};

Ended run_with(std::vector<std::string> sets) {
  const ScratchDirectory scratch;
  TrainingRun run(small_configuration_with(scratch, sets), scratch / "out", Beginning::kNew,
                  Progress::Kind::kQuiet);
  EXPECT_TRUE(run.train());
  EXPECT_EQ(run.result(), read_json_file(scratch / "out/result.json"));
  const auto findings = Schema::embedded("training/result.schema.json").check(run.result());
  EXPECT_TRUE(findings.empty()) << compiler::InputError(findings).what();
  return {run.result(), run.failure()};
}

std::string last_line(const std::string& text) { return text.substr(text.rfind('\n', text.size() - 2) + 1); }

TEST(TrainingRun, ALossThatIsNotFiniteEndsTheRunAndFails) {
  const std::vector<std::string> sets{"/precision/preset=fp32", "/training/optimizer/learning_rate/base=1000",
                                      "/training/optimizer/weight_decay=1"};
  const Ended stopped = run_with(sets);
  EXPECT_TRUE(stopped.result["accuracy"]["train_loss"].is_null());
  ASSERT_TRUE(stopped.failure);
  EXPECT_THAT(*stopped.failure, HasSubstr("not finite"));
  const Json& status = stopped.result["status"];
  EXPECT_EQ(status["state"], "diverged");
  EXPECT_EQ(status["step"], stopped.result["training"]["steps"]);
  EXPECT_EQ(stopped.result["training"]["ended_by"], "divergence");
  EXPECT_LT(status["step"], 24);
  EXPECT_THAT(last_line(summary(stopped.result)), HasSubstr(*stopped.failure));

  std::vector<std::string> going_on = sets;
  going_on.emplace_back("/training/on_divergence=continue");
  const Ended ended = run_with(going_on);
  EXPECT_FALSE(ended.failure);
  EXPECT_EQ(ended.result["training"]["steps"], 24);
  EXPECT_EQ(ended.result["training"]["ended_by"], "iterations");
  EXPECT_EQ(ended.result["status"], status);
}

// Integers are always finite.
TEST(TrainingRun, IntegersThatHaveExplodedFail) {
  const Ended ended = run_with({"/training/optimizer/learning_rate/base=100"});
  EXPECT_EQ(ended.result["training"]["steps"], 24);
  EXPECT_EQ(ended.result["status"]["state"], "diverged");
  ASSERT_TRUE(ended.failure);
  EXPECT_THAT(*ended.failure, HasSubstr("16 times"));
}

TEST(TrainingRun, OneThatTrainsIsNotCalledFailed) {
  for (const char* preset : {"fp32", "int16", "int8", "int8_master32"}) {
    const Ended ended = run_with({std::string("/precision/preset=") + preset});
    EXPECT_FALSE(ended.failure) << preset;
    EXPECT_EQ(ended.result["status"]["state"], "trained");
    EXPECT_EQ(ended.result["warnings"].dump(), "[]") << preset;
    for (const Json& slot : ended.result["precision"]["slots"]) {
      if (slot["name"] == "data") continue;  // the host writes it
      EXPECT_GT(slot["values"], 0) << preset << ' ' << slot["name"];
      EXPECT_EQ(slot["underflow_rate"].is_null(), slot["format"] == "fp32");
      EXPECT_LT(slot["zero_rate"], 1) << preset << ' ' << slot["name"];
    }
  }
}

// A run in a directory of its own, or the one of an earlier part.
Json result_in(const std::filesystem::path& directory, const Json& json,
               Beginning beginning = Beginning::kNew) {
  TrainingRun run(parse_configuration(json, directory), directory / "out", beginning, Progress::Kind::kQuiet);
  EXPECT_TRUE(run.train());
  const auto findings = Schema::embedded("training/result.schema.json").check(run.result());
  EXPECT_TRUE(findings.empty()) << compiler::InputError(findings).what();
  return run.result();
}

// What the optimiser keeps, and the number of the step, are in the checkpoint.
TEST(TrainingRun, OptimisersGoOnWhereTheyWere) {
  const char* const optimizers[] = {
      R"({"momentum": 0.9, "nesterov": true, "learning_rate": {"base": 0.02, "warmup_steps": 12}})",
      R"({"kind": "adam", "weight_decay": 1e-3, "clip_norm": 0.5, "learning_rate": {"base": 0.002}})",
      R"({"kind": "adamw", "weight_decay": 0.1, "learning_rate": {"policy": "exp", "gamma": 0.9, "base": 0.01}})"};
  for (const char* optimizer : optimizers) {
    for (const std::string preset : {"int8", "int8_master16"}) {
      SCOPED_TRACE(preset + optimizer);
      const ScratchDirectory scratch, parts;
      const auto configured = [&](const ScratchDirectory& in) {
        Json json = testing::small_configuration(testing::write_dataset(in.path()));
        json["training"]["optimizer"] = Json::parse(optimizer);
        json["precision"]["preset"] = preset;
        return json;
      };
      const Json whole = result_in(scratch.path(), configured(scratch));
      Json part = configured(parts);
      part["training"]["iterations"] = 5;
      result_in(parts.path(), part);
      part["training"]["iterations"] = 24;
      part["engine"] = {{"threads", 3}};
      EXPECT_EQ(result_in(parts.path(), part, Beginning::kResume)["digest"], whole["digest"]);
      const ScratchDirectory small;
      Json other = configured(small);
      other["chip"]["scratchpad_kib"] = 32;
      other["engine"] = {{"kind", "cycle"}};
      EXPECT_EQ(result_in(small.path(), other)["digest"], whole["digest"]);
    }
  }
}

// Where segments stream, chips meet their memories differently: no chip stands for another in a run that
// takes the cycles of each.
TEST(TrainingRun, TakesTheCyclesOfADryRunWhereSegmentsStream) {
  for (const auto& [kind, chips] : {std::pair{"switch", 4}, {"switch", 2}, {"ring", 3}}) {
    for (const char* preset : {"int8", "fp32"}) {
      SCOPED_TRACE(std::string(kind) + std::to_string(chips) + preset);
      const ScratchDirectory scratch;
      Json json = testing::small_configuration(testing::write_dataset(scratch.path()));
      json["chip"] = {{"lanes", 4}, {"scratchpad_kib", 64}};
      json["training"]["batch"] = 4 * chips;
      json["training"]["iterations"] = 2;
      json["precision"]["preset"] = preset;
      json["system"] = testing::system_of(kind, {chips}, {}, {{"exchange", {{"stream_kib", 1}}}});
      json["engine"] = {{"kind", "cycle"}};
      EXPECT_EQ(result_in(scratch.path(), json)["time"]["scaling"]["cores_simulated"], chips);
    }
  }
}

Json with_augmentation(const ScratchDirectory& scratch) {
  Json json = testing::small_configuration(testing::write_dataset(scratch.path()));
  json["training"]["augmentation"] = {{"pad", 2}, {"flip", true}};
  return json;
}

TEST(TrainingRun, AugmentedImagesAreTheSameHoweverItRuns) {
  const ScratchDirectory plain_scratch, scratch;
  Json json = with_augmentation(scratch),
       plain = testing::small_configuration(testing::write_dataset(plain_scratch.path()));
  const Json whole = result_in(scratch.path(), json);
  EXPECT_NE(whole["digest"], result_in(plain_scratch.path(), plain)["digest"]);
  for (const int steps : {1, 11, 23}) {  // 96 images, 16 a step: within an epoch, too
    const ScratchDirectory parts;
    Json part = with_augmentation(parts);
    part["training"]["iterations"] = steps;
    result_in(parts.path(), part);
    part["training"]["iterations"] = 24;
    const Json resumed = result_in(parts.path(), part, Beginning::kResume);
    EXPECT_EQ(resumed["digest"], whole["digest"]) << steps;
    EXPECT_EQ(resumed["accuracy"]["history"].back(), whole["accuracy"]["history"].back()) << steps;
    part["training"]["augmentation"]["pad"] = 1;
    EXPECT_THROW(result_in(parts.path(), part, Beginning::kResume), compiler::InputError);
  }
  for (const char* change : {R"({"engine": {"threads": 3}})", R"({"chip": {"scratchpad_kib": 64}})",
                             R"({"system": {"chips": 2, "mapping": {"pipeline": 2}}})"}) {
    const ScratchDirectory other;
    Json changed = with_augmentation(other);
    changed.merge_patch(Json::parse(change));
    EXPECT_EQ(result_in(other.path(), changed)["digest"], whole["digest"]) << change;
  }
}

// Test images are never augmented, whatever fills a batch.
TEST(TrainingRun, EveryTestImageCountsOnce) {
  const ScratchDirectory scratch;
  const Json result = result_in(scratch.path(), with_augmentation(scratch));
  const double right = result["accuracy"]["test"].get<double>() * 40;
  EXPECT_GT(right, 10);
  EXPECT_LT(right, 40);
  for (const char* batch : {"1", "3", "16", "33", "39", "40", "41", "64"}) {
    const Evaluation found =
        evaluate(scratch / "out", {parse_override(std::string("/training/batch=") + batch)});
    EXPECT_EQ(found.images, 40);
    EXPECT_EQ(found.right, std::llround(right)) << batch;
  }
}

// Labels that are maps are cropped and flipped with their images; accuracy is that of pixels.
TEST(TrainingRun, EveryPixelCountsWhereEachHasALabel) {
  const auto configured = [] {
    Json json = testing::small_configuration({{"kind", "synthetic"}, {"test_images_used", 24}});
    json["network"]["input"] = {{"channels", 3}, {"height", 8}, {"width", 12}, {"scale", 0.01}};
    json["network"]["layers"] = Json::parse(R"([
        {"name": "c", "type": "convolution", "channels": 8, "kernel": 3, "padding": 1},
        {"name": "relu", "type": "relu"},
        {"name": "classes", "type": "convolution", "channels": 4, "kernel": 1},
        {"name": "loss", "type": "softmax_cross_entropy"}])");
    json["training"]["augmentation"] = {{"pad", 2}, {"flip", true}};
    return json;
  };
  constexpr std::int64_t kLabels = 24 * 8 * 12;
  const ScratchDirectory scratch, parts, plain_scratch;
  const Json whole = result_in(scratch.path(), configured());
  const double accuracy = whole["accuracy"]["test"], right = accuracy * kLabels;
  EXPECT_NEAR(right, std::round(right), 1e-6);
  EXPECT_GT(accuracy, 0.5);
  EXPECT_LT(accuracy, 1);
  const Evaluation found = evaluate(scratch / "out", {});
  EXPECT_EQ(found.images, 24);
  EXPECT_EQ(found.labels, kLabels);
  EXPECT_EQ(found.right, std::llround(right));
  Json part = configured();
  part["training"]["iterations"] = 5;
  result_in(parts.path(), part);
  part["training"]["iterations"] = 24;
  EXPECT_EQ(result_in(parts.path(), part, Beginning::kResume)["digest"], whole["digest"]);
  Json plain = configured();
  plain["training"]["until"] = accuracy / 2;  // reached before the last test
  const Json early = result_in(plain_scratch.path(), plain);
  EXPECT_EQ(early["training"]["ended_by"], "until");
  EXPECT_LT(early["training"]["steps"], 24);
  EXPECT_GE(early["accuracy"]["test"], accuracy / 2);
}

TEST(TrainingRun, EndsWithTheTestThatReachesUntil) {
  const ScratchDirectory scratch;
  Json json = testing::small_configuration(testing::write_dataset(scratch.path()));
  json["training"]["test_interval"] = 2;
  const Json whole = result_in(scratch.path(), json);
  EXPECT_EQ(whole["training"]["ended_by"], "iterations");
  EXPECT_TRUE(whole["training"]["until"].is_null());
  const Json& history = whole["accuracy"]["history"];
  std::size_t tests = 1;  // up to one, neither the first nor the last, that is better than all before
  double until = history[0]["test"], best = until;
  for (std::size_t k = 1; k + 1 < history.size(); ++k) {
    const double test = history[k]["test"];
    if (test <= best) continue;
    until = best = test;
    tests = k + 1;
  }
  ASSERT_GT(tests, 2U);
  ASSERT_LT(tests, history.size());
  const auto steps = history[tests - 1]["step"].get<int>();

  const ScratchDirectory early, parts;
  json["training"]["until"] = until;
  testing::write_dataset(early.path());
  const Json ended = result_in(early.path(), json);
  EXPECT_EQ(ended["training"]["steps"], steps);
  EXPECT_EQ(ended["training"]["ended_by"], "until");
  EXPECT_EQ(ended["training"]["until"], until);
  EXPECT_EQ(ended["accuracy"]["history"],
            Json(std::vector<Json>(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(tests))));
  EXPECT_THAT(summary(ended), HasSubstr("ended by a test accuracy of at least"));
  EXPECT_EQ(summary(whole).find("ended by"), std::string::npos);

  testing::write_dataset(parts.path());
  Json part = json;
  part["training"]["iterations"] = 3;
  EXPECT_EQ(result_in(parts.path(), part)["training"]["ended_by"], "iterations");
  const Json resumed = result_in(parts.path(), json, Beginning::kResume);
  EXPECT_EQ(resumed["digest"], ended["digest"]);
  EXPECT_EQ(resumed["training"], ended["training"]);
  EXPECT_EQ(result_in(parts.path(), json, Beginning::kResume)["digest"],
            ended["digest"]);  // nothing left to do
  json["training"].erase("until");
  EXPECT_EQ(result_in(parts.path(), json, Beginning::kResume)["digest"], whole["digest"]);
}

TEST(TrainingRun, SyntheticImagesAreLearnt) {
  const ScratchDirectory scratch;
  Json json = testing::small_configuration({{"kind", "synthetic"}});
  json["training"]["iterations"] = 150;
  const Json result = result_in(scratch.path(), json);
  EXPECT_GT(result["accuracy"]["test"], 0.9);
  EXPECT_LT(result["accuracy"]["history"][0]["test"], result["accuracy"]["test"]);
  const Json config = read_json_file(scratch / "out/config.json");
  EXPECT_EQ(
      config["dataset"],
      Json::parse(R"({"kind": "synthetic", "seed": 1, "train_images_used": 1024, "test_images_used": 256})"));
}

// Weights 0.5 = 64 units, an image of zeros, so that only the decay moves them: by 5e-5 a step.
Json weight_of_decaying_run(const std::string& rounding, int cores, const std::string& engine = "functional",
                            const Json& rule = {{"momentum", 0}}) {
  const ScratchDirectory scratch;
  Json json = testing::small_configuration(testing::write_dataset(scratch.path()));
  testing::write_file(scratch / "train-images",
                      testing::idx_bytes({96, 8, 8}, std::vector<std::uint8_t>(96 * 64, 0)));
  json["network"] = Json::parse(R"({"input": {"channels": 1, "height": 8, "width": 8},
    "layers": [{"name": "fc", "type": "fully_connected", "channels": 4,
                "weight_filler": {"kind": "constant", "value": 0.5}},
               {"name": "loss", "type": "softmax_cross_entropy"}]})");
  json["training"]["iterations"] = 10;
  json["training"]["optimizer"] = {{"weight_decay", 0.01},
                                   {"learning_rate", {{"policy", "fixed"}, {"base", 0.01}}}};
  json["training"]["optimizer"].update(rule);
  json["precision"]["weight"] = {{"rounding", rounding}, {"policy", {{"q_min", 7}, {"q_max", 7}}}};
  json["chip"] = {{"lanes", 4}, {"cores", cores}};
  json["engine"] = {{"kind", engine}};
  TrainingRun run(parse_configuration(json, scratch.path()), scratch / "out", Beginning::kNew,
                  Progress::Kind::kQuiet);
  EXPECT_TRUE(run.train());
  bool warned = false;
  for (const Json& warning : run.result()["warnings"])
    warned = warned || (warning["kind"] == "updates_vanish" && warning["tensor"] == "fc.weight");
  EXPECT_EQ(warned, rounding == "nearest_even");
  for (const Json& slot : run.result()["precision"]["slots"])
    if (slot["name"] == "fc.weight") return slot;
  return {};
}

TEST(TrainingRun, SaysHowManyUpdatesVanish) {
  constexpr int kUpdates = 10 * 4 * 64;
  for (const int cores : {1, 2}) {
    const Json lost = weight_of_decaying_run("nearest_even", cores);
    EXPECT_EQ(lost["updates"], kUpdates);
    EXPECT_EQ(lost["vanished_updates"], kUpdates);
    // 0.0064 of a unit a step: one update in 156 shows
    const Json kept = weight_of_decaying_run("stochastic", cores);
    EXPECT_EQ(kept["updates"], kUpdates);
    EXPECT_NEAR(kept["vanished_updates"].get<int>(), kUpdates * (1 - 0.0064),
                4 * std::sqrt(kUpdates * 0.0064));
    EXPECT_EQ(kept, weight_of_decaying_run("stochastic", cores, "cycle"));
  }
}

// AdamW takes the decay from weights whose moments stay zero; Nesterov's first step is 1.5 times as long.
TEST(TrainingRun, SaysHowManyUpdatesVanishThatAreNotTheMomentum) {
  constexpr int kUpdates = 10 * 4 * 64;
  const Json adamw{{"kind", "adamw"}}, nesterov{{"momentum", 0.5}, {"nesterov", true}};
  for (const int cores : {1, 2}) {
    for (const Json& rule : {adamw, nesterov}) {
      const Json lost = weight_of_decaying_run("nearest_even", cores, "functional", rule);
      EXPECT_EQ(lost["updates"], kUpdates) << rule;
      EXPECT_EQ(lost["vanished_updates"], kUpdates) << rule;
    }
    const Json kept = weight_of_decaying_run("stochastic", cores, "functional", adamw);
    EXPECT_EQ(kept["updates"], kUpdates);
    EXPECT_NEAR(kept["vanished_updates"].get<int>(), kUpdates * (1 - 0.0064),
                4 * std::sqrt(kUpdates * 0.0064));
  }
}

TEST(Progress, LineFitsItsWidth) {
  ProgressState state;
  state.step = 50;
  state.steps = 100;
  state.elapsed_seconds = 61;
  state.remaining_seconds = 3723;
  state.images_per_second = 1234.5;
  state.loss = 0.25;
  EXPECT_EQ(progress_line(state, 0), "50/100  1:01 elapsed, 1:02:03 remaining  1234 images/s  loss 0.2500");
  state.accuracy = 0.98765;
  EXPECT_THAT(progress_line(state, 0), HasSubstr("test 98.77 %"));
  state.tested = 300;
  state.to_test = 10000;
  EXPECT_THAT(progress_line(state, 0), HasSubstr("test 98.77 %  testing 300/10000"));
  state.doubts = [] { return std::string("warning: fc.weight: all zeros from step 3 on"); };
  EXPECT_THAT(progress_line(state, 0), HasSubstr("10000  warning: fc.weight: all zeros"));
  for (const int columns : {1, 20, 80, 90, 100, 200})
    EXPECT_LT(progress_line(state, columns).size(), static_cast<std::size_t>(columns));
  EXPECT_THAT(progress_line(state, 200), HasSubstr("[####################....................] 50/100"));
}

TEST(ProgramFile, RoundTrip) {
  const ScratchDirectory scratch;
  const NamedPrograms programs{{"a", {1, 0x0a0a0a0a, 0xffffffff}}, {"b", {}}, {"c", {0x80000001}}};
  write_programs(scratch / "p", programs);
  EXPECT_EQ(read_programs(scratch / "p"), programs);
}

}  // namespace
}  // namespace anzan::sim::training_run_test
