// The Verilated compute core behind a plain face: HBM is models::Hbm for time and the HBM of a models::Core
// for values, the host writes settings, statistics and scratchpad before a program and reads them after it.
// Among several cores, somebody carries the rows of puts from one to another.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "isa/program.hpp"
#include "models/clocked/core.hpp"
#include "models/core.hpp"
#include "models/program_timing.hpp"
#include "sim/rtl/host_words.hpp"

namespace anzan::sim {

// What the RTL is built for: lanes as rtl/CMakeLists.txt says.
inline constexpr int kRtlQueueDepth = 8, kRtlDmaOutstanding = 64, kRtlScratchpadKib = 2048;
bool rtl_has_lanes(int lanes);
std::string rtl_lanes();  // all of them, for messages: "4 or 16"
int rtl_slots();          // CMake option ANZAN_RTL_SLOTS; chips with fewer leave the rest unused
bool rtl_has_waves();     // it was built to write waveforms (CMake option ANZAN_RTL_WAVES)

// A row of a put between cores as it leaves or arrives.
struct PutRow {
  std::uint32_t line = 0;                 // at the receiver
  std::uint64_t byte_enables = 0;         // of the line
  std::array<std::uint32_t, 16> words{};  // as many as there are lanes
  bool last = false;                      // of the put: `semaphores` are raised with it
  std::uint32_t semaphores = 0;
  int receiver = 0;
};

class RtlCore {
 public:
  virtual ~RtlCore() = default;

  // From now on all signals go to this FST file. Throws std::logic_error unless rtl_has_waves().
  virtual void wave(const std::string& file);

  // From now on requests to HBM, grants of the statistics database and writes of settings are appended to
  // `log` (null: no longer), by their cycles.
  virtual void log(models::BlockLog* log);
  // All words of the settings store and the statistics database as they stand: scalars, seed and step in the
  // first row, and a row for each slot. For telling whether anything has changed.
  virtual std::vector<std::vector<std::uint32_t>> state();

  // Settings, scalars, seed, step and statistics, of these slots, and the scratchpad. This, store() and
  // begin() throw std::logic_error if the core is at work.
  virtual void load(const models::Core& core, SlotRange slots) = 0;
  // What programs change of these, back.
  virtual void store(models::Core& core, SlotRange slots) = 0;

  // Puts a program into program memory, and begins; HBM is that of `core`, which must outlive the run. The
  // program must have been checked for the core: addresses are not.
  virtual void begin(const isa::Program& program, models::Core& core) = 0;
  // One clock cycle, numbered from 0 as those of the clocked models; true in the one that ends the program.
  // Throws std::logic_error if the core does what no program says, or nothing for very long.
  virtual bool cycle(std::int64_t number) = 0;

  // Instructions of the program that have ended, for whoever shows how far it has come; 0 where nobody
  // counts.
  virtual std::int64_t ended() const { return 0; }

  // Among several: its number, 0 until then; the row that arrives in the next cycle(), also of a core whose
  // program has ended; the row that has left in the last one, or null.
  virtual void set_number(int number) = 0;
  virtual void arrive(const PutRow& row) = 0;
  virtual const PutRow* sent() const = 0;

  // Of the program that has ended in cycle `last`. `worked` is what `ended` is, as the last write is not at a
  // port; of `end` nothing is known (-1), and no wait for the statistics database is counted.
  virtual models::ProgramTiming timing(std::int64_t last) = 0;
};

// Throws std::invalid_argument if a core's scratchpad is larger than the RTL's or its lanes are not these.
void check_rtl_fits(const models::Core& core, int lanes);

// Registers without a reset, and all of them before it, start at zero, or at random bits if a seed is given.
// Throws std::invalid_argument for a core that the RTL is not built for.
std::unique_ptr<RtlCore> make_rtl_core(const models::clocked::CoreParameters& parameters,
                                       int power_up_seed = 0);

}  // namespace anzan::sim
