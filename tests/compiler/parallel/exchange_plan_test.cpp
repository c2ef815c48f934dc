// The order of an exchange: the plan against what it promises, and programs against the order of messages.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "compiler/collective/plan.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/graph/layout.hpp"
#include "compiler/input/network_json.hpp"
#include "compiler/instructions/accesses.hpp"
#include "compiler/schedule/semaphores.hpp"
#include "isa/program.hpp"
#include "tests/compiler/test_chip.hpp"
#include "tests/reference/random_network.hpp"

namespace anzan::compiler::exchange_plan_test {
namespace {

using Tasks = std::vector<PlanTask>;

std::shared_ptr<const Tasks> shared(Tasks tasks) { return std::make_shared<const Tasks>(std::move(tasks)); }

// Tasks follow one or two of those before; some messages wait for what another task says.
std::vector<SegmentPlan> random_segments(std::mt19937& random, std::size_t kinds) {
  const auto draw = [&](std::int64_t most) { return static_cast<std::int64_t>(random() % (most + 1)); };
  std::vector<SegmentPlan> segments(1 + random() % 20);
  for (SegmentPlan& s : segments) {
    s.ready = draw(300);
    s.need = static_cast<int>(draw(3));
    s.kind = random() % kinds;
    Tasks tasks(1 + random() % 10);
    for (std::size_t k = 0; k < tasks.size(); ++k) {
      PlanTask& t = tasks[k];
      t.link = static_cast<int>(draw(5)) - 3;
      t.busy_cycles = 1 + draw(30);
      if (t.link >= 0) t.lead_cycles = draw(9);
      if (t.link >= 0) t.more_cycles = 10 * t.link;
      if (t.link >= 0) t.packets = 1;
      if (k > 0 && random() % 4 != 0) t.after.push_back(k - 1);
      const std::size_t earlier = random() % std::max<std::size_t>(1, k);
      const auto waits = [&](const PlanTask& task) { return task.credit == earlier; };
      if (k > 1 && random() % 4 == 0 && std::none_of(tasks.begin(), tasks.end(), waits))
        t.after.push_back(earlier);
      const bool free = t.after.size() == 1 && t.after[0] == k - 1 && tasks[k - 1].credit == kNoTask;
      if (free && random() % 3 == 0) {
        t.credit = k - 1;
        t.credit_semaphore = 1U << random() % 2;
      }
    }
    s.tasks = shared(std::move(tasks));
  }
  return segments;
}

struct Credits {
  int all = 0, late = 0;
};

// What says that places are free stands in the order of those who wait for it, and before them.
void check_credits(const std::vector<SegmentPlan>& segments, const std::vector<PlannedTask>& plan,
                   Credits& credits) {
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> position;
  for (std::size_t k = 0; k < plan.size(); ++k) position[{plan[k].segment, plan[k].task}] = k;
  std::map<std::uint32_t, std::size_t> last_credit;
  for (std::size_t k = 0; k < plan.size(); ++k) {
    const PlanTask& task = (*segments[plan[k].segment].tasks)[plan[k].task];
    for (const std::size_t earlier : task.after) ASSERT_LT(position.at({plan[k].segment, earlier}), k);
    if (task.credit == kNoTask) continue;
    const std::size_t credit = position.at({plan[k].segment, task.credit});
    std::size_t& last = last_credit[task.credit_semaphore];
    ASSERT_LT(credit, k);
    ASSERT_LE(last, credit);
    last = credit;
    ++credits.all;
    credits.late += credit > 0 && plan[credit - 1].possible > plan[credit].possible;
  }
}

// First come, first served; and no more packets than there are buffers, before the first is answered.
void check_links(const std::vector<SegmentPlan>& segments, const std::vector<PlannedTask>& plan,
                 std::size_t buffers) {
  std::map<int, std::vector<const PlannedTask*>> on_link;
  const auto task_of = [&](const PlannedTask& t) -> const PlanTask& {
    return (*segments[t.segment].tasks)[t.task];
  };
  const auto start_of = [&](const PlannedTask& t) {
    return t.finished - task_of(t).more_cycles - task_of(t).busy_cycles;
  };
  for (const PlannedTask& t : plan) {
    if (task_of(t).link == PlanTask::kAlone)
      ASSERT_EQ(start_of(t), t.possible + task_of(t).lead_cycles);
    else
      on_link[task_of(t).link].push_back(&t);
  }
  for (auto& [link, planned] : on_link) {
    std::stable_sort(planned.begin(), planned.end(),
                     [&](const PlannedTask* a, const PlannedTask* b) { return start_of(*a) < start_of(*b); });
    for (std::size_t k = 0; k < planned.size(); ++k) {
      const PlannedTask& t = *planned[k];
      std::int64_t start = t.possible + task_of(t).lead_cycles;
      if (k > 0) {
        ASSERT_GE(t.possible, planned[k - 1]->possible);
        start = std::max(start, planned[k - 1]->finished - task_of(*planned[k - 1]).more_cycles);
      }
      if (link >= 0 && buffers > 0 && k >= buffers)
        start = std::max(start, planned[k - buffers]->finished + task_of(*planned[k - buffers]).more_cycles);
      ASSERT_EQ(start_of(t), start);
    }
  }
}

// Each task begins as soon as those before it have ended, in a place that is its segment's alone.
void check_segments(const std::vector<SegmentPlan>& segments, const std::vector<std::size_t>& places,
                    std::vector<PlannedTask> plan) {
  std::stable_sort(plan.begin(), plan.end(),
                   [](const PlannedTask& a, const PlannedTask& b) { return a.possible < b.possible; });
  std::vector<std::map<std::size_t, std::int64_t>> ended(segments.size());
  std::map<std::pair<std::size_t, std::size_t>, std::int64_t> place_free;
  std::vector<std::int64_t> begun(segments.size(), -1);
  for (const PlannedTask& t : plan) {
    const SegmentPlan& s = segments[t.segment];
    ASSERT_LT(t.place, places[s.kind]);
    std::int64_t& free = place_free[{s.kind, t.place}];
    if (begun[t.segment] < 0) {
      ASSERT_GE(t.possible, s.ready);
      ASSERT_GE(t.possible, free);
      begun[t.segment] = t.possible;
    }
    std::int64_t possible = begun[t.segment];
    for (const std::size_t earlier : (*s.tasks)[t.task].after)
      possible = std::max(possible, ended[t.segment].at(earlier));
    ASSERT_EQ(t.possible, possible);
    ASSERT_TRUE(ended[t.segment].emplace(t.task, t.finished).second);
    free = std::max(free, t.finished);  // until then, the place is its own
  }
  for (std::size_t k = 0; k < segments.size(); ++k) ASSERT_EQ(ended[k].size(), segments[k].tasks->size());
}

TEST(ExchangePlan, KeepsWhatItPromises) {
  Credits credits;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::vector<std::size_t> places(1 + random() % 2);
    for (std::size_t& p : places) p = 1 + random() % 5;
    const std::vector<SegmentPlan> segments = random_segments(random, places.size());
    const int buffers = static_cast<int>(random() % 4);
    const std::vector<PlannedTask> plan = plan_segments(segments, places, buffers);
    check_credits(segments, plan, credits);
    check_links(segments, plan, static_cast<std::size_t>(buffers));
    check_segments(segments, places, plan);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(credits.all, 300);
  EXPECT_GT(credits.late, 10);
}

TEST(ExchangePlan, TheMostNeededGoesFirst) {
  const auto task = shared({{0, 0, 10, 0}});
  const std::vector<SegmentPlan> segments{
      {0, 3, 0, task}, {0, 2, 0, task}, {5, 0, 0, task}, {15, 1, 0, task}};
  std::vector<std::size_t> order;
  for (const PlannedTask& t : plan_segments(segments, {1})) order.push_back(t.segment);
  EXPECT_EQ(order, (std::vector<std::size_t>{1, 2, 3, 0}));
}

struct Message {
  int sender;
  std::int64_t begin, end;  // lines of the receiver
};

constexpr int kLanes = 4;

// Stores them, updates parameters by them, or gives counters back: not a put, and not the addition of an
// arrival.
bool reads_sums(const isa::Instruction& i) {
  const auto* v = std::get_if<isa::Vector>(&i);
  return std::holds_alternative<isa::Copy>(i) || std::holds_alternative<isa::Give>(i) ||
         (v != nullptr && v->op != isa::VectorOp::kAdd && v->op != isa::VectorOp::kUadd);
}

std::int64_t lines_read(const isa::Instruction& i, const Message& of, std::int64_t lanes) {
  std::int64_t lines = 0;
  for (const Access& a : accesses(i, lanes)) {
    if (a.resource == Access::Resource::kScratchpad && !a.write)
      lines += std::max<std::int64_t>(0, std::min(a.end, of.end) - std::max(a.begin, of.begin));
  }
  return lines;
}

// Semaphores count: what takes the k-th arrival must read what the k-th message has brought, in every core.
void expect_matching(const std::vector<isa::Program>& programs, std::int64_t segment_lines,
                     const std::string& place, std::int64_t lanes = kLanes) {
  using Key = std::pair<int, int>;  // core, semaphore
  std::map<Key, std::vector<Message>> messages;
  std::map<Key, isa::Program> takers;
  for (int core = 0; core < static_cast<int>(programs.size()); ++core) {
    for (const isa::Instruction& i : programs[static_cast<std::size_t>(core)]) {
      const std::uint32_t wait = isa::wait(i);
      const auto* put = std::get_if<isa::Put>(&i);
      for (int s = kFirstRemoteSemaphore; s < isa::kSemaphores; ++s) {
        if (put != nullptr && (put->remote_signal >> s & 1) != 0)
          messages[{put->core, s}].push_back({core, put->dst.base, put->dst.base + put->loops.back()});
        if ((wait >> s & 1) != 0) takers[{core, s}].push_back(i);
      }
    }
  }
  ASSERT_FALSE(messages.empty()) << place;
  ASSERT_EQ(messages.size(), takers.size()) << place;
  for (const auto& [key, sent] : messages) {
    const auto& taken = takers[key];
    ASSERT_EQ(sent.size(), taken.size()) << place;
    for (std::size_t k = 0; k < sent.size(); ++k) {
      ASSERT_EQ(sent[k].sender, sent[0].sender) << place;
      // a reader of the sums reads some of its segment, everyone else all that has arrived
      const bool forwards = lines_read(taken[k], sent[k], lanes) == sent[k].end - sent[k].begin;
      const Message segment{0, sent[k].begin - segment_lines + 1, sent[k].end + segment_lines - 1};
      EXPECT_TRUE(forwards || (reads_sums(taken[k]) && lines_read(taken[k], segment, lanes) > 0))
          << place << ", core " << key.first << ", semaphore " << key.second << ", message " << k;
    }
  }
}

TEST(ExchangeOrder, WhatTakesAnArrivalReadsIt) {
  for (const std::vector<int>& dimensions : {std::vector<int>{5}, {2, 2, 2}, {3, 4}, {2, 3, 2}}) {
    for (const bool pipelined : {true, false}) {
      SystemParameters system;
      system.exchange.dimensions = dimensions;
      system.exchange.ways =
          static_cast<int>(all_ways(system.exchange.grid(), 0, system.exchange.semaphores).size());
      system.exchange.segment_bytes = 64 * kLanes * 4;
      system.exchange.pipelined = pipelined;
      TrainingParameters training;
      training.batch = kLanes * system.cores();
      ChipParameters chip;
      chip.lanes = kLanes;
      chip.scratchpad_kib = 256;
      const CompiledModel model =
          compile({reference::random_network(3),
                   testing::uniform_precision(isa::Format::kFp32, 16, isa::Rounding::kNearestEven), training,
                   chip, system});
      for (const auto& in_core : {model.step_in_core, model.two_steps_in_core, model.exchange_in_core}) {
        std::vector<isa::Program> programs;
        for (int c = 0; c < system.cores(); ++c) programs.push_back(isa::decode(in_core(c)));
        std::string place = pipelined ? "pipelined" : "one by one";
        for (const int size : dimensions) place += ' ' + std::to_string(size);
        // 64, made a multiple of the cores; one by one, half of an eighth of the scratchpad
        expect_matching(programs, pipelined ? 72 : 1024, place);
      }
    }
  }
}

// Some of them hold no element of a parameter, since channels of a group begin beyond a block of lanes:
// nothing reads those.
TEST(ExchangeOrder, SegmentsOfFourLinesAreTakenToo) {
  constexpr int kWide = 32;
  for (const int channels : {90, 93, 189}) {
    SystemParameters system;
    system.exchange.dimensions = {2};
    system.exchange.segment_bytes = kChannelAlignment * kWide * 4;
    TrainingParameters training;
    training.batch = kWide * system.cores();
    ChipParameters chip;
    chip.lanes = kWide;
    const std::string network = R"({"name": "grouped", "input": {"channels": )" + std::to_string(channels) +
                                R"(, "height": 6, "width": 3}, "layers": [
            {"name": "a", "type": "convolution", "channels": 3, "groups": 3, "kernel": [4, 2]},
            {"name": "b", "type": "fully_connected", "channels": 3},
            {"name": "loss", "type": "softmax_cross_entropy"}]})";
    const CompiledModel model =
        compile({parse_network(nlohmann::json::parse(network)),
                 testing::uniform_precision(isa::Format::kInt8, 8, isa::Rounding::kStochastic), training,
                 chip, system});
    std::vector<isa::Program> programs;
    for (int c = 0; c < system.cores(); ++c) programs.push_back(isa::decode(model.step_in_core(c)));
    expect_matching(programs, kChannelAlignment, std::to_string(channels) + " channels", kWide);
  }
}

}  // namespace
}  // namespace anzan::compiler::exchange_plan_test
