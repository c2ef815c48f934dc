// Reads a node's attributes and inputs strictly: what a translation does not ask for is refused, not lost.
#include "compiler/onnx/node_import.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "compiler/input/network.hpp"

namespace anzan::compiler::onnx {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kGreatest = 65535;  // of what counts pixels, as in network.schema.json
constexpr std::size_t kLongestName = 64;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool may_follow(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; }

// The characters that a layer's name may have, from its first letter on.
std::string usable_name(const std::string& wanted) {
  const bool usable =
      !wanted.empty() && is_letter(wanted[0]) && std::all_of(wanted.begin(), wanted.end(), may_follow);
  if (usable && wanted.size() <= kLongestName) return wanted;
  std::string name;
  for (const char c : wanted) {
    if (name.size() == kLongestName) break;
    if (may_follow(c))
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || !is_letter(name[0])) name.insert(0, "layer_");
  return name.substr(0, kLongestName);
}

// The attribute that a layer's key is made of.
std::string attribute_of(const std::string& key) {
  static const std::map<std::string, std::string> attributes{
      {"dilation", "dilations"},   {"groups", "group"}, {"k", "bias"},     {"kernel", "kernel_shape"},
      {"negative_slope", "alpha"}, {"padding", "pads"}, {"rate", "ratio"}, {"stride", "strides"}};
  const auto found = attributes.find(key);
  return found == attributes.end() ? key : found->second;
}

}  // namespace

std::string shown_node(const Node& node) {
  std::string name = "node " + node.name;
  if (node.name.empty()) name = "the node of " + (node.outputs.empty() ? "no output" : node.outputs[0]);
  return name + " (" + node.op_type + ")";
}

std::string shown_list(const std::vector<std::int64_t>& numbers) {
  std::string text = "[";
  for (std::size_t k = 0; k < numbers.size(); ++k)
    text += (k == 0 ? "" : ", ") + (numbers[k] == kBatch ? std::string("N") : std::to_string(numbers[k]));
  return text + "]";
}

double shortest(float number) {
  std::array<char, 64> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), number);
  double value = 0;
  std::from_chars(text.data(), written.ptr, value);
  return value;
}

double share_of_new(double momentum) {
  constexpr double kUnit = 1e-9;  // far below what FP32 tells apart
  return std::round((1 - momentum) / kUnit) * kUnit;
}

std::string free_name(const std::string& wanted, std::map<std::string, int>& taken) {
  constexpr int kSecond = 2;
  const std::string usable = usable_name(wanted);
  if (taken.emplace(usable, kSecond).second) return usable;
  for (int& number = taken[usable];; ++number) {
    const std::string suffix = "_" + std::to_string(number);
    const std::string name = usable.substr(0, kLongestName - suffix.size()) + suffix;
    if (taken.emplace(name, kSecond).second) return name;
  }
}

NodeImport::NodeImport(NetworkSoFar& so_far, const Node& node, std::string place,
                       std::vector<const Value*> inputs, std::vector<int> uses)
    : so_far_(so_far),
      node_(node),
      place_(std::move(place)),
      inputs_(std::move(inputs)),
      uses_(std::move(uses)) {}

void NodeImport::fail(const std::string& found, const std::string& expected) {
  failed_ = true;
  so_far_.findings.push_back({place_, found, expected, shown_node(node_)});
}

const Attribute* NodeImport::find(const char* name, Attribute::Kind kind) {
  known_.insert(name);
  for (const Attribute& a : node_.attributes) {
    if (a.name != name) continue;
    if (a.kind == kind) return &a;
    fail(std::string("attribute ") + name + " of another type", "an attribute as the operator has it");
    return nullptr;
  }
  return nullptr;
}

std::int64_t NodeImport::integer(const char* name, std::int64_t otherwise) {
  const Attribute* a = find(name, Attribute::Kind::kInteger);
  if (a == nullptr) return otherwise;
  if (a->integer >= -kGreatest && a->integer <= kGreatest) return a->integer;
  fail(std::string(name) + " " + std::to_string(a->integer), "an integer from -65535 to 65535");
  return otherwise;
}

double NodeImport::number(const char* name, double otherwise) {
  const Attribute* a = find(name, Attribute::Kind::kFloat);
  return a == nullptr ? otherwise : shortest(a->number);
}

std::string NodeImport::text(const char* name, const std::string& otherwise) {
  const Attribute* a = find(name, Attribute::Kind::kText);
  return a == nullptr ? otherwise : a->text;
}

std::optional<std::vector<std::int64_t>> NodeImport::integers(const char* name) {
  const Attribute* a = find(name, Attribute::Kind::kIntegers);
  if (a == nullptr) return {};
  for (const std::int64_t i : a->integers) {
    if (i >= -kGreatest && i <= kGreatest) continue;
    fail(std::string(name) + " " + shown_list(a->integers), "integers from -65535 to 65535");
    return {};
  }
  return a->integers;
}

const Tensor* NodeImport::tensor(const char* name) {
  const Attribute* a = find(name, Attribute::Kind::kTensor);
  return a == nullptr ? nullptr : &a->tensor.at(0);
}

void NodeImport::check_attributes() {
  for (const Attribute& a : node_.attributes) {
    if (known_.count(a.name) == 0) fail("attribute " + a.name, "an attribute that this reader knows");
  }
}

const Value* NodeImport::images(std::size_t k) {
  if (has(k) && input(k).is_images()) {
    if (!input(k).padded()) return &input(k);
    fail("a Pad before it", "a Conv behind a Pad");
    return nullptr;
  }
  fail(has(k) ? "a constant as input " + std::to_string(k) : "no input " + std::to_string(k), "images");
  return nullptr;
}

const Value* NodeImport::pixels(std::size_t k) {
  const Value* value = images(k);
  return value != nullptr && are_pixels(*value) ? value : nullptr;
}

bool NodeImport::are_pixels(const Value& images) {
  if (images.has_pixels()) return true;
  const Shape& s = images.shape;
  const std::string shape = "images of the shape " + shown_dims(images.dims);
  if (images.dims.size() == 3) {
    fail(shape + ", made of " + shown_dims({s.channels, s.height, s.width}),
         "channels, rows and columns as the layer before gives them");
  } else {
    fail(shape, "images of channels, rows and columns: [N, C, H, W]");
  }
  return false;
}

const Tensor* NodeImport::constant(std::size_t k, const std::string& what) {
  if (!has(k)) {
    fail("no input " + std::to_string(k), what);
  } else if (!input(k).is_constant()) {
    fail("images as input " + std::to_string(k), what + ", constant");
  } else if (!input(k).constant->problem.empty()) {
    fail(input(k).constant->problem + " as input " + std::to_string(k), what);
  } else {
    return input(k).constant.get();
  }
  return nullptr;
}

const Tensor* NodeImport::floats(std::size_t k, const std::string& what,
                                 const std::vector<std::int64_t>& dims) {
  const Tensor* t = constant(k, what);
  if (t == nullptr) return nullptr;
  bool fits = t->is_float && t->dims.size() == dims.size();
  for (std::size_t d = 0; fits && d < dims.size(); ++d) fits = dims[d] < 0 || dims[d] == t->dims[d];
  if (fits) return t;
  fail(std::string(t->is_float ? "FP32" : "integers") + " of dims " + shown_dims(t->dims),
       what + ": FP32 of dims " + shown_dims(dims));
  return nullptr;
}

std::optional<std::vector<std::int64_t>> NodeImport::whole_numbers(std::size_t k, const std::string& what) {
  const Tensor* t = constant(k, what);
  if (t == nullptr) return {};
  if (!t->is_float && t->dims.size() <= 1) return t->integers;
  fail(std::string(t->is_float ? "FP32" : "integers") + " of dims " + shown_dims(t->dims),
       what + ": a list of integers");
  return {};
}

std::optional<std::vector<std::int64_t>> NodeImport::list(const char* attribute, std::size_t k) {
  if (has(k)) return whole_numbers(k, attribute);
  const Attribute* a = find(attribute, Attribute::Kind::kIntegers);
  if (a == nullptr) return {};
  return a->integers;
}

std::optional<double> NodeImport::scalar(const char* attribute, std::size_t k) {
  if (!has(k)) {
    const Attribute* a = find(attribute, Attribute::Kind::kFloat);
    if (a == nullptr) return {};
    return shortest(a->number);
  }
  const Tensor* t = constant(k, attribute);
  if (t == nullptr) return {};
  if (t->is_float && t->size() == 1) return shortest(t->floats[0]);
  fail("dims " + shown_dims(t->dims), std::string(attribute) + ": one FP32");
  return {};
}

std::string NodeImport::layer_name(std::size_t weights) {
  std::string wanted = node_.name.empty() ? (node_.outputs.empty() ? "" : node_.outputs[0]) : node_.name;
  const std::string suffix = ".weight";
  if (weights > 0 && weights < node_.inputs.size()) {
    const std::string& name = node_.inputs[weights];
    if (name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0)
      wanted = name.substr(0, name.size() - suffix.size());
  }
  return free_name(wanted, so_far_.names);
}

void NodeImport::add_layer(const std::string& name, Json keys, const std::vector<const Value*>& inputs) {
  check_different(inputs);
  if (failed_) return;
  Json layer{{"name", name}, {"inputs", Json::array()}};
  layer.update(keys);
  std::vector<Shape> shapes;
  for (const Value* value : inputs) {
    layer["inputs"].push_back(
        value->layer < 0 ? Json("data") : so_far_.layers.at(static_cast<std::size_t>(value->layer))["name"]);
    shapes.push_back(value->shape);
  }
  std::vector<InputFinding> findings;
  const std::optional<Shape> shape = output_shape(layer, shapes, findings);
  for (const InputFinding& f : findings)
    fail(f.place.empty() ? f.found : attribute_of(f.place.substr(1)) + " " + f.found, f.expected);
  if (!shape) return;
  so_far_.layers.push_back(std::move(layer));
  so_far_.outputs.push_back(*shape);
  output_ = images_value(static_cast<int>(so_far_.outputs.size()) - 1, *shape);
}

// A layer has each of its inputs once.
void NodeImport::check_different(const std::vector<const Value*>& images) {
  std::map<int, std::size_t> first;
  for (std::size_t k = 0; k < images.size(); ++k) {
    const auto [same, is_new] = first.emplace(images[k]->layer, k);
    if (is_new) continue;
    return fail("the same images as inputs " + std::to_string(same->second) + " and " + std::to_string(k),
                "different images");
  }
}

void NodeImport::add_values(const std::string& parameter, std::vector<float> values) {
  if (!failed_) so_far_.values[parameter] = std::move(values);
}

const Tensor* NodeImport::parameter(std::size_t k, const std::string& what,
                                    const std::vector<std::int64_t>& dims) {
  const Tensor* t = floats(k, what, dims);
  return t != nullptr && train(k) ? t : nullptr;
}

bool NodeImport::train(std::size_t k) {
  const auto other = so_far_.sharing.train(node_.inputs[k], *input(k).constant, node_);
  if (!other) return true;
  fail("the parameter " + other->constant + " as input " + std::to_string(k) + ", which " +
           shown_node(*other->node) + " has, too",
       "a parameter of its own: compiler/onnx/README.md");
  return false;
}

}  // namespace anzan::compiler::onnx
