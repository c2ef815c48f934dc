// One after another, the activation is chosen that lowers the price most for what it costs.
#include "compiler/memory/recompute.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/memory/peak.hpp"

namespace anzan::compiler {
namespace {

bool is_forward(const Op& op) { return op.phase == Phase::kForward; }

// The graph in which some tensors are computed again.
class Again {
 public:
  Again(const Graph& graph, const std::set<int>& tensors) : g_(graph), again_(tensors) {
    for (const Op& op : graph.ops) {
      if (!is_forward(op)) break;
      for (const int t : op.outputs) producer_[t] = &op;
    }
    g_.ops.clear();
    for (const Op& op : graph.ops) {
      Op copy = op;
      if (!is_forward(op)) {
        for (std::vector<int>* all : {&copy.inputs, &copy.outputs}) {
          for (int& t : *all) t = there(t);
        }
      }
      g_.ops.push_back(std::move(copy));
    }
  }
  Graph take() { return std::move(g_); }

 private:
  // The tensor that holds these values in the backward pass.
  int there(int t) {
    if (again_.count(t) == 0) return t;
    const auto found = copies_.find(t);
    if (found != copies_.end()) return found->second;
    Op op = *producer_.at(t);
    for (int& input : op.inputs) input = there(input);
    for (int& output : op.outputs) {
      TensorInfo copy = g_.tensor(output);
      copy.name += ".again";
      copy.selects = true;  // what has been counted, in the slot of the first
      g_.tensors.push_back(std::move(copy));
      const int number = static_cast<int>(g_.tensors.size()) - 1;
      if (again_.count(output) != 0) copies_[output] = number;
      output = number;
    }
    op.phase = Phase::kBackward;
    op.again = true;
    g_.ops.push_back(std::move(op));
    return copies_.at(t);
  }

  Graph g_;
  const std::set<int>& again_;
  std::map<int, const Op*> producer_;
  std::map<int, int> copies_;
};

// What a tensor costs that is computed again: products for contractions, else its elements.
std::int64_t work(const Graph& g, const Op& op) {
  const Layer& l = g.layer(op);
  return op.kind == OpKind::kConvolution ? product_count(l) : l.out.size();
}

struct Candidate {
  int tensor;
  std::int64_t work;
  bool cheap;
};

// Outputs of forward operations that the backward pass reads.
std::vector<Candidate> candidates(const Graph& g) {
  std::set<int> read;
  for (const Op& op : g.ops) {
    if (!is_forward(op)) read.insert(op.inputs.begin(), op.inputs.end());
  }
  std::vector<Candidate> all;
  for (const Op& op : g.ops) {
    if (!is_forward(op) || op.kind == OpKind::kLoss || op.kind == OpKind::kGather) continue;
    for (const int t : op.outputs) {
      const TensorInfo& tensor = g.tensor(t);
      const bool vector = tensor.layout == TensorInfo::Layout::kVector;
      if (read.count(t) != 0 && !vector && !tensor.persistent && t != g.loss && t != g.prediction)
        all.push_back({t, work(g, op), op.kind != OpKind::kConvolution});
    }
  }
  return all;
}

class Search {
 public:
  explicit Search(Graph& graph) : g_(graph), price_(price_of(graph)), candidates_(candidates(graph)) {}

  // All that cost little, as long as less is alive then.
  void cheap() {
    for (const Candidate& c : candidates_) {
      if (!c.cheap) continue;
      const Price found = with(c.tensor);
      if (found.peak > price_.peak || found.alive >= price_.alive) continue;
      chosen_.insert(c.tensor);
      price_ = found;
    }
  }

  // The best for its work, until the peak is low enough.
  bool until(std::int64_t most) {
    while (price_.peak > most) {
      const Candidate* best = nullptr;
      Price lowest = price_;
      double gain = 0;
      for (const Candidate& c : candidates_) {
        if (chosen_.count(c.tensor) != 0) continue;
        const Price found = with(c.tensor);
        if (!(found < price_)) continue;
        const double of_c =
            (static_cast<double>(price_.peak - found.peak) +
             1e-3 * static_cast<double>(price_.alive - found.alive) / static_cast<double>(g_.ops.size())) /
            static_cast<double>(c.work + 1);
        if (best != nullptr && of_c <= gain) continue;
        best = &c, gain = of_c, lowest = found;
      }
      if (best == nullptr) return false;
      chosen_.insert(best->tensor);
      price_ = lowest;
    }
    return true;
  }

  std::int64_t peak() const { return price_.peak; }
  void write() {
    if (!chosen_.empty()) g_ = Again(g_, chosen_).take();
  }

 private:
  Price with(int tensor) const {
    std::set<int> tensors = chosen_;
    tensors.insert(tensor);
    return price_of(Again(g_, tensors).take());
  }

  Graph& g_;
  Price price_;
  std::vector<Candidate> candidates_;
  std::set<int> chosen_;
};

std::int64_t persistent_lines(const Graph& g) {
  std::int64_t lines = 0;
  for (const TensorInfo& t : g.tensors) lines += t.persistent ? t.lines : 0;
  return lines;
}

// Rounded up to the third decimal, so that what is said is enough.
std::string mib(std::int64_t bytes) {
  constexpr std::int64_t kMib = 1024 * 1024;
  const std::int64_t thousandths = (bytes * 1000 + kMib - 1) / kMib;
  std::string text = std::to_string(thousandths % 1000);
  text.insert(0, 3 - text.size(), '0');
  return std::to_string(thousandths / 1000) + "." + text;
}

}  // namespace

void recompute_activations(Graph& graph) {
  const MemoryParameters& memory = graph.memory;
  if (memory.recompute == Recompute::kNothing && memory.budget_bytes == 0) return;
  if (graph.system.mapping.tensor.size > 1 || graph.system.divided())
    throw InputError(memory.budget_bytes > 0 ? "/memory/budget_mib" : "/memory/recompute",
                     "a divided network", "a network that every core has whole");
  Search search(graph);
  if (memory.recompute == Recompute::kCheap) search.cheap();
  const std::int64_t bytes = line_bytes(graph.chip), kept = persistent_lines(graph);
  if (memory.budget_bytes > 0 && !search.until(memory.budget_bytes / bytes - kept))
    throw InputError("/memory/budget_mib", std::to_string(memory.budget_bytes) + " bytes",
                     "at least " + mib((kept + search.peak()) * bytes) +
                         ", the least of this order of operations, however much is computed again");
  search.write();
}

}  // namespace anzan::compiler
