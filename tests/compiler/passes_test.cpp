// The list of passes: what dump offers is what runs, and a list that is run in parts gives what it gives at
// once.
#include "compiler/passes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "compiler/input/input_error.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler::passes_test {
namespace {

Input input() {
  return {reference::random_network(4),
          testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic),
          {},
          {}};
}

TEST(Passes, EachHasANameOfItsOwnAndSomethingToShow) {
  const std::vector<std::string> names = dump_passes();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), passes().size());
  for (const std::string& name : names) EXPECT_FALSE(dump(name, input()).empty()) << name;
  EXPECT_THROW(dump("nothing", input()), InputError);
}

TEST(Passes, RunInTwoGoesGiveTheSameModel) {
  const CompiledModel expected = compile(input());
  const std::vector<std::string> names = dump_passes();
  for (std::size_t i = 0; i + 1 < names.size(); ++i) {
    Compilation c;
    c.input = input();
    run_passes(c, names.front(), names[i]);
    EXPECT_TRUE(c.model.programs[ProgramKind::kStep].empty());
    run_passes(c, names[i + 1], names.back());
    EXPECT_EQ(c.model.programs, expected.programs) << names[i];
    EXPECT_EQ(c.model.region_of, expected.region_of) << names[i];
    EXPECT_EQ(c.model.hbm_lines, expected.hbm_lines) << names[i];
  }
}

TEST(Passes, TheStepAloneIsTheStepOfAllPrograms) {
  const CompiledModel all = compile(input()), alone = compile(input(), {/*step_only=*/true});
  for (const ProgramKind kind : kProgramKinds) {
    if (kind == ProgramKind::kStep) {
      EXPECT_EQ(alone.programs[kind], all.programs[kind]);
      EXPECT_EQ(alone.region_of[kind], all.region_of[kind]);
    } else {
      EXPECT_TRUE(alone.programs[kind].empty());
    }
  }
  std::size_t longest = 0;
  for (const auto& words : all.programs) longest = std::max(longest, words.size());
  EXPECT_EQ(all.longest_program_words, static_cast<std::int64_t>(longest));
  EXPECT_EQ(alone.longest_program_words, all.longest_program_words);
}

// Every part is announced with as many units as are then done.
class Parts : public models::WorkObserver {
 public:
  void begin(const std::string& part, std::int64_t units) override {
    end();
    part_ = part;
    units_ = units;
    ++parts;
  }
  void done(std::int64_t units) override { done_ += units; }
  void end() {
    EXPECT_EQ(done_, units_) << part_;
    done_ = 0;
  }
  int parts = 0;

 private:
  std::string part_;
  std::int64_t units_ = 0, done_ = 0;
};

TEST(Passes, TellHowFarTheyAre) {
  for (const int stages : {1, 2}) {
    Input in = input();
    in.system.mapping.pipeline = {stages, 1};
    Parts parts;
    compile(in, {/*step_only=*/false, parts});
    parts.end();
    EXPECT_EQ(parts.parts, 8);  // four programs are written and scheduled
  }
}

}  // namespace
}  // namespace anzan::compiler::passes_test
