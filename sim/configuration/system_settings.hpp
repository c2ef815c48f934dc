// The configuration's block `system` and the cores of a chip: how many there are, how they are joined and
// what they exchange.
#pragma once
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/input/gradients.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/input/system.hpp"
#include "models/network/chips.hpp"

namespace anzan::sim {

struct SystemOptions {
  int chips = 1, cores_per_chip = 1;
  models::ChipsParameters network;
  models::PacketFormat packet;
  compiler::SystemParameters parameters;  // for the compiler
  // Where the exchange is left to `automatic`: all that it may be, that of `parameters` among them.
  std::vector<compiler::ExchangeParameters> exchanges;
  int cores() const { return chips * cores_per_chip; }
};

// What `system.exchange.algorithm` can be.
std::vector<std::string> exchange_algorithms();
// What `system.mapping.axes` is an order of, and what `system.mapping.split` can say of a layer.
constexpr std::array<const char*, 3> kMappingAxes{"tensor", "pipeline", "data"};
constexpr std::array<const char*, 2> kLayerSplits{"none", "channels"};  // whether its channels are shared

// `system` and `chip` have passed the schema and have every setting spelt out afterwards. What no system
// could be becomes findings at /system or /chip. Without gradients, the algorithm `automatic` goes along the
// dimensions of the topology.
SystemOptions merge_system(nlohmann::json& system, nlohmann::json& chip, const compiler::Gradients& gradients,
                           std::vector<compiler::InputFinding>& findings);

}  // namespace anzan::sim
