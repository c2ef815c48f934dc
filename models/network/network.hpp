// Messages through a network in time: packets, virtual cut-through, first come first served at every output,
// finite buffers with credits. The rules, and what of them is exact: README.md. All time is in femtoseconds.
//
// An outer simulation drives it like an event queue: it injects messages, asks for the time of the next event
// and advances to it; the callback then names the messages whose last byte has arrived.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <tuple>
#include <vector>

#include "models/network/event_queue.hpp"
#include "models/network/observer.hpp"
#include "models/network/routing.hpp"

namespace anzan::models {

struct LinkCounters {      // of packets whose transmission has begun
  std::int64_t bytes = 0;  // headers too
  std::int64_t packets = 0;
  std::int64_t busy_fs = 0;  // sum of their serialisation times
};

class Network {
 public:
  using Delivery = std::function<void(std::uint64_t id, std::int64_t time_fs)>;

  // Keeps copies. Throws std::invalid_argument for an impossible packet format. The table should be free of
  // deadlock (build_routing); with one that is not, messages may remain for which next_event() knows nothing.
  Network(const Topology& topology, const RoutingTable& table, const PacketFormat& packet, Delivery delivery);

  // A message that stands ready at its source at `time_fs`; ids count from 0. Messages that leave through the
  // same channel of their source do so one after the other, by time, then id. Throws std::invalid_argument
  // for a time in the past, nodes that are no endpoints or the same, and a negative count of bytes; or of 0
  // bytes, which is a packet of a header alone, if there are no headers.
  std::uint64_t inject(std::int64_t time_fs, int source, int destination, std::int64_t bytes);

  // The time of the next moment in which anything happens; nothing when all credits are back (or in
  // deadlock).
  std::optional<std::int64_t> next_event() const;

  // Everything up to and including this time. Calls the callback in the order of time, then id; the callback
  // may inject, at the time it is given or later. Throws std::invalid_argument for a time in the past.
  void advance(std::int64_t time_fs);

  std::int64_t now_fs() const { return now_fs_; }
  std::int64_t messages_under_way() const { return messages_under_way_; }  // from injection to delivery
  std::int64_t packets_under_way() const { return packets_under_way_; }
  const LinkCounters& counters(int link) const { return outputs_[at(link)].counters; }
  // Told of every packet from now on; must live as long as the network, or be replaced. Null: nobody.
  void observe(NetworkObserver* observer) { observer_ = observer; }
  int credits(int channel) const { return credits_[at(channel)]; }  // packets that still fit its buffer

 private:
  struct Message {
    std::uint64_t id;
    int source, destination;
    std::int64_t unsent_bytes, unsent_packets, undelivered_packets;
    int next;  // in the same queue; -1: the last
  };
  struct Packet {
    std::int64_t ready_fs;  // when the next output may begin; at the destination, when the tail is there
    int message, bytes;     // bytes on the link
    int wanted;             // next channel; -1 at the destination
    int next;
  };
  // Where packets wait: input c < channels is the buffer of channel c; channels + c holds the messages of the
  // node itself that leave through channel c.
  struct Input {
    int head = -1, tail = -1;      // packets, or messages
    bool sending = false;          // its head is on a link: the one behind it may not ask yet
    int previous = -1, next = -1;  // among the requests for a channel
    std::int64_t request_fs = 0;
  };
  struct Requests {  // for one channel, in the order of service
    int first = -1, last = -1;
  };
  struct Output {  // a link
    LinkParameters parameters;
    int to = 0;
    bool busy = false, touched = false;
    int sender = -1;  // the input whose packet it carries
    LinkCounters counters;
  };

  static std::size_t at(int value) { return static_cast<std::size_t>(value); }
  bool earlier(int a, int b) const;
  void moment(std::int64_t time_fs);
  void handle(std::uint32_t code);
  void start_due_messages();
  void deliver_finished();
  void next_in_line(int input);
  void request(int input, int channel);
  void touch(int link);
  void arbitrate(int link);
  void send(int input, int channel);
  int take_packet(int input);
  void arrive(int packet, int channel, std::int64_t serialisation_fs);
  void consume(int input);

  RoutingTable table_;
  PacketFormat format_;
  Delivery delivery_;
  NetworkObserver* observer_ = nullptr;
  int endpoints_, virtual_channels_, channels_;

  std::vector<Output> outputs_;
  std::vector<Input> inputs_;
  std::vector<Requests> requests_;
  std::vector<int> credits_;
  std::vector<Message> messages_;
  std::vector<Packet> packets_;
  std::vector<int> free_messages_, free_packets_;

  EventQueue events_;
  using Due = std::tuple<std::int64_t, std::uint64_t, int>;  // time, id, message
  std::priority_queue<Due, std::vector<Due>, std::greater<Due>> due_;
  std::vector<int> touched_;  // links that may begin a packet now
  std::vector<std::uint64_t> finished_;
  std::int64_t now_fs_ = 0, messages_under_way_ = 0, packets_under_way_ = 0;
  std::uint64_t next_id_ = 0;
};

}  // namespace anzan::models
