// An ONNX model as plain structs: of the format's messages what networks are made of. Names of fields follow
// the specification (onnx.ai/onnx/repo-docs/IR.html).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace anzan::compiler::onnx {

inline constexpr std::size_t kMostAxes = 16;  // of a tensor

// A tensor of FP32 or of integers; `problem` says why it has no values.
struct Tensor {
  std::string name;
  std::vector<std::int64_t> dims;
  bool is_float = true;
  std::vector<float> floats;           // where it is
  std::vector<std::int64_t> integers;  // where it is not
  std::string problem;
  std::size_t size() const { return is_float ? floats.size() : integers.size(); }
};

struct Attribute {
  std::string name;
  enum class Kind { kFloat, kInteger, kText, kIntegers, kFloats, kTensor, kOther } kind = Kind::kOther;
  float number = 0;
  std::int64_t integer = 0;
  std::string text;
  std::vector<std::int64_t> integers;
  std::vector<float> numbers;
  std::vector<Tensor> tensor;  // one, if any
};

struct Node {
  std::string name, op_type, domain;
  std::vector<std::string> inputs, outputs;  // an empty name: left out
  std::vector<Attribute> attributes;
};

// What goes in or out; a dimension below 0 is free.
struct Port {
  std::string name;
  bool is_float = false, has_shape = false;
  std::vector<std::int64_t> dims;
};

struct Model {
  std::string name;
  std::int64_t opset = 0;  // version of the operators of the domain ai.onnx
  std::vector<Node> nodes;
  std::vector<Tensor> initializers;
  std::vector<Port> inputs, outputs;
  std::map<std::string, std::string> metadata;
};

// "[2, 3]"
std::string shown_dims(const std::vector<std::int64_t>& dims);

}  // namespace anzan::compiler::onnx
