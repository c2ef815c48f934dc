// Draws along the schemas; what a schema cannot say, such as which layers fit each other, is left to chance.
#include "tests/fuzz/grammar.hpp"

#include <algorithm>
#include <cmath>
#include <regex>

#include "sim/configuration/schema.hpp"
#include "sim/host/embedded.hpp"

namespace anzan::fuzz {
namespace {

Json embedded(const char* name) { return Json::parse(sim::embedded_files().at(name)); }

std::vector<std::string> types_of(const Json& schema) {
  if (schema.contains("enum") || !schema.contains("type")) return {};
  const Json& type = schema.at("type");
  return type.is_array() ? type.get<std::vector<std::string>>()
                         : std::vector<std::string>{type.get<std::string>()};
}

// The keys or indices below a node, of those that the document has or may have there.
std::vector<std::string> children(const Json& schema, const Json* here, const Json& document) {
  std::vector<std::string> keys;
  if (schema.contains("properties")) {
    for (const auto& item : schema.at("properties").items()) keys.push_back(item.key());
  } else if (schema.contains("items")) {
    const bool pair = types_of(schema).size() > 1;
    const std::size_t size = here != nullptr && here->is_array() ? here->size() : 0;
    for (std::size_t i = 0; i < size; ++i) keys.push_back(std::to_string(i));
    if (!pair && size == 0) keys.emplace_back("0");
  } else if (schema.contains("additionalProperties") && schema.at("additionalProperties").is_object()) {
    keys = layer_names(document);
    if (here != nullptr && here->is_object()) {
      for (const auto& item : here->items()) keys.push_back(item.key());
    }
  }
  return keys;
}

const Json* below(const Json* here, const std::string& key) {
  if (here == nullptr) return nullptr;
  if (here->is_object() && here->contains(key)) return &here->at(key);
  if (here->is_array() && key.size() < 6 && key.find_first_not_of("0123456789") == std::string::npos &&
      std::stoul(key) < here->size())
    return &here->at(std::stoul(key));
  return nullptr;
}

Json integer(Draw& draw, const Json& schema) {
  const auto least = schema.value("minimum", std::int64_t{-4});
  const auto most = schema.value("maximum", std::int64_t{1000});
  const std::int64_t kind = draw.from(0, 19);
  if (kind == 0) return least;
  if (kind == 1) return most;
  const double reach = std::log2(static_cast<double>(most - least) + 1);
  if (kind < 5) {
    const double share = static_cast<double>(draw.from(0, 1000)) / 1000;
    return std::min(most, least + static_cast<std::int64_t>(std::exp2(reach * share) - 1));
  }
  return draw.from(least, std::min(most, least + (kind < 12 ? 4 : 16)));
}

Json number(Draw& draw, const Json& schema) {
  const bool open = schema.contains("exclusiveMinimum");
  const double least = open ? schema.at("exclusiveMinimum").get<double>() : schema.value("minimum", -1e3);
  const double most = schema.value("maximum", schema.value("exclusiveMaximum", 1e3));
  const double share = static_cast<double>(draw.from(1, 999)) / 1000;
  switch (draw.from(0, 7)) {
    case 0:
      return open ? least + 1e-9 : least;
    case 1:
      return schema.contains("exclusiveMaximum") ? std::nextafter(most, least) : most;
    case 2:
      return least <= 0 && most >= 1e-300 ? 1e-300 : least + (most - least) * share;
    case 3:
      return least + (most - least) * share;
    default:
      return std::min(most, std::max(least, 0.0) + share);
  }
}

std::string text(Draw& draw, const Json& document) {
  std::vector<std::string> texts{"data",
                                 "conv",
                                 "x",
                                 "a layer",
                                 "7nm",
                                 ".",
                                 "/",
                                 "-",
                                 "no/such/file",
                                 "train-images",
                                 "\xe6\x9a\x97\xe7\xae\x97",
                                 std::string(draw.from<std::size_t>(1, 300), 'n')};
  for (const std::string& name : layer_names(document)) texts.insert(texts.end(), 3, name);
  return pick(draw, texts);
}

// What no schema of ours takes in place of these types.
std::vector<Json> of_other_types(const std::vector<std::string>& types) {
  const auto has = [&](const char* type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  std::vector<Json> wrong{Json()};
  const bool numbers = has("integer") || has("number");
  if (!has("boolean")) wrong.insert(wrong.end(), {true, false});
  if (!has("string")) wrong.insert(wrong.end(), {"", "1", std::string(5000, 'z')});
  if (!has("array")) wrong.insert(wrong.end(), {Json::array(), Json::array({1})});
  if (!has("object")) wrong.insert(wrong.end(), {Json::object(), Json::object({{"a", 1}})});
  if (!numbers) wrong.insert(wrong.end(), {0, -1, 0.5, std::uint64_t{1} << 63});
  if (has("integer") && !has("number")) wrong.insert(wrong.end(), {0.5, 1e300, -1e300});
  return wrong;
}

void add_beyond_limits(const Json& schema, std::vector<Json>& wrong) {
  if (schema.contains("minimum"))
    wrong.push_back(schema.at("minimum").is_number_integer()
                        ? Json(schema.at("minimum").get<std::int64_t>() - 1)
                        : Json(schema.at("minimum").get<double>() - 1));
  if (schema.contains("maximum")) {
    wrong.push_back(schema.at("maximum").is_number_integer()
                        ? Json(schema.at("maximum").get<std::int64_t>() + 1)
                        : Json(schema.at("maximum").get<double>() * 2 + 1));
    wrong.insert(wrong.end(), {~std::uint64_t{0}, std::uint64_t{1} << 63, 1e300});
  }
  for (const char* bound : {"exclusiveMinimum", "exclusiveMaximum"}) {
    if (schema.contains(bound)) wrong.push_back(schema.at(bound));
  }
  if (schema.contains("pattern")) {
    const std::regex pattern(schema.at("pattern").get<std::string>());
    for (const std::string& text :
         {std::string(), std::string("1a"), std::string("a b"), std::string(65, 'a')}) {
      if (!std::regex_search(text, pattern)) wrong.emplace_back(text);
    }
  }
  if (schema.value("minLength", 0) > 0) wrong.emplace_back("");
  if (schema.contains("maxLength"))
    wrong.emplace_back(std::string(schema.at("maxLength").get<std::size_t>() + 1, 'a'));
  if (schema.value("minItems", 0) > 0) wrong.push_back(Json::array());
  if (schema.contains("maxItems"))
    wrong.emplace_back(Json::array_t(schema.at("maxItems").get<std::size_t>() + 1, 1));
}

}  // namespace

std::string Place::pointer() const {
  std::string text;
  for (const std::string& token : tokens) text += "/" + sim::pointer_token(token);
  return text;
}

std::vector<std::string> layer_names(const Json& document) {
  std::vector<std::string> names;
  const Json* layers = below(below(&document, "network"), "layers");
  if (layers == nullptr || !layers->is_array()) return names;
  for (const Json& layer : *layers) {
    const Json* name = below(&layer, "name");
    if (name != nullptr && name->is_string()) names.push_back(name->get<std::string>());
  }
  return names;
}

void set_at(Json& document, const std::vector<std::string>& tokens, const Json& value) {
  Json* node = &document;
  for (const std::string& token : tokens) {
    const bool index = !token.empty() && token.find_first_not_of("0123456789") == std::string::npos;
    if (node->is_null()) *node = index ? Json::array() : Json::object();
    if (node->is_object()) {
      node = &(*node)[token];
    } else if (node->is_array() && index) {
      const std::size_t at = std::min<std::size_t>(std::stoul(token), node->size());
      if (at == node->size()) node->push_back(Json());
      node = &node->at(at);
    } else {
      return;
    }
  }
  *node = value;
}

Grammar::Grammar()
    : config_(embedded("configuration/config.schema.json")),
      network_(embedded("input/network.schema.json")),
      technology_(embedded("configuration/technology.schema.json")),
      sweep_(embedded("sweep/sweep.schema.json")) {}

Node Grammar::resolve(Node node) const {
  const auto ref = node.schema->find("$ref");
  if (ref != node.schema->end())
    node.schema = &node.root->at(Json::json_pointer(ref->get<std::string>().substr(1)));
  return node;
}

Node Grammar::child(const Node& node, const std::string& key) const {
  if (node.schema == &config_ && key == "network") return {&network_, &network_};
  if (node.schema == &config_ && key == "technology") return {&technology_, &technology_};
  if (node.schema == &sweep_ && key == "base") return {&config_, &config_};
  const Json& schema = *node.schema;
  if (schema.contains("properties")) return resolve({&schema.at("properties").at(key), node.root});
  if (schema.contains("items")) return resolve({&schema.at("items"), node.root});
  if (schema.contains("additionalProperties"))
    return resolve({&schema.at("additionalProperties"), node.root});
  return {&anything_, node.root};
}

Place Grammar::place_in(Draw& draw, const Json& document, const Json& schema) const {
  Place place{{}, {&schema, &schema}};
  const Json* here = &document;
  for (;;) {
    std::vector<std::string> keys = children(*place.node.schema, here, document);
    const Json* const technology = below(here, "technology");  // most name one
    const bool named = place.node.schema == &config_ && (technology == nullptr || !technology->is_object());
    if (named) keys.erase(std::remove(keys.begin(), keys.end(), "technology"), keys.end());
    if (keys.empty() || (!place.tokens.empty() && draw.chance(8))) return place;
    const std::string key = pick(draw, keys);
    place.node = child(place.node, key);
    place.tokens.push_back(key);
    here = below(here, key);
  }
}

Json Grammar::value(Draw& draw, const Node& unresolved, const Json& document) const {
  const Node node = resolve(unresolved);
  if (node.schema->contains("enum")) {
    const Json& names = node.schema->at("enum");
    return names.at(draw.from<std::size_t>(0, names.size() - 1));
  }
  std::vector<std::string> types = types_of(*node.schema);
  if (types.empty()) types = {"integer", "number", "string", "boolean"};  // what it is decides another key
  return of_type(draw, node, pick(draw, types), document);
}

Json Grammar::of_type(Draw& draw, const Node& node, const std::string& type, const Json& document) const {
  if (type == "integer") return integer(draw, *node.schema);
  if (type == "number") return number(draw, *node.schema);
  if (type == "boolean") return draw.chance(50);
  if (type == "string") return text(draw, document);
  if (type == "object") return object(draw, node, document);
  Json array = Json::array();
  const auto least = node.schema->value("minItems", std::size_t{0}),
             most = std::max(least, std::min(node.schema->value("maxItems", std::size_t{3}), least + 3));
  const auto size = draw.from(least, most);
  while (array.size() < size) array.push_back(value(draw, child(node, "0"), document));
  return array;
}

Json Grammar::object(Draw& draw, const Node& node, const Json& document) const {
  Json object = Json::object();
  const Json required = node.schema->value("required", Json::array());
  const int share = draw.one_of({5, 5, 30, 90});
  if (node.schema->contains("properties")) {
    for (const auto& item : node.schema->at("properties").items()) {
      const bool needed = std::find(required.begin(), required.end(), item.key()) != required.end();
      if (needed || draw.chance(share)) object[item.key()] = value(draw, child(node, item.key()), document);
    }
  } else {
    for (const std::string& name : children(*node.schema, nullptr, document)) {
      if (draw.chance(share)) object[name] = value(draw, child(node, name), document);
    }
  }
  return object;
}

std::optional<Json> Grammar::wrong_value(Draw& draw, const Node& unresolved) const {
  const Node node = resolve(unresolved);
  const Json& schema = *node.schema;
  std::vector<std::string> types = types_of(schema);
  if (&schema == &network_ || &schema == &technology_ || (&schema == &config_ && node.root == &config_))
    types.emplace_back("string");  // a path
  std::vector<Json> wrong;
  if (schema.contains("enum")) {
    wrong = {Json(), true, "no such", "", -1, Json::array(), Json::object(), 1e300};
  } else if (!types.empty()) {
    wrong = of_other_types(types);
    add_beyond_limits(schema, wrong);
    if (!schema.value("additionalProperties", Json(true)).is_boolean()) wrong.resize(1);
    if (schema.value("additionalProperties", Json(true)) == false) wrong.push_back({{"no_such_key", 1}});
  }
  if (wrong.empty()) return {};
  return pick(draw, wrong);
}

}  // namespace anzan::fuzz
