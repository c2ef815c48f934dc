// What each pass has decided, as text.
#pragma once
#include <string>

#include "compiler/passes.hpp"

namespace anzan::compiler {

std::string print_network(const Compilation& c);
std::string print_graph(const Compilation& c);  // forward
std::string print_training_graph(const Compilation& c);
std::string print_precision(const Compilation& c);
std::string print_memory(const Compilation& c);
std::string print_partition(const Compilation& c);  // who does what, and what goes from stage to stage
std::string print_tiles(const Compilation& c);
std::string print_schedule(const Compilation& c);
std::string print_program(const Compilation& c);

}  // namespace anzan::compiler
