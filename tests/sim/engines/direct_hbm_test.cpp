// Programs loaded for their order, against the same ones in which every copy is executed: random ones whose
// inputs are loaded, overwritten and stored over in between, and each reason why a load or a store may or may
// not be dropped.
#include "sim/engines/direct_hbm.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "compiler/instructions/runs.hpp"
#include "models/number_format.hpp"
#include "sim/engines/executor.hpp"
#include "tests/campaign.hpp"
#include "tests/models/instruction_cases.hpp"

namespace anzan::sim::direct_hbm_test {
namespace {

using models::Core;
using reference::kInputLines;
using Order = Executor::Order;

using Random = std::mt19937_64;
std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
}

// Loads of whole lines that cover [first, first + lines), in runs whose homes lie near each other or far.
void add_loads(isa::Program& program, Random& random, std::int64_t first, std::int64_t lines) {
  for (const std::int64_t end = first + lines; first < end;) {
    const std::int64_t run = between(random, 1, between(random, 0, 1) == 0 ? 20 : lines);
    const std::int64_t runs = between(random, 1, 4);
    isa::Copy load;
    load.element = isa::Format::kFp32;
    load.src_space = isa::Space::kHbm;
    load.loops[6] =
        static_cast<std::uint16_t>(std::max<std::int64_t>(1, std::min(runs, (end - first) / run)));
    load.loops[7] = static_cast<std::uint16_t>(std::min(run, end - first));
    load.src.stride[6] = static_cast<std::int32_t>(between(random, 0, 2) * 3 + run);
    load.src.stride[7] = 1;
    load.dst.stride[6] = static_cast<std::int32_t>(run);
    load.dst.stride[7] = 1;
    load.src.base = static_cast<std::uint32_t>(between(random, 0, 30));
    load.dst.base = static_cast<std::uint32_t>(first);
    program.push_back(load);
    first += run * load.loops[6];
  }
}

// A tile in one of two buffers of the outputs, read perhaps, and stored in one piece or in two.
void add_tile(isa::Program& program, Random& random, reference::CaseMaker& cases) {
  isa::Vector tile = cases.vector_of_lines();
  const auto rows = static_cast<std::uint32_t>(models::elements_per_word(tile.out_format));
  const std::uint32_t buffer = between(random, 0, 1) == 0 ? 300 : 400;
  const std::uint32_t lines = tile.loops[6] / rows;
  if (lines == 0) return;
  tile.loops[6] = static_cast<std::uint16_t>(lines * rows);
  tile.o.base = buffer * rows;
  tile.mask = {0, static_cast<std::uint8_t>(cases.machine().lanes)};
  program.push_back(tile);
  isa::Vector reader;
  reader.op = isa::VectorOp::kCopy;
  reader.a = {isa::OperandKind::kRows, tile.out_format, 3, {tile.o.base, {}}};
  reader.a.at.stride[7] = 1;
  reader.out_format = isa::Format::kFp32;
  reader.mask = tile.mask;
  reader.loops[7] = static_cast<std::uint16_t>(between(random, 1, std::min<std::int64_t>(8, lines * rows)));
  reader.o.base = 500;
  reader.o.stride[7] = 1;
  if (between(random, 0, 2) == 0) program.push_back(reader);
  if (between(random, 0, 3) == 0) program.push_back(cases.vector());
  isa::Copy store;
  store.element = isa::Format::kFp32;
  store.dst_space = isa::Space::kHbm;
  store.src = {buffer, {}};
  store.src.stride[7] = 1;
  store.dst = {static_cast<std::uint32_t>(between(random, 0, 150)), {}};
  store.dst.stride[7] = 1;
  store.loops[7] = static_cast<std::uint16_t>(between(random, 0, 1) == 0 ? lines : (lines + 1) / 2);
  program.push_back(store);
  if (between(random, 0, 2) == 0) program.push_back(reader);
  if (store.loops[7] == lines) return;
  store.src.base += store.loops[7];
  store.dst.base += store.loops[7];
  store.loops[7] = static_cast<std::uint16_t>(lines - store.loops[7]);
  program.push_back(store);
}

// What the random instructions read is loaded anew again and again, all of it or a part, and what they write
// is stored over where it came from.
isa::Program random_program(std::uint64_t seed, reference::CaseMaker& cases) {
  Random random(seed);
  isa::Program program;
  for (int round = 0; round < 10; ++round) {
    const bool all = round == 0 || between(random, 0, 1) == 0;
    const std::int64_t first = all ? 0 : between(random, 0, kInputLines - 1);
    add_loads(program, random, first, between(random, 1, all ? kInputLines : kInputLines - first));
    for (std::int64_t k = between(random, 0, 2); k > 0; --k) add_tile(program, random, cases);
    for (std::int64_t k = between(random, 1, 5); k > 0; --k) {
      switch (between(random, 0, 9)) {
        case 0:
          program.push_back(isa::Take{0, 0, 1, cases.counter_line()});
          break;
        case 1:
          program.push_back(isa::Give{0, 0, 2, cases.counter_line()});
          break;
        case 2: {
          isa::Copy store = cases.copy();  // from the inputs, or from the outputs
          if (store.src_space == isa::Space::kHbm) break;
          store.dst_space = isa::Space::kHbm;
          store.dst.base %= 100;  // where the loads come from
          for (std::int32_t& stride : store.dst.stride) stride = std::abs(stride);
          program.push_back(store);
          break;
        }
        case 3:
          program.push_back(cases.copy());
          break;
        case 4:
          program.push_back(cases.transpose());
          break;
        case 5:
        case 6: {
          isa::Tensor tensor = cases.tensor();
          if (tensor.init == isa::Init::kSpill) tensor.init = isa::Init::kZero;
          program.push_back(tensor);
          break;
        }
        case 7:
          program.push_back(cases.vector_of_lines());
          break;
        default:
          program.push_back(cases.vector());
      }
    }
    // outputs over a part of the inputs: rows that are lines only in part, too
    isa::Vector over;
    over.op = isa::VectorOp::kRandom;
    over.out_format = static_cast<isa::Format>(between(random, 0, 2));
    over.slot_o = 3;
    over.mask = {0, static_cast<std::uint8_t>(between(random, 0, 1) == 0 ? 1 : cases.machine().lanes)};
    over.loops[7] = static_cast<std::uint16_t>(between(random, 1, 30));
    over.o.base = static_cast<std::uint32_t>(between(random, 0, 120));
    over.o.stride[7] = 1;
    program.push_back(over);
  }
  program.push_back(isa::End{});
  return program;
}

void expect_same_state(const Core& expected, const Core& core, std::size_t hbm_bytes,
                       const std::string& what) {
  const auto scratchpad_bytes =
      static_cast<std::size_t>(core.lines(isa::Space::kScratchpad) * core.line_bytes());
  ASSERT_EQ(0, std::memcmp(expected.scratchpad(), core.scratchpad(), scratchpad_bytes)) << what;
  ASSERT_EQ(0, std::memcmp(expected.hbm(), core.hbm(), hbm_bytes)) << what;
  ASSERT_TRUE(expected.settings == core.settings) << what;
  ASSERT_TRUE(expected.statistics == core.statistics) << what;
}

class DirectPrograms : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Lanes, DirectPrograms, ::testing::ValuesIn(isa::kLanes),
                         ::testing::PrintToStringParamName());

TEST_P(DirectPrograms, LeaveWhatTheyLeaveWithAllCopies) {
  std::int64_t loads = 0, dropped = 0, readers = 0, writers = 0;
  for (std::uint64_t seed = 0; seed < share_of_cases(120); ++seed) {
    reference::CaseMaker cases(seed * 64 + static_cast<std::uint64_t>(GetParam()), GetParam());
    const isa::Program program = random_program(seed, cases);
    const reference::Machine start = cases.machine();
    // what is written in a large HBM goes past the caches
    const std::int64_t line = 4 * GetParam();
    const std::int64_t scratchpad_kib = static_cast<std::int64_t>(start.scratchpad.size()) / 1024;
    const std::int64_t hbm_lines = static_cast<std::int64_t>(start.hbm.size()) / line;
    const auto made = [&] {
      Core core(GetParam(), scratchpad_kib, hbm_lines + (seed % 2 == 0 ? 0 : (16 << 20) / line));
      std::memcpy(core.scratchpad(), start.scratchpad.data(), start.scratchpad.size());
      std::memcpy(core.hbm(), start.hbm.data(), start.hbm.size());
      core.settings = start.settings;
      for (const int slot : {1, 2, 3, 4, 1023}) core.settings.slot(slot).width = 8;
      if (seed % 4 < 2) {  // bytes are then selected as they are, where zero is the other side
        core.settings.slot(3).q_write = core.settings.slot(3).q_read;
        core.settings.set_scalar(7, 0);
      }
      return core;
    };
    Core expected = made();
    Executor whole(expected, 1);
    LoadedProgram all = whole.load(isa::encode(program));
    EXPECT_EQ(all.dropped_copies(), 0);
    std::vector<Core> cores;
    for (int threads = 1; threads <= 3; ++threads) cores.push_back(made());
    for (int again = 0; again < 2; ++again) {  // from what the first time has left
      whole.run(all);
      for (int threads = 1; threads <= 3; ++threads) {
        Core& core = cores[static_cast<std::size_t>(threads - 1)];
        Executor executor(core, threads);
        // plans that are kept, or made anew
        LoadedProgram direct = executor.load(isa::encode(program), Order::kOfProgram,
                                             threads == 1 ? program.size() : program.size() - 1);
        executor.run(direct);
        dropped += direct.dropped_copies();
        for (std::size_t i = 0; i < program.size(); ++i) {
          const auto* now = std::get_if<isa::Vector>(&direct.instructions()[i]);
          if (now == nullptr) continue;
          const auto& before = std::get<isa::Vector>(program[i]);
          readers += static_cast<std::int64_t>(now->a.at.base != before.a.at.base);
          writers += static_cast<std::int64_t>(now->o.base != before.o.base);
        }
        expect_same_state(expected, core, start.hbm.size(),
                          "seed " + std::to_string(seed) + ", threads " + std::to_string(threads));
        if (HasFatalFailure()) return;
      }
    }
    for (const isa::Instruction& i : program)
      if (const auto* copy = std::get_if<isa::Copy>(&i))
        loads += 6 * static_cast<std::int64_t>(copy->src_space == isa::Space::kHbm);
  }
  EXPECT_GT(dropped, loads / 20) << "of " << loads;
  EXPECT_GT(readers, share_of_cases(120)) << "that read HBM";
  EXPECT_GT(writers, share_of_cases(120)) << "that write HBM";
  EXPECT_LT(dropped, loads) << "what remains in the scratchpad must be loaded";
}

// Sixteen lanes, 1024 lines of scratchpad, 4096 of HBM.
class Loads : public ::testing::Test {
 protected:
  static isa::Address walk(std::int64_t base, std::vector<std::int32_t> strides) {
    isa::Address a;
    a.base = static_cast<std::uint32_t>(base);
    std::copy(strides.rbegin(), strides.rend(), a.stride.rbegin());
    return a;
  }
  static compiler::LoopCounts loops(std::vector<std::uint16_t> counts) {
    compiler::LoopCounts all;
    all.fill(1);
    std::copy(counts.rbegin(), counts.rend(), all.rbegin());
    return all;
  }
  // Lines [0, 40): four times ten, from 100, 150, 200, 250 on.
  static isa::Copy four_parts() {
    isa::Copy load;
    load.element = isa::Format::kFp32;
    load.src_space = isa::Space::kHbm;
    load.loops = loops({4, 10});
    load.src = walk(100, {50, 1});
    load.dst = walk(0, {10, 1});
    return load;
  }
  static isa::Copy to_hbm(std::int64_t from, std::int64_t to, std::uint16_t lines) {
    isa::Copy store;
    store.element = isa::Format::kFp32;
    store.dst_space = isa::Space::kHbm;
    store.loops = loops({lines});
    store.src = walk(from, {1});
    store.dst = walk(to, {1});
    return store;
  }
  static isa::Copy overwriting(std::int64_t first, std::uint16_t lines) {
    isa::Copy copy;
    copy.element = isa::Format::kFp32;
    copy.loops = loops({lines});
    copy.src = walk(900, {1});
    copy.dst = walk(first, {1});
    return copy;
  }
  // Copies rows into lines from 500 on.
  static isa::Vector reader(isa::Format format, isa::Address at, std::vector<std::uint16_t> counts) {
    isa::Vector v;
    v.op = isa::VectorOp::kCopy;
    v.a = {isa::OperandKind::kRows, format, 0, at};
    v.out_format = isa::Format::kFp32;
    v.mask = {0, 16};
    v.loops = loops(std::move(counts));
    v.o = walk(500, {100, 10, 1});
    return v;
  }
  static DirectProgram followed(isa::Program program) {
    program.push_back(isa::End{});
    const Core core(16, 64, 4096);
    return with_direct_hbm(program, models::MemorySizes(core));
  }
  static bool first_is_dropped(isa::Program program) { return followed(std::move(program)).dropped[0]; }
};

TEST_F(Loads, AreDroppedWhereStridesReachTheirHomes) {
  const isa::Program program = {four_parts(), reader(isa::Format::kFp32, walk(2, {10, 1}), {4, 5}),
                                reader(isa::Format::kInt8, walk(4 * 2 + 1, {40, 4}), {4, 5}),
                                overwriting(0, 40)};
  const DirectProgram direct = followed(program);
  EXPECT_TRUE(direct.dropped[0]);
  EXPECT_TRUE(std::holds_alternative<isa::End>(direct.program[0]));
  const isa::Address lines = std::get<isa::Vector>(direct.program[1]).a.at;
  EXPECT_EQ(lines.base, 1024U + 102U);
  EXPECT_EQ(lines.stride[6], 50);
  EXPECT_EQ(lines.stride[7], 1);
  const isa::Address bytes = std::get<isa::Vector>(direct.program[2]).a.at;
  EXPECT_EQ(bytes.base, 4 * (1024U + 102U) + 1);
  EXPECT_EQ(bytes.stride[6], 200);
  EXPECT_EQ(bytes.stride[7], 4);
}

TEST_F(Loads, StayWhereAReaderCannotReachAll) {
  const isa::Instruction last = overwriting(0, 40);
  // over the end of a part: one stride for two distances
  EXPECT_FALSE(first_is_dropped({four_parts(), reader(isa::Format::kFp32, walk(0, {1}), {11}), last}));
  EXPECT_TRUE(first_is_dropped({four_parts(), reader(isa::Format::kFp32, walk(0, {1}), {10}), last}));
  // a line that was not loaded
  EXPECT_FALSE(first_is_dropped({four_parts(), reader(isa::Format::kFp32, walk(30, {1}), {11}), last}));
  // what a store reads, or goes to another place of the scratchpad
  EXPECT_FALSE(first_is_dropped({four_parts(), to_hbm(39, 3000, 1), last}));
  isa::Copy within = overwriting(600, 1);
  within.src.base = 39;
  EXPECT_FALSE(first_is_dropped({four_parts(), within, last}));
}

TEST_F(Loads, StayWhereTheirHomesAreWrittenBeforeTheyAreRead) {
  const isa::Instruction read = reader(isa::Format::kFp32, walk(0, {1}), {10}), last = overwriting(0, 40);
  EXPECT_FALSE(first_is_dropped({four_parts(), to_hbm(700, 109, 1), read, last}));
  EXPECT_TRUE(first_is_dropped({four_parts(), to_hbm(700, 110, 40), read, last}));  // between its parts
  EXPECT_TRUE(first_is_dropped({four_parts(), read, to_hbm(700, 109, 1), last}));
}

TEST_F(Loads, StayWhereTheyRemain) {
  const isa::Instruction read = reader(isa::Format::kFp32, walk(0, {1}), {10});
  EXPECT_FALSE(first_is_dropped({four_parts(), read}));
  EXPECT_FALSE(first_is_dropped({four_parts(), read, overwriting(0, 39)}));
  EXPECT_TRUE(first_is_dropped({four_parts(), read, overwriting(0, 39), overwriting(39, 1)}));
  EXPECT_TRUE(first_is_dropped({four_parts(), read, four_parts()}));  // by what remains itself
  EXPECT_FALSE(followed({four_parts(), read, four_parts()}).dropped[2]);
}

TEST_F(Loads, StayWhereALineIsOverwrittenInPart) {
  const isa::Instruction last = overwriting(0, 40);
  isa::Vector bytes = reader(isa::Format::kFp32, walk(800, {1}), {160});
  bytes.op = isa::VectorOp::kRandom;
  bytes.out_format = isa::Format::kInt8;
  bytes.o = walk(0, {1});
  EXPECT_TRUE(first_is_dropped({four_parts(), bytes, last}));
  bytes.mask = {0, 15};
  EXPECT_FALSE(first_is_dropped({four_parts(), bytes, last}));
  bytes.mask = {0, 16};
  bytes.loops = loops({157});
  EXPECT_FALSE(first_is_dropped({four_parts(), bytes, last}));
  isa::Copy rows = four_parts();  // three rows of each line, after all four
  rows.element = isa::Format::kInt8;
  rows.loops = loops({40, 3});
  rows.src = walk(0, {4, 1});
  rows.dst = walk(0, {4, 1});
  EXPECT_FALSE(first_is_dropped({four_parts(), rows, last}));
  EXPECT_FALSE(followed({four_parts(), rows, last}).dropped[1]);
}

// One core may put to itself.
TEST_F(Loads, AreNotDroppedWherePutsArrive) {
  const isa::Copy load = four_parts();
  isa::Put put;
  put.element = isa::Format::kFp32;
  put.src = walk(900, {0});
  put.dst = walk(3, {0});
  const isa::Program program = {load, put, reader(isa::Format::kFp32, walk(0, {1}), {10}), overwriting(0, 40),
                                isa::End{}};
  Core core(16, 64, 4096);
  EXPECT_EQ(Executor(core, 1).load(isa::encode(program), Order::kOfProgram).dropped_copies(), 0);
}

TEST_F(Loads, AreNotDroppedForAnotherOrderNorForSeveralCores) {
  Core one(16, 64, 4096), two(16, 64, 4096);
  const std::vector<std::uint32_t> words = isa::encode(
      {four_parts(), reader(isa::Format::kFp32, walk(0, {1}), {10}), overwriting(0, 40), isa::End{}});
  Executor executor(one, 1);
  EXPECT_EQ(executor.load(words).dropped_copies(), 0);
  LoadedProgram direct = executor.load(words, Order::kOfProgram);
  EXPECT_EQ(direct.dropped_copies(), 1);
  EXPECT_THROW(executor.run_one(direct, 1), std::invalid_argument);
  executor.join({&one, &two});
  EXPECT_EQ(executor.load(words, Order::kOfProgram).dropped_copies(), 0);
}

// Writes lines [first, first + lines) of the scratchpad as rows, from what stands at 900.
class Stores : public Loads {
 protected:
  static isa::Vector writer(isa::Format format, std::int64_t first, std::uint16_t lines) {
    const auto rows = static_cast<std::uint16_t>(4 / bytes_of(format));
    isa::Vector v = reader(isa::Format::kFp32, walk(900, {0, 0}), {lines, rows});
    v.out_format = format;
    v.o = walk(first * rows, {rows, 1});
    return v;
  }
  static int bytes_of(isa::Format f) {
    return f == isa::Format::kInt8 ? 1 : f == isa::Format::kInt16 ? 2 : 4;
  }
  static std::vector<bool> dropped(isa::Program program) {
    std::vector<bool> all = followed(std::move(program)).dropped;
    all.pop_back();  // of `end`
    return all;
  }
  using Dropped = std::vector<bool>;
};

TEST_F(Stores, AreDroppedWhereTheirLinesCanBeWrittenInHbm) {
  for (const isa::Format format : {isa::Format::kInt8, isa::Format::kInt16, isa::Format::kFp32}) {
    const isa::Program program = {writer(format, 10, 8), to_hbm(10, 300, 8), overwriting(10, 8)};
    EXPECT_EQ(dropped(program), Dropped({false, true, false}));
    const auto written = std::get<isa::Vector>(followed(program).program[0]);
    EXPECT_EQ(written.o.base, (1024U + 300U) * static_cast<unsigned>(4 / bytes_of(format)));
    // what is read between, and after, is read there
    const isa::Vector read = reader(isa::Format::kFp32, walk(12, {1}), {3});
    const isa::Program with_readers = {writer(format, 10, 8), read, to_hbm(10, 300, 8), read,
                                       overwriting(10, 8)};
    EXPECT_EQ(dropped(with_readers), Dropped({false, false, true, false, false}));
    for (const std::size_t reader : {1U, 3U})
      EXPECT_EQ(std::get<isa::Vector>(followed(with_readers).program[reader]).a.at.base, 1024U + 302U);
  }
  // by two, and in two
  EXPECT_EQ(dropped({writer(isa::Format::kInt8, 10, 4), writer(isa::Format::kFp32, 14, 4), to_hbm(10, 300, 8),
                     overwriting(10, 8)}),
            Dropped({false, false, true, false}));
  EXPECT_EQ(dropped({writer(isa::Format::kInt8, 10, 8), to_hbm(10, 300, 5), to_hbm(15, 305, 3),
                     overwriting(10, 8)}),
            Dropped({false, true, true, false}));
  // what was loaded from there, and is there still
  EXPECT_EQ(dropped({four_parts(), to_hbm(30, 250, 10), overwriting(0, 40)}), Dropped({true, true, false}));
}

TEST_F(Stores, StayWhereTheScratchpadIsReadAfterAll) {
  const isa::Instruction last = overwriting(10, 8);
  const isa::Instruction write = writer(isa::Format::kFp32, 10, 8), store = to_hbm(10, 300, 8);
  EXPECT_EQ(dropped({write, store}), Dropped({false, false})) << "its lines remain";
  // over its end, into what was not written with it
  const isa::Vector beyond = reader(isa::Format::kFp32, walk(12, {1}), {7});
  EXPECT_EQ(dropped({write, beyond, store, last}), Dropped({false, false, false, false}));
  // stored twice
  EXPECT_EQ(dropped({write, store, to_hbm(10, 500, 8), last}), Dropped({false, false, false, false}));
  // in an order that no stride has
  EXPECT_EQ(dropped({write, to_hbm(10, 300, 3), to_hbm(13, 400, 5), last}),
            Dropped({false, false, false, false}));
  // with a line that another copy has brought, and stays with it
  EXPECT_EQ(dropped({write, overwriting(18, 1), to_hbm(10, 300, 9), last}),
            Dropped({false, false, false, false}));
  EXPECT_EQ(dropped({write, overwriting(9, 1), to_hbm(9, 299, 9), last, overwriting(9, 1)}),
            Dropped({false, false, false, false, false}));
  // what is overwritten before it is stored
  const DirectProgram overwritten = followed({write, overwriting(10, 8), store, last});
  EXPECT_EQ(std::get<isa::Vector>(overwritten.program[0]).o.base, 10U);
  EXPECT_FALSE(overwritten.dropped[2]);
  // lines that are written in part only
  isa::Vector half = writer(isa::Format::kInt8, 10, 8);
  half.mask = {0, 15};
  EXPECT_EQ(dropped({half, store, last}), Dropped({false, false, false}));
  half.mask = {0, 16};
  half.loops[7] = 3;
  EXPECT_EQ(dropped({half, store, last}), Dropped({false, false, false}));
}

TEST_F(Stores, StayWhereHbmIsReadOrWrittenBeforeThem) {
  const isa::Instruction last = overwriting(10, 8), reads = reader(isa::Format::kFp32, walk(0, {1}), {10});
  const isa::Instruction write = writer(isa::Format::kFp32, 10, 8),
                         write_there = writer(isa::Format::kFp32, 60, 1);
  // the old value is loaded after the new one is written in the scratchpad
  isa::Copy load = four_parts();
  load.loops = loops({1, 1});
  load.src.base = 307;
  load.dst.base = 40;
  EXPECT_EQ(dropped({write, load, to_hbm(10, 300, 8), last, overwriting(40, 1)}),
            Dropped({false, true, false, false, false}));
  load.src.base = 308;
  EXPECT_EQ(dropped({write, load, to_hbm(10, 300, 8), last, overwriting(40, 1)}),
            Dropped({false, true, true, false, false}));
  // another value is stored there between
  EXPECT_EQ(dropped({write, to_hbm(700, 303, 1), to_hbm(10, 300, 8), last}),
            Dropped({false, false, false, false}));
  EXPECT_EQ(dropped({write, write_there, to_hbm(60, 303, 1), to_hbm(10, 300, 8), last, overwriting(60, 1)}),
            Dropped({false, false, true, false, false, false}));
  EXPECT_EQ(dropped({write, write_there, to_hbm(10, 300, 8), to_hbm(60, 303, 1), last, overwriting(60, 1)}),
            Dropped({false, false, false, false, false, false}));
  // the old value was loaded before, and is read in the scratchpad after the new one is there
  EXPECT_EQ(dropped({four_parts(), write, reads, to_hbm(10, 103, 8), overwriting(0, 40)}),
            Dropped({false, false, false, true, false}));
  // the instruction reads where it would write
  isa::Vector moving = writer(isa::Format::kFp32, 10, 8);
  moving.a.at = walk(1, {1, 0});
  EXPECT_EQ(dropped({four_parts(), moving, to_hbm(10, 103, 8), overwriting(0, 40)}),
            Dropped({true, false, false, false}));
}

}  // namespace
}  // namespace anzan::sim::direct_hbm_test
