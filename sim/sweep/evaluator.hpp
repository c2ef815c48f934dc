// A point of a design space: its configuration, and what it costs or learns there.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/configuration/json_input.hpp"

namespace anzan::sim {

// A point as changes of the base: what `--set` would say, in this order.
using Settings = std::vector<Override>;

enum class OutcomeKind { kDone, kRefused, kFailed };  // kRefused: wrong input, or too much for the chip

struct Outcome {
  OutcomeKind kind = OutcomeKind::kDone;
  std::string message;    // why not kDone, with JSON pointers where there are some
  nlohmann::json result;  // as cost.json or result.json: `time`, `energy`, `traffic`, `area`, `memory`, ...
  double cpu_seconds = 0;
};

// A configuration that has been checked, and what names it among all.
struct CheckedPoint {
  nlohmann::json effective;  // every default filled in
  std::string key;           // SHA-256 of all of it that results depend on, in hexadecimal
  std::string program_key;   // points with one key share compiled programs, and are best given to one worker
};

// SIGINT or SIGTERM came while a point was trained: its checkpoint is written, and it is no outcome.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

// Evaluates points of one base, each exactly as `anzan cost` (or `run`) would, without doing again what two
// of them share. Not for two threads at once; a process forked from one that has an Evaluator may go on with
// it.
class Evaluator {
 public:
  // `directory`: what relative paths in `base` count from.
  Evaluator(nlohmann::json base, std::filesystem::path directory);
  ~Evaluator();

  CheckedPoint check(const Settings& settings);  // throws InputError
  Outcome cost(const Settings& settings);
  // Trains to the end of step `steps` (0: of the configuration), in `run_directory`, which is this point's
  // alone, going on with what stands there. Learning rates are those of all steps of the configuration. Of a
  // point whose training has failed (`status` of the result) the outcome is kDone as well: that is what was
  // to be found out. kFailed: what another try could mend, such as a data set that is not there, or a disk
  // that is full. Throws Interrupted.
  Outcome train(const Settings& settings, std::int64_t steps, const std::filesystem::path& run_directory);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace anzan::sim
