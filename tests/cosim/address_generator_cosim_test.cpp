// loop_nest and address_generator: every address and every end of a loop of random nests, against nested
// loops.
#include <Vloop_walk.h>
#include <gtest/gtest.h>

#include <array>

#include "isa/isa_generated.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/verilated.hpp"

namespace anzan::cosim::address_generator_cosim_test {
namespace {

constexpr auto kLoops = static_cast<std::size_t>(isa::kLoops);

class LoopWalk : public ::testing::Test {
 protected:
  using Counts = std::array<int, kLoops>;
  struct Stream {
    std::uint32_t base;
    std::array<std::uint32_t, kLoops> stride;
    std::uint32_t at(const Counts& index) const {
      std::uint32_t address = base;
      for (std::size_t k = 0; k < kLoops; ++k) address += static_cast<std::uint32_t>(index[k]) * stride[k];
      return address;
    }
  };

  Stream stream() {
    Stream s{static_cast<std::uint32_t>(values_.word()), {}};
    for (std::uint32_t& stride : s.stride)
      stride = static_cast<std::uint32_t>(values_.one_in(2) ? values_.between(-99, 99)
                                                            : static_cast<int>(values_.word() & 0xffffffff));
    return s;
  }
  // Through the nest, and on through its beginning; `pause`: cycles without a step.
  void check(const Counts& counts, bool pause) {
    const Stream a = stream(), b = stream();
    for (std::size_t k = 0; k < kLoops / 2; ++k)
      rtl_->counts_i[k] = static_cast<std::uint32_t>(counts[2 * k + 1] << 16 | counts[2 * k]);
    for (std::size_t k = 0; k < kLoops; ++k) {
      rtl_->a_strides_i[k] = a.stride[k];
      rtl_->b_strides_i[k] = b.stride[k];
    }
    rtl_->a_base_i = a.base;
    rtl_->b_base_i = b.base;
    rtl_->start_i = 1;
    rtl_->next_i = values_.one_in(2) ? 1 : 0;
    rtl_.cycle();
    rtl_->start_i = 0;
    Counts index{};
    for (int steps = 0, beyond = 0; beyond < 3 && steps < 100000;) {
      unsigned last = 0;
      bool inner_end = true;
      for (std::size_t k = kLoops; k-- > 0;) {
        inner_end = inner_end && index[k] == counts[k] - 1;
        last |= inner_end ? 1U << k : 0U;
      }
      ASSERT_EQ(rtl_->a_address_o, a.at(index)) << "step " << steps;
      ASSERT_EQ(rtl_->b_address_o, b.at(index)) << "step " << steps;
      ASSERT_EQ(rtl_->last_o, last) << "step " << steps;
      const bool next = !pause || !values_.one_in(3);
      rtl_->next_i = next ? 1 : 0;
      rtl_.cycle();
      if (!next) continue;
      ++steps;
      beyond += (last & 1U) != 0 || beyond > 0 ? 1 : 0;
      for (std::size_t k = kLoops; k-- > 0;) {
        if (++index[k] < counts[k]) break;
        index[k] = 0;
      }
    }
  }

  Verilated<Vloop_walk> rtl_;
  CornerValues values_{11};
};

TEST_F(LoopWalk, RandomNests) {
  rtl_.reset();
  for (int n = 0; n < 1500 && !HasFatalFailure(); ++n) {
    Counts counts;
    for (int& count : counts) count = values_.one_in(3) ? 1 : values_.between(1, 4);
    check(counts, n % 2 == 1);
  }
}

TEST_F(LoopWalk, LongestLoop) {
  rtl_.reset();
  check({1, 1, 1, 1, 1, 1, 1, 65535}, false);
  check({1, 1, 1, 65535, 1, 1, 1, 1}, false);
}

}  // namespace
}  // namespace anzan::cosim::address_generator_cosim_test
