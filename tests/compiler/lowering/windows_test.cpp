// Window classes against the definition of a sliding window, position by position and tap by tap.
#include "compiler/lowering/windows.hpp"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

namespace anzan::compiler::windows_test {
namespace {

using Meeting = std::tuple<std::int64_t, std::int64_t, std::int64_t>;  // position, tap, source

// Visits every small axis.
template <class Visit>
void each_axis(Visit&& visit) {
  for (std::int64_t kernel = 1; kernel <= 5; ++kernel) {
    for (std::int64_t stride = 1; stride <= 4; ++stride) {
      for (std::int64_t pad = 0; pad <= kernel + 2; ++pad) {
        for (std::int64_t input = std::max<std::int64_t>(1, kernel - 2 * pad); input <= 9; ++input) {
          visit(Axis{kernel, stride, pad, input, (input + 2 * pad - kernel) / stride + 1, false});
        }
        // dilated, and with other padding behind than in front
        for (std::int64_t dilation = 2; dilation <= 4; ++dilation) {
          for (std::int64_t input = 1; input <= 9; input += 2) {
            const std::int64_t behind = (pad + input) % 4,
                               room = input + pad + behind - (kernel - 1) * dilation - 1;
            if (room >= 0) visit(Axis{kernel, stride, pad, input, room / stride + 1, false, dilation});
          }
        }
      }
    }
  }
}

// Every (output, tap, input) of the window that lies inside the input.
std::set<Meeting> meetings(const Axis& a) {
  std::set<Meeting> all;
  for (std::int64_t o = 0; o < a.output; ++o) {
    for (std::int64_t k = 0; k < a.kernel; ++k) {
      const std::int64_t i = o * a.stride + k * a.dilation - a.pad;
      if (i >= 0 && i < a.input) all.insert({o, k, i});
    }
  }
  return all;
}

TEST(Windows, ForwardAndTransposedClassesMeetExactlyWhatAWindowMeets) {
  int axes = 0;
  each_axis([&](Axis a) {
    const std::set<Meeting> expected = meetings(a);
    for (bool transposed : {false, true}) {
      a.transposed = transposed;
      for (std::int64_t step : {a.positions(), std::int64_t{2}}) {
        std::set<Meeting> found;
        std::set<std::int64_t> positions;
        for (std::int64_t begin = 0; begin < a.positions(); begin += step) {
          const auto classes = a.classes(begin, std::min(begin + step, a.positions()));
          const Range range = source_range(classes);
          for (const WindowClass& c : classes) {
            for (std::int64_t p = 0; p < c.count; ++p) {
              const std::int64_t position = c.pos + p * c.pos_step;
              EXPECT_TRUE(positions.insert(position).second) << "position twice";
              for (std::int64_t k = 0; k < c.taps; ++k) {
                const std::int64_t tap = c.tap + k * c.tap_step;
                const std::int64_t source = c.src + p * c.src_per_pos + k * c.src_per_tap;
                EXPECT_GE(source, range.begin);
                EXPECT_LT(source, range.end);
                EXPECT_GE(tap, c.tap) << "taps must ascend: the order of FP32 sums";
                const Meeting m =
                    transposed ? Meeting{source, tap, position} : Meeting{position, tap, source};
                EXPECT_TRUE(found.insert(m).second) << "meeting twice";
              }
            }
          }
        }
        EXPECT_EQ(found, expected) << "kernel " << a.kernel << " stride " << a.stride << " pad " << a.pad
                                   << " input " << a.input << " dilation " << a.dilation
                                   << (transposed ? " transposed" : "");
        EXPECT_EQ(static_cast<std::int64_t>(positions.size()), a.positions());
      }
    }
    ++axes;
  });
  EXPECT_GT(axes, 300);
}

TEST(Windows, RestrictedTapsAreThoseOfTheChunk) {
  each_axis([&](Axis a) {
    for (bool transposed : {false, true}) {
      a.transposed = transposed;
      for (const WindowClass& whole : a.classes(0, a.positions())) {
        std::int64_t taps = 0;
        for (std::int64_t begin = 0; begin < a.kernel; begin += 2) {
          const WindowClass part = restrict_taps(whole, begin, begin + 2);
          for (std::int64_t k = 0; k < part.taps; ++k) {
            const std::int64_t tap = part.tap + k * part.tap_step,
                               in_whole = (tap - whole.tap) / whole.tap_step;
            EXPECT_GE(tap, begin);
            EXPECT_LT(tap, begin + 2);
            EXPECT_EQ(part.src + k * part.src_per_tap, whole.src + in_whole * whole.src_per_tap);
          }
          taps += part.taps;
        }
        EXPECT_EQ(taps, whole.taps);
      }
    }
  });
}

TEST(Windows, TapClassesPairEveryTapWithItsOutputs) {
  each_axis([&](const Axis& a) {
    std::set<Meeting> found;
    for (std::int64_t out = 0; out < a.output; out += 3) {
      for (const TapClass& c : tap_classes(a, 0, a.kernel, out, std::min(out + 3, a.output))) {
        for (std::int64_t k = 0; k < c.taps; ++k) {
          for (std::int64_t o = c.out; o < c.out + c.outs; ++o) {
            EXPECT_TRUE(found.insert({o, c.tap + k, o * a.stride + (c.tap + k) * a.dilation - a.pad}).second);
          }
        }
      }
    }
    EXPECT_EQ(found, meetings(a)) << "kernel " << a.kernel << " stride " << a.stride << " pad " << a.pad;
  });
}

}  // namespace
}  // namespace anzan::compiler::windows_test
