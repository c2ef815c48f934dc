// The block is merged with both presets, as it would be when it is read.
#include "sim/configuration/preset_change.hpp"

#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/hbm_settings.hpp"
#include "sim/configuration/precision_settings.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

Json merged_precision(Json precision) {
  precision["layers"] = Json::object();
  std::vector<compiler::InputFinding> none;
  merge_precision(precision, {}, "", none);
  return precision;
}

Json merged_hbm(Json hbm) {
  std::vector<compiler::InputFinding> none;
  merge_hbm(hbm, 1, "", none);
  return hbm;
}

bool changes_something(const Json& json, const Override& change, Json (*merged)(Json)) {
  try {
    const Json& block = json.at(change.pointer.parent_pointer());
    if (block.at("preset") == change.value) return true;  // what stands there is set again
    Json other = block;
    other["preset"] = change.value;
    Json was = merged(block), is = merged(other);
    was.erase("preset"), is.erase("preset");
    return was != is;
  } catch (const std::exception&) {
    return true;  // there was none, or something is wrong, which is said later
  }
}

}  // namespace

void check_preset(const Json& json, const Override& change) {
  const std::string pointer = change.pointer.to_string();
  const auto merged = pointer == "/precision/preset"  ? merged_precision
                      : pointer == "/chip/hbm/preset" ? merged_hbm
                                                      : nullptr;
  if (merged == nullptr || changes_something(json, change, merged)) return;
  throw compiler::InputError(pointer, shown(change.value),
                             "a preset that changes something: all that it says stands beside it; " +
                                 change.pointer.parent_pointer().to_string() +
                                 R"(={"preset": …} takes the place of that)");
}

}  // namespace anzan::sim
