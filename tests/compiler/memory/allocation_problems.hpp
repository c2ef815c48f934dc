// Allocation problems for tests: with a known least height, like training plans, and random ones.
#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "compiler/memory/buffers.hpp"

namespace anzan::tests {

// A rectangle of `time` by `capacity`, cut into at most `pieces` without waste: by straight cuts and, where
// there is room, into pinwheels of five, which no straight cut can make. The least height is `capacity`.
inline std::vector<compiler::Buffer> full_packing(std::mt19937_64& random, std::int64_t time,
                                                  std::int64_t capacity, std::size_t pieces) {
  struct Piece {
    std::int64_t left, right, bottom, top;
  };
  std::vector<Piece> all{{0, time, 0, capacity}};
  const auto draw = [&](std::int64_t from, std::int64_t to) {  // in [from, to)
    return from + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(to - from));
  };
  for (std::size_t tries = 0; all.size() < pieces && tries < 20 * pieces; ++tries) {
    const std::size_t at = random() % all.size();
    const Piece p = all[at];
    const std::int64_t width = p.right - p.left, height = p.top - p.bottom;
    if (random() % 3 == 0 && width >= 3 && height >= 3) {
      const std::int64_t a = draw(p.left + 1, p.right - 1), b = draw(a + 1, p.right);
      const std::int64_t c = draw(p.bottom + 1, p.top - 1), d = draw(c + 1, p.top);
      all[at] = {a, b, c, d};
      all.push_back({p.left, b, p.bottom, c});
      all.push_back({b, p.right, p.bottom, d});
      all.push_back({a, p.right, d, p.top});
      all.push_back({p.left, a, c, p.top});
    } else if (random() % 2 == 0 && width >= 2) {
      const std::int64_t cut = draw(p.left + 1, p.right);
      all[at].right = cut;
      all.push_back({cut, p.right, p.bottom, p.top});
    } else if (height >= 2) {
      const std::int64_t cut = draw(p.bottom + 1, p.top);
      all[at].top = cut;
      all.push_back({p.left, p.right, cut, p.top});
    }
  }
  std::shuffle(all.begin(), all.end(), random);
  std::vector<compiler::Buffer> buffers;
  for (const Piece& p : all) buffers.push_back({p.left, p.right, p.top - p.bottom});
  return buffers;
}

inline std::vector<compiler::Buffer> random_buffers(std::mt19937_64& random, std::size_t count,
                                                    std::int64_t time, std::int64_t most_size) {
  std::vector<compiler::Buffer> buffers;
  for (std::size_t i = 0; i < count; ++i) {
    const auto a = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(time));
    const auto length = 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(time - a));
    buffers.push_back(
        {a, a + length, 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most_size))});
  }
  return buffers;
}

// Training steps one after another: what forward writes lives until its backward has read it; gradients live
// from one layer to the next; weights for good.
inline std::vector<compiler::Buffer> training_plan(std::mt19937_64& random, int steps, int layers) {
  std::vector<compiler::Buffer> buffers;
  const auto size = [&] { return 64 * (1 + static_cast<std::int64_t>(random() % 4096)); };
  std::vector<std::int64_t> activations;
  for (int layer = 0; layer < layers; ++layer) activations.push_back(size());
  const std::int64_t length = 2 * layers + 2;
  for (int step = 0; step < steps; ++step) {
    const std::int64_t start = step * length, last = start + length - 1;
    for (int layer = 0; layer < layers; ++layer) {
      buffers.push_back({start + layer, last - layer, activations[layer]});
      buffers.push_back({last - layer - 1, last - layer + 1, activations[layer]});
    }
  }
  for (int layer = 0; layer < layers; ++layer) buffers.push_back({0, steps * length, size()});
  return buffers;
}

// A plan is right if no two buffers overlap in time and memory and none begins below 0: a sweep over time
// with the live buffers by offset. Returns what is wrong, or nothing.
std::string fault_of(const std::vector<compiler::Buffer>& buffers, const std::vector<std::int64_t>& offsets);

}  // namespace anzan::tests
