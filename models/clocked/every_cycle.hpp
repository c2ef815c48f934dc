// Runs what has a state of its own in every clock cycle, such as RTL, on a SystemC kernel: one method
// process, called once a cycle. Page: README.md.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

namespace anzan::models::clocked {

class EveryCycle {
 public:
  // Throws std::invalid_argument if the period is not above zero.
  explicit EveryCycle(std::int64_t clock_period_fs);
  ~EveryCycle();

  // Calls cycle(0), cycle(1), ... until it returns true, and returns that cycle. Rethrows what `cycle`
  // throws.
  std::int64_t run(const std::function<bool(std::int64_t)>& cycle);

 private:
  struct System;
  std::unique_ptr<System> system_;
};

}  // namespace anzan::models::clocked
