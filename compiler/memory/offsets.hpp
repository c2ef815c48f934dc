// Offsets for buffers with lifetimes: no two that are alive at one time overlap, and the height is small.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::compiler {

enum class OffsetGear {
  kFast,   // first fit in several orders; some hundred buffers take milliseconds
  kExact,  // then branch and bound, until the height is proved to be the least or a limit is reached
};

struct AssignmentProgress {
  std::int64_t height = 0, lower_bound = 0, nodes = 0;
};

struct OffsetOptions {
  OffsetGear gear = OffsetGear::kFast;
  // Of the exact gear: states of the search that may be looked at. With this limit alone the result depends
  // on the buffers only.
  std::int64_t most_nodes = 100'000;
  // The first height that is enough; none: the least. It never needs to be reached.
  std::optional<std::int64_t> capacity;
  // Asked some thousand times a second; true ends the work with the best plan so far.
  std::function<bool(const AssignmentProgress&)> stop;
};

struct Assignment {
  std::vector<std::int64_t> offsets;  // by buffer
  std::int64_t height = 0;            // the greatest end of a buffer
  std::int64_t lower_bound = 0;       // no plan has less
  std::int64_t nodes = 0;             // states of the search that were looked at

  bool proved() const { return height == lower_bound; }
  double gap_percent() const {
    return height == 0 ? 0
                       : 100 * static_cast<double>(height - lower_bound) / static_cast<double>(lower_bound);
  }
};

// Throws what check_buffers() throws.
Assignment assign_offsets(const std::vector<Buffer>& buffers, const OffsetOptions& options = {});

}  // namespace anzan::compiler
