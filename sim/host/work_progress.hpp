// Shows on standard error how far long work has come: nothing in the first two seconds, then one redrawn line
// on a terminal, otherwise a plain line now and then.
#pragma once
#include <cstdio>
#include <functional>
#include <string>

#include "models/work_observer.hpp"
#include "sim/host/terminal.hpp"

namespace anzan::sim {

struct WorkState {
  std::string part;
  std::int64_t done = 0, units = 0;  // of the part
  double elapsed_seconds = 0;        // in all
  double part_seconds = 0;
};
// Text of the line, with an estimate of what remains of the part.
std::string work_line(const WorkState& state);

class WorkProgress final : public models::WorkObserver {
 public:
  using Clock = std::function<double()>;  // seconds
  explicit WorkProgress(OutputKind kind, std::FILE* file = stderr, Clock clock = steady_seconds);
  ~WorkProgress() override { end(); }
  WorkProgress(const WorkProgress&) = delete;
  WorkProgress& operator=(const WorkProgress&) = delete;

  void begin(const std::string& part, std::int64_t units) override;
  void done(std::int64_t units) override;
  // Ends the redrawn line, so that other text can follow.
  void end();

 private:
  static double steady_seconds();
  void show(double now);

  OutputKind kind_;
  std::FILE* file_;
  Clock clock_;
  WorkState state_;
  double started_, part_started_, next_;
  double interval_;
  bool line_open_ = false;
};

}  // namespace anzan::sim
