// analysis_block: the counts of random rows of values against models::analyse, read in the cycle after the
// last row; and counters that stop, in a block with counters of five bits.
#include <Vanalysis_block_4.h>
#include <Vanalysis_block_narrow.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "models/analysis_block.hpp"
#include "models/number_format.hpp"
#include "tests/cosim/corner_values.hpp"
#include "tests/cosim/settings_bench.hpp"

namespace anzan::cosim::analysis_block_cosim_test {
namespace {

constexpr int kLanes = 4, kBinBits = 6;
constexpr auto kPerLine = static_cast<std::size_t>(isa::kCountersPerLine);

struct Lane {
  bool valid = false, zero = false, high = false, low = false, underflow = false;
  int bin = 0;
};
using Row = std::array<Lane, kLanes>;

template <class Module>
void drive(Module& rtl, const Row& row) {
  unsigned valid = 0, zero = 0, high = 0, low = 0, underflow = 0, bins = 0;
  for (std::size_t l = 0; l < row.size(); ++l) {
    valid |= static_cast<unsigned>(row[l].valid) << l;
    zero |= static_cast<unsigned>(row[l].zero) << l;
    high |= static_cast<unsigned>(row[l].high) << l;
    low |= static_cast<unsigned>(row[l].low) << l;
    underflow |= static_cast<unsigned>(row[l].underflow) << l;
    bins |= static_cast<unsigned>(row[l].bin) << (kBinBits * l);
  }
  rtl.valid_i = static_cast<CData>(valid);
  rtl.zero_i = static_cast<CData>(zero);
  rtl.saturated_high_i = static_cast<CData>(high);
  rtl.saturated_low_i = static_cast<CData>(low);
  rtl.underflow_i = static_cast<CData>(underflow);
  rtl.bin_i = bins;
}

class Analysis : public ::testing::Test {
 protected:
  // What the write-back path makes of a value, and what the model counts of it.
  Lane value(models::LocalStatistics& statistics) {
    const auto rounding = static_cast<isa::Rounding>(values_.between(0, 2));
    const int width = values_.between(isa::kWidthMin, isa::kWidthMax), q = values_.between(-16, 40);
    const auto random = static_cast<std::uint32_t>(values_.word());
    Lane lane;
    int p = 0;
    models::Quantised n{};
    bool integer_output = true;
    if (values_.one_in(2)) {
      const std::int64_t acc = values_.one_in(8) ? 0 : values_.integer(isa::kAccumulatorBits);
      const int point = values_.between(-32, 80);
      n = models::quantise_accumulator(acc, point, width, q, rounding, random);
      p = models::position(acc, point);
      models::analyse(statistics, acc, point, &n);
      lane.zero = acc == 0;
    } else {
      const float v = models::float_of_bits(values_.fp32());
      integer_output = values_.one_in(2);
      n = models::quantise(v, width, q, rounding, random);
      p = models::position(v);
      models::analyse(statistics, v, integer_output ? &n : nullptr);
      lane.zero = v == 0.0F;
    }
    lane.valid = true;
    lane.bin = lane.zero ? values_.between(0, 63) : models::histogram_bin(p);
    lane.high = integer_output && n.saturated_high;
    lane.low = integer_output && n.saturated_low;
    lane.underflow = integer_output && n.underflow;
    return lane;
  }
  Lane masked() {
    return {false,
            values_.one_in(2),
            values_.one_in(2),
            values_.one_in(2),
            values_.one_in(2),
            values_.between(0, 63)};
  }
  CornerValues values_{41};
};

TEST_F(Analysis, RandomRows) {
  Verilated<Vanalysis_block_4> rtl;
  Vanalysis_block_4& block = *rtl.operator->();
  rtl.reset();
  for (int instruction = 0; instruction < 400; ++instruction) {
    models::LocalStatistics local;
    Row row;
    for (Lane& lane : row) lane = masked();
    drive(block, row);
    block.clear_i = 1;
    rtl.cycle();
    block.clear_i = 0;
    const int mask = values_.between(0, 15), rows = values_.between(0, 300);
    for (int r = 0; r < rows; ++r) {
      const bool pause = values_.one_in(5);
      for (std::size_t l = 0; l < row.size(); ++l)
        row[l] = !pause && (mask >> l & 1) != 0 ? value(local) : masked();
      drive(block, row);
      rtl.cycle();
    }
    models::SlotStatistics counted;
    counted.add(local);
    const CounterWords expected = counter_words(counted);
    for (std::size_t line = 0; line < expected.size() / kPerLine; ++line) {
      for (Lane& lane : row) lane = masked();
      drive(block, row);
      block.line_i = static_cast<CData>(line);
      block.eval();
      for (std::size_t w = 0; w < kPerLine; ++w)
        ASSERT_EQ(block.line_o[w], expected[line * kPerLine + w])
            << "instruction " << instruction << " line " << line << " word " << w;
      rtl.cycle();
    }
  }
}

TEST_F(Analysis, CountersStop) {
  constexpr unsigned kBits = 5, kMost = (1U << kBits) - 1;
  Verilated<Vanalysis_block_narrow> rtl;
  Vanalysis_block_narrow& block = *rtl.operator->();
  rtl.reset();
  for (int lanes = 1; lanes <= kLanes; ++lanes) {
    block.clear_i = 1;
    rtl.cycle();
    block.clear_i = 0;
    Row row;
    for (std::size_t l = 0; l < static_cast<std::size_t>(lanes); ++l)
      row[l] = {true, false, true, false, true, 17};
    unsigned count = 0;
    for (int r = 0; r < 50; ++r) {
      drive(block, row);
      rtl.cycle();
      count = std::min(kMost, count + static_cast<unsigned>(lanes));
      block.line_i = 2;
      block.eval();
      ASSERT_EQ(block.line_o, std::uint64_t{count} << kBits) << "row " << r;  // bin 17
      block.line_i = 8;
      block.eval();
      ASSERT_EQ(block.line_o,
                std::uint64_t{count} | std::uint64_t{count} << 2 * kBits | std::uint64_t{count} << 4 * kBits);
    }
  }
}

}  // namespace
}  // namespace anzan::cosim::analysis_block_cosim_test
