// What a random program is like as a whole: how large its memories are and where in them it works, how many
// instructions it has and how long their loops are, and what its HBM is like. Drawn from the seed, so that
// each width of the hardware is reached by some programs.
#pragma once
#include <array>
#include <cstdint>

#include "models/hbm_timing.hpp"

namespace anzan::sim {

enum class Profile {
  kUsual,     // some dozen instructions that work on each other's results
  kFar,       // over all of the scratchpad, and an HBM of up to a GiB
  kLong,      // few instructions, some of more than 2^16 iterations
  kMany,      // thousands of tiny instructions; semaphores that grow
  kTwoCores,  // two programs of the usual kind that put to each other
};
inline constexpr int kProfiles = 5;
const char* name(Profile profile);

struct RandomProgramShape {
  int lanes = 4;
  int instructions = 30;
  std::int64_t scratchpad_lines = 512, hbm_lines = 512;     // that there are
  std::int64_t first_line = 0, lines = 512;                 // of the scratchpad, where the program works
  std::int64_t first_hbm_line = 0, worked_hbm_lines = 512;  // of HBM, likewise
  int first_slot = 0, slots = 8;
  int narrow_slots = 6;  // the first of them, whose width fits int8
  Profile profile = Profile::kUsual;
  int core = 0;                  // of two, which put to each other
  std::array<int, 2> numbers{};  // that they have in the RTL; one alone has the first
  models::HbmParameters hbm;
};

// The shape of the program with this seed, of about so many instructions where the profile is the usual one.
RandomProgramShape random_shape(std::uint64_t seed, int lanes, int instructions);

}  // namespace anzan::sim
