// Gradients are summed over the cores segment by segment: loaded from HBM and summed in the scratchpads,
// where the updates read the sums. Several segments are under way at once, on different ways. Counters of
// slots are segments, too: taken out of the statistics database, and given back summed.
#include "compiler/parallel/exchange.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

#include "compiler/collective/sum_over_cores.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/lowering/update.hpp"
#include "compiler/parallel/exchange_choice.hpp"
#include "compiler/parallel/exchange_plan.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

struct LastPut {
  std::int32_t number = -1;
  std::int64_t lag_cycles = 0;
};

// Integers of one segment have one slot. It has parts of tensors, or counters of slots.
struct Segment {
  std::int64_t ready = 0;  // cycle
  int need = 0;            // the lowest first
  std::string layer;
  isa::Format format = isa::Format::kFp32;
  int slot = 0;
  struct Part {
    int tensor;
    Range lines;  // of the tensor
  };
  std::vector<Part> tensors;
  std::vector<int> counters;       // slots
  std::int64_t counter_lines = 0;  // of each
  std::size_t way = 0;
  std::int64_t place = 0;
  std::vector<Round::Part> parts;  // while it is under way
  LastPut last_put;
  std::int64_t size() const {
    std::int64_t n = static_cast<std::int64_t>(counters.size()) * counter_lines;
    for (const Part& p : tensors) n += p.lines.size();
    return n;
  }
};

class Exchange {
 public:
  Exchange(Lowering& low, const Exchanges& what, Listing& listing)
      : low_(low),
        what_(what),
        updates_(what.updates),
        p_(low.graph().system.exchange),
        ways_(ways(p_)),
        semaphores_(ArrivalSemaphores::of(ways_, p_.semaphores)),
        cores_(std::accumulate(p_.dimensions.begin(), p_.dimensions.end(), 1, std::multiplies<>())) {
    low_.begin({&listing, {"exchange", "exchange"}, Area::kExchange});
    begin_ = listing.take_orders(1);
    const std::int64_t area = low_.room().area;
    const std::int64_t most = most_segment_lines(area, cores_);
    // at least a channel group, and the counters of one slot
    const std::int64_t counters = what.counters.empty() ? 0 : models::counter_lines(low_.lanes());
    const std::int64_t least = round_up(std::max(kChannelAlignment, counters), cores_);
    if (most < least)
      throw low_.too_small(2 * least,
                           "the exchange between " + std::to_string(cores_) + " cores, in an eighth of it",
                           &ScratchpadShares::exchange);
    const std::int64_t wanted =
        std::max(least, round_up(p_.segment_bytes / line_bytes(low_.graph().chip), cores_));
    const ExchangePlaces places = exchange_places(area, cores_, wanted, p_.pipelined);
    segment_lines_ = places.lines;
    under_way_ = places.count;
    places_ = listing.take_orders(under_way_);
    low_.take_scratchpad(2 * segment_lines_ * under_way_);
    for (std::int64_t k = 0; k < 2 * under_way_; ++k) buffers_.push_back(low_.allocate(segment_lines_));
  }

  void run() {
    for (const GradientReady& r : what_.gradients) cut(r);
    cut(what_.counters);
    if (!p_.hide_in_backward) low_.all_before(ordered(begin_, false));
    for (const UpdateBySums& u : updates_) {
      begin_update(u);
      for (const int slot : u.slots) low_.optimise(slot);
    }
    std::vector<SegmentPlan> plans;
    for (Segment& s : segments_) {
      s.way = p_.pipelined ? next_way(s.size()) : 0;
      plans.push_back({p_.hide_in_backward ? s.ready : 0, s.need, tasks(s)});
    }
    for (const PlannedTask& t : plan_exchange(plans, static_cast<std::size_t>(under_way_))) emit(t);
    for (const UpdateBySums& u : updates_) {
      begin_update(u);
      for (const int slot : u.slots) low_.settle(slot);  // the whole tensor has been rewritten
    }
  }

 private:
  void cut(const GradientReady& ready) {
    const Graph& g = low_.graph();
    const std::size_t first = segments_.size();
    for (const int t : ready.op->inputs) {
      const TensorInfo& tensor = g.tensor(t);
      for (Range r{0, tensor.lines}; r.size() > 0;) {
        const bool fits = segments_.size() > first && room_in(segments_.back()) > 0 &&
                          segments_.back().format == tensor.format &&
                          (segments_.back().slot == tensor.slot || !models::has_binary_point(tensor.format));
        const Range lines{r.begin, std::min(r.end, r.begin + room_in(fits ? segments_.back() : Segment{}))};
        r.begin = lines.end;
        // an update would not read them, and so nobody would take their arrival
        const std::int64_t rows = models::elements_per_word(tensor.format);
        if (!holds_elements(tensor, {lines.begin * rows, lines.end * rows})) continue;
        if (!fits) {
          Segment& s = segments_.emplace_back();
          s.ready = ready.cycle;
          s.need = ready.op->layer;
          s.layer = g.layer(*ready.op).name;
          s.format = tensor.format;
          s.slot = tensor.slot;
        }
        segments_.back().tensors.push_back({t, lines});
      }
    }
  }

  // Those that are complete first come first, of forward and backward apart: the next step begins with the
  // former.
  void cut(std::vector<CountersReady> counters) {
    std::stable_sort(counters.begin(), counters.end(),
                     [](const CountersReady& a, const CountersReady& b) { return a.cycle < b.cycle; });
    const std::int64_t lines = models::counter_lines(low_.lanes());
    const CountersReady* before = nullptr;
    for (const CountersReady& c : counters) {
      const bool fits = before != nullptr && before->op->phase == c.op->phase &&
                        segments_.back().size() + lines <= segment_lines_;
      Segment& s = fits ? segments_.back() : segments_.emplace_back();
      s.layer = "statistics";
      s.counter_lines = lines;
      s.ready = c.cycle;
      s.counters.push_back(c.slot);
      before = &c;
    }
  }

  // Lines of four rows, whatever the format, so that updates can move whole lines.
  std::int64_t room_in(const Segment& segment) const {
    return (segment_lines_ - segment.size()) / kChannelAlignment * kChannelAlignment;
  }

  // The one after which the busiest link has least to do.
  std::size_t next_way(std::int64_t lines) {
    std::size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    std::vector<std::map<int, double>> after(ways_.size(), sent_);
    for (std::size_t w = 0; w < ways_.size(); ++w) {
      double region = static_cast<double>(lines), most = 0;
      for (const Dimension& d : ways_[w]) {
        double& link = after[w][next(d, 0)];
        link += region * (d.size - 1) / d.size;
        most = std::max(most, link);
        region /= d.size;
      }
      if (most < least) best = w;
      least = std::min(least, most);
    }
    sent_ = std::move(after[best]);
    return best;
  }

  std::vector<Round::Part> sum(const Segment& segment, std::size_t place) const {
    SumBuffer buffer;
    buffer.line = buffers_[2 * place];
    buffer.arrival_line = buffers_[2 * place + 1];
    buffer.lines = round_up(segment.size(), cores_);
    buffer.format = segment.format;
    buffer.slot = segment.slot;
    if (!segment.counters.empty()) buffer.op = isa::VectorOp::kUadd;
    std::vector<Round::Part> parts;
    for (Round& r : sum_over_cores(buffer, ways_[segment.way], semaphores_[segment.way], low_.lanes()))
      std::move(r.parts.begin(), r.parts.end(), std::back_inserter(parts));
    return parts;
  }

  std::vector<ExchangeTask> tasks(const Segment& segment) {
    std::vector<ExchangeTask>& known = tasks_[{segment.size(), segment.way, segment.counters.size()}];
    if (!known.empty()) return known;
    ExchangeTask move{ExchangeTask::kMemory, 0, segment.size() * 5 / 4, 0};
    if (!segment.counters.empty())
      move = {ExchangeTask::kAlone, 0,
              static_cast<std::int64_t>(segment.counters.size()) * models::kGiveCycles, 0};
    known.push_back(move);
    for (const Round::Part& part : sum(segment, 0)) {
      const std::int64_t cycles = models::estimated_cycles(part.instruction);
      ExchangeTask task{ExchangeTask::kAlone, 0, cycles, 0};
      if (const auto* put = std::get_if<isa::Put>(&part.instruction)) {
        const std::int64_t lines = put->loops.back();
        task = {put->core, cycles + lines, p_.link_cycles(lines * line_bytes(low_.graph().chip)),
                p_.expected_latency_cycles};
      }
      known.push_back(task);
    }
    known.push_back(move);
    return known;
  }

  void emit(const PlannedTask& t) {
    Segment& segment = segments_[t.segment];
    segment.place = static_cast<std::int64_t>(t.place);
    low_.begin({segment.layer, "exchange"}, Area::kExchange);
    if (t.task == 0) {
      segment.parts = sum(segment, t.place);
      return segment.counters.empty() ? load(segment, buffers_[2 * t.place])
                                      : take(segment, buffers_[2 * t.place]);
    }
    if (t.task == segment.parts.size() + 1) {
      finish(segment, buffers_[2 * t.place]);
      segment.parts.clear();
      return;
    }
    Round::Part& part = segment.parts[t.task - 1];
    if (part.follows_put) follow(part.exchanged, segment.last_put);
    const bool is_put = std::holds_alternative<isa::Put>(part.instruction);
    const std::int64_t lag = t.finished - t.possible - models::estimated_cycles(part.instruction);
    const std::int32_t number = low_.emit(part.instruction, std::move(part.exchanged));
    if (is_put) segment.last_put = {number, lag};
  }

  static void follow(Exchanged& exchanged, const LastPut& put) {
    exchanged.cause = put.number;
    exchanged.lag_cycles = put.lag_cycles;
  }

  Location in_memory(const Segment::Part& part) const {
    return in_hbm(tensor(part).hbm_line + part.lines.begin);
  }

  void load(const Segment& segment, std::int64_t line) {
    for (const Segment::Part& part : segment.tensors) {
      const isa::Copy c = copying_lines(in_memory(part), in_scratchpad(line), part.lines.size());
      Exchanged e;
      e.touches = accesses(c, low_.lanes());
      if (!p_.hide_in_backward) e.touches.push_back(ordered(begin_));
      e.touches.push_back(ordered(places_ + segment.place, false));
      low_.emit(c, std::move(e));
      line += part.lines.size();
    }
  }

  void take(const Segment& segment, std::int64_t line) {
    for (const int slot : segment.counters) {
      const isa::Take t{0, 0, static_cast<std::uint16_t>(slot), static_cast<std::uint32_t>(line)};
      Exchanged e;
      e.touches = accesses(t, low_.lanes());
      if (!p_.hide_in_backward) e.touches.push_back(ordered(begin_));
      e.touches.push_back(ordered(places_ + segment.place, false));
      low_.emit(t, std::move(e));
      line += segment.counter_lines;
    }
  }

  void finish(Segment& segment, std::int64_t line) {
    if (!segment.counters.empty()) return give(segment, line);
    updates_.empty() ? store(segment, line) : update(segment, line);
  }

  void give(Segment& segment, std::int64_t line) {
    for (const int slot : segment.counters) {
      const isa::Give g{0, 0, static_cast<std::uint16_t>(slot), static_cast<std::uint32_t>(line)};
      low_.emit(g, reader(segment, g));
      line += segment.counter_lines;
    }
  }

  // What an instruction that reads sums needs; the first of a segment takes their arrival.
  Exchanged reader(Segment& segment, const isa::Instruction& instruction) const {
    Exchanged e;
    e.touches = accesses(instruction, low_.lanes());
    e.touches.push_back(taking(semaphores_[segment.way].complete()));
    if (segment.last_put.number < 0) return e;
    e.arrivals = semaphores_[segment.way].complete();
    e.touches.push_back(ordered(places_ + segment.place));
    follow(e, segment.last_put);
    segment.last_put = {};
    return e;
  }

  void store(Segment& segment, std::int64_t line) {
    for (const Segment::Part& part : segment.tensors) {
      const isa::Copy c = copying_lines(in_scratchpad(line), in_memory(part), part.lines.size());
      low_.emit(c, reader(segment, c));
      line += part.lines.size();
    }
  }

  void update(Segment& segment, std::int64_t line) {
    for (const Segment::Part& part : segment.tensors) {
      const auto by = [&](const UpdateBySums& u) { return u.op->inputs.front() == part.tensor; };
      const auto u = std::find_if(updates_.begin(), updates_.end(), by);
      if (u == updates_.end()) throw std::logic_error("exchange: nobody wants the sums of a gradient");
      begin_update(*u);
      const std::int64_t rows = models::elements_per_word(tensor(part).format);
      lower_update(low_, *u->op,
                   {{part.lines.begin * rows, part.lines.end * rows}, line * rows, [&](const isa::Vector& v) {
                      return reader(segment, v);
                    }});
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
  // Of each place: what fills it again follows the arrival of what was there, also in lines that nobody
  // reads.
  std::int64_t places_ = 0;
  std::int64_t segment_lines_ = 0, under_way_ = 1;
  std::vector<std::int64_t> buffers_;  // two for each place: what is summed, and what arrives
  std::vector<Segment> segments_;
  std::map<int, double> sent_;  // lines, over the links to these neighbours of core 0
  // By lines, way, and slots whose counters it has.
  std::map<std::tuple<std::int64_t, std::size_t, std::size_t>, std::vector<ExchangeTask>> tasks_;
};

}  // namespace

void lower_exchange(Lowering& low, const Exchanges& what, Listing& listing) {
  if (!what.gradients.empty()) Exchange(low, what, listing).run();
}

}  // namespace anzan::compiler
