// Placement of tensors in HBM: see memory_plan.hpp.
#include "compiler/graph/memory_plan.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "compiler/input/input_error.hpp"
#include "compiler/input/layer_shapes.hpp"
#include "compiler/instructions/ranges.hpp"

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

bool is_initial(const Graph& g, std::size_t t) {
  return std::any_of(g.parameters.begin(), g.parameters.end(),
                     [&](const ParameterInfo& p) { return p.initial == g.tensors[t].name; });
}

// Lowest place for `lines` lines that meets no placed tensor alive at the same time.
std::int64_t lowest_gap(const Graph& g, const std::vector<Lifetime>& life,
                        const std::vector<std::size_t>& placed, std::size_t tensor, std::int64_t start) {
  std::vector<Range> taken;
  for (std::size_t other : placed) {
    if (overlap(life[tensor], life[other])) {
      taken.push_back({g.tensors[other].hbm_line, g.tensors[other].hbm_line + g.tensors[other].lines});
    }
  }
  std::sort(taken.begin(), taken.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::int64_t line = start;
  for (const Range& r : taken) {
    if (r.begin - line >= g.tensors[tensor].lines) break;
    line = std::max(line, r.end);
  }
  return line;
}

constexpr std::int64_t kRelaxedPercent = 125;  // of the tightest plan

int last_operation(const Graph& g) { return static_cast<int>(g.ops.size()); }

std::vector<Lifetime> extended(std::vector<Lifetime> life, int operations) {
  for (Lifetime& l : life) l.end += operations;
  return life;
}

// Places the tensors in this order, each as low as it goes; returns the end.
std::int64_t place(Graph& g, const std::vector<Lifetime>& life, const std::vector<std::size_t>& tensors,
                   std::int64_t line) {
  std::vector<std::size_t> placed;
  std::int64_t end = line;
  for (std::size_t t : tensors) {
    g.tensors[t].hbm_line = lowest_gap(g, life, placed, t, line);
    placed.push_back(t);
    end = std::max(end, g.tensors[t].hbm_line + g.tensors[t].lines);
  }
  return end;
}

}  // namespace

std::vector<Lifetime> lifetimes(const Graph& g) {
  const int last = static_cast<int>(g.ops.size());
  std::vector<Lifetime> life(g.tensors.size(), {last, -1});
  const auto touch = [&](int tensor, int op) {
    Lifetime& l = life[static_cast<std::size_t>(tensor)];
    l.begin = std::min(l.begin, op);
    l.end = std::max(l.end, op);
  };
  for (int i = 0; i < last; ++i) {
    const Op& op = g.ops[static_cast<std::size_t>(i)];
    for (int t : op.inputs) touch(t, i);
    for (int t : op.outputs) touch(t, i);
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

HbmPlan plan_memory(Graph& g, std::int64_t reserved) {
  check_sizes(g);
  const std::vector<Lifetime> life = lifetimes(g);
  std::int64_t line = reserved;
  std::vector<std::size_t> transient;
  HbmPlan plan;
  std::int64_t persistent_lines = 0, transient_lines = 0;
  for (std::size_t t = 0; t < g.tensors.size(); ++t) {
    TensorInfo& info = g.tensors[t];
    if (life[t].end < life[t].begin && !is_initial(g, t)) {
      info.hbm_line = -1;  // no operation of this graph uses it
    } else if (info.persistent) {
      info.hbm_line = line;
      line += info.lines;
      persistent_lines += info.lines;
    } else if (!is_initial(g, t)) {
      transient.push_back(t);
      transient_lines += info.lines;
    }
  }
  // the largest first: small ones fill the gaps
  std::stable_sort(transient.begin(), transient.end(),
                   [&](std::size_t a, std::size_t b) { return g.tensors[a].lines > g.tensors[b].lines; });
  std::int64_t end = place(g, life, transient, line);
  // Memory that is used again at once makes its next writer wait. As long as it costs little, tensors keep
  // theirs for some operations more.
  const std::int64_t most = line + (end - line) * kRelaxedPercent / 100;
  for (int more = last_operation(g); more > 0; more /= 2) {
    const std::int64_t relaxed = place(g, extended(life, more), transient, line);
    if (relaxed <= most) {
      end = relaxed;
      break;
    }
    if (more == 1) place(g, life, transient, line);
  }
  const std::int64_t planned = end - line;
  // initial values are read before any transient tensor is written: they lie over them
  std::int64_t initial = line;
  for (std::size_t t = 0; t < g.tensors.size(); ++t) {
    if (!is_initial(g, t)) continue;
    g.tensors[t].hbm_line = initial;
    initial += g.tensors[t].lines;
  }
  std::int64_t peak = 0;
  for (int op = -1; op <= static_cast<int>(g.ops.size()); ++op) {
    std::int64_t live = 0;
    for (std::size_t t : transient) {
      if (life[t].begin <= op && op <= life[t].end) live += g.tensors[t].lines;
    }
    peak = std::max(peak, live);
  }
  const std::int64_t line_bytes = g.chip.lanes * (isa::kWordBits / 8);
  plan.lines = std::max(end, initial);
  check_lines(plan.lines);
  plan.report.conventional_bytes = (persistent_lines + transient_lines) * line_bytes;
  plan.report.planned_bytes = (persistent_lines + planned) * line_bytes;
  plan.report.lower_bound_bytes = (persistent_lines + peak) * line_bytes;
  return plan;
}

}  // namespace anzan::compiler
