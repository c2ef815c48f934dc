// sequencer: the cycles in which every instruction of random programs is issued and started, against the core
// that is simulated cycle by cycle. Here a unit is a counter that is done after as many cycles as there; what
// it is started with must be the instruction, word for word. The semaphores of a put are raised as those of a
// put within the core, or as if it had arrived.
#include <Vsequencer_16_8.h>
#include <Vsequencer_32_3.h>
#include <Vsequencer_4_1.h>
#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "isa/program.hpp"
#include "models/timing.hpp"
#include "tests/cosim/verilated.hpp"
#include "tests/cosim/wide_port.hpp"
#include "tests/models/clocked/random_schedule.hpp"
#include "tests/models/clocked/ticking_core.hpp"

namespace anzan::cosim::sequencer_cosim_test {
namespace {

constexpr std::size_t kUnits = 5, kNetwork = kUnits - 1;
constexpr std::int64_t kNever = -1, kPatience = 2'000'000;

std::size_t unit_of(const isa::Instruction& i) { return static_cast<std::size_t>(isa::unit(i)) - 1; }

template <class Module>
class Bench {
 public:
  Bench() : lanes_(bytes_of(rtl_->pmem_rdata_i).size() / 4) {
    rtl_->begin_i = 0;
    rtl_->done_i = 0;
    rtl_->raise_i = 0;
    rtl_.reset();
  }

  // Runs the program; every deviation from `expected` is a failure.
  void run(const isa::Program& program, const models::ProgramTiming& expected) {
    load(program);
    program_ = &program;
    expected_ = &expected;
    issued_ = 0;
    lines_read_ = 0;
    rtl_->begin_i = 1;
    rtl_.cycle();
    rtl_->begin_i = 0;
    for (cycle_ = 0; cycle_ < kPatience; ++cycle_) {
      if (::testing::Test::HasFatalFailure()) return;
      if (cycle()) break;
    }
    ASSERT_EQ(cycle_ + 1, expected.cycles);
    ASSERT_EQ(issued_, program.size() - 1);
    // all lines once, and a line ahead for each instruction, however long it waits
    std::int64_t lines = 0;
    for (const isa::Instruction& i : program) lines += models::fetch_cycles(i, static_cast<int>(lanes_)) + 1;
    ASSERT_EQ(lines_read_, lines);
    for (const Unit& unit : units_) ASSERT_TRUE(unit.queue.empty() && unit.ends == kNever);
  }

 private:
  struct Unit {
    std::deque<std::size_t> queue;  // issued, not started
    std::int64_t ends = kNever;
    std::size_t running = 0;
  };

  // Of the put that is done, the semaphores stand in one half or the other.
  std::uint64_t remote_signal() const {
    const std::size_t put = units_[kNetwork].running;
    const std::uint64_t mask = std::get<isa::Put>((*program_)[put]).remote_signal;
    return put % 2 == 0 ? mask : mask << 32;
  }

  // Each instruction begins at a line of its own. What follows the program is never looked at.
  void load(const isa::Program& program) {
    memory_.clear();
    words_.clear();
    for (const isa::Instruction& instruction : program) {
      words_.push_back(isa::encode({instruction}));
      memory_.insert(memory_.end(), words_.back().begin(), words_.back().end());
      while (memory_.size() % lanes_ != 0) memory_.push_back(0xffffffff);
    }
    memory_.resize(memory_.size() + 20 * lanes_, 0x01010101);
  }

  bool cycle() {
    unsigned done = 0;
    for (std::size_t u = 0; u < kUnits; ++u)
      if (units_[u].ends == cycle_) done |= 1U << u;
    rtl_->done_i = static_cast<CData>(done);
    rtl_->raise_i = (done >> kNetwork & 1) != 0 ? remote_signal() : 0;
    rtl_->clk_i = 0;
    rtl_->eval();
    started();
    issued();
    for (std::size_t u = 0; u < kUnits; ++u)
      if ((done >> u & 1) != 0) units_[u].ends = kNever;
    const bool last = rtl_->program_done_o != 0, reads = rtl_->pmem_re_o != 0;
    const std::size_t word = rtl_->pmem_addr_o * lanes_;
    rtl_.cycle();
    lines_read_ += reads ? 1 : 0;
    if (reads && word + lanes_ <= memory_.size())
      set_bytes(rtl_->pmem_rdata_i, &memory_[word], 4 * lanes_);
    else
      set_bytes(rtl_->pmem_rdata_i, "nothing", 7);
    return last;
  }

  void issued() {
    if (rtl_->issue_o == 0) return;
    ASSERT_LT(issued_ + 1, program_->size());
    const std::size_t u = unit_of((*program_)[issued_]);
    ASSERT_EQ(rtl_->issue_o, 1U << u) << "instruction " << issued_;
    ASSERT_EQ(cycle_, expected_->instructions[issued_].issued) << "instruction " << issued_;
    units_[u].queue.push_back(issued_++);
  }

  void started() {
    for (std::size_t u = 0; u < kUnits; ++u) {
      if ((rtl_->start_o >> u & 1) == 0) continue;
      ASSERT_FALSE(units_[u].queue.empty() || units_[u].ends != kNever) << "unit " << u;
      const std::size_t i = units_[u].queue.front();
      units_[u].queue.pop_front();
      units_[u].running = i;
      const models::InstructionTiming& expected = expected_->instructions[i];
      ASSERT_EQ(cycle_, expected.started) << "instruction " << i;
      units_[u].ends = cycle_ + expected.ended - expected.started;
      std::vector<std::uint8_t> words = instruction(u);
      ASSERT_LE(4 * words_[i].size(), words.size()) << "instruction " << i;
      ASSERT_EQ(std::memcmp(words.data(), words_[i].data(), 4 * words_[i].size()), 0) << "instruction " << i;
    }
  }

  std::vector<std::uint8_t> instruction(std::size_t unit) const {
    auto& m = const_cast<Verilated<Module>&>(rtl_);
    switch (unit) {
      case 0:
        return bytes_of(m->dma_instruction_o);
      case 1:
        return bytes_of(m->tensor_instruction_o);
      case 2:
        return bytes_of(m->vector_instruction_o);
      case 3:
        return bytes_of(m->settings_instruction_o);
      default:
        return bytes_of(m->network_instruction_o);
    }
  }

  Verilated<Module> rtl_;
  std::size_t lanes_;
  std::vector<std::uint32_t> memory_;
  std::vector<std::vector<std::uint32_t>> words_;
  const isa::Program* program_ = nullptr;
  const models::ProgramTiming* expected_ = nullptr;
  std::array<Unit, kUnits> units_;
  std::int64_t cycle_ = 0, lines_read_ = 0;
  std::size_t issued_ = 0;
};

// A Verilated sequencer of these sizes, and the reference's.
template <class Module>
class Setting {
 public:
  Setting(int lanes, int depth) {
    parameters_.lanes = lanes;
    parameters_.queue_depth = depth;
  }
  int lanes() const { return parameters_.lanes; }
  void check(const isa::Program& program) {
    SCOPED_TRACE(std::to_string(parameters_.lanes) + " lanes");
    bench_.run(program, reference::tick(program, parameters_));
  }

 private:
  models::clocked::CoreParameters parameters_;
  Bench<Module> bench_;
};

template <class Test>
void in_all_settings(const Test& test) {
  test(Setting<Vsequencer_4_1>(4, 1));
  test(Setting<Vsequencer_16_8>(16, 8));
  test(Setting<Vsequencer_32_3>(32, 3));
}

// One program after the other on the same sequencer, some of which leave semaphores above zero.
TEST(Sequencer, RandomProgramsTakeTheCyclesOfTheTickingCore) {
  in_all_settings([](auto&& setting) {
    for (std::uint64_t seed = 0; seed < 50 && !::testing::Test::HasFatalFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      reference::ScheduleShape shape;
      shape.lanes = setting.lanes();
      shape.wait_percent = seed % 2 == 0 ? 30 : 80;
      setting.check(reference::random_schedule(seed, shape));
    }
  });
}

// Short instructions of one kind, without semaphores: how fast they can be fetched and issued.
TEST(Sequencer, NothingButOneKind) {
  in_all_settings([](auto&& setting) {
    for (const isa::Instruction& instruction :
         {isa::Instruction(isa::Settle{}), isa::Instruction(isa::Copy{}), isa::Instruction(isa::Vector{}),
          isa::Instruction(isa::Put{}), isa::Instruction(isa::Update{})}) {
      isa::Program program(30, instruction);
      program.push_back(isa::End{});
      setting.check(program);
    }
    setting.check({isa::End{}});
  });
}

// One raise, two units that wait for it: the first in the order of the units takes it, the other the next.
TEST(Sequencer, TheFirstUnitTakesASharedSemaphore) {
  isa::Vector raises;
  raises.loops[7] = 400;
  raises.signal = 1U << 31;
  isa::Tensor second;
  isa::Copy first;
  isa::Settle third;
  isa::Put remote;
  first.wait = second.wait = third.wait = 1U << 31;
  remote.loops[7] = 300;
  remote.remote_signal = 1U << 31;
  second.row_count = 1;
  in_all_settings([&](auto&& setting) {
    setting.check({raises, third, second, first, raises, raises, isa::End{}});
    setting.check({raises, second, third, first, remote, remote, isa::End{}});
  });
}

}  // namespace
}  // namespace anzan::cosim::sequencer_cosim_test
