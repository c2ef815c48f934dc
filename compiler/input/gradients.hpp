// The gradients that cores exchange: how many of each layer, and in which format.
#pragma once
#include <cstdint>
#include <vector>

#include "compiler/input/network.hpp"
#include "compiler/input/precision.hpp"

namespace anzan::compiler {

// What there is to exchange, as the network and its precision say.
struct Gradients {
  std::vector<std::int64_t> elements;  // of each layer
  isa::Format format = isa::Format::kFp32;
};
Gradients gradients_of(const Network& network, const Precision& precision);

}  // namespace anzan::compiler
