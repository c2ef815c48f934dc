// Four ways through the operations of a graph: what is done before each operation, and what after it.
#include "compiler/programs.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "compiler/lowering/update.hpp"
#include "compiler/operations.hpp"
#include "compiler/parallel/division.hpp"
#include "compiler/parallel/exchange.hpp"
#include "compiler/schedule/schedule.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

// Whether a binary point has to suit several tensors that are written one after the other.
bool shares_points(const Graph& g) {
  std::set<int> slots;
  for (const TensorInfo& t : g.tensors) {
    const bool own =
        !t.selects && t.first_row == 0 && t.slot != kConstantSlot && models::has_binary_point(t.format);
    if (own && !slots.insert(t.slot).second) return true;
  }
  return false;
}

void begin_to_write(const Lowering& low, ProgramKind kind, std::size_t operations) {
  low.watch().begin(std::string("writing the program ") + name(kind), static_cast<std::int64_t>(operations));
}

// Every core finds its points on the same images, which are in no average yet.
bool calibrates(const Op& op) {
  return op.kind != OpKind::kExchange && op.kind != OpKind::kBatchNormAverages;
}

std::vector<int> moment_slots(const Graph& g, const Op& update) {
  std::vector<int> slots;
  for (const int t : update_tensors(g, update).moments) slots.push_back(g.tensor(t).slot);
  return slots;
}

void choose_points(Lowering& low, const std::set<int>& slots) {
  for (const int s : slots) {
    low.optimise(s);
    low.settle(s);
  }
}

// Where slots are shared: all tensors once more, by the points that there are, which then move together.
void calibrate_together(Lowering& low, Listing& listing) {
  std::set<int> slots;
  for (const Op& op : low.graph().ops) {
    low.watch().done();
    if (!calibrates(op)) continue;
    begin(low, listing, op);
    if (op.kind == OpKind::kUpdate) {
      lower_update(low, op, false);
      for (const int s : moment_slots(low.graph(), op)) slots.insert(s);
    } else {
      lower(low, op, true);
      for (const int s : written_slots(low.graph(), op)) slots.insert(s);
    }
  }
  choose_points(low, slots);
}

// The operations from `first` on that make and use up the parts of one gradient; else one operation.
std::size_t end_of_parts(const Graph& g, std::size_t first) {
  const auto of_a_part = [&](const Op& op) {
    const int gradient = op.kind == OpKind::kUpdate ? update_tensors(g, op).gradient : op.outputs[0];
    return g.tensor(gradient).part_rows > 0;
  };
  std::size_t end = first + 1;
  if (!of_a_part(g.ops[first])) return end;
  const auto together = [&](const Op& op) {
    return op.layer == g.ops[first].layer && (op.kind == OpKind::kUpdate || of_a_part(op));
  };
  while (end < g.ops.size() && together(g.ops[end])) ++end;
  return end;
}

// Of one operation, or of the parts of one gradient: all are seen before its point is chosen, and then made
// again; updates, which are seen once, take them as they are then.
void calibrate(Lowering& low, Listing& listing, const std::vector<Op>& ops) {
  const auto is_update = [](const Op& op) { return op.kind == OpKind::kUpdate; };
  std::set<int> slots, moments;
  for (const Op& op : ops) {
    low.watch().done();
    const std::vector<int> written =
        is_update(op) ? moment_slots(low.graph(), op) : written_slots(low.graph(), op);
    if (calibrates(op)) (is_update(op) ? moments : slots).insert(written.begin(), written.end());
  }
  bool begun = false;
  const auto produce = [&](const Op& op) {
    if (!begun || ops.size() > 1) begin(low, listing, op);
    begun = true;
    lower(low, op, true);
  };
  for (const Op& op : ops) {
    if (!slots.empty() && calibrates(op) && !is_update(op)) produce(op);
  }
  choose_points(low, slots);
  for (const Op& op : ops) {
    if (is_update(op)) {
      begin(low, listing, op);
      lower_update(low, op, false);
    } else if (calibrates(op)) {
      produce(op);
    }
  }
  choose_points(low, moments);
}

// One batch that finds the first binary points: every tensor is produced, its point chosen from what was
// seen, and produced again. Weights do not change. A shared slot comes out of this with a point for the last
// of its tensors; from there it finds one for all.
Listing calibrate_program(Lowering& low) {
  Listing listing;
  const int passes_together = shares_points(low.graph()) ? 2 : 0;
  begin_to_write(low, ProgramKind::kCalibrate,
                 low.graph().ops.size() * static_cast<std::size_t>(1 + passes_together));
  const std::vector<Op>& ops = low.graph().ops;
  for (std::size_t i = 0; i < ops.size();) {
    const std::size_t begin = i;
    i = end_of_parts(low.graph(), i);
    calibrate(
        low, listing,
        {ops.begin() + static_cast<std::ptrdiff_t>(begin), ops.begin() + static_cast<std::ptrdiff_t>(i)});
  }
  for (int pass = 0; pass < passes_together; ++pass) calibrate_together(low, listing);
  low.end(listing);
  return listing;
}

// One training step of all stages.
class Step {
 public:
  Step(Lowerings& stages, const std::vector<Op>& ops, Listing& listing)
      : stages_(stages), ops_(ops), listing_(listing), division_(stages, ops, listing) {
    for (const auto& low : stages) starts_.push_back(low->tensor_cycles());
    exchanges_.resize(stages.size());
    counted_.resize(stages.size());
    for (const Op& op : ops) {
      if (op.kind != OpKind::kUpdate) continue;
      for (const int s : written_slots(stages[static_cast<std::size_t>(op.stage)]->graph(), op))
        ++updates_to_come_[{op.stage, s}];
    }
  }

  void run() {
    const auto last_forward =
        std::find_if(ops_.rbegin(), ops_.rend(), [](const Op& op) { return op.phase == Phase::kForward; });
    const Op* const back = ops_.data() + (ops_.rend() - last_forward);  // from here on, nothing goes forward
    for (const Op& op : ops_) {
      Lowering& low = *stages_[static_cast<std::size_t>(op.stage)];
      low.watch().done();
      if (&op == back) division_.sum_counters(true);
      if (op.kind == OpKind::kGradientNorm) exchange(static_cast<std::size_t>(op.stage));
      if (op.kind == OpKind::kExchange) {
        exchanges_[static_cast<std::size_t>(op.stage)].gradients.push_back({&op, ready_.at(op.layer)});
      } else if (operation(op.kind).lowered_by == LoweredBy::kDivision) {
        choose_points(op.kind == OpKind::kTransfer ? *stages_[static_cast<std::size_t>(op.receiver)] : low,
                      op);
        division_.lower(op);
      } else {
        compute(low, op);
      }
    }
    for (std::size_t s = 0; s < stages_.size(); ++s) exchange(s);
    division_.sum_counters(false);
    division_.pass_counters_on();
  }

 private:
  // What waits for it; the sums go back to HBM where no update has asked for them so far.
  void exchange(std::size_t stage) {
    Exchanges what = std::move(exchanges_[stage]);
    exchanges_[stage] = {};
    for (const auto& [slot, counters] : counted_[stage]) what.counters.push_back(counters);
    lower_exchange(*stages_[stage], what, listing_);
  }

  void compute(Lowering& low, const Op& op) {
    const auto stage = static_cast<std::size_t>(op.stage);
    if (op.kind == OpKind::kUpdate && !exchanges_[stage].gradients.empty()) {
      exchanges_[stage].updates.push_back({&op, written_slots(low.graph(), op)});
      return;
    }
    begin(low, listing_, op);
    choose_points(low, op);
    lower(low, op, true);
    for (const int s : written_slots(low.graph(), op)) {
      if (!same_for_all_images(low.graph().slot(s).kind))
        counted_[stage][s] = {s, &op, low.tensor_cycles() - starts_[stage]};
    }
    if (op.phase == Phase::kWeightGradient) ready_[op.layer] = low.tensor_cycles() - starts_[stage];
    if (op.kind != OpKind::kUpdate) return;
    for (const int s : written_slots(low.graph(), op)) {
      if (--updates_to_come_[{op.stage, s}] == 0) low.settle(s);  // all of its tensors have been rewritten
    }
  }

  // Before the first of a slot's images is written, in every stage that has the slot: all find the same. What
  // the step before has left in these tensors nobody reads any more, but for parameters, which settle after
  // their updates.
  void choose_points(Lowering& low, const Op& op) {
    std::vector<int> slots = written_slots(low.graph(), op);
    if (op.kind == OpKind::kTransfer) slots = {low.graph().tensor(op.inputs[0]).slot};
    const auto has_point = [&](int slot) {
      return models::has_binary_point(low.graph().slot(slot).format) && slot != kConstantSlot;
    };
    for (const int s : slots) {
      if (!has_point(s) || !chosen_.emplace(low.stage(), s).second) continue;
      if (op.kind == OpKind::kTransfer) begin(low, listing_, op);
      low.optimise(s);
      if (op.kind != OpKind::kUpdate) low.settle(s);
    }
  }

  Lowerings& stages_;
  const std::vector<Op>& ops_;
  Listing& listing_;
  Division division_;
  std::vector<std::int64_t> starts_;                    // by stage: of its tensor unit
  std::map<int, std::int64_t> ready_;                   // by layer: when its gradients are there
  std::vector<Exchanges> exchanges_;                    // by stage
  std::vector<std::map<int, CountersReady>> counted_;   // by stage, slot
  std::set<std::pair<int, int>> chosen_;                // stage, slot
  std::map<std::pair<int, int>, int> updates_to_come_;  // of a stage and slot
};

// Of the encoded program of a core.
std::int64_t words_of(const Listing& listing) {
  std::int64_t words = 0;
  for (const isa::Instruction& i : listing.program) words += isa::info(i).words;
  return words;
}

Listing exchange_program(Lowering& low) {
  Listing listing;
  Exchanges what;
  for (const Op& op : low.graph().ops) {
    if (op.kind == OpKind::kExchange) what.gradients.push_back({&op, 0});
  }
  lower_exchange(low, what, listing);
  low.end(listing);
  return listing;
}

Listing step_program(Lowerings& stages, const std::vector<Op>& ops, int steps) {
  Listing listing;
  begin_to_write(*stages.front(), ProgramKind::kStep, ops.size() * static_cast<std::size_t>(steps));
  for (int s = 0; s < steps; ++s) Step(stages, ops, listing).run();
  for (const auto& low : stages) low->end(listing);
  return listing;
}

// Inference: no gradients, no statistics, so that test data moves no binary point.
Listing evaluate_program(Lowering& low) {
  Listing listing;
  begin_to_write(low, ProgramKind::kEvaluate, low.graph().ops.size());
  for (const Op& op : low.graph().ops) {
    low.watch().done();
    if (op.phase != Phase::kForward) continue;
    begin(low, listing, op, false);
    lower(low, op, false);
  }
  low.end(listing);
  return listing;
}

std::vector<Listing> initialize_programs(Lowering& low, const std::vector<InitialPiece>& pieces) {
  std::size_t steps = 0;
  for (const InitialPiece& piece : pieces) steps += piece.steps.size();
  begin_to_write(low, ProgramKind::kInitialize, steps);
  std::vector<Listing> listings;
  for (const InitialPiece& piece : pieces) {
    Listing& listing = listings.emplace_back();
    for (const InitialStep& step : piece.steps) {
      low.watch().done();
      lower_initialize(low, piece, step, listing);
    }
    low.end(listing);
  }
  return listings;
}

}  // namespace

// The largest number for which a countdown is needed: of classes and of taps that are pooled.
Constants plan_constants(const Graph& g) {
  Constants k;
  k.countdown = g.network.classes();
  for (const Layer& l : g.network.layers) {
    if (l.kind == LayerKind::kMaxPool) k.countdown = std::max(k.countdown, l.y.kernel * l.x.kernel - 1);
  }
  k.end_line = k.countdown_line + ceil_div(k.countdown + 1, g.chip.lanes);
  return k;
}

Lowered lower_all(const Graph& whole, const std::vector<InitialPiece>& initial,
                  const std::optional<Partition>& parts, const Constants& constants, bool two_steps,
                  models::Watch watch) {
  Lowered l;
  Lowerings all, stages;
  all.push_back(std::make_unique<Lowering>(whole, constants, l.tables, 0, watch));
  Lowering& low = *all.front();
  l.programs[ProgramKind::kInitialize] = initialize_programs(low, initial);
  l.programs[ProgramKind::kCalibrate] = {calibrate_program(low)};
  if (parts) {
    for (const Graph& stage : parts->stages)
      stages.push_back(
          std::make_unique<Lowering>(stage, constants, l.tables, static_cast<int>(stages.size()), watch));
    l.programs[ProgramKind::kStep] = {step_program(stages, parts->ops, 1)};
  } else {
    l.programs[ProgramKind::kStep] = {step_program(all, whole.ops, 1)};
  }
  const bool exchanges = !parts && whole.system.data_cores() > 1;
  if (two_steps || (exchanges && whole.system.exchange.hide_in_forward))
    l.two_steps = step_program(all, whole.ops, 2);
  if (exchanges) l.exchange = exchange_program(low);
  l.programs[ProgramKind::kEvaluate] = {evaluate_program(low)};
  return l;
}

Scheduled schedule_all(Lowered lowered, std::int64_t lanes, const CompileOptions& options) {
  Scheduled s;
  const auto scheduled = [&](const std::string& title, Listing& listing) {
    options.watch.begin("scheduling the program " + title, units_of_schedule(listing));
    std::vector<SharedListing> stages;
    for (Listing& stage : schedule(std::move(listing), lanes, options.watch))
      stages.push_back(std::make_shared<const Listing>(std::move(stage)));
    return stages;
  };
  for (const ProgramKind kind : kProgramKinds) {
    for (Listing& listing : lowered.programs[kind]) {
      std::int64_t words = 0;
      if (!options.step_only || kind == ProgramKind::kStep) {
        const std::vector<SharedListing> stages = scheduled(name(kind), listing);
        words = words_of(*stages.front());
        s.programs[kind].insert(s.programs[kind].end(), stages.begin(), stages.end());
      } else {
        words = words_of(listing);
      }
      s.longest_program_words = std::max(s.longest_program_words, words);
      listing = {};
    }
  }
  const auto alone = [&](Listing& listing) {
    return listing.program.empty() ? nullptr : scheduled("of exchanges", listing).front();
  };
  s.two_steps = alone(lowered.two_steps);
  s.exchange = alone(lowered.exchange);
  s.tables = std::move(lowered.tables);
  return s;
}

}  // namespace anzan::compiler
