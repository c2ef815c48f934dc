// What configurations that are read one after the other have in common: networks, technologies, divisions of
// systems. Each is found by the whole text or content that it was made from; only what was right is kept.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "compiler/input/network.hpp"
#include "models/energy.hpp"
#include "sim/configuration/network_file.hpp"
#include "sim/host/recent.hpp"

namespace anzan::sim {

// Files are read once: who changes them meanwhile is not heard.
struct ReadParts {
  struct CheckedNetwork {
    compiler::Network network;
    nlohmann::json json;  // with everything spelt out
  };
  struct CheckedTechnology {
    models::Technology technology;
    nlohmann::json json;  // itself, where it was only named
  };
  struct ExpectedCycles {  // none: refused
    std::optional<std::int64_t> cycles;
    std::optional<compiler::InputError> refusal;
  };
  static constexpr std::size_t kMost = 64;  // of each

  Recent<NetworkFile> files{kMost};
  Recent<CheckedNetwork> networks{kMost};
  Recent<CheckedTechnology> technologies{kMost};
  Recent<ExpectedCycles> divisions{64 * kMost};
};

}  // namespace anzan::sim
