// Operators that become layers, and the table of all.
#include "compiler/onnx/operators.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "compiler/input/layer_shapes.hpp"
#include "compiler/onnx/folding.hpp"
#include "compiler/onnx/reshaping.hpp"

namespace anzan::compiler::onnx {
namespace {

using Json = nlohmann::json;
using Dims = std::vector<std::int64_t>;

// Two numbers of an attribute, or ones.
Dims pair_of(NodeImport& n, const char* name) {
  const Dims pair = n.integers(name).value_or(Dims{1, 1});
  if (pair.size() == 2) return pair;
  n.fail(std::string(name) + " " + shown_list(pair), "two numbers: images have rows and columns");
  return {1, 1};
}

// Keys of a window. `before`: zeros that a Pad has put around the input.
Json window(NodeImport& n, const char* type, const Dims& kernel, const std::array<std::int64_t, 4>& before) {
  Json keys{{"type", type}, {"kernel", kernel}};
  keys["stride"] = pair_of(n, "strides");
  keys["dilation"] = pair_of(n, "dilations");
  const std::string automatic = n.text("auto_pad", "NOTSET");
  Dims pads = n.integers("pads").value_or(Dims{0, 0, 0, 0});
  if (automatic == "VALID") pads = {0, 0, 0, 0};
  if (pads.size() != 4 || *std::min_element(pads.begin(), pads.end()) < 0) {
    n.fail("pads " + shown_list(pads), "four numbers from 0 on");
    return keys;
  }
  for (std::size_t side = 0; side < 4; ++side) pads[side] += before[side];
  keys["padding"] = pads;
  if (automatic == "NOTSET" || automatic == "VALID") return keys;
  const bool upper = automatic == "SAME_UPPER";
  if ((!upper && automatic != "SAME_LOWER") || before != std::array<std::int64_t, 4>{})
    n.fail("auto_pad " + automatic, "SAME_UPPER or SAME_LOWER without a Pad before, or NOTSET or VALID");
  keys["padding"] = upper ? "same" : "same_lower";
  return keys;
}

void add_bias(NodeImport& n, const std::string& layer, std::size_t k, std::int64_t channels) {
  if (!n.has(k)) return;
  if (const Tensor* bias = n.parameter(k, "a bias", {channels})) n.add_values(layer + ".bias", bias->floats);
}

void convolution(NodeImport& n) {
  const Tensor* w = n.parameter(1, "weights", {-1, -1, -1, -1});
  if (!n.has(0) || !n.input(0).is_images()) n.fail("a constant as input 0", "images");
  if (w == nullptr || n.failed()) return;
  Value x = n.input(0);
  const auto before = x.pad;
  x.pad = {};
  if (!n.are_pixels(x)) return;
  const Dims kernel{w->dims[2], w->dims[3]};
  const Dims said = n.integers("kernel_shape").value_or(kernel);
  const std::int64_t groups = n.integer("group", 1);
  if (said != kernel)
    n.fail("kernel_shape " + shown_list(said), "that of the weights, " + shown_dims(kernel));
  if (groups < 1 || w->dims[1] * groups != x.shape.channels)
    n.fail("weights of dims " + shown_dims(w->dims) + " in " + std::to_string(groups) + " groups",
           "weights for the input's " + std::to_string(x.shape.channels) + " channels");
  Json keys = window(n, "convolution", kernel, before);
  keys["channels"] = w->dims[0];
  keys["groups"] = groups;
  keys["bias"] = n.has(2);
  const std::string name = n.layer_name(1);
  add_bias(n, name, 2, w->dims[0]);
  n.add_values(name + ".weight", w->floats);
  n.add_layer(name, keys, {&x});
}

// Weights [outputs, inputs], or the other way round.
void fully_connected(NodeImport& n, bool outputs_first, float factor, const std::vector<float>* bias) {
  const Value* x = n.images(0);
  const Tensor* w = n.parameter(1, "weights", {-1, -1});
  if (x == nullptr || w == nullptr) return;
  const std::int64_t outputs = w->dims[outputs_first ? 0 : 1], inputs = w->dims[outputs_first ? 1 : 0];
  if (!x->is_vector() || x->dims[0] != inputs) {
    n.fail("images of the shape " + shown_dims(x->dims) + " and weights of dims " + shown_dims(w->dims),
           "a list of numbers an image, and weights for them");
    return;
  }
  std::vector<float> values = w->floats;
  const auto rows = static_cast<std::size_t>(outputs), columns = static_cast<std::size_t>(inputs);
  for (std::size_t o = 0; o < rows && !(outputs_first && factor == 1); ++o) {
    for (std::size_t i = 0; i < columns; ++i)
      values[o * columns + i] = factor * w->floats[outputs_first ? o * columns + i : i * rows + o];
  }
  const std::string name = n.layer_name(1);
  if (bias != nullptr) n.add_values(name + ".bias", *bias);
  n.add_values(name + ".weight", std::move(values));
  n.add_layer(name, {{"type", "fully_connected"}, {"channels", outputs}, {"bias", bias != nullptr}}, {x});
  if (!n.failed()) n.give(as_vector(n.output()));
}

void matrix_product(NodeImport& n) { fully_connected(n, false, 1, nullptr); }

void general_matrix_product(NodeImport& n) {
  const auto factor = static_cast<float>(n.number("alpha", 1)),
             beta = static_cast<float>(n.number("beta", 1));
  const bool outputs_first = n.integer("transB", 0) != 0;
  n.ignore("broadcast");
  if (n.integer("transA", 0) != 0) n.fail("transA", "images as rows");
  if (!n.has(2)) return fully_connected(n, outputs_first, factor, nullptr);
  const Tensor *bias = n.constant(2, "a bias"), *w = n.floats(1, "weights", {-1, -1});
  if (bias == nullptr || w == nullptr || n.failed()) return;
  const std::int64_t outputs = w->dims[outputs_first ? 0 : 1];
  Dims dims = bias->dims;
  if (dims.size() == 2 && dims[0] == 1) dims.erase(dims.begin());
  if (!bias->is_float || dims.size() > 1 || (bias->size() != 1 && dims[0] != outputs))
    return n.fail("a bias of dims " + shown_dims(bias->dims), std::to_string(outputs) + " FP32, or one");
  if (static_cast<std::int64_t>(bias->size()) == outputs) n.train(2);
  std::vector<float> values(static_cast<std::size_t>(outputs));
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = beta * bias->floats[bias->size() == 1 ? 0 : k];
  fully_connected(n, outputs_first, factor, &values);
}

void pool(NodeImport& n, const char* type, bool average) {
  const Value* x = n.pixels(0);
  const auto kernel = n.integers("kernel_shape");
  if (!kernel || kernel->size() != 2) n.fail("no kernel_shape of two numbers", "kernel_shape");
  if (x == nullptr || n.failed()) return;
  Json keys = window(n, type, *kernel, {});
  keys["ceil_mode"] = n.integer("ceil_mode", 0) != 0;
  if (average) keys["count_include_pad"] = n.integer("count_include_pad", 0) != 0;
  if (!average) n.ignore("storage_order");  // of the indices, which nobody has
  n.add_layer(n.layer_name(), keys, {x});
}
void max_pool(NodeImport& n) { pool(n, "max_pool", false); }
void average_pool(NodeImport& n) { pool(n, "average_pool", true); }

void global_average(NodeImport& n) {
  if (const Value* x = n.pixels(0)) n.add_layer(n.layer_name(), {{"type", "global_average_pool"}}, {x});
}

void global_maximum(NodeImport& n) {
  const Value* x = n.pixels(0);
  if (x == nullptr) return;
  n.add_layer(n.layer_name(), {{"type", "max_pool"}, {"kernel", {x->shape.height, x->shape.width}}}, {x});
}

// The layer just added, as images of these dims.
void see_as(NodeImport& n, const Dims& dims) {
  if (n.failed()) return;
  Value y = n.output();
  y.dims = dims;
  n.give(y);
}

// Over all pixels: of [N, C, H, W] or [N, C, H * W].
void mean(NodeImport& n) {
  const Value* x = n.images(0);
  const auto axes = n.list("axes", 1);
  const bool keeps = n.integer("keepdims", 1) != 0;
  n.ignore("noop_with_empty_axes");
  if (x == nullptr || n.failed()) return;
  const auto sorted = axes ? sorted_axes(n, *axes, x->dims.size() + 1) : Dims{};
  if (!sorted) return;
  Dims pixels;
  for (std::size_t k = 1; k < x->dims.size(); ++k) pixels.push_back(static_cast<std::int64_t>(k) + 1);
  if (x->dims.size() < 2 || x->dims[0] != x->shape.channels || *sorted != pixels)
    return n.fail(
        "a mean over axes " + shown_dims(*sorted) + " of images of the shape " + shown_dims(x->dims),
        "over all pixels of each channel");
  n.add_layer(n.layer_name(), {{"type", "global_average_pool"}}, {x});
  Dims dims{x->shape.channels};
  if (keeps) dims.resize(x->dims.size(), 1);
  see_as(n, dims);
}

void batch_norm(NodeImport& n) {
  const Value* x = n.images(0);
  const double momentum = n.number("momentum", 0.9);
  const double epsilon = n.number("epsilon", 1e-5);
  for (const char* name : {"training_mode", "is_test", "consumed_inputs"}) n.ignore(name);
  if (n.integer("spatial", 1) != 1) n.fail("spatial 0", "one mean and variance a channel");
  if (!(momentum >= 0 && momentum <= 1)) n.fail("momentum " + shown_json(momentum), "a number from 0 to 1");
  if (x == nullptr) return;
  if (!x->has_pixels() && !(x->is_vector() && x->dims[0] == x->shape.channels))
    return n.fail("images of the shape " + shown_dims(x->dims),
                  "images of channels, or of channels and pixels");
  const std::string name = n.layer_name(1);
  const char* const suffixes[] = {".weight", ".bias", ".running_mean", ".running_variance"};
  for (std::size_t k = 0; k < 4; ++k) {
    const Tensor* t = n.parameter(k + 1, suffixes[k] + 1, {x->shape.channels});
    if (t == nullptr) return;
    n.add_values(name + suffixes[k], t->floats);
    if (k == 3 && std::any_of(t->floats.begin(), t->floats.end(), [](float v) { return v < 0; }))
      return n.fail("a variance below 0", "variances");
  }
  const Dims dims = x->dims;
  n.add_layer(name, {{"type", "batch_norm"}, {"epsilon", epsilon}, {"momentum", share_of_new(momentum)}},
              {x});
  see_as(n, dims);
}

// A layer that makes each element of one.
void element_by_element(NodeImport& n, Json keys) {
  const Value* x = n.images(0);
  if (x == nullptr) return;
  n.add_layer(n.layer_name(), std::move(keys), {x});
  see_as(n, x->dims);
}
void relu(NodeImport& n) { element_by_element(n, {{"type", "relu"}}); }
void leaky_relu(NodeImport& n) {
  element_by_element(n, {{"type", "leaky_relu"}, {"negative_slope", n.number("alpha", 0.01)}});
}

// Whether a constant that is added to these images is a number for each channel.
bool is_of_channels(const Value& images, Dims dims) {
  if (dims.size() == images.dims.size() + 1 && dims[0] == 1) dims.erase(dims.begin());
  Dims wanted(images.dims.size(), 1);
  wanted[0] = images.shape.channels;
  return dims == wanted;
}

// A bias, which exporters write as an addition of its own.
void add_as_bias(NodeImport& n, std::size_t images, std::size_t constant) {
  const Value* x = n.images(images);
  const Tensor* t = n.constant(constant, "a bias");
  if (x == nullptr || t == nullptr) return;
  Json* layer = x->layer < 0 ? nullptr : &n.so_far().layers.at(static_cast<std::size_t>(x->layer));
  const bool takes = layer != nullptr && layer->value("bias", true) == false && n.read_once(images) &&
                     (x->has_pixels() || x->is_vector()) && x->dims[0] == x->shape.channels;
  if (!takes || !t->is_float || !is_of_channels(*x, t->dims))
    return n.fail("an addition of a constant of dims " + shown_dims(t->dims),
                  "two images, or a bias behind a Conv, Gemm or MatMul that has none");
  if (!n.train(constant)) return;
  (*layer)["bias"] = true;
  n.add_values((*layer)["name"].get<std::string>() + ".bias", t->floats);
  n.give(*x);
}

// Whether the dims are those of all, or a number for each channel of theirs.
bool broadcasts(const Dims& dims, const Dims& all) {
  if (dims == all) return true;
  Dims channels(all.size(), 1);
  if (!all.empty()) channels[0] = all[0];
  return dims == channels;
}

// Of two or more: one shape, or one pixel for all pixels.
void together(NodeImport& n, const char* type) {
  std::vector<const Value*> inputs;
  const Value* largest = nullptr;
  for (std::size_t k = 0; k < n.inputs(); ++k) {
    const Value* x = n.images(k);
    if (x == nullptr) return;
    inputs.push_back(x);
    if (largest == nullptr || x->shape.size() > largest->shape.size()) largest = x;
  }
  for (const Value* x : inputs) {
    if (!broadcasts(x->dims, largest->dims))
      return n.fail("images of the shapes " + shown_dims(largest->dims) + " and " + shown_dims(x->dims),
                    "one shape, or one pixel for all");
  }
  const Dims dims = largest->dims;
  if (inputs.size() == 1) return n.give(*largest);
  n.add_layer(n.layer_name(), {{"type", type}}, inputs);
  see_as(n, dims);
}

void add(NodeImport& n) {
  n.ignore("broadcast");
  n.ignore("axis");
  if (n.inputs() == 2 && n.has(0) && n.has(1) && n.input(0).is_images() != n.input(1).is_images())
    return n.input(0).is_images() ? add_as_bias(n, 0, 1) : add_as_bias(n, 1, 0);
  together(n, "add");
}

// x * sigmoid(x), which has no operator of its own.
bool is_swish(NodeImport& n, std::size_t x, std::size_t factor) {
  const Value &a = n.input(x), &b = n.input(factor);
  const Json& layers = n.so_far().layers;
  if (b.layer < 0 || static_cast<std::size_t>(b.layer) + 1 != layers.size() || !n.read_once(factor))
    return false;
  const Json& layer = layers.back();
  const Json source = a.layer < 0 ? Json("data") : layers.at(static_cast<std::size_t>(a.layer)).at("name");
  return layer.at("type") == "sigmoid" && layer.at("inputs").at(0) == source && a.dims == b.dims;
}

void multiply(NodeImport& n) {
  if (n.images(0) == nullptr || n.images(1) == nullptr) return;
  for (std::size_t k = 0; k < 2; ++k) {
    if (!is_swish(n, k, 1 - k)) continue;
    Json& layer = n.so_far().layers.back();
    n.so_far().names.erase(layer.at("name").get<std::string>());
    layer["type"] = "swish";
    layer["name"] = n.layer_name();
    return n.give(n.input(1 - k));
  }
  together(n, "multiply");
}

void concat(NodeImport& n) {
  std::vector<const Value*> inputs;
  const std::int64_t axis = n.integer("axis", 1);
  for (std::size_t k = 0; k < n.inputs(); ++k) {
    const Value* x = n.images(k);
    if (x == nullptr) return;
    const bool of_channels = x->has_pixels() || (x->is_vector() && x->dims[0] == x->shape.channels);
    const auto rank = static_cast<std::int64_t>(x->dims.size()) + 1;
    if (!of_channels || (axis != 1 && axis != 1 - rank) || x->dims.size() != n.input(0).dims.size())
      return n.fail("axis " + std::to_string(axis) + " of images of the shape " + shown_dims(x->dims),
                    "the axis of the channels");
    inputs.push_back(x);
  }
  const bool vectors = inputs[0]->is_vector();
  if (inputs.size() == 1) return n.give(*inputs[0]);
  n.add_layer(n.layer_name(), {{"type", "concat"}}, inputs);
  if (!n.failed() && vectors) n.give(as_vector(n.output()));
}

void sigmoid(NodeImport& n) { element_by_element(n, {{"type", "sigmoid"}}); }
void hyperbolic_tangent(NodeImport& n) { element_by_element(n, {{"type", "tanh"}}); }
void hard_swish(NodeImport& n) { element_by_element(n, {{"type", "hard_swish"}}); }

void hard_sigmoid(NodeImport& n) {
  const double alpha = n.number("alpha", 0.2), beta = n.number("beta", 0.5);
  if (static_cast<float>(alpha) != 1.0F / 6 || beta != 0.5)
    n.fail("alpha " + shown_json(alpha) + ", beta " + shown_json(beta), "alpha 1/6, beta 0.5");
  element_by_element(n, {{"type", "hard_sigmoid"}});
}

void clip(NodeImport& n) {
  constexpr double kNoLimit = 3.4e38;  // older versions say so where there is none
  const std::optional<double> least = n.scalar("min", 1), greatest = n.scalar("max", 2);
  if (least && *least == 0 && greatest.value_or(kNoLimit) >= kNoLimit) return relu(n);
  if (!least || !greatest) return n.fail("a limit on one side", "min and max, or min 0 alone");
  element_by_element(n, {{"type", "clip"}, {"min", *least}, {"max", *greatest}});
}

// Images pass where nobody trains: what the mode of the node says does not matter.
void dropout(NodeImport& n) {
  const double rate = n.scalar("ratio", 1).value_or(0.5);
  for (const char* name : {"seed", "is_test", "consumed_inputs"}) n.ignore(name);
  element_by_element(n, {{"type", "dropout"}, {"rate", rate}});
}

void local_response(NodeImport& n) {
  if (n.pixels(0) == nullptr) return;
  element_by_element(n, {{"type", "lrn"},
                         {"size", n.integer("size", 1)},
                         {"alpha", n.number("alpha", 1e-4)},
                         {"beta", n.number("beta", 0.75)},
                         {"k", n.number("bias", 1)}});
}

// The loss of the network is that of a softmax, which is therefore no layer.
void softmax(NodeImport& n) {
  const Value* x = n.images(0);
  const std::int64_t axis = n.integer("axis", n.so_far().opset < 13 ? 1 : -1);
  if (x == nullptr || n.failed()) return;
  const bool of_all =
      n.so_far().opset < 13 && x->shape.height * x->shape.width > 1;  // of what follows the axis
  const bool classes = !of_all && (axis == 1 || axis == -static_cast<std::int64_t>(x->dims.size()));
  if (!classes)
    return n.fail("axis " + std::to_string(axis) + (of_all ? ", before version 13" : ""),
                  "the axis of the classes");
  if (n.node().outputs[0] != n.so_far().output)
    return n.fail("a softmax before the end", "one at the end, or none");
  n.give(*x);
}

}  // namespace

const std::vector<Operator>& operators() {
  constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();
  static const std::vector<Operator> table{
      {"Add", 2, 2, add, fold_add},
      {"AveragePool", 1, 1, average_pool},
      {"BatchNormalization", 5, 5, batch_norm},
      {"Cast", 1, 1, same_images, fold_cast},
      {"Clip", 1, 3, clip},
      {"Concat", 1, kAnyNumber, concat, fold_concat},
      {"Constant", 0, 0, nullptr, fold_constant},
      {"ConstantOfShape", 1, 1, nullptr, fold_constant_of_shape},
      {"Conv", 2, 3, convolution},
      {"Div", 2, 2, nullptr, fold_divide},
      {"Dropout", 1, 3, dropout},
      {"Flatten", 1, 1, flatten},
      {"Gather", 2, 2, nullptr, fold_gather},
      {"Gemm", 2, 3, general_matrix_product},
      {"GlobalAveragePool", 1, 1, global_average},
      {"GlobalMaxPool", 1, 1, global_maximum},
      {"HardSigmoid", 1, 1, hard_sigmoid},
      {"HardSwish", 1, 1, hard_swish},
      {"Identity", 1, 1, same_images, fold_identity},
      {"LRN", 1, 1, local_response},
      {"LeakyRelu", 1, 1, leaky_relu},
      {"LogSoftmax", 1, 1, softmax},
      {"MatMul", 2, 2, matrix_product},
      {"MaxPool", 1, 1, max_pool},
      {"Mul", 2, 2, multiply, fold_multiply},
      {"Pad", 1, 4, pad},
      {"ReduceMean", 1, 2, mean},
      {"Relu", 1, 1, relu},
      {"Reshape", 1, 2, reshape, fold_reshape},
      {"Shape", 1, 1, shape_of_images, fold_shape},
      {"Sigmoid", 1, 1, sigmoid},
      {"Slice", 1, 5, nullptr, fold_slice},
      {"Softmax", 1, 1, softmax},
      {"Squeeze", 1, 2, squeeze, fold_squeeze},
      {"Sub", 2, 2, nullptr, fold_subtract},
      {"Sum", 1, kAnyNumber, add},
      {"Tanh", 1, 1, hyperbolic_tangent},
      {"Transpose", 1, 1, transpose, fold_transpose},
      {"Unsqueeze", 1, 2, unsqueeze, fold_unsqueeze},
  };
  return table;
}

const Operator* find_operator(const std::string& type) {
  const auto& table = operators();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Operator& o) { return type == o.type; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace anzan::compiler::onnx
