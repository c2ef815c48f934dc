// Counter-based random words: a word depends on (seed, step, slot, index) only, never on the order of work.
// The mixer is `lowbias32` of C. Wellons, "Prospecting for Hash Functions" (2018).
#pragma once
#include <cstdint>

namespace anzan::models {

// A bijection of 32-bit words.
constexpr std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  x ^= x >> 16;
  return x;
}

// The part of a random word that is the same for a whole instruction.
constexpr std::uint32_t random_key(std::uint32_t seed, std::uint32_t step, std::uint32_t slot) {
  return mix(mix(mix(seed + 0x9e3779b9U) ^ step) ^ (slot * 0x85ebca6bU));
}

constexpr std::uint32_t random_word(std::uint32_t key, std::uint32_t index) { return mix(index ^ key); }

}  // namespace anzan::models
