// Sums over all images and pixels, channel by channel.
#pragma once
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

// sums[0] := sum of a, sums[1] := sum of a b; FP32 vectors.
void lower_channel_sums(Lowering& low, int a, int b, const std::vector<int>& sums);
// The same of an operation: a and b are its first input and the one after it.
void lower_channel_sums(Lowering& low, const Op& op);

}  // namespace anzan::compiler
