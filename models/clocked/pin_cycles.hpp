// The cycles in which pins move: calls the transactors that have asked for a cycle, in a fixed order, after
// the models have spoken in it (a delta cycle later), and then ends it for the memories that were used. In
// cycles in which nobody has asked, nothing is clocked.
#pragma once
#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <systemc>
#include <vector>

#include "models/clocked/clock.hpp"

namespace anzan::models::clocked {

// Joins the transactions of models with pins.
class Transactor {
 public:
  virtual ~Transactor() = default;
  virtual void pins(std::int64_t now) = 0;

 private:
  friend class PinCycles;
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t due_ = kNever;
};

class PinCycles : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(PinCycles);
  PinCycles(const sc_core::sc_module_name& name, const Clock& clock);

  // Grants are known before units see them.
  enum class Order { kGrants, kUnits };
  void join(Order order, Transactor& transactor) {
    joined_[static_cast<std::size_t>(order)].push_back(&transactor);
  }
  void at_end(std::function<void()> end_cycle) { ends_.push_back(std::move(end_cycle)); }

  void restart();
  // The transactor is called in that cycle; of several, in the first, which asks for the next.
  void call(Transactor& transactor, std::int64_t cycle);
  // What a transactor threw; pins stand still after it.
  const std::exception_ptr& failure() const { return failure_; }

 private:
  void models_first() { later_.notify(sc_core::SC_ZERO_TIME); }
  void move();

  const Clock& clock_;
  sc_core::sc_event cycle_, later_;
  std::array<std::vector<Transactor*>, 2> joined_;
  std::vector<std::function<void()>> ends_;
  bool moving_ = false;
  std::exception_ptr failure_;
};

}  // namespace anzan::models::clocked
