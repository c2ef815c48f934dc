// dma: random copies and transposes. Memories against the models, the end of each instruction against the
// formulas and the walk of the HBM model, the cycle of every request against the rule of
// models/clocked/dma.md.
#include <Vdma_16.h>
#include <Vdma_32_5.h>
#include <Vdma_4_1.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "models/dma.hpp"
#include "models/hbm.hpp"
#include "models/timing.hpp"
#include "tests/cosim/row_ports.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::cosim::dma_cosim_test {
namespace {

constexpr std::int64_t kPatience = 1'000'000;

// What of a run is compared.
struct Walk {
  std::int64_t end = -1;
  std::vector<std::int64_t> requests;  // cycles
  LineCounts counts;
};

// The module and its HBM, whose time goes on from instruction to instruction.
template <class Module>
class Bench {
 public:
  Bench(const models::HbmParameters& parameters, int lanes, std::int64_t period_fs)
      : hbm_(parameters, lanes, period_fs) {
    hbm_.reset();
    rtl_->rsp_valid_i = 0;
    rtl_->req_ready_i = 0;
    set_instruction(rtl_, nullptr);
    rtl_.reset();
  }

  std::int64_t now() const { return cycle_; }
  void idle(models::Core& core, int cycles) {
    Walk none;
    for (int n = 0; n < cycles; ++n) {
      ASSERT_FALSE(cycle(core, nullptr, none)) << "done without an instruction";
      ASSERT_EQ(none.counts, LineCounts{});
      ASSERT_TRUE(none.requests.empty());
    }
  }
  Walk run(const isa::Instruction& instruction, models::Core& core) {
    Walk walk;
    lines_.clear();
    done_.clear();
    answered_ = 0;
    for (const std::int64_t start = cycle_; cycle_ < start + kPatience && walk.end < 0;) {
      const std::int64_t now = cycle_;
      if (cycle(core, now == start ? &instruction : nullptr, walk)) walk.end = now;
    }
    return walk;
  }

 private:
  // One cycle; whether the module was done in it.
  bool cycle(models::Core& core, const isa::Instruction* instruction, Walk& walk) {
    set_instruction(rtl_, instruction);
    answer(core);
    rtl_->req_ready_i = random_() % 2;
    rtl_->clk_i = 0;
    rtl_->eval();
    if (rtl_->req_valid_o != 0) ask(core, walk);
    const bool done = rtl_->done_o != 0;
    end_cycle(rtl_, core, walk.counts);
    ++cycle_;
    return done;
  }

  // In the order of the requests, one a cycle.
  void answer(models::Core& core) {
    for (const models::HbmCompletion& c : hbm_.collect(cycle_)) done_.at(static_cast<std::size_t>(c.id)) = 1;
    rtl_->rsp_valid_i = answered_ < lines_.size() && done_[answered_] != 0;
    set_bytes(rtl_->rsp_rdata_i, "nothing", 7);
    if (rtl_->rsp_valid_i == 0) return;
    set_bytes(rtl_->rsp_rdata_i, line(core, lines_[answered_++]),
              static_cast<std::size_t>(core.line_bytes()));
  }

  void ask(models::Core& core, Walk& walk) {
    const std::uint32_t number = rtl_->req_line_o;
    const bool ready = hbm_.can_accept(cycle_, number);
    rtl_->req_ready_i = ready;
    rtl_->eval();
    if (!ready) return;
    hbm_.present(cycle_, number, rtl_->req_write_o != 0, static_cast<std::int64_t>(lines_.size()));
    walk.requests.push_back(cycle_);
    lines_.push_back(number);
    done_.push_back(0);
    if (rtl_->req_write_o != 0) write_line(line(core, number), rtl_->req_be_o, rtl_->req_wdata_o);
  }

  static std::uint8_t* line(models::Core& core, std::uint32_t number) {
    if (number >= core.lines(isa::Space::kHbm)) throw std::runtime_error("a line outside HBM");
    return core.hbm() + number * core.line_bytes();
  }

  Verilated<Module> rtl_;
  models::Hbm hbm_;
  std::mt19937 random_{1};
  std::int64_t cycle_ = 0;
  std::vector<std::uint32_t> lines_;  // of the requests
  std::vector<char> done_;
  std::size_t answered_ = 0;
};

std::vector<std::int64_t> hbm_lines(const isa::Copy& c) {
  const isa::Address& rows = c.dst_space == isa::Space::kHbm ? c.dst : c.src;
  const int per_line = c.element == isa::Format::kInt8 ? 4 : c.element == isa::Format::kInt16 ? 2 : 1;
  std::vector<std::int64_t> lines;
  std::array<int, isa::kLoops> index{};
  for (;;) {
    std::int64_t row = rows.base;
    for (std::size_t k = 0; k < index.size(); ++k) row += std::int64_t{rows.stride[k]} * index[k];
    lines.push_back(row / per_line);
    std::size_t k = index.size();
    while (k > 0 && ++index[k - 1] == c.loops[k - 1]) index[--k] = 0;
    if (k == 0) return lines;
  }
}

// The cycles of the requests by the rule, and of the last line.
Walk walk_by_rule(models::Hbm& hbm, const std::vector<std::int64_t>& lines, const models::LineWalk& shape) {
  Walk walk;
  std::vector<char> done(lines.size(), 0);
  std::size_t retired = 0;
  for (std::int64_t cycle = shape.first_cycle; retired < lines.size(); ++cycle) {
    const std::size_t next = walk.requests.size(), under_way = next - retired;
    for (const models::HbmCompletion& c : hbm.collect(cycle)) done[static_cast<std::size_t>(c.id)] = 1;
    if (retired < next && done[retired] != 0) {
      ++retired;
      walk.end = cycle;
    }
    if (next == lines.size() || under_way == static_cast<std::size_t>(shape.outstanding) ||
        !hbm.can_accept(cycle, lines[next]))
      continue;
    hbm.present(cycle, lines[next], shape.write, static_cast<std::int64_t>(next));
    walk.requests.push_back(cycle);
  }
  return walk;
}

// A module, and what its instructions are held to.
template <class Module>
class Setting {
 public:
  Setting(int lanes, int outstanding, const models::HbmParameters& p = {}, std::int64_t period_fs = 1'000'000)
      : bench_(p, lanes, period_fs),
        rule_(p, lanes, period_fs),
        walk_(p, lanes, period_fs),
        lanes_(lanes),
        outstanding_(outstanding) {
    rule_.reset();
    walk_.reset();
  }
  int lanes() const { return lanes_; }

  // Executes the instruction on `found` by the module and on `expected` by the models. The next one follows
  // at once or after a while.
  template <class Instruction>
  void check(const Instruction& instruction, models::Core& found, models::Core& expected) {
    execute(instruction, expected);
    const std::int64_t start = bench_.now();
    compare(instruction, start, bench_.run(instruction, found));
    expect_same_memories(found, expected);
    bench_.idle(found, random_() % 4 == 0 ? static_cast<int>(random_() % 300) : 0);
  }

 private:
  template <class Instruction>
  static void execute(const Instruction& instruction, models::Core& core) {
    auto plan = models::plan(instruction, models::MemorySizes(core));
    if constexpr (std::is_same_v<Instruction, isa::Copy>)
      models::bind(plan, core, core);
    else
      models::bind(plan, core);
    models::execute(plan, models::kernels::best_kernels(core.lanes()), 0, plan.iterations);
  }

  void compare(const isa::Transpose& t, std::int64_t start, const Walk& walk) {
    const std::int64_t blocks = models::iterations(t.loops, 0, isa::kLoops);
    ASSERT_EQ(walk.end - start, models::work_cycles(t));
    ASSERT_EQ(walk.counts, (LineCounts{blocks * t.src_rows, blocks * t.dst_rows}));
  }

  void compare(const isa::Copy& c, std::int64_t start, const Walk& walk) {
    const std::int64_t rows = models::iterations(c.loops, 0, isa::kLoops);
    const bool reads = c.src_space == isa::Space::kHbm, writes = c.dst_space == isa::Space::kHbm;
    ASSERT_EQ(walk.counts, (LineCounts{reads ? 0 : rows, writes ? 0 : rows}));
    if (!reads && !writes) {
      ASSERT_EQ(walk.end - start, models::work_cycles(c));
      ASSERT_TRUE(walk.requests.empty());
      return;
    }
    models::LineWalk shape;
    shape.first_cycle = start + isa::kDmaSetupCycles + (writes ? 2 : 1);
    shape.outstanding = outstanding_;
    shape.write = writes;
    const std::vector<std::int64_t> lines = hbm_lines(c);
    const Walk expected = walk_by_rule(rule_, lines, shape);
    ASSERT_EQ(walk.requests, expected.requests);
    ASSERT_EQ(walk.end, expected.end);
    std::size_t next = 0;
    ASSERT_EQ(walk_.run(shape, rows, [&] { return lines[next++]; }), walk.end);
  }

  Bench<Module> bench_;
  models::Hbm rule_, walk_;  // of the same parameters; they know nothing of the module
  int lanes_, outstanding_;
  std::mt19937 random_{2};
};

template <class Test>
void in_all_settings(const Test& test) {
  test(Setting<Vdma_4_1>(4, 1));
  test(Setting<Vdma_16>(16, 64));
  test(Setting<Vdma_32_5>(32, 5));
}

// `make` draws an instruction.
template <class Setting, class Make>
void check_cases(Setting& setting, const Make& make) {
  for (std::uint64_t seed = 0; seed < 300 && !::testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(std::to_string(setting.lanes()) + " lanes, seed " + std::to_string(seed));
    reference::CaseMaker cases(seed, setting.lanes());
    const auto instruction = make(cases);
    const reference::Machine machine = cases.machine();
    models::Core found = reference::core_of(machine), expected = reference::core_of(machine);
    setting.check(instruction, found, expected);
  }
}

TEST(Dma, RandomCopies) {
  in_all_settings(
      [](auto&& setting) { check_cases(setting, [](reference::CaseMaker& cases) { return cases.copy(); }); });
}

TEST(Dma, RandomTransposes) {
  in_all_settings([](auto&& setting) {
    check_cases(setting, [](reference::CaseMaker& cases) { return cases.transpose(); });
  });
}

// Memories that are busy: few channels, short queues, other clocks; copies over all of a larger slice.
class LongCopies : public ::testing::TestWithParam<int> {
 protected:
  static constexpr std::int64_t kHbmLines = 1 << 13, kScratchpadLines = 1 << 10;

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }

  models::HbmParameters memory() {
    models::HbmParameters p;
    p.channels = 1 << GetParam() % 3;
    p.queue_depth = static_cast<int>(GetParam() % 2 == 0 ? between(1, 4) : between(5, 32));
    p.scheduling = GetParam() % 3 == 0 ? models::HbmScheduling::kInOrder : models::HbmScheduling::kFrFcfs;
    return p;
  }

  isa::Copy copy() {
    isa::Copy c;
    c.element = static_cast<isa::Format>(between(0, isa::kFormatInfo.size - 1));
    const std::int64_t rows = c.element == isa::Format::kInt8 ? 4 : c.element == isa::Format::kInt16 ? 2 : 1;
    const bool reads = between(0, 1) == 0;
    (reads ? c.src_space : c.dst_space) = isa::Space::kHbm;
    isa::Address &in_hbm = reads ? c.src : c.dst, &in_pad = reads ? c.dst : c.src;
    std::int64_t hbm_end = 0, pad_end = 0;
    for (std::size_t k = 5; k < 8; ++k) {
      c.loops[k] = static_cast<std::uint16_t>(between(1, k == 7 ? 40 : 4));
      in_hbm.stride[k] = static_cast<std::int32_t>(between(0, 2) == 0 ? 1 : between(0, 150));
      in_pad.stride[k] = static_cast<std::int32_t>(between(0, 15));
      hbm_end += (c.loops[k] - 1) * in_hbm.stride[k];
      pad_end += (c.loops[k] - 1) * in_pad.stride[k];
    }
    in_hbm.base = static_cast<std::uint32_t>(between(0, rows * kHbmLines - hbm_end - 1));
    in_pad.base = static_cast<std::uint32_t>(between(0, rows * kScratchpadLines - pad_end - 1));
    return c;
  }

  template <class Module>
  void check(int lanes, int outstanding) {
    Setting<Module> setting(lanes, outstanding, memory(), between(400'000, 1'600'000));
    models::Core found(lanes, kScratchpadLines * 4 * lanes / 1024, kHbmLines),
        expected(lanes, kScratchpadLines * 4 * lanes / 1024, kHbmLines);
    for (const isa::Space space : {isa::Space::kScratchpad, isa::Space::kHbm})
      for (std::int64_t k = 0; k < found.lines(space) * found.line_bytes(); ++k)
        found.bytes(space)[k] = expected.bytes(space)[k] = static_cast<std::uint8_t>(random_());
    for (int n = 0; n < 12 && !HasFatalFailure(); ++n) {
      SCOPED_TRACE(std::to_string(lanes) + " lanes, copy " + std::to_string(n));
      setting.check(copy(), found, expected);
    }
  }

  std::mt19937 random_{static_cast<unsigned>(GetParam())};
};

TEST_P(LongCopies, WaitForTheMemory) {
  check<Vdma_4_1>(4, 1);
  check<Vdma_16>(16, 64);
  check<Vdma_32_5>(32, 5);
}
INSTANTIATE_TEST_SUITE_P(Memories, LongCopies, ::testing::Range(0, 6));

}  // namespace
}  // namespace anzan::cosim::dma_cosim_test
