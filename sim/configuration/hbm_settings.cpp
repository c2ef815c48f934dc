// The preset's file, updated by what is set; what the memory controller finds wrong gets a place in the JSON.
#include "sim/configuration/hbm_settings.hpp"

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
  parameters.scheduling =
      json.at("scheduling") == "in_order" ? models::HbmScheduling::kInOrder : models::HbmScheduling::kFrFcfs;
  for (const models::HbmFinding& finding : check(parameters, lanes))
    findings.push_back({place + "/" + finding.field, finding.found, finding.expected});
  return parameters;
}

}  // namespace anzan::sim
