// Sends the algorithm's messages over their routes, adds up bytes for each link, and takes the busiest; the
// units' terms come from bytes alone.
#include "sim/cost/collective_theory.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <queue>

#include "models/number_format.hpp"

namespace anzan::sim {
namespace {

using compiler::CollectiveKind;
using compiler::Dimension;
using compiler::Way;
using models::Link;

double fs_per_byte(const Link& link) {
  return static_cast<double>(link.parameters.period_fs) / static_cast<double>(link.parameters.bytes);
}

double with_headers(double bytes, const models::PacketFormat& packet) {
  return bytes * static_cast<double>(packet.most_bytes()) / static_cast<double>(packet.payload_bytes);
}

// Of units, in a round of a segment; sent, written, added.
constexpr double kStarting = 20, kCyclesALine = 2.5, kPutCycles = 8;

// Through all cores: sums, and sums to all.
int rounds(CollectiveKind kind) { return kind == CollectiveKind::kAllReduce ? 2 : 1; }

bool in_turns(const compiler::CollectiveParameters& p) {
  return p.kind == CollectiveKind::kAllToAll && !p.direct;
}

// What the units of each core do, whatever the algorithm: rows that leave or arrive, additions, HBM.
CollectiveTerms units(const compiler::CollectiveParameters& p, double bytes, const CollectiveSystem& s) {
  const CollectiveKind kind = p.kind;
  const double cores = s.network.topology.endpoints(), share = (cores - 1) / cores, row = 4.0 * s.lanes;
  const bool sums = kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kReduceScatter;
  const double moved = kind == CollectiveKind::kAllReduce   ? 2 * share * bytes
                       : kind == CollectiveKind::kBroadcast ? bytes
                                                            : share * bytes;
  double copied = 2 * bytes;
  if (kind == CollectiveKind::kReduceScatter || kind == CollectiveKind::kAllGather)
    copied = bytes + bytes / cores;
  if (kind == CollectiveKind::kBroadcast) copied = bytes;
  CollectiveTerms t;
  t.network_unit = moved / row;
  if (sums) t.vector_unit = share * bytes / (s.lanes * models::element_bytes(p.format));
  t.dma = copied / row;
  t.hbm = copied / s.hbm_bytes_per_cycle;
  return t;
}

// All that comes by goes through the scratchpad; in each dimension a slab stays, and is copied.
void add_turns(CollectiveTerms& t, const Way& way, double bytes, const CollectiveSystem& s) {
  const double row = 4.0 * s.lanes;
  t.network_unit = 0;
  for (const Dimension& d : way) {
    const int forward = d.size / 2, backward = d.size - 1 - forward;
    if (d.size == 1) continue;
    t.network_unit += (forward * (forward + 1) + backward * (backward + 1)) / 2 * bytes / d.size / row;
    t.dma += bytes / d.size / row;
  }
}

class Theory {
 public:
  explicit Theory(const CollectiveSystem& system)
      : s_(system),
        cores_(s_.network.topology.endpoints()),
        busy_fs_(s_.network.topology.links().size(), 0.0) {}

  // All messages of one way; returns the latencies of those that wait for each other.
  double way(const compiler::CollectiveParameters& p, const Way& way, double bytes) {
    if (p.kind == CollectiveKind::kBroadcast) return chains(way, bytes);
    const int times = rounds(p.kind);
    if (p.direct) return times * each_to_each(times * bytes);
    if (p.kind == CollectiveKind::kAllToAll) return turns(way, bytes);
    double latency_fs = 0, region = bytes;
    for (const Dimension& d : way) {
      if (d.size == 1) continue;
      region /= d.size;
      latency_fs += times * (d.size - 1) * ring(d, times * (d.size - 1) * region);
    }
    return latency_fs;
  }

  // All rounds of a segment, whose messages compete with those of the other cores. Units work in order: where
  // others are in other rounds at that time, each round lasts as long as the longest.
  double segment_fs(const compiler::CollectiveParameters& p, const Way& way, double bytes, double cycle_fs,
                    bool others) const {
    if (p.direct) return direct_segment_fs(p, bytes, cycle_fs);
    const int times = rounds(p.kind);
    double fs = 0, longest = 0, rounds = 0, piece = bytes;
    for (const Dimension& d : way) {
      if (d.size == 1) continue;
      piece /= d.size;
      std::map<std::size_t, double> messages;
      double latency = 0;
      for (int core = 0; core < cores_; ++core) {
        latency = std::max(latency, latency_fs(core, next(d, core)));
        for (const int channel : path(core, next(d, core)))
          messages[static_cast<std::size_t>(s_.network.routing.link_of(channel))] +=
              with_headers(piece, s_.packet);
      }
      double busiest = 0;
      for (const auto& [link, sent] : messages)
        busiest = std::max(busiest, sent * fs_per_byte(s_.network.topology.links()[link]));
      const double core_fs = (kStarting + kCyclesALine * piece / (4.0 * s_.lanes)) * cycle_fs;
      const double round_fs = latency + busiest + core_fs;
      fs += times * (d.size - 1) * round_fs;
      rounds += times * (d.size - 1);
      longest = std::max(longest, round_fs);
    }
    return others ? rounds * longest : fs;
  }

  // Loaded, sent to all, added, the sums sent to all, stored.
  double direct_segment_fs(const compiler::CollectiveParameters& p, double bytes, double cycle_fs) const {
    Theory alone(s_);
    const double latency = alone.each_to_each(bytes), line = 4.0 * s_.lanes, others = cores_ - 1,
                 sent = others * (bytes / cores_ / line + kPutCycles),
                 added = p.kind == CollectiveKind::kAllGather ? 0 : sent, copied = 2 * bytes / line;
    return rounds(p.kind) * (latency + std::max(alone.busiest_fs(), sent * cycle_fs)) +
           (added + copied + kStarting) * cycle_fs;
  }

  double busiest_fs() const { return *std::max_element(busy_fs_.begin(), busy_fs_.end()); }

 private:
  void message(int from, int to, double bytes) {
    const std::vector<Link>& links = s_.network.topology.links();
    for (const int channel : path(from, to)) {
      const auto l = static_cast<std::size_t>(s_.network.routing.link_of(channel));
      busy_fs_[l] += with_headers(bytes, s_.packet) * fs_per_byte(links[l]);
    }
  }

  double latency_fs(int from, int to) const {
    double sum = 0;
    for (const int channel : path(from, to))
      sum += static_cast<double>(
          s_.network.topology.links()[static_cast<std::size_t>(s_.network.routing.link_of(channel))]
              .parameters.latency_fs);
    return sum;
  }

  // One dimension of a way, all cores to their next; returns the longest latency.
  double ring(const Dimension& d, double bytes) {
    double longest = 0;
    for (int core = 0; core < cores_; ++core) {
      message(core, next(d, core), bytes);
      longest = std::max(longest, latency_fs(core, next(d, core)));
    }
    return longest;
  }

  // The chains of a broadcast; returns the latency to the last core.
  double chains(const Way& way, double bytes) {
    std::vector<int> reached{0};
    std::vector<double> at(static_cast<std::size_t>(cores_), 0.0);
    for (const Dimension& d : way) {
      for (std::size_t k = 0, all = reached.size(); k < all; ++k) {
        for (int core = reached[k], step = 1; step < d.size; ++step) {
          const int to = next(d, core);
          message(core, to, bytes);
          at[static_cast<std::size_t>(to)] = at[static_cast<std::size_t>(core)] + latency_fs(core, to);
          reached.push_back(core = to);
        }
      }
    }
    return *std::max_element(at.begin(), at.end());
  }

  double each_to_each(double bytes) {
    double longest = 0;
    for (int from = 0; from < cores_; ++from) {
      for (int to = 0; to < cores_; ++to) {
        if (from == to) continue;
        message(from, to, bytes / cores_);
        longest = std::max(longest, latency_fs(from, to));
      }
    }
    return longest;
  }

  // Of two opposite cores forward, the others the shorter way.
  double turns(const Way& way, double bytes) {
    double latency_fs = 0;
    for (Dimension d : way) {
      const double slab = bytes / d.size;
      const int forward = d.size / 2, backward = d.size - 1 - forward;
      if (forward > 0) latency_fs += forward * ring(d, slab * forward * (forward + 1) / 2);
      d.reversed = !d.reversed;
      if (backward > 0) ring(d, slab * backward * (backward + 1) / 2);
    }
    return latency_fs;
  }

  std::vector<int> path(int from, int to) const {
    return s_.network.routing.path(s_.network.topology, from, to);
  }

  const CollectiveSystem& s_;
  int cores_;
  std::vector<double> busy_fs_;
};

// From a node to all others, the least sum of prices.
std::vector<double> least(const models::Topology& topology, int from,
                          const std::function<double(std::size_t link)>& price) {
  std::vector<std::vector<std::size_t>> leaving(static_cast<std::size_t>(topology.nodes()));
  for (std::size_t l = 0; l < topology.links().size(); ++l)
    leaving[static_cast<std::size_t>(topology.links()[l].from)].push_back(l);
  std::vector<double> result(leaving.size(), std::numeric_limits<double>::infinity());
  using Node = std::pair<double, int>;
  std::priority_queue<Node, std::vector<Node>, std::greater<>> open;
  open.emplace(result[static_cast<std::size_t>(from)] = 0, from);
  while (!open.empty()) {
    const auto [sum, node] = open.top();
    open.pop();
    if (sum > result[static_cast<std::size_t>(node)]) continue;
    for (const std::size_t l : leaving[static_cast<std::size_t>(node)]) {
      const int to = topology.links()[l].to;
      if (sum + price(l) >= result[static_cast<std::size_t>(to)]) continue;
      open.emplace(result[static_cast<std::size_t>(to)] = sum + price(l), to);
    }
  }
  return result;
}

class Bound {
 public:
  Bound(CollectiveKind kind, double bytes, const CollectiveSystem& s)
      : kind_(kind),
        s_(s),
        links_(s.network.topology.links()),
        cores_(s.network.topology.endpoints()),
        bytes_(with_headers(bytes, s.packet)) {}

  // Cores, or chips, as the nodes of a network whose inside costs nothing.
  double between_groups_fs(int cores_a_group) const {
    const int groups = cores_ / cores_a_group;
    if (groups == 1) return 0;
    std::vector<double> out(static_cast<std::size_t>(groups), 0), in = out;  // bytes a femtosecond
    for (const Link& link : links_) {
      const int from = group(link.from, cores_a_group), to = group(link.to, cores_a_group);
      if (from == to) continue;
      if (from >= 0) out[static_cast<std::size_t>(from)] += 1 / fs_per_byte(link);
      if (to >= 0) in[static_cast<std::size_t>(to)] += 1 / fs_per_byte(link);
    }
    const double n = groups, total_out = sum(out), total_in = sum(in), all = (n - 1) * bytes_;
    double result = 0;
    switch (kind_) {
      case CollectiveKind::kAllReduce:
        return 2 * all / std::min(total_out, total_in);
      case CollectiveKind::kReduceScatter:
      case CollectiveKind::kAllGather:
        return all / std::min(total_out, total_in);
      case CollectiveKind::kBroadcast:
        result = bytes_ / out.front();
        for (std::size_t g = 1; g < in.size(); ++g) result = std::max(result, bytes_ / in[g]);
        return result;
      case CollectiveKind::kAllToAll:
        for (std::size_t g = 0; g < in.size(); ++g)
          result = std::max(result, cores_a_group * (1 - 1 / n) * bytes_ / std::min(out[g], in[g]));
        return result;
    }
    return result;
  }

  // Every byte takes a link for some time, for each hop of its way; all links work all the time.
  double hops_fs(bool between_chips_only) const {
    if (kind_ != CollectiveKind::kAllToAll) return 0;
    double work = 0, count = 0;
    const auto counts = [&](std::size_t l) { return !between_chips_only || !s_.network.onchip[l]; };
    for (std::size_t l = 0; l < links_.size(); ++l) count += counts(l) ? 1 : 0;
    for (int core = 0; core < cores_; ++core) {
      const std::vector<double> way = least(
          s_.network.topology, core, [&](std::size_t l) { return counts(l) ? fs_per_byte(links_[l]) : 0.0; });
      for (int to = 0; to < cores_; ++to) work += way[static_cast<std::size_t>(to)] * bytes_ / cores_;
    }
    return count == 0 ? 0 : work / count;
  }

  double latency_fs() const {
    std::vector<double> way = least(s_.network.topology, 0, [&](std::size_t l) {
      return static_cast<double>(links_[l].parameters.latency_fs);
    });
    way.resize(static_cast<std::size_t>(cores_));
    return *std::max_element(way.begin(), way.end());
  }

 private:
  static double sum(const std::vector<double>& values) {
    double result = 0;
    for (const double v : values) result += v;
    return result;
  }
  // Of a core, or of the router of a chip; -1: a switch that belongs to nobody, or the router among cores.
  int group(int node, int cores_a_group) const {
    if (node < cores_) return node / cores_a_group;
    const int chip = node - cores_;
    return cores_a_group > 1 && chip < cores_ / cores_a_group ? chip : -1;
  }

  CollectiveKind kind_;
  const CollectiveSystem& s_;
  const std::vector<Link>& links_;
  int cores_;
  double bytes_;
};

}  // namespace

double CollectiveTerms::busiest() const { return std::max({links, network_unit, vector_unit, dma, hbm}); }

const char* CollectiveTerms::busiest_unit() const {
  const double most = busiest();
  if (most == links) return "links";
  if (most == hbm) return "hbm";
  if (most == dma) return "dma";
  return most == vector_unit ? "vector_unit" : "network_unit";
}

const char* CollectiveTerms::bound_by() const {
  if (in_turn > latency + busiest()) return "scratchpad";
  return latency > busiest() ? "latency" : busiest_unit();
}

CollectiveTerms collective_theory(const compiler::CollectiveParameters& p,
                                  const compiler::CollectiveShape& shape, const CollectiveSystem& s) {
  Theory theory(s);
  const double line = 4.0 * s.lanes, bytes = static_cast<double>(shape.lines) * line,
               share = bytes / static_cast<double>(shape.ways.size());
  const auto period = static_cast<double>(s.clock_period_fs);
  const bool places = p.kind != CollectiveKind::kBroadcast && !in_turns(p);
  // all places take the same number of segments, or one less
  const double turns = std::ceil(static_cast<double>(shape.segments) / static_cast<double>(shape.places)),
               longest = static_cast<double>(shape.segment_lines) * line;
  double latency_fs = 0, in_turn_fs = 0;
  for (const Way& way : shape.ways) {
    latency_fs = std::max(latency_fs, theory.way(p, way, share));
    if (places)
      in_turn_fs = std::max(in_turn_fs, turns * theory.segment_fs(p, way, longest, period, turns > 1));
  }
  CollectiveTerms t = units(p, bytes, s);
  if (in_turns(p)) add_turns(t, shape.ways.front(), bytes, s);
  if (p.direct)
    t.network_unit += static_cast<double>(rounds(p.kind) * shape.segments) *
                      (s.network.topology.endpoints() - 1) * kPutCycles;
  t.latency = latency_fs / period;
  t.links = theory.busiest_fs() / period;
  t.in_turn = in_turn_fs / period;
  return t;
}

CollectiveTerms collective_bound(const compiler::CollectiveParameters& p, double bytes,
                                 const CollectiveSystem& s) {
  const Bound bound(p.kind, bytes, s);
  CollectiveTerms t = units(p, bytes, s);
  const auto period = static_cast<double>(s.clock_period_fs);
  t.latency = bound.latency_fs() / period;
  t.links = std::max({bound.between_groups_fs(1), bound.between_groups_fs(s.cores_per_chip),
                      bound.hops_fs(false), bound.hops_fs(true)}) /
            period;
  return t;
}

}  // namespace anzan::sim
