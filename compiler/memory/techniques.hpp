// The techniques side by side: what each needs for one network.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/graph/tensors.hpp"
#include "compiler/input/input.hpp"

namespace anzan::compiler {

// Each has all that those before it have, but for the first three, which differ in their places.
struct Technique {
  const char* name;
  MemoryParameters parameters;
};
const std::vector<Technique>& memory_techniques();

struct TechniqueMemory {
  const char* name = "";
  // Of activations, weights and their gradients alone, element by element, as articles count; by the formulas
  // of counting.hpp for the first three, otherwise of a plan for these tensors and the indices of pools.
  std::int64_t counted_bytes = 0;
  MemoryPlan plan;  // of all tensors, as the chip stores them
};
// Of one core that has the whole network. Techniques that the input rules out are left out.
std::vector<TechniqueMemory> compare_techniques(const Input& input);

}  // namespace anzan::compiler
