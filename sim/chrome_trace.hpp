// A clocked run as Chrome trace events (JSON object format), to be looked at in Perfetto or chrome://tracing.
//
// Process "core 0" has two tracks a unit: its instructions from start to end, and its queue, where the
// instruction at the head stands from when it was issued (or the one before it started) until it starts.
// Arrows lead from the end that raised a semaphore to the start that took it. Counters: HBM bandwidth, units
// busy, instructions queued.
#pragma once
#include <filesystem>
#include <string>

#include "isa/program.hpp"
#include "models/program_timing.hpp"
#include "sim/roofline.hpp"

namespace anzan::sim {

// Times in microseconds as exact decimals of the clock's period where it is a whole number of picoseconds,
// otherwise of the nearest picosecond. HBM bandwidth is the bytes of a copy (hbm_bytes) spread evenly over
// its duration, in 10^9 bytes a second. Throws std::invalid_argument as handovers and check_regions, and for
// a clock that is not positive; isa::ProgramError for a program that does not encode.
std::string chrome_trace(const isa::Program& program, const models::ProgramTiming& timing, int lanes,
                         double clock_ghz, const RegionMap& map);

// chrome_trace into a file, the whole of it or none. Throws also std::system_error.
void write_chrome_trace(const std::filesystem::path& file, const isa::Program& program,
                        const models::ProgramTiming& timing, int lanes, double clock_ghz,
                        const RegionMap& map);

}  // namespace anzan::sim
