// The settings store: everything about numbers that is not in a program. One entry a slot, a table of FP32
// scalars, the seed and the step. Plain data: a checkpoint saves and restores all of it. How many slots there
// are is a size of the chip, up to isa::kSlotsMax, which an instruction can name.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "isa/records.hpp"

namespace anzan::models {

using SlotSettings = isa::SlotSettings;

inline constexpr int kUsualSlots = 1024;  // of a chip that does not say how many it has

// The same number. Throws std::invalid_argument unless a memory can have so many slots: 1 to isa::kSlotsMax.
int checked_slots(int slots);

void push_history(SlotSettings& settings, int position);  // forgets the oldest when full

class SettingsStore {
 public:
  SettingsStore() : SettingsStore(kUsualSlots) {}
  explicit SettingsStore(int slots) : slots_(static_cast<std::size_t>(checked_slots(slots))) {}

  int size() const { return static_cast<int>(slots_.size()); }
  // All throw std::out_of_range for a slot or scalar that does not exist.
  const SlotSettings& slot(int number) const { return slots_.at(static_cast<std::size_t>(number)); }
  SlotSettings& slot(int number) { return slots_.at(static_cast<std::size_t>(number)); }
  void settle(int number) { slot(number).q_read = slot(number).q_write; }

  std::uint32_t scalar(int number) const { return scalars_.at(static_cast<std::size_t>(number)); }
  void set_scalar(int number, std::uint32_t bits) { scalars_.at(static_cast<std::size_t>(number)) = bits; }

  std::uint32_t seed() const { return seed_; }
  std::uint32_t step() const { return step_; }
  void set_seed(std::uint32_t seed) { seed_ = seed; }
  void set_step(std::uint32_t step) { step_ = step; }

  // The words of the entries, scalars, seed and step, little-endian. deserialise throws
  // std::invalid_argument, and changes nothing, if the number of slots differs or a field holds what it
  // cannot.
  std::vector<std::uint8_t> serialise() const;
  void deserialise(const std::vector<std::uint8_t>& bytes);

  bool operator==(const SettingsStore& o) const {
    return slots_ == o.slots_ && scalars_ == o.scalars_ && seed_ == o.seed_ && step_ == o.step_;
  }

 private:
  std::vector<SlotSettings> slots_;
  std::array<std::uint32_t, isa::kScalars> scalars_{};  // FP32 bits
  std::uint32_t seed_ = 0, step_ = 0;
};

}  // namespace anzan::models
