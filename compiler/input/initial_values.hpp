// Values of parameters that were not drawn: what another program has trained, or a run of this one.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace anzan::compiler {

// By name of the parameter, "conv1.weight"; each in logical (row-major) order.
using ParameterValues = std::map<std::string, std::vector<float>>;

}  // namespace anzan::compiler
