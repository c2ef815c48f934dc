// Better plans for the parts of a problem, by searches that start anew in other orders.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/memory/fit_search.hpp"
#include "compiler/memory/parts.hpp"

namespace anzan::compiler {

struct PartPlan {
  std::vector<std::int64_t> offsets;  // by member, above the base
  std::int64_t height = 0;            // base included, as below
  std::int64_t lower_bound = 0;
};

// Improves the plans until the greatest height equals the greatest lower bound or `floor`, is at most
// `enough`, or the budget is spent; lower bounds rise where a search was exhaustive. `floor` is what is
// needed beside the parts. `watch` is told the greatest height and lower bound whenever one has changed.
void improve(const std::vector<Part>& parts, std::vector<PartPlan>& plans, std::int64_t floor,
             std::optional<std::int64_t> enough, SearchBudget& budget,
             const std::function<void(std::int64_t height, std::int64_t lower_bound)>& watch);

}  // namespace anzan::compiler
