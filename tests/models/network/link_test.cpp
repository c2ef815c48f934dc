// Serialisation by its definition, buffers for the full rate as a network shows it, limits and presets.
#include "models/network/link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/models/network/traffic.hpp"

namespace anzan::models::link_test {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Error = std::invalid_argument;

TEST(Link, SerialisationRoundsUp) {
  const LinkParameters link{34, 5000000, 1, 1};
  EXPECT_EQ(link.serialisation_fs(0), 0);
  EXPECT_EQ(link.serialisation_fs(34), 5000000);
  EXPECT_EQ(link.serialisation_fs(1), 147059);  // 147058.8
  EXPECT_EQ(link.serialisation_fs(2048), 301176471);
}

// Bytes of a long message that a line of two links delivers in 10^12 fs.
std::int64_t delivered_bytes(const LinkParameters& link, const PacketFormat& packet) {
  const Topology topology = Topology::mesh({3}, link);
  std::int64_t bytes = 0;
  Network network(topology, build_routing(topology), packet,
                  [&](std::uint64_t, std::int64_t) { bytes += packet.payload_bytes; });
  for (int k = 0; k < 10000; ++k) network.inject(0, 0, 2, packet.payload_bytes);
  network.advance(1000000000);
  return bytes;
}

TEST(Link, BuffersForTheFullRateAreTheFewest) {
  const PacketFormat packet{64, 0};
  for (const std::int64_t latency_fs : {320000, 640000, 650000, 5000000}) {
    LinkParameters link{1, 10000, latency_fs, 1};  // 640,000 fs a packet
    const int least = buffer_packets_for_full_rate(link, packet);
    link.buffer_packets = least;
    const std::int64_t full = delivered_bytes(link, packet);
    EXPECT_GE(full, 64 * (1000000000 - 2 * latency_fs) / 640000 - 64);
    link.buffer_packets = least + 5;
    EXPECT_EQ(delivered_bytes(link, packet), full);
    link.buffer_packets = least - 1;
    EXPECT_LT(delivered_bytes(link, packet), full);
  }
}

TEST(Link, PresetsAreWhatTheirNamesSay) {
  const auto gb_per_s = [](const char* name) {
    const LinkParameters link = link_preset(name).link;
    return static_cast<double>(link.bytes) * 1e6 / static_cast<double>(link.period_fs);
  };
  EXPECT_DOUBLE_EQ(gb_per_s("tofu1"), 5);
  EXPECT_DOUBLE_EQ(gb_per_s("tofu2"), 12.5);
  EXPECT_DOUBLE_EQ(gb_per_s("tofud"), 6.8);
  EXPECT_NEAR(gb_per_s("pcie4_x16"), 31.508, 0.001);
  EXPECT_NEAR(gb_per_s("pcie5_x16"), 63.015, 0.001);
  EXPECT_DOUBLE_EQ(gb_per_s("on_chip"), 64);
  for (const LinkPreset& preset : link_presets()) {
    EXPECT_NO_THROW(check(preset.link)) << preset.name;
    EXPECT_NO_THROW(check(preset.packet)) << preset.name;
  }
  EXPECT_THAT([] { link_preset("string"); }, ThrowsMessage<Error>(HasSubstr("expected one of tofu1, tofu2")));
}

TEST(Link, RefusesWhatCannotBe) {
  const LinkParameters good{1, 1, 1, 1};
  for (const auto& [field, member] : {std::pair("bytes", &LinkParameters::bytes),
                                      {"period_fs", &LinkParameters::period_fs},
                                      {"latency_fs", &LinkParameters::latency_fs}}) {
    LinkParameters bad = good;
    bad.*member = 0;
    EXPECT_THAT([&] { check(bad); },
                ThrowsMessage<Error>(HasSubstr(std::string(field) + ": found 0, expected 1 to")));
  }
  EXPECT_THAT([] { check(LinkParameters{1, 1, 1, 0}); }, ThrowsMessage<Error>(HasSubstr("buffer_packets")));
  EXPECT_THAT(
      [] {
        buffer_packets_for_full_rate({1, 1, 1000000000000, 0}, {1, 0});
      },
      ThrowsMessage<Error>(HasSubstr("buffers for the full rate: found 2000000000001")));
  EXPECT_THAT(
      [] {
        buffer_packets_for_full_rate({0, 1, 1, 0}, {1, 0});
      },
      ThrowsMessage<Error>(HasSubstr("bytes: found 0")));
  EXPECT_THAT([] { check(PacketFormat{1, -1}); }, ThrowsMessage<Error>(HasSubstr("header_bytes: found -1")));
}

}  // namespace
}  // namespace anzan::models::link_test
