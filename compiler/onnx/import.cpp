// Walks the nodes that lead to the output, in their order; all findings are collected.
#include "compiler/onnx/import.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "compiler/input/input_error.hpp"
#include "compiler/input/network.hpp"
#include "compiler/onnx/export.hpp"
#include "compiler/onnx/operators.hpp"

namespace anzan::compiler::onnx {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostNodes = 50000;
constexpr std::size_t kMostFolded = std::size_t{1} << 20;  // elements, and four times what the file has
constexpr std::size_t kMostMetadata = std::size_t{1} << 22;
constexpr std::int64_t kOldestOpset = 1;

class GraphImport {
 public:
  GraphImport(const Model& model, std::string place) : model_(model), place_(std::move(place)) {}

  Imported import() {
    so_far_.opset = model_.opset;
    so_far_.sharing.look_at(model_);
    for (const char* name : kReservedNames) free_name(name, so_far_.names);
    check_model();
    mark_needed();
    read_initializers();
    read_input();
    for (std::size_t k = 0; k < model_.nodes.size(); ++k) {
      if (needed_[k]) read_node(k);
    }
    add_loss();
    if (!so_far_.findings.empty()) throw InputError(std::move(so_far_.findings));
    return finish();
  }

 private:
  void fail(const std::string& below, const std::string& found, const std::string& expected) {
    so_far_.findings.push_back({place_ + "#" + below, found, expected});
  }

  void check_model() const {
    const auto refuse = [&](const std::string& what, const std::string& found, const std::string& expected) {
      throw InputError(place_ + "#/" + what, found, expected);
    };
    if (model_.opset < kOldestOpset)
      refuse("opset_import", std::to_string(model_.opset), "operators of version 1 or newer");
    if (model_.nodes.size() > kMostNodes)
      refuse("graph/node", std::to_string(model_.nodes.size()) + " nodes",
             "at most " + std::to_string(kMostNodes));
    if (model_.outputs.size() != 1)
      refuse("graph/output", std::to_string(model_.outputs.size()) + " outputs",
             "one: a number for each class");
  }

  // The nodes that the output depends on. Of two that give one name, the later one is found, and refused
  // later.
  void mark_needed() {
    so_far_.output = model_.outputs[0].name;
    needed_.assign(model_.nodes.size(), false);
    std::set<std::string> wanted{so_far_.output};
    for (std::size_t k = model_.nodes.size(); k-- > 0;) {
      const Node& node = model_.nodes[k];
      for (const std::string& output : node.outputs)
        needed_[k] = needed_[k] || (!output.empty() && wanted.count(output) != 0);
      if (!needed_[k]) continue;
      for (const std::string& input : node.inputs) {
        ++uses_[input];
        wanted.insert(input);
      }
    }
    ++uses_[so_far_.output];
  }

  void read_initializers() {
    for (const Tensor& tensor : model_.initializers) {
      elements_ += tensor.size();
      values_[tensor.name] = constant_of(tensor);
    }
    for (const Node& node : model_.nodes) {
      for (const Attribute& a : node.attributes) {
        for (const Tensor& tensor : a.tensor) elements_ += tensor.size();
      }
    }
    allowed_ = kMostFolded + 4 * elements_;
  }

  // The one input that is no initializer.
  void read_input() {
    const Port* input = nullptr;
    int inputs = 0;
    for (const Port& port : model_.inputs) {
      if (values_.count(port.name) != 0) continue;
      input = &port;
      ++inputs;
    }
    if (inputs != 1)
      return fail("/graph/input", std::to_string(inputs) + " inputs that are no initializers",
                  "one: the images");
    values_[input->name] = {};
    const std::vector<std::int64_t>& dims = input->dims;
    const std::string place = "/graph/input/" + input->name;
    if (!input->is_float) return fail(place, "no tensor of FP32", "images in FP32");
    if (!input->has_shape || (dims.size() != 2 && dims.size() != 4))
      return fail(place, input->has_shape ? "dims " + shown_dims(dims) : "no shape",
                  "[N, C, H, W] or [N, F], with N fixed or free");
    for (std::size_t k = 1; k < dims.size(); ++k) {
      if (dims[k] < 1 || dims[k] > 65535)
        return fail(place, "dims " + shown_dims(dims), "fixed dims from 1 to 65535 behind the first");
    }
    if (dims[0] == 0) return fail(place, "dims " + shown_dims(dims), "a number of images");
    so_far_.batch_known = dims[0] > 0;
    so_far_.batch = dims[0];
    input_ = dims.size() == 4 ? Shape{dims[1], dims[2], dims[3]} : Shape{dims[1], 1, 1};
    Value value = images_value(-1, input_);
    if (dims.size() == 2) value.dims.resize(1);
    values_[input->name] = value;
  }

  // All that a node needs to be looked at; a finding otherwise.
  const Operator* operator_of(NodeImport& n) {
    const Node& node = n.node();
    const Operator* op =
        node.domain.empty() || node.domain == "ai.onnx" ? find_operator(node.op_type) : nullptr;
    if (op == nullptr) {
      n.fail("the operator " + (node.domain.empty() ? "" : node.domain + ".") + node.op_type,
             "one that a layer does: compiler/onnx/README.md");
    } else if (node.inputs.size() < op->least_inputs || node.inputs.size() > op->most_inputs) {
      n.fail(std::to_string(node.inputs.size()) + " inputs",
             op->least_inputs == op->most_inputs
                 ? std::to_string(op->least_inputs)
                 : std::to_string(op->least_inputs) + " to " + std::to_string(op->most_inputs));
      return nullptr;
    }
    return op;
  }

  void read_node(std::size_t number) {
    const Node& node = model_.nodes[number];
    std::vector<const Value*> inputs;
    std::vector<int> uses;
    std::string missing;
    for (const std::string& name : node.inputs) {
      const auto found = values_.find(name);
      inputs.push_back(name.empty() || found == values_.end() ? nullptr : &found->second);
      uses.push_back(uses_[name]);
      if (!name.empty() && found == values_.end()) missing = name;
    }
    NodeImport n(so_far_, node, place_ + "#/graph/node/" + std::to_string(number), inputs, uses);
    const Operator* op = operator_of(n);
    if (!missing.empty())
      n.fail("the input " + missing, "the first output of an earlier node, an initializer or the input");
    const bool known = std::none_of(inputs.begin(), inputs.end(), [](const Value* v) {
      return v != nullptr && v->kind == Value::Kind::kUnknown;
    });
    Value value;
    if (op != nullptr && missing.empty() && known) value = read_known(n, *op, inputs);
    if (!node.outputs.empty() && !values_.emplace(node.outputs[0], std::move(value)).second)
      n.fail("the output " + node.outputs[0], "a name that nothing else has");
  }

  Value read_known(NodeImport& n, const Operator& op, const std::vector<const Value*>& inputs) {
    const bool folds = std::all_of(inputs.begin(), inputs.end(),
                                   [](const Value* v) { return v == nullptr || v->is_constant(); });
    Value value;
    if (folds ? op.fold == nullptr : op.convert == nullptr) {
      n.fail(std::string(op.type) + (folds ? " of constants" : " of images"),
             folds ? "images" : "constants: shapes and weights");
    } else if (folds) {
      if (std::optional<Tensor> tensor = op.fold(n)) {
        count_folded(n, tensor->size());
        so_far_.sharing.add(n.node(), inputs, *tensor);
        value = constant_value(std::move(*tensor));
      }
    } else {
      op.convert(n);
      value = n.output();
    }
    if (!n.failed()) n.check_attributes();
    return n.failed() ? Value() : value;
  }

  void count_folded(NodeImport& n, std::size_t elements) {
    folded_ += elements;
    if (folded_ > allowed_)
      throw InputError(place_, shown_node(n.node()) + " makes more constants than the file has", "fewer");
  }

  void add_loss() {
    const auto found = values_.find(so_far_.output);
    if (found == values_.end())
      return fail("/graph/output", "the output " + so_far_.output, "an output of a node");
    const Value& value = found->second;
    if (value.kind == Value::Kind::kUnknown) return;
    if (!value.is_images() || value.layer < 0 || value.padded())
      return fail("/graph/output", "an output that no layer makes", "a number for each class");
    if (value.shape.height * value.shape.width > 1 && !value.has_pixels())
      return fail("/graph/output", "pixels of " + shown_dims(value.dims),
                  "[N, classes], or [N, classes, H, W] with a label for each pixel");
    const Json& last = so_far_.layers.at(static_cast<std::size_t>(value.layer));
    so_far_.layers.push_back({{"name", free_name("loss", so_far_.names)},
                              {"type", "softmax_cross_entropy"},
                              {"inputs", Json::array({last.at("name")})}});
  }

  Imported finish() {
    constexpr std::size_t kLongestName = 100;  // what the schema of networks takes
    const std::string name = beginning(printable(model_.name), kLongestName);
    Json network{{"name", name.empty() ? "network" : name}, {"layers", std::move(so_far_.layers)}};
    network["input"] = {{"channels", input_.channels},
                        {"height", input_.height},
                        {"width", input_.width},
                        {"scale", 1.0 / 255}};
    add_metadata(network);
    return {std::move(network), std::move(so_far_.values)};
  }

  // What export_model wrote beside the graph. What is wrong with the values, the schema says.
  void add_metadata(Json& network) const {
    const auto found = model_.metadata.find(kMetadata);
    if (found == model_.metadata.end()) return;
    const Json json =
        found->second.size() > kMostMetadata ? Json() : Json::parse(found->second, nullptr, false);
    if (!json.is_object() || !json.value("input", Json()).is_object() ||
        !json.value("layers", Json()).is_object() || !json.value("loss", Json()).is_object())
      throw InputError(place_ + "#/metadata_props/" + kMetadata, "no object with input, layers and loss",
                       "what anzan export has written");
    for (const char* key : kInputKeys) {
      if (json["input"].contains(key)) network["input"][key] = json["input"][key];
    }
    for (const char* key : kLossKeys) {
      if (json["loss"].contains(key)) network["layers"].back()[key] = json["loss"][key];
    }
    for (Json& layer : network["layers"]) {
      if (!layer["name"].is_string()) continue;
      const Json kept = json["layers"].value(layer["name"].get<std::string>(), Json());
      for (const char* key : kMultipliers) {
        if (kept.is_object() && kept.contains(key)) layer[key] = kept[key];
      }
      for (const char* key : kRounded) {
        if (kept.is_object() && kept.contains(key) && layer.contains(key))
          add_exact(layer[key], key, kept[key]);
      }
    }
  }

  // The number that was rounded to the one in the file, unless somebody has changed that.
  static void add_exact(Json& value, const char* key, const Json& kept) {
    const double exact = kept.is_number() ? kept.get<double>() : std::numeric_limits<double>::infinity();
    if (std::abs(exact) <= std::numeric_limits<float>::max() && as_read_back(key, exact) == value)
      value = exact;
  }

  const Model& model_;
  std::string place_;
  NetworkSoFar so_far_;
  Shape input_;
  std::vector<bool> needed_;
  std::map<std::string, int> uses_;
  std::map<std::string, Value> values_;
  std::size_t elements_ = 0, allowed_ = 0, folded_ = 0;
};

}  // namespace

Imported import_model(const Model& model, const std::string& place) {
  return GraphImport(model, place).import();
}

}  // namespace anzan::compiler::onnx
