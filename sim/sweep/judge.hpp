// What a point's result is worth: its figures, whether it meets the constraints, its objectives.
#pragma once
#include <optional>
#include <vector>

#include "sim/sweep/sampler.hpp"
#include "sim/sweep/sweep_file.hpp"

namespace anzan::sim {

struct Judgement {
  std::vector<std::optional<double>>
      figures;                           // of SweepFile::figures; none where the result has no such number
  bool meets = false;                    // done, and no constraint is violated
  std::optional<Objectives> objectives;  // where it meets them, and every objective is a finite number
};

// Not for two threads at once.
class Judge {
 public:
  explicit Judge(const SweepFile& sweep);
  Judgement operator()(const Levels& levels, const Outcome& outcome) const;

 private:
  const SweepFile& sweep_;
  std::vector<Expression> figures_;      // of those that are expressions
  std::vector<Expression> constraints_;  // on results
};

// What expressions of a sweep may name: axes, then the figures that are pointers.
Vocabulary result_vocabulary(const Space& space, const std::vector<Figure>& figures);

}  // namespace anzan::sim
