// What happened in each slot over a run: counts of the analysis blocks, where the binary point moved,
// and the histogram of the last step.
#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "compiler/compiler.hpp"
#include "models/core.hpp"
#include "sim/training/update_watch.hpp"

namespace anzan::sim {

class SlotRecorder {
 public:
  explicit SlotRecorder(std::size_t slots) : slots_(slots) {}

  // Takes the core's totals; `steps` is the number of training steps done, `updates` are those of the last.
  void record(models::Core& core, std::int64_t steps, const std::vector<Updates>& updates = {});

  // One object for each slot, and what in them tells of a tensor that no longer works: as in
  // result.schema.json.
  nlohmann::json report(const std::vector<compiler::SlotInfo>& infos, const models::Core& core) const;
  nlohmann::json warnings(const std::vector<compiler::SlotInfo>& infos, const models::Core& core) const;

  // For checkpoints. from_json throws nlohmann::json::exception for what to_json did not write.
  nlohmann::json to_json() const;
  void from_json(const nlohmann::json& json);

 private:
  struct Slot {
    std::uint64_t values = 0, zeros = 0, saturated = 0, underflows = 0;
    std::vector<std::pair<std::int64_t, int>> history;  // steps done, q
    std::array<std::uint32_t, isa::kHistogramBins> histogram{};
    std::uint64_t updates = 0, vanished = 0;
    // The first step of those in which all values were zero, all that were not became zero, all updates
    // vanished, far too many saturated, up to the last one; the first of all that left nothing. 0: no such
    // step.
    std::int64_t zero_since = 0, lost_since = 0, vanished_since = 0, saturating_since = 0, first_lost = 0;
    std::int64_t steps = 0;  // done
  };
  std::vector<Slot> slots_;
};

}  // namespace anzan::sim
