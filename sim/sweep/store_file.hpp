// The file of a store: its tables, and how it is opened.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

namespace SQLite {
class Database;
class Exception;
}  // namespace SQLite

namespace anzan::sim {

// All but kRead make the file if there is none. kShared: for who reads it from another computer, over a file
// system that keeps locks; safer and slower than kWrite.
enum class StoreAccess { kWrite, kShared, kRead };

// Throws compiler::InputError where it is no store, or cannot be opened so.
std::unique_ptr<SQLite::Database> open_store(const std::filesystem::path& file, StoreAccess access);

// For a user: which file, and what SQLite says of it.
std::string store_error(const std::filesystem::path& file, const SQLite::Exception& error);

// Names of the columns of figures, each with a comma before it.
std::string columns_of_figures(const char* prefix, const char* suffix);

}  // namespace anzan::sim
