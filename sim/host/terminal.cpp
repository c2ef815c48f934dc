// What POSIX knows of a descriptor.
#include "sim/host/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace anzan::sim {

OutputKind output_kind(int descriptor, bool quiet) {
  if (quiet) return OutputKind::kQuiet;
  return isatty(descriptor) == 1 ? OutputKind::kTerminal : OutputKind::kPlain;
}

int terminal_columns(int descriptor) {
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void tell(std::FILE* file, const std::string& text) {
  std::fputs(text.c_str(), file);
  std::fflush(file);
}

void hold_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The least free number is this one. A directory can be neither read nor written.
    if (::fcntl(descriptor, F_GETFD) < 0) static_cast<void>(::open("/", O_RDONLY | O_DIRECTORY));
  }
}

std::string clock_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9));
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace anzan::sim
