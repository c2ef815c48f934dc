// The rtl engine: Verilated cores execute the programs, each a cycle of the SystemC kernel each clock cycle,
// with the messages between them, which carry their rows.
#pragma once
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/clocked/every_cycle.hpp"
#include "models/clocked/messages.hpp"
#include "sim/configuration/system_settings.hpp"
#include "sim/engines/engine.hpp"
#include "sim/rtl/core.hpp"

namespace anzan::sim {

class RtlEngine final : public Engine {
 public:
  using MakeCore = std::function<std::unique_ptr<RtlCore>(const models::clocked::CoreParameters&)>;

  // For programs that use the slots below `slots`. Throws as make_rtl_core(), or `make` in its place.
  RtlEngine(
      const models::clocked::CoreParameters& parameters, const SystemOptions& options, int slots,
      const MakeCore& make = [](const auto& p) { return make_rtl_core(p); });

  // Throws std::logic_error unless rtl_has_waves().
  void wave(const std::string& prefix) override;

  // From now on, what the blocks of a core do is appended to `log`, as RtlCore::log says.
  void log(int core, models::BlockLog* log) { cores_.at(static_cast<std::size_t>(core)).rtl->log(log); }

  // From now on run() throws std::logic_error where a run has not ended in this cycle.
  void limit(std::int64_t most_cycles) { most_cycles_ = most_cycles; }

  // Throws also as check_rtl_fits() and RtlCore::cycle. HBM, scratchpad, settings and statistics end as the
  // RTL leaves them.
  std::optional<models::clocked::SystemTiming> run(std::vector<LoadedProgram>& programs,
                                                   Cores& cores) override;

 private:
  struct Member {
    std::unique_ptr<RtlCore> rtl;
    std::vector<PutRow> sending;  // of the put that leaves
    std::int64_t last = -1;       // cycle in which its program ended
    std::vector<models::Arrival> arrivals;
  };

  bool cycle(std::int64_t now);  // true: all is done
  std::int64_t tell(const models::Watch& watch, std::int64_t told) const;
  bool deliver(std::size_t core, std::int64_t now);
  void collect(std::size_t core, std::int64_t now);

  int lanes_, slots_;
  std::int64_t most_cycles_ = std::numeric_limits<std::int64_t>::max();
  std::vector<Member> cores_;
  models::clocked::Messages messages_;
  std::map<std::uint64_t, std::vector<PutRow>> rows_;  // of each put that is under way, by number
  models::clocked::EveryCycle clock_;
};

}  // namespace anzan::sim
