// tensor_unit against the model and the cycle formulas: the scratchpad's image, what is merged into the
// statistics database, what is read, and W and E, for random instructions, for every combination of the
// fields that choose a path, and for every small shape of tiles. The bench is scratchpad, settings store and
// statistics database; whatever was not asked for carries garbage.
#include <Vtensor_unit_16.h>
#include <Vtensor_unit_4.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "isa/program.hpp"
#include "models/tensor_unit.hpp"
#include "models/timing.hpp"
#include "tests/cosim/verilated.hpp"
#include "tests/cosim/wide_port.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::cosim::tensor_unit_cosim_test {
namespace {

using reference::CaseMaker;
using reference::Machine;

// What was seen of an instruction; cycles count from its start.
struct Seen {
  std::int64_t last_write = -1, end = -1;
  std::int64_t a_reads = 0, b_reads = 0, c_reads = 0, writes = 0;
  std::vector<std::uint32_t> counts;  // as they were merged
};

template <class Unit>
class Bench {
 public:
  Bench() { unit_.reset(); }

  // The database grants `delay` cycles after it was asked.
  Seen run(const isa::Tensor& t, models::Core& core, int delay) {
    core_ = &core;
    slots_ = {t.slot_a, t.slot_b, t.slot_o};
    const std::vector<std::uint32_t> words = isa::encode({t});
    set_bytes(unit_->instruction_i, words.data(), 4 * words.size());
    unit_->start_i = 1;
    unit_->seed_i = core.settings.seed();
    unit_->step_i = core.settings.step();
    Seen seen;
    std::int64_t asked = -1;
    const std::int64_t limit = models::estimated_cycles(t) + delay + 50;
    for (std::int64_t cycle = 0; seen.end < 0 && cycle < limit; ++cycle) {
      unit_->clk_i = 0;
      unit_->gnt_i = 0;
      unit_->eval();
      if (unit_->req_o != 0 && asked < 0) asked = cycle;
      if (unit_->req_o != 0 && cycle == asked + delay) unit_->gnt_i = 1;
      unit_->eval();
      EXPECT_TRUE(unit_->req_o == 0 || unit_->slot_o == t.slot_o);
      EXPECT_TRUE(unit_->req_o == 0 || cycle <= asked + delay) << "asks on after the grant";
      if (asked >= 0 && cycle >= asked + delay && cycle < asked + delay + models::kDatabaseLines)
        take_line(seen);
      if (unit_->done_o != 0) seen.end = cycle;
      if (unit_->o_we_o != 0) seen.last_write = cycle;
      write(seen);
      // What the cycle's requests get is there after the clock edge.
      const bool a = unit_->a_re_o != 0, b = unit_->b_re_o != 0, c = unit_->c_re_o != 0;
      const std::uint32_t a_line = unit_->a_addr_o, b_line = unit_->b_addr_o, c_line = unit_->c_addr_o;
      const IData settings = lookup(cycle);
      unit_->clk_i = 1;
      unit_->eval();
      unit_->start_i = 0;
      garble(unit_->instruction_i);
      unit_->slot_rdata_i = settings;
      read(a, a_line, unit_->a_rdata_i, seen.a_reads);
      read(b, b_line, unit_->b_rdata_i, seen.b_reads);
      read(c, c_line, unit_->c_rdata_i, seen.c_reads);
    }
    return seen;
  }

 private:
  template <class Port>
  void garble(Port& port) {
    std::array<std::uint32_t, sizeof(Port) / 4> words;
    for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random_());
    set_bytes(port, words.data(), sizeof(Port));
  }
  void take_line(Seen& seen) {
    const std::vector<std::uint8_t> line = bytes_of(unit_->add_o);
    for (std::size_t k = 0; k < line.size(); k += 4) {
      seen.counts.emplace_back();
      std::memcpy(&seen.counts.back(), line.data() + k, 4);
    }
  }
  IData lookup(std::int64_t cycle) {
    const bool wanted = cycle == 1 || cycle == 2 || cycle == isa::kSetupCycles;
    EXPECT_EQ(unit_->slot_re_o != 0, wanted) << "in cycle " << cycle;
    if (!wanted) return static_cast<IData>(random_() & 0x1fffffU);
    EXPECT_EQ(unit_->slot_addr_o, slots_[cycle == 1 ? 0 : cycle == 2 ? 1 : 2]);
    const models::SlotSettings& s = core_->settings.slot(unit_->slot_addr_o);
    return static_cast<IData>(static_cast<unsigned>(s.rounding) << 19 | port(s.q_write, 7) << 12 |
                              port(s.q_read, 7) << 5 | s.width);
  }
  template <class Port>
  void read(bool enable, std::uint32_t line, Port& data, std::int64_t& reads) {
    if (!enable) return garble(data);
    ++reads;
    ASSERT_LT(line, core_->lines(isa::Space::kScratchpad));
    set_bytes(data, core_->scratchpad() + line * core_->line_bytes(), sizeof(Port));
  }
  void write(Seen& seen) {
    if (unit_->o_we_o == 0) return;
    ++seen.writes;
    ASSERT_LT(unit_->o_addr_o, core_->lines(isa::Space::kScratchpad));
    write_line(core_->scratchpad() + unit_->o_addr_o * core_->line_bytes(), unit_->o_be_o, unit_->o_wdata_o);
  }

  Verilated<Unit> unit_;
  models::Core* core_ = nullptr;
  std::array<int, 3> slots_{};
  std::mt19937_64 random_{1};
};

std::vector<std::uint64_t> in_lines(const models::LocalStatistics& s) {
  std::vector<std::uint64_t> counts(s.histogram.begin(), s.histogram.end());
  for (const std::uint64_t count : {s.values, s.zeros, s.saturated_high, s.saturated_low, s.underflows})
    counts.push_back(count);
  counts.resize(static_cast<std::size_t>(models::kDatabaseLines * isa::kCountersPerLine));
  return counts;
}

template <class Unit>
class TensorUnit : public ::testing::Test {
 protected:
  static constexpr int kLanes = sizeof(decltype(Unit::o_be_o)) == 2 ? 4 : 16;
  // Verilated time is what these tests cost.
  static constexpr int kInstructions = kLanes == 4 ? ANZAN_INSTRUCTIONS : ANZAN_INSTRUCTIONS / 20;

  void random_instructions();
  void every_path();
  void every_shape();
  void long_sum();

 private:
  void check(const isa::Tensor& t, const Machine& start, const std::string& what) {
    models::Core expected = core_of(start), found = core_of(start);
    models::LocalStatistics statistics;
    models::TensorPlan planned = models::plan(t, models::MemorySizes(expected));
    models::bind(planned, expected);
    models::execute(planned, *models::kernels::generic_kernels(kLanes), 0, planned.iterations, statistics);

    const int delay = instructions_++ % 4;
    const Seen seen = bench_.run(t, found, delay);
    const bool merges = models::merges(t);
    ASSERT_EQ(seen.last_write, models::work_cycles(t)) << what;
    ASSERT_EQ(seen.end, models::estimated_cycles(t) + (merges ? delay : 0)) << what;

    const models::TensorTiming timing = models::tensor_timing(t);
    ASSERT_EQ(seen.a_reads, timing.tiles.blocks * timing.steps) << what;
    ASSERT_EQ(seen.b_reads, timing.tiles.blocks * timing.steps) << what;
    ASSERT_EQ(seen.c_reads, timing.tiles.blocks * (t.init == isa::Init::kBias ? 1 : timing.start)) << what;
    ASSERT_EQ(seen.writes, timing.tiles.blocks * timing.tiles.out) << what;

    const auto size = static_cast<std::ptrdiff_t>(start.scratchpad.size());
    const auto difference =
        std::mismatch(expected.scratchpad(), expected.scratchpad() + size, found.scratchpad());
    ASSERT_EQ(difference.first - expected.scratchpad(), size)
        << what << ": found " << int{*difference.second} << ", expected " << int{*difference.first};
    if (merges) {
      const std::vector<std::uint64_t> counts = in_lines(statistics);
      ASSERT_TRUE(std::equal(counts.begin(), counts.end(), seen.counts.begin(), seen.counts.end())) << what;
    } else {
      ASSERT_TRUE(seen.counts.empty()) << what;
    }
  }

  Bench<Unit> bench_;
  int instructions_ = 0;
};

template <class Unit>
void TensorUnit<Unit>::random_instructions() {
  for (int n = 0; n < kInstructions && !HasFailure(); ++n) {
    const auto seed = static_cast<std::uint64_t>(64 * n + kLanes);
    CaseMaker cases(seed, kLanes);
    const isa::Tensor t = cases.tensor();
    check(t, cases.machine(), "seed " + std::to_string(seed));
  }
}

// Instructions are drawn until one has the fields that are wanted and is short.
template <class Unit>
void TensorUnit<Unit>::every_path() {
  CaseMaker cases(7, kLanes);
  isa::Tensor t;
  for (int path = 0; path < 3 * 3 * 3 * 3 * 2 * 2 && !HasFailure(); ++path) {
    const auto format = static_cast<isa::Format>(path % 3),
               out_format = static_cast<isa::Format>(path / 3 % 3);
    const auto init = static_cast<isa::Init>(path / 9 % 3);
    const auto rounding = static_cast<isa::Rounding>(path / 27 % 3);
    const int relu = path / 81 % 2, spill = path / 162;
    if (spill != 0 && rounding != isa::Rounding::kNearestEven) continue;  // nothing is rounded
    do {
      t = cases.tensor();
    } while (t.format != format || t.out_format != out_format || t.init != init || t.relu != relu ||
             t.spill != spill || models::work_cycles(t) > 200);
    Machine machine = cases.machine();
    machine.settings.slot(t.slot_o).rounding = rounding;
    check(t, machine, "path " + std::to_string(path));
  }
}

// Tiles that enter faster than they leave, as fast, and slower; one step, which is stretched; spills.
template <class Unit>
void TensorUnit<Unit>::every_shape() {
  // Of accumulators to start from, only integers small enough are legal.
  CaseMaker cases(8, kLanes);
  for (isa::Tensor t; t.init != isa::Init::kSpill || t.format == isa::Format::kFp32;) t = cases.tensor();
  const Machine machine = cases.machine();
  for (int shape = 0; shape < 2 * 3 * 2 * 4 * 6 * 4 && !HasFailure(); ++shape) {
    isa::Tensor t;
    t.format = shape % 2 == 0 ? isa::Format::kInt8 : isa::Format::kFp32;
    t.init = static_cast<isa::Init>(shape / 2 % 3);
    t.spill = static_cast<std::uint8_t>(shape / 6 % 2);
    t.row_count = static_cast<std::uint8_t>((shape / 12 % 4 + 1) * kLanes / 4);
    t.reduce = 1;
    t.loops[7] = static_cast<std::uint16_t>(shape / 48 % 6 + 1);
    t.loops[6] = static_cast<std::uint16_t>(shape / 288 + 1);
    if (kLanes > 4 && shape % 7 != 0) continue;
    t.out_format = isa::Format::kInt16;
    t.analyse = 1;
    t.slot_a = 1, t.slot_b = 2, t.slot_o = 1023;
    t.mask = {0, static_cast<std::uint8_t>(kLanes)};
    t.a = {0, {0, 0, 0, 0, 0, 0, 5, 1}};
    t.b = {20, {0, 0, 0, 0, 0, 0, 1, 7}};
    t.c = {reference::kInputLines, {0, 0, 0, 0, 0, 0, 16, 0}};
    t.o = {2 * (reference::kInputLines + reference::kStartLines), {0, 0, 0, 0, 0, 0, 32, 0}};
    if (t.spill != 0) t.o.base /= 2;
    check(t, machine, "shape " + std::to_string(shape));
  }
}

// The longest of loops with the largest of products: 2^46.4 of the accumulator's 2^47.
template <class Unit>
void TensorUnit<Unit>::long_sum() {
  CaseMaker cases(9, kLanes);
  Machine machine = (cases.copy(), cases.machine());
  for (std::size_t k = 0; k < machine.scratchpad.size(); ++k) machine.scratchpad[k] = k % 2 == 0 ? 0 : 0x80;
  isa::Tensor t;
  t.format = isa::Format::kInt16;
  t.reduce = 1;
  t.loops[7] = kLanes == 4 ? 40000 : 1000;
  t.spill = 1;
  t.row_count = 2;
  t.mask = {0, 1};
  t.o.base = static_cast<std::uint32_t>(reference::kInputLines + reference::kStartLines);
  check(t, machine, "long sum");
}

class TensorUnit4 : public TensorUnit<Vtensor_unit_4> {};
class TensorUnit16 : public TensorUnit<Vtensor_unit_16> {};
TEST_F(TensorUnit4, RandomInstructions) { random_instructions(); }
TEST_F(TensorUnit4, EveryFormatStartRoundingAndOutput) { every_path(); }
TEST_F(TensorUnit4, EveryShapeOfTiles) { every_shape(); }
TEST_F(TensorUnit4, LongSumOfExtremes) { long_sum(); }
TEST_F(TensorUnit16, RandomInstructions) { random_instructions(); }
TEST_F(TensorUnit16, EveryFormatStartRoundingAndOutput) { every_path(); }
TEST_F(TensorUnit16, EveryShapeOfTiles) { every_shape(); }
TEST_F(TensorUnit16, LongSumOfExtremes) { long_sum(); }

}  // namespace
}  // namespace anzan::cosim::tensor_unit_cosim_test
