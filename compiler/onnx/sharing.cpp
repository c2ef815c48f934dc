// Values that differ among themselves are drawn or trained: two parameters that have the same are one.
// Those of one number may be what layers begin with.
#include "compiler/onnx/sharing.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace anzan::compiler::onnx {
namespace {

// What a new layer may begin with as any other: a list of one number; a single one, where it is 0 or 1.
bool may_be_initial(const Tensor& t) {
  const auto longest = t.dims.empty() ? 1 : *std::max_element(t.dims.begin(), t.dims.end());
  if (t.floats.empty() || static_cast<std::int64_t>(t.size()) != longest) return false;
  const float first = t.floats[0];
  if (t.size() == 1) return first == 0 || first == 1;
  return std::all_of(t.floats.begin(), t.floats.end(), [&](float f) { return f == first; });
}

struct ByContent {
  bool operator()(const Tensor* a, const Tensor* b) const {
    if (a->dims != b->dims) return a->dims < b->dims;
    return std::lexicographical_compare(
        a->floats.begin(), a->floats.end(), b->floats.begin(), b->floats.end(), [](float x, float y) {
          return std::make_pair(x, std::signbit(x)) < std::make_pair(y, std::signbit(y));
        });
  }
};

// Whether two initializers are equal. Single numbers say nothing, since tools add them; nor do long lists,
// which some tools never compare.
bool has_equal_initializers(const Model& model) {
  constexpr std::size_t kLongest = 1024;
  std::set<std::string> used;
  for (const Node& node : model.nodes) used.insert(node.inputs.begin(), node.inputs.end());
  std::set<const Tensor*, ByContent> seen;
  return std::any_of(model.initializers.begin(), model.initializers.end(), [&](const Tensor& t) {
    const bool says = t.is_float && t.size() > 1 && t.size() <= kLongest && used.count(t.name) != 0;
    return says && !seen.insert(&t).second;
  });
}

bool has_identities_of_initializers(const Model& model) {
  std::set<std::string> initializers;
  for (const Tensor& t : model.initializers) initializers.insert(t.name);
  return std::any_of(model.nodes.begin(), model.nodes.end(), [&](const Node& node) {
    return node.op_type == "Identity" && node.inputs.size() == 1 && initializers.count(node.inputs[0]) != 0;
  });
}

// Whether the elements of `made` come from `input`: shapes and factors only say what is done with others.
bool has_elements_of(const Node& node, const Tensor& made, const Tensor& input) {
  if (node.op_type == "Concat") return true;
  const bool of_its_type = input.is_float == made.is_float || node.op_type == "Cast";
  return of_its_type && (input.size() > 1 || made.size() == 1);
}

}  // namespace

void Sharing::look_at(const Model& model) {
  equal_apart_ = has_equal_initializers(model);
  repeats_by_nodes_ = has_identities_of_initializers(model);
}

void Sharing::add(const Node& node, const std::vector<const Value*>& inputs, const Tensor& made) {
  // a parameter with a name of its own, which an exporter has found to be equal to another
  if (node.op_type == "Identity" && !equal_apart_ && may_be_initial(made)) return;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (inputs[k] != nullptr && has_elements_of(node, made, *inputs[k]->constant))
      made_of_[node.outputs.at(0)].push_back(node.inputs[k]);
  }
}

std::optional<Sharing::Other> Sharing::train(const std::string& name, const Tensor& values,
                                             const Node& node) {
  const bool initial = may_be_initial(values), names_tell = equal_apart_ || repeats_by_nodes_;
  std::set<std::string> seen;
  std::vector<std::string> left{name};
  while (!left.empty()) {
    const std::string constant = std::move(left.back());
    left.pop_back();
    if (!seen.insert(constant).second) continue;
    const auto [other, is_new] = trained_by_.emplace(constant, &node);
    if (is_new) {
      const std::vector<std::string>& from = made_of_[constant];
      left.insert(left.end(), from.begin(), from.end());
    } else if (!initial || (names_tell && other->second != &node)) {
      return Other{constant, other->second};
    }
  }
  return {};
}

}  // namespace anzan::compiler::onnx
