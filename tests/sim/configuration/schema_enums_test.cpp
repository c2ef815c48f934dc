// What a schema lists as an `enum`, the code lists too: every `enum` of every schema against the code's own
// table. One that no row here names fails, and so does a row without an `enum`.
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/input/layers.hpp"
#include "isa/isa_generated.hpp"
#include "models/hbm_timing.hpp"
#include "models/network/link.hpp"
#include "models/network/routing.hpp"
#include "models/network/topology.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/configuration/engine_kinds.hpp"
#include "sim/configuration/learning_rate.hpp"
#include "sim/configuration/optimizer_settings.hpp"
#include "sim/configuration/system_settings.hpp"
#include "sim/data/dataset.hpp"
#include "sim/host/embedded.hpp"
#include "sim/rtl/blocks.hpp"
#include "sim/sweep/sampler.hpp"
#include "sim/sweep/sweep_file.hpp"
#include "sim/training/training_run.hpp"

namespace anzan::sim::schema_enums_test {
namespace {

using Json = nlohmann::json;
using Names = std::vector<std::string>;

// Files that are part of the program: "hbm/NAME.json" of folder "hbm".
Names files_in(const std::string& folder) {
  const std::string before = folder + "/", after = ".json";
  Names names;
  for (const auto& [file, text] : embedded_files())
    if (file.rfind(before, 0) == 0)
      names.push_back(file.substr(before.size(), file.size() - before.size() - after.size()));
  return names;
}

Names names_of(const isa::EnumInfo& info) {
  Names names;
  for (int k = 0; k < info.size; ++k) names.emplace_back(info.entries[k].name);
  return names;
}

template <class Table>
Names names_in(const Table& table) {
  return {table.begin(), table.end()};
}

Names with(const std::string& name, Names names) {
  names.insert(names.begin(), name);
  return names;
}

template <class Row, std::size_t n>
Names names_of_rows(const Row (&table)[n]) {
  Names names;
  for (const Row& row : table) names.emplace_back(row.name);
  return names;
}

Names link_preset_names() {
  Names names;
  for (const models::LinkPreset& preset : models::link_presets()) names.emplace_back(preset.name);
  return names;
}

Names lanes() {
  Names names;
  for (const int n : isa::kLanes) names.push_back(std::to_string(n));
  return names;
}

// Where the schema lists names (file and the keys on the way, '/' between), and those that the code knows.
std::map<std::string, Names> tables() {
  const Names formats = names_of(isa::kFormatInfo);
  const Names layers = names_of_rows(compiler::kLayerKinds);
  const Names fillers = names_of_rows(compiler::kFillerKinds);
  return {
      {"config/dataset/kind", dataset_kinds()},
      {"config/training/on_divergence", names_in(kOnDivergence)},
      {"config/memory/places", names_in(compiler::kMemoryPlaces)},
      {"config/memory/recompute", names_in(compiler::kRecomputes)},
      {"config/memory/order", names_in(compiler::kGradientOrders)},
      {"config/training/optimizer/kind", optimizer_kinds()},
      {"config/training/optimizer/learning_rate/policy", learning_rate_policies()},
      {"config/precision/preset", files_in("precision")},
      {"config/chip/lanes", lanes()},
      {"config/chip/hbm/preset", files_in("hbm")},
      {"config/chip/hbm/scheduling", names_in(models::kHbmSchedulings)},
      {"config/system/topology/kind", models::topology_kinds()},
      {"config/system/topology/routing", models::routing_methods()},
      {"config/system/mapping/axes", names_in(kMappingAxes)},
      {"config/system/mapping/schedule", names_in(compiler::kPipelineSchedules)},
      {"config/system/mapping/split", names_in(kLayerSplits)},
      {"config/system/exchange/algorithm", exchange_algorithms()},
      {"config/system/exchange/format", with("precision", formats)},
      {"config/engine/kind", engine_names()},
      {"config/engine/rtl", rtl_block_names()},
      {"config/link/preset", link_preset_names()},
      {"config/tensor_precision/format", formats},
      {"config/tensor_precision/rounding", names_of(isa::kRoundingInfo)},
      {"config/tensor_precision/policy/kind", names_of(isa::kPolicyInfo)},
      {"network/layer/type", layers},
      {"network/filler/kind", fillers},
      {"result/simulation/engine", engine_names()},
      {"result/training/ended_by", {kEndings.begin(), kEndings.end()}},
      {"result/status/state", {"trained", "diverged"}},
      {"result/slot/format", formats},
      {"sweep/measure", names_in(kMeasurements)},
      {"sweep/objective/direction", names_in(kDirections)},
      {"sweep/sampler/kind", sampler_kinds()},
  };
}

// Words of the schema language, which are no keys of the document that it describes.
bool is_word_of_schemas(const std::string& key) {
  return key == "properties" || key == "definitions" || key == "items" || key == "additionalProperties" ||
         key.find_first_not_of("0123456789") == std::string::npos || key == "oneOf" || key == "anyOf";
}

void collect(const Json& node, const std::string& place, std::map<std::string, std::vector<Names>>& found) {
  if (node.is_object() && node.contains("enum") && node["enum"].is_array()) {
    Names& names = found[place].emplace_back();
    for (const Json& value : node["enum"])
      names.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (!node.is_structured()) return;
  for (const auto& [key, value] : node.items())
    collect(value, is_word_of_schemas(key) ? place : place + "/" + key, found);
}

std::map<std::string, std::vector<Names>> enums_of_schemas() {
  std::map<std::string, std::vector<Names>> found;
  const std::string ending = ".schema.json";
  std::set<std::string> schemas;
  for (const auto& [file, text] : embedded_files()) {
    if (file.size() < ending.size() || file.compare(file.size() - ending.size(), ending.size(), ending) != 0)
      continue;
    const std::string name = file.substr(file.rfind('/') + 1);
    const std::string stem = name.substr(0, name.size() - ending.size());
    schemas.insert(stem);
    collect(Json::parse(text), stem, found);
  }
  EXPECT_THAT(schemas, ::testing::IsSupersetOf({"config", "network", "result", "technology"}));
  return found;
}

TEST(SchemaEnums, ListWhatTheCodeKnows) {
  std::map<std::string, Names> known = tables();
  std::set<std::string> met;
  for (const auto& [place, lists] : enums_of_schemas()) {
    const auto row = known.find(place);
    if (row == known.end()) {
      ADD_FAILURE() << "no table of the code for the enum at " << place;
      continue;
    }
    met.insert(place);
    for (const Names& names : lists)
      EXPECT_THAT(names, ::testing::UnorderedElementsAreArray(row->second)) << place;
  }
  for (const auto& [place, names] : known)
    EXPECT_TRUE(met.count(place) == 1) << "no schema has an enum at " << place;
}

}  // namespace
}  // namespace anzan::sim::schema_enums_test
