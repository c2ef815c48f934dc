// Random programs on three engines: the Verilated core against the clocked models (cycles) and the functional
// engine (bits of memories, settings and statistics).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace anzan::sim {

struct VerifyOptions {
  std::uint64_t seed = 1;  // of the first program; the others count on
  int programs = 100;
  int lanes = 4;
  int instructions = 30;  // a program
};

struct ProgramVerdict {
  std::uint64_t seed = 0;
  std::int64_t cycles = 0;  // as the models count them
  std::string difference;   // empty: none. The shortest beginning of the program that differs: instruction,
                            // block, and both values
};

// `done` is called after each program. Throws std::invalid_argument for lanes that the RTL is not built for.
std::vector<ProgramVerdict> verify(const VerifyOptions& options,
                                   const std::function<void(const ProgramVerdict&)>& done = {});

// The command that repeats one program.
std::string repeat_command(const VerifyOptions& options, const ProgramVerdict& verdict);

// JUnit XML: one test case a program.
std::string junit(const VerifyOptions& options, const std::vector<ProgramVerdict>& verdicts, double seconds);

}  // namespace anzan::sim
