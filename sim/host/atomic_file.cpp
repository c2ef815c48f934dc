// POSIX calls, each checked: a stream would hide at which of them a full disk shows.
#include "sim/host/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace anzan::sim {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

void write_all(int descriptor, const std::string& content) {
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = ::write(descriptor, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(count < 0 ? errno : ENOSPC, "write");
    written += static_cast<std::size_t>(count);
  }
  if (::fsync(descriptor) != 0 && errno != EINVAL) fail(errno, "fsync");
}

}  // namespace

void write_file_atomically(const std::filesystem::path& file, const std::string& content) {
  const std::string temporary = file.string() + ".part";
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(errno, "cannot write " + file.string());
  try {
    try {
      write_all(descriptor, content);
    } catch (...) {
      ::close(descriptor);
      throw;
    }
    if (::close(descriptor) != 0) fail(errno, "close");
    if (::rename(temporary.c_str(), file.c_str()) != 0) fail(errno, "rename");
  } catch (const std::system_error& error) {
    ::unlink(temporary.c_str());
    fail(error.code().value(), "cannot write " + file.string());
  }
  // The name itself, too, is to survive a crash; a directory that cannot be synchronised is no error.
  std::filesystem::path directory = file.parent_path();
  if (directory.empty()) directory = ".";
  const int directory_descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_descriptor < 0) return;
  ::fsync(directory_descriptor);
  ::close(directory_descriptor);
}

}  // namespace anzan::sim
