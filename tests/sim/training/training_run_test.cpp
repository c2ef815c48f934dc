// Whole runs in process: the result against its schema, and what is shown on the way.
#include "sim/training/training_run.hpp"

#include <gmock/gmock.h>

#include "sim/program_file.hpp"
#include "sim/summary.hpp"
#include "tests/sim/systems.hpp"

namespace anzan::sim {
namespace {

using ::testing::HasSubstr;
using testing::ScratchDirectory;
using testing::small_configuration_with;
using Json = nlohmann::json;

TEST(TrainingRun, ResultKeepsItsSchema) {
  const Schema schema = Schema::embedded("training/result.schema.json");
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

TEST(TrainingRun, DivergenceIsReportedAsNull) {
  const ScratchDirectory scratch;
  TrainingRun run(small_configuration_with(
                      scratch, {"/precision/preset=fp32", "/training/optimizer/learning_rate/base=1000",
                                "/training/optimizer/weight_decay=1"}),
                  scratch / "out", Beginning::kNew, Progress::Kind::kQuiet);
  ASSERT_TRUE(run.train());
  EXPECT_TRUE(run.result()["accuracy"]["train_loss"].is_null());
  EXPECT_TRUE(Schema::embedded("training/result.schema.json").check(run.result()).empty());
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
}  // namespace anzan::sim
