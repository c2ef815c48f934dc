// Initial values of parameters, drawn in logical (row-major) order, so that they do not depend on layout.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/input/network.hpp"

namespace anzan::sim {

// `count` FP32 values of the filler, from a stream of their own for each (seed, parameter name).
std::vector<float> initial_values(const compiler::Filler& filler, std::int64_t fan_in, std::int64_t count,
                                  std::uint32_t seed, const std::string& parameter);

}  // namespace anzan::sim
