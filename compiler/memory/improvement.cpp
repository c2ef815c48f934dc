// Batches of short searches, each batch with one target: the lower bound, the middle between it and the best
// plan, just below the best plan. Searches of later batches are longer.
#include "compiler/memory/improvement.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <tuple>

#include "compiler/memory/orders.hpp"

namespace anzan::compiler {
namespace {

constexpr std::size_t kMostSearched = 2000;  // buffers of a part; searches are as deep as a part is large
constexpr std::int64_t kLeastWork = 1000;    // of a search, in buffers of nodes
constexpr int kSearches = 42;                // of a batch
constexpr int kLongestDoubling = 30;

class PartSearch {
 public:
  PartSearch(const Part& part, PartPlan& plan) : part_(part), plan_(plan) {
    for (const Buffer& b : part.buffers) unit_ = std::gcd(unit_, b.size);
  }

  bool possible() const { return part_.members.size() <= kMostSearched; }

  // One batch with a target that is at least `least`, and `enough` where that is given.
  void batch(std::int64_t least, std::optional<std::int64_t> enough, SearchBudget& budget) {
    if (!search_) search_ = std::make_unique<FitSearch>(part_.buffers, part_.sections);
    const int number = batches_++;
    const std::int64_t target = target_of(number, least, enough);
    const int doublings = std::min(enough ? number : number / kTargets, kLongestDoubling);
    // Enough to place all with a few changes of mind.
    const auto members = static_cast<std::int64_t>(part_.members.size());
    const std::int64_t first_work = members * members + kLeastWork;
    for (int k = 0; k < kSearches && budget.nodes > 0 && !budget.stopped; ++k)
      if (try_order(number, k, target, first_work << doublings, budget)) return;
  }

 private:
  static constexpr int kTargets = 3;

  std::int64_t target_of(int number, std::int64_t least, std::optional<std::int64_t> enough) const {
    if (enough) return *enough;
    const std::int64_t below = plan_.height - unit_;
    const std::int64_t middle = least + (below - least) / 2;
    return number % kTargets == 0 ? least : number % kTargets == 1 ? middle : below;
  }

  // Whether that changed the height or the lower bound.
  bool try_order(int batch, int k, std::int64_t target, std::int64_t most_work, SearchBudget& budget) {
    // By turns a fixed order, the lower offset first; a drawn one; a fixed one, the better rank first.
    const bool fixed = k % 3 != 1 && k < 3 * fixed_orders();
    const auto seed = static_cast<std::uint64_t>(batch) * kSearches +
                      static_cast<std::uint64_t>(k < 3 * fixed_orders() ? k / 3 : k);
    SearchOrder order;
    order.lowest_first = !fixed || k % 3 == 0;
    order.rank = ranks_of(fixed ? fixed_order(k / 3, part_.buffers, part_.sections)
                                : drawn_order(seed, part_.buffers, part_.sections));
    switch (search_->run(target - part_.base, order, most_work, budget)) {
      case FitSearch::Verdict::kFits:
        plan_.offsets = search_->offsets();
        plan_.height = part_.base + height_of(part_.buffers, plan_.offsets);
        return true;
      case FitSearch::Verdict::kNever:
        plan_.lower_bound = part_.base + ((target - part_.base) / unit_ + 1) * unit_;
        return true;
      case FitSearch::Verdict::kUnknown:
        return false;
    }
    return false;
  }

  const Part& part_;
  PartPlan& plan_;
  std::int64_t unit_ = 0;  // of which every sum of sizes is a multiple
  std::unique_ptr<FitSearch> search_;
  int batches_ = 0;
};

// By part: the first part that has the same lifetimes, as far as they matter, and sizes.
std::vector<std::size_t> first_alike(const std::vector<Part>& parts) {
  std::map<std::vector<std::tuple<int, int, std::int64_t>>, std::size_t> known;
  std::vector<std::size_t> alike(parts.size());
  for (std::size_t p = 0; p < parts.size(); ++p) {
    std::vector<std::tuple<int, int, std::int64_t>> shape;
    for (std::size_t k = 0; k < parts[p].members.size(); ++k)
      shape.emplace_back(parts[p].sections.first[k], parts[p].sections.last[k], parts[p].buffers[k].size);
    alike[p] = known.emplace(std::move(shape), p).first->second;
  }
  return alike;
}

void copy_plan(const Part& from, const PartPlan& plan, const Part& to, PartPlan& copy) {
  copy.offsets = plan.offsets;
  copy.height = plan.height - from.base + to.base;
  copy.lower_bound = plan.lower_bound - from.base + to.base;
}

}  // namespace

void improve(const std::vector<Part>& parts, std::vector<PartPlan>& plans, std::int64_t floor,
             std::optional<std::int64_t> enough, SearchBudget& budget,
             const std::function<void(std::int64_t height, std::int64_t lower_bound)>& watch) {
  const std::vector<std::size_t> alike = first_alike(parts);
  std::vector<PartSearch> searches;
  for (std::size_t p = 0; p < parts.size(); ++p) searches.emplace_back(parts[p], plans[p]);
  std::int64_t goal = floor, height = floor;
  for (;;) {
    std::size_t highest = 0;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      if (alike[p] != p) copy_plan(parts[alike[p]], plans[alike[p]], parts[p], plans[p]);
      goal = std::max(goal, plans[p].lower_bound);
      if (plans[p].height > plans[highest].height) highest = p;
    }
    height = parts.empty() ? floor : std::max(floor, plans[highest].height);
    watch(height, goal);
    if (height <= goal || (enough && (height <= *enough || goal > *enough))) return;
    PartSearch& search = searches[alike[highest]];
    if (!search.possible() || budget.nodes <= 0 || budget.stopped) return;
    const std::int64_t shift = parts[alike[highest]].base - parts[highest].base;
    std::optional<std::int64_t> target;
    if (enough) target = *enough + shift;
    search.batch(goal + shift, target, budget);
  }
}

}  // namespace anzan::compiler
