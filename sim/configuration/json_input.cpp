// Strict reading with nlohmann's parser events, which see what the finished document no longer shows.
#include "sim/configuration/json_input.hpp"

#include <fstream>
#include <set>
#include <sstream>

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;

constexpr int kDepthLimit = 64;

}  // namespace

Json parse_json(const std::string& text, const std::string& place) {
  std::vector<std::set<std::string>> keys;
  std::vector<compiler::InputFinding> findings;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDepthLimit) throw InputError(place, "JSON nested deeper than 64 levels", "a configuration");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      findings.push_back({place, "the key " + shown(parsed) + " twice in one object", "each key once"});
    }
    return true;
  };
  try {
    Json json = Json::parse(text, watch);
    if (!findings.empty()) throw InputError(findings);
    return json;
  } catch (const Json::exception& error) {
    std::string what = error.what();
    const std::size_t prefix = what.find("] ");
    throw InputError(place, prefix == std::string::npos ? what : what.substr(prefix + 2), "JSON");
  }
}

Json read_json_file(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) throw InputError(file.string(), "no such file", "a JSON file");
  if (std::filesystem::is_directory(file, error))
    throw InputError(file.string(), "a directory", "a JSON file");
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream || stream.bad() || text.bad()) {
    throw InputError(file.string(), "a file that is empty or cannot be read", "a JSON file");
  }
  return parse_json(text.str(), file.string());
}

Override parse_override(const std::string& text) {
  const std::string place = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || text.empty() || text[0] != '/') {
    throw InputError(place, shown(text), "/json/pointer=value, e.g. /training/batch=32");
  }
  Override change;
  try {
    change.pointer = Json::json_pointer(text.substr(0, equals));
  } catch (const Json::exception&) {
    throw InputError(place, shown(text.substr(0, equals)), "a JSON pointer");
  }
  const std::string value = text.substr(equals + 1);
  if (Json::accept(value)) {
    change.value = parse_json(value, place);
  } else {
    change.value = value;
  }
  return change;
}

void apply_override(Json& json, const Override& change, const Schema& schema) {
  const std::string pointer = change.pointer.to_string();
  if (!schema.allows(change.pointer)) {
    throw InputError(pointer, "a --set of a key that does not exist", "a key of the configuration");
  }
  std::vector<std::string> tokens;
  for (Json::json_pointer p = change.pointer; !p.empty(); p.pop_back())
    tokens.insert(tokens.begin(), p.back());
  Json* node = &json;
  for (const std::string& token : tokens) {
    if (node->is_null()) *node = Json::object();
    if (node->is_array()) {
      const bool number =
          !token.empty() && token.size() < 10 && token.find_first_not_of("0123456789") == std::string::npos;
      if (!number || std::stoul(token) >= node->size()) {
        throw InputError(pointer, "a --set of element " + token,
                         "one of the " + std::to_string(node->size()) + " elements");
      }
      node = &node->at(std::stoul(token));
    } else if (node->is_object()) {
      node = &(*node)[token];
    } else {
      throw InputError(pointer, "a --set inside " + shown(*node), "an object to set a key of");
    }
  }
  *node = change.value;
}

}  // namespace anzan::sim
