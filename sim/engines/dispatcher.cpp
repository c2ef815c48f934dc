// Everything but the execution itself happens with the lock of the team.
#include "sim/engines/dispatcher.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "models/instruction_error.hpp"

namespace anzan::sim {

Dispatcher::Dispatcher(Executor& executor, LoadedProgram& program, std::size_t last, bool in_order,
                       const models::kernels::RowTaker* rows)
    : executor_(executor),
      program_(program),
      team_(executor.team_),
      place_{executor.core_, executor.system_, *executor.kernels_, rows},
      last_(last),
      in_order_(in_order),
      members_(static_cast<std::size_t>(team_.size())) {}

Dispatcher::Dispatcher(Executor& executor, LoadedProgram& program, std::size_t first, std::size_t last)
    : Dispatcher(executor, program, last, !program.dependencies_, nullptr) {
  std::vector<std::uint32_t>& ready = members_[0].ready;
  if (!in_order_ && first == 0) program.held_back_ = program.dependencies_->before;
  if (in_order_) ready.push_back(static_cast<std::uint32_t>(not_dropped(first)));
  for (std::size_t i = first; i < last; ++i) {
    if (program.steps_[i].dropped)
      ++untold_;
    else if (!in_order_ && program.held_back_[i] == 0)
      ready.push_back(static_cast<std::uint32_t>(i));
  }
}

Dispatcher::Dispatcher(Executor& executor, LoadedProgram& program, std::size_t instruction,
                       const models::kernels::RowTaker* rows)
    : Dispatcher(executor, program, instruction + 1, true, rows) {
  members_[0].ready.push_back(static_cast<std::uint32_t>(instruction));
}

// The first instruction from there on that has something to do.
std::size_t Dispatcher::not_dropped(std::size_t instruction) const {
  while (instruction < last_ && program_.steps_[instruction].dropped) ++instruction;
  return instruction;
}

bool Dispatcher::any_ready() const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](const Member& m) { return !m.ready.empty() && m.ready.front() < last_; });
}

// The first of its own; of all where it has none.
std::size_t Dispatcher::take_ready(Member& self) {
  Member* from = &self;
  if (self.ready.empty())
    for (Member& other : members_)
      if (!other.ready.empty() && (from->ready.empty() || other.ready.front() < from->ready.front()))
        from = &other;
  if (from->ready.empty() || from->ready.front() >= last_) return kNone;
  std::pop_heap(from->ready.begin(), from->ready.end(), std::greater<>());
  const std::size_t taken = from->ready.back();
  from->ready.pop_back();
  return taken;
}

Dispatcher::Member* Dispatcher::take_open() {
  const auto found = std::find_if(members_.begin(), members_.end(), [](const Member& m) {
    return m.open && m.next.load(std::memory_order_relaxed) < m.pieces.iterations;
  });
  return found == members_.end() ? nullptr : &*found;
}

bool Dispatcher::take_part(ThreadTeam::Lock& lock, int member) {
  Member& self = members_[static_cast<std::size_t>(member)];
  Member* taken = nullptr;
  const std::size_t instruction = self.at_work == 0 ? take_ready(self) : kNone;
  const bool begins = instruction != kNone;
  if (begins) {
    taken = &self;
    taken->instruction = instruction;
    ++running_;
    ++untold_;
    if (team_.anyone_waits() && any_ready()) team_.wake();
  } else if ((taken = take_open()) == nullptr) {
    return false;
  }
  ++taken->at_work;
  const std::int64_t told = member == 0 ? std::exchange(untold_, 0) : 0;
  lock.give();
  models::LocalStatistics statistics;
  std::exception_ptr error;
  try {
    if (told > 0) executor_.watch_.done(told);
    execute(*taken, lock, begins, statistics);
  } catch (const models::InstructionError& e) {
    isa::ProgramError::Place place = program_.place(taken->instruction);
    place.field = e.field();
    error = std::make_exception_ptr(isa::ProgramError(place, e.found(), e.expected()));
  } catch (...) {
    error = std::current_exception();
  }
  lock.take();
  if (error) {
    fail(taken->instruction, error);
  } else if (const int slot = analysed_slot(*taken->planned); slot >= 0) {
    place_.core.statistics.merge(slot, statistics);
  }
  taken->open = false;
  if (--taken->at_work == 0) finish(*taken, self);
  return true;
}

void Dispatcher::execute(Member& taken, ThreadTeam::Lock& lock, bool begins,
                         models::LocalStatistics& statistics) {
  if (begins) {
    plan(taken);
    taken.pieces = begin(*taken.planned, place_, team_.size());
    if (!team_.anyone_waits()) taken.pieces.grain = taken.pieces.iterations;
    taken.next.store(0, std::memory_order_relaxed);
    if (taken.pieces.grain < taken.pieces.iterations) {
      lock.take();
      taken.open = true;
      team_.wake();
      lock.give();
    }
  }
  const auto [iterations, grain] = taken.pieces;
  for (std::int64_t first; (first = taken.next.fetch_add(grain, std::memory_order_relaxed)) < iterations;)
    sim::execute(*taken.planned, place_, first, std::min(first + grain, iterations), statistics);
}

void Dispatcher::plan(Member& taken) {
  if (program_.plans_.empty()) {
    taken.own.emplace(executor_.plan(program_.instructions_.at(taken.instruction), program_.hbm_follows_));
    taken.planned = &*taken.own;
  } else {
    taken.planned = &program_.plans_.at(taken.instruction);
  }
}

// What comes after the instruction is not begun any more.
void Dispatcher::fail(std::size_t instruction, std::exception_ptr error) {
  if (instruction >= last_) return;
  last_ = instruction;
  error_ = std::move(error);
}

// What the instruction has held back is ready for the thread that has ended it.
void Dispatcher::finish(Member& taken, Member& self) {
  --running_;
  const auto make_ready = [&](std::size_t instruction) {
    if (instruction >= last_) return;
    self.ready.push_back(static_cast<std::uint32_t>(instruction));
    std::push_heap(self.ready.begin(), self.ready.end(), std::greater<>());
  };
  if (in_order_) {
    make_ready(not_dropped(taken.instruction + 1));
  } else {
    for (const std::int32_t after : program_.dependencies_->after[taken.instruction])
      if (--program_.held_back_[static_cast<std::size_t>(after)] == 0)
        make_ready(static_cast<std::size_t>(after));
  }
  if (&self != &members_[0] && over()) team_.wake();
}

}  // namespace anzan::sim
