// Assembler and disassembler: exact round trips, the text as people see it, and errors with their place.
#include "isa/assembly.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/isa/random_fields.hpp"

namespace anzan::isa::test::assembly_test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSeed = 20261121;

TEST(Assembly, ReadsWell) {
  Copy copy;
  copy.signal = 0x1;
  copy.element = Format::kFp32;
  copy.src_space = Space::kHbm;
  copy.loops = {1, 1, 1, 1, 1, 1, 1, 64};
  copy.src.base = 4096;
  copy.src.stride = {0, 0, 0, 0, 0, 0, 0, 1};
  copy.dst.stride = {0, 0, 0, 0, 0, 0, 0, 1};
  Tensor tensor;
  tensor.wait = 0x1;
  tensor.signal = 0x80000000;
  tensor.reduce = 3;
  tensor.init = Init::kBias;
  tensor.slot_a = 1;
  tensor.slot_b = 2;
  tensor.slot_o = 3;
  tensor.row_count = 16;
  tensor.mask.lane_count = 16;
  tensor.loops = {1, 1, 1, 24, 24, 1, 5, 5};
  tensor.b.base = 64;
  tensor.b.stride = {0, 0, 0, 28, 1, 0, 28, 1};
  tensor.x.lane_stride = -11520;
  const Program program{copy, tensor, End{}};
  const std::string text =
      "copy signal=0x1 element=fp32 src_space=hbm loops=[64] src.base=4096 src.stride=[1] dst.stride=[1]\n"
      "tensor wait=0x1 signal=0x80000000 reduce=3 init=bias slot_a=1 slot_b=2 slot_o=3 row_count=16 "
      "mask.lane_count=16 loops=[24 24 1 5 5] b.base=64 b.stride=[28 1 0 28 1] x.lane_stride=-11520\n"
      "end\n";
  EXPECT_EQ(disassemble(program), text);
  EXPECT_EQ(assemble(text), program);
}

TEST(Assembly, TakesTheExampleOfTheReadme) {
  std::ifstream file(ANZAN_ISA_README);
  std::string line, text;
  while (std::getline(file, line) && line != "## Text") {
  }
  while (std::getline(file, line) && line.substr(0, 2) != "- ") text += line + "\n";
  const Program program = assemble(text);
  ASSERT_EQ(program.size(), 3u) << text;
  EXPECT_EQ(std::get<Tensor>(program[1]).loops, (std::array<std::uint16_t, 8>{1, 1, 1, 24, 24, 1, 5, 5}));
}

TEST(Assembly, RoundTripsAtEveryFieldsLimits) {
  for (std::size_t kind = 0; kind < kInstructions.size(); ++kind)
    for (int row = 0; row < kInstructions[kind].field_count; ++row)
      for (const std::int64_t value : corner_values(kInstructions[kind].fields[row])) {
        Instruction instruction = make_instruction(kind);
        set_field(instruction, row, value);
        const std::string text = disassemble({instruction});
        ASSERT_EQ(assemble(text), Program{instruction}) << text;
      }
}

TEST(Assembly, RoundTripsRandomPrograms) {
  for (std::uint64_t seed = kSeed; seed < kSeed + 50; ++seed) {
    std::mt19937_64 random(seed);
    const Program program = random_program(random, 20);
    const std::string text = disassemble(program);
    ASSERT_EQ(assemble(text), program) << "seed " << seed << "\n" << text;
  }
}

TEST(Assembly, TakesSpacesCommentsAndAnyOrder) {
  Put put;
  put.core = 7;
  put.remote_signal = 0xff;
  put.loops = {1, 1, 1, 1, 1, 1, 2, 3};
  const std::string text =
      "# a put\n\n\tput  loops = [ 2 3 ]  # two loops\r\n"
      "   put core=0x7 remote_signal=255 loops=[1 1 1 1 1 1 2 3] src.stride=[]";
  Put first;
  first.loops = put.loops;
  EXPECT_EQ(assemble(text), (Program{first, put}));
  EXPECT_TRUE(assemble("").empty());
  EXPECT_TRUE(assemble("\n # nothing \n\n").empty());
}

TEST(Assembly, DisassembleRefusesWhatDoesNotEncode) {
  Vector vector;
  vector.reduction = static_cast<Reduction>(7);
  try {
    disassemble({End{}, vector});
    FAIL() << "no ProgramError";
  } catch (const ProgramError& error) {
    EXPECT_EQ(error.place().instruction, 1u);
    EXPECT_EQ(error.place().field, "reduction");
    EXPECT_EQ(error.found(), "7");
  }
}

struct Fault {
  std::string text;
  int line, column;
  std::string found, expected;
};

TEST(AssemblyErrors, HaveLineColumnFindingAndExpectation) {
  const std::vector<Fault> faults{
      {"end\nmatmul", 2, 1, "'matmul'", "an instruction: end copy"},
      {"=", 1, 1, "'='", "an instruction"},
      {"end wait", 1, 9, "the end of the line", "="},
      {"end wait=", 1, 10, "the end of the line", "0 to 4294967295"},
      {"end wait=4294967296", 1, 10, "'4294967296'", "0 to 4294967295"},
      {"end wait=0x", 1, 10, "'0x'", "0 to 4294967295"},
      {"end wait=0x-1", 1, 10, "'0x-1'", "0 to 4294967295"},
      {"end wait=99999999999999999999", 1, 10, "'99999999999999999999'", "0 to 4294967295"},
      {"end slot=3", 1, 5, "'slot'", "a field of end: wait signal"},
      {"\n update slot=65536 # too large", 2, 14, "'65536'", "0 to 65535"},
      {"update slot=-1", 1, 13, "'-1'", "0 to 65535"},
      {"update slot=7x", 1, 13, "'7x'", "0 to 65535"},
      {"update slot=1 slot=2", 1, 15, "'slot'", "at most once"},
      {"update slot==1", 1, 13, "'='", "0 to 65535"},
      {"tensor format=int4", 1, 15, "'int4'", "int8, int16 or fp32"},
      {"tensor init=0", 1, 13, "'0'", "zero, bias or spill"},
      {"tensor loops=5", 1, 14, "'5'", "a list in [ ]"},
      {"tensor loops=[1 2", 1, 18, "the end of the line", "0 to 65535"},
      {"tensor loops=[1 2 3 4 5 6 7 8 9]", 1, 31, "'9'", "at most 8 values"},
      {"tensor a=5", 1, 8, "'a'", "a field of tensor"},
      {"tensor a.stride=[2147483648]", 1, 18, "'2147483648'", "-2147483648 to 2147483647"},
      {"tensor ]", 1, 8, "']'", "a field of tensor"},
  };
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.text);
    try {
      assemble(fault.text);
      ADD_FAILURE() << "no AssemblyError";
    } catch (const AssemblyError& error) {
      EXPECT_EQ(error.line(), fault.line);
      EXPECT_EQ(error.column(), fault.column);
      EXPECT_THAT(error.what(), HasSubstr("found " + fault.found + ", expected"));
      EXPECT_THAT(error.what(), HasSubstr(fault.expected));
    }
  }
}

TEST(AssemblyErrors, MutatedTextIsRefusedOrMeansWhatItSays) {
  const std::string alphabet = "abcdelnorstx_.=[]# -0179\n\t\xff";
  for (std::uint64_t seed = kSeed; seed < kSeed + 500; ++seed) {
    std::mt19937_64 random(seed);
    std::string text = disassemble(random_program(random, 3));
    for (int change = 0; change < 3; ++change) {
      const std::size_t at = random() % text.size();
      const char replacement = alphabet[random() % alphabet.size()];
      if (random() % 2 == 0)
        text[at] = replacement;
      else
        text.insert(at, 1, replacement);
    }
    try {
      const Program program = assemble(text);
      ASSERT_EQ(assemble(disassemble(program)), program) << "seed " << seed << "\n" << text;
    } catch (const AssemblyError& error) {
      ASSERT_GE(error.line(), 1) << "seed " << seed;
      ASSERT_GE(error.column(), 1) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace anzan::isa::test::assembly_test
