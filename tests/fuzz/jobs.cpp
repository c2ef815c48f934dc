// The next number stands in memory that all processes share; verdicts are short enough for a pipe to keep
// whole.
#include "tests/fuzz/jobs.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>
#include <type_traits>
#include <vector>

namespace anzan::fuzz {
namespace {

using Next = std::atomic<std::uint64_t>;
static_assert(Next::is_always_lock_free);
static_assert(std::is_trivially_copyable_v<Verdict> && sizeof(Verdict) <= PIPE_BUF);

[[noreturn]] void cannot(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// A number that processes forked off later count on together.
class SharedNumber {
 public:
  SharedNumber() {
    void* const memory =
        ::mmap(nullptr, sizeof(Next), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) cannot("mmap");
    next_ = new (memory) Next(0);
  }
  ~SharedNumber() { ::munmap(next_, sizeof(Next)); }
  SharedNumber(const SharedNumber&) = delete;
  SharedNumber& operator=(const SharedNumber&) = delete;
  std::uint64_t take() { return next_->fetch_add(1); }

 private:
  Next* next_;
};

}  // namespace

bool share_out(std::uint32_t first, std::uint32_t cases, int processes,
               const std::function<Verdict(std::uint32_t)>& try_case,
               const std::function<void(const Verdict&)>& take) {
  SharedNumber next;
  int ends[2];
  if (::pipe(ends) != 0) cannot("pipe");
  std::vector<pid_t> started;
  for (int p = 0; p < processes; ++p) {
    const pid_t process = ::fork();
    if (process < 0) cannot("fork");
    if (process > 0) {
      started.push_back(process);
      continue;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    try {
      for (std::uint64_t k = next.take(); k < cases; k = next.take()) {
        const Verdict verdict = try_case(static_cast<std::uint32_t>(first + k));
        if (::write(ends[1], &verdict, sizeof verdict) != sizeof verdict) cannot("write");
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "fuzz: %s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  Verdict verdict;
  std::uint32_t taken = 0;
  for (; ::read(ends[0], &verdict, sizeof verdict) == sizeof verdict; ++taken) take(verdict);
  ::close(ends[0]);
  bool well = taken == cases;
  for (const pid_t process : started) {
    int status = 0;
    well = ::waitpid(process, &status, 0) == process && status == 0 && well;
  }
  return well;
}

}  // namespace anzan::fuzz
