// Allocation problems as CSV: what is read comes back with offsets; what is wrong is named by line and
// column.
#include "sim/allocation_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "compiler/input/input_error.hpp"

namespace anzan::sim::allocation_file_test {
namespace {

using compiler::InputError;

std::string error_of(const std::string& text) {
  try {
    parse_allocation("p.csv", text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(AllocationFile, ComesBackWithOffsets) {
  const std::string text = "size,id,upper,lower\n4, b1 ,3,-2\n7,b2,9,3\n";
  const AllocationProblem problem = parse_allocation("p.csv", text);
  ASSERT_EQ(problem.buffers.size(), 2U);
  EXPECT_EQ(problem.buffers[0].lower, -2);
  EXPECT_EQ(problem.buffers[0].upper, 3);
  EXPECT_EQ(problem.buffers[0].size, 4);
  EXPECT_EQ(problem.buffers[1].size, 7);
  EXPECT_EQ(allocation_text(problem, {0, 5}), "size,id,upper,lower,offset\n4, b1 ,3,-2,0\n7,b2,9,3,5\n");
  const AllocationProblem other =
      parse_allocation("p.csv", "buffer,start,end,size\r\nb,0,1,9223372036854775807\r\n\r\n");
  EXPECT_EQ(other.header, "buffer,start,end,size");
  EXPECT_EQ(other.buffers.at(0).size, 9223372036854775807);
}

TEST(AllocationFile, WrongInputsAreNamed) {
  struct Case {
    std::string text, place, found;
  };
  const std::string header = "id,lower,upper,size\n";
  const std::vector<Case> cases{
      {"", "p.csv", "no header"},
      {"\n", "p.csv", "no header"},
      {header, "p.csv", "no buffer"},
      {"1,0,3,4\n", "line 1, column 1", "found 1,"},
      {"id,lower,upper\n", "line 1, column 4", "no column size"},
      {"id,lower,upper,size,offset\n1,0,1,2,0\n", "line 1, column 5", "offset"},
      {"id,lower,upper,size,alignment\n", "line 1, column 5", "alignment"},
      {"id,lower,upper,size,gaps\n", "line 1, column 5", "gaps"},
      {"id,lower,upper,size,size\n", "line 1, column 5", "size"},
      {"id,lower,start,upper,size\n", "line 1, column 3", "start"},
      {header + "a,0,1\n", "line 2, column 4", "3 values"},
      {header + "a,0,1,2,3\n", "line 2, column 5", "5 values"},
      {header + "a,0,1,2\n\nb,0,1,2\n", "line 3, column 2", "1 values"},
      {header + ",0,1,2\n", "line 2, column 1", "nothing"},
      {header + "a,0,1,2\nb,1,2,3\na,4,5,6\n", "line 4, column 1", "line 2 has the same"},
      {header + "a,x,1,2\n", "line 2, column 2", "found x"},
      {header + "a,0,1.5,2\n", "line 2, column 3", "found 1.5"},
      {header + "a,0,9223372036854775808,2\n", "line 2, column 3", "an integer from"},
      {header + "a,-9223372036854775809,0,2\n", "line 2, column 2", "an integer from"},
      {header + "a,5,5,2\n", "line 2, column 3", "more than lower, 5"},
      {header + "a,5,4,2\n", "line 2, column 3", "more than lower, 5"},
      {header + "a,0,1,0\n", "line 2, column 4", "at least 1"},
      {header + "a,0,1,-3\n", "line 2, column 4", "at least 1"},
      {header + "a,0,1,9223372036854775807\nb,7,9,1\n", "line 3, column 4", "all together"},
      {header + std::string("a,0,\0,2\n", 8), "line 2, column 3", "NUL"},
      {header + "\"a,b\",0,1,2\n", "line 2, column 1", "a quote"},
      {header + "a,0\r,1,2\n", "line 2, column 2", "carriage return"}};
  for (const Case& c : cases) {
    EXPECT_THAT(error_of(c.text), ::testing::HasSubstr(c.place)) << c.text;
    EXPECT_THAT(error_of(c.text), ::testing::HasSubstr(c.found)) << c.text;
  }
}

// A right text with a few characters changed is read or refused, and what is read is well formed.
TEST(AllocationFile, ChangedTextsAreReadOrRefused) {
  constexpr std::string_view kCharacters{"0123456789-,,\n\r\" abidlowerupsz\0\xff", 33};
  int read = 0, refused = 0;
  for (std::uint32_t seed = 1; seed <= 3000; ++seed) {
    std::mt19937 random(seed);
    std::string text = "id,lower,upper,size\n";
    for (int i = 0; i < 5; ++i)
      text += std::to_string(i) + "," + std::to_string(random() % 9) + "," +
              std::to_string(9 + random() % 9) + "," + std::to_string(1 + random() % 99) + "\n";
    for (std::uint32_t change = 0; change < 1 + seed % 3; ++change) {
      const std::size_t at = random() % text.size();
      const char character = kCharacters[random() % kCharacters.size()];
      if (random() % 3 == 0)
        text.erase(at, 1);
      else if (random() % 2 == 0)
        text.insert(at, 1, character);
      else
        text[at] = character;
    }
    try {
      const AllocationProblem problem = parse_allocation("p.csv", text);
      EXPECT_NO_THROW(compiler::check_buffers(problem.buffers)) << "seed " << seed;
      EXPECT_EQ(problem.lines.size(), problem.buffers.size());
      ++read;
    } catch (const InputError& error) {
      EXPECT_FALSE(error.findings().empty());
      ++refused;
    }
  }
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace anzan::sim::allocation_file_test
