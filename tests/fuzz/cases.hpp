// A number to a case: a command of `anzan`, its files, and what has to come of it.
#pragma once
#include "tests/fuzz/stock.hpp"

namespace anzan::fuzz {

struct Case {
  const char* kind = nullptr;
  std::vector<std::string> arguments;
  Files files;                        // in the directory in which the command is called
  std::string input;                  // its standard input
  bool right = false;                 // the input is certainly right; or
  bool refused = false;               // certainly wrong,
  std::string place;                  // and its place is named so
  bool leaves_result = false;         // where its status is 0
  std::string points;                 // a table of points that it leaves, none of which has failed
  std::vector<std::string> failures;  // words of a command that does what it should with status 1
  bool in_program = false;            // is called as the program, not here
  bool long_watch = false;            // is given more time than others, in a campaign
};

// The same for the same number on every machine.
Case make_case(std::uint32_t number, const Grammar& grammar, const Stock& stock);

}  // namespace anzan::fuzz
