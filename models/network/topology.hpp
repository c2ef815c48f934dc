// Which nodes a network has and how links join them. Nodes [0, endpoints()) send and receive messages, and
// forward those of others; nodes from endpoints() on are switches, which only forward.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "models/network/link.hpp"

namespace anzan::models {

struct Link {  // one direction
  int from, to;
  LinkParameters parameters;
};

struct Cable {  // both directions, alike
  int a, b;
  LinkParameters parameters;
};

class Topology {
 public:
  // Cable k becomes the links 2k (a -> b) and 2k + 1 (b -> a). Throws std::invalid_argument for impossible
  // link parameters, a node outside, a cable from a node to itself, and where two nodes are not connected.
  Topology(int nodes, int endpoints, const std::vector<Cable>& cables);

  // Grids: node Σ x_d · Π_(e<d) sizes[e], so the first dimension is the fastest; every node has for each
  // dimension in turn a cable to the next. In a torus a dimension of at least 3 is closed to a ring (of 2
  // nodes, the closing cable would be a second one between the same two).
  static Topology torus(const std::vector<int>& sizes, const LinkParameters& link);
  static Topology mesh(const std::vector<int>& sizes, const LinkParameters& link);
  static Topology full(int nodes, const LinkParameters& link);      // a cable between any two
  static Topology star(int endpoints, const LinkParameters& link);  // one switch, node `endpoints`

  // The same nodes without the cables between these pairs, in either order; links are numbered anew. Throws
  // std::invalid_argument if no such cable is there, or where two nodes are no longer connected.
  Topology without(const std::vector<std::pair<int, int>>& failed) const;

  int nodes() const { return static_cast<int>(out_links_.size()); }
  int endpoints() const { return endpoints_; }
  const std::vector<Link>& links() const { return links_; }
  const std::vector<int>& out_links(int node) const { return out_links_[static_cast<std::size_t>(node)]; }
  int link_between(int from, int to) const;  // the lowest number, or -1

  // Of a grid, empty otherwise; where cables of the grid have failed, it is not whole.
  const std::vector<int>& sizes() const { return sizes_; }
  bool whole() const { return whole_; }
  bool wraps(std::size_t dimension) const { return torus_ && sizes_[dimension] >= 3; }
  // Whether each node has in each dimension a neighbour on either side: it closes, or has at most two nodes.
  // Such rings are what there is to go round; of what is no grid, there are none.
  bool all_rings() const;

 private:
  static Topology grid(const std::vector<int>& sizes, bool torus, const LinkParameters& link);
  void require_connected() const;

  int endpoints_;
  std::vector<Link> links_;
  std::vector<std::vector<int>> out_links_;  // of each node, ascending
  std::vector<int> sizes_;
  bool torus_ = false, whole_ = true;
};

// A topology by the name of its kind: what `sizes` holds depends on it.
//   ring [nodes], torus and mesh [size, …], hypercube [dimensions], full [nodes], switch [endpoints],
//   links [nodes, endpoints] with `cables`, the only kind that does not use `link`.
struct TopologyParameters {
  std::string kind = "ring";  // by default one node that is alone
  std::vector<int> sizes{1};
  LinkParameters link;
  std::vector<Cable> cables;
  std::vector<std::pair<int, int>> failed;
};
std::vector<std::string> topology_kinds();
// How many `sizes` there are to be; 0: any number.
std::size_t number_of_sizes(const std::string& kind);  // throws std::invalid_argument
// What `sizes` is for so many endpoints where nothing is said of it.
std::vector<int> default_sizes(const std::string& kind, int endpoints);  // throws std::invalid_argument
Topology build_topology(const TopologyParameters& parameters);           // throws std::invalid_argument

}  // namespace anzan::models
