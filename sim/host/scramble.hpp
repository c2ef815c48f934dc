// A hash of 64 bits, of which random numbers by position are made: the same on every machine.
#pragma once
#include <cstdint>

namespace anzan::sim {

// Finaliser of SplitMix64 (Steele, Lea, Flood, 2014): neighbouring numbers give unrelated words.
constexpr std::uint64_t scramble(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// What is drawn. Each has draws of its own, whatever the seed.
enum class RandomPurpose : std::uint32_t {
  kOrder = 1,
  kWeights = 2,
  kAugmentation = 3,
  kSamples = 4,
  kSweep = 5
};

// One word for each (seed, purpose, number).
constexpr std::uint64_t drawn_word(std::uint32_t seed, RandomPurpose purpose, std::uint64_t number) {
  return scramble(scramble((std::uint64_t{static_cast<std::uint32_t>(purpose)} << 32) | seed) ^ number);
}

}  // namespace anzan::sim
