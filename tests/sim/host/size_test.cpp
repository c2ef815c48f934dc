// Sizes as people write them.
#include "sim/host/size.hpp"

#include <gtest/gtest.h>

namespace anzan::sim::size_test {
namespace {

TEST(Size, IsReadExactly) {
  for (const auto& [text, bytes] : {std::pair{"0", std::int64_t{0}},
                                    {"1", 1},
                                    {"700000000", 700'000'000},
                                    {"1e6", 1'000'000},
                                    {"1.5E3", 1500},
                                    {"1500e-2", 15},
                                    {"8MiB", 8 << 20},
                                    {"8 mib", 8 << 20},
                                    {"64KiB", 64 << 10},
                                    {"64kB", 64'000},
                                    {"0.5GiB", 1 << 29},
                                    {"7B", 7},
                                    {"2TB", 2'000'000'000'000},
                                    {"9223372036854775807", INT64_MAX}})
    EXPECT_EQ(parse_size(text), bytes) << text;
}

TEST(Size, IsRefusedWhereItIsNone) {
  for (const char* text :
       {"", " ", "MiB", "-1", "+1", "1.5", "1.1B", "0x10", "1e", "1e-1", "8 Mi", "8MiBs", "nan", "1..2",
        "9223372036854775808", "99999999999999999999", "1e19", "1e999999999999", "8388608TiB"})
    EXPECT_FALSE(parse_size(text)) << text;
}

}  // namespace
}  // namespace anzan::sim::size_test
