// Gradients are summed over the cores segment by segment: loaded from HBM, summed in the scratchpads, stored
// again. Several segments are under way at once, each some rounds behind the one before.
#include "compiler/exchange.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "compiler/collective.hpp"
#include "compiler/input_error.hpp"
#include "models/timing.hpp"

namespace anzan::compiler {
namespace {

constexpr std::int64_t kMostUnderWay = 32;

// Integers of one segment have one slot.
struct Segment {
  std::string layer;
  isa::Format format = isa::Format::kFp32;
  int slot = 0;
  std::vector<Range> lines;  // in HBM
  std::int64_t size() const {
    std::int64_t n = 0;
    for (const Range& r : lines) n += r.size();
    return n;
  }
};

class Exchange {
 public:
  explicit Exchange(Lowering& low)
      : low_(low),
        p_(low.graph().system.exchange),
        ways_(ways(p_)),
        semaphores_(ArrivalSemaphores::of(ways_)),
        cores_(std::accumulate(p_.dimensions.begin(), p_.dimensions.end(), 1, std::multiplies<>())) {
    low_.enter("exchange", "exchange", Area::kExchange);
    const std::int64_t line_bytes = low_.lanes() * (isa::kWordBits / 8), area = low_.room().area;
    const std::int64_t most = area / 2 / cores_ * cores_;  // one segment and what arrives for it
    if (most == 0)
      throw InputError("/chip/scratchpad_kib", std::to_string(low_.capacity() * line_bytes / 1024),
                       "room for the exchange between " + std::to_string(cores_) + " cores: at least " +
                           std::to_string(8 * 2 * cores_ * line_bytes / 1024 + 1));
    const std::int64_t wanted = round_up(std::max<std::int64_t>(1, p_.segment_bytes / line_bytes), cores_);
    segment_lines_ = p_.pipelined ? std::min(wanted, most) : most;
    under_way_ = p_.pipelined ? std::min(kMostUnderWay, area / (2 * segment_lines_)) : 1;
    low_.take_scratchpad(2 * segment_lines_ * under_way_);
    for (std::int64_t k = 0; k < 2 * under_way_; ++k) buffers_.push_back(low_.allocate(segment_lines_));
  }

  void run(const std::vector<GradientReady>& ready) {
    segments_ = in_order_of_need(ready);
    if (!p_.hide_in_backward) low_.all_before(begin(false));
    std::vector<Event> events = plan();
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      return std::pair(a.time, a.segment) < std::pair(b.time, b.segment);
    });
    for (const Event& e : events) emit(e);
  }

 private:
  // Round -1 loads; the round after the last stores.
  struct Event {
    std::int64_t time;
    std::size_t segment;
    std::int64_t round;
  };

  // The first loads follow all that has been emitted.
  static Access begin(bool write) { return {Access::Resource::kOrder, 0, 1, write}; }

  // In turn; but where one waits for the other, over the same links.
  std::size_t way_of(std::size_t segment) const { return p_.pipelined ? segment % ways_.size() : 0; }

  std::vector<Segment> cut(const Op& op) const {
    std::vector<Segment> segments;
    const Graph& g = low_.graph();
    for (const int t : op.inputs) {
      const TensorInfo& tensor = g.tensors[static_cast<std::size_t>(t)];
      for (Range r{tensor.hbm_line, tensor.hbm_line + tensor.lines}; r.size() > 0;) {
        const bool fits = !segments.empty() && segments.back().size() < segment_lines_ &&
                          segments.back().format == tensor.format &&
                          (segments.back().slot == tensor.slot || tensor.format == isa::Format::kFp32);
        if (!fits)
          segments.push_back(
              {g.network.layers[static_cast<std::size_t>(op.layer)].name, tensor.format, tensor.slot, {}});
        const std::int64_t room = segment_lines_ - segments.back().size(),
                           end = std::min(r.end, r.begin + room);
        segments.back().lines.push_back({r.begin, end});
        r.begin = end;
      }
    }
    return segments;
  }

  // Whenever the network could take another segment: of the gradients that are there, the one whose weights
  // the next step needs first.
  std::vector<Segment> in_order_of_need(std::vector<GradientReady> ready) const {
    std::vector<Segment> result;
    double now = 0;
    const double share = 2.0 * static_cast<double>(cores_ - 1) / static_cast<double>(cores_);
    std::vector<std::vector<Segment>> waiting;
    for (const GradientReady& r : ready) {
      waiting.push_back(cut(*r.op));
      std::reverse(waiting.back().begin(), waiting.back().end());
    }
    for (;;) {
      const double never = std::numeric_limits<double>::infinity();
      double next = never;
      std::size_t best = ready.size();
      for (std::size_t i = 0; i < ready.size(); ++i) {
        if (waiting[i].empty()) continue;
        const double at = p_.hide_in_backward ? static_cast<double>(ready[i].cycle) : 0;
        next = std::min(next, at);
        if (at <= now && (best == ready.size() || ready[i].op->layer < ready[best].op->layer)) best = i;
      }
      if (next == never) return result;
      if (best == ready.size()) {
        now = next;
        continue;
      }
      const double bytes = static_cast<double>(waiting[best].back().size() * low_.lanes() * 4);
      now += bytes * share / p_.expected_bytes_per_cycle / static_cast<double>(p_.pipelined ? p_.ways : 1);
      result.push_back(std::move(waiting[best].back()));
      waiting[best].pop_back();
    }
  }

  // As if no segment met another on its way.
  std::vector<Event> plan() {
    std::vector<Event> events;
    std::vector<std::int64_t> free(static_cast<std::size_t>(under_way_), 0);  // of each place: since when
    std::int64_t start = 0;
    for (std::size_t k = 0; k < segments_.size(); ++k) {
      sums_.push_back(sum(k));
      const auto rounds = static_cast<std::int64_t>(sums_.back().size());
      std::int64_t duration = 2 * segments_[k].size();
      for (const Round& round : sums_.back()) duration += cycles(round);
      std::int64_t& place = free[k % free.size()];
      std::int64_t time = start = std::max(start, place);
      for (std::int64_t r = -1; r <= rounds; ++r) {
        events.push_back({time, k, r});
        const bool moves = r < 0 || r == rounds;
        time += moves ? segments_[k].size() : cycles(sums_.back()[static_cast<std::size_t>(r)]);
      }
      place = time;
      start += ceil_div(duration, under_way_);
    }
    last_put_.assign(segments_.size(), {});
    return events;
  }

  std::vector<Round> sum(std::size_t segment) const {
    SumBuffer buffer;
    buffer.line = buffer_of(segment);
    buffer.arrival_line = buffers_[2 * place_of(segment) + 1];
    buffer.lines = round_up(segments_[segment].size(), cores_);
    buffer.format = segments_[segment].format;
    buffer.slot = segments_[segment].slot;
    const std::size_t way = way_of(segment);
    return sum_over_cores(buffer, ways_[way], semaphores_[way], low_.lanes());
  }

  std::int64_t cycles(const Round& round) const {
    std::int64_t sum = 0;
    for (const Round::Part& part : round.parts) {
      sum += models::estimated_cycles(part.instruction);
      if (const auto* put = std::get_if<isa::Put>(&part.instruction)) sum += lag_cycles(*put);
    }
    return sum;
  }

  // From the end of a put to the arrival of what it sends.
  std::int64_t lag_cycles(const isa::Put& put) const {
    const double bytes = static_cast<double>(put.loops.back() * low_.lanes() * 4);
    return p_.expected_latency_cycles + static_cast<std::int64_t>(bytes / p_.expected_bytes_per_cycle);
  }

  void emit(const Event& e) {
    const Segment& segment = segments_[e.segment];
    low_.enter(segment.layer, "exchange", Area::kExchange);
    auto& rounds = sums_[e.segment];
    if (e.round < 0) return load(segment, e.segment);
    if (e.round == static_cast<std::int64_t>(rounds.size())) return store(segment, e.segment);
    for (Round::Part& part : rounds[static_cast<std::size_t>(e.round)].parts) {
      LastPut& last = last_put_[e.segment];
      if (part.follows_put) follow(part.exchanged, last);
      const auto* put = std::get_if<isa::Put>(&part.instruction);
      const std::int64_t lag = put != nullptr ? lag_cycles(*put) : 0;
      const std::int32_t number = low_.emit(part.instruction, std::move(part.exchanged));
      if (put != nullptr) last = {number, lag};
    }
    rounds[static_cast<std::size_t>(e.round)].parts.clear();
  }

  struct LastPut {
    std::int32_t number = -1;
    std::int64_t lag_cycles = 0;
  };
  static void follow(Exchanged& exchanged, const LastPut& put) {
    exchanged.cause = put.number;
    exchanged.lag_cycles = put.lag_cycles;
  }

  std::size_t place_of(std::size_t segment) const { return segment % static_cast<std::size_t>(under_way_); }
  std::int64_t buffer_of(std::size_t segment) const { return buffers_[2 * place_of(segment)]; }

  isa::Copy copy(std::int64_t lines) const {
    isa::Copy c;
    c.element = isa::Format::kFp32;
    c.src.stride.back() = c.dst.stride.back() = 1;
    c.loops.back() = static_cast<std::uint16_t>(lines);
    return c;
  }

  void load(const Segment& segment, std::size_t number) {
    std::int64_t line = buffer_of(number);
    for (const Range& r : segment.lines) {
      isa::Copy c = copy(r.size());
      c.src_space = isa::Space::kHbm;
      c.src.base = static_cast<std::uint32_t>(r.begin);
      c.dst.base = static_cast<std::uint32_t>(line);
      Exchanged e;
      e.touches = accesses(c, low_.lanes());
      if (!p_.hide_in_backward) e.touches.push_back(begin(true));
      low_.emit(c, std::move(e));
      line += r.size();
    }
  }

  void store(const Segment& segment, std::size_t number) {
    std::int64_t line = buffer_of(number);
    bool first = true;
    for (const Range& r : segment.lines) {
      isa::Copy c = copy(r.size());
      c.dst_space = isa::Space::kHbm;
      c.src.base = static_cast<std::uint32_t>(line);
      c.dst.base = static_cast<std::uint32_t>(r.begin);
      Exchanged e;
      e.touches = accesses(c, low_.lanes());
      const std::uint32_t complete = semaphores_[way_of(number)].complete();
      e.touches.push_back(taking(complete));
      if (first) {
        e.arrivals = complete;
        follow(e, last_put_[number]);
      }
      low_.emit(c, std::move(e));
      first = false;
      line += r.size();
    }
  }

  Lowering& low_;
  const ExchangeParameters& p_;
  std::vector<Way> ways_;
  std::vector<ArrivalSemaphores> semaphores_;  // of each way
  std::int64_t cores_;                         // that exchange
  std::int64_t segment_lines_ = 0, under_way_ = 1;
  std::vector<std::int64_t> buffers_;  // of segment k: 2 (k mod under_way_), and the next for what arrives
  std::vector<Segment> segments_;
  std::vector<std::vector<Round>> sums_;
  std::vector<LastPut> last_put_;
};

}  // namespace

void lower_exchange(Lowering& low, const std::vector<GradientReady>& ready) {
  if (!ready.empty()) Exchange(low).run(ready);
}

}  // namespace anzan::compiler
