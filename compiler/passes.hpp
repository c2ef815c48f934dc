// The compiler as a list of passes. Each reads what earlier ones have written into a Compilation, writes its
// own part, and can print what it has decided.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "compiler/compiler.hpp"
#include "compiler/graph/graph.hpp"
#include "compiler/memory/plan.hpp"
#include "compiler/parallel/partition.hpp"
#include "compiler/programs.hpp"

namespace anzan::compiler {

struct Compilation {
  Input input;  // of the whole system
  CompileOptions options;
  Input of_core;  // its images, and gradients as they go over the network; pass network
  Graph whole;    // as a core has it that has all of the network; pass graph, places: pass memory
  Constants constants;
  HbmPlan memory;
  std::optional<Partition> parts;  // where the system divides the network; pass partition
  Lowered lowered;                 // pass tiles; pass schedule takes its listings
  Scheduled scheduled;             // pass schedule
  CompiledModel model;             // pass program
};

// Gradients as they go over the network. Sums of integers over N cores need log2 N bits above those of their
// terms.
Precision on_the_wire(Precision precision, const SystemParameters& system);

struct Pass {
  const char* name;
  void (*run)(Compilation&);  // null: it only shows what passes before it have done
  std::string (*print)(const Compilation&);
};
const std::vector<Pass>& passes();

// Number of a pass in the list. Throws InputError for a name that is not there.
std::size_t pass_number(const std::string& name);
// Runs the passes from one to another, both included.
void run_passes(Compilation& compilation, const std::string& first, const std::string& last);

}  // namespace anzan::compiler
