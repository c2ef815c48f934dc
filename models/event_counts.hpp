// What instructions make the blocks of a core do, as counts of events: exact, from the descriptor alone,
// never from values. Energy is these counts times the energies of a technology (energy.hpp). Page: energy.md.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "isa/program.hpp"
#include "models/program_timing.hpp"
#include "models/settings_store.hpp"

namespace anzan::models {

enum class Component : std::uint8_t {
  kTensor,
  kVector,
  kWriteBack,
  kAnalysisBlock,
  kStatisticsDatabase,
  kSettingsStore,
  kSettingsOptimiser,
  kScratchpad,
  kTransposer,
  kDma,
  kSequencer,
  kHbm,
  kNetwork,
  kLinks,
  kStatic,  // power that flows whatever happens: no events
};
inline constexpr std::size_t kComponents = 15;
const char* name(Component component);

// On-chip memory that an event reads or writes; its energy follows from the memory's size.
enum class Store : std::uint8_t { kNone, kScratchpad, kProgram, kDatabase, kSettings };

enum class Event : std::uint8_t {
  kProductInt8,
  kProductInt16,
  kAccumulateInt8,
  kAccumulateInt16,
  kFmaFp32,
  kAccumulatorMove,
  kBiasConversion,
  kVectorLane,
  kVectorAdd,
  kVectorMultiply,
  kVectorFma,
  kVectorCompare,
  kVectorInteger,
  kVectorConversion,
  kVectorRandom,
  kOperandConversion,
  kRelu,
  kConvert,
  kQuantise,
  kRandomWord,
  kPackByte,
  kAnalyse,
  kDatabaseRead,
  kDatabaseWrite,
  kSettingRead,
  kSettingWrite,
  kOptimiserBin,
  kOptimiserDecision,
  kOptimiserSetting,
  kScratchpadRead,
  kScratchpadWrite,
  kTransposeByte,
  kDmaByte,
  kProgramRead,
  kQueueWord,
  kHbmRead,
  kHbmWrite,
  kHbmActivation,
  kHbmRefresh,
  kNetworkByte,
  kLinkByte,
};
inline constexpr std::size_t kEvents = 41;

struct EventInfo {
  Event event;
  const char* name;  // as in a technology file
  Component component;
  const char* unit;              // what is counted
  Store store = Store::kNone;    // the memory accessed, or
  int store_bytes_per_unit = 0;  // none: the technology has a figure for the event
};
const EventInfo& info(Event event);

struct EventCounts {
  std::array<std::int64_t, kEvents> counts{};

  std::int64_t& operator[](Event event) { return counts[static_cast<std::size_t>(event)]; }
  std::int64_t operator[](Event event) const { return counts[static_cast<std::size_t>(event)]; }
  EventCounts& operator+=(const EventCounts& other);
  EventCounts& operator*=(std::int64_t times);
  bool operator==(const EventCounts& other) const { return counts == other.counts; }
};
inline EventCounts operator+(EventCounts a, const EventCounts& b) { return a += b; }
inline EventCounts operator*(EventCounts counts, std::int64_t times) { return counts *= times; }

// Events of one run of a legal instruction on a core of `lanes` lanes, without those of HBM. Whether the
// output slot rounds stochastically (a random word a value) is a setting and not in the descriptor: it is
// passed.
EventCounts count_events(const isa::Instruction& instruction, int lanes, bool stochastic = true);

// The same over a program, its slots rounding as `settings` say.
EventCounts count_events(const isa::Program& program, int lanes, const SettingsStore& settings);

// What HBM did, as events.
EventCounts count_events(const HbmCounters& hbm);

// Bytes of a slot's counters that stand in one line of the statistics database, and of a slot's entry in the
// settings store (in whole words; the first word is all that the units look up).
inline constexpr int kDatabaseLineBytes = isa::kCountersPerLine * 4;
inline constexpr int kSettingsEntryWords = isa::kSlotSettingsWords;

}  // namespace anzan::models
