// Encoder and decoder: round trips over every field's limits, agreement with isa.json as the test reads
// it, and every kind of error.
#include "isa/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/isa/isa_description.hpp"
#include "tests/isa/random_fields.hpp"

namespace anzan::isa::test::program_test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSeed = 20261121;

// Calls with every instruction's number and every row of its field table.
template <class F>
void for_each_field(F&& f) {
  for (std::size_t kind = 0; kind < kInstructions.size(); ++kind)
    for (int row = 0; row < kInstructions[kind].field_count; ++row) {
      SCOPED_TRACE(std::string(kInstructions[kind].name) + "." +
                   std::string(kInstructions[kind].fields[row].name));
      f(kind, row, kInstructions[kind].fields[row]);
    }
}

template <class F>
ProgramError error_of(F&& f) {
  try {
    f();
  } catch (const ProgramError& error) {
    return error;
  }
  ADD_FAILURE() << "no ProgramError";
  return ProgramError({}, "", "");
}

TEST(Tables, SayWhatIsaJsonSays) {
  const nlohmann::json isa = read_isa_json();
  const std::vector<PlacedInstruction> placed = place_instructions(isa);
  ASSERT_EQ(placed.size(), kInstructions.size());
  for (std::size_t kind = 0; kind < placed.size(); ++kind) {
    SCOPED_TRACE(placed[kind].name);
    const InstructionInfo& generated = kInstructions[kind];
    EXPECT_EQ(generated.name, placed[kind].name);
    EXPECT_EQ(static_cast<std::uint32_t>(generated.opcode), placed[kind].opcode);
    EXPECT_EQ(name(generated.opcode), placed[kind].name);
    EXPECT_EQ(name(generated.unit), placed[kind].unit);
    EXPECT_EQ(generated.words, placed[kind].words);
    EXPECT_EQ(make_instruction(kind).index(), kind);
    ASSERT_EQ(static_cast<std::size_t>(generated.field_count) + 1, placed[kind].fields.size());
    EXPECT_EQ(placed[kind].fields[0].name, "opcode");
    EXPECT_EQ(placed[kind].fields[0].width, kOpcodeBits);
    for (int row = 0; row < generated.field_count; ++row) {
      const FieldInfo& field = generated.fields[row];
      const PlacedField& expected = placed[kind].fields[static_cast<std::size_t>(row) + 1];
      SCOPED_TRACE(expected.name);
      EXPECT_EQ(field.name, expected.name);
      EXPECT_EQ(field.offset, expected.word * 32 + expected.shift);
      EXPECT_EQ(field.width, expected.width);
      EXPECT_EQ(field.kind == FieldKind::kSigned, expected.is_signed);
      if (field.kind == FieldKind::kEnum) {
        EXPECT_EQ(field.values->name, expected.type);
      }
      EXPECT_EQ(get_field(make_instruction(kind), row), field.default_value);
    }
  }
}

TEST(Tables, HoldTheEnumsAndConstantsOfIsaJson) {
  const nlohmann::json isa = read_isa_json();
  for_each_field([&](std::size_t, int, const FieldInfo& field) {
    if (field.kind != FieldKind::kEnum) return;
    const nlohmann::json& values = isa.at("enums").at(std::string(field.values->name)).at("values");
    ASSERT_EQ(static_cast<std::size_t>(field.values->size), values.size());
    for (int i = 0; i < field.values->size; ++i)
      EXPECT_EQ(field.values->entries[i].value, values.at(std::string(field.values->entries[i].name)).at(0));
  });
  EXPECT_EQ(kLoops, isa.at("architecture").at("loops"));
  EXPECT_EQ(kHistogramOrigin, isa.at("architecture").at("histogram_origin"));
  EXPECT_EQ(kBinaryPointMin, isa.at("architecture").at("binary_point_min"));
  EXPECT_EQ(nlohmann::json(kLanes), isa.at("architecture").at("lanes"));
}

TEST(Enums, GoToTextAndBack) {
  EXPECT_STREQ(name(VectorOp::kSelectEq), "select_eq");
  EXPECT_STREQ(name(Policy::kStatic), "static");
  for (const EnumEntry& entry : kPolicyEntries) {
    ASSERT_TRUE(parse_policy(entry.name).has_value());
    EXPECT_EQ(name(*parse_policy(entry.name)), entry.name);
    EXPECT_EQ(to_integer(*parse_policy(entry.name)), entry.value);
  }
  EXPECT_EQ(parse_vector_op("f2i"), VectorOp::kF2i);
  EXPECT_EQ(parse_rounding("nearest"), std::nullopt);
  EXPECT_EQ(parse_format(""), std::nullopt);
}

TEST(Encoding, RoundTripsAtEveryFieldsLimits) {
  for_each_field([&](std::size_t kind, int row, const FieldInfo& field) {
    const std::vector<std::uint32_t> plain = encode({make_instruction(kind)});
    for (const std::int64_t value : corner_values(field)) {
      Instruction instruction = make_instruction(kind);
      set_field(instruction, row, value);
      ASSERT_EQ(get_field(instruction, row), value);
      const std::vector<std::uint32_t> words = encode({instruction});
      ASSERT_EQ(decode(words), Program{instruction}) << "value " << value;
      ASSERT_EQ(words.size(), plain.size());
      for (std::size_t word = 0; word < words.size(); ++word) {
        const bool is_place = static_cast<std::size_t>(field.offset / 32) == word;
        const std::uint64_t own = is_place ? ((std::uint64_t{1} << field.width) - 1) << field.offset % 32 : 0;
        ASSERT_EQ((words[word] ^ plain[word]) & ~own, 0u) << "value " << value << " changes word " << word;
      }
    }
  });
}

TEST(Encoding, OfRandomProgramsReadsBackByIsaJson) {
  const std::vector<PlacedInstruction> placed = place_instructions(read_isa_json());
  for (std::uint64_t seed = kSeed; seed < kSeed + 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const Program program = random_program(random, 40);
    const std::vector<std::uint32_t> words = encode(program);
    ASSERT_EQ(decode(words), program);
    std::size_t at = 0;
    for (const Instruction& instruction : program) {
      const PlacedInstruction& kind = placed.at(instruction.index());
      ASSERT_EQ(words.at(at) & 0xffu, kind.opcode);
      ASSERT_EQ(read_fields(kind, words, at), get_fields(instruction)) << kind.name;
      at += static_cast<std::size_t>(kind.words);
    }
    ASSERT_EQ(at, words.size());
  }
}

TEST(Encoding, OfTheEmptyProgramIsEmpty) {
  EXPECT_TRUE(encode({}).empty());
  EXPECT_TRUE(decode({}).empty());
}

TEST(Equality, SeesEveryField) {
  for_each_field([&](std::size_t kind, int row, const FieldInfo& field) {
    Instruction changed = make_instruction(kind);
    set_field(changed, row, field.default_value == 1 ? 0 : 1);
    EXPECT_NE(changed, make_instruction(kind));
    set_field(changed, row, field.default_value);
    EXPECT_EQ(changed, make_instruction(kind));
  });
}

TEST(EncodeErrors, EveryMemberThatExceedsItsField) {
  const nlohmann::json isa = read_isa_json();
  const std::vector<PlacedInstruction> placed = place_instructions(isa);
  int numbers = 0, enums = 0;
  for_each_field([&](std::size_t kind, int row, const FieldInfo&) {
    const PlacedField& field = placed.at(kind).fields.at(static_cast<std::size_t>(row) + 1);
    std::vector<std::int64_t> permitted_values;
    if (isa.at("enums").contains(field.type))
      for (const nlohmann::json& value : isa.at("enums").at(field.type).at("values"))
        permitted_values.push_back(value.at(0));
    for (std::int64_t step = 0; step < 256; ++step) {
      Instruction instruction = make_instruction(kind);
      set_field(instruction, row, step << (field.width > 8 ? field.width - 4 : 0));
      const std::int64_t held = get_field(instruction, row);
      if (permitted_values.empty() ? field.is_signed || held >> field.width == 0
                                   : std::count(permitted_values.begin(), permitted_values.end(), held) > 0)
        continue;
      const ProgramError error = error_of([&] { encode({End{}, instruction}); });
      ASSERT_EQ(error.place().instruction, 1u);
      ASSERT_EQ(error.place().word, static_cast<std::size_t>(kEndWords + field.word));
      ASSERT_EQ(error.place().field, field.name);
      ASSERT_EQ(error.found(), std::to_string(held));
      ++(permitted_values.empty() ? numbers : enums);
    }
  });
  EXPECT_GT(numbers, 1000);
  EXPECT_GT(enums, 1000);
}

TEST(EncodeErrors, NameValueAndExpectation) {
  Tensor tensor;
  tensor.format = static_cast<Format>(3);
  EXPECT_STREQ(error_of([&] { encode({tensor}); }).what(),
               "instruction 0, word 3, format: found 3, expected int8, int16 or fp32");
  Tensor tall;
  tall.row_count = 64;
  EXPECT_STREQ(error_of([&] { encode({tall}); }).what(),
               "instruction 0, word 5, row_count: found 64, expected 0 to 63");
}

TEST(DecodeErrors, EveryUnknownOpcode) {
  for (std::uint32_t opcode = 0; opcode < 256; ++opcode) {
    const bool known = std::any_of(kInstructions.begin(), kInstructions.end(), [opcode](const auto& kind) {
      return static_cast<std::uint32_t>(kind.opcode) == opcode;
    });
    if (known) continue;
    std::vector<std::uint32_t> words = encode({End{}, End{}});
    words[kEndWords] = opcode;
    const ProgramError error = error_of([&] { decode(words); });
    EXPECT_EQ(error.place().field, "opcode");
    EXPECT_EQ(error.place().instruction, 1u);
    EXPECT_EQ(error.place().word, static_cast<std::size_t>(kEndWords));
    EXPECT_EQ(error.found(), std::to_string(opcode));
    EXPECT_THAT(error.expected(), HasSubstr("3 tensor"));
  }
}

TEST(DecodeErrors, EveryUnknownEnumValue) {
  int tried = 0;
  for_each_field([&](std::size_t kind, int, const FieldInfo& field) {
    if (field.kind != FieldKind::kEnum) return;
    for (std::int64_t value = 0; value <= maximum(field); ++value) {
      if (find_value(*field.values, value) != nullptr) continue;
      std::vector<std::uint32_t> words = encode({make_instruction(kind)});
      words[static_cast<std::size_t>(field.offset / 32)] |= static_cast<std::uint32_t>(value)
                                                            << field.offset % 32;
      const ProgramError error = error_of([&] { decode(words); });
      EXPECT_EQ(error.place().field, field.name);
      EXPECT_EQ(error.found(), std::to_string(value));
      ++tried;
    }
  });
  EXPECT_GT(tried, 10);
}

TEST(DecodeErrors, EveryPaddingBit) {
  int tried = 0;
  for (const PlacedInstruction& kind : place_instructions(read_isa_json())) {
    std::vector<std::uint64_t> free(static_cast<std::size_t>(kind.words), 0xffffffffu);
    for (const PlacedField& field : kind.fields)
      free[static_cast<std::size_t>(field.word)] &= ~(((std::uint64_t{1} << field.width) - 1) << field.shift);
    for (std::size_t word = 0; word < free.size(); ++word)
      for (int bit = 0; bit < 32; ++bit) {
        if ((free[word] >> bit & 1u) == 0) continue;
        std::vector<std::uint32_t> words(free.size());
        words[0] = kind.opcode;
        ASSERT_NO_THROW(decode(words));
        words[word] |= 1u << bit;
        const ProgramError error = error_of([&] { decode(words); });
        EXPECT_EQ(error.place().field, "padding") << kind.name;
        EXPECT_EQ(error.place().word, word);
        ++tried;
      }
  }
  EXPECT_GT(tried, 100);
}

TEST(DecodeErrors, EveryTruncation) {
  for (std::size_t kind = 0; kind < kInstructions.size(); ++kind) {
    const std::vector<std::uint32_t> whole = encode({make_instruction(kind)});
    for (std::size_t length = 1; length < whole.size(); ++length) {
      const ProgramError error = error_of([&] {
        decode({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
      });
      EXPECT_EQ(error.place().field, "words");
      EXPECT_EQ(error.found(), std::to_string(length) + " words");
      EXPECT_EQ(error.expected(),
                std::to_string(whole.size()) + " for " + std::string(kInstructions[kind].name));
    }
  }
}

TEST(DecodeErrors, RandomWordsNeverGoUnnoticed) {
  for (std::uint64_t seed = kSeed; seed < kSeed + 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::vector<std::uint32_t> words = encode(random_program(random, 6));
    for (int change = 0; change < 3; ++change) words[random() % words.size()] ^= 1u << random() % 32;
    try {
      const Program program = decode(words);
      ASSERT_EQ(encode(program), words);
    } catch (const ProgramError& error) {
      ASSERT_LT(error.place().word, words.size());
    }
  }
}

}  // namespace
}  // namespace anzan::isa::test::program_test
