// Buffers and roads have the same lines in every core, all in Lowering::roads().
#include "compiler/parallel/division.hpp"

#include <algorithm>
#include <array>

#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/parallel/counters.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

using Resource = Access::Resource;

constexpr std::int64_t kInTurn = 2;                       // buffers of a kind
constexpr std::int64_t kMostLines = 32768;                // of a message: loop counts have 16 bits
constexpr std::int64_t kFewestLines = kChannelAlignment;  // an aligned run of channels in any format

// The roads of all stages: forward, backward and along the tensor axis. Each has two semaphores.
constexpr std::size_t kForward = 0, kBackward = 1, kTensor = 2;
static_assert(RemoteSemaphores::kRoads == 2 * (kTensor + 1), "arrival and credit");

// The images in pieces of at most `lines` lines; pixels are one axis.
std::vector<Tile> tiles_of(const Image& image, std::int64_t lines) {
  const std::int64_t rows = lines * models::elements_per_word(image.format),
                     channels = align_channels(image.c);
  const std::int64_t per_pixel = image.batch_groups * channels;
  const std::int64_t c = std::min(channels, rows / kChannelAlignment * kChannelAlignment);
  const std::int64_t groups =
      c < channels ? 1 : std::clamp<std::int64_t>(rows / channels, 1, image.batch_groups);
  const std::int64_t pixels = per_pixel <= rows ? rows / per_pixel : 1;
  std::vector<Tile> tiles;
  for (const Range& x : pieces(image.h * image.w, pixels)) {
    for (const Range& bg : pieces(image.batch_groups, groups)) {
      for (const Range& k : pieces(image.c, c)) tiles.push_back(make_tile({0, 1}, x, bg, k, image.format));
    }
  }
  return tiles;
}

// The tile's channels, moved by `by`, between a tensor of more channels in HBM and the tile.
isa::Copy moved(const Image& all, const Tile& t, std::int64_t channels, std::int64_t by, bool store) {
  const Location there = in_hbm(all.row(0, t.x.begin, t.bg.begin, t.c.begin + by)),
                 here = in_scratchpad(t.base_row);
  const Walk x{t.x.size(), all.x_stride(), t.x_stride()}, bg{t.bg.size(), all.pitch, t.bg_stride()};
  if (!store) return only(copying(all.format, there, here, {x, bg, {channels, 1, 1}}));
  return only(copying(all.format, here, there,
                      {{x.count, x.dst, x.src}, {bg.count, bg.dst, bg.src}, {channels, 1, 1}}));
}

// All channels of the tile's pixels and groups in HBM, whichever share of them a core touches.
void touch_all(std::vector<Access>& touches, const Image& all, const Tile& t, bool write) {
  const std::int64_t per_line = models::elements_per_word(all.format);
  for (std::int64_t x = t.x.begin; x < t.x.end; ++x) {
    const Range rows{all.row(0, x, t.bg.begin, 0), all.row(0, x, t.bg.end - 1, all.pitch)};
    const Range lines{rows.begin / per_line, ceil_div(rows.end, per_line)};
    if (!touches.empty() && touches.back().resource == Resource::kHbm && touches.back().end == lines.begin) {
      touches.back().end = lines.end;
    } else {
      touches.push_back({Resource::kHbm, lines.begin, lines.end, write});
    }
  }
}

// The place of the core that is `steps` places behind.
std::int64_t place_behind(const Dimension& axis, int core, int steps) {
  return (axis.coordinate(core) + axis.size - steps % axis.size) % axis.size;
}

}  // namespace

class Division::Roads {
 public:
  Roads(Lowerings& stages, const std::vector<Op>& ops, Listing& listing)
      : stages_(stages),
        listing_(listing),
        system_(stages.front()->graph().system),
        tensor_(system_.mapping.tensor) {
    const bool pipeline = stages.size() > 1, tensor = tensor_.size > 1;
    const std::int64_t buffers =
        (pipeline ? 4 * kInTurn : 0) + (tensor ? kInTurn * (1 + std::int64_t{tensor_.size}) : 0);
    if (buffers == 0) return;  // micro-batches alone send nothing
    std::vector<const Graph*> graphs;
    for (const auto& low : stages) graphs.push_back(&low->graph());
    counted_ = counted_slots(graphs, ops);
    const Range roads = stages.front()->roads();
    lines_ = std::min(kMostLines, (roads.size() - 1) / buffers);
    const std::int64_t fewest = counted_.empty()
                                    ? kFewestLines
                                    : std::max(kFewestLines, models::counter_lines(stages.front()->lanes()));
    if (lines_ < fewest)
      throw stages.front()->too_small(buffers * fewest + 1,
                                      std::to_string(buffers) + " messages between cores in an eighth of it",
                                      &ScratchpadShares::roads);
    next_line_ = roads.begin;
    credit_line_ = roads.end - 1;
    const auto last = static_cast<int>(stages.size()) - 1;
    if (pipeline) make_pipeline(ops, last);
    if (tensor) make_ring(ops, last);
  }

  void lower(const Op& op) {
    Lowering& low = *stages_[static_cast<std::size_t>(op.stage)];
    if (op.kind == OpKind::kTransfer) {
      transfer(low, *stages_[static_cast<std::size_t>(op.receiver)], op);
      return;
    }
    begin(low, op,
          op.kind == OpKind::kGather  ? "gather"
          : op.kind == OpKind::kSlice ? "slice"
                                      : "reduce_scatter");
    const Image in = flat(low.image(op.inputs[0])), out = flat(low.image(op.outputs[0]));
    if (op.kind == OpKind::kGather) {
      for (const Tile& t : tiles_of(in, lines_)) gather(low, in, out, t);
    } else {
      for (const Tile& t : tiles_of(out, lines_))
        op.kind == OpKind::kSlice ? slice(low, in, out, t) : reduce_scatter(low, in, out, t);
    }
  }

  void sum_counters(bool forward) {
    if (tensor_.size == 1) return;
    for (const auto& low : stages_) {
      for (const std::vector<int>& slots : summed(low->stage(), forward)) {
        begin_counters(*low);
        compiler::sum_counters(*low, slots, ring(*low), work_line(*low));
      }
    }
  }

  // In an order in which counters that go far have arrived before they go on.
  void pass_counters_on() {
    const auto last = static_cast<int>(stages_.size()) - 1;
    for (int s = 0; s < last; ++s) pass_counters(s, s + 1);
    for (int s = last; s > 0; --s) pass_counters(s, s - 1);
  }

 private:
  Buffers take(std::int64_t count, std::int64_t lines) {
    const Buffers b{next_line_, lines, count};
    next_line_ += count * lines;
    return b;
  }

  // Messages of the program over one road.
  template <class Counts>
  std::int64_t messages(const std::vector<Op>& ops, const Counts& counts) const {
    std::int64_t n = 0;
    for (const Op& op : ops) {
      if (!counts(op)) continue;
      const Lowering& low = *stages_[static_cast<std::size_t>(op.stage)];
      const int shares = op.kind == OpKind::kReduceScatter ? op.outputs[0] : op.inputs[0];
      n += static_cast<std::int64_t>(tiles_of(flat(low.image(shares, groups(op))), lines_).size());
    }
    return n;
  }

  std::vector<std::vector<int>> summed(int stage, bool forward) const {
    return counter_messages(summed_slots(counted_, stage, forward), lines_, stages_.front()->lanes());
  }
  std::vector<std::vector<int>> passed(int from, int to) const {
    return counter_messages(passed_slots(counted_, from, to), lines_, stages_.front()->lanes());
  }

  static Range groups(const Op& op) { return {op.first_group, op.first_group + op.groups}; }

  // `number`: of the roads above, the same in all stages.
  Road::Parameters road(const Dimension& axis, int distance, std::size_t number) {
    Road::Parameters p;
    p.axis = axis;
    p.distance = distance;
    p.arrival = remote_semaphore(system_.semaphores().exchange + 2 * number);
    p.credit = remote_semaphore(system_.semaphores().exchange + 2 * number + 1);
    p.landing = take(kInTurn, lines_);
    p.first_order = listing_.take_orders(p.landing.count);
    p.credit_line = credit_line_;
    return p;
  }

  void make_pipeline(const std::vector<Op>& ops, int last) {
    for (const std::size_t direction : {kForward, kBackward}) {
      const int distance = direction == kForward ? 1 : -1;
      const Road::Parameters parameters = road(system_.mapping.pipeline, distance, direction);
      outgoing_[direction] = take(kInTurn, lines_);
      for (int s = 0; s <= last; ++s) {
        const auto counts = [&](const Op& op) {
          return op.kind == OpKind::kTransfer && op.stage == s && op.receiver == s + distance;
        };
        const std::size_t of_counters =
            s + distance < 0 || s + distance > last ? 0 : passed(s, s + distance).size();
        pipeline_[direction].emplace_back(
            parameters, messages(ops, counts) + static_cast<std::int64_t>(of_counters), system_.exchange);
      }
      sent_[direction].assign(static_cast<std::size_t>(last) + 1, 0);
    }
  }

  void make_ring(const std::vector<Op>& ops, int last) {
    const Road::Parameters parameters = road(tensor_, 1, kTensor);
    work_ = take(kInTurn, lines_ * tensor_.size);
    for (int s = 0; s <= last; ++s) {
      const auto counts = [&](const Op& op) {
        return op.stage == s && (op.kind == OpKind::kGather || op.kind == OpKind::kReduceScatter);
      };
      const std::size_t of_counters = summed(s, true).size() + summed(s, false).size();
      ring_.emplace_back(
          parameters, (messages(ops, counts) + static_cast<std::int64_t>(of_counters)) * (tensor_.size - 1),
          system_.exchange);
    }
    worked_.assign(static_cast<std::size_t>(last) + 1, 0);
  }

  void begin(Lowering& low, const Op& op, const char* phase) const {
    const std::string& layer = low.graph().layer(op).name;
    low.begin({&listing_, {layer, phase}, Area::kExchange, groups(op)});
  }

  void begin_counters(Lowering& low) const {
    low.begin({&listing_, {"statistics", "exchange"}, Area::kExchange});
  }

  void pass_counters(int from, int to) {
    const std::size_t direction = to > from ? kForward : kBackward;
    const auto stage = static_cast<std::size_t>(from);
    Lowering &sender = *stages_[stage], &receiver = *stages_[static_cast<std::size_t>(to)];
    for (const std::vector<int>& slots : passed(from, to)) {
      begin_counters(sender);
      begin_counters(receiver);
      compiler::pass_counters(sender, receiver, slots, pipeline_[direction][stage],
                              outgoing_[direction].line_of(sent_[direction][stage]++));
    }
  }

  void transfer(Lowering& from, Lowering& to, const Op& op) {
    const std::size_t direction = op.receiver > op.stage ? kForward : kBackward;
    const auto stage = static_cast<std::size_t>(op.stage);
    Road& road = pipeline_[direction][stage];
    begin(from, op, "send");
    begin(to, op, "receive");
    const Image here = flat(from.image(op.inputs[0])), there = flat(to.image(op.outputs[0]));
    for (const Tile& t : tiles_of(here, lines_)) {
      const std::int64_t line = outgoing_[direction].line_of(sent_[direction][stage]++);
      from.load(here, placed(t, line));
      road.put(
          from, [line](int) { return line; }, {line, line + t.lines()}, t.lines());
      const isa::Copy store = only(storing(there, placed(t, road.landing_line()), t.c));
      Exchanged e;
      e.touches = accesses(store, to.lanes());
      road.take(to, store, std::move(e));
      road.release(to);
    }
  }

  std::int64_t work_line(const Lowering& low) {
    return work_.line_of(worked_[static_cast<std::size_t>(low.stage())]++);
  }
  Road& ring(const Lowering& low) { return ring_[static_cast<std::size_t>(low.stage())]; }

  void gather(Lowering& low, const Image& share, const Image& all, const Tile& t) {
    const std::int64_t own = work_line(low);
    low.load(share, placed(t, own));
    // What is at `line` is the share of the core `steps` places behind.
    const auto store = [&, channels = std::min(t.c.end, share.c) - t.c.begin](std::int64_t line, int steps) {
      Exchanged e;
      e.in_core = [all, t, line, steps, channels, of = share.c, axis = tensor_](int core) {
        const std::int64_t by = place_behind(axis, core, steps) * of;
        return isa::Instruction(moved(all, placed(t, line), channels, by, true));
      };
      e.touches.push_back(touching(line, t.lines(), false));
      touch_all(e.touches, all, t, true);
      return e;
    };
    low.emit(store(own, 0));
    ring(low).put(
        low, [own](int) { return own; }, {own, own + t.lines()}, t.lines());
    for (int r = 1; r < tensor_.size; ++r) {
      Exchanged e = store(ring(low).landing_line(), r);
      if (r + 1 < tensor_.size) {  // on it goes, so that the others wait less
        ring(low).forward(low, t.lines());
        low.emit(std::move(e));
      } else {
        ring(low).take(low, std::move(e));
      }
      ring(low).release(low);
    }
  }

  void reduce_scatter(Lowering& low, const Image& all, const Image& share, const Tile& t) {
    const std::int64_t work = work_line(low), lines = t.lines(), size = tensor_.size;
    const std::int64_t channels = std::min(t.c.end, share.c) - t.c.begin;
    for (std::int64_t j = 0; j < size; ++j)
      low.emit(moved(all, placed(t, work + j * lines), channels, j * share.c, false));
    for (int r = 0; r + 1 < size; ++r) {
      ring(low).put(
          low, [=, axis = tensor_](int core) { return work + place_behind(axis, core, r + 1) * lines; },
          {work, work + size * lines}, lines);
      const std::int64_t landing = ring(low).landing_line();
      Exchanged e;
      e.in_core = [=, axis = tensor_, what = Summed{all.format, all.slot, low.lanes()}](int core) {
        const std::int64_t to = work + place_behind(axis, core, r + 2) * lines;
        return isa::Instruction(adding_lines(to, landing, lines, what));
      };
      e.touches = {touching(landing, lines, false), touching(work, size * lines, true),
                   reading_slot(all.slot), writing_slot(all.slot)};
      ring(low).take(low, std::move(e));
      ring(low).release(low);
    }
    const isa::Copy as_first = only(storing(share, placed(t, work), t.c));
    Exchanged e;
    e.in_core = [=, axis = tensor_](int core) {
      const std::int64_t line = work + axis.coordinate(core) * lines;
      return isa::Instruction(only(storing(share, placed(t, line), t.c)));
    };
    e.touches = accesses(as_first, low.lanes());
    e.touches.push_back(touching(work, size * lines, false));
    low.emit(as_first, std::move(e));
  }

  void slice(Lowering& low, const Image& all, const Image& share, const Tile& t) {
    const std::int64_t line = work_line(low), channels = std::min(t.c.end, share.c) - t.c.begin;
    Exchanged e;
    e.in_core = [all, t, line, channels, of = share.c, axis = tensor_](int core) {
      return isa::Instruction(moved(all, placed(t, line), channels, axis.coordinate(core) * of, false));
    };
    e.touches.push_back(touching(line, t.lines(), true));
    touch_all(e.touches, all, t, false);
    low.emit(std::move(e));
    low.store(share, placed(t, line), t.c);
  }

  Lowerings& stages_;
  Listing& listing_;
  const SystemParameters& system_;
  Dimension tensor_;
  std::vector<CountedSlot> counted_;  // where cores have parts of the network
  std::int64_t lines_ = 0, next_line_ = 0, credit_line_ = 0;
  // forward and backward, by the stage that sends
  std::array<Buffers, 2> outgoing_;
  std::array<std::vector<std::int64_t>, 2> sent_;
  std::array<std::vector<Road>, 2> pipeline_;
  std::vector<Road> ring_;
  Buffers work_;
  std::vector<std::int64_t> worked_;
};

Division::Division(Lowerings& stages, const std::vector<Op>& ops, Listing& listing)
    : roads_(std::make_unique<Roads>(stages, ops, listing)) {}
Division::~Division() = default;

void Division::lower(const Op& op) { roads_->lower(op); }
void Division::sum_counters(bool forward) { roads_->sum_counters(forward); }
void Division::pass_counters_on() { roads_->pass_counters_on(); }

}  // namespace anzan::compiler
