// Tables for people to read; nothing reads them back.
#include "compiler/dump.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compiler/input/layer_keys.hpp"
#include "compiler/operations.hpp"
#include "compiler/schedule/dump_schedule.hpp"
#include "isa/assembly.hpp"

namespace anzan::compiler {
namespace {

constexpr unsigned kCommonKeys = kTakesChannels | kTakesWindow | kTakesGroups | kHasWeights;

// Padding of one axis.
std::string sides(const WindowAxis& w) {
  return w.pad == w.pad_end ? std::to_string(w.pad) : fmt::format("({}, {})", w.pad, w.pad_end);
}

// Its keys, but for those that its shapes show and those of its weights.
std::string keys_text(const Layer& l) {
  std::string text;
  if (has(l, kTakesWindow))
    text += fmt::format("  kernel {} x {}, stride {} x {}, padding {} x {}", l.y.kernel, l.x.kernel,
                        l.y.stride, l.x.stride, sides(l.y), sides(l.x));
  if (has(l, kTakesWindow) && (l.y.dilation > 1 || l.x.dilation > 1))
    text += fmt::format(", dilation {} x {}", l.y.dilation, l.x.dilation);
  if (l.groups > 1) text += fmt::format(", groups {}", l.groups);
  for (const LayerKey& key : layer_keys()) {
    if (!has(l, key.taken_by) || (key.taken_by & kCommonKeys) != 0) continue;
    text += fmt::format("  {} {}", key.name, key.write(l).dump());
  }
  return text;
}

std::string join_names(const Graph& g, const std::vector<int>& tensors) {
  std::string text;
  for (int t : tensors) text += (text.empty() ? "" : ", ") + g.tensor(t).name;
  return text;
}

std::string operations_text(const Graph& g, bool training) {
  std::string text;
  for (const Op& op : g.ops) {
    if (!training && op.phase != Phase::kForward) continue;
    text += fmt::format("{:<12} {:<28} {} -> {}{}\n", g.layer(op).name, name(op.kind),
                        join_names(g, op.inputs), join_names(g, op.outputs), op.relu ? "  (relu)" : "");
  }
  return text;
}

// f(title, listing) of every program.
template <class F>
void for_each_program(const Scheduled& scheduled, const F& f) {
  for (const ProgramKind kind : kProgramKinds) {
    const std::vector<SharedListing>& stages = scheduled.programs[kind];
    const char* const of = kind == ProgramKind::kInitialize ? "of piece" : "of stage";
    for (std::size_t s = 0; s < stages.size(); ++s)
      f(stages.size() == 1 ? name(kind) : fmt::format("{} {} {}", name(kind), of, s), *stages[s]);
  }
}

}  // namespace

std::string print_network(const Compilation& c) {
  const Network& n = c.input.network;
  std::string text = fmt::format("network {}: input {} x {} x {}\n", n.name, n.input.channels, n.input.height,
                                 n.input.width);
  std::int64_t parameters = 0, products = 0;
  for (const Layer& l : n.layers) {
    text += fmt::format("{:<12} {:<22} {} x {} x {} -> {} x {} x {}{}", l.name, name(l.kind), l.in.channels,
                        l.in.height, l.in.width, l.out.channels, l.out.height, l.out.width, keys_text(l));
    if (has(l, kHasWeights))
      text += fmt::format("  {} parameters, {} products an image", parameter_count(l), product_count(l));
    text += '\n';
    parameters += parameter_count(l);
    products += product_count(l);
  }
  text += fmt::format("{} parameters, {} products an image forward\n", parameters, products);
  return text;
}

std::string print_graph(const Compilation& c) { return operations_text(c.whole, false); }

std::string print_training_graph(const Compilation& c) { return operations_text(c.whole, true); }

std::string print_precision(const Compilation& c) {
  const Graph& g = c.whole;
  std::string text = "slot  name                                format  width  rounding       policy\n";
  for (std::size_t i = 0; i < g.slots.size(); ++i) {
    const SlotInfo& s = g.slots[i];
    text += fmt::format("{:>4}  {:<34}  {:<6}  {:>5}  {:<13}  {}\n", i, s.name, isa::name(s.format),
                        s.settings.width, isa::name(s.settings.rounding), isa::name(s.settings.policy));
  }
  return text;
}

std::string print_memory(const Compilation& c) {
  const Graph& g = c.whole;
  const std::vector<Lifetime> life = lifetimes(g);
  std::string text = "first line     lines  operations  format  tensor\n";
  for (std::size_t i = 0; i < g.tensors.size(); ++i) {
    const TensorInfo& t = g.tensors[i];
    if (t.hbm_line < 0) continue;
    const std::string lives = t.persistent ? "always" : fmt::format("{}..{}", life[i].begin, life[i].end);
    text += fmt::format("{:>10}  {:>8}  {:>10}  {:<6}  {}\n", t.hbm_line, t.lines, lives, isa::name(t.format),
                        t.name);
  }
  for (std::size_t p = 0; p < c.memory.initial.size(); ++p)
    for (const InitialRows& r : c.memory.initial[p].rows)
      text += fmt::format("{:>10}  {:>8}  {:>10}  {:<6}  {}\n", r.values.hbm_line, r.values.lines,
                          fmt::format("piece {}", p + 1), isa::name(r.values.format), r.values.name);
  text += fmt::format("conventional {} bytes, planned {} bytes, lower bound {} bytes\n",
                      c.memory.report.conventional_bytes, c.memory.report.planned_bytes,
                      c.memory.report.lower_bound_bytes);
  return text;
}

std::string print_partition(const Compilation& c) {
  const std::optional<Partition>& parts = c.parts;
  if (!parts) return "every core has the whole network\n";
  std::string text;
  for (std::size_t s = 0; s < parts->stages.size(); ++s) {
    const Graph& g = parts->stages[s];
    const MemoryPlan& plan = parts->plans[s];
    text += fmt::format(
        "# stage {}: {} operations; conventional {} bytes, planned {} bytes, lower bound {} bytes\n", s,
        g.ops.size(), plan.conventional_bytes, plan.planned_bytes, plan.lower_bound_bytes);
    for (const Op& op : g.ops) {
      const TensorInfo& t = g.tensor(op.outputs[0]);
      text += fmt::format("{:<28}  {:<12}  {:>5}  {}{}", name(op.kind), g.layer(op).name,
                          op.groups == 0 ? "all" : std::to_string(op.first_group / op.groups), t.name,
                          t.shared_out ? " (share)" : "");
      if (op.kind == OpKind::kTransfer) text += fmt::format(": {} -> {}", op.stage, op.receiver);
      text += '\n';
    }
  }
  return text;
}

std::string print_tiles(const Compilation& c) {
  std::string text;
  for (const std::string& line : c.lowered.tables.notes) text += line + '\n';
  return text;
}

std::string print_schedule(const Compilation& c) {
  std::string text;
  for_each_program(c.scheduled, [&](const std::string& title, const Listing& listing) {
    text += schedule_text(title, listing, c.scheduled.tables.regions, c.input.chip.lanes);
  });
  return text;
}

std::string print_program(const Compilation& c) {
  std::string text;
  for_each_program(c.scheduled, [&](const std::string& title, const Listing& listing) {
    text += fmt::format("# {}: {} instructions\n{}\n", title, listing.program.size(),
                        isa::disassemble(listing.program));
  });
  return text;
}

}  // namespace anzan::compiler
