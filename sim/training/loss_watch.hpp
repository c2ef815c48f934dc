// Whether training still is training. It has failed from the step on
//   - whose loss is not finite;
//   - from which on nothing has moved for 100 steps, although there were updates, and the loss is no better
//     than half of what guessing loses: no weight, or the loss not by one bit;
//   - from which on, for at least 10 steps and to the end, the loss has been more than 16 times what guessing
//     loses in most steps. Integers have neither infinity nor NaN: they saturate, and this is how it shows.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"
#include "sim/training/update_watch.hpp"

namespace anzan::sim {

// Where something has held in every step from `since` on, 0 being none: whether it still does in this one.
void follow(std::int64_t& since, bool holds, std::int64_t step);

struct Divergence {
  std::int64_t step = 0;  // the first, from 1 on
  std::string what;       // "the loss is not finite"
};

// What a network loses that finds all classes equally likely, whatever it sees.
double loss_of_guessing(const compiler::Network& network);

class LossWatch {
 public:
  explicit LossWatch(double guessing) : guessing_(guessing) {}

  // After step number `step`, from 1 on.
  void add(std::int64_t step, double loss, const std::vector<Updates>& updates);

  // What cannot get well again: the first two. At the end of a run: any.
  std::optional<Divergence> now() const;
  std::optional<Divergence> at_end() const;
  double guessing() const { return guessing_; }

  // For checkpoints. from_json throws nlohmann::json::exception or std::invalid_argument for what to_json did
  // not write.
  nlohmann::json to_json() const;
  void from_json(const nlohmann::json& json);

 private:
  void note_high(bool high);

  double guessing_;
  std::int64_t step_ = 0;
  double last_ = -1;
  // First steps; 0: no step
  std::int64_t not_finite_ = 0, same_loss_ = 0, same_weights_ = 0, high_ = 0, still_ = 0;
  std::int64_t last_high_ = 0, highs_ = 0;  // steps since high_ whose loss was high
};

}  // namespace anzan::sim
