// The list of passes: what dump offers is what runs, and a list that is run in parts gives what it gives at
// once.
#include "compiler/passes.hpp"

#include <gtest/gtest.h>

#include <set>

#include "compiler/input/input_error.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler {
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

}  // namespace
}  // namespace anzan::compiler
