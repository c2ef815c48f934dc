// A fork costs milliseconds: no case can disturb another, and one that crashes or hangs ends only itself.
#include "tests/fuzz/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <system_error>

#include "sim/command_line.hpp"

#ifdef __SANITIZE_ADDRESS__
extern "C" void __sanitizer_purge_allocator();  // g++ has no header that says so
#endif

namespace anzan::fuzz {
namespace {

constexpr std::size_t kMostOutput = std::size_t{1} << 22;  // is kept, of each stream

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct Pipe {
  Pipe() {
    if (::pipe(ends) != 0) fail("pipe");
  }
  int ends[2];
};

// A group of processes of its own, as a shell gives to a command: Ctrl-C goes to all of them.
[[noreturn]] void become(Where where, const std::vector<std::string>& arguments,
                         const std::filesystem::path& directory, const std::string& input) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);
  const struct rlimit no_core {};
  ::setrlimit(RLIMIT_CORE, &no_core);
  std::signal(SIGINT, SIG_DFL);  // a shell ignores it in what it starts in the background
  if (::chdir(directory.c_str()) != 0) ::_exit(120);
  std::FILE* const file = std::tmpfile();
  if (file == nullptr || std::fwrite(input.data(), 1, input.size(), file) != input.size()) ::_exit(121);
  std::rewind(file);
  ::dup2(::fileno(file), STDIN_FILENO);
  std::vector<std::string> words{"anzan"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  if (where == Where::kProgram) {
    ::execv(ANZAN_PROGRAM, pointers.data());
    ::_exit(122);
  }
  const int status = sim::command_line(static_cast<int>(words.size()), pointers.data());
  std::cout.flush();
  std::fflush(nullptr);
  ::_exit(status);
}

// A process and those that it has started.
std::vector<pid_t> family(pid_t process) {
  std::vector<pid_t> all{process};
  for (std::size_t k = 0; k < all.size(); ++k) {
    const std::string number = std::to_string(all[k]);
    std::ifstream stream("/proc/" + number + "/task/" + number + "/children");
    for (pid_t child = 0; stream >> child;) all.push_back(child);
  }
  return all;
}

// What a process that is not this one's has used so far.
double processor_seconds(pid_t process) {
  clockid_t clock{};
  struct timespec used {};
  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

std::int64_t resident_bytes(pid_t process) {
  std::ifstream stream("/proc/" + std::to_string(process) + "/statm");
  std::int64_t pages = 0, resident = 0;
  return stream >> pages >> resident ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

double seconds(const struct timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

// Reads what a process says until it ends, and ends it where it goes beyond its limits.
class Watchman {
 public:
  Watchman(pid_t process, int output, int errors, const Limits& limits)
      : process_(process), limits_(limits), started_(now()) {
    watched_[0] = {output, POLLIN, 0};
    watched_[1] = {errors, POLLIN, 0};
  }

  Outcome watch() {
    while (watched_[0].fd >= 0 || watched_[1].fd >= 0) {
      ::poll(watched_.data(), watched_.size(), 100);
      read(watched_[0], outcome_.output);
      read(watched_[1], outcome_.errors);
      if (now() - started_ > 0.3) look();
    }
    int status = 0;
    struct rusage used {};
    while (::wait4(process_, &status, 0, &used) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) outcome_.status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome_.signal = WTERMSIG(status);
    outcome_.seconds = now() - started_;
    outcome_.processor_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
    outcome_.peak_bytes = std::max(outcome_.peak_bytes, std::int64_t{used.ru_maxrss} * 1024);
    outcome_.large = outcome_.large || outcome_.peak_bytes > limits_.bytes;
    return std::move(outcome_);
  }

 private:
  void read(struct pollfd& from, std::string& text) {
    if (from.fd < 0 || (from.revents & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    std::array<char, 1U << 16> buffer;
    const ssize_t count = ::read(from.fd, buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(),
                  std::min<std::size_t>(count, kMostOutput - std::min(text.size(), kMostOutput)));
      spoke_at_ = use();
      spoken_ = true;
    } else if (count == 0 || errno != EINTR) {
      ::close(from.fd);
      from.fd = -1;
    }
  }

  // Of processors, by all that there are of the family; what those used that have ended counts on.
  double use() {
    double all = 0;
    for (const pid_t member : family(process_)) all += processor_seconds(member);
    return used_ = std::max(used_, all);
  }

  void look() {
    const double used = use(), wall = now() - started_;
    std::int64_t resident = 0;
    for (const pid_t member : family(process_)) resident += resident_bytes(member);
    outcome_.peak_bytes = std::max(outcome_.peak_bytes, resident);
    outcome_.large = outcome_.peak_bytes > limits_.bytes;
    outcome_.silent = outcome_.silent || used - spoke_at_ > limits_.silent_seconds;
    const bool lively = spoken_ && used - spoke_at_ < limits_.lately_seconds;
    const bool waits = wall > 10 * (limits_.budget_seconds + limits_.silent_seconds);
    if (interrupts_ == 0 && (waits || (used > limits_.budget_seconds && lively))) interrupt(used);
    // The first lets a step end, which may be a long one.
    if (interrupts_ == 1 && used - interrupted_at_ > 1) interrupt(used);
    outcome_.endless = wall > 20 * (limits_.budget_seconds + limits_.silent_seconds) ||
                       (interrupts_ == 2 && used - interrupted_at_ > limits_.stop_seconds);
    if (outcome_.large || outcome_.silent || outcome_.endless) ::kill(-process_, SIGKILL);
  }

  void interrupt(double used) {
    outcome_.interrupted = true;
    ++interrupts_;
    interrupted_at_ = used;
    ::kill(-process_, SIGINT);
  }

  pid_t process_;
  Limits limits_;
  double started_, used_ = 0, spoke_at_ = 0, interrupted_at_ = 0;
  bool spoken_ = false;
  int interrupts_ = 0;
  std::array<struct pollfd, 2> watched_{};
  Outcome outcome_;
};

}  // namespace

Outcome watch(Where where, const std::vector<std::string>& arguments, const std::filesystem::path& directory,
              const std::string& input, const Limits& limits) {
  const Pipe output, errors;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_purge_allocator();  // what was freed here, up to 256 MB, is not to be copied into each process
#endif
  const pid_t process = ::fork();
  if (process < 0) fail("fork");
  if (process == 0) {
    ::dup2(output.ends[1], STDOUT_FILENO);
    ::dup2(errors.ends[1], STDERR_FILENO);
    for (const int end : {output.ends[0], output.ends[1], errors.ends[0], errors.ends[1]}) ::close(end);
    become(where, arguments, directory, input);
  }
  ::setpgid(process, process);  // there and here: whoever is first
  ::close(output.ends[1]);
  ::close(errors.ends[1]);
  return Watchman(process, output.ends[0], errors.ends[0], limits).watch();
}

}  // namespace anzan::fuzz
