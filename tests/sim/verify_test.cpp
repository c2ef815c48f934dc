// Random programs on three engines; and what is said of those that differ.
#include "sim/verify.hpp"

#include <gmock/gmock.h>

namespace anzan::sim {
namespace {

using ::testing::HasSubstr;

void expect_none_differs(const VerifyOptions& options) {
  const std::vector<ProgramVerdict> verdicts = verify(options);
  ASSERT_EQ(verdicts.size(), static_cast<std::size_t>(options.programs));
  for (const ProgramVerdict& v : verdicts) {
    EXPECT_EQ(v.difference, "") << repeat_command(options, v);
    EXPECT_GT(v.cycles, options.instructions) << "seed " << v.seed;
  }
}

TEST(Verify, ProgramsWithFourLanesAgree) { expect_none_differs({1, 100, 4, 30}); }
TEST(Verify, ProgramsWithSixteenLanesAgree) { expect_none_differs({1001, 10, 16, 30}); }

TEST(Verify, JunitHasACaseAProgramAndTheCommandThatRepeatsIt) {
  const VerifyOptions options{7, 2, 4, 30};
  const std::string xml = junit(options, {{7, 100, ""}, {8, 100, "dma unit: a < b & \"c\""}}, 1.5);
  EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\" time=\"1.500\""));
  EXPECT_THAT(xml, HasSubstr("name=\"seed 7\"/>"));
  EXPECT_THAT(xml, HasSubstr("anzan verify --lanes 4 --instructions 30 --seed 8 --programs 1"));
  EXPECT_THAT(xml, HasSubstr("dma unit: a &lt; b &amp; &quot;c&quot;"));
}

}  // namespace
}  // namespace anzan::sim
