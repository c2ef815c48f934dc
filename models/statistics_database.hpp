// What the analysis blocks counted, one entry a slot: the window that the settings optimiser reads, and the
// total that the host reads. Counters are 32 bits and stop at their largest value.
#pragma once
#include <cstdint>
#include <vector>

#include "isa/records.hpp"
#include "models/settings_store.hpp"

namespace anzan::models {

// Counts of one instruction, or of one thread's share of it: 64 bits, so that merging is plain addition.
struct LocalStatistics : isa::Statistics<std::uint64_t> {
  void add(const LocalStatistics& other);
};

// Counts of a slot, as the hardware keeps them.
struct SlotStatistics : isa::Statistics<std::uint32_t> {
  void add(const LocalStatistics& local);  // saturating: independent of the order of additions
  void add(const SlotStatistics& other);   // of another core, likewise
  // What was counted earlier; leaves what has been counted since.
  void subtract(const SlotStatistics& earlier);
  void decay(std::uint8_t factor);  // every counter c := (c · factor) >> 8
};

class StatisticsDatabase {
 public:
  StatisticsDatabase() : StatisticsDatabase(kUsualSlots) {}
  explicit StatisticsDatabase(int slots) : entries_(static_cast<std::size_t>(checked_slots(slots))) {}

  int size() const { return static_cast<int>(entries_.size()); }
  // All throw std::out_of_range for a slot that does not exist.
  const SlotStatistics& window(int slot) const { return entry(slot).window; }
  SlotStatistics& window(int slot) { return entry(slot).window; }
  const SlotStatistics& total(int slot) const { return entry(slot).total; }
  SlotStatistics& total(int slot) { return entry(slot).total; }
  void merge(int slot, const LocalStatistics& local);  // into the window and the total
  SlotStatistics take_total(int slot);                 // returns the total and clears it
  // What was counted since the total was last cleared, out of the window too, which keeps what came before;
  // and into both again, summed over cores.
  SlotStatistics take(int slot);
  void give(int slot, const SlotStatistics& counters);

  // The words of window and total of every slot, little-endian. deserialise throws std::invalid_argument, and
  // changes nothing, if the size differs.
  std::vector<std::uint8_t> serialise() const;
  void deserialise(const std::vector<std::uint8_t>& bytes);

  bool operator==(const StatisticsDatabase& o) const { return entries_ == o.entries_; }

 private:
  struct Entry {
    SlotStatistics window, total;
    bool operator==(const Entry& o) const { return window == o.window && total == o.total; }
  };
  Entry& entry(int slot) { return entries_.at(static_cast<std::size_t>(slot)); }
  const Entry& entry(int slot) const { return entries_.at(static_cast<std::size_t>(slot)); }

  std::vector<Entry> entries_;
};

}  // namespace anzan::models
