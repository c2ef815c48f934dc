// A collective over all cores of a system, run by the clocked cores and the network, beside what theory says.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/collective/program.hpp"
#include "models/network/network.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/cost/collective_theory.hpp"

namespace anzan::sim {

struct CollectiveCost {
  compiler::CollectiveKind kind{};
  isa::Format format{};
  int cores = 1, chips = 1, cores_simulated = 1;
  compiler::CollectiveShape shape;
  compiler::CollectiveParameters collective;  // as it was run
  std::int64_t asked_bytes = 0;               // of the buffer of each core, as the user wants it
  std::int64_t bytes = 0;                     // of the buffer of each core, as moved: in whole lines a piece
  std::int64_t credit_bytes = 0;              // besides, over all cores (compiler/collective/program.hpp)
  std::int64_t cycles = 0;                    // of the slowest core
  double seconds = 0;
  CollectiveTerms theory, bound;
  models::ChipsNetwork network;
  std::vector<models::LinkCounters> links;

  nlohmann::json json() const;
  std::string text() const;  // some lines

 private:
  std::string way_text() const;
};

// Through the dimensions and ways of `system.exchange`; where these are left to `automatic`, sums and gathers
// take those that theory calls fastest. Throws InputError where there is one core, fewer than
// one byte, or a scratchpad that is too small; and as ClockedSystem::run.
CollectiveCost cost_of_collective(const Configuration& configuration, compiler::CollectiveKind kind,
                                  std::int64_t bytes, isa::Format format, models::Watch watch = {});

}  // namespace anzan::sim
