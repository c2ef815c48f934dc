// Generators of its own, so that a shape does not depend on what is drawn for the program, nor the rest of it
// on how many slots the RTL is built for.
#include "sim/verify/random_shape.hpp"

#include <algorithm>
#include <limits>

#include "isa/program.hpp"
#include "sim/rtl/core.hpp"
#include "sim/verify/random_draw.hpp"

namespace anzan::sim {
namespace {

Profile draw_profile(Draw& d) {
  const std::int64_t percent = d.between(0, 99);
  if (percent < 5) return Profile::kTwoCores;
  if (percent < 9) return Profile::kMany;
  if (percent < 15) return Profile::kLong;
  if (percent < 35) return Profile::kFar;
  return Profile::kUsual;
}

std::int64_t power(Draw& d, int low, int high) { return std::int64_t{1} << d.between(low, high); }

// Queues of a few requests, latencies up to some hundred cycles, refreshes that hardly leave time for
// anything else, and clocks that do not divide each other. Half of them are the usual memory.
models::HbmParameters draw_hbm(Draw& d) {
  const models::HbmParameters usual;
  if (d.chance(50)) return usual;
  models::HbmParameters p = usual;
  if (d.chance(50)) p.queue_depth = static_cast<int>(d.chance(50) ? d.between(1, 3) : d.between(4, 100));
  if (d.chance(40)) p.channels = static_cast<int>(power(d, 0, 3));
  if (d.chance(40)) p.clock_ps = static_cast<int>(d.between(300, 3500));
  if (d.chance(40)) p.frontend_latency_ns = static_cast<int>(d.between(0, d.chance(30) ? 200 : 20));
  if (d.chance(40)) p.backend_latency_ns = static_cast<int>(d.between(0, d.chance(30) ? 200 : 20));
  if (d.chance(30)) p.scheduling = models::HbmScheduling::kInOrder;
  if (d.chance(30)) p.pass_limit = static_cast<int>(d.between(1, 4));
  if (d.chance(30)) p.interleave_bytes = static_cast<int>(power(d, 6, 12));
  if (d.chance(30)) p.t_refi = static_cast<int>(d.between(400, 800));
  return p;
}

std::int64_t bytes_of_hbm(Draw& d, Profile profile, int lanes) {
  if (profile != Profile::kFar) return 4 * lanes * power(d, 10, 16);  // not fewer lines than programs work on
  if (d.chance(10)) return std::int64_t{1} << 32;
  return d.chance(10) ? std::int64_t{1} << 30 : power(d, 24, 26);
}

// Mostly they differ in a single bit, and then often in the topmost.
std::array<int, 2> draw_numbers(Draw& d) {
  constexpr int kBits = std::numeric_limits<decltype(isa::Put::core)>::digits;
  const auto any = static_cast<int>(d.between(0, (1 << kBits) - 1));
  const auto bit = static_cast<int>(d.chance(20) ? kBits - 1 : d.between(0, kBits - 1));
  const int differ = d.chance(80) ? 1 << bit : static_cast<int>(d.between(1, (1 << kBits) - 1));
  return {any, any ^ differ};
}

// `size` lines of so many, often the first or the last of them.
std::int64_t first_of(Draw& d, std::int64_t size, std::int64_t all) {
  if (d.chance(20)) return 0;
  return d.chance(20) ? all - size : d.between(0, all - size);
}

}  // namespace

const char* name(Profile profile) {
  static constexpr const char* kNames[kProfiles] = {"usual", "far", "long", "many", "two cores"};
  return kNames[static_cast<int>(profile)];
}

RandomProgramShape random_shape(std::uint64_t seed, int lanes, int instructions) {
  Draw d(seed ^ 0x5851f42d4c957f2dU);
  RandomProgramShape s;
  s.lanes = lanes;
  s.instructions = instructions;
  s.profile = draw_profile(d);
  s.hbm = draw_hbm(d);
  Draw of_slots(seed ^ 0xc2b2ae3d27d4eb4fU);
  s.first_slot = static_cast<int>(first_of(of_slots, s.slots, rtl_slots()));
  s.scratchpad_lines = std::int64_t{kRtlScratchpadKib} * 1024 / (4 * lanes);
  const std::int64_t hbm_bytes = bytes_of_hbm(d, s.profile, lanes);
  while (s.hbm.bytes() < hbm_bytes) s.hbm.rows *= 2;
  s.hbm_lines = hbm_bytes / (4 * lanes);
  s.first_line = first_of(d, s.lines, s.scratchpad_lines);
  s.first_hbm_line = first_of(d, s.worked_hbm_lines, s.hbm_lines);
  if (s.profile == Profile::kFar || s.profile == Profile::kLong) {
    s.first_line = s.first_hbm_line = 0;
    s.lines = s.scratchpad_lines;
    s.worked_hbm_lines = s.hbm_lines;
  }
  if (s.profile == Profile::kLong) {
    s.instructions = std::min(instructions, 8);
    s.hbm = models::HbmParameters{};
  }
  if (s.profile == Profile::kMany)
    s.instructions = instructions * static_cast<int>(d.chance(20) ? d.between(230, 260) : d.between(40, 80));
  if (s.profile == Profile::kTwoCores) s.first_slot = 0;  // engines of systems know the first slots
  s.numbers = draw_numbers(d);
  return s;
}

}  // namespace anzan::sim
