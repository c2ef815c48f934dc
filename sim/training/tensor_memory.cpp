// Single elements; bulk transfers have tables of their own (batch_writer).
#include "sim/training/tensor_memory.hpp"

#include <cstring>

#include "compiler/graph/layout.hpp"

namespace anzan::sim {

std::int32_t TensorMemory::get(std::int64_t index) const {
  const int bits = models::element_bits(tensor_.format);
  std::uint32_t raw = 0;
  std::memcpy(&raw, core_.hbm() + offset(index), static_cast<std::size_t>(bits / 8));  // little-endian
  return static_cast<std::int32_t>(raw << (32 - bits)) >> (32 - bits);
}

void TensorMemory::set(std::int64_t index, std::int32_t element) {
  std::memcpy(core_.hbm() + offset(index), &element,
              static_cast<std::size_t>(models::element_bytes(tensor_.format)));
}

void write_initial(models::Core& core, const compiler::TensorInfo& rows, const std::vector<float>& values) {
  TensorMemory memory(core, rows);
  const compiler::Range there = compiler::rows_there(rows);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const std::int64_t row = rows.place(index).row;
    if (row >= there.begin && row < there.end)
      memory.set(index, static_cast<std::int32_t>(models::bits_of_float(values[i])));
  }
}

}  // namespace anzan::sim
