// Faults of the RTL, at least one a block: `verify` finds each within a few programs and says in which block,
// in which instruction and cycles, and what was found instead of what.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/verify/verify.hpp"

namespace anzan::sim::injected_fault_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr int kPrograms = 60, kProgramsForExtremes = 300;

// Of the RTL with mutant `number` of injected.json and extremes.json, counted from 1; 0 is the one without.
ProgramVerdict verdict_on(int number, std::uint64_t seed = 1, int programs = kPrograms, bool shorten = true) {
  setenv("ANZAN_MUTANT", std::to_string(number).c_str(), 1);
  VerifyOptions options{seed, programs, 4, 30};
  options.stop = true;
  options.shorten = shorten;
  return verify(options).back();
}

nlohmann::json mutants_of(const char* name) {
  std::ifstream file(std::string(ANZAN_SOURCE_DIR "/tests/mutation/") + name);
  return nlohmann::json::parse(file);
}

TEST(InjectedFault, ThereIsNoneWithoutMutant) { EXPECT_EQ(verdict_on(0, 1, 20).difference, ""); }

TEST(InjectedFault, IsFoundAndPlaced) {
  const nlohmann::json mutants = mutants_of("injected.json");
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

// Widths, resets, stray writes and enables that programs of the usual size do not reach. Tried first is the
// program that has shown the fault; where programs are drawn in another way now, all are.
TEST(InjectedFault, ThatOnlyExtremesShowIsFound) {
  auto number = static_cast<int>(mutants_of("injected.json").size());
  const nlohmann::json mutants = mutants_of("extremes.json");
  ASSERT_GE(mutants.size(), 30U);
  for (const nlohmann::json& mutant : mutants) {
    SCOPED_TRACE(mutant.dump());
    ProgramVerdict verdict = verdict_on(++number, mutant.at("seed").get<std::uint64_t>(), 1, false);
    if (verdict.difference.empty()) verdict = verdict_on(number, 1, kProgramsForExtremes, false);
    EXPECT_NE(verdict.difference, "");
    EXPECT_THAT(verdict.difference, HasSubstr(mutant.at("names").get<std::string>()));
    std::printf("%s: seed %d: %s\n", mutant.at("fault").get<std::string>().c_str(),
                static_cast<int>(verdict.seed), verdict.difference.c_str());
  }
}

}  // namespace
}  // namespace anzan::sim::injected_fault_test
