// Programs with their timing for the tests of reports: small random programs, and a core that runs them cycle
// by cycle and writes down in every cycle what each unit does. It knows queues and counting semaphores, and
// nothing of sim/.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "isa/program.hpp"
#include "models/program_timing.hpp"

namespace anzan::sim::testing {

inline constexpr std::size_t kAllUnits = 6;
inline constexpr int kFetchLanes = 16;  // width of the program memory, in words

struct ClockedProgram {
  isa::Program program;
  models::ProgramTiming timing;
  // Cycles of each isa::Unit: "busy", "dispatch", "queue of UNIT", "start", "end", or the unit that raised
  // the last semaphore.
  std::array<std::map<std::string, std::int64_t>, kAllUnits> seen;
};

// `size` instructions of all units, with semaphores, and `end`.
ClockedProgram random_clocked_program(std::uint32_t seed, std::size_t size = 60);

}  // namespace anzan::sim::testing
