// Changes go through the importer's own structs: what they can hold, a file can.
#include "tests/fuzz/onnx_files.hpp"

#include <limits>

#include "compiler/input/network.hpp"
#include "compiler/onnx/export.hpp"
#include "compiler/onnx/file.hpp"
#include "compiler/onnx/operators.hpp"

namespace anzan::fuzz {
namespace {

using compiler::onnx::Attribute;
using compiler::onnx::Model;
using compiler::onnx::Node;
using compiler::onnx::Tensor;

std::int64_t odd_integer(Draw& draw) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min(),
                         kMost = std::numeric_limits<std::int64_t>::max();
  return pick(draw, std::vector<std::int64_t>{0, 1, -1, 2, 3, 5, 7, 16, 255, -2, -3, 65535, 65536, 1 << 20,
                                              2147483647, 4294967296, kLeast, kLeast + 1, kMost});
}

// Any name that is in the model, or none of them.
std::string any_name(Draw& draw, const Model& m) {
  std::vector<std::string> names{"", "nobody", "data"};
  for (const Node& node : m.nodes) names.insert(names.end(), node.outputs.begin(), node.outputs.end());
  for (const Tensor& tensor : m.initializers) names.push_back(tensor.name);
  return pick(draw, names);
}

template <class T>
void change_list(Draw& draw, std::vector<T>& list, const T& value) {
  const int kind = draw.from(0, 9);
  if (list.empty() || kind == 0) {
    list.push_back(value);
  } else if (kind == 1) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(draw.from<std::size_t>(0, list.size() - 1)));
  } else if (kind == 2) {
    list.resize(draw.from<std::size_t>(0, 20), value);
  } else {
    list[draw.from<std::size_t>(0, list.size() - 1)] = value;
  }
}

std::string any_type(Draw& draw) {
  const auto& table = compiler::onnx::operators();
  return draw.chance(10) ? "Softplus" : table[draw.from<std::size_t>(0, table.size() - 1)].type;
}

Attribute& any_attribute(Draw& draw, Node& node) {
  if (node.attributes.empty() || draw.chance(20)) {
    Attribute a;
    a.name = draw.one_of({"axis", "pads", "strides", "kernel_shape", "group", "alpha", "to", "auto_pad",
                          "perm", "axes", "keepdims", "value", "size", "transB", "shape"});
    a.kind = static_cast<Attribute::Kind>(draw.from(0, 4));
    node.attributes.push_back(a);
  }
  return node.attributes[draw.from<std::size_t>(0, node.attributes.size() - 1)];
}

void change_attribute(Draw& draw, Node& node) {
  Attribute& a = any_attribute(draw, node);
  if (draw.chance(10)) a.name = draw.one_of({"axis", "pads", "nothing", ""});
  a.integer = odd_integer(draw);
  a.number = draw.one_of({0.0F, -1.0F, 1e-30F, 1e30F, std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()});
  a.text = draw.one_of({"SAME_UPPER", "SAME_LOWER", "VALID", "reflect", ""});
  change_list(draw, a.integers, odd_integer(draw));
}

void change_node(Draw& draw, Model& m) {
  if (m.nodes.empty()) return;
  const auto at = draw.from<std::size_t>(0, m.nodes.size() - 1);
  Node& node = m.nodes[at];
  const int kind = draw.from(0, 19);
  if (kind < 3) {
    node.op_type = any_type(draw);
  } else if (kind < 8) {
    change_attribute(draw, node);
  } else if (kind < 12) {
    change_list(draw, node.inputs, any_name(draw, m));
  } else if (kind < 13) {
    change_list(draw, node.outputs, any_name(draw, m));
  } else if (kind < 14) {
    node.name = draw.one_of({"", "data", "\x1b[2J", "0", "loss"});
  } else if (kind < 16) {
    m.nodes.erase(m.nodes.begin() + static_cast<std::ptrdiff_t>(at));
  } else if (kind < 18) {
    std::swap(node, m.nodes[draw.from<std::size_t>(0, m.nodes.size() - 1)]);
  } else if (kind < 19) {
    // in between: the same node again, behind its own output
    Node again = node;
    if (!again.outputs.empty()) {
      change_list(draw, again.inputs, node.outputs[0]);
      again.outputs[0] += "_";
    }
    again.op_type = draw.chance(50) ? any_type(draw) : again.op_type;
    m.nodes.insert(m.nodes.begin() + static_cast<std::ptrdiff_t>(at) + 1, again);
  } else if (draw.chance(8)) {
    m.nodes.resize(draw.chance(50) ? 60000 : 100000, Node(node));
  }
}

void change_tensor(Draw& draw, Model& m) {
  if (m.initializers.empty()) return;
  Tensor& t = m.initializers[draw.from<std::size_t>(0, m.initializers.size() - 1)];
  const int kind = draw.from(0, 9);
  if (kind < 4) {
    change_list(draw, t.dims, odd_integer(draw));
  } else if (kind < 6) {
    change_list(draw, t.integers, odd_integer(draw));
    change_list(draw, t.floats, std::numeric_limits<float>::infinity());
  } else if (kind < 7) {
    t.is_float = !t.is_float;
  } else if (kind < 9) {
    t.name = any_name(draw, m);
  } else {
    Tensor copy = t;
    m.initializers.push_back(copy);
  }
}

void change_port(Draw& draw, Model& m) {
  auto& ports = draw.chance(80) ? m.inputs : m.outputs;
  if (ports.empty() || draw.chance(10)) return ports.push_back({any_name(draw, m), true, true, {1, 2, 3, 4}});
  auto& port = ports[draw.from<std::size_t>(0, ports.size() - 1)];
  if (draw.chance(70))
    change_list(draw, port.dims, odd_integer(draw));
  else
    port.name = any_name(draw, m);
}

}  // namespace

std::string onnx_file(Draw& draw, const Json& network) {
  const compiler::Network parsed = compiler::parse_network(network);
  compiler::ParameterValues values;
  for (const auto& [name, size] : compiler::parameter_sizes(parsed)) {
    for (std::int64_t k = 0; k < size; ++k)
      values[name].push_back(static_cast<float>(draw.from(0, 2000)) / 4000 + 0.01F);
  }
  return compiler::onnx::model_bytes(compiler::onnx::export_model(parsed, values));
}

std::string changed_onnx(Draw& draw, const std::string& bytes) {
  Model m = compiler::onnx::parse_model(bytes, "model.onnx");
  for (int changes = draw.from(1, 3); changes > 0; --changes) {
    const int kind = draw.from(0, 9);
    if (kind < 6) {
      change_node(draw, m);
    } else if (kind < 8) {
      change_tensor(draw, m);
    } else if (kind < 9) {
      change_port(draw, m);
    } else if (draw.chance(50)) {
      m.opset = odd_integer(draw);
    } else {
      m.metadata[compiler::onnx::kMetadata] = draw.one_of(
          {"{}", "[1]", "{\"input\": {\"scale\": \"x\"}, \"layers\": {}, \"loss\": {\"name\": 1}}",
           "{\"input\": {\"offset\": []}, \"layers\": {}, \"loss\": {}}",
           "{\"input\": {}, \"layers\": {}, \"loss\": {}}", "{"});
    }
  }
  return compiler::onnx::model_bytes(m);
}

}  // namespace anzan::fuzz
