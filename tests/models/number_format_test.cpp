// Elements in lines, against the bytes of the line.
#include "models/number_format.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <type_traits>

namespace anzan::models::number_format_test {
namespace {

using isa::Format;

// What a format is, said by a C++ type whose values are those of an element.
struct Statement {
  int bytes, width, accumulator_words;
  bool integer;
  std::uint32_t ones;
};
template <class T>
Statement statement() {
  Statement s{};
  s.bytes = sizeof(T);
  s.integer = std::is_integral_v<T>;
  // a sign and the digits; a float is no integer, its slot keeps the widest
  s.width = s.integer ? std::numeric_limits<T>::digits + 1 : 16;
  s.accumulator_words = s.integer ? (isa::kAccumulatorBits + 31) / 32 : 1;  // a float sums in floats
  T ones[4 / sizeof(T)];
  for (T& one : ones) one = 1;
  std::memcpy(&s.ones, ones, sizeof s.ones);
  return s;
}
const std::map<std::string, Statement> kStatements = {
    {"int8", statement<std::int8_t>()},
    {"int16", statement<std::int16_t>()},
    {"fp32", statement<float>()},
};

TEST(NumberFormat, AnswersForEachFormatOfTheIsa) {
  ASSERT_EQ(all_formats().size(), static_cast<std::size_t>(isa::kFormatInfo.size));
  for (const Format format : all_formats()) {
    SCOPED_TRACE(isa::name(format));
    const auto found = kStatements.find(isa::name(format));
    ASSERT_NE(found, kStatements.end()) << "no statement of what this format is";
    const Statement& s = found->second;
    EXPECT_EQ(element_bytes(format), s.bytes);
    EXPECT_EQ(element_bits(format), 8 * s.bytes);
    EXPECT_EQ(elements_per_word(format) * s.bytes, 4);
    EXPECT_EQ(1 << log2_elements_per_word(format), elements_per_word(format));
    EXPECT_EQ(is_integer(format), s.integer);
    EXPECT_EQ(has_binary_point(format), s.integer);
    EXPECT_EQ(default_width(format), s.width);
    EXPECT_TRUE(holds_width(format, default_width(format)));
    EXPECT_EQ(accumulator_lines(format, 1), s.accumulator_words);
    EXPECT_EQ(accumulator_lines(format, 7), 7 * s.accumulator_words);
    EXPECT_EQ(word_of_ones(format), s.ones);
    for (int sub = 0; sub < elements_per_word(format); ++sub)
      EXPECT_EQ(element_value(format, get_element(word_of_ones(format), format, sub), 0), 1.0F);
  }
  EXPECT_EQ(kStatements.size(), static_cast<std::size_t>(isa::kFormatInfo.size));
}

// Whatever the order, and every integer of the narrower format is a value of the wider one.
TEST(NumberFormat, WiderHoldsBoth) {
  for (const Format a : all_formats()) {
    EXPECT_EQ(wider(a, a), a);
    for (const Format b : all_formats()) {
      const Format both = wider(a, b);
      EXPECT_EQ(both, wider(b, a));
      EXPECT_EQ(wider(both, a), both);
      if (!is_integer(both)) continue;
      for (const Format format : {a, b}) {
        ASSERT_TRUE(is_integer(format)) << isa::name(format) << " in " << isa::name(both);
        EXPECT_TRUE(holds_width(both, default_width(format)));
      }
    }
  }
  EXPECT_EQ(wider(Format::kInt8, Format::kInt16), Format::kInt16);
  EXPECT_EQ(wider(Format::kFp32, Format::kInt16), Format::kFp32);
}

TEST(NumberFormat, LinesAndBiasesAreWords) {
  EXPECT_EQ(elements_per_word(kRawWords), 1);
  EXPECT_EQ(elements_per_word(kBiasFormat), 1);
  EXPECT_FALSE(is_integer(kBiasFormat));
}

TEST(NumberFormat, Widths) {
  EXPECT_TRUE(holds_width(Format::kInt8, 8));
  EXPECT_FALSE(holds_width(Format::kInt8, 9));
  EXPECT_FALSE(holds_width(Format::kInt8, 1));
  EXPECT_TRUE(holds_width(Format::kInt16, 16));
  EXPECT_FALSE(holds_width(Format::kInt16, 17));
  EXPECT_TRUE(holds_width(Format::kFp32, 33));
}

TEST(NumberFormat, PlacesOfRows) {
  EXPECT_EQ(row_place(Format::kInt8, 7).line, 1);
  EXPECT_EQ(row_place(Format::kInt8, 7).sub, 3);
  EXPECT_EQ(row_place(Format::kInt8, -1).line, -1);
  EXPECT_EQ(row_place(Format::kInt8, -1).sub, 3);
  EXPECT_EQ(row_place(Format::kFp32, 9).line, 9);
  EXPECT_EQ(lines_of_rows(Format::kInt16, 3), 2);
  EXPECT_EQ(lines_of_rows(Format::kInt8, 0), 0);
  for (const Format format : all_formats()) {
    for (std::int64_t row = -20; row < 20; ++row) {
      const RowPlace place = row_place(format, row);
      EXPECT_EQ(row_of_line(format, place.line) + place.sub, row);
      EXPECT_GE(place.sub, 0);
      EXPECT_LT(place.sub, elements_per_word(format));
    }
  }
}

// Element (sub, lane) occupies the bytes of the line that the page gives it, and no others change.
TEST(NumberFormat, ElementsAgainstBytes) {
  constexpr std::uint64_t kSeed = 17;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 20000; ++i) {
    std::array<std::uint32_t, 16> line{};
    for (auto& word : line) word = static_cast<std::uint32_t>(random());
    const Format format = all_formats()[random() % all_formats().size()];
    const auto lane = static_cast<int>(random() % line.size());
    const auto sub = static_cast<int>(random() % static_cast<unsigned>(elements_per_word(format)));
    const auto n = static_cast<std::int32_t>(random());

    const auto size = static_cast<std::size_t>(element_bytes(format));
    const std::size_t offset = 4 * static_cast<std::size_t>(lane) + size * static_cast<std::size_t>(sub);
    std::array<unsigned char, 64> bytes{};
    std::memcpy(bytes.data(), line.data(), bytes.size());
    std::int8_t narrow = 0;
    std::int16_t medium = 0;
    std::int32_t wide = 0;
    std::memcpy(&narrow, bytes.data() + offset, 1);
    if (size == 2) std::memcpy(&medium, bytes.data() + offset, 2);
    if (size == 4) std::memcpy(&wide, bytes.data() + offset, 4);
    ASSERT_EQ(get_element(line.data(), format, sub, lane), size == 1   ? narrow
                                                           : size == 2 ? medium
                                                                       : wide)
        << "seed " << kSeed << " case " << i;

    set_element(line.data(), format, sub, lane, n);
    std::memcpy(bytes.data() + offset, &n, size);
    ASSERT_EQ(std::memcmp(bytes.data(), line.data(), bytes.size()), 0) << "seed " << kSeed << " case " << i;
  }
}

TEST(NumberFormat, ElementValues) {
  EXPECT_EQ(element_value(Format::kInt8, -128, 7), -1.0F);
  EXPECT_EQ(element_value(Format::kInt16, 3, -2), 12.0F);
  EXPECT_EQ(element_value(Format::kFp32, static_cast<std::int32_t>(0xc0000000U), 5), -2.0F);
  EXPECT_EQ(bits_of_float(element_value(Format::kFp32, 0x7f800001, 0)), 0x7f800001U);  // NaN keeps its bits
  EXPECT_EQ(bits_of_float(float_of_bits(0x80000001U)), 0x80000001U);
}

}  // namespace
}  // namespace anzan::models::number_format_test
