// The arguments, the clock and the signals; how offsets are found, compiler/memory/ says.
#include "sim/allocate_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "compiler/input/input_error.hpp"
#include "compiler/memory/offsets.hpp"
#include "sim/allocation_file.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/work_progress.hpp"
#include "sim/training/interrupt.hpp"

namespace anzan::sim {
namespace {

using compiler::Assignment;
using compiler::InputError;
using compiler::OffsetGear;

constexpr double kDefaultSeconds = 60, kMostSeconds = 1e9;

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number value{};
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
  return value;
}

OffsetGear gear_of(const std::string& name) {
  if (name == "fast") return OffsetGear::kFast;
  if (name == "exact") return OffsetGear::kExact;
  throw InputError("--gear", name, "one of fast, exact");
}

double seconds_of(const std::optional<std::string>& text) {
  if (!text) return kDefaultSeconds;
  const auto seconds = number_of<double>(*text);
  if (seconds && *seconds > 0 && *seconds <= kMostSeconds) return *seconds;
  throw InputError("--seconds", *text, "a number above 0, up to 1e9");
}

std::optional<std::int64_t> capacity_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  const auto capacity = number_of<std::int64_t>(*text);
  if (capacity && *capacity > 0) return capacity;
  throw InputError("--capacity", *text, "an integer from 1 to 2^63 - 1");
}

struct Allocation {
  Assignment plan;
  std::optional<std::int64_t> capacity;
  double seconds = 0;
  bool interrupted = false;

  bool fits() const { return !capacity || plan.height <= *capacity; }
  bool never_fits() const { return capacity && plan.lower_bound > *capacity; }
};

Allocation solve(const AllocationProblem& problem, const AllocateArguments& arguments) {
  Allocation outcome;
  outcome.capacity = capacity_of(arguments.capacity);
  const double most_seconds = seconds_of(arguments.seconds);
  InterruptGuard interrupt(InterruptGuard::kBeforeItsEnd);
  interrupt.remember_best();
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::int64_t shown = -1;
  compiler::OffsetOptions options;
  options.gear = gear_of(arguments.gear);
  options.most_nodes = std::numeric_limits<std::int64_t>::max();
  options.capacity = outcome.capacity;
  options.stop = [&](const compiler::AssignmentProgress& state) {
    if (state.height != shown)
      progress.begin(state.height == 0
                         ? "first fit"
                         : fmt::format("height {}, lower bound {}", state.height, state.lower_bound),
                     0);
    shown = state.height;
    progress.done(0);
    outcome.interrupted = outcome.interrupted || interrupt.interrupted();
    return outcome.interrupted || elapsed() >= most_seconds;
  };
  outcome.plan = assign_offsets(problem.buffers, options);
  outcome.seconds = elapsed();
  progress.end();
  return outcome;
}

std::string allocation_text(const Allocation& o) {
  const std::string gap = o.plan.proved()
                              ? "proved to be the least"
                              : fmt::format("at most {:.3f} % above the least", o.plan.gap_percent());
  std::string text = fmt::format("height {} ({}), lower bound {}; {} nodes in {:.2f} s\n", o.plan.height, gap,
                                 o.plan.lower_bound, o.plan.nodes, o.seconds);
  if (!o.capacity) return text;
  return text + fmt::format("capacity {}: {}\n", *o.capacity,
                            o.fits()         ? "it fits"
                            : o.never_fits() ? "proved that no plan fits"
                                             : "no plan that fits was found");
}

nlohmann::json allocation_json(const Allocation& o, std::size_t buffers) {
  nlohmann::json json{{"buffers", buffers},
                      {"height", o.plan.height},
                      {"lower_bound", o.plan.lower_bound},
                      {"gap_percent", o.plan.gap_percent()},
                      {"proved", o.plan.proved()},
                      {"nodes", o.plan.nodes},
                      {"seconds", o.seconds},
                      {"interrupted", o.interrupted}};
  if (o.capacity) {
    json["capacity"] = *o.capacity;
    json["fits"] = o.fits();
    json["never_fits"] = o.never_fits();
  }
  return {{"allocation", json}};
}

}  // namespace

void add_allocate(CLI::App& app, AllocateArguments& arguments) {
  CLI::App* allocate =
      app.add_subcommand("allocate", "Gives offsets to buffers with lifetimes, from a CSV file");
  allocate->add_option("FILE", arguments.file, "Lines id,lower,upper,size with a header; - is standard input")
      ->required();
  allocate->add_option("--capacity", arguments.capacity, "Stops with the first plan that fits");
  allocate->add_option("--seconds", arguments.seconds, "Stops with the best plan so far; default 60");
  allocate->add_option("--gear", arguments.gear,
                       "exact (default): searches on after the heuristics; or fast");
  allocate
      ->add_option("--out", arguments.out, "Writes the lines with offsets there instead of standard output")
      ->type_name("FILE");
  allocate->add_flag("--json", arguments.json,
                     "Says how good the plan is as JSON on standard output; its lines go to --out only");
  allocate->add_flag("--quiet", arguments.quiet, "No progress on standard error");
}

bool allocate(const AllocateArguments& arguments) {
  if (arguments.json && arguments.out == "-")
    throw InputError("--json", "--out -, too", "one of the two on standard output");
  gear_of(arguments.gear);
  seconds_of(arguments.seconds);
  capacity_of(arguments.capacity);
  check_output("--out", arguments.out);
  const AllocationProblem problem = read_allocation(arguments.file);
  const Allocation outcome = solve(problem, arguments);
  const std::string text = allocation_text(problem, outcome.plan.offsets);
  if (!arguments.out.empty())
    write_file_atomically(arguments.out, text);
  else if (!arguments.json)
    std::cout << text;
  if (arguments.json)
    std::cout << allocation_json(outcome, problem.buffers.size()).dump(1) << '\n';
  else
    std::cerr << allocation_text(outcome);
  return outcome.fits() && !(outcome.interrupted && !outcome.capacity);
}

}  // namespace anzan::sim
