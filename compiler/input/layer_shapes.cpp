// The rules by which layers make the shape of their output. Each counts on keys that the layer takes: where
// one is missing, that has been said, and the shape is not known.
#include "compiler/input/layer_shapes.hpp"

#include <nlohmann/json.hpp>

#include "compiler/input/layers.hpp"

namespace anzan::compiler {
namespace {

using Json = nlohmann::json;

bool slide_window(ShapeRule& rule) {
  Layer& l = rule.layer;
  const std::int64_t room_h = l.in.height + 2 * l.pad_h - l.kernel_h;
  const std::int64_t room_w = l.in.width + 2 * l.pad_w - l.kernel_w;
  if (room_h < 0 || room_w < 0) {
    rule.fail("/kernel", shown_json(rule.json.at("kernel")),
              "at most the padded input, " + std::to_string(l.in.height + 2 * l.pad_h) + "x" +
                  std::to_string(l.in.width + 2 * l.pad_w));
    return false;
  }
  l.out.height = room_h / l.stride_h + 1;
  l.out.width = room_w / l.stride_w + 1;
  return true;
}

bool choose_channels(ShapeRule& rule) {
  Layer& l = rule.layer;
  const Json& value = rule.json.at("channels");
  l.out.channels = value.get<std::int64_t>();
  if (l.out.channels < 1) {
    rule.fail("/channels", shown_json(value), "an integer, at least 1");
    return false;
  }
  if (l.groups < 1) return false;
  bool good = true;
  if (l.out.channels % l.groups != 0) {
    rule.fail("/channels", shown_json(value), "a multiple of groups (" + std::to_string(l.groups) + ")");
    good = false;
  }
  if (l.in.channels % l.groups != 0) {
    rule.fail("/groups", shown_json(rule.json.at("groups")),
              "a divisor of the input's " + std::to_string(l.in.channels) + " channels");
    good = false;
  }
  const auto weights = weight_count<double>(l);
  if (weights >= kMostElements) {
    rule.fail("", std::to_string(weights) + " weights", "fewer than 2^31");
    good = false;
  }
  return good;
}

}  // namespace

void ShapeRule::fail(const std::string& key, const std::string& found, const std::string& expected) {
  findings.push_back({layer.place + key, found, expected});
}

bool same_shape(ShapeRule&) { return true; }

bool flat_shape(ShapeRule& rule) {
  rule.layer.out = {rule.layer.in.size(), 1, 1};
  return true;
}

bool window_shape(ShapeRule& rule) { return rule.json.contains("kernel") && slide_window(rule); }

bool convolution_shape(ShapeRule& rule) {
  return rule.json.contains("kernel") && rule.json.contains("channels") && slide_window(rule) &&
         choose_channels(rule);
}

bool fully_connected_shape(ShapeRule& rule) {
  rule.layer.kernel_h = rule.layer.in.height;
  rule.layer.kernel_w = rule.layer.in.width;
  return rule.json.contains("channels") && slide_window(rule) && choose_channels(rule);
}

bool sum_shape(ShapeRule& rule) {
  const Shape &a = rule.inputs[0], &b = rule.inputs[1];
  if (a == b) return true;
  rule.fail("/inputs", shown_shape(a) + " and " + shown_shape(b), "two inputs of one shape");
  return false;
}

bool scores_shape(ShapeRule& rule) {
  const Shape& in = rule.layer.in;
  if (in.height != 1 || in.width != 1) {
    rule.fail("", "an input of " + shown_shape(in),
              "one number a class: a fully_connected layer before the loss");
  } else if (in.channels < 2) {
    rule.fail("", "an input of one class", "at least two classes");
  }
  return true;
}

std::string shown_json(const Json& value) {
  std::string dump = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (dump.size() > 100) dump = dump.substr(0, 100) + "…";
  return dump;
}

std::string shown_shape(const Shape& s) {
  return std::to_string(s.channels) + "x" + std::to_string(s.height) + "x" + std::to_string(s.width);
}

bool can_be_indexed(const Shape& s, const std::string& place, std::vector<InputFinding>& findings) {
  const double size = double(s.channels) * double(s.height) * double(s.width);
  if (size < kMostElements) return true;
  findings.push_back(
      {place, "a tensor of " + shown_shape(s) + " elements an image", "fewer than 2^31 elements"});
  return false;
}

}  // namespace anzan::compiler
