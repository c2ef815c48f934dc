// network_unit: random puts, rows and cycles, against the meaning of `put` and its formula.
#include <Vnetwork_unit_16.h>
#include <Vnetwork_unit_4.h>
#include <gtest/gtest.h>

#include "models/dma.hpp"
#include "models/timing.hpp"
#include "tests/cosim/row_ports.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::cosim {
namespace {

// A random copy within the scratchpad makes a put.
isa::Put put_of(const isa::Copy& copy) {
  isa::Put put;
  put.element = copy.element;
  put.loops = copy.loops;
  put.src = copy.src;
  put.dst = copy.dst;
  put.wait = 0xaaaaaaaa;
  put.remote_signal = 0x55555555;
  return put;
}

template <class Module>
void check(int lanes) {
  Verilated<Module> rtl;
  set_instruction(rtl, nullptr);
  rtl.reset();
  for (std::uint64_t seed = 0; seed < 600 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    reference::CaseMaker cases(seed, lanes);
    const isa::Put put = put_of(cases.copy());
    const reference::Machine machine = cases.machine();
    models::Core found = reference::core_of(machine), expected = reference::core_of(machine);
    models::CopyPlan plan = models::plan(put, models::MemorySizes(expected), models::MemorySizes(expected));
    models::bind(plan, expected, expected);
    models::execute(plan, models::kernels::best_kernels(lanes), 0, plan.iterations);

    const isa::Instruction instruction = put;
    const std::int64_t rows = models::iterations(put.loops, 0, isa::kLoops);
    std::int64_t end = -1;
    LineCounts counts;
    for (std::int64_t cycle = 0; cycle < models::work_cycles(put) + 5; ++cycle) {
      set_instruction(rtl, cycle == 0 ? &instruction : nullptr);
      rtl->clk_i = 0;
      rtl->eval();
      if (rtl->done_o != 0) {
        ASSERT_EQ(end, -1) << "done twice";
        end = cycle;
      }
      end_cycle(rtl, found, counts);
    }
    ASSERT_EQ(end, models::work_cycles(put));
    ASSERT_EQ(counts, (LineCounts{rows, rows}));
    expect_same_memories(found, expected);
  }
}

TEST(NetworkUnit, RandomPuts4) { check<Vnetwork_unit_4>(4); }
TEST(NetworkUnit, RandomPuts16) { check<Vnetwork_unit_16>(16); }

}  // namespace
}  // namespace anzan::cosim
