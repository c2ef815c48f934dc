// Processes that do tasks, forked from this one, so that what it has loaded is theirs without a copy. One
// that dies is replaced; all end with this process, however it ends.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace anzan::sim {

struct TaskEnd {
  std::size_t task = 0;
  nlohmann::json answer;
  std::string death;  // not empty: two workers have died of it, and how the second did; there is no answer
};

// What is to be done; all but `work` is called in this process.
struct Tasks {
  std::size_t count = 0;
  std::function<nlohmann::json(std::size_t)> task;
  // Whether a task and the one before it are best done by one worker.
  std::function<bool(std::size_t)> joined;
  // What came since the last call, in no order; each task once.
  std::function<void(std::vector<TaskEnd>)> ended;
  std::function<bool()> stop;  // asked ten times a second
};

class Workers {
 public:
  using Work = std::function<nlohmann::json(const nlohmann::json& task)>;
  // Up to `count` of them. `before_fork` is called here before each fork, when there is only one thread;
  // `make` in each worker. What `work` throws ends the worker.
  Workers(int count, std::function<void()> before_fork, std::function<Work()> make);
  ~Workers();  // kills them
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Does them all, or less where `stop` says so: then those that have not ended are lost, and all workers
  // are killed. False: it was stopped. Throws what the functions of `tasks` throw, and std::system_error.
  bool run(const Tasks& tasks);

 private:
  struct Worker;
  class Plan;
  void start_one();
  void fill(Worker& worker, Plan& plan, const Tasks& tasks);
  // Whether it lives.
  bool receive(Worker& worker, std::vector<TaskEnd>& ended);
  void bury(Worker& worker, Plan& plan, std::vector<TaskEnd>& ended);
  void kill_all();

  std::size_t count_;
  std::function<void()> before_fork_;
  std::function<Work()> make_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace anzan::sim
