// JSON that a user wrote: read strictly, and changed by `--set`.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/configuration/schema.hpp"

namespace anzan::sim {

// Throws InputError, with `place`, for what is not JSON, for a key that stands twice in one object, for
// NUL bytes and characters, for numbers that are no double or round to 0, and for nesting deeper than any
// configuration.
nlohmann::json parse_json(const std::string& text, const std::string& place);
// Also from a pipe, or as "-" from standard input; up to 64 MiB.
nlohmann::json read_json_file(const std::filesystem::path& file);

// One `--set`: "/json/pointer=value"; the value is JSON, or a string if it is not.
struct Override {
  nlohmann::json::json_pointer pointer;
  nlohmann::json value;
};
Override parse_override(const std::string& text);

// Sets the value; objects above it are created if the schema knows them. Array elements must exist.
void apply_override(nlohmann::json& json, const Override& change, const Schema& schema);

}  // namespace anzan::sim
