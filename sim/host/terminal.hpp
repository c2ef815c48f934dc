// How output goes on: to someone who watches, or to a file.
#pragma once
#include <cstdio>
#include <string>

namespace anzan::sim {

enum class OutputKind { kTerminal, kPlain, kQuiet };
OutputKind output_kind(int descriptor, bool quiet);

int terminal_columns(int descriptor);
// Text to `file`, as far as that goes: that a message cannot be written ends nothing.
void tell(std::FILE* file, const std::string& text);

// Standard input, output and error that are closed become such as nothing can be read from or written to, so
// that no other file gets their numbers.
void hold_standard_descriptors();

// "1:05", "2:03:00".
std::string clock_text(double seconds);

}  // namespace anzan::sim
