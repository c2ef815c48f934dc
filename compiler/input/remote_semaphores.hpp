// The semaphores of a core that other cores raise: the last ones, above those by which its own units order
// each other (compiler/schedule/semaphores.hpp).
#pragma once
#include <cstddef>
#include <cstdint>

#include "isa/isa_generated.hpp"

namespace anzan::compiler {

// Who has them: collectives and the exchange of gradients the first ones, and the roads between cores that
// have parts of one network those after.
struct RemoteSemaphores {
  static constexpr std::size_t kAll = 12, kRoads = 6;
  std::size_t exchange = kAll, roads = 0;
  static constexpr RemoteSemaphores of(bool divided) {
    return divided ? RemoteSemaphores{kAll - kRoads, kRoads} : RemoteSemaphores{};
  }
};

inline constexpr std::size_t kFirstRemoteSemaphore = isa::kSemaphores - RemoteSemaphores::kAll;

// The mask of remote semaphore `number`, counted from 0.
constexpr std::uint32_t remote_semaphore(std::size_t number) {
  return std::uint32_t{1} << (kFirstRemoteSemaphore + number);
}

}  // namespace anzan::compiler
