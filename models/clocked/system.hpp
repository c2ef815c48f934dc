// Several clocked cores and the network that joins them, on one clock. Page: network_unit.md.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/clocked/core.hpp"
#include "models/clocked/system_observer.hpp"
#include "models/network/chips.hpp"
#include "models/network/network.hpp"

namespace anzan::models::clocked {

// Which cores stand for others. Those of chip 0, [0, simulated), are simulated; core c of them stands for the
// cores that lie at all distances that are multiples of `simulated`, counted in the dimensions of the
// exchange (compiler/input/system.hpp). With simulated == cores() every core is.
struct Alike {
  std::vector<int> dimensions{1};
  int simulated = 1;

  int cores() const;
  int shifted(int core, int distance) const;  // coordinate by coordinate
  // False where such distances lead from a core of a chip to another one of another chip.
  bool possible() const;
};

// Chips that should be alike are not: what they send at the same time arrives at different times.
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
  // A system of one core takes the cycles of a ClockedCore. run() throws NotAlike where the network treats
  // chips differently.
  ClockedSystem(const CoreParameters& parameters, const ChipsNetwork& network, const PacketFormat& packet,
                const Alike& alike);
  ~ClockedSystem();

  int simulated_cores() const;

  // One program for each simulated core, and what they mean; or nothing, for a dry run. All begin in cycle 0.
  // `observer`, if there is one, watches this run. Throws as ClockedCore::run.
  SystemTiming run(const std::vector<isa::Program>& programs, const std::vector<Meaning*>& meanings = {},
                   SystemObserver* observer = nullptr);

  // From now on, this is told of every instruction that a simulated core issues.
  void watch(Watch watch);

  // From now on, what the blocks of a simulated core do is appended to `log`, as ClockedCore::log says.
  void log(int core, BlockLog* log);

  // From now on, states of the blocks of all simulated cores go to FILE.vcd. Before the first run only.
  void trace(const std::string& file);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace anzan::models::clocked
