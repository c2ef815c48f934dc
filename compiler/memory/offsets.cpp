// Apart, first fit part by part, then searches where that is not enough.
#include "compiler/memory/offsets.hpp"

#include <algorithm>

#include "compiler/memory/first_fit.hpp"
#include "compiler/memory/improvement.hpp"
#include "compiler/memory/orders.hpp"
#include "compiler/memory/parts.hpp"

namespace anzan::compiler {
namespace {

constexpr std::size_t kMostLooks = std::size_t{1} << 32;  // of first fit, all in all: some ten seconds
constexpr std::size_t kMany = 2'000;

// The best of all orders, until the lower bound or what is enough is reached, or no look is left. With many
// buffers theirs comes first: others may then be too dear.
PartPlan best_first_fit(const Part& part, std::int64_t enough, std::size_t& looks,
                        const std::function<bool()>& stop) {
  PartPlan plan;
  plan.lower_bound = part.base + greatest_load(part.sections);
  const int orders = fixed_orders() + 1;
  for (int k = 0; k < orders; ++k) {
    if (k > 0 && (plan.height <= std::max(enough, plan.lower_bound) || looks == 0 || (stop && stop()))) break;
    const int order = part.members.size() > kMany ? (order_of_many() + k) % orders : k;
    std::vector<std::int64_t> offsets =
        first_fit(part.buffers, part.sections, fixed_order(order, part.buffers, part.sections), looks, stop);
    const std::int64_t height = part.base + height_of(part.buffers, offsets);
    if (k > 0 && height >= plan.height) continue;
    plan.offsets = std::move(offsets);
    plan.height = height;
  }
  return plan;
}

}  // namespace

Assignment assign_offsets(const std::vector<Buffer>& buffers, const OffsetOptions& options) {
  check_buffers(buffers);
  Assignment result;
  result.offsets.assign(buffers.size(), 0);
  const std::vector<Part> parts = take_apart(buffers, result.offsets);
  AssignmentProgress progress;
  SearchBudget budget;
  budget.nodes = options.most_nodes;
  if (options.stop)
    budget.stop = [&] {
      progress.nodes = budget.nodes_used;
      return options.stop(progress);
    };
  const std::int64_t bottom = height_of(buffers, result.offsets);  // of what take_apart has placed, or less
  result.lower_bound = greatest_load(sections_of(buffers));
  std::vector<PartPlan> plans;
  std::size_t looks = kMostLooks;
  const std::int64_t enough = std::max(result.lower_bound, options.capacity.value_or(0));
  for (const Part& part : parts) plans.push_back(best_first_fit(part, enough, looks, budget.stop));
  const auto watch = [&](std::int64_t height, std::int64_t lower_bound) {
    progress.height = height;
    progress.lower_bound = lower_bound;
  };
  if (options.gear == OffsetGear::kExact)
    improve(parts, plans, std::max(bottom, result.lower_bound), options.capacity, budget, watch);
  for (std::size_t p = 0; p < parts.size(); ++p) {
    result.lower_bound = std::max(result.lower_bound, plans[p].lower_bound);
    for (std::size_t k = 0; k < parts[p].members.size(); ++k)
      result.offsets[parts[p].members[k]] = parts[p].base + plans[p].offsets[k];
  }
  result.height = height_of(buffers, result.offsets);
  result.nodes = budget.nodes_used;
  return result;
}

}  // namespace anzan::compiler
