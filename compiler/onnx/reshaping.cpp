// The first dimension counts images, and must stay the first.
#include "compiler/onnx/reshaping.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "compiler/input/layer_shapes.hpp"
#include "compiler/onnx/folding.hpp"

namespace anzan::compiler::onnx {
namespace {

using Dims = std::vector<std::int64_t>;

double elements(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), 1.0,
                         [](double p, std::int64_t d) { return p * static_cast<double>(d); });
}

// With the number of images in front.
Dims whole_dims(const Value& images) {
  Dims dims{kBatch};
  dims.insert(dims.end(), images.dims.begin(), images.dims.end());
  return dims;
}

// Gives the images with these dims, of which the first must be that of the images.
void give_with(NodeImport& n, const Value& x, const std::optional<Dims>& dims) {
  if (!dims || n.failed()) return;
  if (dims->empty() || dims->front() != kBatch)
    return n.fail("the dims " + shown_list(*dims), "the number of images first");
  Value y = x;
  y.dims.assign(dims->begin() + 1, dims->end());
  n.give(y);
}

// Whether this dimension, as it stands, is the number of images: as an integer only where the model fixes it.
bool counts_images(const NetworkSoFar& so_far, std::int64_t d) {
  return d == kBatch || (so_far.batch_known && d == so_far.batch);
}

constexpr std::int64_t kMostPad = 65535;  // at one side

// Whether a Pad of images leaves their number and channels alone, and takes nothing away.
bool are_around_pixels(const Dims& pads) {
  return pads.size() == 8 && pads[0] == 0 && pads[1] == 0 && pads[4] == 0 && pads[5] == 0 &&
         std::all_of(pads.begin(), pads.end(), [](std::int64_t p) { return p >= 0 && p <= kMostPad; });
}

}  // namespace

Value as_vector(Value images) {
  images.dims = {images.shape.size()};
  return images;
}

void same_images(NodeImport& n) {
  constexpr std::int64_t kFloat = 1;
  n.ignore("saturate");
  if (n.node().op_type == "Cast" && n.integer("to", kFloat) != kFloat)
    n.fail("a cast of images to another type", "FP32");
  if (const Value* x = n.images(0); x != nullptr && !n.failed()) n.give(*x);
}

void shape_of_images(NodeImport& n) {
  const Value* x = n.images(0);
  if (x == nullptr) return;
  Tensor t = shape_tensor(n, whole_dims(*x));
  if (!n.failed()) n.give(constant_value(std::move(t)));
}

void flatten(NodeImport& n) {
  const Value* x = n.images(0);
  const std::int64_t axis = n.integer("axis", 1);
  if (x == nullptr || n.failed()) return;
  if (axis != 1 && axis != -static_cast<std::int64_t>(x->dims.size()))
    return n.fail("axis " + std::to_string(axis), "axis 1: images stay apart");
  n.give(as_vector(*x));
}

void reshape(NodeImport& n) {
  const Value* x = n.images(0);
  const auto wanted = n.list("shape", 1);
  const bool zero_is_zero = n.integer("allowzero", 0) != 0;
  n.ignore("consumed_inputs");
  if (!wanted && !n.failed()) n.fail("no shape", "a shape");
  if (x == nullptr || n.failed()) return;
  const Dims before = whole_dims(*x);
  Dims dims = *wanted;
  for (std::size_t k = 0; k < dims.size(); ++k) {
    if (dims[k] == 0 && !zero_is_zero && k < before.size()) dims[k] = before[k];
  }
  const bool one_open = std::count(dims.begin(), dims.end(), -1) == 1;
  const bool good = !dims.empty() && dims.size() <= kMostAxes;
  if (good && counts_images(n.so_far(), dims[0])) dims[0] = kBatch;
  const Dims rest(dims.begin() + (good ? 1 : 0), dims.end());
  // -1 is what is left of the elements: of one image, or of all
  if (good && one_open && dims[0] == -1 && elements(rest) == elements(x->dims)) dims[0] = kBatch;
  if (good && one_open && dims[0] == kBatch) {
    const auto open = std::find(dims.begin(), dims.end(), -1);
    const double known = -elements(rest);
    if (open != dims.end() && known > 0) *open = static_cast<std::int64_t>(elements(x->dims) / known);
  }
  const bool whole = good && dims[0] == kBatch &&
                     std::all_of(dims.begin() + 1, dims.end(), [](std::int64_t d) { return d > 0; }) &&
                     elements(Dims(dims.begin() + 1, dims.end())) == elements(x->dims);
  if (!whole)
    return n.fail("the shape " + shown_list(*wanted) + " for images of the shape " + shown_list(before),
                  "the number of images, and then as many elements as each has");
  give_with(n, *x, dims);
}

void squeeze(NodeImport& n) {
  const Value* x = n.images(0);
  const auto axes = n.list("axes", 1);
  if (x != nullptr && !n.failed()) give_with(n, *x, squeezed(n, whole_dims(*x), axes));
}

void unsqueeze(NodeImport& n) {
  const Value* x = n.images(0);
  const auto axes = n.list("axes", 1);
  if (!axes && !n.failed()) n.fail("no axes", "axes");
  if (x != nullptr && !n.failed()) give_with(n, *x, unsqueezed(n, whole_dims(*x), *axes));
}

void transpose(NodeImport& n) {
  const Value* x = n.images(0);
  auto order = n.integers("perm");
  if (x == nullptr || n.failed()) return;
  const Dims before = whole_dims(*x);
  if (!order) {
    order.emplace(before.size());
    std::iota(order->rbegin(), order->rend(), 0);
  }
  const auto sorted = sorted_axes(n, *order, before.size());
  if (!sorted) return;
  Dims dims, moved;
  std::int64_t last = -1;
  bool stays = order->size() == before.size();
  for (const std::int64_t axis : *order) {
    const bool known = axis >= 0 && static_cast<std::size_t>(axis) < before.size();
    stays = stays && known && (axis > last || before[static_cast<std::size_t>(axis)] == 1);
    if (!stays) break;
    if (before[static_cast<std::size_t>(axis)] != 1) last = axis;
    dims.push_back(before[static_cast<std::size_t>(axis)]);
  }
  if (!stays) return n.fail("perm " + shown_list(*order), "an order that moves no element");
  give_with(n, *x, dims);
}

void pad(NodeImport& n) {
  const std::string mode = n.text("mode", "constant");
  const auto pads = n.list("pads", 1);
  const auto value = n.scalar("value", 2);
  if (!n.has(0) || !n.input(0).is_images()) n.fail("a constant as input 0", "images");
  if (n.failed()) return;
  Value x = n.input(0);
  const auto inner = x.pad;
  x.pad = {};
  if (!n.are_pixels(x)) return;
  if (mode != "constant" || value.value_or(0) != 0)
    return n.fail("mode " + mode + (value ? ", value " + shown_json(*value) : ""), "zeros");
  if (n.has(3)) return n.fail("axes as input 3", "pads of all axes");
  if (!pads || !are_around_pixels(*pads))
    return n.fail(pads ? "pads " + shown_list(*pads) : "no pads", "zeros around the pixels of [N, C, H, W]");
  const std::array<std::int64_t, 4> outer{pads->at(2), pads->at(3), pads->at(6), pads->at(7)};
  for (std::size_t side = 0; side < 4; ++side)
    x.pad[side] = std::min(inner[side] + outer[side], 2 * kMostPad);
  n.give(x);
}

}  // namespace anzan::compiler::onnx
