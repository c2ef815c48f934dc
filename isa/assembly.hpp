// Programs as text, for people and for tests: assemble(disassemble(p)) == p for every program p that
// encodes. The text format is described in isa/README.md.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

#include "isa/program.hpp"

namespace anzan::isa {

// The text is wrong at a line and column (both counted from 1; a column counts bytes).
class AssemblyError : public std::runtime_error {
 public:
  AssemblyError(int line, int column, const std::string& found, const std::string& expected)
      : std::runtime_error("line " + std::to_string(line) + ", column " + std::to_string(column) +
                           ": found " + found + ", expected " + expected),
        line_(line),
        column_(column) {}
  int line() const { return line_; }
  int column() const { return column_; }

 private:
  int line_, column_;
};

// One line an instruction; fields at their defaults are left out. Throws ProgramError, as encode does,
// for a value that does not fit its field.
std::string disassemble(const Program& program);

// Throws AssemblyError at the first fault.
Program assemble(std::string_view text);

}  // namespace anzan::isa
