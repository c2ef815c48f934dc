// A file is replaced as a whole, or stands as it was.
#include "sim/host/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <system_error>

#include "tests/sim/synthetic_data.hpp"

namespace anzan::sim {
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

}  // namespace
}  // namespace anzan::sim
