// Cuts gradients where places and formats say, and spreads segments over the ways.
#include "compiler/parallel/segments.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <utility>

#include "compiler/lowering/parameter_walk.hpp"
#include "models/counter_moves.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

class Cutter {
 public:
  Cutter(const Graph& graph, const ExchangePlaces& places, std::int64_t cores)
      : graph_(graph), places_(places), cores_(cores) {}

  void cut(const GradientReady& ready) {
    std::size_t whole = segments_.size();  // the first that may take more
    for (const int t : ready.op->inputs) {
      Range r{0, graph_.tensor(t).lines};
      while (places_.streams > 0 && r.size() >= stream_unit(cores_)) {
        const std::int64_t lines =
            std::min(places_.piece_lines * cores_, r.size() / stream_unit(cores_) * stream_unit(cores_));
        add(ready, t, {r.begin, r.begin + lines}).streams = true;
        r.begin += lines;
        whole = segments_.size();
      }
      cut(ready, t, r, whole);
    }
  }

  // Those that are complete first come first, of forward and backward apart: the next step begins with the
  // former. In as few segments as can be, since each goes all the way round.
  void cut(std::vector<CountersReady> counters) {
    const auto forward = [](const CountersReady& c) { return c.op->phase == Phase::kForward; };
    std::stable_sort(counters.begin(), counters.end(), [&](const CountersReady& a, const CountersReady& b) {
      return std::pair(!forward(a), a.cycle) < std::pair(!forward(b), b.cycle);
    });
    const std::int64_t lines = models::counter_lines(graph_.chip.lanes);
    const CountersReady* before = nullptr;
    for (const CountersReady& c : counters) {
      const bool fits = before != nullptr && forward(*before) == forward(c) &&
                        segments_.back().size() + lines <= places_.lines;
      Segment& s = fits ? segments_.back() : segments_.emplace_back();
      s.layer = "statistics";
      s.counter_lines = lines;
      s.ready = c.cycle;
      s.counters.push_back(c.slot);
      before = &c;
    }
  }

  std::vector<Segment> take_segments() { return std::move(segments_); }

 private:
  // Into segments that are whole, the first of them perhaps one that has others.
  void cut(const GradientReady& ready, int t, Range r, std::size_t first) {
    const TensorInfo& tensor = graph_.tensor(t);
    while (r.size() > 0) {
      const bool fits = segments_.size() > first && room_in(segments_.back()) > 0 &&
                        segments_.back().format == tensor.format &&
                        (segments_.back().slot == tensor.slot || !models::has_binary_point(tensor.format));
      const Range lines{r.begin, std::min(r.end, r.begin + room_in(fits ? segments_.back() : Segment{}))};
      r.begin = lines.end;
      // an update would not read them, and so nobody would take their arrival
      const std::int64_t rows = models::elements_per_word(tensor.format);
      if (!holds_elements(tensor, {lines.begin * rows, lines.end * rows})) continue;
      if (fits)
        segments_.back().tensors.push_back({t, lines});
      else
        add(ready, t, lines);
    }
  }

  Segment& add(const GradientReady& ready, int t, const Range& lines) {
    const TensorInfo& tensor = graph_.tensor(t);
    Segment& s = segments_.emplace_back();
    s.ready = ready.cycle;
    s.need = ready.op->layer;
    s.layer = graph_.layer(*ready.op).name;
    s.format = tensor.format;
    s.slot = tensor.slot;
    s.tensors.push_back({t, lines});
    return s;
  }

  // Lines of four rows, whatever the format, so that updates can move whole lines.
  std::int64_t room_in(const Segment& segment) const {
    return (places_.lines - segment.size()) / kChannelAlignment * kChannelAlignment;
  }

  const Graph& graph_;
  const ExchangePlaces& places_;
  std::int64_t cores_;
  std::vector<Segment> segments_;
};

}  // namespace

std::int64_t Segment::size() const {
  std::int64_t n = static_cast<std::int64_t>(counters.size()) * counter_lines;
  for (const Part& p : tensors) n += p.lines.size();
  return n;
}

std::vector<Segment> cut_segments(const Graph& graph, const Exchanges& what, const ExchangePlaces& places,
                                  std::int64_t cores) {
  Cutter cutter(graph, places, cores);
  for (const GradientReady& r : what.gradients) cutter.cut(r);
  cutter.cut(what.counters);
  return cutter.take_segments();
}

void spread_over_ways(std::vector<Segment>& segments, const std::vector<Way>& ways) {
  // Lines, over the links to these neighbours of core 0. Whole segments are short, so that their number
  // counts more than their lines do beside what streams: each kind has its own sums.
  std::array<std::map<int, double>, 2> sent_of;
  for (Segment& segment : segments) {
    std::map<int, double>& sent = sent_of[segment.streams ? 1 : 0];
    double least = std::numeric_limits<double>::infinity();
    std::map<int, double> after_best;
    for (std::size_t w = 0; w < ways.size(); ++w) {
      std::map<int, double> after = sent;
      double region = static_cast<double>(segment.size()), most = 0;
      for (const Dimension& d : ways[w]) {
        double& link = after[next(d, 0)];
        link += region * (d.size - 1) / d.size;
        most = std::max(most, link);
        region /= d.size;
      }
      if (most >= least) continue;
      least = most;
      segment.way = w;
      after_best = std::move(after);
    }
    sent = std::move(after_best);
  }
}

}  // namespace anzan::compiler
