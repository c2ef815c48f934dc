// Each symptom is the first step of an unbroken row of steps that show it.
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

LossWatch::LossWatch(int classes) : guessing_(std::log(static_cast<double>(classes))) {}

void LossWatch::add(std::int64_t step, double loss, const std::vector<Updates>& updates) {
  step_ = step;
  std::uint64_t wanted = 0, vanished = 0;
  for (const Updates& u : updates) {
    wanted += u.wanted;
    vanished += u.vanished;
  }
  if (not_finite_ == 0 && !std::isfinite(loss)) not_finite_ = step;
  follow(high_, !(loss <= kHigh * guessing_), step);
  follow(same_loss_, loss == last_ && loss >= kNoBetter * guessing_ && wanted > 0, step);
  follow(same_weights_, wanted > 0 && vanished == wanted, step);
  last_ = loss;
  for (const std::int64_t since : {same_loss_, same_weights_}) {
    if (still_ == 0 && since > 0 && step - since + 1 >= kStillSteps) still_ = since;
  }
}

std::optional<Divergence> LossWatch::now() const {
  if (not_finite_ > 0) return Divergence{not_finite_, "the loss is not finite"};
  if (still_ > 0)
    return Divergence{still_, "nothing moves: the same loss, or the same weights, step after step"};
  return std::nullopt;
}

std::optional<Divergence> LossWatch::at_end() const {
  if (const auto found = now()) return found;
  if (high_ > 0 && step_ - high_ + 1 >= kHighSteps)
    return Divergence{high_, "the loss is more than 16 times that of guessing"};
  return std::nullopt;
}

nlohmann::json LossWatch::to_json() const {
  return {std::isfinite(last_) ? last_ : -1, step_, not_finite_, same_loss_, same_weights_, high_, still_};
}

void LossWatch::from_json(const nlohmann::json& json) {
  if (!json.at(0).is_number()) throw std::invalid_argument("a loss that is no number");
  json.at(0).get_to(last_);
  std::size_t k = 1;
  for (std::int64_t* step : {&step_, &not_finite_, &same_loss_, &same_weights_, &high_, &still_}) {
    if (!json.at(k).is_number_unsigned()) throw std::invalid_argument("a step that is none");
    json.at(k++).get_to(*step);
  }
}

}  // namespace anzan::sim
