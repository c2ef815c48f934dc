// Messages are CBOR, each after its length, over a pair of sockets. A worker answers its tasks in order: of
// one that has died, the first task without an answer is the one it died of.
#include "sim/sweep/workers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "sim/host/terminal.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail_with(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string message_of(const Json& json) {
  const std::vector<std::uint8_t> body = Json::to_cbor(json);
  const auto length = static_cast<std::uint32_t>(body.size());
  std::string message(reinterpret_cast<const char*>(&length), sizeof length);
  message.append(body.begin(), body.end());
  return message;
}

// The first message of `bytes`, which loses it; none where it has not come whole.
std::optional<Json> take_message(std::string& bytes) {
  std::uint32_t length = 0;
  if (bytes.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (bytes.size() < sizeof length + length) return std::nullopt;
  Json json = Json::from_cbor(bytes.begin() + sizeof length, bytes.begin() + sizeof length + length);
  bytes.erase(0, sizeof length + length);
  return json;
}

// False: the other end is closed.
bool send_message(int socket, const Json& json) {
  const std::string message = message_of(json);
  for (std::size_t sent = 0; sent < message.size();) {
    const ssize_t n = ::send(socket, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
    if (n < 0) fail_with("send");
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

// Appends what is there, and waits if that is nothing. False: the other end is closed.
bool receive_bytes(int socket, std::string& bytes) {
  char some[1 << 16];
  while (true) {
    const ssize_t n = ::recv(socket, some, sizeof some, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != ECONNRESET) fail_with("recv");
    if (n <= 0) return false;
    bytes.append(some, static_cast<std::size_t>(n));
    return true;
  }
}

// In the worker: until the other end is closed.
void serve(int socket, const Workers::Work& work) {
  std::string bytes;
  while (true) {
    std::optional<Json> tasks = take_message(bytes);
    if (!tasks) {
      if (!receive_bytes(socket, bytes)) return;
      continue;
    }
    for (const Json& task : *tasks) {
      if (!send_message(socket, work(task))) return;
    }
  }
}

// A process that was forked, until it ends. The signals that end a run are its parent's business.
[[noreturn]] void live(int socket, pid_t parent, const std::function<Workers::Work()>& make) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::prctl(PR_SET_NAME, "anzan worker");
  // Where memory is short, a worker goes first: its task is tried again.
  const int adjustment = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (adjustment >= 0) {
    const ssize_t written = ::write(adjustment, "500", 3);
    static_cast<void>(written);
    ::close(adjustment);
  }
  try {
    serve(socket, make());
  } catch (const std::exception& error) {
    tell(stderr, fmt::format("anzan: a worker ends: {}\n", error.what()));
    ::_exit(1);
  }
  ::_exit(0);
}

std::string death_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return fmt::format("its process ended with status {}", WEXITSTATUS(status));
  return fmt::format("its process was killed by signal {} ({}{})", WTERMSIG(status),
                     strsignal(WTERMSIG(status)),
                     WTERMSIG(status) == SIGKILL ? ": by someone, or memory was short" : "");
}

}  // namespace

struct Workers::Worker {
  pid_t pid = -1;
  int socket = -1;
  std::string received;
  std::deque<std::size_t> tasks;  // in the order in which they are answered
  double seconds_per_task = 1;
  Clock::time_point last_answer;
};

// Which tasks are whose: each worker has a range, and one that has done with its own takes half of the
// longest.
class Workers::Plan {
 public:
  Plan(const Tasks& tasks, std::size_t workers) : tasks_(tasks) {
    std::size_t begin = 0;
    for (std::size_t w = 1; w <= workers; ++w) {
      const std::size_t end = w == workers ? tasks.count : cut(begin, tasks.count, tasks.count * w / workers);
      ranges_.push_back({begin, end});
      begin = end;
    }
  }

  std::optional<std::size_t> take(std::size_t worker) {
    if (!again_.empty()) {
      const std::size_t task = again_.front();
      again_.pop_front();
      return task;
    }
    Range& own = ranges_[worker];
    if (own.begin == own.end) {
      Range& longest = *std::max_element(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) {
        return a.end - a.begin < b.end - b.begin;
      });
      if (longest.begin == longest.end) return std::nullopt;
      const std::size_t from =
          cut(longest.begin, longest.end, longest.begin + (longest.end - longest.begin) / 2);
      own = {from, longest.end};
      if (&own != &longest) longest.end = from;
    }
    return own.begin++;
  }

  // A task whose worker has died: false if it is the second.
  bool died(std::size_t task) {
    if (!died_.insert(task).second) return false;
    again_.push_front(task);
    return true;
  }
  void give_back(std::size_t task) { again_.push_back(task); }

 private:
  struct Range {
    std::size_t begin, end;
  };
  // Where to divide a range near `middle`: at the next task that is not joined to the one before it.
  std::size_t cut(std::size_t begin, std::size_t end, std::size_t middle) const {
    middle = std::clamp(middle, begin, end);
    for (std::size_t far = 0; far < end - begin; ++far) {
      for (const std::size_t i : {middle + far, middle - far}) {
        if (i > begin && i < end && !tasks_.joined(i)) return i;
      }
    }
    return middle;
  }

  const Tasks& tasks_;
  std::vector<Range> ranges_;
  std::deque<std::size_t> again_;
  std::set<std::size_t> died_;
};

Workers::Workers(int count, std::function<void()> before_fork, std::function<Work()> make)
    : count_(static_cast<std::size_t>(std::max(count, 1))),
      before_fork_(std::move(before_fork)),
      make_(std::move(make)) {}

Workers::~Workers() { kill_all(); }

void Workers::kill_all() {
  for (const auto& worker : workers_) ::kill(worker->pid, SIGKILL);
  for (const auto& worker : workers_) {
    ::close(worker->socket);
    death_of(worker->pid);
  }
  workers_.clear();
}

void Workers::start_one() {
  before_fork_();
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail_with("socketpair");
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, &before);  // in the worker for ever
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid == 0) {
    ::close(pair[0]);
    for (const auto& other : workers_) ::close(other->socket);
    live(pair[1], parent, make_);
  }
  const int error = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::close(pair[1]);
  if (pid < 0) {
    ::close(pair[0]);
    errno = error;
    fail_with("fork");
  }
  auto worker = std::make_unique<Worker>();
  worker->pid = pid;
  worker->socket = pair[0];
  worker->last_answer = Clock::now();
  workers_.push_back(std::move(worker));
}

// So many that it does not wait for the next one, and so few that they can go to others at the end.
void Workers::fill(Worker& worker, Plan& plan, const Tasks& tasks) {
  constexpr double kSecondsAhead = 0.03;
  constexpr std::size_t kMost = 64;
  const auto wanted = std::clamp<std::size_t>(
      static_cast<std::size_t>(kSecondsAhead / std::max(worker.seconds_per_task, 1e-6)), 1, kMost);
  if (worker.tasks.size() > wanted / 2) return;
  const auto index = static_cast<std::size_t>(
      std::find_if(workers_.begin(), workers_.end(), [&](const auto& w) { return w.get() == &worker; }) -
      workers_.begin());
  if (worker.tasks.empty()) worker.last_answer = Clock::now();
  Json message = Json::array();
  while (worker.tasks.size() < wanted) {
    const std::optional<std::size_t> task = plan.take(index);
    if (!task) break;
    worker.tasks.push_back(*task);
    message.push_back(tasks.task(*task));
  }
  if (!message.empty()) send_message(worker.socket, message);  // one that is dead is found when it is asked
}

bool Workers::receive(Worker& worker, std::vector<TaskEnd>& ended) {
  const bool lives = receive_bytes(worker.socket, worker.received);
  const std::size_t before = ended.size();
  while (std::optional<Json> answer = take_message(worker.received)) {
    ended.push_back({worker.tasks.front(), std::move(*answer), {}});
    worker.tasks.pop_front();
  }
  if (ended.size() > before) {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - worker.last_answer).count();
    worker.seconds_per_task =
        (worker.seconds_per_task + seconds / static_cast<double>(ended.size() - before)) / 2;
    worker.last_answer = now;
  }
  return lives;
}

void Workers::bury(Worker& worker, Plan& plan, std::vector<TaskEnd>& ended) {
  ::close(worker.socket);
  const std::string death = death_of(worker.pid);
  std::deque<std::size_t> tasks = std::move(worker.tasks);
  workers_.erase(
      std::find_if(workers_.begin(), workers_.end(), [&](const auto& w) { return w.get() == &worker; }));
  if (tasks.empty()) return;
  if (!plan.died(tasks.front())) ended.push_back({tasks.front(), nullptr, death});
  for (auto task = std::next(tasks.begin()); task != tasks.end(); ++task) plan.give_back(*task);
}

bool Workers::run(const Tasks& tasks) {
  const std::size_t wanted = std::min(count_, tasks.count);
  Plan plan(tasks, std::max(wanted, workers_.size()));
  try {
    for (std::size_t done = 0; done < tasks.count;) {
      if (tasks.stop()) {
        kill_all();
        return false;
      }
      while (workers_.size() < std::min(wanted, tasks.count - done)) start_one();
      std::vector<pollfd> sockets;
      std::vector<Worker*> polled;
      for (const auto& worker : workers_) {
        fill(*worker, plan, tasks);
        sockets.push_back({worker->socket, POLLIN, 0});
        polled.push_back(worker.get());
      }
      constexpr int kMilliseconds = 100;
      if (::poll(sockets.data(), sockets.size(), kMilliseconds) < 0 && errno != EINTR) fail_with("poll");
      std::vector<TaskEnd> ended;
      for (std::size_t i = 0; i < sockets.size(); ++i) {
        if ((sockets[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
        if (!receive(*polled[i], ended)) bury(*polled[i], plan, ended);
      }
      done += ended.size();
      if (!ended.empty()) tasks.ended(std::move(ended));
    }
  } catch (...) {
    kill_all();  // they may be at tasks that nobody waits for
    throw;
  }
  return true;
}

}  // namespace anzan::sim
