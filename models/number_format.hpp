// Element formats: what each of them is, and where an element stands in a line of 32-bit words. Whoever wants
// to know something of a format asks here (the kernels, which share no code, have their own answers).
// Rows are numbered as in models/README.md: row r is sub-element r mod E of each word of line r div E.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "isa/isa_generated.hpp"

namespace anzan::models {

struct FormatTraits {
  isa::Format format;
  int bits;      // of an element
  bool integer;  // integers stand for n · 2^(-q) and have a width, a binary point and statistics of both
  int accumulator_lines;  // of one row of exact accumulators, as `spill` writes them
  std::uint32_t one;      // the element that stands for 1 (integers: at binary point 0)
};
// One row a format, in the order of the ISA.
inline constexpr FormatTraits kFormats[] = {
    {isa::Format::kInt8, 8, true, 2, 1},
    {isa::Format::kInt16, 16, true, 2, 1},
    {isa::Format::kFp32, 32, false, 1, 0x3f800000},
};

constexpr bool formats_are_the_isas() {
  if (std::size(kFormats) != static_cast<std::size_t>(isa::kFormatInfo.size)) return false;
  for (int f = 0; f < isa::kFormatInfo.size; ++f)
    if (static_cast<int>(kFormats[f].format) != f) return false;
  return true;
}
static_assert(formats_are_the_isas(), "a row of kFormats for each format of the ISA, in its order");

// All of them, for who walks them.
constexpr std::array<isa::Format, std::size(kFormats)> all_formats() {
  std::array<isa::Format, std::size(kFormats)> formats{};
  for (std::size_t f = 0; f < formats.size(); ++f) formats[f] = kFormats[f].format;
  return formats;
}

constexpr const FormatTraits& traits(isa::Format format) { return kFormats[static_cast<int>(format)]; }

constexpr int element_bits(isa::Format format) { return traits(format).bits; }
constexpr int element_bytes(isa::Format format) { return element_bits(format) / 8; }

// E of models/README.md: elements in a word, which is also the number of rows in a line.
constexpr int elements_per_word(isa::Format format) { return isa::kWordBits / element_bits(format); }
// The same as a shift.
constexpr int log2_elements_per_word(isa::Format format) {
  int log2 = 0;
  while ((1 << log2) < elements_per_word(format)) ++log2;
  return log2;
}

// Copies of whole lines take this format: an element fills a word, a row a line.
inline constexpr isa::Format kRawWords = isa::Format::kFp32;
// Of the line of biases that accumulators of any format start from.
inline constexpr isa::Format kBiasFormat = isa::Format::kFp32;

constexpr bool is_integer(isa::Format format) { return traits(format).integer; }
// Whether a tensor of this format has a binary point that statistics are taken for and the optimiser chooses.
constexpr bool has_binary_point(isa::Format format) { return is_integer(format); }

// True if integers of `width` bits can be stored in elements of `format`; fp32 has no width.
constexpr bool holds_width(isa::Format format, int width) {
  return !is_integer(format) || (width >= isa::kWidthMin && width <= element_bits(format));
}
// Width of a slot for which none is given: that of the element. Without a width of its own, the largest.
constexpr int default_width(isa::Format format) {
  return is_integer(format) ? element_bits(format) : isa::kWidthMax;
}

// Scratchpad lines of the spilled accumulators of `rows` rows of a tile.
constexpr std::int64_t accumulator_lines(isa::Format format, std::int64_t rows) {
  return rows * traits(format).accumulator_lines;
}

// Of two formats, the one in which the elements of both are computed with: every value of the other is one of
// its values too. Holds because no two formats have elements of the same size.
constexpr isa::Format wider(isa::Format a, isa::Format b) {
  return element_bits(a) < element_bits(b) ? b : a;
}
constexpr bool element_sizes_differ() {
  for (const FormatTraits& a : kFormats)
    for (const FormatTraits& b : kFormats)
      if (a.format != b.format && a.bits == b.bits) return false;
  return true;
}
static_assert(element_sizes_differ(), "two formats of one size: say in wider() what computes with both");

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

// A word whose elements all stand for 1.
constexpr std::uint32_t word_of_ones(isa::Format format) {
  std::uint32_t word = 0;
  for (int sub = 0; sub < elements_per_word(format); ++sub)
    word = with_element(word, format, sub, static_cast<std::int32_t>(traits(format).one));
  return word;
}

// In a line of words: element `sub` of word `lane`.
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
