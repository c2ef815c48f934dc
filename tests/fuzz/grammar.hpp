// What the schemas say of a configuration: its places, and values that are right there or certainly wrong.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/draw.hpp"

namespace anzan::fuzz {

using sim::testing::Draw;
using Json = nlohmann::json;

template <class T>
const T& pick(Draw& draw, const std::vector<T>& values) {
  return values.at(draw.from<std::size_t>(0, values.size() - 1));
}

// A node of a schema, and the schema that it is of.
struct Node {
  const Json* schema = nullptr;
  const Json* root = nullptr;
};

struct Place {
  std::vector<std::string> tokens;
  Node node;
  std::string pointer() const;
};

class Grammar {
 public:
  // Of the schemas that are embedded in the program.
  Grammar();

  // A place of the configuration, with its network and technology, whether the document has it or not.
  Place place(Draw& draw, const Json& document) const { return place_in(draw, document, config_); }
  // The same of a sweep, its base among it.
  Place place_in_sweep(Draw& draw, const Json& document) const { return place_in(draw, document, sweep_); }
  // One that the schema allows: mostly small, sometimes at a limit; names are those of the document's layers.
  Json value(Draw& draw, const Node& node, const Json& document) const;
  // One that the schema does not allow; nothing where none is known.
  std::optional<Json> wrong_value(Draw& draw, const Node& node) const;
  // A whole configuration: keys that are required and some of the others.
  Json document(Draw& draw, const Json& like) const { return value(draw, {&config_, &config_}, like); }

 private:
  Place place_in(Draw& draw, const Json& document, const Json& schema) const;
  Node resolve(Node node) const;
  Node child(const Node& node, const std::string& key) const;
  Json of_type(Draw& draw, const Node& node, const std::string& type, const Json& document) const;
  Json object(Draw& draw, const Node& node, const Json& document) const;

  Json config_, network_, technology_, sweep_, anything_ = Json::object();
};

// Sets what stands at these tokens, and makes what is missing on the way; does nothing inside of a scalar.
void set_at(Json& document, const std::vector<std::string>& tokens, const Json& value);
std::vector<std::string> layer_names(const Json& document);

}  // namespace anzan::fuzz
