// Builds the cores on one kernel and runs them until nothing is left to happen.
#include "models/clocked/system.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "models/clocked/core_blocks.hpp"
#include "models/clocked/interconnect.hpp"
#include "models/clocked/kernel.hpp"
#include "models/clocked/waveform.hpp"

namespace anzan::models::clocked {

struct ClockedSystem::Parts {
  Parts(const CoreParameters& p, const ChipsNetwork& network, const PacketFormat& packet, const Alike& alike)
      : clock(p.clock_period_fs), interconnect("interconnect", clock, 4 * p.lanes, network, packet, alike) {
    const int all = network.topology.endpoints();
    if (alike.cores() != all || alike.simulated < 1 || all % alike.simulated != 0 || !alike.possible())
      throw std::invalid_argument("clocked system: cores that cannot stand for each other");
    for (int c = 0; c < alike.simulated; ++c)
      cores.push_back(
          std::make_unique<CoreBlocks>(clock, p, RtlBlocks{}, CoreBlocks::Place{c, all, &interconnect}));
  }
  ~Parts() {
    kernel.select();
    waveform.reset();
  }

  Kernel kernel;  // before all that lives in it
  Clock clock;
  Interconnect interconnect;
  std::vector<std::unique_ptr<CoreBlocks>> cores;
  std::unique_ptr<Waveform> waveform;
};

int Alike::cores() const {
  return std::accumulate(dimensions.begin(), dimensions.end(), 1, std::multiplies<>());
}

int Alike::shifted(int core, int distance) const {
  int stride = 1, result = 0;
  for (const int size : dimensions) {
    result += (core / stride + distance / stride) % size * stride;
    stride *= size;
  }
  return result;
}

bool Alike::possible() const {
  for (int shift = 0; shift < cores(); shift += simulated)
    for (int core = 0; core < simulated; ++core)
      if (shifted(core, shift) != core + shift) return false;
  return true;
}

std::int64_t SystemTiming::cycles() const {
  std::int64_t last = 0;
  for (const ProgramTiming& core : cores) last = std::max(last, core.cycles);
  return last;
}

ClockedSystem::ClockedSystem(const CoreParameters& parameters, const ChipsNetwork& network,
                             const PacketFormat& packet, const Alike& alike)
    : parts_(std::make_unique<Parts>(checked(parameters), network, packet, alike)) {}

ClockedSystem::~ClockedSystem() = default;

int ClockedSystem::simulated_cores() const { return static_cast<int>(parts_->cores.size()); }

void ClockedSystem::trace(const std::string& file) {
  parts_->kernel.select();
  parts_->waveform = std::make_unique<Waveform>(file, parts_->clock.period_fs());
  for (const auto& core : parts_->cores) core->trace(parts_->waveform->file());
}

void ClockedSystem::watch(Watch watch) {
  for (const auto& core : parts_->cores) core->watch(watch);
}

void ClockedSystem::log(int core, BlockLog* log) {
  parts_->cores.at(static_cast<std::size_t>(core))->log(log);
}

SystemTiming ClockedSystem::run(const std::vector<isa::Program>& programs,
                                const std::vector<Meaning*>& meanings, SystemObserver* observer) {
  Parts& p = *parts_;
  if (programs.size() != p.cores.size() || (!meanings.empty() && meanings.size() != p.cores.size()))
    throw std::invalid_argument("clocked system: programs for " + std::to_string(programs.size()) +
                                " cores, expected " + std::to_string(p.cores.size()));
  p.kernel.select();
  p.clock.restart();
  p.interconnect.restart(observer);
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
