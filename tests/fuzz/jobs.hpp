// Cases side by side, in processes that share out their numbers.
#pragma once
#include <cstdint>
#include <functional>

namespace anzan::fuzz {

// What has come of a case. It goes through a pipe; `kind` is a word of the program, which all processes
// share.
struct Verdict {
  std::uint32_t number = 0;
  const char* kind = nullptr;
  int status = -1;
  bool interrupted = false, faulty = false;
  double seconds = 0, processor_seconds = 0;
  std::int64_t peak_bytes = 0;
};

// Tries so many cases from `first` on, in as many processes, forked off here; whoever is free takes the next
// number. `take` is called here. Returns whether all processes have ended as they should.
bool share_out(std::uint32_t first, std::uint32_t cases, int processes,
               const std::function<Verdict(std::uint32_t)>& try_case,
               const std::function<void(const Verdict&)>& take);

}  // namespace anzan::fuzz
