// Random programs on three engines: the Verilated core against the clocked models (cycles of instructions,
// requests to HBM, merges and writes of settings) and the functional engine (bits of memories, settings and
// statistics).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/clocked/core.hpp"
#include "sim/rtl/core.hpp"
#include "sim/verify/functional_coverage.hpp"

namespace anzan::sim {

struct VerifyOptions {
  std::uint64_t seed = 1;  // of the first program; the others count on
  int programs = 100;
  int lanes = 4;
  int instructions = 30;                   // a program
  bool stop = false;                       // after the first program that differs
  bool shorten = true;                     // a program that differs
  FunctionalCoverage* coverage = nullptr;  // notes programs that do not differ
  std::string waves = {};  // a directory for the waveform of each program that differs and a save file of
                           // GTKWave for it, of what `shorten` leaves; empty: none. Needs rtl_has_waves().
  bool all_waves = false;  // also of those that do not differ
};

// What is compared; tests put faulty ones in their places.
struct VerifySubjects {
  models::clocked::CoreParameters model;  // but for its lanes
  std::function<std::unique_ptr<RtlCore>(const models::clocked::CoreParameters&, int)> rtl = make_rtl_core;
};

struct ProgramVerdict {
  std::uint64_t seed = 0;
  std::int64_t cycles = 0;  // as the models count them
  std::string difference;   // empty: none. Otherwise block, both values, and of the shortest beginning of the
                            // program that differs its last instruction and the cycles in which it ran
};

// `done` is called after each program. Throws std::invalid_argument for lanes that the RTL is not built for.
std::vector<ProgramVerdict> verify(const VerifyOptions& options,
                                   const std::function<void(const ProgramVerdict&)>& done = {},
                                   const VerifySubjects& subjects = {});

// The command that repeats one program.
std::string repeat_command(const VerifyOptions& options, const ProgramVerdict& verdict);

// JUnit XML: one test case a program.
std::string junit(const VerifyOptions& options, const std::vector<ProgramVerdict>& verdicts, double seconds);

}  // namespace anzan::sim
