// A directory that one process writes to, until it ends.
#pragma once
#include <filesystem>

namespace anzan::sim {

class DirectoryLock {
 public:
  // Makes the directory if there is none, and locks DIR/.lock. Throws compiler::InputError if another process
  // has it, std::system_error if it cannot be written.
  explicit DirectoryLock(std::filesystem::path directory);
  // Removes .lock, and the directory if it was made here and is still empty.
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  std::filesystem::path directory_;
  bool made_ = false;
  int descriptor_ = -1;
};

}  // namespace anzan::sim
