// What one direction of a link is made of, and named examples with their sources. Exact: bandwidth is a ratio
// of integers and time an integer number of femtoseconds.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace anzan::models {

// Packets carry at most payload_bytes of a message, and header_bytes besides, which take time on links only.
struct PacketFormat {
  std::int64_t payload_bytes = 2048;
  std::int64_t header_bytes = 0;
  std::int64_t most_bytes() const { return payload_bytes + header_bytes; }
};

struct LinkParameters {
  std::int64_t bytes = 1;      // bandwidth: so many bytes …
  std::int64_t period_fs = 1;  // … in so many femtoseconds
  std::int64_t latency_fs =
      1;                    // of a hop: first byte at a node's output -> the same at the next node's output
  int buffer_packets = 16;  // at the receiving end, for each virtual channel

  // Of `count` bytes, rounded up to a whole femtosecond.
  std::int64_t serialisation_fs(std::int64_t count) const { return (count * period_fs + bytes - 1) / bytes; }
};

// Throw std::invalid_argument with the field, what stands there and what was expected. The limits keep every
// product within 64 bits: 2^24 bytes a packet, 10^11 fs a period, 10^15 fs of latency, 2^20 packets a buffer.
void check(const LinkParameters& link);
void check(const PacketFormat& packet);

// The least buffer_packets with which full packets follow each other without a gap: 1 + ceil(2 · latency /
// serialisation), since a credit is back one serialisation and two latencies after its packet's start. Throws
// as check() does, but for link.buffer_packets, which does not matter.
int buffer_packets_for_full_rate(const LinkParameters& link, const PacketFormat& packet);

// A link of a machine that was built, with enough buffers for its full rate. The sources stand in README.md.
struct LinkPreset {
  const char* name;
  LinkParameters link;
  PacketFormat packet;
};
std::vector<LinkPreset> link_presets();
LinkPreset link_preset(const std::string& name);  // throws std::invalid_argument with the names there are

}  // namespace anzan::models
