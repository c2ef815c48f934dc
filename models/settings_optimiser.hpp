// The settings optimiser: chooses a slot's next binary point for writing from what was counted since it last
// acted. Integer arithmetic only; the rule is stated in models/README.md.
#pragma once
#include "models/settings_store.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models {

// Instruction `update`: ages the slot and, when it is due and the window holds a value that is not zero,
// lets the slot's policy move q_write and decays the window. Returns whether q_write changed.
bool update(SlotSettings& settings, SlotStatistics& window);

// Whether one update by this policy finds a point from the window alone, so that it can be the first:
// `static` never moves, `step` goes one bit at a time, `predictive` would take the first rise for a trend. In
// their place `max` finds it.
bool finds_first_point(isa::Policy policy);

}  // namespace anzan::models
