// One row a kind, one row a key.
#include "sim/configuration/optimizer_settings.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/configuration/schema.hpp"

namespace anzan::sim {
namespace {

using compiler::OptimizerKind;
using compiler::TrainingParameters;
using Json = nlohmann::json;

struct KindRow {
  const char* name;
  OptimizerKind kind;
};
constexpr KindRow kKinds[] = {
    {"sgd", OptimizerKind::kSgd}, {"adam", OptimizerKind::kAdam}, {"adamw", OptimizerKind::kAdamW}};

// Of the kinds that take steps by moments of gradients and their squares, or of the other one.
struct KeyRow {
  const char* key;
  bool of_adam;
  void (*read)(const Json& value, TrainingParameters& training);
  Json missing;
};

const std::vector<KeyRow>& key_rows() {
  static const std::vector<KeyRow> rows{
      {"momentum", false, [](const Json& v, TrainingParameters& t) { t.momentum = v.get<double>(); }, 0},
      {"nesterov", false, [](const Json& v, TrainingParameters& t) { t.nesterov = v.get<bool>(); }, false},
      {"beta1", true, [](const Json& v, TrainingParameters& t) { t.beta1 = v.get<double>(); }, 0.9},
      {"beta2", true, [](const Json& v, TrainingParameters& t) { t.beta2 = v.get<double>(); }, 0.999},
      {"epsilon", true, [](const Json& v, TrainingParameters& t) { t.epsilon = v.get<double>(); }, 1e-8}};
  return rows;
}

}  // namespace

std::vector<std::string> optimizer_kinds() {
  std::vector<std::string> names;
  for (const KindRow& row : kKinds) names.emplace_back(row.name);
  return names;
}

void merge_optimizer(Json& json, TrainingParameters& training, const std::string& place,
                     std::vector<compiler::InputFinding>& findings) {
  const auto name = json.at("kind").get<std::string>();
  training.optimizer = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindRow& r) {
                         return name == r.name;
                       })->kind;
  for (const KeyRow& row : key_rows()) {
    if (row.of_adam == (training.optimizer != OptimizerKind::kSgd)) {
      if (!json.contains(row.key)) json[row.key] = row.missing;
      row.read(json[row.key], training);
    } else if (json.contains(row.key)) {
      findings.push_back({place + "/" + row.key, shown(json[row.key]),
                          "no such key: the optimizer " + name + " does not use it"});
    }
  }
  training.weight_decay = json.at("weight_decay").get<double>();
  training.clip_norm = json.value("clip_norm", 0.0);
  if (training.nesterov && training.momentum == 0)
    findings.push_back({place + "/nesterov", "true", "false where the momentum is 0"});
}

}  // namespace anzan::sim
