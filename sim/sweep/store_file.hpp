// The file of a store: its tables, and how it is opened.
#pragma once
#include <filesystem>
#include <memory>
#include <stdexcept>
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

// What a store holds and no sweep has written.
struct StoreDamage : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// What is thrown of it for a user: std::runtime_error where the machine is at fault, such as a full disk;
// compiler::InputError where the file is.
[[noreturn]] void fail_with_store(const std::filesystem::path& file, const SQLite::Exception& error);
[[noreturn]] void fail_with_store(const std::filesystem::path& file, const StoreDamage& damage);

// Names of the columns of figures, each with a comma before it.
std::string columns_of_figures(const char* prefix, const char* suffix);

}  // namespace anzan::sim
