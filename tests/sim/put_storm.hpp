// Random programs of several cores that put rows to each other, and themselves, at all times. Seeded; they
// end whatever the network does, and what they leave does not depend on it.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "isa/program.hpp"

namespace anzan::sim::testing {

// Sources are never written, and each pair of cores has its own destination. Some instructions wait for what
// others put.
class PutStorm {
 public:
  static constexpr int kPuts = 12, kRegionLines = 64, kWaits = 4;
  PutStorm(std::uint32_t seed, int cores) : random_(seed), cores_(cores) {
    raised_.assign(static_cast<std::size_t>(cores), std::vector<int>(kWaits, 0));
    for (int c = 0; c < cores; ++c) {
      programs_.emplace_back();
      for (int n = 0; n < kPuts; ++n) programs_.back().emplace_back(put(c));
    }
    for (int c = 0; c < cores; ++c) wait(c);
  }
  const std::vector<isa::Program>& programs() const { return programs_; }
  std::int64_t scratchpad_lines() const { return std::int64_t{kRegionLines} * (cores_ + 1); }

 private:
  int draw(int from, int to) {
    return from + static_cast<int>(random_() % static_cast<unsigned>(to - from + 1));
  }

  // Rows anywhere in the first region to rows of the receiver's region of this core, none of them twice.
  isa::Put put(int core) {
    isa::Put p;
    p.element = static_cast<isa::Format>(random_() % isa::kFormatInfo.size);
    const int rows = kRegionLines * (p.element == isa::Format::kInt8    ? 4
                                     : p.element == isa::Format::kInt16 ? 2
                                                                        : 1);
    const int inner = draw(1, 6), outer = draw(1, 4), step = draw(1, 2), gap = draw(0, 3);
    p.loops[6] = static_cast<std::uint16_t>(outer);
    p.loops[7] = static_cast<std::uint16_t>(inner);
    p.src.stride[6] = draw(0, 3);
    p.src.stride[7] = draw(0, 3);
    p.src.base = static_cast<std::uint32_t>(draw(0, rows - 1 - 3 * inner - 3 * outer));
    p.dst.stride[6] = inner * step + gap;
    p.dst.stride[7] = step;
    p.core = static_cast<std::uint16_t>(draw(0, cores_ - 1));
    p.dst.base = static_cast<std::uint32_t>((core + 1) * rows + draw(0, rows - outer * (inner * step + gap)));
    if (draw(0, 3) != 0) {
      const int semaphore = draw(0, kWaits - 1);
      p.remote_signal = 1U << semaphore;
      ++raised_[p.core][static_cast<std::size_t>(semaphore)];
    }
    return p;
  }

  // For all that comes, or, in some programs, not for the last of it: that arrives after their end.
  void wait(int core) {
    const bool all = draw(0, 2) != 0;
    std::vector<isa::Instruction> waits;
    for (int s = 0; s < kWaits; ++s) {
      const int times = raised_[static_cast<std::size_t>(core)][static_cast<std::size_t>(s)];
      for (int n = 0; n < (all ? times : times / 2); ++n) {
        isa::Settle settle;
        settle.slot = static_cast<std::uint16_t>(draw(0, 3));
        settle.wait = 1U << s;
        isa::Put own;
        own.core = static_cast<std::uint16_t>(core);
        own.dst.base = static_cast<std::uint32_t>((core + 1) * kRegionLines);
        own.element = isa::Format::kFp32;
        own.wait = 1U << s;
        waits.push_back(draw(0, 3) == 0 ? isa::Instruction(own) : isa::Instruction(settle));
      }
    }
    std::shuffle(waits.begin(), waits.end(), random_);
    isa::Program& program = programs_[static_cast<std::size_t>(core)];
    program.insert(program.end(), waits.begin(), waits.end());
    program.emplace_back(isa::End{});
  }

  std::mt19937 random_;
  int cores_;
  std::vector<std::vector<int>> raised_;  // at each core: how often each semaphore
  std::vector<isa::Program> programs_;
};

}  // namespace anzan::sim::testing
