// Operations move as far as what they read and write allows.
#include "compiler/memory/order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "compiler/memory/peak.hpp"

namespace anzan::compiler {
namespace {

// Operations that stay together, in their order: parts of one gradient, or one operation alone.
using Unit = std::vector<int>;

constexpr int kMostRounds = 16;

class Order {
 public:
  explicit Order(Graph& graph) : g_(graph), ops_(graph.ops) {
    make_units();
    numbers_.resize(units_.size());
    std::iota(numbers_.begin(), numbers_.end(), std::size_t{0});
  }

  // The gradient of weights goes before that of the input where it is not the larger one: then the input is
  // free when its gradient is written. What it waits for goes with it, such as an input that is computed
  // again.
  void smaller_first() {
    for (std::size_t w = first_; w < end_; ++w) {
      const Op& op = of(w);
      if (op.kind != OpKind::kConvolutionBackwardWeight || units_[w].size() > 1) continue;
      const std::size_t data = data_gradient(w);
      if (data == w || lines(op.outputs[0]) > lines(of(data).outputs[0])) continue;
      const std::vector<std::size_t> together = waited_for(w, data);
      if (std::any_of(together.begin(), together.end(),
                      [&](std::size_t u) { return collide(units_[u], units_[data]); }))
        continue;
      std::size_t to = data;
      for (const std::size_t u : together) move(u, to++);
    }
    write();
  }

  // Each unit in turn as early, or as late, as it goes, as long as that lowers the price.
  void least_peak() {
    find_collisions();
    Price best = price();
    bool better = true;
    for (int round = 0; better && round < kMostRounds; ++round) {
      better = false;
      for (std::size_t u = first_; u < end_; ++u) {
        for (const std::size_t to : {latest(u), earliest(u)}) {
          if (to == u) continue;
          move(u, to);
          const Price found = price();
          if (found < best) {
            best = found;
            better = true;
            break;
          }
          move(to, u);
        }
      }
    }
    write();
  }

 private:
  const Op& of(std::size_t unit) const { return ops_[static_cast<std::size_t>(units_[unit].front())]; }
  std::int64_t lines(int tensor) const { return g_.tensor(tensor).lines; }

  static bool stands_still(const Op& op) {
    return op.kind == OpKind::kExchange || op.kind == OpKind::kGradientNorm;
  }
  bool of_a_part(const Op& op) const {
    const auto part = [&](int t) { return g_.tensor(t).part_rows > 0; };
    return std::any_of(op.inputs.begin(), op.inputs.end(), part) ||
           std::any_of(op.outputs.begin(), op.outputs.end(), part);
  }

  void make_units() {
    const int n = static_cast<int>(ops_.size());
    int i = 0;
    const auto at = [&](int k) -> const Op& { return ops_[static_cast<std::size_t>(k)]; };
    for (; i < n && at(i).phase == Phase::kForward; ++i) units_.push_back({i});
    first_ = units_.size();
    for (; i < n && !stands_still(at(i)); ++i) {
      const bool together = of_a_part(at(i)) && !units_.empty() && units_.size() > first_ &&
                            of_a_part(at(units_.back().back())) &&
                            at(units_.back().back()).layer == at(i).layer;
      if (together)
        units_.back().push_back(i);
      else
        units_.push_back({i});
    }
    end_ = units_.size();
    for (; i < n; ++i) units_.push_back({i});
  }

  // The gradient of the input of the layer whose weights' is unit `w`; none: w.
  std::size_t data_gradient(std::size_t w) const {
    for (std::size_t u = w; u-- > first_;) {
      if (of(u).kind == OpKind::kConvolutionBackwardData && of(u).layer == of(w).layer) return u;
    }
    return w;
  }

  // Unit `w`, and of the units between `after` and it those that it cannot pass, nor what goes with it;
  // ascending.
  std::vector<std::size_t> waited_for(std::size_t w, std::size_t after) const {
    std::vector<std::size_t> together{w};
    for (std::size_t u = w; --u > after;) {
      if (std::any_of(together.begin(), together.end(),
                      [&](std::size_t v) { return collide(units_[u], units_[v]); }))
        together.push_back(u);
    }
    std::reverse(together.begin(), together.end());
    return together;
  }

  bool collide(const Op& a, const Op& b) const {
    const auto writes_any = [](const Op& writer, const std::vector<int>& tensors) {
      return std::any_of(tensors.begin(), tensors.end(), [&](int t) {
        return std::find(writer.outputs.begin(), writer.outputs.end(), t) != writer.outputs.end();
      });
    };
    return writes_any(a, b.inputs) || writes_any(a, b.outputs) || writes_any(b, a.inputs);
  }
  bool collide(const Unit& a, const Unit& b) const {
    for (const int i : a) {
      for (const int j : b)
        if (collide(ops_[static_cast<std::size_t>(i)], ops_[static_cast<std::size_t>(j)])) return true;
    }
    return false;
  }
  // Whether units collide does not depend on where they stand.
  void find_collisions() {
    const std::size_t n = units_.size();
    collisions_.assign(n * n, false);
    for (std::size_t a = first_; a < end_; ++a) {
      for (std::size_t b = first_; b < a; ++b)
        collisions_[a * n + b] = collisions_[b * n + a] = collide(units_[a], units_[b]);
    }
  }
  bool may_swap(std::size_t a, std::size_t b) const {
    return !collisions_[numbers_[a] * units_.size() + numbers_[b]];
  }
  std::size_t latest(std::size_t u) const {
    std::size_t to = u;
    while (to + 1 < end_ && may_swap(u, to + 1)) ++to;
    return to;
  }
  std::size_t earliest(std::size_t u) const {
    std::size_t to = u;
    while (to > first_ && may_swap(u, to - 1)) --to;
    return to;
  }

  void move(std::size_t from, std::size_t to) {
    const auto rotate = [&](auto& all) {
      const auto place = [&](std::size_t k) { return all.begin() + static_cast<std::ptrdiff_t>(k); };
      if (from < to)
        std::rotate(place(from), place(from + 1), place(to + 1));
      else
        std::rotate(place(to), place(from), place(from + 1));
    };
    rotate(units_);
    rotate(numbers_);
  }

  // In the order of the units.
  Price price() const {
    std::vector<const Op*> order;
    order.reserve(ops_.size());
    for (const Unit& unit : units_) {
      for (const int i : unit) order.push_back(&ops_[static_cast<std::size_t>(i)]);
    }
    return price_of(g_, order);
  }

  void write() {
    g_.ops.clear();
    for (const Unit& unit : units_) {
      for (const int i : unit) g_.ops.push_back(ops_[static_cast<std::size_t>(i)]);
    }
  }

  Graph& g_;
  const std::vector<Op> ops_;
  std::vector<Unit> units_;
  std::vector<std::size_t> numbers_;  // by place of a unit: where it stood at first
  std::vector<bool> collisions_;      // by two such numbers
  std::size_t first_ = 0, end_ = 0;   // units that may move
};

}  // namespace

void order_operations(Graph& graph) {
  switch (graph.memory.order) {
    case GradientOrder::kInputFirst:
      return;
    case GradientOrder::kSmallerFirst:
      return Order(graph).smaller_first();
    case GradientOrder::kLeastPeak:
      return Order(graph).least_peak();
  }
}

}  // namespace anzan::compiler
