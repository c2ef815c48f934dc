// Elements in lines, against the bytes of the line.
#include "models/number_format.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

namespace anzan::models {
namespace {

using isa::Format;
constexpr Format kFormats[] = {Format::kInt8, Format::kInt16, Format::kFp32};

TEST(NumberFormat, Sizes) {
  EXPECT_EQ(elements_per_word(Format::kInt8), 4);
  EXPECT_EQ(elements_per_word(Format::kInt16), 2);
  EXPECT_EQ(elements_per_word(Format::kFp32), 1);
  EXPECT_EQ(element_bytes(Format::kInt8), 1);
  EXPECT_EQ(element_bytes(Format::kInt16), 2);
  EXPECT_EQ(element_bytes(Format::kFp32), 4);
  EXPECT_FALSE(is_integer(Format::kFp32));
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
  for (const Format format : kFormats) {
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
    const Format format = kFormats[random() % 3];
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
}  // namespace anzan::models
