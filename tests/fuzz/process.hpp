// A command of `anzan` in processes of its own, watched from outside.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace anzan::fuzz {

// Seconds are of processors, by all processes of a command, however busy the machine is.
struct Limits {
  double budget_seconds = 1;   // then the command is interrupted, as by Ctrl-C, if it has spoken of late;
  double lately_seconds = 8;   // one that has not is watched until it does,
  double silent_seconds = 60;  // or has said nothing for so long
  double stop_seconds = 20;    // from the second interrupt to its end
  std::int64_t bytes = 8'000'000'000;  // of memory
};

struct Outcome {
  int status = -1;  // -1: ended by a signal
  int signal = 0;
  bool interrupted = false, silent = false, endless = false, large = false;
  std::string output, errors;
  double seconds = 0, processor_seconds = 0;
  std::int64_t peak_bytes = 0;
};

enum class Where { kHere, kProgram };  // the code that is linked in, in a process forked off; or the program

// In the directory, which is its working directory too; standard input is `input`.
Outcome watch(Where where, const std::vector<std::string>& arguments, const std::filesystem::path& directory,
              const std::string& input, const Limits& limits);

}  // namespace anzan::fuzz
