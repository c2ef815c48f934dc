// The table of keys that layers of some kinds take: how each is read, and written again.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"
#include "compiler/input/layers.hpp"

namespace anzan::compiler {

// A key under way: what it is read into, and what is wrong with it.
struct KeyReading {
  Layer& layer;
  const char* key;
  const nlohmann::json& value;
  std::vector<InputFinding>& findings;

  void fail(const std::string& below, const std::string& found, const std::string& expected);
};

struct LayerKey {
  const char* name;
  LayerFact taken_by;  // the layers that take it
  bool needed;         // by all of them; others have a default
  void (*read)(KeyReading&);
  nlohmann::json (*write)(const Layer&);  // null where a layer takes the key, but this one has no use for it
};

// In an order in which a key comes after those that its reading looks at.
const std::vector<LayerKey>& layer_keys();

}  // namespace anzan::compiler
