// Rounds and link loads of an exchange, without simulating it.
#include "compiler/parallel/exchange_choice.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "compiler/collective/ways.hpp"

namespace anzan::compiler {
namespace {

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
      : ways_(ways(exchange)), network_(network), packet_(packet), sizes_(sizes) {
    for (const Way& way : ways_) {
      traffic_.emplace_back();
      for (const Dimension& d : way) traffic_.back().push_back(traffic(d));
    }
  }

  double fs() const {
    std::map<int, double> load;  // femtoseconds that links carry
    double one_by_one = 0, longest = 0;
    std::size_t turn = 0;
    for (const std::int64_t layer : sizes_.layer_bytes) {
      for (std::int64_t left = layer; left > 0; left -= sizes_.segment_bytes) {
        const std::size_t way = turn++ % ways_.size();
        const double rounds = segment(way, static_cast<double>(std::min(left, sizes_.segment_bytes)), load);
        one_by_one += rounds;
        longest = std::max(longest, rounds);
      }
    }
    double busiest = 0;
    for (const auto& [link, fs] : load) busiest = std::max(busiest, fs);
    return std::max({longest, one_by_one / static_cast<double>(sizes_.places), busiest});
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

  // Femtoseconds of all rounds of a segment that is alone; adds what links carry.
  double segment(std::size_t way, double bytes, std::map<int, double>& load) const {
    double fs = 0, piece = bytes;
    for (std::size_t d = 0; d < ways_[way].size(); ++d) {
      const int size = ways_[way][d].size;
      const double rounds = 2.0 * (size - 1);
      piece = std::max(piece / size, static_cast<double>(sizes_.line_bytes));
      const double packets = std::ceil(piece / static_cast<double>(packet_.payload_bytes)),
                   sent = piece + packets * static_cast<double>(packet_.header_bytes);
      const Traffic& t = traffic_[way][d];
      fs += rounds * (t.latency_fs + sent * t.fs_per_byte_at_worst + core_fs(piece));
      for (const auto& [link, messages] : t.messages)
        load[link] += rounds * messages * sent * fs_per_byte(link);
    }
    return fs;
  }

  // In the cores, a round reads, writes and adds its lines (each on half of the ways), and starts three
  // units.
  double core_fs(double piece) const {
    constexpr double kStarting = 20;
    return (kStarting + 2.5 * piece / static_cast<double>(sizes_.line_bytes)) * sizes_.clock_period_fs;
  }

  std::vector<Way> ways_;
  const models::ChipsNetwork& network_;
  const models::PacketFormat& packet_;
  const ExchangeSizes& sizes_;
  std::vector<std::vector<Traffic>> traffic_;  // of each way and dimension
};

}  // namespace

double expected_exchange_fs(const ExchangeParameters& exchange, const models::ChipsNetwork& network,
                            const models::PacketFormat& packet, const ExchangeSizes& sizes) {
  return Estimate(exchange, network, packet, sizes).fs();
}

}  // namespace anzan::compiler
