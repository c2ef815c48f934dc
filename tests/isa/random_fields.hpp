// Seeded random programs and access to fields by their place in the generated table.
#pragma once
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "isa/program.hpp"

namespace anzan::isa::test {

// Values at which a field is most likely to be wrong: limits, zero, one-hot, all but one; every value of
// an enum. All of them fit the field.
std::vector<std::int64_t> corner_values(const FieldInfo& field);

// Any member bits; a value beyond the field is kept as far as the member's type holds it.
void set_field(Instruction& instruction, int row, std::int64_t value);
std::int64_t get_field(const Instruction& instruction, int row);
std::map<std::string, std::int64_t> get_fields(const Instruction& instruction);

// An encodable program: each field at its default, a corner or uniformly random.
Program random_program(std::mt19937_64& random, int instructions);

}  // namespace anzan::isa::test
