// Settings and counters as the words of the host ports of settings store and statistics database of the RTL
// core, and back. The layout is written here a second time, from the pages.
#pragma once
#include <array>
#include <cstdint>

#include "models/settings_store.hpp"
#include "models/statistics_database.hpp"
#include "models/timing.hpp"

namespace anzan::sim {

using EntryWords = std::array<std::uint32_t, 10>;
EntryWords entry_words(const models::SlotSettings& settings);

models::SlotSettings settings_of(const EntryWords& words);

// Counters in the order of the database's lines, zeros after the last.
using CounterWords =
    std::array<std::uint32_t, static_cast<std::size_t>(models::kDatabaseLines* isa::kCountersPerLine)>;
CounterWords counter_words(const models::SlotStatistics& statistics);
models::SlotStatistics statistics_of(const CounterWords& words);

enum class CounterSet { kWindow = 0, kTotal = 1 };

// Addresses of the first word of an entry, of the scalars, of seed and step, and of a counter.
inline constexpr std::uint32_t kEntryStride = 16, kSetStride = 128;
inline constexpr std::uint32_t kScalarsAddress = isa::kSlots * kEntryStride;
inline constexpr std::uint32_t kSeedAddress = kScalarsAddress + isa::kScalars,
                               kStepAddress = kSeedAddress + 1;
std::uint32_t counter_address(int slot, CounterSet set, std::size_t counter);

}  // namespace anzan::sim
