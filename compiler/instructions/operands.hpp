// The parts of an instruction, by name.
#pragma once
#include <cstdint>

#include "compiler/instructions/narrow.hpp"
#include "isa/program.hpp"

namespace anzan::compiler {

isa::Mask lane_mask(std::int64_t first, std::int64_t count);
isa::Address at(std::int64_t base);

// What the vector unit reads: rows from this one on, at the binary point of the slot; an FP32 entry of the
// table of scalars; one FP32 element of the scratchpad, the same in all lanes.
isa::Operand rows(isa::Format format, int slot, std::int64_t row);
isa::Operand scalar(int entry);
isa::Operand broadcast(std::int64_t element);

// Of the tensor unit: products of elements of this format, at the points of these slots; the rows of its tile
// that are computed.
isa::Tensor multiplying(isa::Format format, int slot_a, int slot_b);
void set_rows(isa::Tensor& instruction, std::int64_t first, std::int64_t count);

// Of a transpose: rows and lanes of the blocks that it reads, and the rows that it writes.
isa::Transpose transposing(isa::Format format, std::int64_t rows, std::int64_t lanes, std::int64_t written);

// Logical indices of what is written: that of lane 0 in the first row, and how far it is to the next lane
// and, in an accumulator tile, to the next row.
isa::Index indices(std::int64_t first, std::int64_t lane_stride, std::int64_t row_stride = 0);

// The instruction writes elements of this format, by the settings of this slot.
template <class Arithmetic>
void writes_to(Arithmetic& instruction, isa::Format format, int slot) {
  instruction.out_format = format;
  instruction.slot_o = narrow<std::uint16_t>(slot, "a slot");
}
// The same for what has a format and a slot: an image, a tensor.
template <class Arithmetic, class Target>
void writes_to(Arithmetic& instruction, const Target& target) {
  writes_to(instruction, target.format, target.slot);
}

}  // namespace anzan::compiler
