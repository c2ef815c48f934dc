// Operators on constants, computed while the model is read: shapes that exporters take apart and put
// together, and weights that they turn.
#pragma once
#include <optional>

#include "compiler/onnx/node_import.hpp"

namespace anzan::compiler::onnx {

std::optional<Tensor> fold_constant(NodeImport& n);
std::optional<Tensor> fold_constant_of_shape(NodeImport& n);
std::optional<Tensor> fold_identity(NodeImport& n);
std::optional<Tensor> fold_cast(NodeImport& n);
std::optional<Tensor> fold_shape(NodeImport& n);
std::optional<Tensor> fold_reshape(NodeImport& n);
std::optional<Tensor> fold_squeeze(NodeImport& n);
std::optional<Tensor> fold_unsqueeze(NodeImport& n);
std::optional<Tensor> fold_transpose(NodeImport& n);
std::optional<Tensor> fold_concat(NodeImport& n);
std::optional<Tensor> fold_gather(NodeImport& n);
std::optional<Tensor> fold_slice(NodeImport& n);
std::optional<Tensor> fold_add(NodeImport& n);
std::optional<Tensor> fold_subtract(NodeImport& n);
std::optional<Tensor> fold_multiply(NodeImport& n);
std::optional<Tensor> fold_divide(NodeImport& n);

// What Shape says of these dims, or of a part of them.
Tensor shape_tensor(NodeImport& n, const std::vector<std::int64_t>& dims);

// Axes from 0 on, for a tensor of that rank, sorted; none and a finding where one is outside or stands twice.
std::optional<std::vector<std::int64_t>> sorted_axes(NodeImport& n, std::vector<std::int64_t> axes,
                                                     std::size_t rank);
// The dims without these axes, which must be 1 long, and with ones there.
std::optional<std::vector<std::int64_t>> squeezed(NodeImport& n, std::vector<std::int64_t> dims,
                                                  const std::optional<std::vector<std::int64_t>>& axes);
std::optional<std::vector<std::int64_t>> unsqueezed(NodeImport& n, std::vector<std::int64_t> dims,
                                                    const std::vector<std::int64_t>& axes);

}  // namespace anzan::compiler::onnx
