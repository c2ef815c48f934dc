// Limits and presets of links; README.md says where the figures of the presets come from.
#include "models/network/link.hpp"

#include <stdexcept>
#include <string>

namespace anzan::models {
namespace {

constexpr std::int64_t kNanosecondFs = 1000000;
constexpr std::int64_t kMostBufferPackets = 1 << 20;

void require(const char* field, std::int64_t found, std::int64_t least, std::int64_t most) {
  if (found >= least && found <= most) return;
  throw std::invalid_argument(std::string(field) + ": found " + std::to_string(found) + ", expected " +
                              std::to_string(least) + " to " + std::to_string(most));
}

LinkPreset preset(const char* name, std::int64_t bytes, std::int64_t period_ns, std::int64_t latency_ns,
                  PacketFormat packet) {
  LinkPreset result{name, {bytes, period_ns * kNanosecondFs, latency_ns * kNanosecondFs, 1}, packet};
  result.link.buffer_packets = buffer_packets_for_full_rate(result.link, packet);
  return result;
}

}  // namespace

void check(const LinkParameters& link) {
  require("bytes", link.bytes, 1, std::int64_t{1} << 40);
  require("period_fs", link.period_fs, 1, 100000000000);
  require("latency_fs", link.latency_fs, 1, 1000000000000000);
  require("buffer_packets", link.buffer_packets, 1, kMostBufferPackets);
}

void check(const PacketFormat& packet) {
  require("payload_bytes", packet.payload_bytes, 1, 1 << 23);
  require("header_bytes", packet.header_bytes, 0, 1 << 23);
}

int buffer_packets_for_full_rate(const LinkParameters& link, const PacketFormat& packet) {
  LinkParameters least = link;
  least.buffer_packets = 1;
  check(least);
  check(packet);
  const std::int64_t serialisation_fs = link.serialisation_fs(packet.most_bytes());
  const std::int64_t packets = 1 + (2 * link.latency_fs + serialisation_fs - 1) / serialisation_fs;
  require("buffers for the full rate", packets, 1, kMostBufferPackets);
  return static_cast<int>(packets);
}

std::vector<LinkPreset> link_presets() {
  const PacketFormat tofu{1920, 128}, pcie{256, 24}, line{64, 0};
  return {
      preset("tofu1", 5, 1, 100, tofu),           // 5 GB/s
      preset("tofu2", 25, 2, 100, tofu),          // 12.5 GB/s
      preset("tofud", 34, 5, 100, tofu),          // 6.8 GB/s
      preset("pcie4_x16", 4096, 130, 150, pcie),  // 16 GT/s · 16 lanes · 128/130 = 31.5 GB/s
      preset("pcie5_x16", 8192, 130, 150, pcie),  // 63.0 GB/s
      preset("package", 25, 1, 20, line),         // 25 GB/s: a fourth of 100 GB/s a chiplet
      preset("on_chip", 64, 1, 1, line),          // a line of 16 lanes a cycle at 1 GHz, a cycle a hop
  };
}

LinkPreset link_preset(const std::string& name) {
  std::string names;
  for (const LinkPreset& candidate : link_presets()) {
    if (name == candidate.name) return candidate;
    names += (names.empty() ? "" : ", ") + std::string(candidate.name);
  }
  throw std::invalid_argument("link preset: found " + name + ", expected one of " + names);
}

}  // namespace anzan::models
