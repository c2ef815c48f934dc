// What a refusal says of a scratchpad that is too small.
#pragma once
#include <cstdint>
#include <optional>
#include <regex>
#include <string>

#include "compiler/input/input_error.hpp"

namespace anzan::testing {

struct LeastScratchpad {
  std::int64_t kib = 0;
  std::string what;  // needs it
};

// Of the first finding; nothing if it speaks of something else.
inline std::optional<LeastScratchpad> least_scratchpad(const compiler::InputError& error) {
  const compiler::InputFinding& finding = error.findings().front();
  std::smatch match;
  if (finding.place != "/chip/scratchpad_kib" ||
      !std::regex_match(finding.expected, match, std::regex("at least ([0-9]+) for (.+)")))
    return {};
  return LeastScratchpad{std::stoll(match[1]), match[2]};
}

}  // namespace anzan::testing
