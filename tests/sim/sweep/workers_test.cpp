// Forked workers: each task is done once, also where workers die at random; nothing is left running.
#include "sim/sweep/workers.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <random>
#include <thread>

namespace anzan::sim::workers_test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

// Runs `work` on `count` tasks, whose numbers it gets; the ends by task, each of which is there once.
std::map<std::size_t, TaskEnd> ends_of(
    Workers& workers, std::size_t count,
    const std::function<bool(std::size_t)>& joined = [](std::size_t) { return false; }) {
  std::map<std::size_t, TaskEnd> ends;
  Tasks tasks;
  tasks.count = count;
  tasks.task = [](std::size_t i) { return i; };
  tasks.joined = joined;
  tasks.ended = [&](std::vector<TaskEnd> some) {
    for (TaskEnd& end : some) {
      const std::size_t task = end.task;
      EXPECT_TRUE(ends.emplace(task, std::move(end)).second) << "task " << task << " has ended twice";
    }
  };
  tasks.stop = [] { return false; };
  EXPECT_TRUE(workers.run(tasks));
  EXPECT_EQ(ends.size(), count);
  return ends;
}

Workers workers_that(int count, const Workers::Work& work) {
  return Workers(
      count, [] {}, [work] { return work; });
}

bool nobody_is_left() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

TEST(Workers, DoEachTaskOnceRunAfterRun) {
  {
    Workers workers(
        3, [] {}, [] { return [](const Json& task) {
                         return Json{task, ::getpid()};
                       }; });
    std::set<int> processes;
    for (const std::size_t count : {1, 2, 1000, 0, 7}) {
      for (const auto& [task, end] : ends_of(workers, count)) {
        EXPECT_EQ(end.answer[0], task);
        EXPECT_EQ(end.death, "");
        processes.insert(end.answer[1].get<int>());
      }
    }
    EXPECT_EQ(processes.size(), 3U);
    EXPECT_EQ(processes.count(::getpid()), 0U);
  }
  EXPECT_TRUE(nobody_is_left());
}

// Each begins with the first of a group; what it takes from others later, too, where there is a choice.
TEST(Workers, KeepTogetherWhatIsJoined) {
  constexpr std::size_t kGroup = 64, kFirst = 20;
  Workers workers(
      3, [] {}, [] { return [n = 0](const Json& task) mutable {
                       return Json{task, n++};
                     }; });
  std::vector<std::size_t> begun;
  for (const auto& [task, end] : ends_of(workers, 1000, [](std::size_t i) { return i % kGroup != kFirst; })) {
    if (end.answer[1] == 0) begun.push_back(task);
  }
  ASSERT_EQ(begun.size(), 3U);
  EXPECT_EQ(begun[0], 0U);
  for (const std::size_t task : {begun[1], begun[2]}) EXPECT_EQ(task % kGroup, kFirst) << task;
}

TEST(Workers, ATaskThatKillsIsTriedTwiceAndTheOthersAreDone) {
  auto workers = workers_that(2, [](const Json& task) -> Json {
    if (task == 3) ::raise(SIGKILL);
    if (task == 9) ::_exit(7);
    if (task == 12) std::abort();
    return task;
  });
  const auto ends = ends_of(workers, 100);
  EXPECT_THAT(ends.at(3).death, HasSubstr("killed by signal 9 (Killed"));
  EXPECT_THAT(ends.at(9).death, HasSubstr("ended with status 7"));
  EXPECT_THAT(ends.at(12).death, HasSubstr("signal 6"));
  for (const auto& [task, end] : ends)
    EXPECT_EQ(end.death.empty(), task != 3 && task != 9 && task != 12) << task;
}

// Workers kill each other.
TEST(Workers, DieAtRandomAndNothingIsLost) {
  const pid_t parent = ::getpid();
  Workers workers(
      4, [] {},
      [parent] {
        return [parent,
                draw = std::mt19937(static_cast<unsigned>(::getpid()))](const Json& task) mutable -> Json {
          std::this_thread::sleep_for(std::chrono::microseconds(draw() % 400));
          if (draw() % 100 == 0 && ::getppid() == parent) ::raise(SIGKILL);
          return std::string(draw() % 100'000, 'x') + task.dump();
        };
      });
  int deaths = 0;
  for (const auto& [task, end] : ends_of(workers, 3000)) {
    if (end.death.empty())
      EXPECT_EQ(end.answer.get<std::string>().substr(end.answer.get<std::string>().find_last_of('x') + 1),
                std::to_string(task));
    else
      ++deaths;
  }
  EXPECT_LT(deaths, 10);  // a hundredth of a hundredth dies twice
}

TEST(Workers, StopAtOnceAndLeaveNobody) {
  auto workers = workers_that(2, [](const Json& task) -> Json {
    if (task == 1) ::pause();
    return task;
  });
  Tasks tasks;
  std::size_t done = 0;
  tasks.count = 1000;
  tasks.task = [](std::size_t i) { return i; };
  tasks.joined = [](std::size_t) { return false; };
  tasks.ended = [&](const std::vector<TaskEnd>& some) { done += some.size(); };
  tasks.stop = [&] { return done == 999; };
  EXPECT_FALSE(workers.run(tasks));
  EXPECT_TRUE(nobody_is_left());
  tasks.count = 1;
  tasks.stop = [] { return false; };
  EXPECT_TRUE(workers.run(tasks));  // with new ones
}

TEST(Workers, WhatTheCallerThrowsEndsThem) {
  auto workers = workers_that(2, [](const Json& task) { return task; });
  Tasks tasks;
  tasks.count = 10;
  tasks.task = [](std::size_t i) { return i; };
  tasks.joined = [](std::size_t) { return false; };
  tasks.ended = [](const std::vector<TaskEnd>&) { throw std::runtime_error("full"); };
  tasks.stop = [] { return false; };
  EXPECT_THROW(workers.run(tasks), std::runtime_error);
  EXPECT_TRUE(nobody_is_left());
}

// A process that is killed takes its workers with it: a pipe that they hold is closed.
TEST(Workers, EndWithTheirParent) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    auto workers = workers_that(3, [&](const Json& task) -> Json {
      const pid_t self = ::getpid();
      static_cast<void>(!::write(ends[1], &self, sizeof self));
      ::pause();
      return task;
    });
    ends_of(workers, 3);
    ::_exit(0);
  }
  ::close(ends[1]);
  pid_t workers[3];
  for (pid_t& worker : workers)
    ASSERT_EQ(::read(ends[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  pollfd closed{ends[0], POLLIN, 0};
  constexpr int kMilliseconds = 10'000;
  EXPECT_EQ(::poll(&closed, 1, kMilliseconds), 1);
  EXPECT_EQ(closed.revents, POLLHUP);
  if (closed.revents != POLLHUP)
    for (const pid_t worker : workers) ::kill(worker, SIGKILL);
  ::close(ends[0]);
}

}  // namespace
}  // namespace anzan::sim::workers_test
