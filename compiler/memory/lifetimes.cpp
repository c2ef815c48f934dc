// Lifetimes by the order of the operations.
#include "compiler/memory/lifetimes.hpp"

#include <algorithm>

namespace anzan::compiler {

std::vector<Lifetime> lifetimes(const Graph& g) {
  std::vector<const Op*> order;
  for (const Op& op : g.ops) order.push_back(&op);
  return lifetimes(g, order);
}

std::vector<Lifetime> lifetimes(const Graph& g, const std::vector<const Op*>& order) {
  const int last = static_cast<int>(order.size());
  std::vector<Lifetime> life(g.tensors.size(), {last, -1});
  const auto touch = [&](int tensor, int op) {
    Lifetime& l = life[static_cast<std::size_t>(tensor)];
    l.begin = std::min(l.begin, op);
    l.end = std::max(l.end, op);
  };
  for (int i = 0; i < last; ++i) {
    const Op& op = *order[static_cast<std::size_t>(i)];
    for (const int t : op.inputs) touch(t, i);
    for (const int t : op.outputs) touch(t, i);
  }
  // written by the driver before, read by it afterwards, where they are used at all
  const auto used = [&](int t) {
    return life[static_cast<std::size_t>(t)].begin <= life[static_cast<std::size_t>(t)].end;
  };
  for (int t : {g.data, g.label})
    if (used(t)) touch(t, -1);
  for (int t : {g.loss, g.prediction})
    if (used(t)) touch(t, last);
  return life;
}

}  // namespace anzan::compiler
