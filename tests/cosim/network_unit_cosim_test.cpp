// network_unit: random puts, rows and cycles, against the meaning of `put` and its formula: to its own core,
// and to another one, whose rows leave.
#include <Vnetwork_unit_16.h>
#include <Vnetwork_unit_4.h>
#include <gtest/gtest.h>

#include <random>

#include "models/dma.hpp"
#include "models/timing.hpp"
#include "tests/cosim/row_ports.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::cosim::network_unit_cosim_test {
namespace {

// A random copy within the scratchpad makes a put.
isa::Put put_of(const isa::Copy& copy) {
  isa::Put put;
  put.element = copy.element;
  put.loops = copy.loops;
  put.src = copy.src;
  put.dst = copy.dst;
  put.wait = 0xaaaaaaaa;
  return put;
}

template <class Module>
class Bench {
 public:
  explicit Bench(int lanes) : lanes_(lanes) {
    set_instruction(rtl_, nullptr);
    rtl_->core_i = 0;
    rtl_.reset();
  }

  void run(std::uint64_t seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    reference::CaseMaker cases(seed, lanes_);
    isa::Put put = put_of(cases.copy());
    put.remote_signal = static_cast<std::uint32_t>(random());
    const int number = static_cast<int>(random() % 3 == 0 ? random() % 65536 : random() % 4);
    // as often to its own core as to others, which may differ in any bit of their number
    const bool leaves = random() % 2 == 0;
    put.core = static_cast<std::uint16_t>(leaves ? number ^ 1 << random() % 16 : number);
    rtl_->core_i = static_cast<SData>(number);
    check(put, cases.machine(), leaves);
  }

 private:
  void check(const isa::Put& put, const reference::Machine& machine, bool leaves) {
    models::Core found = reference::core_of(machine), expected = reference::core_of(machine),
                 found_there = reference::core_of(machine), expected_there = reference::core_of(machine);
    models::Core& receiver = leaves ? expected_there : expected;
    models::CopyPlan plan = models::plan(put, models::MemorySizes(expected), models::MemorySizes(receiver));
    models::bind(plan, expected, receiver);
    models::execute(plan, models::kernels::best_kernels(lanes_), 0, plan.iterations);

    const isa::Instruction instruction = put;
    const std::int64_t rows = models::iterations(put.loops, 0, isa::kLoops), end = models::work_cycles(put);
    LineCounts counts;
    std::int64_t sent = 0;
    for (std::int64_t cycle = 0; cycle < end + 5 && !::testing::Test::HasFatalFailure(); ++cycle) {
      set_instruction(rtl_, cycle == 0 ? &instruction : nullptr);
      rtl_->clk_i = 0;
      rtl_->eval();
      ASSERT_EQ(rtl_->done_o, cycle == end) << "cycle " << cycle;
      ASSERT_EQ(rtl_->raise_o, cycle == end && !leaves ? put.remote_signal : 0) << "cycle " << cycle;
      // the last `rows` cycles, a row in each
      ASSERT_EQ(rtl_->send_o, leaves && cycle > end - rows && cycle <= end) << "cycle " << cycle;
      if (rtl_->send_o != 0) {
        ++sent;
        ASSERT_EQ(rtl_->send_core_o, put.core);
        ASSERT_EQ(rtl_->send_semaphores_o, put.remote_signal);
        ASSERT_LT(rtl_->w_addr_o, found_there.lines(isa::Space::kScratchpad));
        write_line(found_there.scratchpad() + rtl_->w_addr_o * found_there.line_bytes(), rtl_->w_be_o,
                   rtl_->w_wdata_o);
      }
      end_cycle(rtl_, found, counts);
    }
    ASSERT_EQ(sent, leaves ? rows : 0);
    ASSERT_EQ(counts, (LineCounts{rows, leaves ? 0 : rows}));
    expect_same_memories(found, expected);
    expect_same_memories(found_there, expected_there);
  }

  int lanes_;
  Verilated<Module> rtl_;
};

template <class Module>
void check(int lanes) {
  Bench<Module> bench(lanes);
  for (std::uint64_t seed = 0; seed < 1000 && !::testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    bench.run(seed);
  }
}

TEST(NetworkUnit, RandomPuts4) { check<Vnetwork_unit_4>(4); }
TEST(NetworkUnit, RandomPuts16) { check<Vnetwork_unit_16>(16); }

}  // namespace
}  // namespace anzan::cosim::network_unit_cosim_test
