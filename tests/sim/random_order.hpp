// Programs of many cores in random orders of those that queues and semaphores allow.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#include "sim/engines/cores.hpp"

namespace anzan::sim::testing {

// A core that run_at_random executes.
struct RandomCore {
  std::size_t fetched = 0;
  std::array<std::deque<std::size_t>, isa::kUnitInfo.size> queues;
  std::array<std::uint32_t, isa::kSemaphores> semaphores{};
  std::array<unsigned, isa::kUnitInfo.size> haste{};

  // The sequencer's next instruction: into the queue of its unit, or done where it waits for all units. False
  // where it cannot be.
  bool fetch(const isa::Program& program) {
    if (fetched == program.size()) return false;
    const isa::Unit unit = isa::unit(program[fetched]);
    auto& queue = queues[static_cast<std::size_t>(unit)];
    if (unit == isa::Unit::kSequencer) {
      const auto busy = [](const std::deque<std::size_t>& q) { return !q.empty(); };
      if (std::any_of(queues.begin(), queues.end(), busy)) return false;
    } else if (queue.size() == 8) {
      return false;
    } else {
      queue.push_back(fetched);
    }
    ++fetched;
    return true;
  }

  bool raised(std::uint32_t mask) const {
    for (std::size_t s = 0; s < isa::kSemaphores; ++s)
      if ((mask >> s & 1U) != 0 && semaphores[s] == 0) return false;
    return true;
  }
  void add(std::uint32_t mask, int change) {
    for (std::size_t s = 0; s < isa::kSemaphores; ++s)
      if ((mask >> s & 1U) != 0) semaphores[s] += static_cast<std::uint32_t>(change);
  }
};

// For a while each unit of each core is fast, or slow, or stands still.
inline void run_at_random(Cores& cores, const std::function<std::vector<std::uint32_t>(int core)>& in_core,
                          std::mt19937& random) {
  std::vector<RandomCore> states(static_cast<std::size_t>(cores.size()));
  std::vector<LoadedProgram> programs;
  for (int c = 0; c < cores.size(); ++c) programs.push_back(cores.executor(c).load(in_core(c)));
  std::size_t left = 0;
  for (const LoadedProgram& p : programs) left += p.instructions().size();
  for (std::size_t idle = 0; left > 0; ++idle) {
    ASSERT_LT(idle, 100'000U) << "all wait for each other";
    if (random() % 1024 == 0 || idle % 1024 == 1023)
      for (RandomCore& s : states)
        for (unsigned& haste : s.haste) haste = static_cast<unsigned>(random() % 5);
    const std::size_t c = random() % states.size();
    RandomCore& s = states[c];
    const isa::Program& program = programs[c].instructions();
    const std::size_t unit = random() % s.queues.size();
    if (random() % 4 >= s.haste[unit]) continue;
    if (unit == static_cast<std::size_t>(isa::Unit::kSequencer)) {
      if (!s.fetch(program)) continue;
      if (isa::unit(program[s.fetched - 1]) == isa::Unit::kSequencer) --left;
      idle = 0;
      continue;
    }
    if (s.queues[unit].empty()) continue;
    const std::size_t i = s.queues[unit].front();
    const std::uint32_t wait = isa::wait(program[i]);
    if (!s.raised(wait)) continue;
    s.add(wait, -1);
    cores.executor(static_cast<int>(c)).run_one(programs[c], i);
    s.add(isa::signal(program[i]), 1);
    if (const auto* put = std::get_if<isa::Put>(&program[i])) states[put->core].add(put->remote_signal, 1);
    s.queues[unit].pop_front();
    --left;
    idle = 0;
  }
  for (const RandomCore& s : states)
    for (const std::uint32_t semaphore : s.semaphores) ASSERT_EQ(semaphore, 0U);
}

}  // namespace anzan::sim::testing
