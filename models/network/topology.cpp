// Builds the graphs of all kinds of networks and refuses those that are none.
#include "models/network/topology.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace anzan::models {
namespace {

constexpr int kMostNodes = 65536;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("topology: " + what); }

std::string pair_text(int a, int b) { return std::to_string(a) + "-" + std::to_string(b); }

int node_count(const std::vector<int>& sizes) {
  if (sizes.empty()) refuse("a grid needs at least one dimension");
  std::int64_t nodes = 1;
  for (const int size : sizes) {
    if (size < 1) refuse("found a dimension of " + std::to_string(size) + ", expected at least 1");
    nodes = std::min<std::int64_t>(nodes * size, kMostNodes + 1);
  }
  return static_cast<int>(nodes);
}

}  // namespace

Topology::Topology(int nodes, int endpoints, const std::vector<Cable>& cables) : endpoints_(endpoints) {
  if (nodes < 1 || nodes > kMostNodes)
    refuse("found " + std::to_string(nodes) + " nodes, expected 1 to " + std::to_string(kMostNodes));
  if (endpoints < 1 || endpoints > nodes)
    refuse("found " + std::to_string(endpoints) + " endpoints, expected 1 to " + std::to_string(nodes));
  out_links_.resize(static_cast<std::size_t>(nodes));
  for (const Cable& cable : cables) {
    const auto outside = [&](int node) { return node < 0 || node >= nodes; };
    if (outside(cable.a) || outside(cable.b) || cable.a == cable.b)
      refuse("found a cable " + pair_text(cable.a, cable.b) + ", expected two different nodes below " +
             std::to_string(nodes));
    check(cable.parameters);
    for (const auto& [from, to] : {std::pair(cable.a, cable.b), std::pair(cable.b, cable.a)}) {
      out_links_[static_cast<std::size_t>(from)].push_back(static_cast<int>(links_.size()));
      links_.push_back({from, to, cable.parameters});
    }
  }
  require_connected();
}

void Topology::require_connected() const {
  std::vector<bool> reached(out_links_.size(), false);
  std::vector<int> stack = {0};
  reached[0] = true;
  while (!stack.empty()) {
    const int node = stack.back();
    stack.pop_back();
    for (const int link : out_links(node)) {
      const int to = links_[static_cast<std::size_t>(link)].to;
      if (!reached[static_cast<std::size_t>(to)]) stack.push_back(to);
      reached[static_cast<std::size_t>(to)] = true;
    }
  }
  const auto lost = std::find(reached.begin(), reached.end(), false);
  if (lost != reached.end())
    refuse("no links lead from node 0 to node " + std::to_string(lost - reached.begin()));
}

Topology Topology::grid(const std::vector<int>& sizes, bool torus, const LinkParameters& link) {
  const int nodes = node_count(sizes);
  std::vector<Cable> cables;
  for (int node = 0; nodes <= kMostNodes && node < nodes; ++node) {
    int stride = 1;
    for (const int size : sizes) {
      const int x = node / stride % size;
      if (x + 1 < size) cables.push_back({node, node + stride, link});
      if (x + 1 == size && torus && size >= 3) cables.push_back({node, node - x * stride, link});
      stride *= size;
    }
  }
  Topology result(nodes, nodes, cables);
  result.sizes_ = sizes;
  result.torus_ = torus;
  return result;
}

Topology Topology::torus(const std::vector<int>& sizes, const LinkParameters& link) {
  return grid(sizes, true, link);
}

Topology Topology::mesh(const std::vector<int>& sizes, const LinkParameters& link) {
  return grid(sizes, false, link);
}

Topology Topology::full(int nodes, const LinkParameters& link) {
  constexpr int kMost = 2048;  // four million links
  if (nodes > kMost)
    refuse("found " + std::to_string(nodes) + " nodes in full, expected at most " + std::to_string(kMost));
  std::vector<Cable> cables;
  for (int a = 0; a < nodes; ++a)
    for (int b = a + 1; b < nodes; ++b) cables.push_back({a, b, link});
  return {nodes, nodes, cables};
}

Topology Topology::star(int endpoints, const LinkParameters& link) {
  std::vector<Cable> cables;
  for (int node = 0; node < endpoints && endpoints < kMostNodes; ++node)
    cables.push_back({node, endpoints, link});
  return {endpoints + 1, endpoints, cables};
}

Topology Topology::without(const std::vector<std::pair<int, int>>& failed) const {
  if (failed.empty()) return *this;
  std::vector<bool> found(failed.size(), false);
  std::vector<Cable> cables;
  for (std::size_t l = 0; l < links_.size(); l += 2) {
    const Link& link = links_[l];
    bool whole = true;
    for (std::size_t k = 0; k < failed.size(); ++k) {
      if (failed[k] != std::pair(link.from, link.to) && failed[k] != std::pair(link.to, link.from)) continue;
      found[k] = true;
      whole = false;
    }
    if (whole) cables.push_back({link.from, link.to, link.parameters});
  }
  const auto missing = std::find(found.begin(), found.end(), false);
  if (missing != found.end()) {
    const auto& [a, b] = failed[static_cast<std::size_t>(missing - found.begin())];
    refuse("there is no link " + pair_text(a, b) + " that could have failed");
  }
  Topology result(nodes(), endpoints_, cables);
  result.sizes_ = sizes_;
  result.torus_ = torus_;
  result.whole_ = false;
  return result;
}

bool Topology::all_rings() const {
  for (std::size_t d = 0; d < sizes_.size(); ++d)
    if (sizes_[d] > 2 && !wraps(d)) return false;
  return !sizes_.empty();
}

int Topology::link_between(int from, int to) const {
  for (const int link : out_links(from))
    if (links_[static_cast<std::size_t>(link)].to == to) return link;
  return -1;
}

namespace {

struct Kind {
  const char* name;
  std::size_t sizes;  // how many; 0: any number
  Topology (*build)(const TopologyParameters& p);
  std::vector<int> (*default_sizes)(int endpoints);
};

Topology hypercube(const TopologyParameters& p) {
  if (p.sizes[0] < 0 || p.sizes[0] > 16)
    refuse("found " + std::to_string(p.sizes[0]) + " dimensions of a hypercube, expected 0 to 16");
  return p.sizes[0] == 0 ? Topology::mesh({1}, p.link)
                         : Topology::mesh(std::vector<int>(static_cast<std::size_t>(p.sizes[0]), 2), p.link);
}

std::vector<int> one_dimension(int endpoints) { return {endpoints}; }
std::vector<int> dimensions_of_two(int endpoints) {
  return {static_cast<int>(std::lround(std::log2(endpoints)))};
}

const std::vector<Kind>& kinds() {
  using P = TopologyParameters;
  static const std::vector<Kind> table = {
      {"ring", 1, [](const P& p) { return Topology::torus(p.sizes, p.link); }, one_dimension},
      {"torus", 0, [](const P& p) { return Topology::torus(p.sizes, p.link); }, one_dimension},
      {"mesh", 0, [](const P& p) { return Topology::mesh(p.sizes, p.link); }, one_dimension},
      {"hypercube", 1, hypercube, dimensions_of_two},
      {"full", 1, [](const P& p) { return Topology::full(p.sizes[0], p.link); }, one_dimension},
      {"switch", 1, [](const P& p) { return Topology::star(p.sizes[0], p.link); }, one_dimension},
      // which of how many nodes are endpoints has to be said
      {"links", 2, [](const P& p) { return Topology(p.sizes[0], p.sizes[1], p.cables); }, one_dimension},
  };
  return table;
}

const Kind& kind_named(const std::string& name) {
  const auto kind = std::find_if(kinds().begin(), kinds().end(),
                                 [&](const Kind& candidate) { return name == candidate.name; });
  if (kind != kinds().end()) return *kind;
  std::string names;
  for (const std::string& known : topology_kinds()) names += (names.empty() ? "" : ", ") + known;
  refuse("found kind " + name + ", expected one of " + names);
}

}  // namespace

std::vector<std::string> topology_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.emplace_back(kind.name);
  return names;
}

std::size_t number_of_sizes(const std::string& kind) { return kind_named(kind).sizes; }

std::vector<int> default_sizes(const std::string& kind, int endpoints) {
  return kind_named(kind).default_sizes(endpoints);
}

Topology build_topology(const TopologyParameters& parameters) {
  const Kind& kind = kind_named(parameters.kind);
  if (kind.sizes != 0 && parameters.sizes.size() != kind.sizes)
    refuse(parameters.kind + ": found " + std::to_string(parameters.sizes.size()) + " sizes, expected " +
           std::to_string(kind.sizes));
  return kind.build(parameters).without(parameters.failed);
}

}  // namespace anzan::models
