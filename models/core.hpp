// The state of one core: its memories, settings, statistics and semaphores.
#pragma once
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "isa/isa_generated.hpp"
#include "models/settings_store.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models {

class Core {
 public:
  // Memories start as zeros, at addresses that are multiples of 64 bytes; HBM follows the scratchpad. Throws
  // std::invalid_argument if lanes is not one of isa::kLanes, a size is negative, the scratchpad does not lie
  // below 2 GiB, or as checked_slots.
  Core(int lanes, std::int64_t scratchpad_kib, std::int64_t hbm_lines, int slots = kUsualSlots);

  int lanes() const { return lanes_; }
  std::int64_t line_bytes() const { return 4 * std::int64_t{lanes_}; }
  std::int64_t lines(isa::Space space) const {
    return space == isa::Space::kHbm ? hbm_lines_ : scratchpad_lines_;
  }
  std::uint8_t* bytes(isa::Space space) { return space == isa::Space::kHbm ? hbm() : scratchpad(); }
  const std::uint8_t* bytes(isa::Space space) const {
    return space == isa::Space::kHbm ? hbm() : scratchpad();
  }
  std::uint8_t* scratchpad() { return memory_.data; }
  const std::uint8_t* scratchpad() const { return memory_.data; }
  std::uint8_t* hbm() { return memory_.data + scratchpad_lines_ * line_bytes(); }
  const std::uint8_t* hbm() const { return memory_.data + scratchpad_lines_ * line_bytes(); }

  // True and each lowered by one if every semaphore of the mask is above zero; else nothing changes.
  bool take(std::uint32_t wait);
  void raise(std::uint32_t signal);

  SettingsStore settings;
  StatisticsDatabase statistics;
  std::array<std::uint32_t, isa::kSemaphores> semaphores{};

 private:
  struct Free {
    void operator()(std::uint8_t* p) const { std::free(p); }
  };
  struct Memory {
    explicit Memory(std::int64_t bytes);
    std::unique_ptr<std::uint8_t, Free> owner;
    std::uint8_t* data;
  };

  int lanes_;
  std::int64_t scratchpad_lines_, hbm_lines_;
  Memory memory_;
};

}  // namespace anzan::models
