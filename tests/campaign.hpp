// Tests that try a share of very many cases try all of them in a campaign (scripts/campaigns.sh).
#pragma once
#include <cstdlib>

namespace anzan::testing {

inline bool in_campaign() { return std::getenv("ANZAN_CAMPAIGN") != nullptr; }

}  // namespace anzan::testing
