// The text trace: the page's example, one order, reading back, and the first difference of two traces.
#include "sim/trace/text_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <system_error>

#include "compiler/input/input_error.hpp"
#include "isa/assembly.hpp"
#include "tests/sim/clocked_program.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::text_trace_test {
namespace {

using testing::ClockedProgram;
using ::testing::HasSubstr;
using testing::random_clocked_program;

struct Example {
  isa::Program program = isa::assemble("copy signal=0x2\ntensor wait=0x2 analyse=1\nend\n");
  models::ProgramTiming timing{177, {{3, 4, 75, 75}, {9, 76, 165, 176}, {177, 177, 177, 177}}, {}, 0};
};

TEST(TextTrace, IsAsThePageShowsIt) {
  std::ifstream stream(ANZAN_SOURCE_DIR "/sim/trace/TRACE.md");
  std::string shown, line;
  while (std::getline(stream, line))
    if (line.substr(0, 4) == "    ") shown += line.substr(4) + '\n';
  const Example e;
  EXPECT_EQ(to_text(make_trace(e.program, e.timing)), shown);
}

TEST(TextTrace, OrdersTheEventsOfACycle) {
  // In cycle 9 dma ends one instruction, is given another and starts a third (as no core would, but a trace
  // may).
  const isa::Program program = isa::assemble("copy\nsettle\ncopy\ncopy\nend\n");
  const models::ProgramTiming timing{
      20, {{1, 2, 9, 9}, {2, 4, 9, 9}, {3, 9, 10, 10}, {9, 12, 13, 13}, {20, 20, 20, 20}}, {}, 0};
  const std::string text = to_text(make_trace(program, timing));
  EXPECT_THAT(text, HasSubstr("\n9 dma worked 0\n9 dma ended 0\n9 dma issued 3 copy\n9 dma started 2\n"
                              "9 settings worked 1\n9 settings ended 1\n10 dma worked 2\n"));
}

TEST(TextTrace, ReadsBackWhatItWrote) {
  std::mt19937 random(3);
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    const ClockedProgram p = random_clocked_program(seed);
    const Trace trace = make_trace(p.program, p.timing);
    EXPECT_EQ(trace.size(), 4 * (p.program.size() - 1) + 2);
    EXPECT_TRUE(std::is_sorted(trace.begin(), trace.end()));
    EXPECT_EQ(parse_trace(to_text(trace), "text"), trace);
    // A tracer of another engine may write the lines of a cycle in any order.
    std::vector<std::string> lines;
    for (const TraceRecord& record : trace) lines.push_back(to_line(record));
    std::shuffle(lines.begin(), lines.end(), random);
    std::string text = "# from elsewhere\n\n";
    for (const std::string& line : lines) text += "  " + line + "\t # why\r\n";
    EXPECT_EQ(parse_trace(text, "text"), trace);
  }
}

TEST(TextTrace, KeepsFiles) {
  const testing::ScratchDirectory scratch;
  const Example e;
  const Trace trace = make_trace(e.program, e.timing);
  write_trace(scratch / "trace.txt", trace);
  EXPECT_EQ(read_trace(scratch / "trace.txt"), trace);
  EXPECT_THROW(read_trace(scratch / "none.txt"), compiler::InputError);
  EXPECT_THROW(write_trace(scratch / "none" / "trace.txt", trace), std::system_error);
}

TEST(TextTrace, NamesEveryWrongLine) {
  try {
    parse_trace(
        "1 dma issued 0 copy\n-1 dma started 0\n2 pump started 0\n# fine\n3 dma begun 0\n4 dma ended x\n"
        "5 dma ended\n99999999999999999999 dma ended 0\n6x dma ended 0",
        "t.txt");
    FAIL() << "accepted";
  } catch (const compiler::InputError& error) {
    std::string text;
    for (const compiler::InputFinding& f : error.findings())
      text += f.place + ": " + f.found + ": " + f.expected + "\n";
    EXPECT_EQ(text,
              "t.txt, line 2: \"-1\": a cycle\n"
              "t.txt, line 3: \"pump\": a unit\n"
              "t.txt, line 5: \"begun\": issued, started, worked or ended\n"
              "t.txt, line 6: \"x\": the place of an instruction\n"
              "t.txt, line 7: the end of the line: the place of an instruction\n"
              "t.txt, line 8: \"99999999999999999999\": a cycle\n"
              "t.txt, line 9: \"6x\": a cycle\n");
  }
}

TEST(TextTrace, ShowsTheFirstDifference) {
  const Example e;
  const Trace trace = make_trace(e.program, e.timing);
  EXPECT_FALSE(first_difference(trace, trace));
  EXPECT_FALSE(first_difference({}, {}));
  models::ProgramTiming later = e.timing;
  later.instructions[1].started = 78;
  const auto difference = first_difference(trace, make_trace(e.program, later), 1);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->record, 5u);
  EXPECT_EQ(to_line(*difference->first), "76 tensor started 1 wait=0x2");
  EXPECT_EQ(to_line(*difference->second), "78 tensor started 1 wait=0x2");
  EXPECT_EQ(difference->context,
            "  75 dma ended 0 signal=0x2\n"
            "- 76 tensor started 1 wait=0x2\n- 165 tensor worked 1\n"
            "+ 78 tensor started 1 wait=0x2\n+ 165 tensor worked 1\n");
  Trace shorter = trace;
  shorter.pop_back();
  const auto ended = first_difference(shorter, trace);
  ASSERT_TRUE(ended);
  EXPECT_FALSE(ended->first);
  EXPECT_EQ(*ended->second, trace.back());
  EXPECT_TRUE(first_difference(trace, {}));
}

TEST(TextTrace, FindsEveryChangeOfARecord) {
  std::mt19937 random(11);
  const ClockedProgram p = random_clocked_program(5);
  const Trace trace = make_trace(p.program, p.timing);
  for (int n = 0; n < 200; ++n) {
    Trace changed = trace;
    const std::size_t k = random() % changed.size();
    switch (n % 5) {
      case 0:
        ++changed[k].cycle;
        break;
      case 1:
        changed[k].unit = isa::Unit::kSequencer;
        break;
      case 2:
        changed[k].event = TraceEvent::kWorked;
        break;
      case 3:
        ++changed[k].index;
        break;
      default:
        changed[k].detail += "x";
    }
    if (changed[k] == trace[k]) continue;
    const auto difference = first_difference(trace, changed);
    ASSERT_TRUE(difference);
    EXPECT_EQ(difference->record, k);
  }
}

}  // namespace
}  // namespace anzan::sim::text_trace_test
