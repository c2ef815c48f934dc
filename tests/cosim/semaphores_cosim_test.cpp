// semaphores: random requests, raises and clears against counters in an array.
#include <Vsemaphores.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "isa/isa_generated.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::semaphores_cosim_test {
namespace {

constexpr int kUnits = 5, kRaisers = 7;
using Counters = std::array<std::uint32_t, isa::kSemaphores>;

bool take(Counters& counters, std::uint32_t mask) {
  for (std::size_t s = 0; s < counters.size(); ++s)
    if ((mask >> s & 1) != 0 && counters[s] == 0) return false;
  for (std::size_t s = 0; s < counters.size(); ++s) counters[s] -= mask >> s & 1;
  return true;
}

// Few semaphores are in use, so that units ask for the same ones.
TEST(Semaphores, TakeAndRaiseLikeCounters) {
  Verilated<Vsemaphores> rtl;
  rtl.reset();
  std::mt19937 random{3};
  Counters counters{};
  int granted = 0, refused = 0;
  const auto mask = [&] {
    std::uint32_t m = 0;
    for (std::uint64_t n = random() % 3; n > 0; --n)
      m |= 1U << (random() % 4 + (random() % 16 == 0 ? 28U : 0U));
    return m;
  };
  for (int cycle = 0; cycle < 50000; ++cycle) {
    const auto request = static_cast<unsigned>(random() % 32);
    rtl->clear_i = random() % 500 == 0;
    rtl->request_i = static_cast<CData>(request);
    for (int u = 0; u < kUnits; ++u) rtl->wait_i[u] = mask();
    for (int r = 0; r < kRaisers; ++r) rtl->raise_i[r] = random() % 4 == 0 ? mask() : 0;
    rtl->clk_i = 0;
    rtl->eval();
    unsigned expected = 0;
    for (int u = 0; u < kUnits; ++u)
      if ((request >> u & 1) != 0 && take(counters, rtl->wait_i[u])) expected |= 1U << u;
    ASSERT_EQ(rtl->grant_o, expected) << "cycle " << cycle;
    granted += __builtin_popcount(expected);
    refused += __builtin_popcount(request & ~expected);
    for (int r = 0; r < kRaisers; ++r)
      for (std::size_t s = 0; s < counters.size(); ++s) counters[s] += rtl->raise_i[r] >> s & 1;
    if (rtl->clear_i != 0) counters = {};
    rtl.cycle();
  }
  EXPECT_GT(granted, 10000);
  EXPECT_GT(refused, 10000);
}

}  // namespace
}  // namespace anzan::cosim::semaphores_cosim_test
