// Lifts topology and routing of the chips to their cores.
#include "models/network/chips.hpp"

#include <algorithm>
#include <stdexcept>

namespace anzan::models {
namespace {

class Lifter {
 public:
  Lifter(const Topology& chips, const RoutingTable& table, const ChipsParameters& parameters)
      : chips_(chips), table_(table), p_(parameters), endpoints_(chips.endpoints() * p_.cores) {}

  ChipsNetwork lift() const {
    const Topology whole(endpoints_ + chips_.nodes(), endpoints_, cables());
    RoutingTable routing(whole, table_.virtual_channels());
    for (int destination = 0; destination < endpoints_; ++destination) {
      for (int core = 0; core < endpoints_; ++core) {
        if (core != destination)
          routing.set(core, destination, whole.link_between(core, router(core / p_.cores)), 0);
      }
      const int chip = destination / p_.cores;
      for (int node = 0; node < chips_.nodes(); ++node) {
        if (node == chip) {
          routing.set(router(node), destination, whole.link_between(router(node), destination), 0);
          continue;
        }
        const int channel = table_.channel(node, chip), link = table_.link_of(channel);
        // cables of the chips come after those of the cores, in their order
        routing.set(router(node), destination, 2 * endpoints_ + link, channel % table_.virtual_channels());
      }
    }
    std::vector<bool> onchip(whole.links().size(), false);
    std::fill(onchip.begin(), onchip.begin() + 2 * endpoints_, true);
    if (dependency_cycle(whole, routing))
      throw std::logic_error(
          "network of chips: its routing could deadlock, although that of the chips could not");
    return {whole, routing, std::move(onchip)};
  }

 private:
  int router(int chip) const { return endpoints_ + chip; }

  std::vector<Cable> cables() const {
    std::vector<Cable> cables;
    for (int core = 0; core < endpoints_; ++core)
      cables.push_back({core, router(core / p_.cores), p_.onchip});
    for (std::size_t k = 0; k < chips_.links().size(); k += 2) {
      const Link& link = chips_.links()[k];
      cables.push_back({router(link.from), router(link.to), link.parameters});
    }
    return cables;
  }

  const Topology& chips_;
  const RoutingTable& table_;
  const ChipsParameters& p_;
  int endpoints_;
};

}  // namespace

ChipsNetwork build_chips(const ChipsParameters& parameters) {
  if (parameters.cores < 1)
    throw std::invalid_argument("cores: found " + std::to_string(parameters.cores) + ", expected at least 1");
  const Topology chips = build_topology(parameters.chips);
  const RoutingTable table = build_routing(chips, parameters.routing);
  if (parameters.cores == 1) return {chips, table, std::vector<bool>(chips.links().size(), false)};
  return Lifter(chips, table, parameters).lift();
}

}  // namespace anzan::models
