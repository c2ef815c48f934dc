// A network back to JSON, with every default spelt out.
#pragma once
#include <nlohmann/json.hpp>

#include "compiler/input/network.hpp"

namespace anzan::compiler {

// parse_network(network_to_json(n)) equals n.
nlohmann::json network_to_json(const Network& network);

}  // namespace anzan::compiler
