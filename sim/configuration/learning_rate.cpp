// One row a policy: its name, the parameters it needs, and those it can do without.
#include "sim/configuration/learning_rate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/configuration/schema.hpp"

namespace anzan::sim {
namespace {

struct PolicyRow {
  const char* name;
  LearningRate::Policy policy;
  std::vector<std::string> parameters, optional;
};

const std::vector<PolicyRow>& policy_rows() {
  using P = LearningRate::Policy;
  static const std::vector<PolicyRow> rows{{"fixed", P::kFixed, {}, {}},
                                           {"step", P::kStep, {"gamma", "step_size"}, {}},
                                           {"exp", P::kExp, {"gamma"}, {}},
                                           {"inv", P::kInv, {"gamma", "power"}, {}},
                                           {"multistep", P::kMultistep, {"gamma", "steps"}, {}},
                                           {"poly", P::kPoly, {"power"}, {}},
                                           {"sigmoid", P::kSigmoid, {"gamma", "step_size"}, {}},
                                           {"cosine", P::kCosine, {}, {"minimum"}}};
  return rows;
}

bool holds(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

double LearningRate::at(std::int64_t i) const {
  const double rate = without_warmup(i);
  return i < warmup_steps ? rate * static_cast<double>(i + 1) / static_cast<double>(warmup_steps) : rate;
}

double LearningRate::without_warmup(std::int64_t i) const {
  const auto x = static_cast<double>(i);
  double rate = base;
  switch (policy) {
    case Policy::kFixed:
      break;
    case Policy::kStep:
      rate = base * std::pow(gamma, static_cast<double>(i / step_size));
      break;
    case Policy::kExp:
      rate = base * std::pow(gamma, x);
      break;
    case Policy::kInv:
      rate = base * std::pow(1 + gamma * x, -power);
      break;
    case Policy::kMultistep: {
      const auto passed = std::upper_bound(steps.begin(), steps.end(), i) - steps.begin();
      rate = base * std::pow(gamma, static_cast<double>(passed));
      break;
    }
    case Policy::kPoly:
      rate = base * std::pow(1 - x / static_cast<double>(iterations), power);
      break;
    case Policy::kSigmoid:
      rate = base / (1 + std::exp(-gamma * (x - static_cast<double>(step_size))));
      break;
    case Policy::kCosine: {
      const double turn = std::acos(-1.0) * x / static_cast<double>(iterations);
      rate = minimum + (base - minimum) * (1 + std::cos(turn)) / 2;
      break;
    }
  }
  return rate;
}

std::vector<std::string> learning_rate_policies() {
  std::vector<std::string> names;
  for (const PolicyRow& row : policy_rows()) names.emplace_back(row.name);
  return names;
}

LearningRate parse_learning_rate(const nlohmann::json& json, std::int64_t iterations,
                                 const std::string& place, std::vector<compiler::InputFinding>& findings) {
  const auto name = json.at("policy").get<std::string>();
  const auto row = std::find_if(policy_rows().begin(), policy_rows().end(),
                                [&](const PolicyRow& r) { return name == r.name; });
  LearningRate rate;
  rate.policy = row->policy;
  rate.base = json.at("base").get<double>();
  rate.gamma = json.value("gamma", 0.0);
  rate.power = json.value("power", 0.0);
  rate.minimum = json.value("minimum", 0.0);
  rate.step_size = json.value("step_size", std::int64_t{1});
  rate.steps = json.value("steps", std::vector<std::int64_t>{});
  rate.iterations = iterations;
  rate.warmup_steps = json.value("warmup_steps", std::int64_t{0});
  const std::size_t before = findings.size();
  for (const char* key : {"gamma", "power", "step_size", "steps", "minimum"}) {
    const bool needed = holds(row->parameters, key), used = needed || holds(row->optional, key);
    const std::string pointer = place + "/" + key;
    if (needed && !json.contains(key))
      findings.push_back({pointer, "nothing", "a value: policy " + name + " needs it"});
    if (!used && json.contains(key)) {
      findings.push_back({pointer, shown(json.at(key)), "no such key: policy " + name + " does not use it"});
    }
  }
  if (findings.size() == before && !std::is_sorted(rate.steps.begin(), rate.steps.end())) {
    findings.push_back({place + "/steps", shown(json.at("steps")), "ascending steps"});
  }
  if (rate.minimum > rate.base)
    findings.push_back(
        {place + "/minimum", shown(json.at("minimum")), "at most base (" + shown(json.at("base")) + ")"});
  if (findings.size() != before) return rate;
  // A rate that is no number of FP32 would spoil every weight. All policies rise or fall throughout, but for
  // inv, which has none where 1 + gamma i is 0.
  std::vector<std::int64_t> extremes{0, iterations / 2, iterations - 1};
  const double pole = rate.policy == LearningRate::Policy::kInv ? -1 / rate.gamma : -1;
  if (pole > 0 && pole < static_cast<double>(iterations - 1)) {
    extremes.push_back(static_cast<std::int64_t>(pole));
    extremes.push_back(extremes.back() + 1);
  }
  for (const std::int64_t i : extremes) {
    if (!(std::abs(rate.at(i)) <= std::numeric_limits<float>::max())) {
      findings.push_back({place, shown(json), "a finite learning rate at step " + std::to_string(i)});
      break;
    }
  }
  return rate;
}

}  // namespace anzan::sim
