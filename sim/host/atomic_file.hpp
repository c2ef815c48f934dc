// Files that appear whole or not at all.
#pragma once
#include <filesystem>
#include <string>

namespace anzan::sim {

// Writes `content` beside `file`, brings it to disk and renames it. A link stays, and the file that it leads
// to is replaced. What is no regular file (a device, a pipe) and standard output, also as "-", are written to
// and never replaced. SIGINT and SIGTERM wait meanwhile. Throws std::system_error, having removed what it
// wrote, if any of that fails; an older `file` then stands as it was.
void write_file_atomically(const std::filesystem::path& file, const std::string& content);

// Whether write_file_atomically could begin: throws std::system_error if not, and leaves nothing behind.
void check_writable(const std::filesystem::path& file);

// The same for an option's file, if there is one, as compiler::InputError: before the work is done.
void check_output(const char* option, const std::string& file);

// Throws compiler::InputError if `file`, an option's, is the file of `what`, which would be lost.
void check_apart(const char* option, const std::filesystem::path& file, const char* what,
                 const std::filesystem::path& other);

// Removes what writes into this directory left behind when their process was killed. Nobody may be writing.
void remove_unfinished_files(const std::filesystem::path& directory);

}  // namespace anzan::sim
