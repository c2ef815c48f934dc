// An axis is read to the pointers and values of its levels; these are checked by the schemas of the files
// that they change.
#include "sim/sweep/sweep_axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "sim/configuration/network_file.hpp"
#include "sim/configuration/schema.hpp"
#include "sim/configuration/technology.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using compiler::InputFinding;
using Json = nlohmann::json;

constexpr double kMostLevels = 100'000;
constexpr std::array<std::string_view, 4> kForms{"values", "range", "powers_of_two", "tied"};

bool is_within(const std::string& pointer, const std::string& above) {
  return pointer == above || pointer.rfind(above + "/", 0) == 0;
}

// A configuration's key, and what stands inside the files that it can name.
class KnownKeys {
 public:
  // The schema for a pointer, and the pointer in it.
  std::pair<const Schema&, Json::json_pointer> place_of(const Json::json_pointer& pointer) const {
    const std::string text = pointer.to_string();
    if (text.rfind("/network/", 0) == 0) return {network_, Json::json_pointer(text.substr(8))};
    if (text.rfind("/technology/", 0) == 0) return {technology_, Json::json_pointer(text.substr(11))};
    return {configuration_, pointer};
  }

 private:
  Schema configuration_ = Schema::embedded("configuration/config.schema.json");
  Schema network_ = Schema::embedded("input/network.schema.json");
  Schema technology_ = Schema::embedded("configuration/technology.schema.json");
};

// Without the dust of binary fractions: 0.1 + 2 * 0.1 is 0.3.
double rounded(double value) { return std::stod(fmt::format("{:.12g}", value)); }

class AxisReader {
 public:
  AxisReader(const KnownKeys& keys, std::vector<InputFinding>& findings) : keys_(keys), findings_(findings) {}

  std::optional<Axis> read(const Json& json, const std::string& place) {
    const std::size_t before = findings_.size();
    place_ = place;
    Axis axis;
    const std::string form = form_of(json);
    if (form.empty()) return std::nullopt;
    if (form == "tied") {
      read_tied(json, axis);
    } else {
      read_pointer(json, form, axis);
    }
    if (json.contains("name")) {
      axis.name = json["name"].get<std::string>();
      check_name(axis.name, "/name");
    } else if (form != "tied" && findings_.size() == before) {
      check_name(axis.name, "/pointer");
    }
    if (findings_.size() > before) return std::nullopt;
    return axis;
  }

 private:
  void find(const std::string& below, const std::string& found, const std::string& expected) {
    findings_.push_back({place_ + below, found, expected});
  }

  std::string form_of(const Json& json) {
    std::string form;
    for (const std::string_view name : kForms) {
      if (!json.contains(name)) continue;
      if (!form.empty())
        return find("", form + " and " + std::string(name), "one of values, range, powers_of_two, tied"), "";
      form = name;
    }
    if (form.empty()) find("", "an axis without levels", "one of values, range, powers_of_two, tied");
    if (form == "tied" && json.contains("pointer"))
      return find("/pointer", shown(json["pointer"]),
                  "no such key beside tied, which has pointers of its own"),
             "";
    if (form == "tied" && !json.contains("name"))
      return find("/name", "nothing", "a name for the tied group"), "";
    if (!form.empty() && form != "tied" && !json.contains("pointer"))
      return find("/pointer", "nothing", "the JSON pointer of what the axis changes, such as /chip/lanes"),
             "";
    return form;
  }

  void check_name(const std::string& name, const std::string& below) {
    if (!may_be_named(name))
      find(below == "/name" ? below : "/name", below == "/name" ? shown(name) : "nothing, and " + shown(name),
           "a name of letters, digits and _ that begins with no digit and is no function or constant of "
           "expressions");
  }

  std::optional<Json::json_pointer> pointer_at(const std::string& text, const std::string& below) {
    std::optional<Json::json_pointer> pointer;
    try {
      pointer = Json::json_pointer(text);
    } catch (const Json::exception&) {
      find(below, shown(text), "a JSON pointer, such as /chip/lanes");
      return std::nullopt;
    }
    const auto [schema, inner] = keys_.place_of(*pointer);
    if (!pointer->empty() && schema.allows(inner)) return pointer;
    find(below, shown(text), "a key of the configuration" + schema.suggestion_for(inner));
    return std::nullopt;
  }

  void read_pointer(const Json& json, const std::string& form, Axis& axis) {
    const std::optional<Json::json_pointer> pointer =
        pointer_at(json["pointer"].get<std::string>(), "/pointer");
    const std::optional<Json> values = form == "values"  ? std::optional(json["values"])
                                       : form == "range" ? values_of_range(json["range"])
                                                         : powers(json["powers_of_two"]);
    if (!pointer || !values) return;
    const auto [schema, inner] = keys_.place_of(*pointer);
    std::vector<InputFinding> wrong = schema.array_of(inner).check(*values, place_ + "/" + form);
    if (form != "values" && !wrong.empty()) {  // what is counted has no element of its own
      wrong.resize(1);
      wrong[0].place = place_ + "/" + form;
    }
    findings_.insert(findings_.end(), wrong.begin(), wrong.end());
    axis.name = pointer->back();
    for (const Json& value : *values) axis.levels.push_back({{*pointer, value}});
  }

  std::optional<Json> values_of_range(const Json& range) {
    const double from = range["from"].get<double>(), to = range["to"].get<double>(),
                 step = range["step"].get<double>();
    if (to < from)
      return find("/range/to", shown(range["to"]), "at least from, " + shown(range["from"])), std::nullopt;
    const double levels = std::floor((to - from) / step + 1e-9) + 1;
    if (!few_enough(levels, "/range")) return std::nullopt;
    const bool whole = range["from"].is_number_integer() && range["step"].is_number_integer();
    Json values = Json::array();
    for (double i = 0; i < levels; ++i) {
      if (whole)
        values.push_back(range["from"].get<std::int64_t>() +
                         static_cast<std::int64_t>(i) * range["step"].get<std::int64_t>());
      else
        values.push_back(rounded(from + i * step));
    }
    return values;
  }

  std::optional<Json> powers(const Json& range) {
    const double from = range["from"].get<double>(), to = range["to"].get<double>();
    int exponent = 0;
    if (std::frexp(from, &exponent) != 0.5)
      return find("/powers_of_two/from", shown(range["from"]), "a power of two"), std::nullopt;
    if (to < from)
      return find("/powers_of_two/to", shown(range["to"]), "at least from, " + shown(range["from"])),
             std::nullopt;
    Json values = Json::array();
    for (double value = from; value <= to; value *= 2)
      values.push_back(value >= 1 ? Json(static_cast<std::int64_t>(value)) : Json(value));
    return values;
  }

  bool few_enough(double levels, const std::string& below) {
    if (levels <= kMostLevels) return true;
    find(below, fmt::format("{:.6g} levels", levels),
         fmt::format("at most {} on an axis; a larger step", kMostLevels));
    return false;
  }

  void read_tied(const Json& json, Axis& axis) {
    std::map<std::string, std::pair<Json, std::vector<std::string>>>
        values;  // of each pointer, and their places
    std::size_t number = 0;
    for (const Json& level : json["tied"]) {
      const std::string below = "/tied/" + std::to_string(number++);
      Settings settings;
      if (level.empty()) find(below, "{}", "at least one pointer with its value");
      for (const auto& [text, value] : level.items()) {
        const std::string at = below + "/" + pointer_token(text);
        const std::optional<Json::json_pointer> pointer = pointer_at(text, at);
        if (!pointer) continue;
        settings.push_back({*pointer, value});
        auto& [all, places] = values[text];
        all.push_back(value);
        places.push_back(place_ + at);
      }
      axis.levels.push_back(std::move(settings));
    }
    for (const auto& [text, entry] : values) {
      const auto [schema, inner] = keys_.place_of(Json::json_pointer(text));
      for (InputFinding finding :
           schema.array_of(inner).check(entry.first)) {  // places: /number and what is below
        const std::size_t end = finding.place.find('/', 1);
        finding.place = entry.second[std::stoul(finding.place.substr(1, end - 1))] +
                        (end == std::string::npos ? "" : finding.place.substr(end));
        findings_.push_back(std::move(finding));
      }
    }
  }

  const KnownKeys& keys_;
  std::vector<InputFinding>& findings_;
  std::string place_;
};

// All pointers of an axis.
std::set<std::string> pointers_of(const Axis& axis) {
  std::set<std::string> pointers;
  for (const Settings& level : axis.levels)
    for (const Override& change : level) pointers.insert(change.pointer.to_string());
  return pointers;
}

// No two axes set the same, or something inside what the other sets; and each has a name of its own.
void check_apart(const std::vector<Axis>& axes, const std::vector<std::string>& places,
                 std::vector<InputFinding>& findings) {
  std::vector<std::set<std::string>> pointers;
  for (const Axis& axis : axes) pointers.push_back(pointers_of(axis));
  for (std::size_t b = 1; b < axes.size(); ++b) {
    for (std::size_t a = 0; a < b; ++a) {
      if (axes[a].name == axes[b].name)
        findings.push_back(
            {places[b] + "/name", shown(axes[b].name), "a name of its own: " + places[a] + " has this one"});
      for (const std::string& x : pointers[a])
        for (const std::string& y : pointers[b])
          if (is_within(x, y) || is_within(y, x))
            findings.push_back({places[b], "an axis that sets " + y,
                                "keys that no other axis sets: " + places[a] + " sets " + x});
    }
  }
}

}  // namespace

std::vector<Axis> read_axes(const Json& json, const std::string& place, std::vector<InputFinding>& findings) {
  const KnownKeys keys;
  AxisReader reader(keys, findings);
  std::vector<Axis> axes;
  std::vector<std::string> places;
  for (std::size_t a = 0; a < json.size(); ++a) {
    const std::string at = place + "/" + std::to_string(a);
    if (std::optional<Axis> axis = reader.read(json[a], at)) {
      axes.push_back(std::move(*axis));
      places.push_back(at);
    }
  }
  check_apart(axes, places, findings);
  return axes;
}

void check_places(const std::vector<Axis>& axes, const Json& base, const std::filesystem::path& directory,
                  const std::string& place, std::vector<InputFinding>& findings) {
  const KnownKeys keys;
  Json whole = base;  // with the files that it names in it
  const auto sets_in = [&](const std::string& key) {
    return std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) {
      const std::set<std::string> all = pointers_of(axis);
      return std::any_of(all.begin(), all.end(),
                         [&](const std::string& p) { return p.rfind(key + "/", 0) == 0; });
    });
  };
  if (sets_in("/network") && whole.value("network", Json()).is_string())
    whole["network"] = read_network_file(directory / whole["network"].get<std::string>()).network;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    std::map<std::string, Json> of_pointer;
    for (const Settings& level : axes[a].levels)
      for (const Override& change : level) of_pointer.emplace(change.pointer.to_string(), change.value);
    for (const auto& [pointer, value] : of_pointer) {
      if (pointer.rfind("/technology/", 0) == 0) continue;  // its schema has no arrays
      const auto [schema, inner] = keys.place_of(Json::json_pointer(pointer));
      Json copy = pointer.rfind("/network/", 0) == 0 ? whole["network"] : whole;
      try {
        apply_override(copy, {inner, value}, schema);
      } catch (const InputError& error) {  // "a --set of element 9", "a --set inside 3"
        const InputFinding& finding = error.findings()[0];
        findings.push_back(
            {place + "/" + std::to_string(a),
             "an axis that sets " + pointer + ", which in the base is" + finding.found.substr(7),
             finding.expected});
      }
    }
  }
}

}  // namespace anzan::sim
