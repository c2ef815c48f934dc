// What the layers of a step in stored integers are given and leave behind: tensors by name, and what was
// counted of them.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "compiler/input/network.hpp"
#include "compiler/input/parameters.hpp"
#include "tests/reference/integer_graph.hpp"
#include "tests/reference/numbers.hpp"

namespace anzan::reference {

struct StepSettings {
  std::int64_t batch = 1, lanes = 16;
  std::uint32_t seed = 0, step = 0;
  double learning_rate = 0.01, momentum = 0.9, weight_decay = 5e-4;
  bool nesterov = false;
  compiler::OptimizerKind optimizer = compiler::OptimizerKind::kSgd;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, clip_norm = 0;
};

inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
inline long double positive_part(long double value) { return value > 0 ? value : 0.0L; }

// Calls visit(n, c, y, x) for the elements of a tensor in logical order.
template <class Visit>
void visit_elements(const IntegerGraph::TensorShape& shape, const Visit& visit) {
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t c = 0; c < shape[1]; ++c)
      for (std::int64_t y = 0; y < shape[2]; ++y)
        for (std::int64_t x = 0; x < shape[3]; ++x) visit(n, c, y, x);
}

// A fold by FP32 addition that starts with its first term; +0 without terms.
class Fold {
 public:
  void add(float term) {
    sum_ = started_ ? sum_ + term : term;
    started_ = true;
  }
  float sum() const { return sum_; }

 private:
  float sum_ = 0;
  bool started_ = false;
};

// 1 / sqrt(x), x > 0: a first guess from the bits, then y += y (1/2 - x/2 y y), three times.
float inverse_root(float x);

struct IntegerState {
  using Node = IntegerGraph::Node;
  using TensorShape = IntegerGraph::TensorShape;
  using Formats = std::map<std::string, TensorFormat>;
  // Of a channel of a batch normalisation.
  struct Moments {
    float mean = 0, variance = 0, inverse_deviation = 0;
    float sum = 0, weight_gradient = 0;  // backward: of dy, of the weight
  };

  IntegerState(const compiler::Network& network, Formats formats_of_tensors, const StepSettings& step);

  const compiler::Network& network() const { return graph.network(); }
  StoredTensor create(const std::string& name, const TensorShape& shape) const;
  // What stands in the tensor; throws std::invalid_argument if nothing does.
  const StoredTensor& tensor(const std::string& name) const;
  // Stores value(i, n, c, y, x) for every element i in logical order, and counts it.
  template <class Value>
  void write(const std::string& name, const TensorShape& shape, const Value& value) {
    StoredTensor tensor = create(name, shape);
    Statistics& counters = statistics[name];
    std::int64_t i = 0;
    visit_elements(tensor.shape, [&](std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
      writer.store(tensor, i, value(i, n, c, y, x), &counters);
      ++i;
    });
    tensors.insert_or_assign(name, std::move(tensor));
  }
  void write_values(const std::string& name, const TensorShape& shape, const std::vector<float>& values);
  // Counts values that are not stored.
  void count(const std::string& name, const std::vector<float>& values);

  IntegerGraph graph;
  Formats formats;
  StepSettings settings;
  Writer writer;
  std::map<std::string, StoredTensor> tensors;
  std::map<std::string, Statistics> statistics;
  std::map<std::string, std::vector<std::int64_t>> chosen;  // by max pool layer: input element of each output
  std::map<std::string, std::vector<Moments>> moments;      // by batch normalisation: of its channels
  bool training = true;
};

}  // namespace anzan::reference
