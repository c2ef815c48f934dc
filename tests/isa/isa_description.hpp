// isa.json read by the tests themselves: where each field of instructions and records lies and what its bits
// mean, worked out without the generator, so that an error of the generator shows.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace anzan::isa::test {

struct PlacedField {
  std::string name;  // "a.stride[3]"
  int word = 0, shift = 0, width = 0;
  bool is_signed = false;
  std::string type;  // as in isa.json
};

struct PlacedInstruction {
  std::string name, unit;
  std::uint32_t opcode = 0;
  int words = 0;
  std::vector<PlacedField> fields;  // with the opcode
};

struct PlacedRecord {
  std::string name;
  int words = 0;
  std::vector<PlacedField> fields;
};

nlohmann::json read_isa_json();

// Every record of isa.json, in its order.
std::vector<PlacedRecord> place_records(const nlohmann::ordered_json& isa);

// Every instruction of isa.json, in the order of opcodes.
std::vector<PlacedInstruction> place_instructions(const nlohmann::json& isa);

// Field values of one encoded instruction that starts at word `at`, without the opcode.
std::map<std::string, std::int64_t> read_fields(const PlacedInstruction& kind,
                                                const std::vector<std::uint32_t>& words, std::size_t at);

}  // namespace anzan::isa::test
