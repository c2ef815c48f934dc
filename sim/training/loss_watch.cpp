// Each symptom is known by the first step of those that show it, up to now.
#include "sim/training/loss_watch.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace anzan::sim {
namespace {

constexpr std::int64_t kStillSteps = 100, kHighSteps = 10;
constexpr double kHigh = 16, kNoBetter = 0.5;  // of what guessing loses

}  // namespace

void follow(std::int64_t& since, bool holds, std::int64_t step) {
  since = !holds ? 0 : since == 0 ? step : since;
}

// 1 / classes for each: ln classes, however the labels are smoothed; or the variance of a label of 0 or 1.
double loss_of_guessing(const compiler::Network& network) {
  const auto classes = static_cast<double>(network.classes());
  const bool squared = network.layers.back().kind == compiler::LayerKind::kMeanSquaredError;
  return squared ? (classes - 1) / classes / classes : std::log(classes);
}

void LossWatch::add(std::int64_t step, double loss, const std::vector<Updates>& updates) {
  step_ = step;
  std::uint64_t wanted = 0, vanished = 0;
  for (const Updates& u : updates) {
    wanted += u.wanted;
    vanished += u.vanished;
  }
  if (not_finite_ == 0 && !std::isfinite(loss)) not_finite_ = step;
  note_high(!(loss <= kHigh * guessing_));
  const bool to_move = wanted > 0 && loss >= kNoBetter * guessing_;
  follow(same_loss_, to_move && loss == last_, step);
  follow(same_weights_, to_move && vanished == wanted, step);
  last_ = loss;
  for (const std::int64_t since : {same_loss_, same_weights_}) {
    if (still_ == 0 && since > 0 && step - since + 1 >= kStillSteps) still_ = since;
  }
}

// A wrecked network guesses right now and then: a row ends only with as many good steps as it takes to be
// one.
void LossWatch::note_high(bool high) {
  if (!high && step_ - last_high_ >= kHighSteps) high_ = 0;
  if (!high) return;
  if (high_ == 0) {
    high_ = step_;
    highs_ = 0;
  }
  last_high_ = step_;
  ++highs_;
}

std::optional<Divergence> LossWatch::now() const {
  if (not_finite_ > 0) return Divergence{not_finite_, "the loss is not finite"};
  if (still_ > 0)
    return Divergence{still_, "nothing moves: the same loss, or the same weights, step after step"};
  return std::nullopt;
}

std::optional<Divergence> LossWatch::at_end() const {
  if (const auto found = now()) return found;
  const std::int64_t steps = step_ - high_ + 1;
  if (high_ > 0 && steps >= kHighSteps && 2 * highs_ >= steps)
    return Divergence{high_, "the loss is more than 16 times that of guessing"};
  return std::nullopt;
}

nlohmann::json LossWatch::to_json() const {
  return {std::isfinite(last_) ? last_ : -1,
          step_,
          not_finite_,
          same_loss_,
          same_weights_,
          high_,
          last_high_,
          highs_,
          still_};
}

void LossWatch::from_json(const nlohmann::json& json) {
  if (!json.at(0).is_number()) throw std::invalid_argument("a loss that is no number");
  json.at(0).get_to(last_);
  std::size_t k = 1;
  for (std::int64_t* step :
       {&step_, &not_finite_, &same_loss_, &same_weights_, &high_, &last_high_, &highs_, &still_}) {
    if (!json.at(k).is_number_unsigned()) throw std::invalid_argument("a step that is none");
    json.at(k++).get_to(*step);
  }
}

}  // namespace anzan::sim
