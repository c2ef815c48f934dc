// The network front end: layers as the user wrote them, with shapes inferred and checked.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compiler/input/layers.hpp"

namespace anzan::compiler {

struct Network {
  std::string name;
  Shape input;
  // A raw sample x of channel c enters as (x * scale + offset - mean[c]) / deviation[c]; each is
  // empty (0 and 1), or has a number for each channel.
  double scale = 1, offset = 0;
  std::vector<double> mean, deviation;
  std::vector<Layer> layers;  // in an order in which inputs come first; the last is the loss
  std::int64_t classes() const { return layers.back().in.size(); }
};

// Reads and checks a network; `place` is put before every pointer. Throws InputError with all findings.
Network parse_network(const nlohmann::json& json, const std::string& place = "");

}  // namespace anzan::compiler
