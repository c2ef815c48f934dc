// What a collective should take, by the alpha-beta model of its algorithm on the links that its messages go
// over, and the least that any algorithm could take.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "compiler/collective/program.hpp"
#include "models/network/chips.hpp"
#include "models/network/link.hpp"

namespace anzan::sim {

// Cycles of the cores' clock.
struct CollectiveTerms {
  double latency = 0;  // alpha: of the messages of one segment that wait for each other
  // Beta: how long each of these is busy, where it has most to do. They work at once.
  double links = 0, network_unit = 0, vector_unit = 0, dma = 0, hbm = 0;

  // Of sums and gathers: segments that have one place in the scratchpad go through it one after the other,
  // each with all its rounds: their latencies, messages on a link that is free of other segments, and work
  // in the cores.
  double in_turn = 0;

  double busiest() const;  // the longest of those that work at once
  double cycles() const { return std::max(latency + busiest(), in_turn); }
  // For a choice: of what takes similar times, each keeps the other waiting at times.
  double expected() const { return std::hypot(latency + busiest(), in_turn); }
  const char* busiest_unit() const;
  const char* bound_by() const;  // "links", …, "latency" where that is longer, or "scratchpad" for in_turn
};

struct CollectiveSystem {
  const models::ChipsNetwork& network;
  models::PacketFormat packet;
  int cores_per_chip = 1;
  std::int64_t clock_period_fs = 1'000'000;
  int lanes = 16;
  double hbm_bytes_per_cycle = 0;  // of each core
};

// Of the algorithms of compiler/collective/program.hpp, with M = `bytes` in each of N cores, where its ways
// share the bytes evenly:
//   rings through sizes n_d   latency Σ (n_d - 1) alpha, in each dimension (n_d - 1) / Π_(e <= d) n_e · M to
//   the
//                             next core; twice that for all_reduce
//   broadcast                 latency Σ (n_d - 1) alpha; M along each chain
//   all_to_all                latency Σ n_d / 2 alpha, in each dimension to one neighbour 1 + 2 + … + n_d / 2
//   slabs of
//                             M / n_d, to the other those of the rest of the way round
//   all the others, direct    latency of the longest way; M / N from each core to each; twice that for
//   all_reduce
// The busiest link counts, with headers; alpha is the latency of the links between two cores.
CollectiveTerms collective_theory(const compiler::CollectiveParameters& collective,
                                  const compiler::CollectiveShape& shape, const CollectiveSystem& system);

// Of any algorithm whose cores send, receive and add as these do, but in any order over any ways. latency:
// from core 0 to the core that is farthest away. links: what must leave and enter cores and chips (for sums
// and gathers in all, Patarasuk and Yuan, 2009; for the others of each), and for all_to_all hops times bytes.
CollectiveTerms collective_bound(const compiler::CollectiveParameters& collective, double bytes,
                                 const CollectiveSystem& system);

}  // namespace anzan::sim
