// A node under way: what its translation sees of it, and what it adds to the network.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/input/initial_values.hpp"
#include "compiler/input/input_error.hpp"
#include "compiler/onnx/sharing.hpp"
#include "compiler/onnx/value.hpp"

namespace anzan::compiler::onnx {

// What has been made of the nodes so far.
struct NetworkSoFar {
  nlohmann::json layers = nlohmann::json::array();
  ParameterValues values;
  std::vector<Shape> outputs;        // of the layers
  std::map<std::string, int> names;  // that layers have, and a number that makes another one of each
  Sharing sharing;
  std::vector<InputFinding> findings;
  bool batch_known = false;
  std::int64_t batch = 0;  // the first dimension of the input, where it is fixed
  std::int64_t opset = 0;
  std::string output;  // the name of the graph's
};

class NodeImport {
 public:
  // `inputs` in the order of the node's; null: left out. `uses` says how many nodes read each of them.
  NodeImport(NetworkSoFar& so_far, const Node& node, std::string place, std::vector<const Value*> inputs,
             std::vector<int> uses);

  const Node& node() const { return node_; }
  NetworkSoFar& so_far() { return so_far_; }
  std::size_t inputs() const { return inputs_.size(); }
  bool has(std::size_t k) const { return k < inputs_.size() && inputs_[k] != nullptr; }
  const Value& input(std::size_t k) const { return *inputs_[k]; }
  bool read_once(std::size_t k) const { return uses_[k] == 1; }

  // A finding at the node; translations go on to find more, and make no value.
  void fail(const std::string& found, const std::string& expected);
  bool failed() const { return failed_; }

  // Attributes; each that is asked for is known, and the others are refused by check_attributes().
  std::int64_t integer(const char* name, std::int64_t otherwise);
  double number(const char* name, double otherwise);  // the shortest decimal that is the same FP32
  std::string text(const char* name, const std::string& otherwise);
  std::optional<std::vector<std::int64_t>> integers(const char* name);
  const Tensor* tensor(const char* name);
  void ignore(const char* name) { known_.insert(name); }
  void check_attributes();

  // Inputs of one kind, or a finding and null. Constants of a parameter have `dims` (-1: any).
  const Value* pixels(std::size_t k);
  bool are_pixels(const Value& images);  // else a finding that says why not
  const Value* images(std::size_t k);
  const Tensor* constant(std::size_t k, const std::string& what);
  const Tensor* floats(std::size_t k, const std::string& what, const std::vector<std::int64_t>& dims);
  std::optional<std::vector<std::int64_t>> whole_numbers(std::size_t k, const std::string& what);
  // A list that is an attribute in older versions, and input k in newer ones.
  std::optional<std::vector<std::int64_t>> list(const char* attribute, std::size_t k);
  std::optional<double> scalar(const char* attribute, std::size_t k);

  // A layer of the given type and keys behind these inputs. Its name is that of its weights or of the node.
  std::string layer_name(std::size_t weights = 0);
  void add_layer(const std::string& name, nlohmann::json keys, const std::vector<const Value*>& inputs);
  void add_values(const std::string& parameter, std::vector<float> values);
  // Input k as a parameter of the node's layer; null where it is one of another layer, too.
  const Tensor* parameter(std::size_t k, const std::string& what, const std::vector<std::int64_t>& dims);
  bool train(std::size_t k);

  void give(Value value) { output_ = std::move(value); }
  const Value& output() const { return output_; }

 private:
  const Attribute* find(const char* name, Attribute::Kind kind);
  void check_different(const std::vector<const Value*>& images);

  NetworkSoFar& so_far_;
  const Node& node_;
  std::string place_;
  std::vector<const Value*> inputs_;
  std::vector<int> uses_;
  std::set<std::string> known_;
  bool failed_ = false;
  Value output_;
};

// As a finding names a node: "node conv1 (Conv)".
std::string shown_node(const Node& node);
// "[2, N, -1]", where N stands for kBatch.
std::string shown_list(const std::vector<std::int64_t>& numbers);
// A number as the shortest decimal that rounds to it, read as a double.
double shortest(float number);
// The share of new batches in a running average, where ONNX has that of the average so far.
double share_of_new(double momentum);
// A name that a layer can have, and none of `taken` has; it is then one of them.
std::string free_name(const std::string& wanted, std::map<std::string, int>& taken);

}  // namespace anzan::compiler::onnx
