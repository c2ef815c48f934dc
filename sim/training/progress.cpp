// What is shown is a function of the state; only how often it is shown depends on the clock.
#include "sim/training/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace anzan::sim {
std::string progress_line(const ProgressState& state, int columns) {
  const std::string accuracy = state.accuracy ? fmt::format(" test {:.2f} %", 100 * *state.accuracy) : "";
  const std::string testing =
      state.to_test > 0 ? fmt::format("  testing {}/{}", state.tested, state.to_test) : "";
  const std::string doubts = state.doubts ? state.doubts() : "";
  const std::string text =
      fmt::format("{}/{}  {} elapsed, {} remaining  {:.0f} images/s  loss {:.4f}{}{}{}{}", state.step,
                  state.steps, clock_text(state.elapsed_seconds), clock_text(state.remaining_seconds),
                  state.images_per_second, state.loss, accuracy, testing, doubts.empty() ? "" : "  ", doubts);
  const int bar = std::min(columns - static_cast<int>(text.size()) - 4, 40);
  if (columns == 0) return text;
  if (bar < 5) return text.substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
  const int done = static_cast<int>(state.step * bar / std::max<std::int64_t>(state.steps, 1));
  return fmt::format("[{}{}] {}", std::string(static_cast<std::size_t>(done), '#'),
                     std::string(static_cast<std::size_t>(bar - done), '.'), text);
}

Progress::Kind Progress::kind_of_output(bool quiet) { return output_kind(STDOUT_FILENO, quiet); }

void Progress::show(const ProgressState& state, Event event) {
  const bool last = event == Event::kStep && state.step == state.steps;  // a test follows, and shows more
  if (kind_ == Kind::kQuiet || last) return;
  const auto now = std::chrono::steady_clock::now();
  if (kind_ == Kind::kPlain && event == Event::kTesting && state.tested == 0) shown_at_ = now;
  const auto since = now - shown_at_;
  if (kind_ == Kind::kPlain) {
    const std::int64_t interval = std::max<std::int64_t>(state.steps / 50, 1);  // every 2 %
    if (event == Event::kStep && state.step / interval == shown_step_ / interval) return;
    if (event == Event::kTesting && since < std::chrono::seconds(10)) return;
    shown_step_ = state.step;
    shown_at_ = now;
    fmt::print("{}\n", progress_line(state, 0));
    std::fflush(stdout);
    return;
  }
  if (event != Event::kTest && since < std::chrono::milliseconds(100)) return;
  shown_at_ = now;
  line_open_ = true;
  fmt::print("\r{}\x1b[K", progress_line(state, terminal_columns(STDOUT_FILENO)));
  std::fflush(stdout);
}

void Progress::end() {
  if (!line_open_) return;
  line_open_ = false;
  fmt::print("\n");
  std::fflush(stdout);
}

}  // namespace anzan::sim
