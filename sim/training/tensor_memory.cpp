// Single elements; bulk transfers have tables of their own (batch_writer).
#include "sim/training/tensor_memory.hpp"

#include <cstring>

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

}  // namespace anzan::sim
