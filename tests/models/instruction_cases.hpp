// Seeded random legal instructions with memories and settings to run them on, and the comparison of the units
// with the reference on every kernel set of this processor.
#pragma once
#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "models/core.hpp"
#include "models/kernels/kernels.hpp"
#include "models/plan.hpp"
#include "tests/models/instruction_reference.hpp"

namespace anzan::reference {

// Lines of the memories: inputs, starting accumulators, outputs. Only outputs are written.
inline constexpr std::int64_t kInputLines = 160, kStartLines = 96, kOutputLines = 256;
inline constexpr std::int64_t kLines = kInputLines + kStartLines + kOutputLines;

class CaseMaker {
 public:
  CaseMaker(std::uint64_t seed, int lanes) : random_(seed), lanes_(lanes) {}

  isa::Tensor tensor();
  isa::Vector vector();
  isa::Vector vector_of_lines();  // rows that follow each other, as those of most layers do
  isa::Copy copy();
  isa::Transpose transpose();
  std::uint32_t counter_line() { return static_cast<std::uint32_t>(between(0, 60)); }
  // A machine on which the instruction last made is legal; half of its bits are drawn to be awkward.
  Machine machine();

 private:
  std::int64_t between(std::int64_t low, std::int64_t high);
  bool chance(int percent) { return between(0, 99) < percent; }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[between(0, static_cast<std::int64_t>(values.size()) - 1)];
  }
  isa::Format format() { return pick({isa::Format::kInt8, isa::Format::kInt16, isa::Format::kFp32}); }
  void loops(std::array<std::uint16_t, isa::kLoops>& counts, int first, int last, std::int64_t budget);
  isa::Address address(const std::array<std::uint16_t, isa::kLoops>& counts, int depth, std::int64_t low,
                       std::int64_t high, std::int64_t first, std::int64_t size);
  isa::Index index();
  isa::Mask mask();
  isa::Operand operand(const isa::Vector& v);
  std::uint32_t word(int style);
  models::SlotSettings slot(isa::Format format);

  std::mt19937_64 random_;
  int lanes_;
  bool integer_start_ = false;  // the starting accumulators are integers
  isa::Format output_ = isa::Format::kFp32;
  int slot_o_ = 0;
};

// The reference's state as a core.
models::Core core_of(const Machine& machine);

// Runs `execute` on a core of its own for every kernel set of the machine's lanes, and fails with `what`
// unless memories and counts are then those of `expected`.
using Execute = std::function<void(models::Core& core, const models::kernels::KernelSet& kernels,
                                   models::LocalStatistics& statistics)>;
void expect_same(const Machine& start, const Machine& expected, const std::string& what,
                 const Execute& execute);

// Runs iterations in pieces where they are independent, backwards; else in one.
void in_pieces(const models::Plan& plan,
               const std::function<void(std::int64_t first, std::int64_t last)>& run);

}  // namespace anzan::reference
