// A moment has two halves: all that happens by itself (packets become ready or leave, credits come back,
// messages start), which is the same in any order; then every free link takes its next packet. Nothing that a
// link does then can matter before the next moment, as latencies are above zero.
#include "models/network/network.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace anzan::models {
namespace {

// Event codes: the kind above the number of the input, link or channel.
constexpr int kKindShift = 28;
constexpr std::uint32_t kReady = 0, kSent = 1, kCredit = 2;

std::uint32_t code_of(std::uint32_t kind, int number) {
  return kind << kKindShift | static_cast<std::uint32_t>(number);
}

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("network: " + what); }

// A slot of a pool that grows only when no slot is free.
template <typename T>
int allocate(std::vector<T>& pool, std::vector<int>& free) {
  if (free.empty()) {
    pool.emplace_back();
    return static_cast<int>(pool.size()) - 1;
  }
  const int slot = free.back();
  free.pop_back();
  return slot;
}

}  // namespace

Network::Network(const Topology& topology, const RoutingTable& table, const PacketFormat& packet,
                 Delivery delivery)
    : table_(table),
      format_(packet),
      delivery_(std::move(delivery)),
      endpoints_(topology.endpoints()),
      virtual_channels_(table.virtual_channels()),
      channels_(static_cast<int>(topology.links().size()) * table.virtual_channels()) {
  check(format_);
  if (2 * static_cast<std::int64_t>(channels_) >= std::int64_t{1} << kKindShift)
    refuse("found " + std::to_string(channels_) + " channels, expected less than 2^27");
  for (const Link& link : topology.links()) {
    outputs_.emplace_back();
    outputs_.back().parameters = link.parameters;
    outputs_.back().to = link.to;
    credits_.insert(credits_.end(), at(virtual_channels_), link.parameters.buffer_packets);
  }
  inputs_.resize(2 * at(channels_));
  requests_.resize(at(channels_));
}

std::uint64_t Network::inject(std::int64_t time_fs, int source, int destination, std::int64_t bytes) {
  if (time_fs < now_fs_)
    refuse("a message at " + std::to_string(time_fs) + " fs, but it is " + std::to_string(now_fs_));
  for (const int node : {source, destination})
    if (node < 0 || node >= endpoints_)
      refuse("found endpoint " + std::to_string(node) + ", expected 0 to " + std::to_string(endpoints_ - 1));
  if (source == destination) refuse("a message from endpoint " + std::to_string(source) + " to itself");
  if (bytes < 0 || bytes + format_.header_bytes == 0)
    refuse("found a message of " + std::to_string(bytes) + " bytes, expected at least " +
           std::to_string(format_.header_bytes == 0 ? 1 : 0));
  const int slot = allocate(messages_, free_messages_);
  const std::int64_t packets =
      std::max<std::int64_t>(1, bytes / format_.payload_bytes + (bytes % format_.payload_bytes != 0 ? 1 : 0));
  messages_[at(slot)] = {next_id_, source, destination, bytes, packets, packets, -1};
  due_.push({time_fs, next_id_, slot});
  ++messages_under_way_;
  return next_id_++;
}

std::optional<std::int64_t> Network::next_event() const {
  std::optional<std::int64_t> result;
  if (!events_.empty()) result = events_.next_fs();
  if (!due_.empty() && (!result || std::get<0>(due_.top()) < *result)) result = std::get<0>(due_.top());
  return result;
}

void Network::advance(std::int64_t time_fs) {
  if (time_fs < now_fs_)
    refuse("cannot go back to " + std::to_string(time_fs) + " fs from " + std::to_string(now_fs_));
  for (auto next = next_event(); next && *next <= time_fs; next = next_event()) moment(*next);
  now_fs_ = time_fs;
}

void Network::moment(std::int64_t time_fs) {
  now_fs_ = time_fs;
  while (!events_.empty() && events_.next_fs() == time_fs) handle(events_.pop().code);
  deliver_finished();
  start_due_messages();
  for (const int link : touched_) arbitrate(link);
  touched_.clear();
}

void Network::handle(std::uint32_t code) {
  const int number = static_cast<int>(code & ((1U << kKindShift) - 1));
  switch (code >> kKindShift) {
    case kReady:
      next_in_line(number);
      break;
    case kSent: {
      Output& output = outputs_[at(number)];
      const int input = output.sender;
      output.busy = false;
      touch(number);
      inputs_[at(input)].sending = false;
      if (input < channels_) consume(input);
      next_in_line(input);
      break;
    }
    default:
      ++credits_[at(number)];
      touch(table_.link_of(number));
  }
}

void Network::start_due_messages() {
  while (!due_.empty() && std::get<0>(due_.top()) == now_fs_) {
    const int slot = std::get<2>(due_.top());
    due_.pop();
    const Message& message = messages_[at(slot)];
    const int queue = channels_ + table_.channel(message.source, message.destination);
    Input& input = inputs_[at(queue)];
    if (input.head >= 0) {
      messages_[at(input.tail)].next = slot;
      input.tail = slot;
    } else {
      input.head = input.tail = slot;
      if (!input.sending) request(queue, queue - channels_);
    }
  }
}

void Network::deliver_finished() {
  std::sort(finished_.begin(), finished_.end());
  for (const std::uint64_t id : finished_) delivery_(id, now_fs_);
  finished_.clear();
}

// Whatever stands at the head of an input that is not sending: asks for its output, leaves the network, or
// is not ready yet.
void Network::next_in_line(int number) {
  Input& input = inputs_[at(number)];
  while (input.head >= 0) {
    if (number >= channels_) return request(number, number - channels_);
    const Packet& packet = packets_[at(input.head)];
    if (packet.ready_fs > now_fs_) return events_.push(packet.ready_fs, code_of(kReady, number));
    if (packet.wanted >= 0) return request(number, packet.wanted);
    Message& message = messages_[at(packet.message)];
    if (--message.undelivered_packets == 0) {
      finished_.push_back(message.id);
      free_messages_.push_back(packet.message);
      --messages_under_way_;
    }
    free_packets_.push_back(input.head);
    --packets_under_way_;
    input.head = packet.next;
    consume(number);
  }
}

// A place in the buffer of the channel is free again: its sender learns of it a latency later.
void Network::consume(int channel) {
  events_.push(now_fs_ + outputs_[at(table_.link_of(channel))].parameters.latency_fs,
               code_of(kCredit, channel));
}

void Network::touch(int link) {
  Output& output = outputs_[at(link)];
  if (output.busy || output.touched) return;
  output.touched = true;
  touched_.push_back(link);
}

bool Network::earlier(int a, int b) const {
  const std::int64_t a_fs = inputs_[at(a)].request_fs, b_fs = inputs_[at(b)].request_fs;
  return a_fs < b_fs || (a_fs == b_fs && a < b);
}

void Network::request(int number, int channel) {
  Input& input = inputs_[at(number)];
  Requests& requests = requests_[at(channel)];
  input.request_fs = now_fs_;
  int before = requests.last;
  while (before >= 0 && earlier(number, before)) before = inputs_[at(before)].previous;
  input.previous = before;
  int& from_before = before < 0 ? requests.first : inputs_[at(before)].next;
  input.next = from_before;
  from_before = number;
  (input.next < 0 ? requests.last : inputs_[at(input.next)].previous) = number;
  touch(table_.link_of(channel));
}

void Network::arbitrate(int link) {
  outputs_[at(link)].touched = false;
  int winner = -1, winning_channel = -1;
  for (int channel = link * virtual_channels_; channel < (link + 1) * virtual_channels_; ++channel) {
    const int first = requests_[at(channel)].first;
    if (first < 0 || credits_[at(channel)] == 0 || (winner >= 0 && !earlier(first, winner))) continue;
    winner = first;
    winning_channel = channel;
  }
  if (winner >= 0) send(winner, winning_channel);
}

void Network::send(int number, int channel) {
  Requests& requests = requests_[at(channel)];
  requests.first = inputs_[at(number)].next;
  (requests.first < 0 ? requests.last : inputs_[at(requests.first)].previous) = -1;
  --credits_[at(channel)];

  const int packet = take_packet(number);
  const int link = table_.link_of(channel);
  Output& output = outputs_[at(link)];
  const int bytes = packets_[at(packet)].bytes;
  const std::int64_t serialisation_fs = output.parameters.serialisation_fs(bytes);
  output.busy = true;
  output.sender = number;
  output.counters.bytes += bytes;
  ++output.counters.packets;
  output.counters.busy_fs += serialisation_fs;
  if (observer_ != nullptr) {
    const Message& message = messages_[at(packets_[at(packet)].message)];
    observer_->carries(
        {link, now_fs_, now_fs_ + serialisation_fs, bytes, message.id, message.source, message.destination});
  }
  events_.push(now_fs_ + serialisation_fs, code_of(kSent, link));
  arrive(packet, channel, serialisation_fs);
}

// The packet at the head of an input, which then is sending; of a message, the next packet, cut just now.
int Network::take_packet(int number) {
  Input& input = inputs_[at(number)];
  input.sending = true;
  const int head = input.head;
  if (number < channels_) {
    input.head = packets_[at(head)].next;
    return head;
  }
  Message& message = messages_[at(head)];
  const std::int64_t payload = std::min(format_.payload_bytes, message.unsent_bytes);
  message.unsent_bytes -= payload;
  if (--message.unsent_packets == 0) input.head = message.next;
  const int packet = allocate(packets_, free_packets_);
  packets_[at(packet)].message = head;
  packets_[at(packet)].bytes = static_cast<int>(payload + format_.header_bytes);
  ++packets_under_way_;
  return packet;
}

// The packet, whose first byte leaves now, takes its place in the buffer at the link's end. It may leave for
// the next link as soon as that one cannot run out of its bytes.
void Network::arrive(int number, int channel, std::int64_t serialisation_fs) {
  const Output& output = outputs_[at(table_.link_of(channel))];
  Packet& packet = packets_[at(number)];
  packet.next = -1;
  packet.wanted = table_.channel(output.to, messages_[at(packet.message)].destination);
  std::int64_t wait_fs = serialisation_fs;
  if (packet.wanted >= 0) {
    const LinkParameters& next = outputs_[at(table_.link_of(packet.wanted))].parameters;
    wait_fs = std::max<std::int64_t>(0, serialisation_fs - next.serialisation_fs(packet.bytes));
  }
  packet.ready_fs = now_fs_ + output.parameters.latency_fs + wait_fs;
  Input& input = inputs_[at(channel)];
  if (input.head >= 0) {
    packets_[at(input.tail)].next = number;
    input.tail = number;
  } else {
    input.head = input.tail = number;
    if (!input.sending) events_.push(packet.ready_fs, code_of(kReady, channel));
  }
}

}  // namespace anzan::models
