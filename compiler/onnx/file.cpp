// The only source that sees protobuf. Before protobuf allocates anything, the bytes are walked once: a
// message of two bytes becomes an object of hundreds.
#include "compiler/onnx/file.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "compiler/input/input_error.hpp"

namespace anzan::compiler::onnx {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;
using Wire = google::protobuf::internal::WireFormatLite;

constexpr std::int64_t kMostItems = std::int64_t{1} << 20;
constexpr int kMostDepth = 64;
constexpr double kMostElements = 2147483648.0;

// Walks the bytes of a message and counts what becomes an object of its own: messages, strings, integers.
class Walk {
 public:
  explicit Walk(const std::string& bytes)
      : in_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())) {}

  // Empty, or what is wrong.
  std::string check(const Descriptor* type) {
    if (message(type, 0) && items_ <= kMostItems) return "";
    if (items_ > kMostItems)
      return "more than " + std::to_string(kMostItems) + " nodes, names, attributes and integers";
    return "a broken protobuf message, at byte " + std::to_string(in_.CurrentPosition());
  }

 private:
  bool message(const Descriptor* type, int depth) {
    if (depth > kMostDepth) return false;
    while (items_ <= kMostItems) {
      const std::uint32_t tag = in_.ReadTag();
      if (tag == 0) return in_.ConsumedEntireMessage();
      if (!field(tag, type, depth)) return false;
    }
    return false;
  }

  bool field(std::uint32_t tag, const Descriptor* type, int depth) {
    const FieldDescriptor* known = type->FindFieldByNumber(Wire::GetTagFieldNumber(tag));
    switch (Wire::GetTagWireType(tag)) {
      case Wire::WIRETYPE_VARINT: {
        std::uint64_t value = 0;
        ++items_;
        return in_.ReadVarint64(&value);
      }
      case Wire::WIRETYPE_FIXED64:
        items_ += known == nullptr;
        return in_.Skip(8);
      case Wire::WIRETYPE_FIXED32:
        items_ += known == nullptr;
        return in_.Skip(4);
      case Wire::WIRETYPE_LENGTH_DELIMITED:
        return of_length(known, depth);
      default:
        return false;  // groups: no version of the format has any
    }
  }

  bool of_length(const FieldDescriptor* known, int depth) {
    std::uint32_t size = 0;
    if (!in_.ReadVarint32(&size) || size > kMostBytes) return false;
    ++items_;
    const bool is_message = known != nullptr && known->type() == FieldDescriptor::TYPE_MESSAGE;
    const auto length = static_cast<int>(size);
    if (!is_message) {
      const bool integers = known != nullptr && known->is_packable() &&
                            known->cpp_type() != FieldDescriptor::CPPTYPE_FLOAT &&
                            known->cpp_type() != FieldDescriptor::CPPTYPE_DOUBLE;
      if (integers) items_ += length;
      return in_.Skip(length);
    }
    const CodedInputStream::Limit limit = in_.PushLimit(length);
    if (in_.BytesUntilLimit() < length) return false;  // the message around it ends before
    const bool good = message(known->message_type(), depth + 1);
    in_.PopLimit(limit);
    return good;
  }

  CodedInputStream in_;
  std::int64_t items_ = 0;
};

template <class Message>
Message parsed(const std::string& bytes, const std::string& place, const char* expected) {
  if (bytes.size() > kMostBytes) throw InputError(place, "2 GiB or more", expected);
  if (bytes.empty()) throw InputError(place, "an empty file", expected);
  if (const std::string wrong = Walk(bytes).check(Message::descriptor()); !wrong.empty())
    throw InputError(place, wrong, expected);
  Message message;
  google::protobuf::io::ArrayInputStream raw(bytes.data(), static_cast<int>(bytes.size()));
  CodedInputStream stream(&raw);
  stream.SetTotalBytesLimit(std::numeric_limits<int>::max());
  if (!message.ParseFromCodedStream(&stream)) throw InputError(place, "a broken protobuf message", expected);
  return message;
}

// The elements that the dims ask for; none where they are no shape.
std::string count_of(const Tensor& tensor, std::size_t& count) {
  double size = 1;
  if (tensor.dims.size() > kMostAxes) return std::to_string(tensor.dims.size()) + " axes";
  for (const std::int64_t d : tensor.dims) {
    if (d < 0) return "dims " + shown_dims(tensor.dims);
    size *= static_cast<double>(d);
  }
  if (size >= kMostElements) return "dims " + shown_dims(tensor.dims);
  count = static_cast<std::size_t>(size);
  return "";
}

template <class Stored, class Value>
void from_raw(const std::string& raw, std::vector<Value>& values) {
  values.resize(raw.size() / sizeof(Stored));
  if constexpr (std::is_same_v<Stored, Value>) {  // both are little-endian
    if (!values.empty()) std::memcpy(values.data(), raw.data(), raw.size());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, raw.data() + i * sizeof stored, sizeof stored);  // both are little-endian
    values[i] = static_cast<Value>(stored);
  }
}

// From raw_data, or from the field that the type has for itself.
template <class Stored, class Field, class Value>
void read_values(const ::onnx::TensorProto& proto, const Field& field, std::vector<Value>& values) {
  if (!proto.has_raw_data()) {
    values.assign(field.begin(), field.end());
  } else if (proto.raw_data().size() % sizeof(Stored) == 0) {
    from_raw<Stored>(proto.raw_data(), values);
  }
}

std::string read_elements(const ::onnx::TensorProto& proto, Tensor& tensor) {
  switch (proto.data_type()) {
    case ::onnx::TensorProto::FLOAT:
      read_values<float>(proto, proto.float_data(), tensor.floats);
      break;
    case ::onnx::TensorProto::DOUBLE:
      read_values<double>(proto, proto.double_data(), tensor.floats);
      break;
    case ::onnx::TensorProto::INT64:
      read_values<std::int64_t>(proto, proto.int64_data(), tensor.integers);
      break;
    case ::onnx::TensorProto::INT32:
      read_values<std::int32_t>(proto, proto.int32_data(), tensor.integers);
      break;
    default: {
      const int type = proto.data_type();
      return "values of type " +
             (::onnx::TensorProto::DataType_IsValid(type)
                  ? ::onnx::TensorProto::DataType_Name(static_cast<::onnx::TensorProto::DataType>(type))
                  : std::to_string(type));
    }
  }
  for (const float v : tensor.floats) {
    if (!std::isfinite(v)) return "a value that is not finite";
  }
  return "";
}

Tensor tensor_of(const ::onnx::TensorProto& proto) {
  Tensor tensor;
  tensor.name = proto.name();
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());
  tensor.is_float =
      proto.data_type() != ::onnx::TensorProto::INT64 && proto.data_type() != ::onnx::TensorProto::INT32;
  std::size_t count = 0;
  tensor.problem = count_of(tensor, count);
  if (!tensor.problem.empty()) return tensor;
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    tensor.problem = "values in another file";
  } else if (proto.has_segment()) {
    tensor.problem = "a part of a tensor";
  } else {
    tensor.problem = read_elements(proto, tensor);
    if (tensor.problem.empty() && tensor.size() != count)
      tensor.problem =
          std::to_string(tensor.size()) + " values where the dims are " + shown_dims(tensor.dims);
  }
  if (!tensor.problem.empty()) {
    tensor.floats.clear();
    tensor.integers.clear();
  }
  return tensor;
}

Attribute attribute_of(const ::onnx::AttributeProto& proto) {
  using Kind = Attribute::Kind;
  Attribute a;
  a.name = proto.name();
  a.number = proto.f();
  a.integer = proto.i();
  a.text = proto.s();
  a.integers.assign(proto.ints().begin(), proto.ints().end());
  a.numbers.assign(proto.floats().begin(), proto.floats().end());
  if (proto.has_t()) a.tensor.push_back(tensor_of(proto.t()));
  switch (proto.type()) {
    case ::onnx::AttributeProto::FLOAT:
      a.kind = Kind::kFloat;
      break;
    case ::onnx::AttributeProto::INT:
      a.kind = Kind::kInteger;
      break;
    case ::onnx::AttributeProto::STRING:
      a.kind = Kind::kText;
      break;
    case ::onnx::AttributeProto::INTS:
      a.kind = Kind::kIntegers;
      break;
    case ::onnx::AttributeProto::FLOATS:
      a.kind = Kind::kFloats;
      break;
    case ::onnx::AttributeProto::TENSOR:
      a.kind = proto.has_t() ? Kind::kTensor : Kind::kOther;
      break;
    default:
      break;
  }
  return a;
}

Port port_of(const ::onnx::ValueInfoProto& proto) {
  Port port;
  port.name = proto.name();
  const auto& type = proto.type().tensor_type();
  port.is_float = proto.type().has_tensor_type() && type.elem_type() == ::onnx::TensorProto::FLOAT;
  port.has_shape = type.has_shape();
  for (const auto& d : type.shape().dim()) port.dims.push_back(d.has_dim_value() ? d.dim_value() : -1);
  return port;
}

Node node_of(const ::onnx::NodeProto& proto) {
  Node node{proto.name(), proto.op_type(), proto.domain(), {}, {}, {}};
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  for (const auto& a : proto.attribute()) node.attributes.push_back(attribute_of(a));
  return node;
}

bool is_usual(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

void add(const Tensor& tensor, ::onnx::TensorProto& proto) {
  proto.set_name(tensor.name);
  for (const std::int64_t d : tensor.dims) proto.add_dims(d);
  std::string& raw = *proto.mutable_raw_data();
  if (tensor.is_float) {
    proto.set_data_type(::onnx::TensorProto::FLOAT);
    raw.assign(reinterpret_cast<const char*>(tensor.floats.data()), tensor.floats.size() * sizeof(float));
  } else {
    proto.set_data_type(::onnx::TensorProto::INT64);
    raw.assign(reinterpret_cast<const char*>(tensor.integers.data()),
               tensor.integers.size() * sizeof(std::int64_t));
  }
}

void add(const Attribute& a, ::onnx::AttributeProto& proto) {
  using Kind = Attribute::Kind;
  proto.set_name(a.name);
  switch (a.kind) {
    case Kind::kFloat:
      proto.set_type(::onnx::AttributeProto::FLOAT);
      proto.set_f(a.number);
      break;
    case Kind::kInteger:
      proto.set_type(::onnx::AttributeProto::INT);
      proto.set_i(a.integer);
      break;
    case Kind::kText:
      proto.set_type(::onnx::AttributeProto::STRING);
      proto.set_s(a.text);
      break;
    case Kind::kIntegers:
      proto.set_type(::onnx::AttributeProto::INTS);
      for (const std::int64_t i : a.integers) proto.add_ints(i);
      break;
    case Kind::kFloats:
      proto.set_type(::onnx::AttributeProto::FLOATS);
      for (const float f : a.numbers) proto.add_floats(f);
      break;
    case Kind::kTensor:
      proto.set_type(::onnx::AttributeProto::TENSOR);
      add(a.tensor.at(0), *proto.mutable_t());
      break;
    case Kind::kOther:
      throw std::invalid_argument("an attribute without a kind");
  }
}

void add(const Port& port, ::onnx::ValueInfoProto& proto) {
  proto.set_name(port.name);
  auto& type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  for (const std::int64_t d : port.dims) {
    auto& dim = *type.mutable_shape()->add_dim();
    d < 0 ? dim.set_dim_param("N") : dim.set_dim_value(d);
  }
}

void add(const Node& node, ::onnx::NodeProto& proto) {
  proto.set_name(node.name);
  proto.set_op_type(node.op_type);
  for (const std::string& name : node.inputs) proto.add_input(name);
  for (const std::string& name : node.outputs) proto.add_output(name);
  for (const Attribute& a : node.attributes) add(a, *proto.add_attribute());
}

}  // namespace

Model parse_model(const std::string& bytes, const std::string& place) {
  const auto proto = parsed<::onnx::ModelProto>(bytes, place, "an ONNX model");
  if (!proto.has_graph()) throw InputError(place, "no graph", "an ONNX model");
  Model model;
  for (const auto& set : proto.opset_import()) {
    if (is_usual(set.domain())) model.opset = set.version();
  }
  if (proto.functions_size() > 0)
    throw InputError(place, "functions of its own", "a model of operators alone (inline the functions)");
  const ::onnx::GraphProto& graph = proto.graph();
  model.name = graph.name();
  for (const auto& node : graph.node()) model.nodes.push_back(node_of(node));
  for (const auto& tensor : graph.initializer()) model.initializers.push_back(tensor_of(tensor));
  for (const auto& tensor : graph.sparse_initializer()) {
    model.initializers.emplace_back();
    model.initializers.back().name = tensor.values().name();
    model.initializers.back().problem = "a sparse tensor";
  }
  for (const auto& port : graph.input()) model.inputs.push_back(port_of(port));
  for (const auto& port : graph.output()) model.outputs.push_back(port_of(port));
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  return model;
}

std::string model_bytes(const Model& model) {
  constexpr std::int64_t kIrVersion = 7;  // of ONNX 1.7, which every reader of today knows
  ::onnx::ModelProto proto;
  proto.set_ir_version(kIrVersion);
  proto.set_producer_name("anzan");
  proto.add_opset_import()->set_version(model.opset);
  ::onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_name(model.name);
  double size = 0;
  for (const Tensor& tensor : model.initializers) size += 8.0 * static_cast<double>(tensor.size());
  if (size / 2 > kMostBytes)
    throw std::length_error("weights of more than 2 GiB do not fit into an ONNX file");
  for (const Node& node : model.nodes) add(node, *graph.add_node());
  for (const Tensor& tensor : model.initializers) add(tensor, *graph.add_initializer());
  for (const Port& port : model.inputs) add(port, *graph.add_input());
  for (const Port& port : model.outputs) add(port, *graph.add_output());
  for (const auto& [key, value] : model.metadata) {
    auto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string bytes;
  if (proto.ByteSizeLong() > kMostBytes || !proto.SerializeToString(&bytes))
    throw std::length_error("weights of more than 2 GiB do not fit into an ONNX file");
  return bytes;
}

Tensor parse_tensor(const std::string& bytes, const std::string& place) {
  return tensor_of(parsed<::onnx::TensorProto>(bytes, place, "a tensor of ONNX"));
}

}  // namespace anzan::compiler::onnx
