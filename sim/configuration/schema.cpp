// Valijson's errors name the place by a path; what was expected there is described from the schema.
#include "sim/configuration/schema.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "compiler/input/input_error.hpp"
#include "sim/host/embedded.hpp"

namespace anzan::sim {
namespace {

using compiler::InputFinding;
using Json = nlohmann::json;

std::string number(const Json& value) { return value.dump(); }

std::string range(const Json& node) {
  std::string text;
  const bool low = node.contains("minimum"), high = node.contains("maximum");
  if (low && high) return " from " + number(node["minimum"]) + " to " + number(node["maximum"]);
  if (low) text += ", at least " + number(node["minimum"]);
  if (node.contains("exclusiveMinimum")) text += ", greater than " + number(node["exclusiveMinimum"]);
  if (high) text += ", at most " + number(node["maximum"]);
  if (node.contains("exclusiveMaximum")) text += ", less than " + number(node["exclusiveMaximum"]);
  return text;
}

std::string length_in_words(const Json& node) {
  std::string text = node.value("minLength", 0) > 0 ? " that is not empty" : "";
  if (node.contains("maxLength"))
    text += (text.empty() ? " of at most " : " and has at most ") + number(node["maxLength"]) + " characters";
  return text;
}

std::string describe_type(const Json& node, const std::string& type) {
  if (type == "integer") return "an integer" + range(node);
  if (type == "number") return "a number" + range(node);
  if (type == "boolean") return "true or false";
  if (type == "string") return "a string" + length_in_words(node);
  if (type == "object") return "an object";
  if (type != "array") return type;
  const std::size_t least = node.value("minItems", std::size_t{0}),
                    most = node.value("maxItems", std::size_t{0});
  std::string text = "an array";
  if (least == most && most > 0) {
    text += " of " + std::to_string(most);
  } else if (least > 0) {
    text += " of at least " + std::to_string(least) + (most > 0 ? ", at most " + std::to_string(most) : "");
  } else if (most > 0) {
    text += " of at most " + std::to_string(most);
  }
  return text + (node.value("uniqueItems", false) ? " in which none is twice" : "");
}

// What a schema node expects, in words.
std::string describe(const Json& node) {
  std::string text;
  if (node.contains("enum")) {
    for (const Json& value : node["enum"]) text += (text.empty() ? "" : ", ") + value.dump();
    text = (node["enum"].size() > 1 ? "one of " : "") + text;
  } else if (node.contains("type")) {
    const Json types = node["type"].is_array() ? node["type"] : Json::array({node["type"]});
    for (const Json& type : types)
      text += (text.empty() ? "" : " or ") + describe_type(node, type.get<std::string>());
  }
  const std::string sentence = node.value("description", "");
  return sentence.empty() ? text : text + " (" + sentence + ")";
}

std::vector<std::string> keys_of(const Json& node) {
  std::vector<std::string> keys;
  if (node.contains("properties")) {
    for (const auto& item : node["properties"].items()) keys.push_back(item.key());
  }
  return keys;
}

std::vector<std::string> tokens_of(Json::json_pointer pointer) {
  std::vector<std::string> tokens;
  for (; !pointer.empty(); pointer.pop_back()) tokens.push_back(pointer.back());
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

// Other programs' names often begin as ours: conv2d, batch_normalization. "": none shares half of the name.
std::string beginning_alike(const std::string& name, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(4, (name.size() + 1) / 2);
  for (const std::string& candidate : candidates) {
    const auto end = std::mismatch(name.begin(), name.end(), candidate.begin(), candidate.end()).first;
    const auto alike = static_cast<std::size_t>(end - name.begin());
    if (alike < least) continue;
    least = alike + 1;
    best = candidate;
  }
  return best;
}

// For a string where an enum expects one of others.
std::string suggestion_of_enum(const Json& value, const Json& node) {
  if (!value.is_string() || !node.contains("enum")) return "";
  std::vector<std::string> names;
  for (const Json& name : node["enum"]) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return suggestion(value.get<std::string>(), names);
}

// Valijson reports a failure again at every level above it, in these words.
bool is_cascade(const std::string& description) {
  for (const char* start : {"Failed to validate item", "Failed to validate against"}) {
    if (description.rfind(start, 0) == 0) return true;
  }
  return false;
}

// Valijson reads integers above 2^63 as negative; as floating-point numbers they are refused like any
// other that is no integer, or that is above a maximum of 2^62.
Json without_huge_integers(Json json) {
  constexpr double kMost = 0x1p62;
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{1} << 62)
    return std::max(json.get<double>(), std::nextafter(kMost, 2 * kMost));
  if (json.is_structured()) {
    for (Json& item : json) item = without_huge_integers(std::move(item));
  }
  return json;
}

}  // namespace

Schema::Schema(Json schema) : root_(std::move(schema)) {
  auto compiled = std::make_shared<valijson::Schema>();
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(root_), *compiled);
  compiled_ = std::move(compiled);
}

const Schema& Schema::embedded(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, Schema, std::less<>> read;
  const std::lock_guard lock(mutex);
  const auto found = read.find(name);
  if (found != read.end()) return found->second;
  return read.emplace(name, Schema(Json::parse(embedded_files().at(std::string(name))))).first->second;
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr std::size_t kMost = 100;
  if (text.size() <= kMost) return text;
  return compiler::beginning(text, kMost) + "…";
}

std::string pointer_token(const std::string& name) {
  std::string token;
  for (const char c : name) token += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return token;
}

std::string suggestion(const std::string& name, const std::vector<std::string>& candidates) {
  const auto distance = [&](const std::string& other) {  // Levenshtein
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= other.size(); ++j) {
        const std::size_t change = diagonal + (name[i - 1] != other[j - 1]);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
      }
    }
    return row.back();
  };
  if (name.size() > 100) return "";
  if (name.size() > 2) {
    for (const std::string& candidate : candidates) {
      if (candidate.rfind(name, 0) == 0) return "; did you mean \"" + candidate + "\"?";
    }
  }
  std::string best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(candidate);
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  if (best.empty()) best = beginning_alike(name, candidates);
  return best.empty() ? "" : "; did you mean \"" + best + "\"?";
}

const Json& Schema::resolve(const Json& node) const {
  const auto ref = node.find("$ref");
  return ref == node.end() ? node : root_.at(Json::json_pointer(ref->get<std::string>().substr(1)));
}

const Json* Schema::child(const Json& node, const std::string& key) const {
  const auto properties = node.find("properties");
  if (properties != node.end() && properties->contains(key)) return &resolve(properties->at(key));
  const auto additional = node.find("additionalProperties");
  if (additional != node.end() && additional->is_object()) return &resolve(*additional);
  const auto items = node.find("items");
  const bool index = !key.empty() && key.find_first_not_of("0123456789") == std::string::npos &&
                     (key.size() == 1 || key[0] != '0');
  return items != node.end() && index ? &resolve(*items) : nullptr;
}

const Json* Schema::at(const Json::json_pointer& pointer) const {
  const Json* node = &root_;
  for (const std::string& token : tokens_of(pointer)) {
    node = child(*node, token);
    if (node == nullptr) return nullptr;
  }
  return node;
}

bool Schema::allows(const Json::json_pointer& pointer) const { return at(pointer) != nullptr; }

Schema Schema::array_of(const Json::json_pointer& pointer) const {
  return Schema({{"type", "array"},
                 {"items", *at(pointer)},
                 {"definitions", root_.value("definitions", Json::object())}});
}

bool Schema::may_be_number(const Json::json_pointer& pointer) const {
  const Json* node = at(pointer);
  if (node == nullptr) return false;
  const Json types = node->value("type", Json("number"));
  for (const char* type : {"number", "integer", "boolean"})
    if (types == type || (types.is_array() && std::find(types.begin(), types.end(), type) != types.end()))
      return true;
  return false;
}

std::string Schema::suggestion_for(const Json::json_pointer& pointer) const {
  const Json* node = &root_;
  for (const std::string& token : tokens_of(pointer)) {
    const Json* next = child(*node, token);
    if (next == nullptr) return suggestion(token, keys_of(*node));
    node = next;
  }
  return "";
}

void Schema::fill(Json& json, const Json& schema) const {
  const Json& node = resolve(schema);
  if (json.is_array() && node.contains("items")) {
    for (Json& item : json) fill(item, node["items"]);
  }
  if (!json.is_object()) return;
  if (node.contains("properties")) {
    for (const auto& item : node["properties"].items()) {
      const Json& property = resolve(item.value());
      if (!json.contains(item.key()) && property.contains("default")) json[item.key()] = property["default"];
    }
  }
  for (const auto& item : json.items()) {
    if (const Json* node_of_item = child(node, item.key())) fill(item.value(), *node_of_item);
  }
}

// The findings of one place that failed: keys that are missing or unknown, or else the value itself.
std::vector<InputFinding> Schema::find(const Json& value, const Json& node, const std::string& place) const {
  std::vector<InputFinding> findings;
  const Json type = node.value("type", Json("object"));
  const bool may_be_object =
      type == "object" || (type.is_array() && std::count(type.begin(), type.end(), "object") > 0);
  if (value.is_object() && may_be_object) {
    for (const Json& key : node.value("required", Json::array())) {
      const auto name = key.get<std::string>();
      if (value.contains(name)) continue;
      findings.push_back({place + "/" + pointer_token(name), "nothing", describe(*child(node, name))});
    }
    const std::vector<std::string> known = keys_of(node);
    for (const auto& item : value.items()) {
      if (child(node, item.key()) != nullptr) continue;
      std::string list;
      for (const std::string& key : known) list += (list.empty() ? "" : ", ") + key;
      findings.push_back({place + "/" + pointer_token(item.key()), "an unknown key",
                          "one of the keys " + list + suggestion(item.key(), known)});
    }
  }
  if (findings.empty())
    findings.push_back(
        {place.empty() ? "/" : place, shown(value), describe(node) + suggestion_of_enum(value, node)});
  return findings;
}

std::vector<InputFinding> Schema::check(const Json& json, const std::string& place) const {
  std::vector<InputFinding> findings;
  const Json readable = without_huge_integers(json);
  const valijson::adapters::NlohmannJsonAdapter target(readable);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(*compiled_, target, &results)) return findings;

  std::set<std::string> reported;
  for (const valijson::ValidationResults::Error& error : results) {
    if (is_cascade(error.description)) continue;
    std::string pointer = place;
    const Json* value = &json;
    const Json* node = &root_;
    for (std::size_t i = 1; i < error.context.size(); ++i) {  // "[key]" or "[index]"; the first is "<root>"
      const std::string token = error.context[i].substr(1, error.context[i].size() - 2);
      pointer += "/" + pointer_token(token);
      value = value->is_array() ? &value->at(std::stoul(token)) : &value->at(token);
      node = child(*node, token);
    }
    if (!reported.insert(pointer).second) continue;
    for (InputFinding& finding : find(*value, *node, pointer)) findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace anzan::sim
