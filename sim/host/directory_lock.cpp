// flock, which the system takes back from a process that was killed.
#include "sim/host/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "compiler/input/input_error.hpp"

namespace anzan::sim {
namespace {

constexpr const char* kLock = ".lock";

// Whether the name still leads to the file that is open: another process may have removed it just before.
bool is_current(int descriptor, const std::filesystem::path& file) {
  struct stat open {
  }, there{};
  return ::fstat(descriptor, &open) == 0 && ::stat(file.c_str(), &there) == 0 &&
         open.st_ino == there.st_ino && open.st_dev == there.st_dev;
}

}  // namespace

DirectoryLock::DirectoryLock(std::filesystem::path directory) : directory_(std::move(directory)) {
  made_ = std::filesystem::create_directories(directory_);
  const std::filesystem::path file = directory_ / kLock;
  for (;;) {
    descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor_ < 0)
      throw std::system_error(errno, std::generic_category(), "cannot write " + file.string());
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      ::close(descriptor_);
      if (error == EWOULDBLOCK)
        throw compiler::InputError(directory_.string(), "that another run writes here",
                                   "a directory of its own, or the end of that run");
      throw std::system_error(error, std::generic_category(), "cannot lock " + file.string());
    }
    if (is_current(descriptor_, file)) return;
    ::close(descriptor_);
  }
}

DirectoryLock::~DirectoryLock() {
  ::unlink((directory_ / kLock).c_str());
  if (made_) ::rmdir(directory_.c_str());
  ::close(descriptor_);
}

}  // namespace anzan::sim
