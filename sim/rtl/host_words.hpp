// What the host reads and writes between programs, word by word, at the host ports of the RTL's settings
// store and statistics database: the words are those of isa.json, here are their addresses. Whoever calls
// brings the ports.
#pragma once
#include <cstdint>

#include "isa/records.hpp"
#include "models/core.hpp"

namespace anzan::sim {

struct SlotRange {
  int first, count;
};

using EntryWords = isa::RecordWords<models::SlotSettings>;

// A set of counters in whole lines of the database, zeros after the last counter.
using CounterWords =
    std::array<std::uint32_t, static_cast<std::size_t>(isa::kStatisticsLines* isa::kCountersPerLine)>;
CounterWords counter_words(const models::SlotStatistics& statistics);
models::SlotStatistics statistics_of(const CounterWords& words);

// The RTL gives each part of an address whole bits, and a slot as many as it has in an instruction, however
// many slots there are.
constexpr std::uint32_t address_space(int numbers) {
  std::uint32_t space = 1;
  while (space < static_cast<std::uint32_t>(numbers)) space *= 2;
  return space;
}

// Bits of the number of one of so many slots.
constexpr int slot_bits(int slots) {
  int bits = 1;
  while (1 << bits < slots) ++bits;
  return bits;
}

// Addresses of the first word of a slot's entry, of the scalars, of seed and step, and of a counter.
inline constexpr std::uint32_t kEntryStride = address_space(isa::kSlotSettingsWords),
                               kScalarsAddress = isa::kSlotsMax * kEntryStride,
                               kSeedAddress = kScalarsAddress + isa::kScalars,
                               kStepAddress = kSeedAddress + 1;
inline constexpr std::uint32_t kSetStride =
    address_space(isa::kStatisticsLines + 1) * address_space(isa::kCountersPerLine);
constexpr std::uint32_t entry_address(int slot, std::size_t word) {
  return static_cast<std::uint32_t>(slot) * kEntryStride + static_cast<std::uint32_t>(word);
}
constexpr std::uint32_t counter_address(int slot, isa::CounterSet set, std::size_t counter) {
  const auto sets = static_cast<std::uint32_t>(slot) * static_cast<std::uint32_t>(isa::kCounterSetInfo.size);
  return (sets + static_cast<std::uint32_t>(set)) * kSetStride + static_cast<std::uint32_t>(counter);
}

// write(address, word) and read(address) are a cycle each at the port.
template <class Write>
void write_settings(const models::SettingsStore& settings, SlotRange slots, Write write) {
  for (int s = slots.first; s < slots.first + slots.count; ++s) {
    const EntryWords words = isa::pack(settings.slot(s));
    for (std::size_t w = 0; w < words.size(); ++w) write(entry_address(s, w), words[w]);
  }
  for (int n = 0; n < isa::kScalars; ++n)
    write(kScalarsAddress + static_cast<std::uint32_t>(n), settings.scalar(n));
  write(kSeedAddress, settings.seed());
  write(kStepAddress, settings.step());
}

template <class Read>
void read_slots(models::SettingsStore& settings, SlotRange slots, Read read) {
  for (int s = slots.first; s < slots.first + slots.count; ++s) {
    EntryWords words;
    for (std::size_t w = 0; w < words.size(); ++w) words[w] = read(entry_address(s, w));
    settings.slot(s) = isa::unpack<models::SlotSettings>(words);
  }
}

template <class Write>
void write_statistics(const models::StatisticsDatabase& statistics, SlotRange slots, Write write) {
  for (int s = slots.first; s < slots.first + slots.count; ++s) {
    const CounterWords window = counter_words(statistics.window(s)),
                       total = counter_words(statistics.total(s));
    for (std::size_t c = 0; c < window.size(); ++c)
      write(counter_address(s, isa::CounterSet::kWindow, c), window[c]);
    for (std::size_t c = 0; c < total.size(); ++c)
      write(counter_address(s, isa::CounterSet::kTotal, c), total[c]);
  }
}

template <class Read>
void read_statistics(models::StatisticsDatabase& statistics, SlotRange slots, Read read) {
  CounterWords words;
  for (int s = slots.first; s < slots.first + slots.count; ++s) {
    for (std::size_t c = 0; c < words.size(); ++c)
      words[c] = read(counter_address(s, isa::CounterSet::kWindow, c));
    statistics.window(s) = statistics_of(words);
    for (std::size_t c = 0; c < words.size(); ++c)
      words[c] = read(counter_address(s, isa::CounterSet::kTotal, c));
    statistics.total(s) = statistics_of(words);
  }
}

}  // namespace anzan::sim
