// Faults of the RTL, at least one a block: `verify` finds each within a few programs and says in which block,
// in which instruction and cycles, and what was found instead of what.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/verify/verify.hpp"

namespace anzan::sim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr int kPrograms = 60;

// Of the RTL with mutant `number` of injected.json, counted from 1; 0 is the one without.
ProgramVerdict verdict_on(int number) {
  setenv("ANZAN_MUTANT", std::to_string(number).c_str(), 1);
  VerifyOptions options{1, kPrograms, 4, 30};
  options.stop = true;
  return verify(options).back();
}

TEST(InjectedFault, ThereIsNoneWithoutMutant) { EXPECT_EQ(verdict_on(0).difference, ""); }

TEST(InjectedFault, IsFoundAndPlaced) {
  std::ifstream file(ANZAN_SOURCE_DIR "/tests/mutation/injected.json");
  const nlohmann::json mutants = nlohmann::json::parse(file);
  ASSERT_GE(mutants.size(), 15U);
  int number = 0;
  for (const nlohmann::json& mutant : mutants) {
    SCOPED_TRACE(mutant.dump());
    const std::string difference = verdict_on(++number).difference;
    ASSERT_NE(difference, "");
    EXPECT_THAT(difference, HasSubstr(mutant.at("names").get<std::string>()));
    EXPECT_THAT(difference, ContainsRegex("RTL .*[0-9].*, model .*[0-9]|has not ended in cycle [0-9]"));
    EXPECT_THAT(difference, ContainsRegex("after instruction [0-9]+ .*, cycles [0-9]+ to [0-9]+"));
  }
}

}  // namespace
}  // namespace anzan::sim
