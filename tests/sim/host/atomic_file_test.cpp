// A file is replaced as a whole, or stands as it was.
#include "sim/host/atomic_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <system_error>

#include "compiler/input/input_error.hpp"
#include "sim/host/directory_lock.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim::atomic_file_test {
namespace {

using testing::ScratchDirectory;

TEST(AtomicFile, KeepsTheOldFileWhenTheNewCannotBeWritten) {
  const ScratchDirectory scratch;
  write_file_atomically(scratch / "file", "old");
  EXPECT_THROW(write_file_atomically(scratch / "none" / "file", "x"), std::system_error);
  std::filesystem::create_directory(scratch / "taken");
  write_file_atomically(scratch / "taken" / "inside", "x");
  EXPECT_THROW(write_file_atomically(scratch / "taken", "x"), std::system_error);  // rename onto a directory
  EXPECT_FALSE(std::filesystem::exists(scratch / "taken.part"));
  write_file_atomically(scratch / "file", "new");
  std::ifstream stream(scratch / "file");
  std::string text;
  stream >> text;
  EXPECT_EQ(text, "new");
  // A disk that fills up: a limit on the size of files stands for it.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write_file_atomically(scratch / "file", std::string(100, 'x')), std::system_error);
  setrlimit(RLIMIT_FSIZE, &before);
  std::ifstream again(scratch / "file");
  again >> text;
  EXPECT_EQ(text, "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch.path()), {}), 2);
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

TEST(AtomicFile, FollowsLinks) {
  const ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "below");
  std::filesystem::create_symlink("below/there", scratch / "link");
  std::filesystem::create_symlink("link", scratch / "chain");
  for (const char* name : {"link", "chain", "link"}) {  // first to nowhere, then to a file
    write_file_atomically(scratch / name, name);
    EXPECT_TRUE(std::filesystem::is_symlink(scratch / name));
    EXPECT_EQ(content_of(scratch / "below" / "there"), name);
  }
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(scratch / "below" / "there")));
}

TEST(AtomicFile, KeepsModes) {
  const ScratchDirectory scratch;
  write_file_atomically(scratch / "file", "x");
  std::filesystem::permissions(scratch / "file", std::filesystem::perms::owner_all);
  write_file_atomically(scratch / "file", "y");
  EXPECT_EQ(std::filesystem::status(scratch / "file").permissions(), std::filesystem::perms::owner_all);
}

TEST(AtomicFile, WritesToPipes) {
  const ScratchDirectory scratch;
  ASSERT_EQ(::mkfifo((scratch / "pipe").c_str(), 0600), 0);
  const int reader = ::open((scratch / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  write_file_atomically(scratch / "pipe", "through");
  char text[8] = {};
  EXPECT_EQ(::read(reader, text, sizeof text), 7);
  EXPECT_STREQ(text, "through");
  ::close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(scratch / "pipe"));
}

TEST(AtomicFile, ChecksWithoutATrace) {
  const ScratchDirectory scratch;
  check_writable(scratch / "file");
  check_writable("/dev/null");
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
  EXPECT_THROW(check_writable(scratch / "none" / "file"), std::system_error);
  EXPECT_THROW(check_writable(scratch.path()), std::system_error);
}

TEST(AtomicFile, LeftoversAreRemoved) {
  const ScratchDirectory scratch;
  for (const char* name : {".anzan-1-0.part", "my.part", ".anzan-notes"})
    testing::write_file(scratch / name, "x");
  remove_unfinished_files(scratch.path());
  EXPECT_FALSE(std::filesystem::exists(scratch / ".anzan-1-0.part"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch.path()), {}), 2);
}

TEST(DirectoryLock, HasOneOwner) {
  const ScratchDirectory scratch;
  const std::filesystem::path directory = scratch / "a" / "b";
  {
    const DirectoryLock lock(directory);
    EXPECT_THROW(DirectoryLock{directory}, compiler::InputError);
    EXPECT_THROW(DirectoryLock{directory}, compiler::InputError);  // the refused one has not removed it
  }
  EXPECT_FALSE(std::filesystem::exists(directory));
  std::filesystem::create_directories(directory);
  testing::write_file(directory / "mine", "x");
  { const DirectoryLock lock(directory); }
  { const DirectoryLock lock(directory); }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
}

}  // namespace
}  // namespace anzan::sim::atomic_file_test
