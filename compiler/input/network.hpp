// The network front end: layers as the user wrote them, with shapes inferred and checked.
#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "compiler/input/initial_values.hpp"
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
  // A file with values that parameters begin with, and these, once somebody has read it; all others are
  // drawn.
  std::string weights;
  std::shared_ptr<const ParameterValues> initial;
  // Of the logits, each pixel has a number for each class, and a label of its own: a map of them, or one an
  // image.
  const Shape& logits() const { return layers.back().in; }
  std::int64_t classes() const { return logits().channels; }
  std::int64_t labels_an_image() const { return logits().height * logits().width; }
};

// What tensors beside those of layers are called: no layer has such a name.
inline constexpr const char* kReservedNames[] = {"data", "label", "prediction"};

// Reads and checks a network; `place` is put before every pointer. Throws InputError with all findings.
Network parse_network(const nlohmann::json& json, const std::string& place = "");

// The shape of the output of a layer that is alone, with as many inputs as its type takes; none, and
// findings, where it cannot have one.
std::optional<Shape> output_shape(const nlohmann::json& layer, const std::vector<Shape>& inputs,
                                  std::vector<InputFinding>& findings);

// How many values each parameter has, by name.
std::map<std::string, std::int64_t> parameter_sizes(const Network& network);

}  // namespace anzan::compiler
