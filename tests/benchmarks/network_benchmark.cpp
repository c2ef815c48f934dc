// The network model: how many packet hops a second of host time it simulates. Counters: hops/s, and busy, the
// mean share of time in which a link carries a packet. Names: topology, traffic, messages of how many bytes.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "models/network/network.hpp"

namespace anzan::models {
namespace {

enum Traffic { kNeighbours, kUniform };

// All endpoints send `bytes` at once, to the next by number or to any other; until everything has arrived.
void traffic(benchmark::State& state, const Topology& topology, Traffic pattern, std::int64_t bytes,
             std::int64_t messages) {
  const RoutingTable table = build_routing(topology);
  std::int64_t hops = 0;
  double busy = 0;
  for (auto _ : state) {
    std::mt19937 random(1);
    std::int64_t last_fs = 0;
    Network network(topology, table, link_preset("tofu2").packet,
                    [&](std::uint64_t, std::int64_t time_fs) { last_fs = time_fs; });
    std::uniform_int_distribution<int> any(1, topology.endpoints() - 1);
    for (std::int64_t k = 0; k < messages; ++k) {
      for (int node = 0; node < topology.endpoints(); ++node) {
        const int step = pattern == kNeighbours ? 1 : any(random);
        network.inject(0, node, (node + step) % topology.endpoints(), bytes);
      }
    }
    while (const auto next = network.next_event()) network.advance(*next);
    std::int64_t busy_fs = 0;
    for (std::size_t l = 0; l < topology.links().size(); ++l) {
      hops += network.counters(static_cast<int>(l)).packets;
      busy_fs += network.counters(static_cast<int>(l)).busy_fs;
    }
    busy = static_cast<double>(busy_fs) / static_cast<double>(last_fs) /
           static_cast<double>(topology.links().size());
  }
  state.counters["hops/s"] = benchmark::Counter(static_cast<double>(hops), benchmark::Counter::kIsRate);
  state.counters["busy"] = busy;
}

void tables(benchmark::State& state, const Topology& topology) {
  for (auto _ : state) benchmark::DoNotOptimize(build_routing(topology));
}

void register_all() {
  const LinkParameters link = link_preset("tofu2").link;
  const std::pair<const char*, Topology> topologies[] = {
      {"ring_16", Topology::torus({16}, link)},
      {"torus_8x8", Topology::torus({8, 8}, link)},
      {"torus_8x8x16", Topology::torus({8, 8, 16}, link)},
      {"switch_64", Topology::star(64, link)},
  };
  for (const auto& [name, topology] : topologies) {
    const std::int64_t bytes = 65536, messages = 2048 / topology.endpoints();
    for (const auto& [pattern, title] :
         {std::pair(kNeighbours, "neighbours"), std::pair(kUniform, "uniform")})
      benchmark::RegisterBenchmark((std::string(name) + "/" + title + "/65536").c_str(), traffic, topology,
                                   pattern, bytes, messages)
          ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((std::string(name) + "/routing").c_str(), tables, topology)
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace anzan::models

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  anzan::models::register_all();
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
