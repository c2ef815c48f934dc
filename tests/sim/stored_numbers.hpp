// Small whole numbers as elements of a core's memory, in any format.
#pragma once
#include <cstdint>
#include <cstring>

#include "models/number_format.hpp"

namespace anzan::sim::testing {

inline void store_number(std::uint8_t* at, isa::Format format, int number) {
  const auto real = static_cast<float>(number);
  const void* from = models::is_integer(format) ? static_cast<const void*>(&number) : &real;
  std::memcpy(at, from, static_cast<std::size_t>(models::element_bytes(format)));
}

inline int stored_number(const std::uint8_t* at, isa::Format format) {
  if (format == isa::Format::kInt8) return static_cast<std::int8_t>(*at);
  if (format == isa::Format::kInt16) {
    std::int16_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  float value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<int>(value);
}

}  // namespace anzan::sim::testing
