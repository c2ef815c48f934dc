// Compiled programs in a file: what `anzan compile --out` writes and `anzan disasm` reads.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "compiler/compiler.hpp"

namespace anzan::sim {

using NamedPrograms = std::vector<std::pair<std::string, std::vector<std::uint32_t>>>;

// initialize, calibrate, step and evaluate of the model.
NamedPrograms programs_of(const compiler::CompiledModel& model);

// A line "anzan programs 3", then for each program a line "NAME WORDS" and its words, little-endian; last the
// SHA-256 of all before it, as hexadecimal digits.
// Throws std::system_error if it cannot be written.
void write_programs(const std::filesystem::path& file, const NamedPrograms& programs);

// Throws InputError for a file that is missing or is not what write_programs wrote.
NamedPrograms read_programs(const std::filesystem::path& file);

}  // namespace anzan::sim
