// What those have in common that make cases, kind by kind, from a seeded draw.
#pragma once
#include "tests/fuzz/cases.hpp"

namespace anzan::fuzz {

struct Maker {
  Draw& draw;
  const Grammar& grammar;
  const Stock& stock;
};

// A command that reads a configuration, this file, with what it takes besides.
inline constexpr const char* kFile = "c.json";
std::vector<std::string> any_command(Draw& draw);
// The configuration as that file, or as standard input; its data set beside it where the command reads that.
void give(Draw& draw, Case& c, const Json& like, const std::string& text);
void give_data(Draw& draw, Case& c, const Json& like);
// A word that may stand for a number, a name or a file.
std::string any_word(Draw& draw);

}  // namespace anzan::fuzz
