// Placement of tensors in HBM: see plan.hpp.
#include "compiler/memory/plan.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "compiler/input/input_error.hpp"
#include "compiler/input/layer_shapes.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/memory/offsets.hpp"
#include "compiler/memory/peak.hpp"

namespace anzan::compiler {
namespace {

// Elements are numbered by the words that round them: with 32 bits, of which strides have one for the sign.
void check_sizes(const Graph& g) {
  for (const TensorInfo& t : g.tensors) {
    const std::int64_t size = t.size() * (t.shared_out ? g.system.mapping.tensor.size : 1);  // in all cores
    if (static_cast<double>(size) < kMostElements) continue;
    throw InputError(
        "/training/batch", std::to_string(g.training.batch) + " images",
        "fewer than 2^31 elements of each tensor; " + t.name + " would have " + std::to_string(size));
  }
}

// Addresses number rows, of which a line has four at most, with 32 bits.
void check_lines(std::int64_t lines) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 32) / 4;
  if (lines > kMost)
    throw InputError("/network", "tensors of " + std::to_string(lines) + " lines of HBM",
                     "at most " + std::to_string(kMost) + ", the lines that addresses of 32 bits reach");
}

bool overlap(const Lifetime& a, const Lifetime& b) { return a.begin <= b.end && b.begin <= a.end; }

// Tensors that have their place, by its first line.
using Placed = std::vector<std::pair<std::int64_t, std::size_t>>;

// Lowest place for a tensor that meets no placed one alive at the same time.
std::int64_t lowest_gap(const Graph& g, const std::vector<Lifetime>& life, const Placed& placed,
                        std::size_t tensor, std::int64_t start) {
  std::int64_t line = start;
  for (const auto& [begin, other] : placed) {
    if (begin - line >= g.tensors[tensor].lines) break;
    if (overlap(life[tensor], life[other])) line = std::max(line, begin + g.tensors[other].lines);
  }
  return line;
}

int last_operation(const Graph& g) { return static_cast<int>(g.ops.size()); }

std::vector<Lifetime> extended(std::vector<Lifetime> life, int operations) {
  for (Lifetime& l : life) l.end += operations;
  return life;
}

// Places the tensors in this order, each as low as it goes; returns the end.
std::int64_t place(Graph& g, const std::vector<Lifetime>& life, const std::vector<std::size_t>& tensors,
                   std::int64_t line) {
  Placed placed;
  placed.reserve(tensors.size());
  std::int64_t end = line;
  for (std::size_t t : tensors) {
    const std::pair entry(g.tensors[t].hbm_line = lowest_gap(g, life, placed, t, line), t);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), entry), entry);
    end = std::max(end, g.tensors[t].hbm_line + g.tensors[t].lines);
  }
  return end;
}

// Each of the tensors after the one before.
std::int64_t place_in_line(Graph& g, const std::vector<std::size_t>& tensors, std::int64_t line) {
  for (std::size_t t : tensors) {
    g.tensors[t].hbm_line = line;
    line += g.tensors[t].lines;
  }
  return line;
}

// As little memory as a bounded search finds.
std::int64_t place_tightly(Graph& g, const std::vector<Lifetime>& life,
                           const std::vector<std::size_t>& tensors, std::int64_t line) {
  std::vector<Buffer> buffers;
  std::vector<std::size_t> placed;
  for (std::size_t t : tensors) {
    g.tensors[t].hbm_line = line;
    if (g.tensors[t].lines == 0) continue;
    buffers.push_back({life[t].begin, life[t].end + 1, g.tensors[t].lines});
    placed.push_back(t);
  }
  OffsetOptions options;
  options.gear = OffsetGear::kExact;
  options.most_nodes = 20'000;
  const Assignment found = assign_offsets(buffers, options);
  for (std::size_t i = 0; i < placed.size(); ++i) g.tensors[placed[i]].hbm_line = line + found.offsets[i];
  return line + found.height;
}

// By lifetimes. Memory that is used again at once makes its next writer wait. As long as it costs little,
// tensors keep theirs for some operations more.
std::int64_t place_by_lifetimes(Graph& g, const std::vector<Lifetime>& life, std::vector<std::size_t> tensors,
                                std::int64_t line) {
  if (g.memory.slack_percent == 0) return place_tightly(g, life, tensors, line);
  // the largest first: small ones fill the gaps
  std::stable_sort(tensors.begin(), tensors.end(),
                   [&](std::size_t a, std::size_t b) { return g.tensors[a].lines > g.tensors[b].lines; });
  const std::int64_t end = place(g, life, tensors, line);
  const std::int64_t most = line + (end - line) * (100 + g.memory.slack_percent) / 100;
  for (int more = last_operation(g); more > 0; more /= 2) {
    const std::int64_t relaxed = place(g, extended(life, more), tensors, line);
    if (relaxed <= most) return relaxed;
  }
  return place(g, life, tensors, line);
}

// Gradients of activations lie over the activations of their layers, where these are not read any more when
// they are written; what is left of the gradients shares memory among itself. All else has its own.
std::int64_t place_shared_gradients(Graph& g, const std::vector<Lifetime>& life,
                                    const std::vector<std::size_t>& tensors, std::int64_t line) {
  std::vector<std::size_t> own, rest;
  std::vector<std::vector<std::size_t>> over(g.tensors.size());  // by activation
  const auto is_gradient = [&](std::size_t t) {
    return g.tensors[t].kind == TensorClass::kActivationGradient ||
           g.tensors[t].kind == TensorClass::kWeightGradient;
  };
  const auto apart = [&](std::size_t a, std::size_t b) { return !overlap(life[a], life[b]); };
  for (std::size_t t : tensors) {
    if (!is_gradient(t)) own.push_back(t);
  }
  for (std::size_t t : tensors) {
    if (!is_gradient(t)) continue;
    const auto under = std::find_if(own.begin(), own.end(), [&](std::size_t a) {
      const TensorInfo &x = g.tensors[a], &dx = g.tensors[t];
      return dx.kind == TensorClass::kActivationGradient && x.kind == TensorClass::kActivation &&
             x.layer == dx.layer && dx.lines <= x.lines && apart(a, t) &&
             std::all_of(over[a].begin(), over[a].end(), [&](std::size_t other) { return apart(other, t); });
    });
    if (under == own.end())
      rest.push_back(t);
    else
      over[*under].push_back(t);
  }
  line = place_in_line(g, own, line);
  for (std::size_t a : own) {
    for (std::size_t t : over[a]) g.tensors[t].hbm_line = g.tensors[a].hbm_line;
  }
  return place(g, life, rest, line);
}

std::int64_t place_transient(Graph& g, const std::vector<Lifetime>& life,
                             const std::vector<std::size_t>& tensors, std::int64_t line) {
  switch (g.memory.places) {
    case MemoryPlaces::kConventional:
      return place_in_line(g, tensors, line);
    case MemoryPlaces::kSharedGradients:
      return place_shared_gradients(g, life, tensors, line);
    case MemoryPlaces::kLifetimes:
      break;
  }
  return place_by_lifetimes(g, life, tensors, line);
}

// Tensors by what they are to the plan.
struct Tensors {
  std::vector<std::size_t> persistent, transient;
};

Tensors sorted_tensors(Graph& g, const std::vector<Lifetime>& life) {
  Tensors sorted;
  for (std::size_t t = 0; t < g.tensors.size(); ++t) {
    TensorInfo& info = g.tensors[t];
    if (life[t].end < life[t].begin)
      info.hbm_line = -1;  // no operation of this graph uses it
    else
      (info.persistent ? sorted.persistent : sorted.transient).push_back(t);
  }
  return sorted;
}

}  // namespace

std::int64_t tightest_plan(Graph g) {
  const std::vector<Lifetime> life = lifetimes(g);
  const Tensors tensors = sorted_tensors(g, life);
  return place_transient(g, life, tensors.transient, place_in_line(g, tensors.persistent, 0));
}

HbmPlan plan_memory(Graph& g, std::int64_t reserved) {
  check_sizes(g);
  const std::vector<Lifetime> life = lifetimes(g);
  const Tensors tensors = sorted_tensors(g, life);
  HbmPlan plan;
  const std::int64_t begin = place_in_line(g, tensors.persistent, reserved),
                     end = place_transient(g, life, tensors.transient, begin);
  // Initial values are read before any transient tensor is written: they lie over them. Shorter pieces would
  // cost more in programs than they save in memory.
  constexpr std::int64_t kLeastPiece = 4096;
  plan.initial = initial_pieces(g, begin, std::max(end - begin, kLeastPiece));
  plan.lines = end;
  for (const InitialPiece& piece : plan.initial) plan.lines = std::max(plan.lines, piece.end_line());
  check_lines(plan.lines);
  std::int64_t transient_lines = 0;
  for (std::size_t t : tensors.transient) transient_lines += g.tensors[t].lines;
  const std::int64_t bytes = line_bytes(g.chip), persistent_lines = begin - reserved;
  plan.report.conventional_bytes = (persistent_lines + transient_lines) * bytes;
  plan.report.planned_bytes = (persistent_lines + end - begin) * bytes;
  plan.report.lower_bound_bytes = (persistent_lines + price_of(g).peak) * bytes;
  return plan;
}

}  // namespace anzan::compiler
