// The value that an element stands for.
#include "models/number_format.hpp"

#include "models/quantiser.hpp"

namespace anzan::models {

float element_value(isa::Format format, std::int32_t element, int q) {
  return is_integer(format) ? dequantise(element, q) : float_of_bits(static_cast<std::uint32_t>(element));
}

}  // namespace anzan::models
