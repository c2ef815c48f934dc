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

constexpr std::int64_t kMostUnderWay = 8;

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
        grid_(p_.grid()),
        cores_(std::accumulate(p_.dimensions.begin(), p_.dimensions.end(), 1, std::multiplies<>())),
        semaphores_(grid_.size()) {
    low_.enter("exchange", "exchange", Area::kExchange);
    const std::int64_t line_bytes = low_.lanes() * (isa::kWordBits / 8), area = low_.room().area;
    const std::int64_t most = area / 2 / cores_ * cores_;  // one segment and what arrives for it
    if (most == 0)
      throw InputError("/chip/scratchpad_kib", std::to_string(low_.capacity() * line_bytes / 1024),
                       "room for the exchange between " + std::to_string(cores_) + " cores: at least " +
                           std::to_string(8 * 2 * cores_ * line_bytes / 1024 + 1));
    const bool pipelined = p_.pipelined && !semaphores_.one_at_a_time();
    const std::int64_t wanted = round_up(std::max<std::int64_t>(1, p_.segment_bytes / line_bytes), cores_);
    segment_lines_ = pipelined ? std::min(wanted, most) : most;
    under_way_ = pipelined ? std::min(kMostUnderWay, area / (2 * segment_lines_)) : 1;
    low_.take_scratchpad(2 * segment_lines_ * under_way_);
    for (std::int64_t k = 0; k < 2 * under_way_; ++k) buffers_.push_back(low_.allocate(segment_lines_));
  }

  void run(const std::vector<GradientReady>& ready) {
    segments_ = in_order_of_need(ready);
    if (!p_.hide_in_backward) low_.all_before(in_order(ExchangeOrder::kBegin, false));
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
      now += bytes * share / p_.expected_bytes_per_cycle;
      result.push_back(std::move(waiting[best].back()));
      waiting[best].pop_back();
    }
  }

  std::vector<Event> plan() {
    std::vector<Event> events;
    std::int64_t start = 0;
    for (std::size_t k = 0; k < segments_.size(); ++k) {
      const auto place = static_cast<std::size_t>(static_cast<std::int64_t>(k) % under_way_);
      const std::int64_t size = segments_[k].size();
      SumBuffer buffer;
      buffer.line = buffers_[2 * place];
      buffer.arrival_line = buffers_[2 * place + 1];
      buffer.lines = round_up(size, cores_);
      buffer.format = segments_[k].format;
      buffer.slot = segments_[k].slot;
      sums_.push_back(sum_over_cores(buffer, grid_, semaphores_, low_.lanes()));
      const auto rounds = static_cast<std::int64_t>(sums_.back().size());
      for (std::int64_t r = -1; r <= rounds; ++r) events.push_back({start + r, k, r});
      start += ceil_div(rounds + 2, under_way_);
    }
    last_put_.assign(segments_.size(), -1);
    return events;
  }

  void emit(const Event& e) {
    const Segment& segment = segments_[e.segment];
    low_.enter(segment.layer, "exchange", Area::kExchange);
    auto& rounds = sums_[e.segment];
    if (e.round < 0) return load(segment, e.segment);
    if (e.round == static_cast<std::int64_t>(rounds.size())) return store(segment, e.segment);
    for (Round::Part& part : rounds[static_cast<std::size_t>(e.round)].parts) {
      std::int32_t& last_put = last_put_[e.segment];
      if (part.follows_put) follow(part.exchanged, last_put, part.instruction);
      const bool is_put = std::holds_alternative<isa::Put>(part.instruction);
      const std::int32_t number = low_.emit(part.instruction, std::move(part.exchanged));
      if (is_put) last_put = number;
    }
    rounds[static_cast<std::size_t>(e.round)].parts.clear();
  }

  void follow(Exchanged& exchanged, std::int32_t put, const isa::Instruction& instruction) const {
    exchanged.cause = put;
    const double bytes =
        static_cast<double>(models::estimated_cycles(instruction)) * static_cast<double>(low_.lanes() * 4);
    exchanged.lag_cycles =
        p_.expected_latency_cycles + static_cast<std::int64_t>(bytes / p_.expected_bytes_per_cycle);
  }

  std::int64_t buffer_of(std::size_t segment) const {
    return buffers_[2 * static_cast<std::size_t>(static_cast<std::int64_t>(segment) % under_way_)];
  }

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
      if (!p_.hide_in_backward) e.touches.push_back(in_order(ExchangeOrder::kBegin));
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
      e.touches.push_back(in_order(ExchangeOrder::kComplete));
      if (first) {
        e.arrivals = semaphores_.complete();
        follow(e, last_put_[number], c);
      }
      low_.emit(c, std::move(e));
      first = false;
      line += r.size();
    }
  }

  Lowering& low_;
  const ExchangeParameters& p_;
  std::vector<Dimension> grid_;
  std::int64_t cores_;  // that exchange
  ArrivalSemaphores semaphores_;
  std::int64_t segment_lines_ = 0, under_way_ = 1;
  std::vector<std::int64_t> buffers_;  // of segment k: 2 (k mod under_way_), and the next for what arrives
  std::vector<Segment> segments_;
  std::vector<std::vector<Round>> sums_;
  std::vector<std::int32_t> last_put_;
};

}  // namespace

void lower_exchange(Lowering& low, const std::vector<GradientReady>& ready) {
  if (!ready.empty()) Exchange(low).run(ready);
}

}  // namespace anzan::compiler
