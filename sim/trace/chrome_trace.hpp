// A clocked run as Chrome trace events (JSON object format), to be looked at in Perfetto or chrome://tracing.
//
// Each simulated core is a process ("chip 0 core 1") with two tracks a unit: its instructions from start to
// end, and its queue, where the instruction at the head stands from when it was issued (or the one before it
// started) until it starts. Track "arrivals" has the rows of puts from other cores while they are written.
// Arrows lead from the end that raised a semaphore to the start that took it, from a put to its arrival, and
// from an arrival to the start that waited for it. Counters: HBM bandwidth, units busy, instructions queued.
// Process "links" has a track for each link that carried something, with a slice for each train of packets,
// or for several trains where there are too many (link_recorder.hpp).
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "isa/program.hpp"
#include "models/network/chips.hpp"
#include "models/program_timing.hpp"
#include "sim/cost/roofline.hpp"
#include "sim/trace/link_recorder.hpp"

namespace anzan::sim {

struct TracedCore {
  const isa::Program& program;
  const models::ProgramTiming& timing;
  const RegionMap& map;
};

struct TracedRun {
  std::vector<TracedCore> cores;  // core c is core c % cores_per_chip of chip c / cores_per_chip
  int lanes = 16;
  double clock_ghz = 1;
  int cores_per_chip = 1;
  const models::ChipsNetwork* network = nullptr;  // with `links`; or both null
  const LinkRecorder* links = nullptr;
};

// Times in microseconds as exact decimals; the clock's period is that of the nearest femtosecond, as in the
// models. HBM bandwidth is the bytes of a copy (hbm_bytes) spread evenly over its duration, in 10^9 bytes a
// second. Throws std::invalid_argument as handovers and check_regions, and for a clock that is not positive;
// isa::ProgramError for a program that does not encode.
std::string chrome_trace(const TracedRun& run);

// chrome_trace into a file, the whole of it or none. Throws also std::system_error.
void write_chrome_trace(const std::filesystem::path& file, const TracedRun& run);

}  // namespace anzan::sim
