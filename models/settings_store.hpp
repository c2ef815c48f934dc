// The settings store: everything about numbers that is not in a program. One entry a slot, a table of FP32
// scalars, the seed and the step. Plain data: a checkpoint saves and restores all of it.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "isa/isa_generated.hpp"

namespace anzan::models {

struct SlotSettings {
  std::uint8_t width = isa::kWidthMax;  // effective bits of an element
  std::int8_t q_read = 0, q_write = 0;  // binary points: a value is n · 2^(−q)
  isa::Rounding rounding = isa::Rounding::kNearestEven;

  isa::Policy policy = isa::Policy::kStatic;
  std::uint16_t interval = 1;   // the optimiser acts on every interval-th update ...
  std::uint16_t warmup = 0;     // ... and on each of the first `warmup` ones
  std::uint8_t guard = 0;       // bits by which a target is lowered
  std::uint8_t hysteresis = 0;  // a finer target must be finer by more than this
  std::uint8_t decay = 0;       // what remains of the window after acting, in 1/256
  std::uint32_t r_max = 0;      // largest overflow rate, in 2^(−32)
  std::uint8_t window = 1;      // positions of the history that `max` and `predictive` look at, 1 to 8
  std::int8_t q_min = isa::kBinaryPointMin, q_max = isa::kBinaryPointMax;

  // State of the optimiser.
  std::uint32_t updates = 0, age = 0;  // updates so far, and since it last acted; both stop at 2^32 − 1
  std::array<std::int8_t, isa::kHistoryLength> history{};  // largest positions, oldest first
  std::uint8_t history_count = 0;                          // how many of them are valid

  void push_history(int position);  // forgets the oldest when full
  bool operator==(const SlotSettings& o) const;
  bool operator!=(const SlotSettings& o) const { return !(*this == o); }
};

class SettingsStore {
 public:
  SettingsStore() : slots_(isa::kSlots) {}

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

  // Little-endian, of constant size. deserialise throws std::invalid_argument, and changes nothing, if the
  // size differs or a field holds what it cannot.
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
