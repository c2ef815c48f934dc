// Merging is done on JSON, so that a level changes exactly the keys it names.
#include "sim/configuration/precision_settings.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "models/number_format.hpp"
#include "sim/configuration/schema.hpp"
#include "sim/host/embedded.hpp"

namespace anzan::sim {
namespace {

using compiler::InputFinding;
using compiler::TensorClass;
using Json = nlohmann::json;

isa::Format format_of(const Json& json) { return isa::parse_format(json.get<std::string>()).value(); }

TensorClass class_of(int number) { return static_cast<TensorClass>(number); }

class Merger {
 public:
  Merger(std::vector<InputFinding>& findings) : findings_(findings) {}

  // `settings` changed by the keys of `change`, which stands at `place` ("" for a preset, which is right).
  void apply(Json& settings, const Json& change, const std::string& place) {
    const bool integers = models::is_integer(merge(settings, change));
    if (change.contains("width") && !integers)
      findings_.push_back({place + "/width", shown(change["width"]), "no width: the format here is fp32"});
    check(settings, change, place);
  }

  // The same for a change of several classes of tensors: its width is for those that have one, at least one.
  void apply_default(std::vector<Json*> classes, const Json& change, const std::string& place) {
    bool integers = false;
    for (Json* settings : classes) {
      integers = models::is_integer(merge(*settings, change)) || integers;
      check(*settings, change, place);
    }
    if (change.contains("width") && !integers)
      findings_.push_back({place + "/width", shown(change["width"]), "no width: the format here is fp32"});
  }

 private:
  static isa::Format merge(Json& settings, const Json& change) {
    for (const auto& item : change.items()) {
      if (item.key() == "policy") {
        if (!settings.contains("policy")) settings["policy"] = Json::object();
        settings["policy"].update(item.value());
      } else {
        settings[item.key()] = item.value();
      }
    }
    return format_of(settings["format"]);
  }

  void check(Json& settings, const Json& change, const std::string& place) {
    const isa::Format format = format_of(settings["format"]);
    if (!models::is_integer(format)) {
      settings.erase("width");
    } else if (!settings.contains("width") || (change.contains("format") && !change.contains("width"))) {
      settings["width"] = models::element_bits(format);
    } else if (!models::holds_width(format, settings["width"].get<int>())) {
      findings_.push_back({place + "/width", shown(settings["width"]),
                           "2 to " + std::to_string(models::element_bits(format)) + ", the bits of " +
                               settings["format"].get<std::string>()});
    }
    const Json& policy = settings["policy"];
    if (policy.at("q_min").get<int>() > policy.at("q_max").get<int>()) {
      const char* key = change.contains("policy") && change["policy"].contains("q_min") ? "q_min" : "q_max";
      findings_.push_back(
          {place + "/policy/" + key, shown(policy[key]),
           "q_min (" + shown(policy["q_min"]) + ") at most q_max (" + shown(policy["q_max"]) + ")"});
    }
  }

  std::vector<InputFinding>& findings_;
};

// A parameter of the rule that stands in the configuration as in the entry: a key of the policy with the
// field's name.
bool is_plain_parameter(const isa::FieldInfo& field) {
  const int word = static_cast<int>(isa::word_of(field)) - isa::kSlotSettingsRuleFirstWord;
  return word >= 0 && word < isa::kSlotSettingsRuleWords && field.name != "policy" && field.name != "r_max";
}

compiler::TensorPrecision tensor_precision(const Json& json) {
  compiler::TensorPrecision precision;
  precision.format = format_of(json.at("format"));
  models::SlotSettings& slot = precision.slot;
  slot.width = static_cast<std::uint8_t>(json.value("width", isa::kWidthMax));
  slot.rounding = isa::parse_rounding(json.at("rounding").get<std::string>()).value();
  const Json& policy = json.at("policy");
  slot.policy = isa::parse_policy(policy.at("kind").get<std::string>()).value();
  models::SlotSettings::visit_fields(
      [&policy](const isa::FieldInfo& field, auto& member) {
        if (!is_plain_parameter(field)) return;
        const auto value = policy.at(std::string(field.name)).get<std::int64_t>();
        member = isa::from_integer<std::remove_reference_t<decltype(member)>>(value);
      },
      slot);
  const double r_max = std::ldexp(policy.at("r_max").get<double>(), 32);  // 0.32 fixed point
  slot.r_max = r_max >= 4294967295.0 ? 0xffffffffU : static_cast<std::uint32_t>(std::llround(r_max));
  return precision;
}

bool has_class(const compiler::Layer& layer, TensorClass kind) {
  switch (kind) {
    case TensorClass::kActivation:
    case TensorClass::kActivationGradient:
      return true;
    case TensorClass::kLoss:
      return has(layer, compiler::kIsLoss);
    default:
      return has(layer, compiler::kHasWeights);
  }
}

// The layer's classes that differ from those of the network.
std::map<TensorClass, Json> merge_layer(const Json& change, const compiler::Layer& layer, const Json& classes,
                                        const std::string& place, Merger& merger,
                                        std::vector<InputFinding>& findings) {
  std::map<TensorClass, Json> merged;
  for (int c = 0; c < compiler::kTensorClasses; ++c) {
    const char* class_name = compiler::name(class_of(c));
    const bool named = change.contains(class_name);
    if (named && !has_class(layer, class_of(c))) {
      findings.push_back({place + "/" + class_name, shown(change[class_name]),
                          "no such key: layer " + layer.name + " has no tensor of this class"});
      continue;
    }
    if (!named && !(change.contains("default") && has_class(layer, class_of(c)))) continue;
    merged[class_of(c)] = classes.at(class_name);
  }
  std::vector<Json*> all;
  for (auto& [kind, settings] : merged) all.push_back(&settings);
  if (change.contains("default")) merger.apply_default(all, change["default"], place + "/default");
  for (auto& [kind, settings] : merged) {
    const std::string class_name = compiler::name(kind);
    if (change.contains(class_name)) merger.apply(settings, change[class_name], place + "/" + class_name);
  }
  return merged;
}

}  // namespace

Json precision_preset(const std::string& name) {
  return Json::parse(embedded_files().at("precision/" + name + ".json"));
}

compiler::Precision merge_precision(Json& json, const compiler::Network& network, const std::string& place,
                                    std::vector<InputFinding>& findings) {
  const Json preset = precision_preset(json.at("preset").get<std::string>());
  const std::size_t before = findings.size();
  Merger merger(findings);
  Json effective{{"preset", json["preset"]}, {"layers", Json::object()}};
  effective["separate_master"] = json.value("separate_master", preset.at("separate_master").get<bool>());
  compiler::Precision precision;
  precision.separate_master = effective["separate_master"].get<bool>();
  precision.shares_slots = json.value("share_slots", false);
  if (precision.shares_slots) effective["share_slots"] = true;
  for (int c = 0; c < compiler::kTensorClasses; ++c) {
    const std::string class_name = compiler::name(class_of(c));
    Json settings = Json::object();
    merger.apply(settings, preset.at("default"), "");
    if (preset.contains(class_name)) merger.apply(settings, preset[class_name], "");
    effective[class_name] = std::move(settings);
  }
  std::vector<Json*> all;
  for (int c = 0; c < compiler::kTensorClasses; ++c) all.push_back(&effective[compiler::name(class_of(c))]);
  if (json.contains("default")) merger.apply_default(all, json["default"], place + "/default");
  for (int c = 0; c < compiler::kTensorClasses; ++c) {
    const std::string class_name = compiler::name(class_of(c));
    if (json.contains(class_name))
      merger.apply(effective[class_name], json[class_name], place + "/" + class_name);
  }
  std::vector<std::string> names;
  for (const compiler::Layer& layer : network.layers) names.push_back(layer.name);
  std::map<std::string, std::map<TensorClass, Json>> layers;
  for (const auto& item : json["layers"].items()) {
    const std::string layer_place = place + "/layers/" + pointer_token(item.key());
    const auto found = std::find(names.begin(), names.end(), item.key());
    if (found == names.end()) {
      findings.push_back({layer_place, "settings of an unknown layer",
                          "a layer of the network" + suggestion(item.key(), names)});
      continue;
    }
    const compiler::Layer& layer = network.layers[static_cast<std::size_t>(found - names.begin())];
    layers[item.key()] = merge_layer(item.value(), layer, effective, layer_place, merger, findings);
  }
  if (findings.size() != before) return precision;
  for (std::size_t c = 0; c < precision.classes.size(); ++c) {
    precision.classes[c] = tensor_precision(effective.at(compiler::name(class_of(static_cast<int>(c)))));
  }
  for (const auto& [layer, classes] : layers) {
    for (const auto& [kind, settings] : classes) {
      effective["layers"][layer][compiler::name(kind)] = settings;
      precision.layers[layer][kind] = tensor_precision(settings);
    }
  }
  json = std::move(effective);
  return precision;
}

}  // namespace anzan::sim
