// Files that appear whole or not at all.
#pragma once
#include <filesystem>
#include <string>

namespace anzan::sim {

// Writes `content` beside `file`, brings it to disk and renames it. Throws std::system_error, having
// removed what it wrote, if any of that fails; an older `file` then stands as it was.
void write_file_atomically(const std::filesystem::path& file, const std::string& content);

}  // namespace anzan::sim
