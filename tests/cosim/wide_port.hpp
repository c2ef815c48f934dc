// Ports of a Verilated module as bytes, least significant first, whatever type Verilator gives them.
#pragma once
#include <verilated.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace anzan::cosim {

template <class Port>
std::vector<std::uint8_t> bytes_of(const Port& port) {
  std::vector<std::uint8_t> bytes(sizeof(Port));
  std::memcpy(bytes.data(), &port, sizeof(Port));
  return bytes;
}

// Takes the whole port, `bytes` at most; the rest of it becomes zero.
template <class Port>
void set_bytes(Port& port, const void* bytes, std::size_t size) {
  std::vector<std::uint8_t> all(sizeof(Port), 0);
  std::memcpy(all.data(), bytes, size < sizeof(Port) ? size : sizeof(Port));
  std::memcpy(static_cast<void*>(&port), all.data(), sizeof(Port));
}

inline bool bit(const std::vector<std::uint8_t>& bytes, std::size_t number) {
  return (bytes[number / 8] >> number % 8 & 1) != 0;
}

// What a write port does to the line at `line`.
template <class Enables, class Data>
void write_line(std::uint8_t* line, const Enables& enables, const Data& data) {
  const std::vector<std::uint8_t> enabled = bytes_of(enables), bytes = bytes_of(data);
  for (std::size_t k = 0; k < bytes.size(); ++k)
    if (bit(enabled, k)) line[k] = bytes[k];
}

}  // namespace anzan::cosim
