// The scratchpad as a unit that moves rows sees it: its ports r (reads) and w (writes), and the instruction
// it is started with.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "isa/program.hpp"
#include "models/core.hpp"
#include "tests/cosim/verilated.hpp"
#include "tests/cosim/wide_port.hpp"

namespace anzan::cosim {

struct LineCounts {
  std::int64_t read = 0, written = 0;
  bool operator==(const LineCounts& other) const { return read == other.read && written == other.written; }
};

// Ends a cycle whose inputs stand at the module. Data that nobody asked for are no memory's.
template <class Module>
void end_cycle(Verilated<Module>& rtl, models::Core& core, LineCounts& counts) {
  const auto line_at = [&](std::uint32_t line) {
    if (line >= core.lines(isa::Space::kScratchpad))
      throw std::runtime_error("a line outside the scratchpad");
    return core.scratchpad() + line * core.line_bytes();
  };
  std::vector<std::uint8_t> data(static_cast<std::size_t>(core.line_bytes()), 0xa5);
  if (rtl->r_re_o != 0) {
    ++counts.read;
    std::memcpy(data.data(), line_at(rtl->r_addr_o), data.size());
  }
  if (rtl->w_we_o != 0) {
    ++counts.written;
    write_line(line_at(rtl->w_addr_o), rtl->w_be_o, rtl->w_wdata_o);
  }
  rtl.cycle();
  set_bytes(rtl->r_rdata_i, data.data(), data.size());
}

// In cycle S the instruction stands at the port, in all others none.
template <class Module>
void set_instruction(Verilated<Module>& rtl, const isa::Instruction* instruction) {
  rtl->start_i = instruction != nullptr;
  std::vector<std::uint32_t> words(1, 0xffffffff);
  if (instruction != nullptr) words = isa::encode({*instruction});
  set_bytes(rtl->instruction_i, words.data(), 4 * words.size());
}

inline void expect_same_memories(const models::Core& found, const models::Core& expected) {
  for (const isa::Space space : {isa::Space::kScratchpad, isa::Space::kHbm}) {
    const auto size = static_cast<std::size_t>(found.lines(space) * found.line_bytes());
    ASSERT_EQ(std::memcmp(found.bytes(space), expected.bytes(space), size), 0) << isa::name(space);
  }
}

}  // namespace anzan::cosim
