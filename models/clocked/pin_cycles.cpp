// Two processes: one wakes in a cycle that was asked for, the other a delta later and calls whoever is due.
// The next cycle is the earliest that anybody waits for.
#include "models/clocked/pin_cycles.hpp"

#include <algorithm>
#include <utility>

namespace anzan::models::clocked {

PinCycles::PinCycles(const sc_core::sc_module_name& name, const Clock& clock)
    : sc_core::sc_module(name), clock_(clock) {
  SC_METHOD(models_first);
  sensitive << cycle_;
  dont_initialize();
  SC_METHOD(move);
  sensitive << later_;
  dont_initialize();
}

void PinCycles::restart() {
  for (const auto& transactors : joined_)
    for (Transactor* transactor : transactors) transactor->due_ = Transactor::kNever;
  failure_ = nullptr;
  cycle_.cancel();
  later_.cancel();
}

void PinCycles::call(Transactor& transactor, std::int64_t cycle) {
  transactor.due_ = std::min(transactor.due_, cycle);
  if (moving_ || failure_) return;  // move() looks at all of them at its end
  clock_.notify(cycle_, cycle);
}

void PinCycles::move() {
  const std::int64_t now = clock_.cycle();
  moving_ = true;
  try {
    bool moved = false;
    for (const auto& transactors : joined_) {
      for (Transactor* transactor : transactors) {
        if (transactor->due_ > now) continue;
        transactor->due_ = Transactor::kNever;
        transactor->pins(now);
        moved = true;
      }
    }
    // A cycle is ended once, however often it was asked for.
    for (std::size_t k = 0; moved && k < ends_.size(); ++k) ends_[k]();
  } catch (...) {
    failure_ = std::current_exception();
  }
  moving_ = false;
  if (failure_) return;
  std::int64_t next = Transactor::kNever;
  for (const auto& transactors : joined_)
    for (const Transactor* transactor : transactors) next = std::min(next, transactor->due_);
  if (next != Transactor::kNever) clock_.notify(cycle_, next);
}

}  // namespace anzan::models::clocked
