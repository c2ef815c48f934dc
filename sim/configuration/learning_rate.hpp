// Learning-rate policies of Caffe (src/caffe/solvers/sgd_solver.cpp, GetLearningRate), half a cosine, and a
// linear warm-up before any of them.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"

namespace anzan::sim {

struct LearningRate {
  enum class Policy {
    kFixed,
    kStep,
    kExp,
    kInv,
    kMultistep,
    kPoly,
    kSigmoid,
    kCosine
  } policy = Policy::kFixed;
  double base = 0, gamma = 0, power = 0, minimum = 0;
  std::int64_t step_size = 1;
  std::vector<std::int64_t> steps;  // ascending
  std::int64_t iterations = 1;      // of the whole run, for poly and cosine
  std::int64_t warmup_steps = 0;    // the first ones, of which step i has (i + 1) / warmup_steps of its rate

  // Learning rate of step i = 0, 1, …
  double at(std::int64_t i) const;
  // Whether a step's rate depends on how many steps there will be.
  bool depends_on_iterations() const { return policy == Policy::kPoly || policy == Policy::kCosine; }

 private:
  double without_warmup(std::int64_t i) const;
};

std::vector<std::string> learning_rate_policies();  // their names

// Reads {policy, base, …} as the schema allows it; adds a finding for each parameter that the policy
// needs and does not find, or finds and does not use. `place` is the JSON pointer of the object.
LearningRate parse_learning_rate(const nlohmann::json& json, std::int64_t iterations,
                                 const std::string& place, std::vector<compiler::InputFinding>& findings);

}  // namespace anzan::sim
