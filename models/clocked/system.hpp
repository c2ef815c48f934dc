// Several clocked cores and the network that joins them, on one clock. Page: network_unit.md.
#pragma once
#include <memory>
#include <stdexcept>
#include <vector>

#include "models/clocked/core.hpp"
#include "models/network/chips.hpp"
#include "models/network/network.hpp"

namespace anzan::models::clocked {

// Cores that should be alike are not: what they send at the same time arrives at different times.
class NotAlike : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SystemTiming {
  std::vector<ProgramTiming> cores;
  std::vector<LinkCounters> links;  // of the run
  std::int64_t cycles() const;      // until the last core has ended
};

class ClockedSystem {
 public:
  // There is one system or ClockedCore at a time in a process. `alike`: empty, and every core is simulated;
  // or the dimensions in which all cores stand alike (compiler/system.hpp): then core 0 is simulated for all
  // of them, and run() takes its program and throws NotAlike where the network treats cores differently.
  ClockedSystem(const CoreParameters& parameters, const ChipsNetwork& network, const PacketFormat& packet,
                const std::vector<int>& alike = {});
  ~ClockedSystem();

  int simulated_cores() const;

  // One program for each simulated core, and what they mean; or nothing, for a dry run. All begin in cycle 0.
  // Throws as ClockedCore::run.
  SystemTiming run(const std::vector<isa::Program>& programs, const std::vector<Meaning*>& meanings = {});

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace anzan::models::clocked
