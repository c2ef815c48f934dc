// Gradients are summed over the cores segment by segment: loaded from HBM and summed in the scratchpads,
// where the updates read the sums. Segments that stream are there only chunk by chunk, and their sums go back
// to HBM. Several segments are under way at once, on different ways. Counters of slots are segments, too:
// taken out of the statistics database, and given back summed.
#include "compiler/parallel/exchange.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <tuple>

#include "compiler/collective/plan.hpp"
#include "compiler/collective/streams.hpp"
#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/lowering/update.hpp"
#include "compiler/parallel/exchange_choice.hpp"
#include "compiler/parallel/segments.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

constexpr std::size_t kWhole = 0, kStreams = 1;  // kinds of places

// What of a segment has been emitted while it is under way.
struct Cause {
  std::int32_t number = -1;
  std::int64_t lag_cycles = 0;
};
struct UnderWay {
  std::vector<SegmentPart> parts;
  std::vector<Cause> emitted;  // of each part
  Cause last_put;              // whose arrival nobody has taken
  std::int64_t line = 0;       // of its place
  std::int64_t order = 0;      // of its place
};

class Exchange {
 public:
  Exchange(Lowering& low, const Exchanges& what, Listing& listing)
      : low_(low),
        what_(what),
        updates_(what.updates),
        p_(low.graph().system.exchange),
        ways_(long_ways(p_)),
        semaphores_(ArrivalSemaphores::of(ways_, p_.semaphores)),
        cores_(std::accumulate(p_.dimensions.begin(), p_.dimensions.end(), 1, std::multiplies<>())) {
    low_.begin({&listing, {"exchange", "exchange"}, Area::kExchange});
    begin_ = listing.take_orders(1);
    const std::int64_t area = low_.room().area;
    // at least a channel group, and the counters of one slot
    const std::int64_t counters = what.counters.empty() ? 0 : models::counter_lines(low_.lanes());
    const ExchangeRoom room{area, line_bytes(low_.graph().chip), std::max(kChannelAlignment, counters)};
    const std::int64_t least = round_up(room.least_lines, cores_);
    if (most_segment_lines(area, cores_) < least)
      throw low_.too_small(2 * least,
                           "the exchange between " + std::to_string(cores_) + " cores, in an eighth of it",
                           &ScratchpadShares::exchange);
    sizes_ = exchange_places(p_, room);
    if (sizes_.streams > 0 && stream_semaphores(ways_) > p_.semaphores)
      throw std::invalid_argument("exchange: what streams needs " + std::to_string(stream_semaphores(ways_)) +
                                  " semaphores, found " + std::to_string(p_.semaphores));
    orders_ = listing.take_orders(sizes_.count);
    const std::int64_t wholes = 2 * sizes_.lines * sizes_.count,
                       streams = sizes_.streams > 0 ? sizes_.stream_lines * sizes_.streams + 1 : 0;
    low_.take_scratchpad(wholes + streams);
    wholes_ = low_.allocate(wholes);
    if (streams > 0) streams_ = low_.allocate(streams);
  }

  void run() {
    segments_ = cut_segments(low_.graph(), what_, sizes_, cores_);
    if (p_.pipelined) spread_over_ways(segments_, ways_);
    if (!p_.hide_in_backward) low_.all_before(ordered(begin_, false));
    for (const UpdateBySums& u : updates_) {
      begin_update(u);
      for (const int slot : u.slots) low_.optimise(slot);
    }
    std::vector<SegmentPlan> plans;
    for (const Segment& s : segments_)
      plans.push_back({p_.hide_in_backward ? s.ready : 0, s.need, s.streams ? kStreams : kWhole, tasks(s)});
    under_way_.resize(segments_.size());
    for (const PlannedTask& t : plan_segments(
             plans, {static_cast<std::size_t>(sizes_.count), static_cast<std::size_t>(sizes_.streams)},
             p_.buffer_packets))
      emit(t);
    for (const UpdateBySums& u : updates_) {
      begin_update(u);
      for (const int slot : u.slots) low_.settle(slot);  // the whole tensor has been rewritten
    }
  }

 private:
  static std::vector<Way> long_ways(const ExchangeParameters& p) {
    std::vector<Way> result = ways(p);
    for (Way& way : result) way = long_only(way);
    return result;
  }

  std::vector<SegmentPart> parts(const Segment& segment, std::int64_t line) const {
    return segment.streams ? stream_parts(stream(segment, line)) : sum(segment, line);
  }

  std::vector<SegmentPart> sum(const Segment& segment, std::int64_t line) const {
    SumBuffer buffer;
    buffer.line = line;
    buffer.arrival_line = line + sizes_.lines;
    buffer.lines = round_up(segment.size(), cores_);
    buffer.format = segment.format;
    buffer.slot = segment.slot;
    if (!segment.counters.empty()) buffer.op = isa::VectorOp::kUadd;
    return one_by_one(sum_over_cores(buffer, ways_[segment.way], semaphores_[segment.way], low_.lanes()));
  }

  // No core knows that the others have read what came before, of another exchange perhaps: so its place is
  // never fresh.
  Stream stream(const Segment& segment, std::int64_t line) const {
    Stream s;
    s.way = ways_[segment.way];
    s.semaphores = &semaphores_[segment.way];
    s.credit = credit_semaphore(ways_, s.way.front());
    s.chunk = segment.size() / s.way.front().size;
    s.line = line;
    s.spacing = sizes_.stream_lines / stream_chunks(s.way);
    s.free_line = streams_ + sizes_.stream_lines * sizes_.streams;
    s.what = {segment.format, segment.slot, low_.lanes()};
    s.in_memory = [ring = s.way.front(), chunk = s.chunk, first = in_memory(segment.tensors.front()).first](
                      int core, std::int64_t offset) {
      return first + ring_position(ring, core, offset) * chunk;
    };
    s.levels = {{s.chunk, 1, 1}};
    return s;
  }

  // Of the plan; beside the parts what loads a whole segment, and what reads its sums.
  std::shared_ptr<const std::vector<PlanTask>> tasks(const Segment& segment) {
    auto& known = tasks_[{segment.size(), segment.way, segment.counters.size(), segment.streams}];
    if (known) return known;
    const std::int64_t bytes = line_bytes(low_.graph().chip);
    std::vector<PlanTask> tasks = segment_tasks(parts(segment, 0), p_, bytes);
    if (segment.streams) {
      std::vector<std::size_t> all(tasks.size());
      std::iota(all.begin(), all.end(), std::size_t{0});
      tasks.emplace_back().after = std::move(all);
    } else {
      PlanTask move{PlanTask::kMemory, 0, segment.size() * 5 / 4};
      if (!segment.counters.empty())
        move = {PlanTask::kAlone, 0,
                static_cast<std::int64_t>(segment.counters.size()) * models::kGiveCycles};
      for (PlanTask& t : tasks) {
        for (std::size_t& earlier : t.after) ++earlier;
        if (t.after.empty()) t.after.push_back(0);
      }
      tasks.insert(tasks.begin(), move);
      move.after = {tasks.size() - 1};
      tasks.push_back(move);
    }
    return known = std::make_shared<const std::vector<PlanTask>>(std::move(tasks));
  }

  void emit(const PlannedTask& t) {
    const Segment& segment = segments_[t.segment];
    UnderWay& u = under_way_[t.segment];
    const auto place = static_cast<std::int64_t>(t.place);
    if (u.parts.empty()) {
      u.line = segment.streams ? streams_ + place * sizes_.stream_lines : wholes_ + 2 * place * sizes_.lines;
      u.order = orders_ + place;
      u.parts = parts(segment, u.line);
      u.emitted.resize(u.parts.size());
    }
    low_.begin({segment.layer, "exchange"}, Area::kExchange);
    std::size_t number = t.task;
    if (!segment.streams && number-- == 0)
      return segment.counters.empty() ? load(segment, u) : take(segment, u);
    if (number < u.parts.size()) return emit(segment, u, number, t);
    finish(segment, u);
    u = {};
  }

  void emit(const Segment& segment, UnderWay& u, std::size_t number, const PlannedTask& t) {
    SegmentPart& part = u.parts[number];
    if (part.cause != kNoTask) follow(part.exchanged, u.emitted[part.cause]);
    const auto* const copy = std::get_if<isa::Copy>(&part.instruction);
    if (copy != nullptr)
      touch_memory(segment.tensors.front(), copy->src_space == isa::Space::kHbm, part.exchanged);
    const bool is_put = std::holds_alternative<isa::Put>(part.instruction);
    const std::int64_t lag = t.finished - t.possible - models::estimated_cycles(part.instruction);
    u.emitted[number] = {low_.emit(std::move(part.instruction), std::move(part.exchanged)), lag};
    if (is_put) u.last_put = u.emitted[number];
  }

  // Of what streams, any core any chunk.
  void touch_memory(const Segment::Part& part, bool load, Exchanged& exchanged) const {
    const std::int64_t first = in_memory(part).first;
    exchanged.touches.push_back({Access::Resource::kHbm, first, first + part.lines.size(), !load});
    if (load && !p_.hide_in_backward) exchanged.touches.push_back(ordered(begin_));
  }

  static void follow(Exchanged& exchanged, const Cause& put) {
    exchanged.cause = put.number;
    exchanged.lag_cycles = put.lag_cycles;
  }

  Location in_memory(const Segment::Part& part) const {
    return in_hbm(tensor(part).hbm_line + part.lines.begin);
  }

  void load(const Segment& segment, const UnderWay& u) {
    std::int64_t line = u.line;
    for (const Segment::Part& part : segment.tensors) {
      const isa::Copy c = copying_lines(in_memory(part), in_scratchpad(line), part.lines.size());
      Exchanged e;
      e.touches = accesses(c, low_.lanes());
      if (!p_.hide_in_backward) e.touches.push_back(ordered(begin_));
      e.touches.push_back(ordered(u.order, false));
      low_.emit(c, std::move(e));
      line += part.lines.size();
    }
  }

  void take(const Segment& segment, const UnderWay& u) {
    std::int64_t line = u.line;
    for (const int slot : segment.counters) {
      const isa::Take t{0, 0, static_cast<std::uint16_t>(slot), static_cast<std::uint32_t>(line)};
      Exchanged e;
      e.touches = accesses(t, low_.lanes());
      if (!p_.hide_in_backward) e.touches.push_back(ordered(begin_));
      e.touches.push_back(ordered(u.order, false));
      low_.emit(t, std::move(e));
      line += segment.counter_lines;
    }
  }

  void finish(const Segment& segment, UnderWay& u) {
    if (!segment.counters.empty()) return give(segment, u);
    if (!updates_.empty()) return update(segment, u);
    if (!segment.streams) store(segment, u);
  }

  void give(const Segment& segment, UnderWay& u) {
    std::int64_t line = u.line;
    for (const int slot : segment.counters) {
      const isa::Give g{0, 0, static_cast<std::uint16_t>(slot), static_cast<std::uint32_t>(line)};
      low_.emit(g, reader(segment, u, g));
      line += segment.counter_lines;
    }
  }

  // What an instruction that reads sums needs; the first of a segment takes their arrival.
  Exchanged reader(const Segment& segment, UnderWay& u, const isa::Instruction& instruction) const {
    Exchanged e;
    e.touches = accesses(instruction, low_.lanes());
    e.touches.push_back(taking(semaphores_[segment.way].complete()));
    if (u.last_put.number < 0) return e;
    e.arrivals = semaphores_[segment.way].complete();
    e.touches.push_back(ordered(u.order));
    follow(e, u.last_put);
    u.last_put = {};
    return e;
  }

  void store(const Segment& segment, UnderWay& u) {
    std::int64_t line = u.line;
    for (const Segment::Part& part : segment.tensors) {
      const isa::Copy c = copying_lines(in_scratchpad(line), in_memory(part), part.lines.size());
      low_.emit(c, reader(segment, u, c));
      line += part.lines.size();
    }
  }

  // By the sums in the scratchpad, or, of what has streamed, in HBM.
  void update(const Segment& segment, UnderWay& under_way) {
    std::int64_t line = under_way.line;
    for (const Segment::Part& part : segment.tensors) {
      const auto by = [&](const UpdateBySums& u) { return u.op->inputs.front() == part.tensor; };
      const auto u = std::find_if(updates_.begin(), updates_.end(), by);
      if (u == updates_.end()) throw std::logic_error("exchange: nobody wants the sums of a gradient");
      begin_update(*u);
      const std::int64_t rows = models::elements_per_word(tensor(part).format);
      GradientRows sums{{part.lines.begin * rows, part.lines.end * rows}, line * rows, {}};
      if (!segment.streams) sums.reader = [&](const isa::Vector& v) { return reader(segment, under_way, v); };
      lower_update(low_, *u->op, sums);
      line += part.lines.size();
    }
  }

  void begin_update(const UpdateBySums& u) {
    low_.begin({low_.graph().layer(*u.op).name, "update"}, Area::kUpdate);
  }

  const TensorInfo& tensor(const Segment::Part& part) const { return low_.graph().tensor(part.tensor); }

  Lowering& low_;
  const Exchanges& what_;
  const std::vector<UpdateBySums>& updates_;
  const ExchangeParameters& p_;
  std::vector<Way> ways_;
  std::vector<ArrivalSemaphores> semaphores_;  // of each way
  std::int64_t cores_;                         // that exchange
  // An order of this exchange's own: its loads follow all that has been emitted, but what comes after it need
  // not wait for them.
  std::int64_t begin_ = 0;
  // Of each place of a whole segment: what fills it again follows the arrival of what was there, also in
  // lines that nobody reads.
  std::int64_t orders_ = 0;
  ExchangePlaces sizes_;
  // Lines: two segments for each place, what is summed and what arrives; and what streams has there.
  std::int64_t wholes_ = 0, streams_ = 0;
  std::vector<Segment> segments_;
  std::vector<UnderWay> under_way_;  // of each segment
  // By lines, way, slots whose counters it has, and whether it streams.
  std::map<std::tuple<std::int64_t, std::size_t, std::size_t, bool>,
           std::shared_ptr<const std::vector<PlanTask>>>
      tasks_;
};

}  // namespace

void lower_exchange(Lowering& low, const Exchanges& what, Listing& listing) {
  if (!what.gradients.empty()) Exchange(low, what, listing).run();
}

}  // namespace anzan::compiler
