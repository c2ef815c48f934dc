// Rounds and link loads of an exchange, without simulating it.
#include "compiler/parallel/exchange_choice.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <utility>

#include "compiler/collective/ways.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

// Of the network unit for each message beside its lines, and of what waits for it; by trial.
constexpr double kMessageCycles = 32;
constexpr std::int64_t kLeastSegment = 4 * 1024, kMostSegment = 512 * 1024;

// All cores send to their next one in a dimension, at once.
struct Traffic {
  double latency_fs = 0;            // of the longest way
  std::map<int, double> messages;   // over each link
  double fs_per_byte_at_worst = 0;  // of the link where a message waits longest for others
};

class Estimate {
 public:
  Estimate(const ExchangeParameters& exchange, const models::ChipsNetwork& network,
           const models::PacketFormat& packet, const ExchangeSizes& sizes)
      : pipelined_(exchange.pipelined),
        ways_(ways(exchange)),
        network_(network),
        packet_(packet),
        sizes_(sizes),
        cores_(std::accumulate(exchange.dimensions.begin(), exchange.dimensions.end(), std::int64_t{1},
                               std::multiplies<>())) {
    for (const Way& way : ways_) {
      traffic_.emplace_back();
      for (const Dimension& d : way) traffic_.back().push_back(traffic(d));
    }
  }

  ExpectedExchange expected(std::int64_t segment_bytes) const {
    const ExchangePlaces places = exchange_places(
        sizes_.area_lines, cores_, round_up(ceil_div(segment_bytes, sizes_.line_bytes), cores_), pipelined_);
    const Segments all = segments(places.lines * sizes_.line_bytes);
    double number = 0;
    for (const auto& [what, count] : all) number += count;
    std::map<int, double> load;  // femtoseconds that links carry
    double one_by_one = 0, longest = 0, messages = 0;
    for (const auto& [what, count] : all) {
      const auto& [way, bytes] = what;
      const bool others = number > static_cast<double>(places.count) && places.count > 1;
      const double rounds = segment(way, static_cast<double>(bytes), count, others, load);
      one_by_one += count * rounds;
      longest = std::max(longest, rounds);
      for (const Dimension& d : ways_[way]) messages += count * 2 * (d.size - 1);
    }
    double busiest = 0;
    for (const auto& [link, fs] : load) busiest = std::max(busiest, fs);
    const double turns = one_by_one / static_cast<double>(places.count);
    return {std::max({longest, busiest, turns}), messages * kMessageCycles * sizes_.clock_period_fs,
            segment_bytes};
  }

  // Powers of two, and half-way between them.
  ExpectedExchange best() const {
    ExpectedExchange best = expected(kLeastSegment);
    for (std::int64_t bytes = kLeastSegment; bytes <= kMostSegment; bytes *= 2) {
      for (const std::int64_t segment : {bytes, bytes + bytes / 2}) {
        const ExpectedExchange e = expected(segment);
        if (e.fs + e.starting_fs < best.fs + best.starting_fs) best = e;
      }
    }
    return best;
  }

 private:
  Traffic traffic(const Dimension& d) const {
    Traffic t;
    if (d.size == 1) return t;
    for (int core = 0; core < network_.topology.endpoints(); ++core) {
      double latency = 0;
      for (const int channel : network_.routing.path(network_.topology, core, next(d, core))) {
        const int link = network_.routing.link_of(channel);
        latency += static_cast<double>(parameters(link).latency_fs);
        ++t.messages[link];
      }
      t.latency_fs = std::max(t.latency_fs, latency);
    }
    for (const auto& [link, messages] : t.messages)
      t.fs_per_byte_at_worst = std::max(t.fs_per_byte_at_worst, messages * fs_per_byte(link));
    return t;
  }

  const models::LinkParameters& parameters(int link) const {
    return network_.topology.links()[static_cast<std::size_t>(link)].parameters;
  }
  double fs_per_byte(int link) const {
    const models::LinkParameters& l = parameters(link);
    return static_cast<double>(l.period_fs) / static_cast<double>(l.bytes);
  }

  // How many there are of a way and so many bytes.
  using Segments = std::map<std::pair<std::size_t, std::int64_t>, double>;
  Segments segments(std::int64_t bytes) const {
    Segments result;
    std::size_t turn = 0;
    for (const std::int64_t layer : sizes_.layer_bytes)
      for (std::int64_t left = layer; left > 0; left -= bytes)
        ++result[{pipelined_ ? turn++ % ways_.size() : 0, std::min(left, bytes)}];
    return result;
  }

  // Femtoseconds of all rounds of a segment; adds what links carry for so many. Units work in order: where
  // others are in other rounds at that time, each round lasts as long as the longest.
  double segment(std::size_t way, double bytes, double count, bool others,
                 std::map<int, double>& load) const {
    double fs = 0, all_rounds = 0, longest = 0, piece = bytes;
    for (std::size_t d = 0; d < ways_[way].size(); ++d) {
      const int size = ways_[way][d].size;
      const double rounds = 2.0 * (size - 1);
      piece = std::max(piece / size, static_cast<double>(sizes_.line_bytes));
      const double packets = std::ceil(piece / static_cast<double>(packet_.payload_bytes)),
                   sent = piece + packets * static_cast<double>(packet_.header_bytes);
      const Traffic& t = traffic_[way][d];
      const double round = t.latency_fs + sent * t.fs_per_byte_at_worst + core_fs(piece);
      fs += rounds * round;
      all_rounds += rounds;
      if (rounds > 0) longest = std::max(longest, round);
      for (const auto& [link, messages] : t.messages)
        load[link] += count * rounds * messages * sent * fs_per_byte(link);
    }
    return others ? all_rounds * longest : fs;
  }

  // In the cores, a round reads, writes and adds its lines (each on half of the ways), and starts three
  // units.
  double core_fs(double piece) const {
    constexpr double kStarting = 20;
    return (kStarting + 2.5 * piece / static_cast<double>(sizes_.line_bytes)) * sizes_.clock_period_fs;
  }

  bool pipelined_;
  std::vector<Way> ways_;
  const models::ChipsNetwork& network_;
  const models::PacketFormat& packet_;
  const ExchangeSizes& sizes_;
  std::int64_t cores_;
  std::vector<std::vector<Traffic>> traffic_;  // of each way and dimension
};

}  // namespace

std::int64_t most_segment_lines(std::int64_t area, std::int64_t cores) {
  return std::min(area / 2, kMostIterations) / cores * cores;
}

ExchangePlaces exchange_places(std::int64_t area, std::int64_t cores, std::int64_t wanted_lines,
                               bool pipelined) {
  constexpr std::int64_t kMostUnderWay = 32;
  const std::int64_t most = std::max(cores, most_segment_lines(area, cores));
  if (!pipelined) return {most, 1};
  const std::int64_t lines = std::min(wanted_lines, most);
  return {lines, std::clamp<std::int64_t>(area / (2 * lines), 1, kMostUnderWay)};
}

ExpectedExchange expected_exchange(const ExchangeParameters& exchange, const models::ChipsNetwork& network,
                                   const models::PacketFormat& packet, const ExchangeSizes& sizes,
                                   std::optional<std::int64_t> segment_bytes) {
  const Estimate estimate(exchange, network, packet, sizes);
  return segment_bytes ? estimate.expected(*segment_bytes) : estimate.best();
}

}  // namespace anzan::compiler
