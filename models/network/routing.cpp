// The ways to fill a routing table, and the search for circles in its channel-dependency graph.
#include "models/network/routing.hpp"

#include <algorithm>
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/depth_first_search.hpp>
#include <limits>
#include <stdexcept>

namespace anzan::models {
namespace {

constexpr int kUnknown = std::numeric_limits<int>::max() / 2;

std::size_t at(int value) { return static_cast<std::size_t>(value); }

struct Search {
  std::vector<int> distance;  // in hops from the root, by node (all links lead both ways)
  std::vector<int> order;     // the nodes, from the root outwards
};

Search breadth_first(const Topology& topology, int root) {
  Search result{std::vector<int>(at(topology.nodes()), kUnknown), {root}};
  result.distance[at(root)] = 0;
  for (std::size_t k = 0; k < result.order.size(); ++k) {
    const int node = result.order[k];
    for (const int link : topology.out_links(node)) {
      const int to = topology.links()[at(link)].to;
      if (result.distance[at(to)] != kUnknown) continue;
      result.distance[at(to)] = result.distance[at(node)] + 1;
      result.order.push_back(to);
    }
  }
  return result;
}

}  // namespace

RoutingTable::RoutingTable(const Topology& topology, int virtual_channels)
    : endpoints_(topology.endpoints()), virtual_channels_(virtual_channels) {
  const std::size_t entries = at(topology.nodes()) * at(endpoints_);
  if (entries > kMostEntries)
    throw std::invalid_argument("routing: " + std::to_string(topology.nodes()) + " nodes and " +
                                std::to_string(endpoints_) +
                                " endpoints need a table of more than 2^26 entries");
  next_.assign(entries, -1);
}

void RoutingTable::set(int node, int destination, int link, int virtual_channel) {
  next_[index(node, destination)] = link * virtual_channels_ + virtual_channel;
}

std::vector<int> RoutingTable::path(const Topology& topology, int source, int destination) const {
  std::vector<int> result;
  for (int node = source; node != destination;) {
    const int next = channel(node, destination);
    if (next < 0 || result.size() >= topology.links().size())
      throw std::logic_error("routing: no way from node " + std::to_string(source) + " to node " +
                             std::to_string(destination));
    result.push_back(next);
    node = topology.links()[at(link_of(next))].to;
  }
  return result;
}

namespace {

struct Hop {
  int next;             // node
  int virtual_channel;  // 0 if the way still leads over the end of a ring, 1 if not; 0 where there is no ring
};

// The first hop between two different nodes of a grid, whether its link is there or not.
Hop dimension_order_hop(const Topology& topology, int node, int destination) {
  int stride = 1;
  for (std::size_t d = 0;; stride *= topology.sizes()[d], ++d) {
    const int size = topology.sizes()[d], x = node / stride % size, y = destination / stride % size;
    if (x == y) continue;
    const int forward = (y - x + size) % size;
    const bool up = topology.wraps(d) ? forward <= size - forward : y > x;
    const bool over_the_end = up ? y < x : y > x;
    return {node + ((x + (up ? 1 : size - 1)) % size - x) * stride,
            topology.wraps(d) && !over_the_end ? 1 : 0};
  }
}

int dateline_channels(const Topology& topology) {
  for (std::size_t d = 0; d < topology.sizes().size(); ++d)
    if (topology.wraps(d)) return 2;
  return 1;
}

// The first of the links from `node` that lead one hop nearer.
int nearer(const Topology& topology, const std::vector<int>& distance, int node) {
  for (const int link : topology.out_links(node))
    if (distance[at(topology.links()[at(link)].to)] == distance[at(node)] - 1) return link;
  return -1;
}

}  // namespace

RoutingTable dimension_order(const Topology& topology) {
  if (topology.sizes().empty() || !topology.whole())
    throw std::invalid_argument("routing: dimension_order needs a mesh or torus without failed links");
  RoutingTable table(topology, dateline_channels(topology));
  for (int node = 0; node < topology.nodes(); ++node) {
    for (int destination = 0; destination < topology.nodes(); ++destination) {
      if (node == destination) continue;
      const Hop hop = dimension_order_hop(topology, node, destination);
      table.set(node, destination, topology.link_between(node, hop.next), hop.virtual_channel);
    }
  }
  return table;
}

RoutingTable detour(const Topology& topology) {
  if (topology.sizes().empty()) throw std::invalid_argument("routing: detour needs a mesh or torus");
  const int ordered = dateline_channels(topology);
  RoutingTable table(topology, 2 * ordered);
  std::vector<bool> late(at(topology.nodes()));  // a way that left the order may pass here
  for (int destination = 0; destination < topology.endpoints(); ++destination) {
    const auto [distance, order] = breadth_first(topology, destination);
    std::fill(late.begin(), late.end(), false);
    for (auto it = order.rbegin(); *it != destination; ++it) {  // from the farthest inwards
      const int node = *it;
      const Hop hop = dimension_order_hop(topology, node, destination);
      int link = topology.link_between(node, hop.next);
      if (link < 0 || distance[at(hop.next)] != distance[at(node)] - 1) {
        link = nearer(topology, distance, node);
        late[at(node)] = true;
      }
      table.set(node, destination, link, hop.virtual_channel + (late[at(node)] ? ordered : 0));
      if (late[at(node)]) late[at(topology.links()[at(link)].to)] = true;
    }
  }
  return table;
}

RoutingTable shortest_path(const Topology& topology) {
  RoutingTable table(topology, 1);
  for (int destination = 0; destination < topology.endpoints(); ++destination) {
    const std::vector<int> distance = breadth_first(topology, destination).distance;
    for (int node = 0; node < topology.nodes(); ++node)
      if (node != destination) table.set(node, destination, nearer(topology, distance, node), 0);
  }
  return table;
}

RoutingTable up_down(const Topology& topology) {
  int root = 0;
  for (int node = 1; node < topology.nodes(); ++node)
    if (topology.out_links(node).size() > topology.out_links(root).size()) root = node;
  const std::vector<int> order = breadth_first(topology, root).order;
  std::vector<int> rank(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) rank[at(order[k])] = static_cast<int>(k);

  RoutingTable table(topology, 1);
  std::vector<int> hops(order.size());
  const auto choose = [&](int node, int destination, bool down) {
    for (const int link : topology.out_links(node)) {
      const int to = topology.links()[at(link)].to;
      if ((rank[at(to)] > rank[at(node)]) != down || hops[at(to)] + 1 >= hops[at(node)]) continue;
      hops[at(node)] = hops[at(to)] + 1;
      table.set(node, destination, link, 0);
    }
  };
  for (int destination = 0; destination < topology.endpoints(); ++destination) {
    std::fill(hops.begin(), hops.end(), kUnknown);
    hops[at(destination)] = 0;
    // What lies below a node is known before the node itself, then what lies above.
    for (auto node = order.rbegin(); node != order.rend(); ++node)
      if (*node != destination) choose(*node, destination, true);
    for (const int node : order)
      if (hops[at(node)] == kUnknown) choose(node, destination, false);
  }
  return table;
}

namespace {

// (held, wanted) pairs of channels that some way between endpoints has one after the other; each once.
std::vector<std::pair<int, int>> dependencies(const Topology& topology, const RoutingTable& table) {
  std::vector<std::pair<int, int>> result;
  std::vector<int> seen(at(topology.nodes()), -1);  // the last destination for which the node was passed
  for (int destination = 0; destination < topology.endpoints(); ++destination) {
    for (int source = 0; source < topology.endpoints(); ++source) {
      int held = -1;
      for (int node = source; node != destination;) {
        const int wanted = table.channel(node, destination);
        if (wanted < 0)
          throw std::logic_error("routing: no way from node " + std::to_string(node) + " to node " +
                                 std::to_string(destination));
        if (held >= 0) result.emplace_back(held, wanted);
        if (seen[at(node)] == destination) break;
        seen[at(node)] = destination;
        held = wanted;
        node = topology.links()[at(table.link_of(wanted))].to;
      }
    }
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

using Graph = boost::compressed_sparse_row_graph<boost::directedS>;
using Vertex = boost::graph_traits<Graph>::vertex_descriptor;

struct CycleFound {};

// Remembers how it came to each vertex; the first edge back into that way closes a circle.
class CycleFinder : public boost::default_dfs_visitor {
 public:
  CycleFinder(std::vector<Vertex>& parent, std::vector<int>& cycle) : parent_(parent), cycle_(cycle) {}
  void tree_edge(const boost::graph_traits<Graph>::edge_descriptor& edge, const Graph& graph) {
    parent_[target(edge, graph)] = source(edge, graph);
  }
  void back_edge(const boost::graph_traits<Graph>::edge_descriptor& edge, const Graph& graph) {
    for (Vertex v = source(edge, graph); v != target(edge, graph); v = parent_[v])
      cycle_.push_back(static_cast<int>(v));
    cycle_.push_back(static_cast<int>(target(edge, graph)));
    std::reverse(cycle_.begin(), cycle_.end());
    throw CycleFound{};
  }

 private:
  std::vector<Vertex>& parent_;
  std::vector<int>& cycle_;
};

void require_no_cycle(const Topology& topology, const RoutingTable& table, const std::string& method) {
  const auto cycle = dependency_cycle(topology, table);
  if (!cycle) return;
  std::string text;
  for (const int channel : *cycle) {
    const Link& link = topology.links()[at(table.link_of(channel))];
    text += (text.empty() ? "" : ", ") + std::to_string(link.from) + "->" + std::to_string(link.to);
  }
  throw std::invalid_argument("routing: " + method + " can deadlock: the links " + text +
                              " wait for each other in a circle");
}

struct Method {
  const char* name;
  RoutingTable (*build)(const Topology& topology);
};
constexpr Method kMethods[] = {{"dimension_order", dimension_order},
                               {"detour", detour},
                               {"shortest_path", shortest_path},
                               {"up_down", up_down}};

}  // namespace

std::optional<std::vector<int>> dependency_cycle(const Topology& topology, const RoutingTable& table) {
  const std::vector<std::pair<int, int>> edges = dependencies(topology, table);
  const std::size_t channels = topology.links().size() * at(table.virtual_channels());
  const Graph graph(boost::edges_are_sorted, edges.begin(), edges.end(), channels);
  std::vector<Vertex> parent(channels);
  std::vector<int> cycle;
  try {
    boost::depth_first_search(graph, boost::visitor(CycleFinder(parent, cycle)));
  } catch (const CycleFound&) {
    return cycle;
  }
  return std::nullopt;
}

std::vector<std::string> routing_methods() {
  std::vector<std::string> names{"automatic"};
  for (const Method& method : kMethods) names.emplace_back(method.name);
  return names;
}

RoutingTable build_routing(const Topology& topology, const std::string& method) {
  if (method == "automatic") {
    if (!topology.sizes().empty() && topology.whole()) return build_routing(topology, "dimension_order");
    RoutingTable table = topology.sizes().empty() ? shortest_path(topology) : detour(topology);
    return dependency_cycle(topology, table) ? build_routing(topology, "up_down") : table;
  }
  for (const Method& candidate : kMethods) {
    if (method != candidate.name) continue;
    RoutingTable table = candidate.build(topology);
    require_no_cycle(topology, table, method);
    return table;
  }
  std::string names;
  for (const std::string& name : routing_methods()) names += (names.empty() ? "" : ", ") + name;
  throw std::invalid_argument("routing: found " + method + ", expected one of " + names);
}

}  // namespace anzan::models
