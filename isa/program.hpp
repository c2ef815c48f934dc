// Programs in memory and as binary words. Encoding is exact in both directions: what decode accepts,
// encode gives back word for word.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "isa/isa_generated.hpp"

namespace anzan::isa {

using Program = std::vector<Instruction>;

// A program or its encoding is wrong: says where, what stands there and what was expected.
class ProgramError : public std::runtime_error {
 public:
  struct Place {
    std::size_t instruction = 0;  // counted from 0
    std::size_t word = 0;         // of the encoded program
    std::string field;            // "opcode", "a.stride[3]", "padding", or "words" where it ends too early
  };
  ProgramError(Place place, std::string found, std::string expected);
  const Place& place() const { return place_; }
  const std::string& found() const { return found_; }
  const std::string& expected() const { return expected_; }

 private:
  Place place_;
  std::string found_, expected_;
};

inline const InstructionInfo& info(const Instruction& instruction) {
  return kInstructions[instruction.index()];
}
inline Opcode opcode(const Instruction& instruction) { return info(instruction).opcode; }
inline Unit unit(const Instruction& instruction) { return info(instruction).unit; }
// The semaphores that every instruction waits for before it starts, and raises when it has ended: a bit each.
inline std::uint32_t& wait(Instruction& instruction) {
  return *std::visit([](auto& i) { return &i.wait; }, instruction);
}
inline std::uint32_t wait(const Instruction& instruction) {
  return std::visit([](const auto& i) { return i.wait; }, instruction);
}
inline std::uint32_t& signal(Instruction& instruction) {
  return *std::visit([](auto& i) { return &i.signal; }, instruction);
}
inline std::uint32_t signal(const Instruction& instruction) {
  return std::visit([](const auto& i) { return i.signal; }, instruction);
}

// What the field can hold, in words: "0 to 63", "int8, int16 or fp32".
std::string permitted(const FieldInfo& field);

// Throws ProgramError for a member whose value does not fit its field.
std::vector<std::uint32_t> encode(const Program& program);

// Throws ProgramError for an unknown opcode or enum value, an instruction cut short, and padding bits
// that are not zero.
Program decode(const std::vector<std::uint32_t>& words);

}  // namespace anzan::isa
