// What one run of a program on the clocked models took: a record an instruction, in cycles of the core's
// clock counted from 0, and what the memory did. Values have no part in it.
#pragma once
#include <cstdint>
#include <vector>

namespace anzan::models {

struct InstructionTiming {
  std::int64_t issued = 0;   // put into its unit's queue
  std::int64_t started = 0;  // semaphores taken (S)
  std::int64_t worked = 0;   // last write (W)
  std::int64_t ended = 0;    // semaphores raised (E); after W only for a merge of statistics
};

struct HbmCounters {
  std::int64_t read_requests = 0, write_requests = 0;  // lines, or parts of a line
  std::int64_t read_bytes = 0, written_bytes = 0;      // in whole bursts, as they cross the interface
  std::int64_t activations = 0, row_hits = 0, refreshes = 0;
  std::int64_t data_bus_busy_clocks = 0;  // summed over the pseudo-channels, in clocks of the memory
};

// What blocks did in a run, each in the order of its cycles: for comparing one core with another that should
// do the same.
struct HbmRequest {  // as it is presented
  std::int64_t cycle = 0, line = 0;
  bool write = false;
};
struct DatabaseGrant {  // a merge, or a pass of the settings optimiser
  std::int64_t cycle = 0;
  int port = 0, slot = 0;
};
struct SettingsWrite {  // of an entry, by the settings optimiser
  std::int64_t cycle = 0;
  int slot = 0;
  bool state = false;  // by an update, which writes more than the binary points
};
struct BlockLog {
  std::vector<HbmRequest> requests;
  std::vector<DatabaseGrant> grants;
  std::vector<SettingsWrite> settings;
};

struct Arrival {  // from another core
  std::int64_t cycle = 0;
  std::uint32_t semaphores = 0;  // that it raises
};

struct ProgramTiming {
  std::int64_t cycles = 0;                      // from the first fetch to the step barrier
  std::vector<InstructionTiming> instructions;  // in program order; of `end`, only issued counts
  std::vector<Arrival> arrivals;                // in order
  HbmCounters hbm;
  std::int64_t database_wait_cycles = 0;  // in which a merge or an update waited for another
};

}  // namespace anzan::models
