// The executor: whole random programs against the reference for every kernel set and number of
// threads, statistics and semaphores, and the programs that it refuses.
#include "sim/engines/executor.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "models/settings_optimiser.hpp"
#include "sim/engines/thread_team.hpp"
#include "tests/campaign.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::sim::executor_test {
namespace {

using models::Core;
using reference::Machine;

isa::ProgramError::Place refused_at(const isa::Program& program, Core& core) {
  Executor executor(core, 1);
  try {
    LoadedProgram loaded = executor.load(isa::encode(program));
    executor.run(loaded);
  } catch (const isa::ProgramError& error) {
    return error.place();
  }
  return {99, 99, "nothing"};
}

// Executes the program on the reference, the database and the optimiser in turn.
struct ReferenceCore {
  Machine machine;
  models::StatisticsDatabase statistics;
  void execute(const isa::Program& program) {
    for (const isa::Instruction& instruction : program) std::visit(*this, instruction);
  }
  template <class Counted>
  void counted(const Counted& i) {
    machine.execute(i);
    if (i.analyse != 0) statistics.merge(i.slot_o, machine.statistics);
  }
  void operator()(const isa::End&) {}
  void operator()(const isa::Tensor& i) { counted(i); }
  void operator()(const isa::Vector& i) { counted(i); }
  void operator()(const isa::Copy& i) { machine.execute(i); }
  void operator()(const isa::Put& i) { machine.execute(i); }
  void operator()(const isa::Transpose& i) { machine.execute(i); }
  void operator()(const isa::Update& i) {
    models::update(machine.settings.slot(i.slot), statistics.window(i.slot));
  }
  void operator()(const isa::Settle& i) { machine.settings.settle(i.slot); }
  // The words of a set: histogram, values, zeros, saturated high and low, underflows, three of nothing.
  static constexpr std::size_t kWords = 72;
  static std::vector<std::uint32_t*> counters(models::SlotStatistics& s) {
    std::vector<std::uint32_t*> all;
    for (std::uint32_t& bin : s.histogram) all.push_back(&bin);
    all.insert(all.end(), {&s.values, &s.zeros, &s.saturated_high, &s.saturated_low, &s.underflows});
    return all;
  }
  std::uint8_t* word(std::uint32_t line, std::size_t number) {
    return machine.scratchpad.data() + 4 * (line * static_cast<std::size_t>(machine.lanes) + number);
  }
  void operator()(const isa::Take& i) {
    const auto window = counters(statistics.window(i.slot)), total = counters(statistics.total(i.slot));
    std::memset(word(i.dst, 0), 0, 4 * kWords);
    for (std::size_t k = 0; k < total.size(); ++k) {
      std::memcpy(word(i.dst, k), total[k], 4);
      *window[k] -= *total[k];
      *total[k] = 0;
    }
  }
  void operator()(const isa::Give& i) {
    for (models::SlotStatistics* set : {&statistics.window(i.slot), &statistics.total(i.slot)}) {
      std::size_t k = 0;
      for (std::uint32_t* counter : counters(*set)) {
        std::uint32_t more;
        std::memcpy(&more, word(i.src, k++), 4);
        *counter = static_cast<std::uint32_t>(std::min(0xffffffffULL, std::uint64_t{*counter} + 0ULL + more));
      }
    }
  }
};

void expect_equal(const ReferenceCore& expected, const Core& core, const std::string& what) {
  ASSERT_EQ(0, std::memcmp(core.scratchpad(), expected.machine.scratchpad.data(),
                           expected.machine.scratchpad.size()))
      << what;
  ASSERT_EQ(0, std::memcmp(core.hbm(), expected.machine.hbm.data(), expected.machine.hbm.size())) << what;
  ASSERT_TRUE(core.settings == expected.machine.settings) << what;
  ASSERT_TRUE(core.statistics == expected.statistics) << what;
}

class Programs : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Lanes, Programs, ::testing::ValuesIn(isa::kLanes),
                         ::testing::PrintToStringParamName());

// Slots as the compiler uses them: their points move with what was counted.
void adaptive_slots(Machine& machine) {
  int policy = 0;
  for (const int slot : {1, 2, 3, 4, 1023}) {
    models::SlotSettings& s = machine.settings.slot(slot);
    s.width = 8;
    s.policy = static_cast<isa::Policy>(1 + policy++ % 5);
    s.window = 3;
    s.r_max = 1U << 22;
  }
}

TEST_P(Programs, RandomProgramsEqualTheReference) {
  for (std::uint64_t seed = 0; seed < share_of_cases(60) && !HasFatalFailure(); ++seed) {
    reference::CaseMaker cases(seed * 64 + static_cast<std::uint64_t>(GetParam()), GetParam());
    isa::Program program;
    for (int k = 0; k < 4; ++k) {
      program.push_back(cases.vector());
      program.push_back(cases.copy());
      program.push_back(cases.transpose());
      program.push_back(isa::Update{0, 0, static_cast<std::uint16_t>(1 + k)});
      program.push_back(isa::Settle{0, 0, static_cast<std::uint16_t>(1 + k)});
      program.push_back(isa::Take{0, 0, static_cast<std::uint16_t>(1 + k), cases.counter_line()});
      program.push_back(isa::Give{0, 0, static_cast<std::uint16_t>(4 - k), cases.counter_line()});
      isa::Tensor tensor = cases.tensor();
      if (tensor.init == isa::Init::kSpill)
        tensor.init = isa::Init::kZero;  // what stands there may be no accumulator
      program.push_back(tensor);
      program.push_back(isa::Update{0, 0, 1023});
    }
    const isa::Copy copy = cases.copy();
    program.push_back(isa::Put{0, 0, copy.element, 0, 5, copy.loops, copy.src, copy.dst});
    program.push_back(isa::End{5, 2});
    ReferenceCore expected{cases.machine(), {}};
    adaptive_slots(expected.machine);
    const Machine start = expected.machine;
    expected.execute(program);
    for (const models::kernels::KernelSet* set : models::kernels::available_kernels(GetParam()))
      for (const int threads : {1, 2}) {
        Core core = reference::core_of(start);
        Executor executor(core, threads, set);
        // plans that are kept, or made anew
        LoadedProgram loaded =
            executor.load(isa::encode(program), threads == 1 ? program.size() : program.size() - 1);
        executor.run(loaded);
        const std::string what = "seed " + std::to_string(seed) + ", kernels " + set->name + ", threads " +
                                 std::to_string(threads);
        expect_equal(expected, core, what);
        for (std::size_t k = 0; k < core.semaphores.size(); ++k)
          ASSERT_EQ(core.semaphores[k], k == 1 ? 1U : 0U) << what;
        if (HasFatalFailure()) return;
      }
  }
}

// Instructions that are large enough to be shared; tiles and rows of neighbours stand in the same words.
isa::Program large_program() {
  isa::Tensor tensor;
  tensor.format = isa::Format::kInt8;
  tensor.out_format = isa::Format::kInt8;
  tensor.loops = {1, 1, 1, 1, 1, 37, 11, 20};
  tensor.reduce = 1;
  tensor.row_count = 5;
  tensor.mask = {0, 16};
  tensor.analyse = 1;
  tensor.slot_o = 1;
  tensor.a.stride = {0, 0, 0, 0, 0, 1, 2, 1};
  tensor.b.stride = {0, 0, 0, 0, 0, 3, 0, 2};
  tensor.o.base = 4 * 1000;
  tensor.o.stride = {0, 0, 0, 0, 0, 55, 5, 0};
  tensor.x.stride = tensor.o.stride;
  tensor.x.row_stride = 100;
  tensor.x.lane_stride = 1;
  isa::Vector vector;
  vector.op = isa::VectorOp::kMul;
  vector.a.kind = isa::OperandKind::kRows;
  vector.a.at.base = 4000;
  vector.a.at.stride[7] = 1;
  vector.b = vector.a;
  vector.a.slot = vector.b.slot = 1;
  vector.loops[7] = 2001;
  vector.mask = {1, 15};
  vector.analyse = 1;
  vector.slot_o = 2;
  vector.o.base = 4 * 2000 + 1;
  vector.o.stride[7] = 1;
  vector.x.stride[7] = 16;
  vector.x.lane_stride = 1;
  isa::Copy copy;
  copy.loops = {1, 1, 1, 1, 1, 1, 30, 101};
  copy.src.stride = {0, 0, 0, 0, 0, 0, 101, 1};
  copy.dst.base = 4 * 3000;
  copy.dst.stride = {0, 0, 0, 0, 0, 0, 1, 33};
  copy.dst_space = isa::Space::kHbm;
  isa::Transpose transpose;
  transpose.src_rows = transpose.src_lanes = 16;
  transpose.dst_rows = 10;
  transpose.loops[7] = 300;
  transpose.src.base = 3;
  transpose.src.stride[7] = 7;
  transpose.dst.base = 4 * 2700;
  transpose.dst.stride[7] = 10;
  return {tensor, vector, copy, transpose, isa::End{}};
}

TEST(Threads, LargeInstructionsGiveTheSameBits) {
  reference::CaseMaker cases(3, 16);
  cases.copy();
  Machine start = cases.machine();
  start.scratchpad.resize(4096 * 64);
  for (std::size_t k = 0; k < start.scratchpad.size(); ++k)
    start.scratchpad[k] = static_cast<std::uint8_t>(
        reference::random_word(start.settings, 9, static_cast<std::uint32_t>(k)) >> 13);
  start.hbm.assign(6000 * 64, 0);
  for (const int slot : {1, 2}) {
    start.settings.slot(slot).width = 8;
    start.settings.slot(slot).q_write = static_cast<std::int8_t>(slot == 1 ? -10 : -6);
    start.settings.slot(slot).rounding = isa::Rounding::kStochastic;
  }
  ReferenceCore expected{start, {}};
  expected.execute(large_program());
  EXPECT_GT(expected.statistics.total(1).saturated_high, 0U);
  EXPECT_GT(expected.statistics.total(2).underflows, 0U);
  for (const models::kernels::KernelSet* set : models::kernels::available_kernels(16))
    for (const int threads : {1, 2, 3}) {
      Core core(16, 256, 6000);
      std::memcpy(core.scratchpad(), start.scratchpad.data(), start.scratchpad.size());
      core.settings = start.settings;
      Executor executor(core, threads, set);
      LoadedProgram loaded = executor.load(isa::encode(large_program()));
      executor.run(loaded);
      expect_equal(expected, core,
                   std::string("kernels ") + set->name + ", threads " + std::to_string(threads));
    }
}

TEST(ThreadTeam, EveryIterationRunsOnce) {
  for (const int threads : {1, 2, 4}) {
    ThreadTeam team(threads);
    for (int round = 0; round < 2000; ++round) {
      std::vector<int> seen(static_cast<std::size_t>(1 + round % 50), 0);
      team.run(static_cast<std::int64_t>(seen.size()), 1 + round % 7,
               [&](int, std::int64_t first, std::int64_t last) {
                 for (std::int64_t k = first; k < last; ++k) ++seen[static_cast<std::size_t>(k)];
               });
      for (const int times : seen) ASSERT_EQ(times, 1);
      if (round % 500 == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // let the members fall asleep
    }
  }
}

TEST(ThreadTeam, ThrowsOnWhatATaskThrows) {
  ThreadTeam team(2);
  const ThreadTeam::Task task = [](int, std::int64_t first, std::int64_t) {
    if (first == 3) throw std::runtime_error("three");
  };
  EXPECT_THROW(team.run(10, 1, task), std::runtime_error);
  EXPECT_NO_THROW(team.run(3, 1, task));
  EXPECT_THROW(ThreadTeam(0), std::invalid_argument);
}

TEST(Semaphores, AreTakenAndRaisedInProgramOrder) {
  Core core(4, 1, 0);
  core.semaphores[4] = 2;
  Executor executor(core, 1);
  LoadedProgram loaded =
      executor.load(isa::encode({isa::Settle{1U << 4, (1U << 7) | (1U << 31), 0}, isa::End{1U << 7, 1}}));
  EXPECT_EQ(loaded.instructions().size(), 2U);
  executor.run(loaded);
  EXPECT_EQ(core.semaphores[4], 1U);
  EXPECT_EQ(core.semaphores[7], 0U);
  EXPECT_EQ(core.semaphores[31], 1U);
  EXPECT_EQ(core.semaphores[0], 1U);
  executor.run(loaded);
  EXPECT_THROW(executor.run(loaded), isa::ProgramError);
}

TEST(Refused, NamesInstructionWordAndField) {
  Core core(4, 1, 4);
  core.settings.slot(9).width = 16;
  isa::Copy copy;
  copy.element = isa::Format::kFp32;
  isa::Copy outside = copy;
  outside.dst = {60, {0, 0, 0, 0, 0, 0, 0, 2}};
  outside.loops[7] = 3;
  isa::Program program{copy, outside, isa::End{}};
  EXPECT_EQ(refused_at(program, core).instruction, 1U);
  EXPECT_EQ(refused_at(program, core).word, 26U);
  EXPECT_EQ(refused_at(program, core).field, "dst");

  EXPECT_EQ(refused_at({copy, isa::End{}}, core).field, "nothing");
  EXPECT_EQ(refused_at({copy}, core).field, "opcode");
  EXPECT_EQ(refused_at({}, core).field, "opcode");

  isa::Copy waits = copy;
  waits.wait = 8;
  EXPECT_EQ(refused_at({copy, waits, isa::End{}}, core).field, "wait");
  EXPECT_EQ(refused_at({copy, waits, isa::End{}}, core).instruction, 1U);

  isa::Put put;
  put.core = 1;
  EXPECT_EQ(refused_at({put, isa::End{}}, core).field, "core");

  isa::Vector wide;
  wide.op = isa::VectorOp::kRandom;
  wide.mask = {0, 4};
  wide.slot_o = 9;
  EXPECT_EQ(refused_at({wide, isa::End{}}, core).field, "slot_o");
  std::vector<std::uint32_t> words = isa::encode({isa::End{}});
  words[0] |= 0xff;
  Executor executor(core, 1);
  EXPECT_THROW(executor.load(words), isa::ProgramError);
}

// Every field that names a slot, in a core whose last one is 2.
TEST(Refused, SlotsThatAreNotThere) {
  Core core(4, 1, 4, 3);
  int fields = 0;
  for (std::size_t number = 0; number < std::size(isa::kInstructions); ++number) {
    const isa::Instruction plain = isa::make_instruction(number);
    isa::visit_fields(plain, [&](const isa::FieldInfo& field, const auto&) {
      if (field.width != 16 || field.name.find("slot") == std::string_view::npos) return;
      SCOPED_TRACE(std::string(isa::info(plain).name) + " " + std::string(field.name));
      ++fields;
      for (const int slot : {2, 3, 1024, isa::kSlotsMax - 1}) {
        isa::Instruction named = plain;
        isa::visit_fields(named, [&](const isa::FieldInfo& other, auto& value) {
          if (other.name == field.name) value = static_cast<std::decay_t<decltype(value)>>(slot);
        });
        const models::MemorySizes sizes(core);
        if (slot < 3) {
          EXPECT_NO_THROW(models::check_slots(named, sizes));
        } else {
          EXPECT_EQ(refused_at({named, isa::End{}}, core).field, field.name) << slot;
        }
      }
    });
  }
  EXPECT_EQ(fields, 11);
}

TEST(Refused, KernelsAndThreadsThatDoNotFit) {
  Core core(4, 1, 0);
  EXPECT_THROW(Executor(core, 1, &models::kernels::best_kernels(8)), std::invalid_argument);
  EXPECT_THROW(Executor(core, 0), std::invalid_argument);
  EXPECT_THROW(models::kernels::best_kernels(5), std::invalid_argument);
  EXPECT_THROW(Core(5, 1, 0), std::invalid_argument);
  EXPECT_THROW(Core(4, 1 << 21, 0), std::invalid_argument);
  EXPECT_THROW(Core(4, 1, 0, 0), std::invalid_argument);
  EXPECT_THROW(Core(4, 1, 0, isa::kSlotsMax + 1), std::invalid_argument);
}

}  // namespace
}  // namespace anzan::sim::executor_test
