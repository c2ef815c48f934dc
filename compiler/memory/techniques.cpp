// Every technique is planned as it would run.
#include "compiler/memory/techniques.hpp"

#include "compiler/graph/layout.hpp"
#include "compiler/memory/counting.hpp"
#include "compiler/memory/plan.hpp"
#include "compiler/memory/training_graph.hpp"
#include "compiler/memory/weight_parts.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

constexpr std::int64_t kOneBlock = 1;  // KiB: parts are as small as they can be

MemoryParameters parameters(MemoryPlaces places, GradientOrder order, std::int64_t weight_gradient_kib = 0,
                            Recompute recompute = Recompute::kNothing) {
  MemoryParameters p;
  p.places = places;
  p.order = order;
  p.slack_percent = 0;
  p.weight_gradient_kib = weight_gradient_kib;
  p.recompute = recompute;
  return p;
}

// Whether articles count it; indices are none of their tensors, but what a plan keeps instead of others.
bool is_counted(const Graph& g, const TensorInfo& t) {
  switch (t.kind) {
    case TensorClass::kWeight:
    case TensorClass::kActivation:
    case TensorClass::kWeightGradient:
    case TensorClass::kActivationGradient:
      return &t != &g.tensor(g.label) && &t != &g.tensor(g.prediction);
    default:
      return false;
  }
}

// The plan of these tensors alone, in bytes instead of lines.
std::int64_t counted_plan(Graph g) {
  for (TensorInfo& t : g.tensors) {
    const std::int64_t bytes = t.size() * (4 / models::elements_per_word(t.format)), rows = row_count(t);
    t.lines = is_counted(g, t) ? bytes * rows_there(t).size() / rows : 0;
  }
  return tightest_plan(g);
}

std::int64_t counted(const Input& input, const Technique& technique, const Graph& graph) {
  const isa::Format format = graph.tensor(graph.data).format;
  const CountedMemory formulas =
      count_memory(input.network, input.training.batch, 4 / models::elements_per_word(format));
  if (technique.parameters.places == MemoryPlaces::kConventional) return formulas.conventional;
  if (technique.parameters.places == MemoryPlaces::kLifetimes) return counted_plan(graph);
  return technique.parameters.weight_gradient_kib == 0 ? formulas.shared_gradients : formulas.smaller_first;
}

}  // namespace

const std::vector<Technique>& memory_techniques() {
  using Places = MemoryPlaces;
  using Order = GradientOrder;
  static const std::vector<Technique> list{
      {"conventional", parameters(Places::kConventional, Order::kInputFirst)},
      {"shared_gradients", parameters(Places::kSharedGradients, Order::kSmallerFirst)},
      {"smaller_first", parameters(Places::kSharedGradients, Order::kSmallerFirst, kOneBlock)},
      {"lifetimes", parameters(Places::kLifetimes, Order::kInputFirst)},
      {"least_peak", parameters(Places::kLifetimes, Order::kLeastPeak)},
      {"weight_parts", parameters(Places::kLifetimes, Order::kLeastPeak, kOneBlock)},
      {"recompute_cheap", parameters(Places::kLifetimes, Order::kLeastPeak, kOneBlock, Recompute::kCheap)},
  };
  return list;
}

std::vector<TechniqueMemory> compare_techniques(const Input& input) {
  std::vector<TechniqueMemory> all;
  for (const Technique& technique : memory_techniques()) {
    Input with = input;
    with.memory = technique.parameters;
    if (with.memory.weight_gradient_kib > 0 && !divides_weight_gradients(with)) continue;
    Graph graph = training_graph(with);
    TechniqueMemory found;
    found.name = technique.name;
    found.counted_bytes = counted(with, technique, graph);
    found.plan = plan_memory(graph, 0).report;
    all.push_back(found);
  }
  return all;
}

}  // namespace anzan::compiler
