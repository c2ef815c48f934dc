// Each tick: what ends in it, what is consumed, who waits since when, and then who begins.
#include "tests/models/network/network_by_ticks.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace anzan::models {
namespace {

struct TickPacket {
  std::uint64_t message;
  int destination;
  std::int64_t bytes;
  std::int64_t head_tick, tail_tick;  // at the node where it waits
};

struct TickQueue {  // a buffer, or the packets that a node sends through one channel
  int node = 0;
  int channel = -1;  // of the buffer; -1: the node's own packets
  std::deque<TickPacket> packets;
  bool sending = false;
  std::optional<std::int64_t> waiting_since;
};

struct Sending {
  std::size_t queue;
  std::int64_t end_tick;
};

class TickNetwork {
 public:
  TickNetwork(const Topology& topology, const RoutingTable& table, const PacketFormat& format,
              const std::vector<TestMessage>& messages)
      : topology_(topology), table_(table), format_(format), messages_(messages) {
    const int vcs = table.virtual_channels();
    const int channels = static_cast<int>(topology.links().size()) * vcs;
    queues_.resize(2 * static_cast<std::size_t>(channels));
    for (int c = 0; c < channels; ++c) {
      const Link& link = topology.links()[static_cast<std::size_t>(c / vcs)];
      queue(c).node = link.to;
      queue(c).channel = c;
      queue(channels + c).node = link.from;
      places_.push_back(link.parameters.buffer_packets);
    }
    links_.resize(topology.links().size());
  }

  std::map<std::uint64_t, std::int64_t> run(std::int64_t most_ticks) {
    std::map<std::uint64_t, std::int64_t> missing;
    for (std::size_t m = 0; m < messages_.size(); ++m)
      missing[m] =
          std::max<std::int64_t>(1, (messages_[m].bytes + format_.payload_bytes - 1) / format_.payload_bytes);
    std::map<std::uint64_t, std::int64_t> delivered;
    for (tick_ = 0; tick_ <= most_ticks && delivered.size() < messages_.size(); ++tick_) {
      end_transmissions();
      return_places();
      start_messages();
      for (TickQueue& q : queues_) {
        while (consumable(q)) {
          if (--missing[q.packets.front().message] == 0) delivered[q.packets.front().message] = tick_;
          q.packets.pop_front();
          free_place(q.channel);
        }
        if (!q.sending && !q.packets.empty() && !q.waiting_since && may_start(q)) q.waiting_since = tick_;
      }
      for (std::size_t l = 0; l < links_.size(); ++l)
        if (!links_[l]) begin(static_cast<int>(l));
    }
    return delivered;
  }

 private:
  TickQueue& queue(int number) { return queues_[static_cast<std::size_t>(number)]; }
  const LinkParameters& link(int number) const {
    return topology_.links()[static_cast<std::size_t>(number)].parameters;
  }

  // Ticks in which the link moves that many bytes: the first at which bandwidth · time reaches them.
  static std::int64_t ticks(const LinkParameters& link, std::int64_t bytes) {
    std::int64_t result = 0;
    while (result * link.bytes < bytes * link.period_fs) ++result;
    return result;
  }

  void free_place(int channel) {
    if (channel >= 0) returning_.emplace(tick_ + link(table_.link_of(channel)).latency_fs, channel);
  }

  void end_transmissions() {
    for (auto& sending : links_) {
      if (!sending || sending->end_tick != tick_) continue;
      queues_[sending->queue].sending = false;
      free_place(queues_[sending->queue].channel);
      sending.reset();
    }
  }

  void return_places() {
    while (!returning_.empty() && returning_.begin()->first <= tick_) {
      ++places_[static_cast<std::size_t>(returning_.begin()->second)];
      returning_.erase(returning_.begin());
    }
  }

  void start_messages() {
    const int channels = static_cast<int>(places_.size());
    for (std::size_t m = 0; m < messages_.size(); ++m) {
      if (messages_[m].time_fs != tick_) continue;
      const int channel = table_.channel(messages_[m].source, messages_[m].destination);
      std::int64_t left = messages_[m].bytes;
      do {
        const std::int64_t payload = std::min(left, format_.payload_bytes);
        queue(channels + channel)
            .packets.push_back({m, messages_[m].destination, payload + format_.header_bytes, tick_, tick_});
        left -= payload;
      } while (left > 0);
    }
  }

  bool consumable(const TickQueue& q) const {
    return !q.sending && !q.packets.empty() && q.packets.front().destination == q.node &&
           q.packets.front().tail_tick <= tick_;
  }

  // Its head is here, and the last byte will be before the next link wants it.
  bool may_start(const TickQueue& q) const {
    const TickPacket& packet = q.packets.front();
    if (packet.destination == q.node) return false;
    const int next = table_.link_of(table_.channel(q.node, packet.destination));
    return packet.head_tick <= tick_ && packet.tail_tick <= tick_ + ticks(link(next), packet.bytes);
  }

  void begin(int number) {
    std::optional<std::size_t> best;
    for (std::size_t k = 0; k < queues_.size(); ++k) {
      const TickQueue& q = queues_[k];
      if (!q.waiting_since) continue;
      const int channel = table_.channel(q.node, q.packets.front().destination);
      if (table_.link_of(channel) != number || places_[static_cast<std::size_t>(channel)] == 0) continue;
      if (!best || *q.waiting_since < *queues_[*best].waiting_since) best = k;
    }
    if (!best) return;
    TickQueue& q = queues_[*best];
    TickPacket packet = q.packets.front();
    q.packets.pop_front();
    q.sending = true;
    q.waiting_since.reset();
    const int channel = table_.channel(q.node, packet.destination);
    --places_[static_cast<std::size_t>(channel)];
    links_[static_cast<std::size_t>(number)] = Sending{*best, tick_ + ticks(link(number), packet.bytes)};
    packet.head_tick = tick_ + link(number).latency_fs;
    packet.tail_tick = packet.head_tick + ticks(link(number), packet.bytes);
    queue(channel).packets.push_back(packet);
  }

  const Topology& topology_;
  const RoutingTable& table_;
  const PacketFormat format_;
  const std::vector<TestMessage>& messages_;
  std::int64_t tick_ = 0;
  std::vector<TickQueue> queues_;
  std::vector<int> places_;  // free, as the sender knows
  std::multimap<std::int64_t, int> returning_;
  std::vector<std::optional<Sending>> links_;
};

}  // namespace

std::map<std::uint64_t, std::int64_t> run_by_ticks(const Topology& topology, const RoutingTable& table,
                                                   const PacketFormat& format,
                                                   const std::vector<TestMessage>& messages,
                                                   std::int64_t most_ticks) {
  return TickNetwork(topology, table, format, messages).run(most_ticks);
}

}  // namespace anzan::models
