// The rules by which layers make the shape of their output. Each counts on keys that the layer takes: where
// one is missing, that has been said, and the shape is not known.
#include "compiler/input/layer_shapes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/input/layers.hpp"

namespace anzan::compiler {
namespace {

using Json = nlohmann::json;

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// `same`: as many positions as there are strides in the input; an odd pixel goes to the end, or to the
// beginning.
void pad_same(WindowAxis& w, std::int64_t input, bool odd_at_end) {
  const std::int64_t reach = (divided_up(input, w.stride) - 1) * w.stride + w.extent();
  const std::int64_t all = std::max<std::int64_t>(0, reach - input);
  w.pad = odd_at_end ? all / 2 : divided_up(all, 2);
  w.pad_end = all - w.pad;
}

// Windows that begin in the padding behind the input do not count, however sizes are rounded.
std::int64_t positions(const WindowAxis& w, std::int64_t input, bool ceil_mode) {
  const std::int64_t room = input + w.pad + w.pad_end - w.extent();
  if (!ceil_mode) return room / w.stride + 1;
  return std::min(divided_up(room, w.stride), (input + w.pad - 1) / w.stride) + 1;
}

bool slide_window(ShapeRule& rule) {
  Layer& l = rule.layer;
  const Json padding = rule.json.value("padding", Json(0));
  if (padding.is_string()) {
    const bool odd_at_end = padding != "same_lower";
    pad_same(l.y, l.in.height, odd_at_end);
    pad_same(l.x, l.in.width, odd_at_end);
  }
  const std::int64_t height = l.in.height + l.y.pad + l.y.pad_end, width = l.in.width + l.x.pad + l.x.pad_end;
  if (l.y.extent() > height || l.x.extent() > width) {
    const bool dilated = l.y.dilation > 1 || l.x.dilation > 1;
    rule.fail("/kernel", shown_json(rule.json.at("kernel")),
              std::string("at most the padded input, ") + std::to_string(height) + "x" +
                  std::to_string(width) + (dilated ? ", with its dilation" : ""));
    return false;
  }
  l.out.height = positions(l.y, l.in.height, l.ceil_mode);
  l.out.width = positions(l.x, l.in.width, l.ceil_mode);
  return true;
}

// Whether each window of the axis meets a pixel.
bool all_meet(const WindowAxis& w, std::int64_t input, std::int64_t outputs) {
  for (std::int64_t o = 0; o < outputs; ++o) {
    const std::int64_t first = o * w.stride - w.pad;
    const std::int64_t tap =
        first < 0 ? divided_up(-first, w.dilation) : 0;  // the first one not before the input
    if (tap >= w.kernel || first + tap * w.dilation >= input) return false;
  }
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

bool clip_shape(ShapeRule& rule) {
  const Layer& l = rule.layer;
  if (l.least < l.greatest) return true;
  const char* key = rule.json.contains("max") ? "max" : "min";
  rule.fail(std::string("/") + key, shown_json(rule.json.at(key)),
            "min below max, which are " + shown_json(l.least) + " and " + shown_json(l.greatest));
  return true;
}

bool flat_shape(ShapeRule& rule) {
  rule.layer.out = {rule.layer.in.size(), 1, 1};
  return true;
}

// Of padding alone there is no maximum and no average.
bool pool_shape(ShapeRule& rule) {
  if (!rule.json.contains("kernel") || !slide_window(rule)) return false;
  const Layer& l = rule.layer;
  if (all_meet(l.y, l.in.height, l.out.height) && all_meet(l.x, l.in.width, l.out.width)) return true;
  rule.fail("/padding", shown_json(rule.json.value("padding", Json(0))),
            "less padding, so that each window meets its input");
  return false;
}

bool global_shape(ShapeRule& rule) {
  Layer& l = rule.layer;
  l.y.kernel = l.in.height;
  l.x.kernel = l.in.width;
  l.out = {l.in.channels, 1, 1};
  return true;
}

bool convolution_shape(ShapeRule& rule) {
  return rule.json.contains("kernel") && rule.json.contains("channels") && slide_window(rule) &&
         choose_channels(rule);
}

bool fully_connected_shape(ShapeRule& rule) {
  rule.layer.y.kernel = rule.layer.in.height;
  rule.layer.x.kernel = rule.layer.in.width;
  return rule.json.contains("channels") && slide_window(rule) && choose_channels(rule);
}

// The pixels of the largest input are those of the output.
bool sum_shape(ShapeRule& rule) {
  Shape& out = rule.layer.out;
  for (const Shape& s : rule.inputs) {
    if (s.height * s.width > out.height * out.width) out = s;
  }
  for (const Shape& s : rule.inputs) {
    if (s == out || s == Shape{out.channels, 1, 1}) continue;
    rule.fail("/inputs", shown_shape(out) + " and " + shown_shape(s),
              "inputs of one shape, or of as many channels and one pixel");
    return false;
  }
  return true;
}

bool concat_shape(ShapeRule& rule) {
  const Shape& first = rule.inputs[0];
  std::int64_t& channels = rule.layer.out.channels;
  channels = 0;
  for (const Shape& s : rule.inputs) {
    channels += s.channels;
    if (s.height == first.height && s.width == first.width) continue;
    rule.fail("/inputs", shown_shape(first) + " and " + shown_shape(s), "inputs of one height and width");
    return false;
  }
  return true;
}

bool scores_shape(ShapeRule& rule) {
  const Shape& in = rule.layer.in;
  if (in.channels < 2) rule.fail("", "logits of " + shown_shape(in), "at least two classes, each a channel");
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
