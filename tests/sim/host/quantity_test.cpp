// Quantities in the unit that fits them.
#include "sim/host/quantity.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

namespace anzan::sim::quantity_test {
namespace {

TEST(Quantity, IsInTheUnitThatFits) {
  EXPECT_EQ(seconds_text(0), "0 s");
  EXPECT_EQ(seconds_text(9.537), "9.537 s");
  EXPECT_EQ(seconds_text(869638e-9), "869.6 us");
  EXPECT_EQ(seconds_text(0.00012), "120.0 us");
  EXPECT_EQ(seconds_text(1e-9), "1.000 ns");
  EXPECT_EQ(seconds_text(123456), "123456 s");
  EXPECT_EQ(joules_text(1.232e-3), "1.232 mJ");
  EXPECT_EQ(joules_text(17.85), "17.85 J");
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.000 kB");
  EXPECT_EQ(bytes_text(38000), "38.00 kB");
  EXPECT_EQ(bytes_text(12257344), "12.26 MB");
  EXPECT_EQ(bytes_text(64e9), "64.00 GB");
}

TEST(Quantity, RoundsIntoTheNextUnit) {
  EXPECT_EQ(seconds_text(0.99996), "1.000 s");
  EXPECT_EQ(seconds_text(0.99994), "999.9 ms");
  EXPECT_EQ(bytes_text(999950), "1.000 MB");
  EXPECT_EQ(bytes_text(999949), "999.9 kB");
  EXPECT_EQ(seconds_text(9.9996e-3), "10.00 ms");
}

// Four digits: never further from the value than half of the last one, and never "0.000".
TEST(Quantity, IsAsGoodAsFourDigits) {
  std::mt19937 random(5);
  for (int k = 0; k < 10000; ++k) {
    const double value = std::pow(10, std::uniform_real_distribution<>(-14.5, 2.9)(random));
    const std::string text = seconds_text(value);
    const std::size_t space = text.find(' ');
    const double scale = text[space + 1] == 's'   ? 1
                         : text[space + 1] == 'm' ? 1e-3
                         : text[space + 1] == 'u' ? 1e-6
                         : text[space + 1] == 'n' ? 1e-9
                         : text[space + 1] == 'p' ? 1e-12
                                                  : 1e-15;
    EXPECT_NEAR(std::stod(text) * scale, value, 5.001e-4 * value) << text;
    EXPECT_TRUE(scale <= 1e-15 || std::stod(text) >= 1) << text;
  }
}

}  // namespace
}  // namespace anzan::sim::quantity_test
