// Draws one instruction after the other. Each waits only for what earlier ones have raised, so none waits for
// ever.
#include "tests/models/clocked/random_schedule.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "tests/models/instruction_cases.hpp"

namespace anzan::reference {
namespace {

constexpr int kUnits = 5;

class Maker {
 public:
  Maker(std::uint64_t seed, const ScheduleShape& shape)
      : shape_(shape), cases_(seed, shape.lanes), random_(seed ^ 0x5eed) {}

  isa::Program make() {
    isa::Program program;
    for (int i = 0; i < shape_.instructions; ++i) {
      isa::Instruction instruction = one();
      order(instruction);
      program.push_back(std::move(instruction));
    }
    program.push_back(isa::End{});
    return program;
  }

 private:
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool chance(int percent) { return between(0, 99) < percent; }

  isa::Instruction one() {
    switch (between(0, 9)) {
      case 0:
      case 1:
      case 2:
        return small(cases_.tensor());
      case 3:
      case 4:
        return small(cases_.vector());
      case 5:
        return cases_.transpose();
      case 6:
        if (chance(40)) return chance(50) ? isa::Instruction(isa::Take{}) : isa::Instruction(isa::Give{});
        return chance(50) ? isa::Instruction(isa::Update{}) : isa::Instruction(isa::Settle{});
      case 7:
        return put();
      default:
        return copy();
    }
  }

  // Half of the instructions are short, so that queues fill and units wait for each other.
  template <class Instruction>
  Instruction small(Instruction i) {
    if (!chance(50)) return i;
    for (auto& count : i.loops) count = static_cast<std::uint16_t>(std::min<int>(count, 2));
    return i;
  }

  isa::Put put() {
    isa::Put p;
    p.loops[7] = static_cast<std::uint16_t>(between(1, 40));
    return p;
  }

  isa::Copy copy() {
    isa::Copy c;
    if (chance(20)) return cases_.copy();
    const bool reads = chance(60);
    c.element = chance(70) ? isa::Format::kFp32 : chance(50) ? isa::Format::kInt8 : isa::Format::kInt16;
    (reads ? c.src_space : c.dst_space) = isa::Space::kHbm;
    (reads ? c.dst_space : c.src_space) = isa::Space::kScratchpad;
    isa::Address& rows = reads ? c.src : c.dst;
    std::int64_t end = 0;
    for (std::size_t k = 5; k < 8; ++k) {
      c.loops[k] = static_cast<std::uint16_t>(between(1, k == 7 ? 40 : 4));
      rows.stride[k] = static_cast<std::int32_t>(chance(60) ? 1 : between(0, 900));
      end += (c.loops[k] - 1) * rows.stride[k];
    }
    rows.base = static_cast<std::uint32_t>(between(0, shape_.hbm_lines - end - 1));
    return c;
  }

  void order(isa::Instruction& instruction) {
    const auto unit = static_cast<std::uint32_t>(isa::unit(instruction)) - 1;
    std::uint32_t wait = 0, signal = 0;
    for (std::uint32_t s = unit; s < isa::kSemaphores; s += kUnits) {
      if (raised_[s] > 0 && chance(shape_.wait_percent)) {
        --raised_[s];
        wait |= std::uint32_t{1} << s;
      }
    }
    for (int n = chance(60) ? 2 : 0; n > 0; --n) {
      const auto s = static_cast<std::uint32_t>(between(0, isa::kSemaphores - 1));
      if ((signal >> s & 1) == 0) ++raised_[s];
      signal |= std::uint32_t{1} << s;
    }
    std::visit([&](auto& i) { i.wait = wait, i.signal = signal; }, instruction);
    if (auto* p = std::get_if<isa::Put>(&instruction); p != nullptr && chance(50)) {
      const auto s = static_cast<std::uint32_t>(between(0, isa::kSemaphores - 1));
      p->remote_signal = std::uint32_t{1} << s;
      ++raised_[s];
    }
  }

  ScheduleShape shape_;
  CaseMaker cases_;
  std::mt19937_64 random_;
  std::array<int, isa::kSemaphores> raised_{};
};

}  // namespace

isa::Program random_schedule(std::uint64_t seed, const ScheduleShape& shape) {
  return Maker(seed, shape).make();
}

}  // namespace anzan::reference
