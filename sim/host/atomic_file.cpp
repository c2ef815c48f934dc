// POSIX calls, each checked: a stream would hide at which of them a full disk shows.
#include "sim/host/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

#include "compiler/input/input_error.hpp"
#include "sim/host/signals_wait.hpp"

namespace anzan::sim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = ".anzan-";
constexpr const char* kSuffix = ".part";
constexpr int kMostLinks = 40;  // as Linux

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

[[noreturn]] void fail_to_write(int error, const fs::path& file) {
  fail(error, "cannot write " + file.string());
}

void write_all(int descriptor, const std::string& content) {
  std::size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = ::write(descriptor, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(count < 0 ? errno : ENOSPC, "write");
    written += static_cast<std::size_t>(count);
  }
  if (::fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS) fail(errno, "fsync");
}

// Writes and closes.
void write_and_close(int descriptor, const std::string& content) {
  try {
    write_all(descriptor, content);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  if (::close(descriptor) != 0) fail(errno, "close");
}

// Where the content goes.
struct Target {
  enum Kind { kReplaced, kWrittenTo, kStandardOutput } kind;
  fs::path file;  // without links
};

Target target_of(const fs::path& file) {
  if (file == "-") return {Target::kStandardOutput, file};
  struct stat there {
  }, output{};
  if (::stat(file.c_str(), &there) != 0) {
    fs::path end = file;  // a link that leads nowhere yet is followed, too
    for (int links = 0; links < kMostLinks && fs::is_symlink(fs::symlink_status(end)); ++links)
      end = end.parent_path() / fs::read_symlink(end);  // an absolute one replaces the whole
    return {Target::kReplaced, end};
  }
  if (::fstat(STDOUT_FILENO, &output) == 0 && there.st_dev == output.st_dev && there.st_ino == output.st_ino)
    return {Target::kStandardOutput, file};
  if (S_ISDIR(there.st_mode)) fail_to_write(EISDIR, file);
  if (!S_ISREG(there.st_mode)) return {Target::kWrittenTo, file};
  return {Target::kReplaced, fs::canonical(file)};
}

fs::path directory_of_file(const fs::path& file) {
  const fs::path directory = file.parent_path();
  return directory.empty() ? "." : directory;
}

// A file beside `file` that nobody else has, with the mode that `file` has or would get.
class Temporary {
 public:
  explicit Temporary(const fs::path& file) {
    static std::atomic<unsigned> number{0};
    do {
      name_ = directory_of_file(file) /
              (kPrefix + std::to_string(::getpid()) + "-" + std::to_string(number++) + kSuffix);
      descriptor = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor < 0 && errno == EEXIST);
    if (descriptor < 0) fail(errno, "open");
    struct stat there {};
    if (::stat(file.c_str(), &there) == 0) ::fchmod(descriptor, there.st_mode & 07777U);
  }
  ~Temporary() {
    if (!renamed_) ::unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  void rename_to(const fs::path& file) {
    if (::rename(name_.c_str(), file.c_str()) != 0) fail(errno, "rename");
    renamed_ = true;
  }

  int descriptor = -1;  // to be closed by whoever made this

 private:
  fs::path name_;
  bool renamed_ = false;
};

void replace(const fs::path& file, const std::string& content) {
  Temporary temporary(file);
  write_and_close(temporary.descriptor, content);
  temporary.rename_to(file);
  // The name itself, too, is to survive a crash; a directory that cannot be synchronised is no error.
  const int directory = ::open(directory_of_file(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

}  // namespace

void write_file_atomically(const fs::path& file, const std::string& content) {
  const SignalsWait wait;  // one that ends the process would leave a temporary file behind
  const Target target = target_of(file);
  try {
    if (target.kind == Target::kReplaced) return replace(target.file, content);
    if (target.kind == Target::kStandardOutput) return write_all(STDOUT_FILENO, content);
    const int descriptor = ::open(target.file.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) fail(errno, "open");
    write_and_close(descriptor, content);
  } catch (const std::system_error& error) {
    fail_to_write(error.code().value(), file);
  }
}

void check_writable(const fs::path& file) {
  const SignalsWait wait;
  const Target target = target_of(file);
  if (target.kind == Target::kWrittenTo && ::access(target.file.c_str(), W_OK) != 0)
    fail_to_write(errno, file);
  if (target.kind != Target::kReplaced) return;
  try {
    const Temporary temporary(target.file);
    ::close(temporary.descriptor);
  } catch (const std::system_error& error) {
    fail_to_write(error.code().value(), file);
  }
}

void check_output(const char* option, const std::string& file) {
  if (file.empty()) return;
  try {
    check_writable(file);
  } catch (const std::system_error& error) {
    throw compiler::InputError(option, error.what(), "a file that can be written");
  }
}

void check_apart(const char* option, const fs::path& file, const char* what, const fs::path& other) {
  if (file.empty() || other.empty() || file == "-" || other == "-") return;
  std::error_code none;  // what has no such path is no file of ours
  const auto whole = [&](const fs::path& path) {
    return fs::weakly_canonical(fs::absolute(path, none), none);
  };
  const bool one_file = fs::exists(file, none)
                            ? fs::is_regular_file(file, none) && fs::equivalent(file, other, none)
                            : !whole(file).empty() && whole(file) == whole(other);
  if (one_file)
    throw compiler::InputError(option, file.string() + std::string(", which is ") + what,
                               "a file of its own");
}

void remove_unfinished_files(const fs::path& directory) {
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kPrefix, 0) == 0 && entry.path().extension() == kSuffix) fs::remove(entry.path());
  }
}

}  // namespace anzan::sim
