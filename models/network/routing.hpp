// Which way packets go: a table of next hops, the ways to fill it, and the proof that it cannot deadlock.
//
// A channel is one virtual channel of a link, with a buffer of its own at the link's end; its number is link
// · virtual_channels + virtual channel. A packet that holds a channel's buffer waits only for the next
// channel on its way. Where these waits form no circle, no traffic can deadlock (Dally and Seitz, IEEE Trans.
// Computers C-36(5), 1987).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "models/network/topology.hpp"

namespace anzan::models {

class RoutingTable {
 public:
  static constexpr std::size_t kMostEntries = std::size_t{1} << 26;
  // Empty: every channel is -1. Throws std::invalid_argument where the table would exceed that.
  RoutingTable(const Topology& topology, int virtual_channels);

  int virtual_channels() const { return virtual_channels_; }
  // The channel that a packet for `destination` takes from `node`; -1 at the destination.
  int channel(int node, int destination) const { return next_[index(node, destination)]; }
  void set(int node, int destination, int link, int virtual_channel);
  int link_of(int channel) const { return channel / virtual_channels_; }

  // The channels of the whole way; throws std::logic_error where the table leads in a circle or ends.
  std::vector<int> path(const Topology& topology, int source, int destination) const;

 private:
  std::size_t index(int node, int destination) const {
    return static_cast<std::size_t>(node) * static_cast<std::size_t>(endpoints_) +
           static_cast<std::size_t>(destination);
  }

  int endpoints_, virtual_channels_;
  std::vector<int> next_;
};

// Whole grids only (throws std::invalid_argument otherwise): dimension after dimension, the shorter way
// round, the positive one if both are equal. Rings have two virtual channels: 0 as long as the way still
// leads over the end of the dimension, 1 from there on (and at once where it does not).
RoutingTable dimension_order(const Topology& topology);

// Grids only: fewest hops around links that have failed. The hop of dimension_order is taken wherever it is
// one of the fewest, otherwise the lowest link number. From where ways to a destination leave the dimension
// order, they go on in virtual channels of their own to the end.
RoutingTable detour(const Topology& topology);

// Fewest hops; the lowest link number on ties. One virtual channel.
RoutingTable shortest_path(const Topology& topology);

// Free of deadlock on every topology: links lead up or down in a breadth-first order from the node with most
// links, and no way goes up after it went down (Schroeder et al., Autonet, IEEE JSAC 9(8), 1991). The
// shortest way down where one exists, otherwise up. Not always the fewest hops.
RoutingTable up_down(const Topology& topology);

// Channels each of which a packet may hold while waiting for the next, the last for the first; nothing if no
// traffic between endpoints can close such a circle.
std::optional<std::vector<int>> dependency_cycle(const Topology& topology, const RoutingTable& table);

std::vector<std::string> routing_methods();

// The table of the method, proven free of deadlock: "dimension_order", "detour", "shortest_path", "up_down",
// or "automatic": dimension_order on whole grids, detour on others, shortest_path on what is no grid, and
// up_down where these could deadlock. Throws std::invalid_argument for another name, and where the method
// could deadlock, naming the circle.
RoutingTable build_routing(const Topology& topology, const std::string& method = "automatic");

}  // namespace anzan::models
