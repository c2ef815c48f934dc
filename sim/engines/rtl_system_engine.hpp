// The rtl engine of many cores: Verilated cores, each a cycle of the SystemC kernel each clock cycle, and the
// messages between them, which carry their rows.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/clocked/every_cycle.hpp"
#include "models/clocked/messages.hpp"
#include "sim/configuration/system_settings.hpp"
#include "sim/engines/timed_engine.hpp"
#include "sim/rtl/core.hpp"

namespace anzan::sim {

class RtlSystemEngine final : public TimedSystemEngine {
 public:
  using MakeCore = std::function<std::unique_ptr<RtlCore>(const models::clocked::CoreParameters&)>;

  // For programs that use the slots below `slots`. Throws as make_rtl_core(), or `make` in its place.
  RtlSystemEngine(
      const models::clocked::CoreParameters& parameters, const SystemOptions& options, int slots,
      const MakeCore& make = [](const auto& p) { return make_rtl_core(p); });

  // As RtlCore::wave: core C to PREFIX_core_C.fst.
  void wave(const std::string& prefix);

  // Throws as RtlEngine::run.
  models::clocked::SystemTiming run(std::vector<LoadedProgram>& programs, System& system) override;

 private:
  struct Member {
    std::unique_ptr<RtlCore> rtl;
    std::vector<PutRow> sending;  // of the put that leaves
    std::int64_t last = -1;       // cycle in which its program ended
    std::vector<models::Arrival> arrivals;
  };

  bool cycle(std::int64_t now);  // true: all is done
  bool deliver(std::size_t core, std::int64_t now);
  void collect(std::size_t core, std::int64_t now);

  int lanes_, slots_;
  std::vector<Member> cores_;
  models::clocked::Messages messages_;
  std::map<std::uint64_t, std::vector<PutRow>> rows_;  // of each put that is under way, by number
  models::clocked::EveryCycle clock_;
};

}  // namespace anzan::sim
