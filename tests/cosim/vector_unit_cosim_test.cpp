// vector_unit against the model and the cycle formulas: the scratchpad's image, what is merged into the
// statistics database, what is read, and W and E, for random instructions and for every operation with every
// fold and every kind of operand. The bench is scratchpad, settings store and statistics database; whatever
// was not asked for carries garbage. Instructions follow each other without a pause.
#include <Vvector_unit_16.h>
#include <Vvector_unit_4.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <tuple>

#include "isa/program.hpp"
#include "models/timing.hpp"
#include "models/vector_unit.hpp"
#include "tests/cosim/verilated.hpp"
#include "tests/cosim/wide_port.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::cosim::vector_unit_cosim_test {
namespace {

using reference::CaseMaker;
using reference::Machine;

constexpr std::size_t kOperands = 3;
constexpr int kOps = isa::kVectorOpInfo.size;
constexpr int kReductions = static_cast<int>(isa::Reduction::kArgmax) + 1;
constexpr std::array<isa::OperandKind, 3> kKinds{isa::OperandKind::kRows, isa::OperandKind::kScalar,
                                                 isa::OperandKind::kBroadcast};

// The operands that the operation reads.
std::array<const isa::Operand*, kOperands> operands_read(const isa::Vector& v) {
  const models::OperandUse use = models::operands_of(v.op);
  return {use.a ? &v.a : nullptr, use.b ? &v.b : nullptr, use.c ? &v.c : nullptr};
}
bool is_scalar(const isa::Operand* operand) {
  return operand != nullptr && operand->kind == isa::OperandKind::kScalar;
}

// What was seen of an instruction; cycles count from its start.
struct Seen {
  std::int64_t last_write = -1, end = -1, writes = 0;
  std::array<std::int64_t, kOperands> reads{};
  std::vector<std::uint32_t> counts;  // as they were merged
};

template <class Unit>
class Bench {
 public:
  Bench() {
    unit_->start_i = 0;
    unit_->gnt_i = 0;
    unit_.reset();
  }

  // The database grants `delay` cycles after it was asked.
  Seen run(const isa::Vector& v, models::Core& core, int delay) {
    core_ = &core;
    instruction_ = v;
    const std::vector<std::uint32_t> words = isa::encode({v});
    set_bytes(unit_->instruction_i, words.data(), 4 * words.size());
    unit_->start_i = 1;
    unit_->seed_i = core.settings.seed();
    unit_->step_i = core.settings.step();
    Seen seen;
    std::int64_t asked = -1;
    const std::int64_t limit = models::estimated_cycles(v) + delay + 50;
    for (std::int64_t cycle = 0; seen.end < 0 && cycle < limit; ++cycle) {
      unit_->clk_i = 0;
      unit_->gnt_i = 0;
      unit_->eval();
      if (unit_->req_o != 0) {
        if (asked < 0) asked = cycle;
        unit_->gnt_i = cycle == asked + delay ? 1 : 0;
        unit_->eval();
        EXPECT_EQ(unit_->slot_o, v.slot_o);
        EXPECT_LE(cycle, asked + delay) << "asks on after the grant";
      }
      if (asked >= 0 && cycle >= asked + delay && cycle < asked + delay + models::kDatabaseLines)
        take_line(seen);
      if (unit_->done_o != 0) seen.end = cycle;
      if (unit_->o_we_o != 0) seen.last_write = cycle;
      look_up(cycle);
      move(seen);
      unit_->clk_i = 1;
      unit_->eval();
      answer();
      unit_->start_i = 0;
      garble(unit_->instruction_i);
    }
    return seen;
  }

 private:
  // Ports are sampled before the clock edge; what they answer is there after it.
  struct Answers {
    std::remove_reference_t<decltype(Unit::a_rdata_i)> a, b, c;
    std::uint32_t slot, scalar;
  };
  void answer() {
    unit_->a_rdata_i = answers_.a;
    unit_->b_rdata_i = answers_.b;
    unit_->c_rdata_i = answers_.c;
    unit_->slot_rdata_i = answers_.slot;
    unit_->scalar_rdata_i = answers_.scalar;
  }
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
  // Slots a, b, c, o in the cycles 1 to 4, and the scalars of a, b, c beside them.
  void look_up(std::int64_t cycle) {
    const isa::Vector& v = instruction_;
    const std::array<int, 4> slots{v.a.slot, v.b.slot, v.c.slot, v.slot_o};
    const std::array<const isa::Operand*, kOperands> read = operands_read(v);
    answers_.slot = static_cast<IData>(random_() & 0x1fffffU);
    answers_.scalar = static_cast<IData>(random_());
    const auto k = static_cast<std::size_t>(cycle - 1);
    EXPECT_EQ(unit_->slot_re_o != 0, k < slots.size()) << "in cycle " << cycle;
    EXPECT_EQ(unit_->scalar_re_o != 0, k < kOperands && is_scalar(read[k])) << "in cycle " << cycle;
    if (k < slots.size()) {
      EXPECT_EQ(unit_->slot_addr_o, slots[k]);
      const models::SlotSettings& s = core_->settings.slot(slots[k]);
      answers_.slot = static_cast<IData>(static_cast<unsigned>(s.rounding) << 19 | port(s.q_write, 7) << 12 |
                                         port(s.q_read, 7) << 5 | s.width);
    }
    if (k < kOperands && is_scalar(read[k])) {
      EXPECT_EQ(unit_->scalar_addr_o, read[k]->at.base);
      answers_.scalar = core_->settings.scalar(static_cast<int>(read[k]->at.base));
    }
  }
  template <class Port>
  void read(bool enable, std::uint32_t line, Port& data, std::int64_t& reads) {
    if (!enable) return garble(data);
    ++reads;
    ASSERT_LT(line, core_->lines(isa::Space::kScratchpad));
    set_bytes(data, core_->scratchpad() + line * core_->line_bytes(), sizeof(Port));
  }
  void move(Seen& seen) {
    read(unit_->a_re_o != 0, unit_->a_addr_o, answers_.a, seen.reads[0]);
    read(unit_->b_re_o != 0, unit_->b_addr_o, answers_.b, seen.reads[1]);
    read(unit_->c_re_o != 0, unit_->c_addr_o, answers_.c, seen.reads[2]);
    if (unit_->o_we_o == 0) return;
    ++seen.writes;
    ASSERT_LT(unit_->o_addr_o, core_->lines(isa::Space::kScratchpad));
    write_line(core_->scratchpad() + unit_->o_addr_o * core_->line_bytes(), unit_->o_be_o, unit_->o_wdata_o);
  }

  Verilated<Unit> unit_;
  Answers answers_;
  models::Core* core_ = nullptr;
  isa::Vector instruction_;
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
class VectorUnit : public ::testing::Test {
 protected:
  void random_instructions();
  void every_operation();
  void every_format();
  void long_fold();

 private:
  static constexpr int kLanes = sizeof(decltype(Unit::o_be_o)) == 2 ? 4 : 16;
  // Verilated time is what these tests cost.
  static constexpr int kInstructions = kLanes == 4 ? ANZAN_INSTRUCTIONS : ANZAN_INSTRUCTIONS / 8;

  void check(const isa::Vector& v, const Machine& start, const std::string& what) {
    models::Core expected = core_of(start), found = core_of(start);
    models::LocalStatistics statistics;
    models::VectorPlan planned = models::plan(v, models::MemorySizes(expected));
    models::bind(planned, expected);
    models::execute(planned, *models::kernels::generic_kernels(kLanes), 0, planned.iterations, statistics);

    const int delay = instructions_++ % 4;
    const Seen seen = bench_.run(v, found, delay);
    const bool merges = models::merges(v);
    ASSERT_EQ(seen.last_write, models::work_cycles(v)) << what;
    ASSERT_EQ(seen.end, models::estimated_cycles(v) + (merges ? delay : 0)) << what;

    ASSERT_EQ(seen.writes, models::iterations(v.loops, 0, isa::kLoops - v.reduce)) << what;
    const std::array<const isa::Operand*, kOperands> read = operands_read(v);
    for (std::size_t k = 0; k < kOperands; ++k)
      ASSERT_EQ(seen.reads[k],
                read[k] == nullptr || is_scalar(read[k]) ? 0 : models::iterations(v.loops, 0, isa::kLoops))
          << what << ", operand " << k;

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

std::string described(const isa::Vector& v, std::uint64_t seed) {
  return "seed " + std::to_string(seed) + ", " + isa::name(v.op) + " " + isa::name(v.reduction);
}

template <class Unit>
void VectorUnit<Unit>::random_instructions() {
  for (int n = 0; n < kInstructions && !HasFailure(); ++n) {
    const auto seed = static_cast<std::uint64_t>(64 * n + kLanes);
    CaseMaker cases(seed, kLanes);
    const isa::Vector v = cases.vector();
    check(v, cases.machine(), described(v, seed));
  }
}

// Instructions are drawn until one is short and has the fold and the kinds that are wanted: of a, b and c
// each kind comes with every operation and fold.
template <class Unit>
void VectorUnit<Unit>::every_operation() {
  std::set<std::tuple<isa::VectorOp, isa::Reduction, std::size_t, isa::OperandKind>> seen;
  CaseMaker cases(7, kLanes);
  for (int path = 0; path < kOps * kReductions * 3 && !HasFailure(); ++path) {
    const auto reduction = static_cast<isa::Reduction>(path / 3 % kReductions);
    const auto kind = [&](int operand) { return kKinds[static_cast<std::size_t>(path + operand) % 3]; };
    isa::Vector v;
    do {
      v = cases.vector();
    } while (v.reduction != reduction || v.a.kind != kind(0) || v.b.kind != kind(1) || v.c.kind != kind(2) ||
             models::work_cycles(v) > 200 ||
             (reduction != isa::Reduction::kNone && models::work_cycles(v) < 20));
    v.op = static_cast<isa::VectorOp>(path / (3 * kReductions));
    const std::array<const isa::Operand*, kOperands> read = operands_read(v);
    for (std::size_t k = 0; k < kOperands; ++k)
      if (read[k] != nullptr) seen.insert({v.op, reduction, k, read[k]->kind});
    check(v, cases.machine(), described(v, 7) + ", path " + std::to_string(path));
  }
  std::size_t operands = 0;
  for (int op = 0; op < kOps; ++op) {
    const models::OperandUse use = models::operands_of(static_cast<isa::VectorOp>(op));
    operands += static_cast<std::size_t>(use.a + use.b + use.c);
  }
  EXPECT_EQ(seen.size(), operands * kReductions * kKinds.size());
}

// Every rounding of every output format, with and without ReLU and statistics.
template <class Unit>
void VectorUnit<Unit>::every_format() {
  CaseMaker cases(8, kLanes);
  for (int path = 0; path < 3 * 3 * 3 * 2 * 2 && !HasFailure(); ++path) {
    isa::Vector v;
    do {
      v = cases.vector();
    } while (static_cast<int>(v.out_format) != path % 3 || static_cast<int>(v.a.format) != path / 3 % 3 ||
             v.relu != path / 27 % 2 || v.analyse != path / 54 || v.a.kind != isa::OperandKind::kRows ||
             models::work_cycles(v) > 200);
    Machine machine = cases.machine();
    machine.settings.slot(v.slot_o).rounding = static_cast<isa::Rounding>(path / 9 % 3);
    check(v, machine, described(v, 8) + ", path " + std::to_string(path));
  }
}

// A fold whose positions go through many exponents of FP32.
template <class Unit>
void VectorUnit<Unit>::long_fold() {
  CaseMaker cases(9, kLanes);
  cases.vector();
  Machine machine = cases.machine();
  isa::Vector v;
  v.op = isa::VectorOp::kCopy;
  v.reduction = isa::Reduction::kArgmax;
  v.reduce = 2;
  v.loops[6] = kLanes == 4 ? 100 : 10;
  v.loops[7] = 160;
  v.mask = {0, static_cast<std::uint8_t>(kLanes)};
  v.a = {isa::OperandKind::kBroadcast, isa::Format::kFp32, 1, {}};
  v.a.at.stride[6] = 1;  // each block begins larger, so the last one decides
  v.out_format = isa::Format::kFp32;
  v.slot_o = 2;
  v.o.base = static_cast<std::uint32_t>(reference::kInputLines + reference::kStartLines);
  for (std::size_t k = 0; k < 100; ++k) {
    const auto value = static_cast<float>(k);
    std::memcpy(machine.scratchpad.data() + 4 * k, &value, 4);
  }
  check(v, machine, "a long fold");
}

using VectorUnit4 = VectorUnit<Vvector_unit_4>;
using VectorUnit16 = VectorUnit<Vvector_unit_16>;
TEST_F(VectorUnit4, RandomInstructions) { random_instructions(); }
TEST_F(VectorUnit4, EveryOperationFoldAndKindOfOperand) { every_operation(); }
TEST_F(VectorUnit4, EveryFormatAndRounding) { every_format(); }
TEST_F(VectorUnit4, LongFold) { long_fold(); }
TEST_F(VectorUnit16, RandomInstructions) { random_instructions(); }
TEST_F(VectorUnit16, EveryOperationFoldAndKindOfOperand) { every_operation(); }
TEST_F(VectorUnit16, EveryFormatAndRounding) { every_format(); }
TEST_F(VectorUnit16, LongFold) { long_fold(); }

}  // namespace
}  // namespace anzan::cosim::vector_unit_cosim_test
