// Sums over the pixels of a channel, of values or of products: gradients of what stood for all pixels.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

void lower_pixel_sums(Lowering& low, const Op& op);

}  // namespace anzan::compiler
