// How output goes on: to someone who watches, or to a file.
#pragma once
#include <string>

namespace anzan::sim {

enum class OutputKind { kTerminal, kPlain, kQuiet };
OutputKind output_kind(int descriptor, bool quiet);

int terminal_columns(int descriptor);
// "1:05", "2:03:00".
std::string clock_text(double seconds);

}  // namespace anzan::sim
