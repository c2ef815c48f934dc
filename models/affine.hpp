// Affine loop nests: checked once against the memory that they walk through, and brought into the shortest
// form that visits the same addresses in the same order.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>

#include "isa/isa_generated.hpp"
#include "models/kernels/jobs.hpp"
#include "models/shared_table.hpp"

namespace anzan::models {

using Loops = std::array<std::uint16_t, isa::kLoops>;

// Smallest and largest address, both included.
struct AddressRange {
  std::int64_t first, last;
};

// Throws InstructionError for a count of 0, and where no 64 bits count the iterations.
void check_loops(const Loops& loops);

// Range of the loops [0, depth), each iteration reaching over [at + reach.first, at + reach.last]. Throws
// InstructionError if it does not lie in [0, size).
AddressRange check_address(const char* field, const isa::Address& address, const Loops& loops, int depth,
                           std::int64_t size, AddressRange reach = {0, 0});

// The loops [first, last), and a stream over them with base and strides times `scale`.
kernels::Nest nest_of(const Loops& loops, int first, int last);
kernels::Stream stream_of(std::int64_t base, const std::array<std::int32_t, isa::kLoops>& stride, int first,
                          int last, std::int64_t scale = 1);

std::int64_t iterations(const kernels::Nest& nest);

// Drops loops of one iteration and joins neighbours that all streams pass through as one.
void simplify(kernels::Nest& nest, std::initializer_list<kernels::Stream*> streams);

// Writes the innermost loops of a simplified nest out where the innermost is short; `offsets` becomes what
// the table holds, of no length without one.
kernels::Table table_of(const kernels::Nest& nest, std::initializer_list<const kernels::Stream*> streams,
                        SharedTable<std::int32_t>& offsets);

// True only if no two iterations touch the same address, each touching [at, at + extent). False says nothing.
bool surely_distinct(const kernels::Nest& nest, const kernels::Stream& stream, std::int64_t extent);

}  // namespace anzan::models
