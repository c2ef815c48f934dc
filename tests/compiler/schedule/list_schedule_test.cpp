// Dependencies, schedule and semaphores of random programs against sets of lines enumerated address by
// address; and how busy the schedule keeps the tensor unit.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <set>

#include "compiler/graph/layout.hpp"
#include "compiler/instructions/accesses.hpp"
#include "compiler/instructions/splitting.hpp"
#include "compiler/passes.hpp"
#include "compiler/schedule/schedule.hpp"
#include "compiler/schedule/semaphores.hpp"
#include "isa/units.hpp"
#include "models/timing.hpp"
#include "tests/compiler/random_dependencies.hpp"
#include "tests/compiler/test_chip.hpp"

namespace anzan::compiler::list_schedule_test {
namespace {

using testing::kProgramLanes;
using testing::random_program;
using testing::touched;
using testing::Touched;

constexpr std::uint32_t kPrograms = 150;

bool conflict(const Touched& a, const Touched& b) {
  const auto meet = [](const auto& x, const auto& y) {
    return std::any_of(x.begin(), x.end(), [&](const auto& place) { return y.count(place) > 0; });
  };
  return meet(a.written, b.written) || meet(a.written, b.read) || meet(a.read, b.written);
}

std::vector<Touched> touched_by(const isa::Program& program) {
  std::vector<Touched> all;
  for (const isa::Instruction& i : program) all.push_back(touched(i));
  return all;
}

// reach[j][i]: i must have ended before j starts
std::vector<std::vector<bool>> closure(const Edges& before) {
  std::vector<std::vector<bool>> reach(before.size(), std::vector<bool>(before.size(), false));
  for (std::size_t j = 0; j < before.size(); ++j) {
    for (const std::int32_t b : before[j]) {
      const auto i = static_cast<std::size_t>(b);
      reach[j][i] = true;
      for (std::size_t k = 0; k < i; ++k) reach[j][k] = reach[j][k] || reach[i][k];
    }
  }
  return reach;
}

TEST(Dependencies, AreTheConflictsOfTheLinesTouched) {
  std::int64_t conflicts = 0;
  for (std::uint32_t seed = 1; seed <= kPrograms; ++seed) {
    const isa::Program program = random_program(seed);
    const std::vector<Touched> sets = touched_by(program);
    const Dependencies found = dependencies(program, kProgramLanes);
    const auto reach = closure(found.before);
    for (std::size_t j = 0; j < program.size(); ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        const bool expected = conflict(sets[i], sets[j]);
        conflicts += expected;
        ASSERT_TRUE(!expected || reach[j][i]) << "seed " << seed << ": " << j << " may pass " << i;
      }
      for (const std::int32_t b : found.before[j]) {
        ASSERT_TRUE(conflict(sets[static_cast<std::size_t>(b)], sets[j]))
            << "seed " << seed << ": " << j << " need not wait for " << b;
      }
    }
  }
  EXPECT_GT(conflicts, 1000);
}

// Runs of up to thousands of lines, many of which begin or end at powers of two.
TEST(Dependencies, OfLongRuns) {
  std::mt19937 random(1);
  const auto edge = [&] { return static_cast<std::int64_t>(random() % 5 * 4096 + random() % 3 * 64); };
  const auto place = [&] { return random() % 2 == 0 ? edge() : static_cast<std::int64_t>(random() % 20000); };
  struct Run {
    std::int64_t begin, end;
    bool meets(const Run& r) const { return begin < r.end && r.begin < end; }
  };
  isa::Program program;
  std::vector<Run> read, written;
  for (int i = 0; i < 300; ++i) {
    Run from{place(), place()}, to{place(), 0};
    if (from.begin == from.end) from.end += random() % 2 == 0 ? 1 : 64;
    if (from.end < from.begin) std::swap(from.begin, from.end);
    if (random() % 2 == 0) from.end = from.begin + 1 + static_cast<std::int64_t>(random() % 200);
    to.end = to.begin + from.end - from.begin;
    isa::Copy copy;
    copy.element = isa::Format::kFp32;
    copy.src_space = copy.dst_space = isa::Space::kHbm;
    copy.loops.back() = static_cast<std::uint16_t>(from.end - from.begin);
    copy.src.base = static_cast<std::uint32_t>(from.begin);
    copy.dst.base = static_cast<std::uint32_t>(to.begin);
    copy.src.stride.back() = copy.dst.stride.back() = 1;
    program.emplace_back(copy);
    read.push_back(from);
    written.push_back(to);
  }
  const Dependencies found = dependencies(program, kProgramLanes);
  const auto reach = closure(found.before);
  const auto conflicts = [&](std::size_t i, std::size_t j) {
    return written[i].meets(read[j]) || written[i].meets(written[j]) || read[i].meets(written[j]);
  };
  int apart = 0;
  for (std::size_t j = 0; j < program.size(); ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      ASSERT_TRUE(!conflicts(i, j) || reach[j][i]) << j << " may pass " << i;
      apart += !conflicts(i, j);
    }
    for (const std::int32_t b : found.before[j])
      ASSERT_TRUE(conflicts(static_cast<std::size_t>(b), j)) << j << " need not wait for " << b;
  }
  EXPECT_GT(apart, 1000);
}

TEST(Accesses, ManyPiecesBecomeFewerThatCoverThem) {
  isa::Copy copy;
  copy.element = isa::Format::kFp32;
  copy.dst_space = isa::Space::kHbm;
  copy.loops = {1, 1, 1, 1, 1, 50, 40, 2};
  copy.dst.stride = {0, 0, 0, 0, 0, 1000, 10, 1};
  copy.src.stride = {0, 0, 0, 0, 0, 80, 2, 1};
  std::vector<std::pair<std::int64_t, std::int64_t>> written;
  for (const Access& a : accesses(copy, kProgramLanes)) {
    if (a.write) written.emplace_back(a.begin, a.end);
  }
  ASSERT_EQ(written.size(), 50u);
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(written[i].first, static_cast<std::int64_t>(1000 * i));
    EXPECT_EQ(written[i].second, static_cast<std::int64_t>(1000 * i + 392));
  }
}

Listing listing_of(const isa::Program& program) {
  Listing listing;
  listing.program = program;
  listing.region_of.resize(program.size());
  std::iota(listing.region_of.begin(), listing.region_of.end(), std::uint16_t{0});
  return listing;
}

// Units run in program order and know what semaphores have told them: whether, then, every conflicting pair
// keeps its order. Each instruction's region is its place in the written program.
void expect_ordered(const Listing& listing, const std::vector<Touched>& sets, std::uint32_t seed) {
  isa::PerWorker<isa::PerWorker<int>> known{};  // [unit][other unit]: instructions that have ended
  std::vector<isa::PerWorker<int>> at_end;
  std::vector<int> place_in_unit;
  isa::PerWorker<int> count{};
  std::array<std::vector<isa::PerWorker<int>>, isa::kSemaphores> raised;
  std::array<std::size_t, isa::kSemaphores> taken{};
  const isa::Program& program = listing.program;
  for (std::size_t i = 0; i + 1 < program.size(); ++i) {
    const std::size_t unit = isa::worker_number(program[i]);
    const auto [wait, signal] =
        std::visit([](const auto& x) { return std::pair(x.wait, x.signal); }, program[i]);
    for (std::size_t s = 0; s < raised.size(); ++s) {
      if ((wait >> s & 1) == 0) continue;
      ASSERT_LT(taken[s], raised[s].size()) << "seed " << seed << ": " << i << " waits for ever";
      const isa::PerWorker<int>& news = raised[s][taken[s]++];
      for (std::size_t u = 0; u < isa::kWorkers; ++u) known[unit][u] = std::max(known[unit][u], news[u]);
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!conflict(sets[listing.region_of[j]], sets[listing.region_of[i]])) continue;
      ASSERT_LT(listing.region_of[j], listing.region_of[i]) << "seed " << seed << ": overtaken";
      ASSERT_LT(place_in_unit[j], known[unit][isa::worker_number(program[j])])
          << "seed " << seed << ": not waited for";
    }
    place_in_unit.push_back(count[unit]++);
    known[unit][unit] = count[unit];
    for (std::size_t s = 0; s < raised.size(); ++s) {
      if ((signal >> s & 1) != 0) raised[s].push_back(known[unit]);
    }
  }
}

TEST(ListSchedule, KeepsEveryConflictInOrderByUnitsAndSemaphores) {
  std::size_t moved = 0;
  for (std::uint32_t seed = 1; seed <= kPrograms; ++seed) {
    const isa::Program program = random_program(seed);
    Listing listing = listing_of(program), again = listing_of(program);
    listing = schedule(std::move(listing), kProgramLanes).front();
    again = schedule(std::move(again), kProgramLanes).front();
    EXPECT_EQ(listing.region_of, again.region_of) << "seed " << seed;
    ASSERT_EQ(isa::opcode(listing.program.back()), isa::Opcode::kEnd);
    std::vector<std::uint16_t> places = listing.region_of;
    moved += std::is_sorted(places.begin(), places.end()) ? 0 : 1;
    std::sort(places.begin(), places.end());
    ASSERT_EQ(places, listing_of(program).region_of) << "seed " << seed << ": not a permutation";
    expect_ordered(listing, touched_by(program), seed);
  }
  EXPECT_GT(moved, kPrograms / 2) << "hardly anything was moved";
}

// Two loads of 100 lines, work on each, two stores: the second load need not wait for the first result.
TEST(ListSchedule, LoadsAheadOfStoresThatWait) {
  isa::Program program;
  for (std::uint32_t i = 0; i < 2; ++i) {
    isa::Copy load;
    load.element = isa::Format::kFp32;
    load.src_space = isa::Space::kHbm;
    load.loops.back() = 100;
    load.src.stride.back() = load.dst.stride.back() = 1;
    load.src.base = load.dst.base = 100 * i;
    isa::Copy store = load;
    std::swap(store.src_space, store.dst_space);
    store.src.base = store.dst.base = 1000 + 100 * i;
    isa::Vector v;
    v.out_format = v.a.format = isa::Format::kFp32;
    v.a.kind = isa::OperandKind::kRows;
    v.mask.lane_count = kProgramLanes;
    v.loops.back() = 100;
    v.a.at.stride.back() = v.o.stride.back() = 1;
    v.a.at.base = load.dst.base;
    v.o.base = store.src.base;
    program.insert(program.end(), {load, v, store});
  }
  program.push_back(isa::End{});
  EXPECT_EQ(list_schedule(Listing{program, {}, {}, {}, {}}, dependencies(program, kProgramLanes)).numbers,
            (std::vector<std::int32_t>{0, 3, 1, 2, 4, 5, 6}));
}

TEST(Splitting, PiecesDoTheSameIterationsInTheSameOrder) {
  std::int64_t cut = 0;
  for (std::uint32_t seed = 1; seed <= kPrograms; ++seed) {
    for (const isa::Instruction& i : random_program(seed)) {
      const std::int64_t most = 12 + seed % 40;
      isa::Program pieces;
      append_in_pieces(i, most, pieces);
      std::vector<std::vector<std::int64_t>> found;
      for (const isa::Instruction& piece : pieces) {
        const auto part = testing::iterations(piece);
        found.insert(found.end(), part.begin(), part.end());
        EXPECT_EQ(piece.index(), i.index());
        EXPECT_TRUE(models::estimated_cycles(piece) <= most || part.size() == 1) << "seed " << seed;
      }
      EXPECT_EQ(found, testing::iterations(i)) << "seed " << seed;
      cut += pieces.size() > 1;
    }
  }
  EXPECT_GT(cut, 500);
}

// By hand: an instruction is fetched in ceil(words / L) cycles, put into its queue, started in the next
// cycle.
TEST(Estimate, QueuesAndSemaphoresHoldInstructionsBack) {
  isa::Copy copy;
  copy.element = isa::Format::kFp32;
  copy.loops.back() = 20;
  copy.src.stride.back() = copy.dst.stride.back() = 1;
  copy.dst.base = 100;
  isa::Settle settle;
  const std::int64_t fetch = models::fetch_cycles(copy, 16), move = isa::kDmaSetupCycles + 20 + 2;
  isa::Program program{copy, copy, copy, settle, isa::End{}};
  std::get<isa::Copy>(program[2]).signal = 1;
  std::get<isa::Settle>(program[3]).wait = 1;
  const models::ProgramTiming t = estimate(program, 16, 1);
  EXPECT_EQ(t.instructions[0].issued, fetch);
  EXPECT_EQ(t.instructions[0].started, fetch + 1);
  EXPECT_EQ(t.instructions[0].ended, fetch + 1 + move);
  EXPECT_EQ(t.instructions[1].started, t.instructions[0].ended + 1);
  EXPECT_EQ(t.instructions[2].issued, t.instructions[1].started + 1) << "the queue was full until then";
  EXPECT_EQ(t.instructions[2].started, t.instructions[1].ended + 1);
  EXPECT_EQ(t.instructions[3].started, t.instructions[2].ended + 1);
  EXPECT_EQ(t.cycles, t.instructions[3].ended + 1);
}

struct Lenet {
  Lenet() {
    std::ifstream file(ANZAN_SOURCE_DIR "/workloads/networks/lenet.json");
    Compilation c;
    c.input = {parse_network(nlohmann::json::parse(file)),
               testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic),
               {},
               {}};
    run_passes(c, "network", "schedule");
    programs = std::move(c.scheduled);
  }
  Scheduled programs;
};

double tensor_unit_busy(const Listing& listing) {
  const models::ProgramTiming timing = estimate(listing.program, ChipParameters{}.lanes);
  std::int64_t busy = 0;
  for (std::size_t i = 0; i < listing.program.size(); ++i) {
    const models::InstructionTiming& t = timing.instructions[i];
    if (isa::unit(listing.program[i]) == isa::Unit::kTensor) busy += t.ended - t.started + 1;
  }
  return static_cast<double>(busy) / static_cast<double>(timing.cycles);
}

TEST(Estimate, LenetKeepsTheTensorUnitBusy) {
  const Lenet lenet;
  EXPECT_GT(tensor_unit_busy(*lenet.programs.programs[ProgramKind::kStep].front()), 0.8);
  EXPECT_GT(tensor_unit_busy(*lenet.programs.programs[ProgramKind::kEvaluate].front()), 0.75);
}

TEST(Regions, NameEveryInstruction) {
  const Scheduled p = Lenet().programs;
  std::set<std::string> seen;
  for (const std::vector<SharedListing>& listings : p.programs) {
    for (const SharedListing& listing : listings) {
      ASSERT_EQ(listing->region_of.size(), listing->program.size());
      for (const std::uint16_t r : listing->region_of) {
        ASSERT_LT(r, p.tables.regions.size());
        seen.insert(p.tables.regions[r].layer + " " + p.tables.regions[r].phase);
      }
    }
  }
  EXPECT_EQ(seen.size(), p.tables.regions.size());
  for (const char* name : {"conv1 initialize", "conv1 forward", "pool2 backward_data",
                           "conv2 backward_weight", "fc1 update", "loss loss"}) {
    EXPECT_EQ(seen.count(name), 1u) << name;
  }
}

}  // namespace
}  // namespace anzan::compiler::list_schedule_test
