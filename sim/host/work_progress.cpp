// What is shown is a function of the state; only how often it is shown depends on the clock.
#include "sim/host/work_progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "compiler/input/input_error.hpp"

namespace anzan::sim {
namespace {

constexpr double kSilentSeconds = 2, kRedrawSeconds = 0.1;
// Plain lines come ever more seldom, as the work becomes longer.
constexpr double kFirstInterval = 5, kLongestInterval = 45, kIntervalGrowth = 1.5;

}  // namespace

std::string work_line(const WorkState& s) {
  std::string text = fmt::format("{} elapsed, {}", clock_text(s.elapsed_seconds), s.part);
  if (s.units <= 0 || s.done <= 0) return text;
  const auto done = static_cast<double>(std::min(s.done, s.units)), units = static_cast<double>(s.units);
  text += fmt::format(": {:.0f} %", 100 * done / units);
  constexpr double kKnown = 0.01;  // of the units, before which nothing can be told of the rest
  if (done < kKnown * units) return text;
  return text + fmt::format(", {} remaining", clock_text(s.part_seconds * (units - done) / done));
}

WorkProgress::WorkProgress(OutputKind kind, std::FILE* file, Clock clock)
    : kind_(kind),
      file_(file),
      clock_(std::move(clock)),
      started_(clock_()),
      part_started_(started_),
      next_(started_ + kSilentSeconds),
      interval_(kFirstInterval) {}

double WorkProgress::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void WorkProgress::begin(const std::string& part, std::int64_t units) {
  if (kind_ == OutputKind::kQuiet) return;
  part_started_ = clock_();
  state_.part = part;
  state_.done = 0;
  state_.units = units;
  if (part_started_ >= next_) show(part_started_);
}

void WorkProgress::done(std::int64_t units) {
  if (kind_ == OutputKind::kQuiet) return;
  state_.done += units;
  const double now = clock_();
  if (now >= next_) show(now);
}

void WorkProgress::show(double now) {
  state_.elapsed_seconds = now - started_;
  state_.part_seconds = now - part_started_;
  const std::string line = "anzan: " + work_line(state_);
  if (kind_ == OutputKind::kPlain) {
    tell(file_, line + "\n");
    next_ = now + interval_;
    interval_ = std::min(interval_ * kIntervalGrowth, kLongestInterval);
  } else {
    const auto columns = static_cast<std::size_t>(std::max(terminal_columns(fileno(file_)) - 1, 0));
    tell(file_, "\r" + compiler::beginning(line, columns) + "\x1b[K");
    next_ = now + kRedrawSeconds;
    line_open_ = true;
  }
}

void WorkProgress::end() {
  if (!line_open_) return;
  line_open_ = false;
  tell(file_, "\n");
}

}  // namespace anzan::sim
