// The executor: whole random programs against the reference for every kernel set and number of
// threads, statistics and semaphores, and the programs that it refuses.
#include "sim/engines/executor.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

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
    // with a put, program order; without, any that the dependencies allow
    const bool puts = seed % 4 == 0;
    const isa::Copy copy = cases.copy();
    if (puts) program.push_back(isa::Put{0, 0, copy.element, 0, 5, copy.loops, copy.src, copy.dst});
    program.push_back(isa::End{puts ? 5U : 0U, 2});
    ReferenceCore expected{cases.machine(), {}};
    adaptive_slots(expected.machine);
    const Machine start = expected.machine;
    expected.execute(program);
    for (const models::kernels::KernelSet* set : models::kernels::available_kernels(GetParam()))
      for (const int threads : {1, 2, 3}) {
        Core core = reference::core_of(start);
        Executor executor(core, threads, set);
        // plans that are kept, or made anew
        LoadedProgram loaded = executor.load(isa::encode(program), Executor::Order::kAny,
                                             threads == 1 ? program.size() : program.size() - 1);
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

// Parts that each take the next number, and may only be taken once the one before has been half done.
class Numbers final : public ThreadTeam::Work {
 public:
  Numbers(int parts, ThreadTeam& team) : seen_(static_cast<std::size_t>(parts), 0), team_(team) {}
  bool take_part(ThreadTeam::Lock& lock, int member) override {
    if (next_ == ready_) return false;
    const std::size_t part = next_++;
    ++running_;
    lock.give();
    ++seen_[part];
    members_ |= 1U << member;
    lock.take();
    ready_ = std::max(ready_, std::min(part + 2, seen_.size()));
    --running_;
    team_.wake();
    return true;
  }
  bool over() const override { return running_ == 0 && next_ == ready_; }
  const std::vector<int>& seen() const { return seen_; }
  unsigned members() const { return members_; }

 private:
  std::vector<int> seen_;
  ThreadTeam& team_;
  std::size_t next_ = 0, ready_ = 1;
  int running_ = 0;
  std::atomic<unsigned> members_{0};
};

TEST(ThreadTeam, LeavesSignalsToTheThreadThatStartedIt) {
  ThreadTeam team(3);
  sigset_t signals, before, waiting;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGALRM}) sigaddset(&signals, signal);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &signals, &before), 0);  // as a file is written
  EXPECT_EQ(sigismember(&before, SIGINT), 0) << "the mask of the starting thread is as it was";
  for (const int signal : {SIGINT, SIGTERM, SIGALRM}) {
    ASSERT_EQ(::kill(::getpid(), signal), 0);  // ends the process if another thread takes it
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // in which another thread would
    ASSERT_EQ(sigpending(&waiting), 0);
    EXPECT_EQ(sigismember(&waiting, signal), 1);
    EXPECT_EQ(sigwaitinfo(&signals, nullptr), signal);
  }
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(ThreadTeam, EveryPartIsDoneOnce) {
  for (const int threads : {1, 2, 4, 16}) {
    ThreadTeam team(threads);
    unsigned members = 0;
    for (int round = 0; round < 500; ++round) {
      Numbers numbers(1 + round % 50, team);
      team.run(numbers);
      for (const int times : numbers.seen()) ASSERT_EQ(times, 1);
      members |= numbers.members();
      if (round % 100 == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // let the members fall asleep
    }
    EXPECT_EQ(members >> threads, 0U);
    EXPECT_THROW(ThreadTeam(0), std::invalid_argument);
  }
}

// Copies a line up through the scratchpad, and writes another over what each copy has read; between them
// instructions that fail.
isa::Program failing_program(const std::vector<int>& fail_after) {
  isa::Copy copy;
  copy.element = isa::Format::kFp32;
  isa::Vector wide;
  wide.op = isa::VectorOp::kRandom;
  wide.mask = {0, 4};
  wide.slot_o = 9;
  isa::Program program;
  for (int k = 0; k < 40; ++k) {
    copy.src.base = static_cast<std::uint32_t>(k);
    copy.dst.base = static_cast<std::uint32_t>(k + 1);
    program.push_back(copy);
    copy.src.base = 50;
    copy.dst.base = static_cast<std::uint32_t>(k);
    program.push_back(copy);
    wide.o.base = static_cast<std::uint32_t>(4 * (52 + k % 4));
    if (std::find(fail_after.begin(), fail_after.end(), k) != fail_after.end()) program.push_back(wide);
  }
  program.push_back(isa::End{});
  return program;
}

TEST(Threads, TheFirstErrorInProgramOrderIsNamed) {
  for (const int threads : {1, 2, 3, 8})
    for (int round = 0; round < 50; ++round) {
      Core core(4, 1, 0);
      core.settings.slot(9).width = 16;
      core.scratchpad()[0] = 7;
      core.scratchpad()[50 * 16] = 1;
      Executor executor(core, threads);
      LoadedProgram failing = executor.load(isa::encode(failing_program({17, 18, 30, 39})));
      try {
        executor.run(failing);
        FAIL() << "nothing thrown";
      } catch (const isa::ProgramError& error) {
        ASSERT_EQ(error.place().instruction, 36U) << threads;  // two copies before each, and none that fails
        ASSERT_EQ(error.place().field, "slot_o");
      }
      for (int line = 0; line < 18; ++line) ASSERT_EQ(core.scratchpad()[line * 16], 1) << line;
      // the executor goes on
      LoadedProgram whole = executor.load(isa::encode(failing_program({})));
      for (int again = 0; again < 2; ++again) {
        std::memset(core.scratchpad(), 0, 50 * 16);
        core.scratchpad()[0] = 7;
        executor.run(whole);
        for (int line = 0; line <= 40; ++line)
          ASSERT_EQ(core.scratchpad()[line * 16], line < 40 ? 1 : 7) << line;
      }
    }
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

// What comes before a wait that stays zero is executed, and nothing after it; later the rest.
TEST(Semaphores, StopAProgramUntilTheyAreRaised) {
  for (const int threads : {1, 2, 3}) {
    Core core(4, 1, 0);
    core.scratchpad()[0] = 7;
    core.scratchpad()[50 * 16] = 1;
    Executor executor(core, threads);
    isa::Program program = failing_program({});
    for (const std::size_t waiting : {21, 60}) isa::wait(program[waiting]) = 4;
    for (std::size_t k = 0; k < program.size(); ++k) isa::signal(program[k]) |= 8;  // never taken
    LoadedProgram loaded = executor.load(isa::encode(program));
    for (int again = 0; again < 2; ++again) {
      std::memset(core.scratchpad(), 0, 50 * 16);
      core.scratchpad()[0] = 7;
      core.semaphores = {};
      std::size_t next = 0;
      EXPECT_FALSE(executor.run_from(loaded, next));
      EXPECT_EQ(next, 21U);
      for (int line = 0; line <= 12; ++line)
        ASSERT_EQ(core.scratchpad()[line * 16], line < 10 ? 1 : line < 12 ? 7 : 0) << line;
      EXPECT_FALSE(executor.run_from(loaded, next));
      EXPECT_EQ(next, 21U);
      core.semaphores[2] = 1;
      EXPECT_FALSE(executor.run_from(loaded, next));
      EXPECT_EQ(next, 60U);
      core.semaphores[2] = 1;
      EXPECT_TRUE(executor.run_from(loaded, next));
      for (int line = 0; line <= 40; ++line)
        ASSERT_EQ(core.scratchpad()[line * 16], line < 40 ? 1 : 7) << line;
      EXPECT_EQ(core.semaphores[2], 0U);
      EXPECT_EQ(core.semaphores[3], program.size());
    }
    try {
      core.semaphores = {};
      executor.run(loaded);
      FAIL() << "nothing thrown";
    } catch (const isa::ProgramError& error) {
      EXPECT_EQ(error.place().instruction, 21U);
      EXPECT_EQ(error.place().field, "wait");
    }
  }
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
