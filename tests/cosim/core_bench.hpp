// Runs programs on a Verilated compute core: the bench is program memory, HBM (models::Hbm for time, a core's
// memory for values) and host. What sequencer and units say is written down as the clocked models do.
#pragma once
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "isa/program.hpp"
#include "models/core.hpp"
#include "models/program_timing.hpp"
#include "tests/cosim/core_ports.hpp"
#include "tests/cosim/host_words.hpp"
#include "tests/cosim/verilated.hpp"
#include "tests/cosim/wide_port.hpp"

namespace anzan::cosim {

template <class Module>
class CoreBench {
 public:
  CoreBench(const models::HbmParameters& hbm, int lanes, std::int64_t clock_period_fs)
      : hbm_(hbm, lanes, clock_period_fs), line_bytes_(4 * static_cast<std::size_t>(lanes)), memory_(lanes) {
    rtl_->rst_ni = 0;
    rtl_.cycle();
    rtl_->rst_ni = 1;
  }

  // Settings, scalars, seed, step and statistics of the core into the RTL's blocks, for `slots` slots.
  void load(const models::Core& core, int slots) {
    for (int s = 0; s < slots; ++s) {
      const EntryWords words = entry_words(core.settings.slot(s));
      for (std::size_t w = 0; w < words.size(); ++w)
        store(static_cast<std::uint32_t>(s) * kEntryStride + w, words[w]);
      database(s, Set::kWindow, counter_words(core.statistics.window(s)));
      database(s, Set::kTotal, counter_words(core.statistics.total(s)));
    }
    for (int n = 0; n < isa::kScalars; ++n)
      store(kScalarsAddress + static_cast<std::uint32_t>(n), core.settings.scalar(n));
    store(kSeedAddress, core.settings.seed());
    store(kStepAddress, core.settings.step());
  }

  EntryWords entry(int slot) {
    EntryWords words;
    for (std::size_t w = 0; w < words.size(); ++w) {
      rtl_->store_re_i = 1;
      address(static_cast<std::uint32_t>(slot) * kEntryStride + w);
      rtl_.cycle();
      rtl_->store_re_i = 0;
      rtl_->eval();
      words[w] = rtl_->store_rdata_o;
    }
    return words;
  }

  CounterWords counters(int slot, Set set) {
    CounterWords words;
    for (std::size_t w = 0; w < words.size(); ++w) {
      rtl_->database_re_i = 1;
      rtl_->database_addr_i = counter_address(slot, set, w);
      rtl_.cycle();
      rtl_->database_re_i = 0;
      rtl_->eval();
      words[w] = rtl_->database_rdata_o;
    }
    return words;
  }

  // Lines of the scratchpad, which has no port for the host.
  std::uint8_t* scratchpad_line(std::size_t line) {
    return reinterpret_cast<std::uint8_t*>(&rtl_->rootp->compute_core__DOT__u_scratchpad__DOT__line_q[line]);
  }
  void load_scratchpad(const models::Core& core) {
    for (std::int64_t line = 0; line < core.lines(isa::Space::kScratchpad); ++line)
      std::memcpy(scratchpad_line(static_cast<std::size_t>(line)),
                  core.scratchpad() + line * core.line_bytes(), line_bytes_);
  }

  // From begin_i to the end; HBM's lines are those of `core`. `worked` stays what `ended` is: it is not a
  // port.
  models::ProgramTiming run(const isa::Program& program, models::Core& core) {
    memory_.load(program);
    hbm_.restart(core);
    log_.begin(program);
    rtl_->begin_i = 1;
    rtl_.cycle();
    rtl_->begin_i = 0;
    for (std::int64_t cycle = 0;; ++cycle) {
      if (cycle > kStandstill) throw std::runtime_error("compute core: does not end");
      const bool done = one_cycle(cycle);
      if (!done) continue;
      models::ProgramTiming timing;
      timing.cycles = cycle + 1;
      timing.instructions = log_.instructions();
      return timing;
    }
  }

 private:
  static constexpr std::int64_t kStandstill = 20'000'000;

  void address(std::uint64_t word_address) {
    rtl_->store_addr_i = static_cast<std::remove_reference_t<decltype(rtl_->store_addr_i)>>(word_address);
  }

  void store(std::uint64_t word_address, std::uint32_t word) {
    rtl_->store_we_i = 1;
    address(word_address);
    rtl_->store_wdata_i = word;
    rtl_.cycle();
    rtl_->store_we_i = 0;
  }

  void database(int slot, Set set, const CounterWords& words) {
    for (std::size_t w = 0; w < words.size(); ++w) {
      rtl_->database_we_i = 1;
      rtl_->database_addr_i = counter_address(slot, set, w);
      rtl_->database_wdata_i = words[w];
      rtl_.cycle();
    }
    rtl_->database_we_i = 0;
  }

  // Cycle numbers are those of the clocked models: cycle 0 fetches the first line.
  bool one_cycle(std::int64_t cycle) {
    hbm_.respond(*rtl_.operator->(), cycle);
    rtl_->clk_i = 0;
    rtl_->eval();
    rtl_->req_ready_i = rtl_->req_valid_o && hbm_.can_accept(cycle, rtl_->req_line_o);
    rtl_->eval();
    if (rtl_->req_valid_o && rtl_->req_ready_i) hbm_.request(*rtl_.operator->(), cycle);
    log_.note(*rtl_.operator->(), cycle);
    const bool done = rtl_->program_done_o;
    const bool read = rtl_->pmem_re_o;
    const std::size_t address = rtl_->pmem_addr_o;
    rtl_->clk_i = 1;
    rtl_->eval();
    if (read) set_bytes(rtl_->pmem_rdata_i, memory_.line(address), line_bytes_);
    return done;
  }

  Verilated<Module> rtl_;
  HbmPort hbm_;
  UnitLog log_;
  std::size_t line_bytes_;
  ProgramMemory memory_;
};

}  // namespace anzan::cosim
