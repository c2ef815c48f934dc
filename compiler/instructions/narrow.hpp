// Numbers narrowed to the fields of an instruction: what does not fit is never cut off in silence.
#pragma once
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

namespace anzan::compiler {

// Throws std::logic_error: lowerings choose tiles and pieces that fit.
template <class Field>
Field narrow(std::int64_t value, const char* what) {
  if (value < std::int64_t{std::numeric_limits<Field>::min()} ||
      value > std::int64_t{std::numeric_limits<Field>::max()})
    throw std::logic_error(std::string(what) + ": " + std::to_string(value) + " does not fit " +
                           std::to_string(8 * sizeof(Field)) + " bits");
  return static_cast<Field>(value);
}

}  // namespace anzan::compiler
