// Element formats and where an element stands in a line of 32-bit words.
// Rows are numbered as in models/README.md: row r is sub-element r mod E of each word of line r div E.
#pragma once
#include <cstdint>
#include <cstring>

#include "isa/isa_generated.hpp"

namespace anzan::models {

// Bits of one element: 8, 16 or 32.
constexpr int element_bits(isa::Format format) {
  return format == isa::Format::kInt8 ? 8 : format == isa::Format::kInt16 ? 16 : 32;
}
constexpr int element_bytes(isa::Format format) { return element_bits(format) / 8; }

// E of models/README.md: elements in a word, which is also the number of rows in a line.
constexpr int elements_per_word(isa::Format format) { return isa::kWordBits / element_bits(format); }

constexpr bool is_integer(isa::Format format) { return format != isa::Format::kFp32; }

// True if integers of `width` bits can be stored in elements of `format`; fp32 has no width.
constexpr bool holds_width(isa::Format format, int width) {
  return !is_integer(format) || (width >= isa::kWidthMin && width <= element_bits(format));
}

// Place of a row: its line and its sub-element in each word of that line.
struct RowPlace {
  std::int64_t line;
  int sub;
};
// Rounds towards minus infinity, so that the place of a negative row lies outside every memory.
constexpr RowPlace row_place(isa::Format format, std::int64_t row) {
  const std::int64_t rows = elements_per_word(format);
  const std::int64_t sub = ((row % rows) + rows) % rows;
  return {(row - sub) / rows, static_cast<int>(sub)};
}
constexpr std::int64_t row_of_line(isa::Format format, std::int64_t line) {
  return line * elements_per_word(format);
}
// Lines that `rows` rows occupy from the start of a line.
constexpr std::int64_t lines_of_rows(isa::Format format, std::int64_t rows) {
  return (rows + elements_per_word(format) - 1) / elements_per_word(format);
}

// Element `sub` of a word: sign-extended for integers, the word's 32 bits for fp32.
constexpr std::int32_t get_element(std::uint32_t word, isa::Format format, int sub) {
  const int bits = element_bits(format);
  const std::uint32_t raised = word << (isa::kWordBits - bits * (sub + 1));
  return static_cast<std::int32_t>(raised) >> (isa::kWordBits - bits);
}

// `word` with its element `sub` replaced by the low bits of n.
constexpr std::uint32_t with_element(std::uint32_t word, isa::Format format, int sub, std::int32_t n) {
  const int bits = element_bits(format);
  const std::uint32_t mask = (bits == 32 ? 0xffffffffU : (1U << bits) - 1U) << (bits * sub);
  return (word & ~mask) | ((static_cast<std::uint32_t>(n) << (bits * sub)) & mask);
}

// The same in a line of words: element `sub` of word `lane`.
constexpr std::int32_t get_element(const std::uint32_t* line, isa::Format format, int sub, int lane) {
  return get_element(line[lane], format, sub);
}
inline void set_element(std::uint32_t* line, isa::Format format, int sub, int lane, std::int32_t n) {
  line[lane] = with_element(line[lane], format, sub, n);
}

inline float float_of_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline std::uint32_t bits_of_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The FP32 value of an element as get_element returned it, with binary point q (ignored for fp32).
// Exact for every q in the architecture's limits.
float element_value(isa::Format format, std::int32_t element, int q);

}  // namespace anzan::models
