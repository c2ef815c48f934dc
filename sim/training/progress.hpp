// How a run shows that it advances: one redrawn line on a terminal, otherwise a plain line now and then.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sim/host/terminal.hpp"

namespace anzan::sim {

struct ProgressState {
  std::int64_t step = 0, steps = 0;
  double elapsed_seconds = 0;    // of the whole run, over all its parts
  double remaining_seconds = 0;  // estimated
  double images_per_second = 0;
  double loss = 0;                       // smoothed
  std::optional<double> accuracy;        // of the last test, from 0 to 1
  std::int64_t tested = 0, to_test = 0;  // images of the test that runs
  std::function<std::string()> doubts;   // what goes wrong, in few words, or nothing; asked where it is shown
};

// Text of the line; `columns` 0: without a bar.
std::string progress_line(const ProgressState& state, int columns);

class Progress {
 public:
  using Kind = OutputKind;
  static Kind kind_of_output(bool quiet);  // of standard output

  explicit Progress(Kind kind) : kind_(kind) {}
  // After a step, within a test, or after it: the state then holds a new accuracy, which plain output shows
  // in any case.
  enum class Event { kStep, kTesting, kTest };
  void show(const ProgressState& state, Event event);
  // Ends the redrawn line, so that other text can follow.
  void end();

 private:
  Kind kind_;
  std::int64_t shown_step_ = 0;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point shown_at_{};
};

}  // namespace anzan::sim
