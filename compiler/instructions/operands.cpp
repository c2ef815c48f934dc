// The parts of an instruction as the ISA has them: numbers narrowed to their fields.
#include "compiler/instructions/operands.hpp"

#include "compiler/instructions/narrow.hpp"

namespace anzan::compiler {

isa::Mask lane_mask(std::int64_t first, std::int64_t count) {
  isa::Mask m;
  m.lane_first = narrow<std::uint8_t>(first, "the first lane");
  m.lane_count = narrow<std::uint8_t>(count, "lanes");
  return m;
}

isa::Address at(std::int64_t base) {
  isa::Address a;
  a.base = narrow<std::uint32_t>(base, "an address");
  return a;
}

isa::Operand rows(isa::Format format, int slot, std::int64_t row) {
  isa::Operand o;
  o.kind = isa::OperandKind::kRows;
  o.format = format;
  o.slot = narrow<std::uint16_t>(slot, "a slot");
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
  t.slot_a = narrow<std::uint16_t>(slot_a, "a slot");
  t.slot_b = narrow<std::uint16_t>(slot_b, "a slot");
  return t;
}

void set_rows(isa::Tensor& t, std::int64_t first, std::int64_t count) {
  t.row_first = narrow<std::uint8_t>(first, "the first row");
  t.row_count = narrow<std::uint8_t>(count, "rows");
}

isa::Transpose transposing(isa::Format format, std::int64_t rows, std::int64_t lanes, std::int64_t written) {
  isa::Transpose t;
  t.element = format;
  t.src_rows = narrow<std::uint8_t>(rows, "rows of a transpose");
  t.src_lanes = narrow<std::uint8_t>(lanes, "lanes of a transpose");
  t.dst_rows = narrow<std::uint8_t>(written, "rows that a transpose writes");
  return t;
}

isa::Index indices(std::int64_t first, std::int64_t lane_stride, std::int64_t row_stride) {
  isa::Index x;
  // indices count modulo 2^32: lanes that hold no element may lie before the first one
  x.base = static_cast<std::uint32_t>(first < 0 ? narrow<std::int32_t>(first, "an index")
                                                : narrow<std::uint32_t>(first, "an index"));
  x.lane_stride = narrow<std::int32_t>(lane_stride, "the index from lane to lane");
  x.row_stride = narrow<std::int32_t>(row_stride, "the index from row to row");
  return x;
}

}  // namespace anzan::compiler
