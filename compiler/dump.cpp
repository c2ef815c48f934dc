// Text of what each pass decided.
#include <fmt/format.h>

#include <functional>
#include <map>

#include "compiler/compiler.hpp"
#include "compiler/graph/layout.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/programs.hpp"
#include "compiler/schedule/schedule.hpp"
#include "isa/assembly.hpp"

namespace anzan::compiler {
namespace {

const char* name(LayerKind kind) {
  static constexpr const char* kNames[] = {
      "convolution", "fully_connected", "max_pool", "average_pool",
      "relu",        "flatten",         "add",      "softmax_cross_entropy"};
  return kNames[static_cast<int>(kind)];
}

std::string dump_network(const Network& n) {
  std::string text = fmt::format("network {}: input {} x {} x {}\n", n.name, n.input.channels, n.input.height,
                                 n.input.width);
  for (const Layer& l : n.layers) {
    text += fmt::format("{:<12} {:<22} {} x {} x {} -> {} x {} x {}", l.name, name(l.kind), l.in.channels,
                        l.in.height, l.in.width, l.out.channels, l.out.height, l.out.width);
    if (l.kind == LayerKind::kConvolution || l.kind == LayerKind::kMaxPool ||
        l.kind == LayerKind::kAveragePool) {
      text += fmt::format("  kernel {} x {}, stride {} x {}, padding {} x {}", l.kernel_h, l.kernel_w,
                          l.stride_h, l.stride_w, l.pad_h, l.pad_w);
      if (l.groups > 1) text += fmt::format(", groups {}", l.groups);
    }
    text += '\n';
  }
  return text;
}

std::string join_names(const Graph& g, const std::vector<int>& tensors) {
  std::string text;
  for (int t : tensors) text += (text.empty() ? "" : ", ") + g.tensors[static_cast<std::size_t>(t)].name;
  return text;
}

std::string dump_graph(const Graph& g, bool training) {
  std::string text;
  for (const Op& op : g.ops) {
    if (!training && op.phase != Phase::kForward) continue;
    text += fmt::format("{:<12} {:<28} {} -> {}{}\n",
                        g.network.layers[static_cast<std::size_t>(op.layer)].name, name(op.kind),
                        join_names(g, op.inputs), join_names(g, op.outputs), op.relu ? "  (relu)" : "");
  }
  return text;
}

std::string dump_precision(const Graph& g) {
  std::string text = "slot  name                                format  width  rounding       policy\n";
  for (std::size_t i = 0; i < g.slots.size(); ++i) {
    const SlotInfo& s = g.slots[i];
    text += fmt::format("{:>4}  {:<34}  {:<6}  {:>5}  {:<13}  {}\n", i, s.name, isa::name(s.format),
                        s.settings.width, isa::name(s.settings.rounding), isa::name(s.settings.policy));
  }
  return text;
}

std::string dump_memory(const Graph& g, const HbmPlan& plan) {
  const std::vector<Lifetime> life = lifetimes(g);
  std::string text = "first line     lines  operations  format  tensor\n";
  for (std::size_t i = 0; i < g.tensors.size(); ++i) {
    const TensorInfo& t = g.tensors[i];
    const std::string lives = t.persistent ? "always"
                              : life[i].end < life[i].begin
                                  ? "initial"
                                  : fmt::format("{}..{}", life[i].begin, life[i].end);
    text += fmt::format("{:>10}  {:>8}  {:>10}  {:<6}  {}\n", t.hbm_line, t.lines, lives, isa::name(t.format),
                        t.name);
  }
  text +=
      fmt::format("conventional {} bytes, planned {} bytes, lower bound {} bytes\n",
                  plan.report.conventional_bytes, plan.report.planned_bytes, plan.report.lower_bound_bytes);
  return text;
}

// f(title, listing) of every program.
template <class F>
void for_each_program(const Programs& p, const F& f) {
  for (const ProgramKind kind : kProgramKinds) {
    const std::vector<Listing>& stages = p.of_stage[kind];
    for (std::size_t s = 0; s < stages.size(); ++s)
      f(stages.size() == 1 ? name(kind) : fmt::format("{} of stage {}", name(kind), s), stages[s]);
  }
}

std::string dump_programs(const Programs& p) {
  std::string text;
  for_each_program(p, [&](const std::string& title, const Listing& listing) {
    text += fmt::format("# {}: {} instructions\n{}\n", title, listing.program.size(),
                        isa::disassemble(listing.program));
  });
  return text;
}

std::string dump_schedule(const Programs& p, int lanes) {
  std::string text;
  for_each_program(p, [&](const std::string& title, const Listing& listing) {
    text += schedule_text(title, listing, p.tables.regions, lanes);
  });
  return text;
}

// Who does what, and what goes from stage to stage.
std::string dump_partition(const std::optional<Partition>& parts) {
  if (!parts) return "every core has the whole network\n";
  std::string text;
  for (std::size_t s = 0; s < parts->stages.size(); ++s) {
    const Graph& g = parts->stages[s];
    text += fmt::format("# stage {}: {} operations\n", s, g.ops.size());
    for (const Op& op : g.ops) {
      const TensorInfo& t = g.tensors[static_cast<std::size_t>(op.outputs[0])];
      text += fmt::format("{:<28}  {:<12}  {:>5}  {}{}", name(op.kind),
                          g.network.layers[static_cast<std::size_t>(op.layer)].name,
                          op.groups == 0 ? "all" : std::to_string(op.first_group / op.groups), t.name,
                          t.shared_out ? " (share)" : "");
      if (op.kind == OpKind::kTransfer) text += fmt::format(": {} -> {}", op.stage, op.receiver);
      text += '\n';
    }
  }
  return text;
}

std::string dump_tiles(const Programs& p) {
  std::string text;
  for (const std::string& line : p.tables.notes) text += line + '\n';
  return text;
}

}  // namespace

std::vector<std::string> dump_passes() {
  return {"network", "graph",  "training_graph", "precision", "partition",
          "tiles",   "memory", "schedule",       "program"};
}

std::string dump(const std::string& pass, const Network& network, const Precision& precision,
                 const TrainingParameters& training, const ChipParameters& chip,
                 const SystemParameters& system) {
  HbmPlan plan;
  const Graph g = build_graph(network, precision, training, chip, system, &plan);
  const std::optional<Partition> parts = build_partition(network, precision, training, chip, system);
  const std::map<std::string, std::function<std::string()>> texts{
      {"network", [&] { return dump_network(network); }},
      {"graph", [&] { return dump_graph(g, false); }},
      {"training_graph", [&] { return dump_graph(g, true); }},
      {"precision", [&] { return dump_precision(g); }},
      {"partition", [&] { return dump_partition(parts); }},
      {"tiles", [&] { return dump_tiles(build_programs(g, parts)); }},
      {"memory", [&] { return dump_memory(g, plan); }},
      {"schedule", [&] { return dump_schedule(build_programs(g, parts), chip.lanes); }},
      {"program", [&] { return dump_programs(build_programs(g, parts)); }},
  };
  const auto found = texts.find(pass);
  if (found == texts.end()) {
    std::string all;
    for (const std::string& p : dump_passes()) all += (all.empty() ? "" : ", ") + p;
    throw InputError("--dump", pass, "one of " + all);
  }
  return found->second();
}

}  // namespace anzan::compiler
