// A process that wakes itself a cycle later. What a cycle throws ends the run, and is thrown again outside
// the kernel.
#include "models/clocked/every_cycle.hpp"

#include <exception>
#include <stdexcept>
#include <systemc>

#include "models/clocked/clock.hpp"
#include "models/clocked/kernel.hpp"

namespace anzan::models::clocked {
namespace {

class Process : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Process);
  Process(const sc_core::sc_module_name& name, const Clock& clock) : sc_core::sc_module(name), clock_(clock) {
    SC_METHOD(wake);
    sensitive << event_;
    dont_initialize();
  }

  void begin(const std::function<bool(std::int64_t)>& cycle) {
    cycle_ = &cycle;
    failure_ = nullptr;
    clock_.notify(event_, 0);
  }
  std::int64_t last() const { return last_; }
  std::exception_ptr failure() const { return failure_; }

 private:
  // The kernel must not see an exception: it would be left in the middle of a cycle.
  void wake() {
    const std::int64_t now = clock_.cycle();
    try {
      if (!(*cycle_)(now)) return clock_.notify(event_, now + 1);
      last_ = now;
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  const Clock& clock_;
  sc_core::sc_event event_;
  const std::function<bool(std::int64_t)>* cycle_ = nullptr;
  std::int64_t last_ = 0;
  std::exception_ptr failure_;
};

std::int64_t checked(std::int64_t clock_period_fs) {
  if (clock_period_fs > 0) return clock_period_fs;
  throw std::invalid_argument("every cycle: the clock's period must be above zero");
}

}  // namespace

struct EveryCycle::System {
  explicit System(std::int64_t clock_period_fs)
      : clock(clock_period_fs), process(std::make_unique<Process>("every_cycle", clock)) {}
  ~System() { kernel.select(); }

  Kernel kernel;  // first: all that follows lives in it
  Clock clock;
  std::unique_ptr<Process> process;
};

EveryCycle::EveryCycle(std::int64_t clock_period_fs)
    : system_(std::make_unique<System>(checked(clock_period_fs))) {}

EveryCycle::~EveryCycle() = default;

std::int64_t EveryCycle::run(const std::function<bool(std::int64_t)>& cycle) {
  System& s = *system_;
  s.kernel.select();
  s.clock.restart();
  s.process->begin(cycle);
  sc_core::sc_start();
  if (s.process->failure()) std::rethrow_exception(s.process->failure());
  return s.process->last();
}

}  // namespace anzan::models::clocked
