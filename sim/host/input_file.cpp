// Opened without waiting for a writer, then looked at, so that the file that is read is the one looked at.
#include "sim/host/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "compiler/input/input_error.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;

std::string kind_of_file(const struct stat& there) {
  if (S_ISDIR(there.st_mode)) return "a directory";
  if (S_ISFIFO(there.st_mode)) return "a pipe, not a regular file";
  if (S_ISCHR(there.st_mode) || S_ISBLK(there.st_mode)) return "a device, not a regular file";
  return "no regular file";
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& file, std::string expected, Pipes pipes)
    : place_(file.string()), expected_(std::move(expected)), descriptor_(-1) {
  if (place_.find('\0') != std::string::npos)
    throw InputError(place_, "a name with a NUL character", expected_);
  const bool standard = pipes == Pipes::kRead && place_ == "-";
  descriptor_ = standard ? ::dup(STDIN_FILENO) : ::open(place_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    const int error = errno;
    throw InputError(
        place_,
        error == ENOENT ? "no such file" : std::string("a file that cannot be read: ") + std::strerror(error),
        expected_);
  }
  struct stat there {};
  const bool known = ::fstat(descriptor_, &there) == 0;
  const bool taken =
      known && (S_ISREG(there.st_mode) || standard || (S_ISFIFO(there.st_mode) && pipes == Pipes::kRead));
  if (!taken || (standard && S_ISDIR(there.st_mode))) {
    ::close(descriptor_);
    throw InputError(place_, kind_of_file(there), expected_);
  }
  if (!standard) ::fcntl(descriptor_, F_SETFL, 0);  // a pipe that has a writer is waited for
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(void* data, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::read(descriptor_, static_cast<char*>(data) + got, size - got);
    if (count == 0) break;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      throw InputError(place_, std::string("a file that cannot be read: ") + std::strerror(errno), expected_);
    got += static_cast<std::size_t>(count);
  }
  return got;
}

std::string read_whole(const std::filesystem::path& file, const std::string& expected, std::size_t most,
                       Pipes pipes) {
  InputFile input(file, expected, pipes);
  std::string content;
  constexpr std::size_t kChunk = 1U << 20;
  for (;;) {
    const std::size_t size = content.size();
    content.resize(size + std::min(kChunk, most + 1 - size));
    const std::size_t got = input.read(content.data() + size, content.size() - size);
    content.resize(size + got);
    if (content.size() > most)
      throw InputError(file.string(), "more than " + std::to_string(most) + " bytes", expected);
    if (got == 0) return content;
  }
}

}  // namespace anzan::sim
