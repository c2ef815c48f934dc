// The preset is a file of workloads/hbm/; keys beside it take the place of its own.
#include "sim/configuration/hbm_settings.hpp"

#include <algorithm>

#include "sim/host/embedded.hpp"

namespace anzan::sim {

models::HbmParameters merge_hbm(nlohmann::json& json, int lanes, const std::string& place,
                                std::vector<compiler::InputFinding>& findings) {
  nlohmann::json settings =
      nlohmann::json::parse(embedded_files().at("hbm/" + json.at("preset").get<std::string>() + ".json"));
  settings.erase("source");
  settings.update(json);
  json = std::move(settings);
  models::HbmParameters parameters;
  for (const models::HbmField& field : models::hbm_fields())
    parameters.*field.member = json.at(field.name).get<int>();
  const auto& names = models::kHbmSchedulings;
  const auto name = std::find(names.begin(), names.end(), json.at("scheduling").get<std::string>());
  parameters.scheduling = static_cast<models::HbmScheduling>(name - names.begin());
  for (const models::HbmFinding& finding : check(parameters, lanes))
    findings.push_back({place + "/" + finding.field, finding.found, finding.expected});
  return parameters;
}

}  // namespace anzan::sim
