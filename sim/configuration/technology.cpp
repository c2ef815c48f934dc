// The schema knows the form; which components and events there are, the table of events does.
#include "sim/configuration/technology.hpp"

#include <algorithm>
#include <map>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/configuration/schema.hpp"
#include "sim/host/embedded.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using compiler::InputFinding;
using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kFolder = "technology/";
constexpr const char* kExtension = ".json";

// Component -> events that have a figure of their own.
using Figures = std::map<std::string, std::map<std::string, models::Event>>;

Figures figures() {
  Figures all;
  for (std::size_t k = 0; k < models::kEvents; ++k) {
    const models::EventInfo& info = models::info(static_cast<models::Event>(k));
    if (info.store == models::Store::kNone) all[models::name(info.component)][info.name] = info.event;
  }
  return all;
}

template <class Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (const auto& [key, value] : map) keys.push_back(key);
  return keys;
}

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string below(const std::string& place, const std::string& key) {
  return place + "/" + pointer_token(key);
}

void find_unknown(const Json& json, const std::string& place, const char* what,
                  const std::vector<std::string>& known, std::vector<InputFinding>& findings) {
  for (const auto& item : json.items()) {
    if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
    findings.push_back({below(place, item.key()), std::string("an unknown ") + what,
                        "one of " + list(known) + suggestion(item.key(), known)});
  }
}

void check_events(const Json& events, const std::string& place, std::vector<InputFinding>& findings) {
  const Figures known = figures();
  find_unknown(events, place, "component", keys_of(known), findings);
  for (const auto& [component, names] : known) {
    const Json given = events.value(component, Json::object());
    const std::string here = below(place, component);
    find_unknown(given, here, "event", keys_of(names), findings);
    for (const auto& [name, event] : names) {
      if (given.contains(name)) continue;
      findings.push_back({below(here, name), "nothing",
                          std::string("the energy of one event (") + models::info(event).unit + ")"});
    }
  }
}

void check_sizes(const Json& points, const std::string& place, std::vector<InputFinding>& findings) {
  for (std::size_t k = 1; k < points.size(); ++k) {
    const Json &before = points[k - 1]["kib"], &here = points[k]["kib"];
    if (here.get<double>() > before.get<double>()) continue;
    findings.push_back({place + "/" + std::to_string(k) + "/kib", shown(here),
                        "more than " + shown(before) + ", the size before it"});
  }
}

// The technology that `json` names or is; `place` becomes its place.
Json resolved(const Json& json, const fs::path& directory, std::string& place) {
  if (json.is_object()) return json;
  const std::string expected = "a technology, the path of its JSON file, or one of " +
                               list(built_in_technologies()) + ", which are built in";
  if (!json.is_string() || json.get<std::string>().empty()) throw InputError(place, shown(json), expected);
  const auto name = json.get<std::string>();
  const auto built_in = embedded_files().find(kFolder + name + kExtension);
  if (built_in != embedded_files().end()) return Json::parse(built_in->second);
  const fs::path file = directory / name;
  std::error_code error;
  if (!fs::exists(file, error)) throw InputError(place, shown(json), expected);
  place = file.string() + "#";
  return read_json_file(file);
}

models::Technology technology_of(const Json& json) {
  models::Technology technology;
  technology.name = json.at("name").get<std::string>();
  for (const auto& [component, names] : figures()) {
    for (const auto& [name, event] : names)
      technology.event_pj[static_cast<std::size_t>(event)] =
          json.at("events").at(component).at(name).at("pj").get<double>();
  }
  for (const Json& point : json.at("sram"))
    technology.sram.push_back({point.at("kib").get<double>(), point.at("pj").get<double>()});
  const Json& power = json.at("static");
  technology.core_static_mw = power.at("core").at("mw").get<double>();
  technology.scratchpad_static_mw_per_kib = power.at("scratchpad_kib").at("mw").get<double>();
  return technology;
}

}  // namespace

std::vector<std::string> built_in_technologies() {
  std::vector<std::string> names;
  const std::string folder = kFolder, extension = kExtension;
  for (const auto& [file, text] : embedded_files()) {
    if (file.rfind(folder, 0) != 0) continue;
    names.push_back(file.substr(folder.size(), file.size() - folder.size() - extension.size()));
  }
  return names;
}

models::Technology load_technology(Json& json, const fs::path& directory, const std::string& place) {
  std::string at = place;
  Json technology = resolved(json, directory, at);
  std::vector<InputFinding> findings =
      Schema::embedded("configuration/technology.schema.json").check(technology, at);
  if (findings.empty()) {
    check_events(technology["events"], at + "/events", findings);
    check_sizes(technology["sram"], at + "/sram", findings);
  }
  if (!findings.empty()) throw InputError(std::move(findings));
  json = std::move(technology);
  return technology_of(json);
}

}  // namespace anzan::sim
