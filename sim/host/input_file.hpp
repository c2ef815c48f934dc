// Files of a user, opened so that none can hang or fill the memory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace anzan::sim {

enum class Pipes { kRefused, kRead };

// A file that is open for reading. Refuses, by compiler::InputError with the file as place and `expected`,
// what is missing, cannot be opened, or is no regular file. Where pipes are read, "-" is standard input.
class InputFile {
 public:
  InputFile(const std::filesystem::path& file, std::string expected, Pipes pipes = Pipes::kRefused);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Up to `size` bytes, fewer only at the end.
  std::size_t read(void* data, std::size_t size);

 private:
  std::string place_, expected_;
  int descriptor_;
};

// All of it; refused if longer than `most` bytes.
std::string read_whole(const std::filesystem::path& file, const std::string& expected, std::size_t most,
                       Pipes pipes = Pipes::kRefused);

}  // namespace anzan::sim
