// Builds the cores on one kernel and runs them until nothing is left to happen.
#include "models/clocked/system.hpp"

#include <algorithm>
#include <stdexcept>

#include "models/clocked/core_blocks.hpp"
#include "models/clocked/interconnect.hpp"
#include "models/clocked/kernel.hpp"

namespace anzan::models::clocked {

struct ClockedSystem::Parts {
  Parts(const CoreParameters& p, const ChipsNetwork& network, const PacketFormat& packet,
        const std::vector<int>& alike)
      : line_bytes(4 * p.lanes),
        clock(p.clock_period_fs),
        interconnect("interconnect", clock, network, packet, alike) {
    const int all = network.topology.endpoints(), simulated = alike.empty() ? all : 1;
    for (int c = 0; c < simulated; ++c)
      cores.push_back(
          std::make_unique<CoreBlocks>(clock, p, RtlBlocks{}, CoreBlocks::Place{c, all, &interconnect}));
  }
  ~Parts() { kernel.select(); }

  int line_bytes;
  Kernel kernel;  // before all that lives in it
  Clock clock;
  Interconnect interconnect;
  std::vector<std::unique_ptr<CoreBlocks>> cores;
};

std::int64_t SystemTiming::cycles() const {
  std::int64_t last = 0;
  for (const ProgramTiming& core : cores) last = std::max(last, core.cycles);
  return last;
}

ClockedSystem::ClockedSystem(const CoreParameters& parameters, const ChipsNetwork& network,
                             const PacketFormat& packet, const std::vector<int>& alike)
    : parts_((check(parameters), std::make_unique<Parts>(parameters, network, packet, alike))) {}

ClockedSystem::~ClockedSystem() = default;

int ClockedSystem::simulated_cores() const { return static_cast<int>(parts_->cores.size()); }

SystemTiming ClockedSystem::run(const std::vector<isa::Program>& programs,
                                const std::vector<Meaning*>& meanings) {
  Parts& p = *parts_;
  if (programs.size() != p.cores.size() || (!meanings.empty() && meanings.size() != p.cores.size()))
    throw std::invalid_argument("clocked system: programs for " + std::to_string(programs.size()) +
                                " cores, expected " + std::to_string(p.cores.size()));
  p.kernel.select();
  p.clock.restart();
  p.interconnect.restart(p.line_bytes);
  for (std::size_t c = 0; c < programs.size(); ++c)
    p.cores[c]->begin(programs[c], meanings.empty() ? nullptr : meanings[c]);
  sc_core::sc_start();
  if (p.interconnect.failure()) std::rethrow_exception(p.interconnect.failure());
  SystemTiming timing;
  for (const auto& core : p.cores) timing.cores.push_back(core->finish());
  timing.links = p.interconnect.counters();
  return timing;
}

}  // namespace anzan::models::clocked
