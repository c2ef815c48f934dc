// From the sweep's file to the store, and from the store to tables.
#include "sim/sweep_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <thread>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/json_input.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/work_progress.hpp"
#include "sim/sweep/query.hpp"
#include "sim/sweep/sweep_report.hpp"
#include "sim/training/interrupt.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
namespace fs = std::filesystem;

// Numbers with `separator` between them; none for all else.
std::vector<std::int64_t> numbers_of(const std::string& text, char separator) {
  std::vector<std::int64_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int64_t number = 0;
    const auto [stopped, error] = std::from_chars(at, end, number);
    if (error != std::errc() || (stopped != end && *stopped != separator)) return {};
    numbers.push_back(number);
    if (stopped == end) return numbers;
    at = stopped + 1;
  }
}

int workers_of(const SweepArguments& arguments) {
  constexpr std::int64_t kMost = 4096;
  if (!arguments.workers) return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const std::vector<std::int64_t> number = numbers_of(*arguments.workers, '\0');
  if (number.size() != 1 || number[0] < 1 || number[0] > kMost)
    throw InputError("--workers", *arguments.workers, fmt::format("an integer from 1 to {}", kMost));
  return static_cast<int>(number[0]);
}

std::optional<SweepPart> part_of(const SweepArguments& arguments) {
  if (!arguments.part) return std::nullopt;
  const std::vector<std::int64_t> numbers = numbers_of(*arguments.part, '/');
  if (numbers.size() != 2 || numbers[0] < 1 || numbers[0] > numbers[1])
    throw InputError("--part", *arguments.part, "K/N with K from 1 to N");
  return SweepPart{numbers[0] - 1, numbers[1]};
}

// Of a terminal, a table; of a pipe or a file, CSV.
void answer(const SweepArguments& arguments) {
  if (arguments.store.empty()) throw InputError("--query", "no --store", "the store that is asked");
  Query query(arguments.store, arguments.query);
  const bool table = output_kind(STDOUT_FILENO, false) == OutputKind::kTerminal;
  TextTable text(query.columns());
  std::vector<std::string> fields = query.columns();
  const auto print = [&] {
    for (std::string& field : fields) field = csv_field(field);
    std::cout << fmt::format("{}\n", fmt::join(fields, ","));
  };
  if (!table) print();
  for (QueryRow row; query.next(row);) {
    fields.clear();
    for (const nlohmann::json& value : row) fields.push_back(text_of_cell(value));
    if (table)
      text.add(fields);
    else
      print();
  }
  if (table) std::cout << text.text();
}

fs::path store_of(const SweepArguments& arguments, const SweepFile& file) {
  return arguments.store.empty() ? fs::path(file.name + ".sqlite") : fs::path(arguments.store);
}

void check_csv(const std::string& file) {
  if (file.empty()) return;
  try {
    check_writable(file);
  } catch (const std::system_error& error) {
    throw InputError("--csv", error.what(), "a file that can be written");
  }
}

}  // namespace

void add_sweep(CLI::App& app, SweepArguments& arguments) {
  CLI::App* sweep =
      app.add_subcommand("sweep", "Looks at the points of a design space, and keeps what they cost");
  sweep->add_option("SWEEP", arguments.file, "Base, axes, constraints, objectives and sampler (JSON)");
  sweep->add_option("--store", arguments.store, "SQLite file of all points; default NAME.sqlite")
      ->type_name("FILE");
  sweep->add_option("--workers", arguments.workers, "Processes; default: one for each processor");
  sweep->add_option("--csv", arguments.csv, "Also writes all points of the sweep; - is standard output")
      ->type_name("FILE");
  sweep
      ->add_option("--query", arguments.query,
                   "Asks the store and does nothing else: a table, or CSV for a file")
      ->type_name("SQL");
  sweep->add_option("--part", arguments.part, "Only the K-th of N equal parts of the points")
      ->type_name("K/N");
  sweep->add_flag("--retry", arguments.retry, "Tries points again that have failed");
  sweep->add_flag("--keep-runs", arguments.keep_runs, "Keeps the directories of trainings, FILE.runs");
  sweep->add_flag("--quiet", arguments.quiet, "Prints errors only");
}

bool sweep(const SweepArguments& arguments) {
  if (!arguments.query.empty()) return answer(arguments), true;
  if (arguments.file.empty()) throw InputError("SWEEP", "nothing", "a file, or --query");
  InterruptGuard interrupt(InterruptGuard::kBeforeItsEnd);
  const nlohmann::json json = read_json_file(arguments.file);  // once: it may be a pipe
  const fs::path place = arguments.file == "-" ? fs::path("sweep") : fs::path(arguments.file);
  const SweepFile file = parse_sweep(json, place.parent_path(), place.stem().string());
  SweepOptions options;
  options.workers = workers_of(arguments);
  options.part = part_of(arguments);
  options.retry = arguments.retry;
  options.keep_runs = arguments.keep_runs;
  options.store = store_of(arguments, file);
  check_csv(arguments.csv);
  std::ostream& report = arguments.csv == "-" ? std::cerr : std::cout;
  SweepRun run(file, json.dump(1), options);
  if (!arguments.quiet)
    report << fmt::format("{}: {} points, {} workers, store {}\n", file.name, requests(file), options.workers,
                          options.store.string())
           << std::flush;
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  interrupt.remember_parts();
  const bool done = run.run(progress, [&] { return interrupt.interrupted(); });
  progress.end();
  if (!arguments.quiet) report << (done ? sweep_summary(run) : counts_text(run.counts()));
  if (!done) {
    fmt::print(stderr, "anzan: interrupted; the same command goes on\n");
    return false;
  }
  if (!arguments.csv.empty()) write_file_atomically(arguments.csv, sweep_csv(run));
  return true;
}

}  // namespace anzan::sim
