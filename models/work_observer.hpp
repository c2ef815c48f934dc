// How far long work has come, for whoever shows it.
#pragma once
#include <cstdint>
#include <string>

namespace anzan::models {

class WorkObserver {
 public:
  virtual ~WorkObserver() = default;
  // A part of the work begins that has so many units; the part before has ended.
  virtual void begin(const std::string& part, std::int64_t units) = 0;
  // So many more of them are done; 0: the work goes on. Called very often, in one thread.
  virtual void done(std::int64_t units) = 0;
};

// What work tells its observer, if it has one, which must outlive it.
class Watch {
 public:
  Watch() = default;
  Watch(WorkObserver& observer) : observer_(&observer) {}
  void begin(const std::string& part, std::int64_t units) const {
    if (observer_ != nullptr) observer_->begin(part, units);
  }
  void done(std::int64_t units = 1) const {
    if (observer_ != nullptr) observer_->done(units);
  }

 private:
  WorkObserver* observer_ = nullptr;
};

}  // namespace anzan::models
