// The parts of an instruction as the ISA has them: numbers narrowed to their fields.
#include "compiler/instructions/operands.hpp"

namespace anzan::compiler {

isa::Mask lane_mask(std::int64_t first, std::int64_t count) {
  isa::Mask m;
  m.lane_first = static_cast<std::uint8_t>(first);
  m.lane_count = static_cast<std::uint8_t>(count);
  return m;
}

isa::Address at(std::int64_t base) {
  isa::Address a;
  a.base = static_cast<std::uint32_t>(base);
  return a;
}

isa::Operand rows(isa::Format format, int slot, std::int64_t row) {
  isa::Operand o;
  o.kind = isa::OperandKind::kRows;
  o.format = format;
  o.slot = static_cast<std::uint16_t>(slot);
  o.at = at(row);
  return o;
}

isa::Operand scalar(int entry) {
  isa::Operand o;
  o.kind = isa::OperandKind::kScalar;
  o.format = isa::Format::kFp32;
  o.at = at(entry);
  return o;
}

isa::Operand broadcast(std::int64_t element) {
  isa::Operand o;
  o.kind = isa::OperandKind::kBroadcast;
  o.format = isa::Format::kFp32;
  o.at = at(element);
  return o;
}

isa::Tensor multiplying(isa::Format format, int slot_a, int slot_b) {
  isa::Tensor t;
  t.format = format;
  t.slot_a = static_cast<std::uint16_t>(slot_a);
  t.slot_b = static_cast<std::uint16_t>(slot_b);
  return t;
}

void set_rows(isa::Tensor& t, std::int64_t first, std::int64_t count) {
  t.row_first = static_cast<std::uint8_t>(first);
  t.row_count = static_cast<std::uint8_t>(count);
}

isa::Index indices(std::int64_t first, std::int64_t lane_stride, std::int64_t row_stride) {
  isa::Index x;
  x.base = static_cast<std::uint32_t>(first);
  x.lane_stride = static_cast<std::int32_t>(lane_stride);
  x.row_stride = static_cast<std::int32_t>(row_stride);
  return x;
}

}  // namespace anzan::compiler
