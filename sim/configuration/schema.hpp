// Checking JSON against a schema: every deviation as one precise finding, and defaults from the schema.
// The schema language is JSON Schema draft 7; the checking is Valijson's.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/input/input_error.hpp"

namespace valijson {
class Schema;
}

namespace anzan::sim {

class Schema {
 public:
  explicit Schema(nlohmann::json schema);
  // The schema embedded as `name`, e.g. "configuration/config.schema.json". It is read once.
  static const Schema& embedded(std::string_view name);

  // All deviations of `json`; `place` is put before each JSON pointer. Findings name leaves: a wrong
  // value is reported once, not again for each object around it.
  std::vector<compiler::InputFinding> check(const nlohmann::json& json, const std::string& place = "") const;

  // Adds every key that is missing and has a default in the schema; `json` must pass check().
  void fill_defaults(nlohmann::json& json) const { fill(json, root_); }

  // Whether the schema has a place for this pointer (any index of an array counts).
  bool allows(const nlohmann::json::json_pointer& pointer) const;
  // An array of what stands at a pointer that the schema allows.
  Schema array_of(const nlohmann::json::json_pointer& pointer) const;
  // Whether a number, or true or false, may stand at this pointer.
  bool may_be_number(const nlohmann::json::json_pointer& pointer) const;
  // suggestion() for the first key of a pointer that the schema does not allow.
  std::string suggestion_for(const nlohmann::json::json_pointer& pointer) const;

 private:
  const nlohmann::json& resolve(const nlohmann::json& node) const;  // follows "$ref": "#/…"
  const nlohmann::json* at(
      const nlohmann::json::json_pointer& pointer) const;  // nullptr where it is not allowed
  const nlohmann::json* child(const nlohmann::json& node, const std::string& key) const;
  std::vector<compiler::InputFinding> find(const nlohmann::json& value, const nlohmann::json& node,
                                           const std::string& place) const;
  void fill(nlohmann::json& json, const nlohmann::json& schema) const;

  nlohmann::json root_;
  std::shared_ptr<const valijson::Schema> compiled_;
};

// A value as it is shown to the user: JSON text, shortened.
std::string shown(const nlohmann::json& value);

// `; did you mean "x"?` for the candidate nearest to `name` if one is near, begins with it, or has the
// first half of it in common, otherwise "".
std::string suggestion(const std::string& name, const std::vector<std::string>& candidates);

// `name` as one token of a JSON pointer.
std::string pointer_token(const std::string& name);

}  // namespace anzan::sim
