// Encoder and decoder, driven by the generated field tables alone.
#include "isa/program.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace anzan::isa {
namespace {

constexpr std::uint32_t kOpcodeMask = (1u << kOpcodeBits) - 1u;

constexpr int longest() {
  int words = 0;
  for (const InstructionInfo& instruction : kInstructions)
    if (instruction.words > words) words = instruction.words;
  return words;
}

std::string hexadecimal(std::uint32_t value) {
  static const char digits[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += digits[value >> shift & 15u];
  return text;
}

std::string known_opcodes() {
  std::string text;
  for (const InstructionInfo& instruction : kInstructions) {
    if (!text.empty()) text += ", ";
    text += std::to_string(to_integer(instruction.opcode)) + " " + std::string(instruction.name);
  }
  return text;
}

std::string describe(const ProgramError::Place& place, const std::string& found,
                     const std::string& expected) {
  return "instruction " + std::to_string(place.instruction) + ", word " + std::to_string(place.word) + ", " +
         place.field + ": found " + found + ", expected " + expected;
}

// Bits of each word that fields occupy; all others are padding.
std::array<std::uint32_t, longest()> used_bits(const InstructionInfo& instruction) {
  std::array<std::uint32_t, longest()> used{};
  used[0] = kOpcodeMask;
  for (int i = 0; i < instruction.field_count; ++i)
    used[word_of(instruction.fields[i])] |= bits_of(instruction.fields[i]);
  return used;
}

// Reads the instruction that starts at word `at`, which the caller has found to be whole.
Instruction decode_one(const std::vector<std::uint32_t>& words, std::size_t at, std::size_t kind,
                       std::size_t number) {
  Instruction instruction = make_instruction(kind);
  visit_fields(instruction, [&](const FieldInfo& field, auto& member) {
    const std::size_t place = at + word_of(field);
    const std::int64_t value = value_in(words[place], field);
    if (!fits(field, value))
      throw ProgramError({number, place, std::string(field.name)}, std::to_string(value), permitted(field));
    member = from_integer<std::remove_reference_t<decltype(member)>>(value);
  });
  return instruction;
}

}  // namespace

ProgramError::ProgramError(Place place, std::string found, std::string expected)
    : std::runtime_error(describe(place, found, expected)),
      place_(std::move(place)),
      found_(std::move(found)),
      expected_(std::move(expected)) {}

std::string permitted(const FieldInfo& field) {
  if (field.kind != FieldKind::kEnum)
    return std::to_string(minimum(field)) + " to " + std::to_string(maximum(field));
  std::string text;
  for (int i = 0; i < field.values->size; ++i) {
    if (i > 0) text += i + 1 == field.values->size ? " or " : ", ";
    text += field.values->entries[i].name;
  }
  return text;
}

std::vector<std::uint32_t> encode(const Program& program) {
  std::vector<std::uint32_t> words;
  for (std::size_t number = 0; number < program.size(); ++number) {
    const InstructionInfo& kind = info(program[number]);
    const std::size_t at = words.size();
    words.resize(at + static_cast<std::size_t>(kind.words));
    words[at] = static_cast<std::uint32_t>(kind.opcode);
    visit_fields(program[number], [&](const FieldInfo& field, const auto& member) {
      const std::int64_t value = to_integer(member);
      const std::size_t place = at + word_of(field);
      if (!fits(field, value))
        throw ProgramError({number, place, std::string(field.name)}, std::to_string(value), permitted(field));
      words[place] |= bits_of(field, value);
    });
  }
  return words;
}

Program decode(const std::vector<std::uint32_t>& words) {
  std::array<std::array<std::uint32_t, longest()>, kInstructions.size()> used;
  std::transform(kInstructions.begin(), kInstructions.end(), used.begin(), used_bits);
  Program program;
  for (std::size_t at = 0; at < words.size();) {
    const std::uint32_t opcode = words[at] & kOpcodeMask;
    const auto found = std::find_if(
        kInstructions.begin(), kInstructions.end(),
        [opcode](const auto& candidate) { return static_cast<std::uint32_t>(candidate.opcode) == opcode; });
    if (found == kInstructions.end())
      throw ProgramError({program.size(), at, "opcode"}, std::to_string(opcode), known_opcodes());
    const std::size_t kind = static_cast<std::size_t>(found - kInstructions.begin());
    const std::size_t length = static_cast<std::size_t>(found->words);
    if (words.size() - at < length)
      throw ProgramError({program.size(), at, "words"}, std::to_string(words.size() - at) + " words",
                         std::to_string(length) + " for " + std::string(found->name));
    for (std::size_t i = 0; i < length; ++i) {
      const std::uint32_t padding = words[at + i] & ~used[kind][i];
      if (padding != 0)
        throw ProgramError({program.size(), at + i, "padding"}, hexadecimal(padding),
                           "zero bits between fields");
    }
    program.push_back(decode_one(words, at, kind, program.size()));
    at += length;
  }
  return program;
}

}  // namespace anzan::isa
