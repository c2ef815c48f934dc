// Names for what programs and their times are made from: equal content, equal key, and no other content.
#pragma once
#include <string>

#include "compiler/input/input.hpp"
#include "models/clocked/core.hpp"
#include "sim/configuration/system_settings.hpp"

namespace anzan::sim {

// SHA-256 over every member.
std::string content_key(const compiler::Input& input);

// Of all that the cycles of a core's programs depend on, besides these. A core that is alone sees periods and
// latencies only as multiples of each other, so two that differ in all by one factor have one key.
std::string content_key(const models::clocked::CoreParameters& core);

// Likewise of the cores of a system, with the network that joins them and what moves on it.
std::string content_key(const models::clocked::CoreParameters& core, const SystemOptions& system);

}  // namespace anzan::sim
