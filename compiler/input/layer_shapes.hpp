// Shapes of outputs: one rule for layers that make theirs in the same way.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "compiler/input/input_error.hpp"

namespace anzan::compiler {

struct Layer;
struct Shape;

// What a rule sees and changes. It returns whether the shape is known; where it is not, it says why.
struct ShapeRule {
  Layer& layer;                      // its keys have been read; `out` is `in` so far
  const nlohmann::json& json;        // as the user wrote it
  const std::vector<Shape>& inputs;  // of all inputs
  std::vector<InputFinding>& findings;

  void fail(const std::string& key, const std::string& found, const std::string& expected);
};

bool same_shape(ShapeRule& rule);
bool clip_shape(ShapeRule& rule);  // the same, between limits that are in order
bool flat_shape(ShapeRule& rule);
bool pool_shape(ShapeRule& rule);             // what a window sees becomes a pixel; each meets the input
bool global_shape(ShapeRule& rule);           // the window is the whole input
bool convolution_shape(ShapeRule& rule);      // a window's pixel, in each of `channels`
bool fully_connected_shape(ShapeRule& rule);  // a convolution whose kernel is its whole input
bool sum_shape(ShapeRule& rule);              // of inputs of one shape, or one pixel for all
bool concat_shape(ShapeRule& rule);           // all channels of inputs that agree in their pixels
bool scores_shape(ShapeRule& rule);           // a channel a class

// As an error shows it: JSON, shortened, and a shape.
std::string shown_json(const nlohmann::json& value);
std::string shown_shape(const Shape& shape);

inline constexpr double kMostElements = 2147483648.0;  // of one tensor: indices have 32 bits
// Whether a tensor of the shape can be indexed; else a finding at `place`.
bool can_be_indexed(const Shape& shape, const std::string& place, std::vector<InputFinding>& findings);

}  // namespace anzan::compiler
