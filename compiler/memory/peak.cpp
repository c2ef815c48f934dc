// One sweep over the operations.
#include "compiler/memory/peak.hpp"

#include <algorithm>
#include <vector>

#include "compiler/memory/lifetimes.hpp"

namespace anzan::compiler {

namespace {

Price price_by(const Graph& g, const std::vector<Lifetime>& life, std::size_t operations) {
  std::vector<std::int64_t> change(operations + 3);
  Price price;
  for (std::size_t t = 0; t < life.size(); ++t) {
    if (g.tensors[t].persistent || life[t].end < life[t].begin) continue;
    change[static_cast<std::size_t>(life[t].begin + 1)] += g.tensors[t].lines;
    change[static_cast<std::size_t>(life[t].end + 2)] -= g.tensors[t].lines;
    price.alive += (life[t].end - life[t].begin + 1) * g.tensors[t].lines;
  }
  std::int64_t live = 0;
  for (const std::int64_t c : change) price.peak = std::max(price.peak, live += c);
  return price;
}

}  // namespace

Price price_of(const Graph& g) { return price_by(g, lifetimes(g), g.ops.size()); }
Price price_of(const Graph& g, const std::vector<const Op*>& order) {
  return price_by(g, lifetimes(g, order), order.size());
}

}  // namespace anzan::compiler
