// How many of its random cases a test tries: a share of very many, and all of them in a campaign
// (scripts/campaigns.sh). Sanitisers make code many times slower, and look at memory and arithmetic, not at
// results once more: a fourth of the same cases shows them what there is to see.
#pragma once
#include <cstdlib>

namespace anzan {

inline bool in_campaign() { return std::getenv("ANZAN_CAMPAIGN") != nullptr; }

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitised = true;
#else
inline constexpr bool kSanitised = false;
#endif
constexpr int share_of_cases(int cases) { return kSanitised ? (cases + 3) / 4 : cases; }

}  // namespace anzan
