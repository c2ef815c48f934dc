// What a unit that is a model does besides taking time.
#pragma once
#include "models/clocked/job.hpp"
#include "models/clocked/meaning.hpp"

namespace anzan::models::clocked {

class UnitValues {
 public:
  virtual ~UnitValues() = default;
  virtual void started(const Job& job) = 0;  // in cycle S
  virtual void granted() {}                  // the first cycle of a grant of the statistics database
};

// Everything in cycle S, where all other blocks are models, or none has a part in it.
class ImmediateValues final : public UnitValues {
 public:
  explicit ImmediateValues(Meaning& meaning) : meaning_(meaning) {}
  void started(const Job& job) override { meaning_.execute(job.index); }

 private:
  Meaning& meaning_;
};

}  // namespace anzan::models::clocked
