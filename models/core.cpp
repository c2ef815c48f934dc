// The state of one core: memory and semaphores.
#include "models/core.hpp"

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include <new>
#include <stdexcept>
#include <string>

namespace anzan::models {
namespace {

constexpr std::int64_t kAlignment = 64;
constexpr std::int64_t kScratchpadLimitKib = std::int64_t{1} << 21;  // offsets in it are signed 32-bit bytes

// Rows of a tensor lie far apart, so that each is on a page of its own if pages are small. A wish: where the
// system does not know it, all is as before.
void ask_for_large_pages(std::uint8_t* memory, std::size_t size) {
#if defined(MADV_HUGEPAGE)
  constexpr std::uintptr_t kLargePage = std::uintptr_t{1} << 21;
  const auto first = (reinterpret_cast<std::uintptr_t>(memory) + kLargePage - 1) / kLargePage * kLargePage;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + size) / kLargePage * kLargePage;
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#endif
}

int checked_lanes(int lanes) {
  for (const int allowed : isa::kLanes)
    if (lanes == allowed) return lanes;
  throw std::invalid_argument("core: found " + std::to_string(lanes) + " lanes, expected 4, 8, 16 or 32");
}

std::int64_t checked_lines(std::int64_t lines) {
  if (lines < 0) throw std::invalid_argument("core: found a memory of " + std::to_string(lines) + " lines");
  return lines;
}

std::int64_t scratchpad_lines(std::int64_t kib, int lanes) {
  if (kib < 0 || kib >= kScratchpadLimitKib)
    throw std::invalid_argument("core: found a scratchpad of " + std::to_string(kib) +
                                " KiB, expected 0 to 2097151");
  return kib * 1024 / (4 * lanes);
}

}  // namespace

Core::Memory::Memory(std::int64_t bytes) {
  // calloc hands out pages that are zero and cost nothing until they are touched.
  const auto size = static_cast<std::size_t>(bytes + kAlignment);
  owner.reset(static_cast<std::uint8_t*>(std::calloc(size, 1)));
  if (!owner) throw std::bad_alloc();
  const auto address = reinterpret_cast<std::uintptr_t>(owner.get());
  data = owner.get() + (kAlignment - address % kAlignment) % kAlignment;
  ask_for_large_pages(owner.get(), size);
}

Core::Core(int lanes, std::int64_t scratchpad_kib, std::int64_t hbm_lines, int slots)
    : settings(slots),
      statistics(slots),
      lanes_(checked_lanes(lanes)),
      scratchpad_lines_(scratchpad_lines(scratchpad_kib, lanes)),
      hbm_lines_(checked_lines(hbm_lines)),
      memory_((scratchpad_lines_ + hbm_lines_) * line_bytes()) {}

bool Core::take(std::uint32_t wait) {
  for (std::uint32_t rest = wait; rest != 0; rest &= rest - 1)
    if (semaphores[static_cast<std::size_t>(__builtin_ctz(rest))] == 0) return false;
  for (std::uint32_t rest = wait; rest != 0; rest &= rest - 1)
    --semaphores[static_cast<std::size_t>(__builtin_ctz(rest))];
  return true;
}

void Core::raise(std::uint32_t signal) {
  for (std::uint32_t rest = signal; rest != 0; rest &= rest - 1)
    ++semaphores[static_cast<std::size_t>(__builtin_ctz(rest))];
}

}  // namespace anzan::models
