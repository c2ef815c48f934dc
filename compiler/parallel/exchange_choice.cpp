// Rounds and link loads of an exchange, without simulating it.
#include "compiler/parallel/exchange_choice.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <utility>

#include "compiler/collective/streams.hpp"
#include "compiler/collective/ways.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/ranges.hpp"

namespace anzan::compiler {
namespace {

// Of the network unit for each message beside its lines, and of what waits for it; by trial.
constexpr double kMessageCycles = 32;
constexpr std::int64_t kLeastSegment = 4 * 1024, kMostSegment = 512 * 1024;
// Streams of each way that are under way at most, and which share the gradients is cut for: by trial.
constexpr std::int64_t kMostStreams = 16;
// Copies of a chunk, one after the other: each waits for HBM. Words of instructions of a message.
constexpr double kCopyCycles = 80, kSequencerCycles = 12;
// What streams needs HBM for sums, too, and in several dimensions links wait while the others are summed.
constexpr double kStreaming = 1.3, kStreamingInSeveral = 1.8;

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
      : exchange_(exchange),
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
    const ExchangePlaces places = exchange_places(with(segment_bytes, 0), sizes_.room);
    const Segments all = segments(places.lines * line_bytes());
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
            segment_bytes, 0};
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

  // Where segments of so many bytes stream; none where they cannot.
  std::optional<ExpectedExchange> streamed(std::int64_t segment_bytes, std::int64_t stream_bytes) const {
    if (stream_semaphores(ways_) > exchange_.semaphores) return {};
    const ExchangePlaces places = exchange_places(with(segment_bytes, stream_bytes), sizes_.room);
    if (places.streams == 0) return {};
    const std::int64_t segment_lines = places.piece_lines * cores_;
    double streams = 0, lines = 0, wholes = 1;  // those of counters are about as many as those of a layer
    for (const std::int64_t bytes : sizes_.layer_bytes) {
      const std::int64_t all = ceil_div(bytes, line_bytes()), rest = all % stream_unit(cores_);
      lines += static_cast<double>(all - rest);
      streams += static_cast<double>(ceil_div(all - rest, segment_lines));
      wholes += static_cast<double>(ceil_div(rest, places.lines));
    }
    if (streams == 0) return {};
    double fs = units_fs(streams, lines, places.piece_lines);
    for (std::size_t way = 0; way < ways_.size(); ++way) {
      const auto ways = static_cast<double>(ways_.size());
      const double turns =
          std::ceil(std::ceil(streams / ways) / std::ceil(static_cast<double>(places.streams) / ways));
      std::map<int, double> load;
      const double in_turn = turns * stream(way, places.piece_lines, streams / ways, load);
      double busiest = 0;
      for (const auto& [link, busy] : load) busiest = std::max(busiest, busy);
      fs = std::max(fs, std::hypot(in_turn, busiest));
    }
    const double streaming = long_dimensions(ways_.front()) > 1 ? kStreamingInSeveral : kStreaming;
    std::map<int, double> load;
    const double others = std::ceil(wholes / static_cast<double>(places.count)) *
                          segment(0, static_cast<double>(places.lines * line_bytes()), 1, true, load);
    return ExpectedExchange{std::max(fs, others) * streaming, 0, segment_bytes, stream_bytes};
  }

  // As many of each way as can be.
  std::optional<ExpectedExchange> best_streamed(std::int64_t segment_bytes) const {
    const std::int64_t all =
        std::accumulate(sizes_.layer_bytes.begin(), sizes_.layer_bytes.end(), std::int64_t{0});
    std::optional<ExpectedExchange> best;
    for (std::int64_t number = 1; number <= kMostStreams; ++number) {
      const std::int64_t bytes =
          round_up(ceil_div(all, number * static_cast<std::int64_t>(ways_.size())), 1024);
      const auto e = streamed(segment_bytes, bytes);
      if (e && (!best || e->fs < best->fs)) best = e;
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

  std::int64_t line_bytes() const { return sizes_.room.line_bytes; }
  ExchangeParameters with(std::int64_t segment_bytes, std::int64_t stream_bytes) const {
    ExchangeParameters e = exchange_;
    e.segment_bytes = segment_bytes;
    e.stream_bytes = stream_bytes;
    return e;
  }

  // How many there are of a way and so many bytes.
  using Segments = std::map<std::pair<std::size_t, std::int64_t>, double>;
  Segments segments(std::int64_t bytes) const {
    Segments result;
    std::size_t turn = 0;
    for (const std::int64_t layer : sizes_.layer_bytes)
      for (std::int64_t left = layer; left > 0; left -= bytes)
        ++result[{exchange_.pipelined ? turn++ % ways_.size() : 0, std::min(left, bytes)}];
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
      piece = std::max(piece / size, static_cast<double>(line_bytes()));
      const Traffic& t = traffic_[way][d];
      const double round = t.latency_fs + sent(piece) * t.fs_per_byte_at_worst + core_fs(piece);
      fs += rounds * round;
      all_rounds += rounds;
      if (rounds > 0) longest = std::max(longest, round);
      for (const auto& [link, messages] : t.messages)
        load[link] += count * rounds * messages * carried_fs(link, piece);
    }
    return others ? all_rounds * longest : fs;
  }

  double packets(double bytes) const { return std::ceil(bytes / static_cast<double>(packet_.payload_bytes)); }
  double sent(double bytes) const {
    return bytes + packets(bytes) * static_cast<double>(packet_.header_bytes);
  }
  // How long a message keeps a link from others. Of short ones, it takes only so many before the first is
  // answered.
  double carried_fs(int link, double bytes) const {
    const models::LinkParameters& l = parameters(link);
    const double fs = sent(bytes) * fs_per_byte(link);
    return std::max(fs, (2.0 * static_cast<double>(l.latency_fs) * packets(bytes) + fs) / l.buffer_packets);
  }

  // Of a segment that streams; adds what links carry for so many, with what says that places are free: over
  // the same links, where segments go the other way, too.
  double stream(std::size_t way, std::int64_t piece_lines, double count, std::map<int, double>& load) const {
    const auto line = static_cast<double>(line_bytes());
    double fs = 0, piece = static_cast<double>(piece_lines * cores_) * line;
    for (std::size_t d = 0; d < ways_[way].size(); ++d) {
      const int size = ways_[way][d].size;
      piece /= size;
      if (size == 1) continue;
      const Traffic& t = traffic_[way][d];
      const double rounds = 2.0 * (size - 1);
      fs += rounds * (t.latency_fs + sent(piece) * t.fs_per_byte_at_worst + core_fs(piece));
      for (const auto& [link, messages] : t.messages) {
        const double credit = d == 0 && ways_.size() > 1 ? carried_fs(link, line) / 2 : 0;
        load[link] += count * rounds * messages * (carried_fs(link, piece) + credit);
      }
    }
    return fs;
  }

  // Of so many lines in so many segments that stream: what is copied chunk by chunk, and read once more by
  // updates; what is added; instructions.
  double units_fs(double streams, double lines, std::int64_t piece_lines) const {
    const int size = ways_.front().front().size;
    const double chunk = static_cast<double>(piece_lines * cores_ / size), chunks = streams * 2 * size,
                 rows = 4.0 / static_cast<double>(sizes_.element_bytes);
    const double dma = chunks * (kCopyCycles + 1.25 * (chunk + 3)) + 1.25 * lines,
                 vectors = chunks / 2 * (chunk * rows + 12), network = chunks * (chunk + 8),
                 sequencer = chunks * kSequencerCycles;
    return std::max({dma, vectors, network, sequencer}) * sizes_.clock_period_fs;
  }

  // In the cores, a round reads, writes and adds its lines (each on half of the ways), and starts three
  // units.
  double core_fs(double piece) const {
    constexpr double kStarting = 20;
    return (kStarting + 2.5 * piece / static_cast<double>(line_bytes())) * sizes_.clock_period_fs;
  }

  const ExchangeParameters& exchange_;
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

std::int64_t stream_unit(std::int64_t cores) { return std::lcm(cores, kChannelAlignment); }

ExchangePlaces exchange_places(const ExchangeParameters& e, const ExchangeRoom& room) {
  constexpr std::int64_t kMostUnderWay = 32;
  const std::int64_t cores = SystemParameters{e, {}}.data_cores(), least = round_up(room.least_lines, cores),
                     most = std::max(least, most_segment_lines(room.area_lines, cores));
  if (!e.pipelined) return {most, 1};
  const auto places = [&](std::int64_t lines, std::int64_t area) {
    return ExchangePlaces{lines, std::clamp<std::int64_t>(area / (2 * lines), 1, kMostUnderWay)};
  };
  const std::int64_t segment = round_up(ceil_div(e.segment_bytes, room.line_bytes), cores);
  const ExchangePlaces whole = places(std::clamp(segment, least, most), room.area_lines);
  if (e.stream_bytes.value_or(0) == 0) return whole;
  // half of the area for what is too short to stream: two lines of each core, if four are under way
  const std::int64_t half = room.area_lines / 2;
  ExchangePlaces both = places(16 * least <= half ? 2 * least : least, half);
  const std::int64_t unit = stream_unit(cores), left = room.area_lines - 2 * both.lines * both.count - 1;
  std::int64_t longest = 1, chunks = 1;  // part of a segment that is a chunk
  for (const Way& way : ways(e)) {
    const Way dimensions = long_only(way);
    if (dimensions.empty()) return whole;
    longest = std::max(longest, cores / dimensions.front().size);
    chunks = stream_chunks(dimensions);
  }
  const std::int64_t turns = e.ways,
                     wanted = std::max<std::int64_t>(unit, *e.stream_bytes / room.line_bytes / unit * unit),
                     room_for = left / (chunks * longest) / turns * cores / unit * unit,
                     lines = std::min({wanted, room_for, kMostIterations / longest * cores / unit * unit});
  if (lines < unit) return whole;
  both.piece_lines = lines / cores;
  both.stream_lines = chunks * longest * both.piece_lines;
  both.streams = std::min(left / both.stream_lines, kMostStreams * turns);
  return both;
}

ExpectedExchange expected_exchange(const ExchangeParameters& exchange, const models::ChipsNetwork& network,
                                   const models::PacketFormat& packet, const ExchangeSizes& sizes,
                                   std::optional<std::int64_t> segment_bytes,
                                   std::optional<std::int64_t> stream_bytes) {
  const Estimate estimate(exchange, network, packet, sizes);
  const ExpectedExchange whole = segment_bytes ? estimate.expected(*segment_bytes) : estimate.best();
  if (!exchange.pipelined || stream_bytes == 0) return whole;
  const auto streamed = stream_bytes ? estimate.streamed(whole.segment_bytes, *stream_bytes)
                                     : estimate.best_streamed(whole.segment_bytes);
  if (!streamed || (!stream_bytes && streamed->fs > whole.fs)) return whole;
  return *streamed;
}

}  // namespace anzan::compiler
