// Slots are known by their names, whatever the instruction.
#include "models/plan.hpp"

#include <string>

#include "models/instruction_error.hpp"

namespace anzan::models {
namespace {

// "slot", "slot_o", "a.slot"
bool names_slot(const isa::FieldInfo& field) {
  const std::size_t dot = field.name.rfind('.');
  return field.name.substr(dot == std::string_view::npos ? 0 : dot + 1).rfind("slot", 0) == 0;
}

}  // namespace

void check_slots(const isa::Instruction& instruction, const MemorySizes& sizes) {
  isa::visit_fields(instruction, [&sizes](const isa::FieldInfo& field, const auto& value) {
    if (!names_slot(field) || static_cast<std::int64_t>(value) < sizes.slots) return;
    throw InstructionError(std::string(field.name), std::to_string(static_cast<std::int64_t>(value)),
                           "a slot below " + std::to_string(sizes.slots) + ", of as many as the chip has");
  });
}

}  // namespace anzan::models
