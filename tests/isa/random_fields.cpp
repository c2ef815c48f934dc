// Draws programs from the generated tables.
#include "tests/isa/random_fields.hpp"

namespace anzan::isa::test {

std::vector<std::int64_t> corner_values(const FieldInfo& field) {
  std::vector<std::int64_t> values;
  if (field.kind == FieldKind::kEnum) {
    for (int i = 0; i < field.values->size; ++i) values.push_back(field.values->entries[i].value);
    return values;
  }
  values = {minimum(field), maximum(field), 0, field.default_value};
  for (int bit = 0; bit < field.width; ++bit) {
    const std::int64_t one_hot = std::int64_t{1} << bit;
    if (one_hot <= maximum(field)) {
      values.push_back(one_hot);
      values.push_back(maximum(field) - one_hot);
    }
    if (minimum(field) < 0) values.push_back(minimum(field) + (one_hot <= maximum(field) ? one_hot : 0));
  }
  return values;
}

void set_field(Instruction& instruction, int row, std::int64_t value) {
  int at = 0;
  visit_fields(instruction, [&](const FieldInfo&, auto& member) {
    if (at++ == row) member = from_integer<std::remove_reference_t<decltype(member)>>(value);
  });
}

std::int64_t get_field(const Instruction& instruction, int row) {
  int at = 0;
  std::int64_t value = 0;
  visit_fields(instruction, [&](const FieldInfo&, const auto& member) {
    if (at++ == row) value = to_integer(member);
  });
  return value;
}

std::map<std::string, std::int64_t> get_fields(const Instruction& instruction) {
  std::map<std::string, std::int64_t> values;
  visit_fields(instruction, [&values](const FieldInfo& field, const auto& member) {
    values[std::string(field.name)] = to_integer(member);
  });
  return values;
}

Program random_program(std::mt19937_64& random, int instructions) {
  Program program;
  for (int i = 0; i < instructions; ++i) {
    Instruction instruction = make_instruction(random() % kInstructions.size());
    visit_fields(instruction, [&random](const FieldInfo& field, auto& member) {
      const std::uint64_t choice = random() % 4;
      if (choice == 0) return;
      std::int64_t value;
      if (choice == 1 || field.kind == FieldKind::kEnum) {
        const std::vector<std::int64_t> corners = corner_values(field);
        value = corners[random() % corners.size()];
      } else {
        value = std::uniform_int_distribution<std::int64_t>(minimum(field), maximum(field))(random);
      }
      member = from_integer<std::remove_reference_t<decltype(member)>>(value);
    });
    program.push_back(instruction);
  }
  return program;
}

}  // namespace anzan::isa::test
