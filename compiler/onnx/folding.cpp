// Integers are exact: what overflows is refused. The number of images, which shapes begin with, is passed on
// and not computed with.
#include "compiler/onnx/folding.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace anzan::compiler::onnx {
namespace {

using Dims = std::vector<std::int64_t>;

constexpr std::size_t kMostMade = 65536;  // elements of what is longer than all that it is made of

Tensor integers_tensor(Dims dims, std::vector<std::int64_t> values) {
  Tensor t;
  t.dims = std::move(dims);
  t.is_float = false;
  t.integers = std::move(values);
  return t;
}

Tensor floats_tensor(Dims dims, std::vector<float> values) {
  Tensor t;
  t.dims = std::move(dims);
  t.floats = std::move(values);
  return t;
}

// The elements with the given numbers, in that order.
Tensor picked(const Tensor& from, Dims dims, const std::vector<std::size_t>& numbers) {
  Tensor t;
  t.dims = std::move(dims);
  t.is_float = from.is_float;
  for (const std::size_t k : numbers) {
    if (from.is_float)
      t.floats.push_back(from.floats[k]);
    else
      t.integers.push_back(from.integers[k]);
  }
  return t;
}

double product(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), 1.0,
                         [](double p, std::int64_t d) { return p * static_cast<double>(d); });
}

std::optional<Tensor> with_dims(const Tensor* from, std::optional<Dims> dims) {
  if (from == nullptr || !dims) return {};
  Tensor t = *from;
  t.dims = std::move(*dims);
  return t;
}

// A list, or one number.
const Tensor* fold_list(NodeImport& n, std::size_t k) {
  const Tensor* t = n.constant(k, "a list");
  if (t == nullptr || t->dims.size() <= 1) return t;
  n.fail("dims " + shown_dims(t->dims) + " as input " + std::to_string(k), "a list");
  return nullptr;
}

bool on_axis_0(NodeImport& n, std::int64_t axis) {
  if (axis == 0 || axis == -1) return true;
  n.fail("axis " + std::to_string(axis), "axis 0 of a list");
  return false;
}

// Positions of a slice on an axis; a step of 0 has none.
std::vector<std::size_t> positions(std::int64_t size, std::int64_t start, std::int64_t end,
                                   std::int64_t step) {
  std::vector<std::size_t> found;
  const std::int64_t least = step < 0 ? -1 : 0, most = step < 0 ? size - 1 : size;
  const auto within = [&](std::int64_t i) { return std::clamp(i < 0 ? i + size : i, least, most); };
  step = std::clamp(step, -size - 1, size + 1);
  const std::int64_t first = within(start), last = within(end);
  for (std::int64_t i = first; step < 0 ? i > last : step > 0 && i < last; i += step)
    found.push_back(static_cast<std::size_t>(i));
  return found;
}

// What stands at these positions of an axis.
Tensor along(const Tensor& from, std::size_t axis, const std::vector<std::size_t>& at) {
  std::size_t inner = 1, outer = 1;
  for (std::size_t d = 0; d < from.dims.size(); ++d)
    (d < axis ? outer : inner) *= d == axis ? 1 : static_cast<std::size_t>(from.dims[d]);
  const auto size = static_cast<std::size_t>(from.dims[axis]);
  std::vector<std::size_t> numbers;
  for (std::size_t o = 0; o < outer; ++o) {
    for (const std::size_t position : at) {
      for (std::size_t i = 0; i < inner; ++i) numbers.push_back((o * size + position) * inner + i);
    }
  }
  Dims dims = from.dims;
  dims[axis] = static_cast<std::int64_t>(at.size());
  return picked(from, dims, numbers);
}

enum class Sum { kAdd, kSubtract, kMultiply, kDivide };

bool computed(Sum sum, std::int64_t a, std::int64_t b, std::int64_t& result) {
  if (a == kBatch || b == kBatch) {
    const std::int64_t neutral = sum == Sum::kMultiply || sum == Sum::kDivide ? 1 : 0;
    const bool swapped = b == kBatch && (sum == Sum::kMultiply || sum == Sum::kAdd);
    result = kBatch;
    return (swapped ? a : b) == neutral;
  }
  switch (sum) {
    case Sum::kAdd:
      return !__builtin_add_overflow(a, b, &result);
    case Sum::kSubtract:
      return !__builtin_sub_overflow(a, b, &result);
    case Sum::kMultiply:
      return !__builtin_mul_overflow(a, b, &result);
    case Sum::kDivide:
      if (b == 0 || b == -1) return false;
      result = a / b;
      return true;
  }
  return false;
}

float computed(Sum sum, float a, float b) {
  return sum == Sum::kAdd ? a + b : sum == Sum::kSubtract ? a - b : sum == Sum::kMultiply ? a * b : a / b;
}

// Of two constants of one shape, or of which one is a single number.
std::optional<Tensor> fold_sum(NodeImport& n, Sum sum) {
  const Tensor *a = n.constant(0, "a number"), *b = n.constant(1, "a number");
  if (a == nullptr || b == nullptr) return {};
  const bool fit = a->dims == b->dims || a->size() == 1 || b->size() == 1;
  if (!fit || a->is_float != b->is_float || a->size() * b->size() == 0) {
    n.fail("dims " + shown_dims(a->dims) + " and " + shown_dims(b->dims),
           "two of one shape and type, or a number");
    return {};
  }
  const std::size_t size = std::max(a->size(), b->size());
  Tensor t;
  t.dims = a->dims.size() < b->dims.size() || a->size() < b->size() ? b->dims : a->dims;
  t.is_float = a->is_float;
  const auto of = [](const auto& values, std::size_t k) { return values[values.size() == 1 ? 0 : k]; };
  for (std::size_t k = 0; k < size; ++k) {
    std::int64_t whole = 0;
    if (a->is_float) {
      t.floats.push_back(computed(sum, of(a->floats, k), of(b->floats, k)));
    } else if (computed(sum, of(a->integers, k), of(b->integers, k), whole)) {
      t.integers.push_back(whole);
    }
  }
  const bool finite = std::all_of(t.floats.begin(), t.floats.end(), [](float f) { return std::isfinite(f); });
  if (t.size() == size && finite) return t;
  n.fail("a result that is no number, or depends on how many images there are", "numbers");
  return {};
}

}  // namespace

std::optional<Dims> sorted_axes(NodeImport& n, Dims axes, std::size_t rank) {
  const auto all = static_cast<std::int64_t>(rank);
  const Dims as_given = axes;
  for (std::int64_t& axis : axes) {
    if (axis < 0 && axis >= -all) axis += all;
  }
  std::sort(axes.begin(), axes.end());
  const bool twice = std::adjacent_find(axes.begin(), axes.end()) != axes.end();
  if (!twice && (axes.empty() || (axes.front() >= 0 && axes.back() < all))) return axes;
  n.fail("axes " + shown_list(as_given), "axes of a tensor of rank " + std::to_string(rank));
  return {};
}

std::optional<Dims> squeezed(NodeImport& n, Dims dims, const std::optional<Dims>& axes) {
  Dims left;
  std::optional<Dims> out;
  if (axes && !(out = sorted_axes(n, *axes, dims.size()))) return {};
  for (std::size_t k = 0; k < dims.size(); ++k) {
    const bool goes =
        out ? std::binary_search(out->begin(), out->end(), static_cast<std::int64_t>(k)) : dims[k] == 1;
    if (goes && dims[k] != 1) {
      n.fail("axis " + std::to_string(k) + " of dims " + shown_dims(dims), "an axis that is 1 long");
      return {};
    }
    if (!goes) left.push_back(dims[k]);
  }
  return left;
}

std::optional<Dims> unsqueezed(NodeImport& n, Dims dims, const Dims& axes) {
  if (dims.size() + axes.size() > kMostAxes) {
    n.fail(std::to_string(dims.size() + axes.size()) + " axes", "at most " + std::to_string(kMostAxes));
    return {};
  }
  const std::optional<Dims> sorted = sorted_axes(n, axes, dims.size() + axes.size());
  if (!sorted) return {};
  for (const std::int64_t axis : *sorted) dims.insert(dims.begin() + axis, 1);
  return dims;
}

std::optional<Tensor> fold_constant(NodeImport& n) {
  if (const Tensor* t = n.tensor("value")) return *t;
  for (const Attribute& a : n.node().attributes) {
    n.ignore(a.name.c_str());
    const auto count = static_cast<std::int64_t>(std::max(a.integers.size(), a.numbers.size()));
    if (a.name == "value_int" && a.kind == Attribute::Kind::kInteger) return integers_tensor({}, {a.integer});
    if (a.name == "value_float" && a.kind == Attribute::Kind::kFloat) return floats_tensor({}, {a.number});
    if (a.name == "value_ints" && a.kind == Attribute::Kind::kIntegers)
      return integers_tensor({count}, a.integers);
    if (a.name == "value_floats" && a.kind == Attribute::Kind::kFloats)
      return floats_tensor({count}, a.numbers);
  }
  n.fail("no value of numbers", "an attribute value");
  return {};
}

std::optional<Tensor> fold_constant_of_shape(NodeImport& n) {
  const auto dims = n.whole_numbers(0, "a shape");
  const Tensor* value = n.tensor("value");
  if (!dims) return {};
  const bool shape = std::all_of(dims->begin(), dims->end(), [](std::int64_t d) { return d >= 0; });
  if (!shape || product(*dims) > double(kMostMade) || (value != nullptr && value->size() != 1)) {
    n.fail("a constant of the shape " + shown_list(*dims), "at most 65,536 times one number");
    return {};
  }
  const auto size = static_cast<std::size_t>(product(*dims));
  if (value == nullptr) return floats_tensor(*dims, std::vector<float>(size, 0));
  return picked(*value, *dims, std::vector<std::size_t>(size, 0));
}

std::optional<Tensor> fold_identity(NodeImport& n) {
  const Tensor* t = n.constant(0, "a constant");
  return t == nullptr ? std::optional<Tensor>() : *t;
}

std::optional<Tensor> fold_cast(NodeImport& n) {
  constexpr std::int64_t kFloat = 1, kInt32 = 6, kInt64 = 7;
  constexpr float kGreatest = 1e9F;
  const std::int64_t to = n.integer("to", 0);
  n.ignore("saturate");
  const Tensor* t = n.constant(0, "a constant");
  if (t == nullptr) return {};
  if (to == kFloat && t->is_float) return *t;
  if ((to == kInt32 || to == kInt64) && !t->is_float) return *t;
  const bool in_range =
      std::all_of(t->floats.begin(), t->floats.end(), [&](float f) { return std::abs(f) <= kGreatest; }) &&
      std::count(t->integers.begin(), t->integers.end(), kBatch) == 0;
  if (!in_range || (to != kFloat && to != kInt32 && to != kInt64)) {
    n.fail("a cast to type " + std::to_string(to), "to FP32 or integers, of a value that fits");
    return {};
  }
  if (to == kFloat) return floats_tensor(t->dims, std::vector<float>(t->integers.begin(), t->integers.end()));
  return integers_tensor(t->dims, std::vector<std::int64_t>(t->floats.begin(), t->floats.end()));
}

Tensor shape_tensor(NodeImport& n, const Dims& dims) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto within = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + rank : i, 0, rank); };
  const std::int64_t start = within(n.integer("start", 0)), end = within(n.integer("end", rank));
  Dims part;
  if (start < end) part.assign(dims.begin() + start, dims.begin() + end);
  return integers_tensor({static_cast<std::int64_t>(part.size())}, part);
}

std::optional<Tensor> fold_shape(NodeImport& n) {
  const Tensor* t = n.constant(0, "a constant");
  if (t == nullptr) return {};
  return shape_tensor(n, t->dims);
}

std::optional<Tensor> fold_reshape(NodeImport& n) {
  const Tensor* t = n.constant(0, "a constant");
  const auto wanted = n.list("shape", 1);
  const bool zero_is_zero = n.integer("allowzero", 0) != 0;
  if (t == nullptr || !wanted) return {};
  Dims dims = *wanted;
  double rest = static_cast<double>(t->size());
  for (std::size_t k = 0; k < dims.size(); ++k) {
    if (dims[k] == 0 && !zero_is_zero && k < t->dims.size()) dims[k] = t->dims[k];
    if (dims[k] != -1) rest /= static_cast<double>(dims[k]);
  }
  const auto open = std::find(dims.begin(), dims.end(), -1);
  if (open != dims.end() && std::isfinite(rest) && rest >= 0 && rest < 2147483648.0)
    *open = static_cast<std::int64_t>(rest);
  const bool shape = std::all_of(dims.begin(), dims.end(), [](std::int64_t d) { return d >= 0; });
  if (shape && product(dims) == static_cast<double>(t->size())) return with_dims(t, dims);
  n.fail("the shape " + shown_list(*wanted) + " for dims " + shown_dims(t->dims),
         "a shape of as many elements");
  return {};
}

std::optional<Tensor> fold_squeeze(NodeImport& n) {
  const Tensor* t = n.constant(0, "a constant");
  const auto axes = n.list("axes", 1);
  return t == nullptr || n.failed() ? std::optional<Tensor>() : with_dims(t, squeezed(n, t->dims, axes));
}

std::optional<Tensor> fold_unsqueeze(NodeImport& n) {
  const Tensor* t = n.constant(0, "a constant");
  const auto axes = n.list("axes", 1);
  if (!axes && !n.failed()) n.fail("no axes", "axes");
  return t == nullptr || n.failed() ? std::optional<Tensor>() : with_dims(t, unsqueezed(n, t->dims, *axes));
}

std::optional<Tensor> fold_transpose(NodeImport& n) {
  const Tensor* t = n.constant(0, "a constant");
  auto order = n.integers("perm");
  if (t == nullptr || n.failed()) return {};
  const std::size_t rank = t->dims.size();
  if (!order) {
    order.emplace(rank);
    std::iota(order->rbegin(), order->rend(), 0);
  }
  const auto sorted = sorted_axes(n, *order, rank);
  if (!sorted) return {};
  if (order->size() != rank || std::any_of(order->begin(), order->end(), [](auto a) { return a < 0; })) {
    n.fail("perm " + shown_list(*order), "an order of the axes");
    return {};
  }
  Dims dims(rank);
  std::vector<std::size_t> strides(rank), of_axis(rank, 1);
  for (std::size_t k = rank; k-- > 1;) of_axis[k - 1] = of_axis[k] * static_cast<std::size_t>(t->dims[k]);
  for (std::size_t k = 0; k < rank; ++k) {
    const auto axis = static_cast<std::size_t>((*order)[k]);
    dims[k] = t->dims[axis];
    strides[k] = of_axis[axis];
  }
  std::vector<std::size_t> numbers;
  numbers.reserve(t->size());
  for (std::size_t at = 0; at < t->size(); ++at) {
    std::size_t rest = at, number = 0;
    for (std::size_t k = rank; k-- > 0;) {
      const auto size = static_cast<std::size_t>(dims[k]);
      number += rest % size * strides[k];
      rest /= size;
    }
    numbers.push_back(number);
  }
  return picked(*t, dims, numbers);
}

std::optional<Tensor> fold_concat(NodeImport& n) {
  if (!on_axis_0(n, n.integer("axis", 0))) return {};
  Tensor all;
  for (std::size_t k = 0; k < n.inputs(); ++k) {
    const Tensor* t = fold_list(n, k);
    if (t == nullptr) return {};
    if (k == 0) all.is_float = t->is_float;
    if (t->is_float != all.is_float || all.size() + t->size() > kMostMade) {
      n.fail("lists of two types, or too long", "lists of one type, of at most 65,536 elements together");
      return {};
    }
    all.floats.insert(all.floats.end(), t->floats.begin(), t->floats.end());
    all.integers.insert(all.integers.end(), t->integers.begin(), t->integers.end());
  }
  all.dims = {static_cast<std::int64_t>(all.size())};
  return all;
}

std::optional<Tensor> fold_gather(NodeImport& n) {
  const Tensor *from = fold_list(n, 0), *which = n.constant(1, "indices");
  if (!on_axis_0(n, n.integer("axis", 0)) || from == nullptr || which == nullptr) return {};
  std::vector<std::size_t> numbers;
  const auto size = static_cast<std::int64_t>(from->size());
  for (const std::int64_t i : which->integers) {
    if (i >= -size && i < size) numbers.push_back(static_cast<std::size_t>(i < 0 ? i + size : i));
  }
  if (!which->is_float && numbers.size() == which->size()) return picked(*from, which->dims, numbers);
  n.fail("indices outside of a list of " + std::to_string(size), "indices into it");
  return {};
}

std::optional<Tensor> fold_slice(NodeImport& n) {
  const Tensor* from = n.constant(0, "a constant");
  const auto starts = n.list("starts", 1), ends = n.list("ends", 2);
  auto axes = n.list("axes", 3);
  const auto steps = n.has(4) ? n.whole_numbers(4, "steps") : Dims(starts ? starts->size() : 0, 1);
  if (from == nullptr || n.failed()) return {};
  const std::size_t rank = from->dims.size(), count = starts ? starts->size() : 0;
  if (!axes) {
    axes.emplace(count);
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (!sorted_axes(n, *axes, rank)) return {};
  if (!ends || !steps || ends->size() != count || axes->size() != count || steps->size() != count) {
    n.fail("lists of different lengths", "a start, an end and a step for each axis");
    return {};
  }
  Tensor t = *from;
  for (std::size_t k = 0; k < count; ++k) {
    const auto axis =
        static_cast<std::size_t>((*axes)[k] < 0 ? (*axes)[k] + static_cast<std::int64_t>(rank) : (*axes)[k]);
    t = along(t, axis, positions(t.dims[axis], (*starts)[k], (*ends)[k], (*steps)[k]));
  }
  return t;
}

std::optional<Tensor> fold_add(NodeImport& n) { return fold_sum(n, Sum::kAdd); }
std::optional<Tensor> fold_subtract(NodeImport& n) { return fold_sum(n, Sum::kSubtract); }
std::optional<Tensor> fold_multiply(NodeImport& n) { return fold_sum(n, Sum::kMultiply); }
std::optional<Tensor> fold_divide(NodeImport& n) { return fold_sum(n, Sum::kDivide); }

}  // namespace anzan::compiler::onnx
