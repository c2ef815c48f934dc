// Every instruction once more, from models/README.md, in the plainest loops: what the units are held to.
// Integers are 128 bits wide, quantising is done on long double (exact for all values in question).
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "isa/isa_generated.hpp"
#include "models/settings_store.hpp"
#include "models/statistics_database.hpp"

namespace anzan::reference {

struct Machine {
  int lanes = 4;
  std::vector<std::uint8_t> scratchpad, hbm;
  models::SettingsStore settings;
  models::LocalStatistics statistics;  // of the last tensor or vector instruction

  void execute(const isa::Tensor& instruction);
  void execute(const isa::Vector& instruction);
  void execute(const isa::Copy& instruction);
  void execute(const isa::Transpose& instruction);
  void execute(const isa::Put& instruction);

  // Element of a row, sign-extended; fp32: its bits.
  std::int32_t element(const std::vector<std::uint8_t>& memory, isa::Format format, std::int64_t row,
                       int lane) const;
  void set_element(std::vector<std::uint8_t>& memory, isa::Format format, std::int64_t row, int lane,
                   std::int32_t n) const;

 private:
  struct Destination {
    isa::Format format;
    int slot;
    bool relu, analyse;
    std::int64_t row;
    int lane;
    std::uint32_t index;
  };
  float operand(const isa::Operand& operand, const std::array<std::int64_t, isa::kLoops>& at, int lane) const;
  void drain_integer(const Destination& to, std::int64_t acc, int point);
  void drain_float(const Destination& to, float v);
  void drain(const Destination& to, long double v, bool negative, bool special, float as_float);
};

std::uint32_t random_word(const models::SettingsStore& settings, int slot, std::uint32_t index);

}  // namespace anzan::reference
