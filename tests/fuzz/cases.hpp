// A number to a case: a command of `anzan`, its files, and what has to come of it.
#pragma once
#include "tests/fuzz/stock.hpp"

namespace anzan::fuzz {

struct Case {
  std::string kind;
  std::vector<std::string> arguments;
  Files files;              // in the directory in which the command is called
  std::string input;        // its standard input
  bool refused = false;     // the input is certainly wrong,
  std::string place;        // and its place is named so
  bool in_program = false;  // is called as the program, not here
};

// The same for the same number on every machine.
Case make_case(std::uint32_t number, const Grammar& grammar, const std::vector<Run>& stock);

}  // namespace anzan::fuzz
