// Contractions whose lanes are images: convolution forward and the gradient of its input. Both walk
// window classes over a source tensor, multiply with one weight matrix a tap, and write a destination
// tensor; they differ in the axes (forward or transposed) and in which channels the weights reduce.
#pragma once
#include <vector>

#include "compiler/lowering/gather.hpp"
#include "compiler/lowering/lowering.hpp"

namespace anzan::compiler {

struct Contraction {
  Image source, destination;
  ChannelWindow reduce, rows;  // channels of source that are summed, channels of destination
  Axis y, x;
  bool gathered = false;  // source channels are (c, ky, kx) of the network's input (im2col)
  Axes window;            // then: the window that was gathered

  const TensorInfo* weight = nullptr;
  WeightLayout layout;
  std::int64_t group = 0;
  bool transposed = false;  // rows are the output channels: stored blocks are transposed on the way
  const TensorInfo* bias = nullptr;
  bool relu = false;
  bool biases_alone = false;                // some positions hold nothing else; found out by the lowering
  isa::Format format = isa::Format::kFp32;  // of the arithmetic: the wider of source and weight
};

void lower_contraction(Lowering& low, Contraction c, const std::string& place);

}  // namespace anzan::compiler
