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
#include "sim/host/terminal.hpp"
#include "sim/host/work_progress.hpp"
#include "sim/sweep/query.hpp"
#include "sim/sweep/slurm.hpp"
#include "sim/sweep/sweep_report.hpp"
#include "sim/training/interrupt.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
namespace fs = std::filesystem;

int number_of(const char* option, const std::optional<std::string>& text, int otherwise) {
  constexpr int kMost = 1000;
  if (!text) return otherwise;
  int number = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || stopped != end || number < 1 || number > kMost)
    throw InputError(option, *text, fmt::format("an integer from 1 to {}", kMost));
  return number;
}

int processors() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

// [[steps, level, level, ...], ...]
std::vector<Request> points_of(const std::string& file, const SweepFile& sweep) {
  std::vector<Request> points;
  const auto wrong = [&](const nlohmann::json& found) {
    throw InputError("--points " + file, found.dump(), "[[STEPS, LEVEL of each axis], ...]");
  };
  const nlohmann::json json = read_json_file(file);
  if (!json.is_array()) wrong(json);
  for (const nlohmann::json& point : json) {
    const auto& axes = sweep.space.axes();
    bool right = point.is_array() && point.size() == axes.size() + 1;
    for (std::size_t i = 0; right && i < point.size(); ++i)
      right = point[i].is_number_unsigned() && (i == 0 || point[i] < axes[i - 1].levels.size());
    if (!right) wrong(point);
    points.push_back(request_of(point));
  }
  return points;
}

// Of a terminal, a table; of a pipe or a file, CSV.
void answer(const SweepArguments& arguments) {
  if (arguments.store.empty()) throw InputError("--query", "no --store", "the store that is asked");
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  progress.begin("searching the store", 0);
  Query query(arguments.store, arguments.query, progress);
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
  progress.end();
  if (table) std::cout << text.text();
}

fs::path store_of(const SweepArguments& arguments, const SweepFile& file) {
  return arguments.store.empty() ? fs::path(file.name + ".sqlite") : fs::path(arguments.store);
}

Elsewhere slurm_of(const SweepArguments& arguments, const SweepFile& file, int workers) {
  if (!arguments.points.empty()) throw InputError("--slurm", "--points, too", "one of the two");
  if (arguments.file == "-") throw InputError("--slurm", "standard input", "a file that tasks can read");
  if (file.measurement == Measurement::kTraining && looks_at_results(file) &&
      file.sampler.at("kind") == "halving")
    throw InputError("--slurm", "the sampler halving, whose trainings go on where others have ended",
                     "another sampler, or --workers on one machine");
  SlurmOptions slurm;
  slurm.partition = arguments.slurm;
  slurm.time = arguments.time;
  slurm.memory = arguments.memory;
  constexpr int kTasks = 100;
  slurm.tasks = number_of("--tasks", arguments.tasks, kTasks);
  slurm.workers = workers;
  slurm.sweep = arguments.file;
  return on_slurm(std::move(slurm));
}

std::string beginning(const SweepArguments& arguments, const SweepFile& file, const SweepOptions& options) {
  const std::string who =
      arguments.slurm.empty() ? fmt::format("{} workers", options.workers) : "partition " + arguments.slurm;
  return fmt::format("{}: up to {} points, {}, store {}\n", file.name, requests(file), who,
                     options.store.string());
}

}  // namespace

void add_sweep(CLI::App& app, SweepArguments& arguments) {
  CLI::App* sweep =
      app.add_subcommand("sweep", "Looks at the points of a design space, and keeps what they cost");
  sweep->add_option("SWEEP", arguments.file, "Base, axes, constraints, objectives and sampler (JSON)");
  sweep->add_option("--store", arguments.store, "SQLite file of all points; default NAME.sqlite")
      ->type_name("FILE");
  sweep->add_option("--workers", arguments.workers,
                    "Processes; default: one for each processor, with --slurm one a task");
  sweep->add_option("--csv", arguments.csv, "Also writes all points of the sweep; - is standard output")
      ->type_name("FILE");
  sweep
      ->add_option("--query", arguments.query,
                   "Asks the store and does nothing else: a table, or CSV for a file")
      ->type_name("SQL");
  sweep
      ->add_option("--points", arguments.points,
                   "Only these points, whatever the sampler: [[steps, level of each axis], ...]")
      ->type_name("FILE");
  CLI::Option* const slurm =
      sweep
          ->add_option("--slurm", arguments.slurm, "Does the points as job arrays of Slurm in this partition")
          ->type_name("PARTITION");
  sweep->add_option("--tasks", arguments.tasks, "Tasks of an array, at most; default 100")->needs(slurm);
  sweep->add_option("--time", arguments.time, "Limit of a task, as sbatch takes it")->needs(slurm);
  sweep->add_option("--memory", arguments.memory, "Memory of a task, as sbatch takes it")->needs(slurm);
  sweep->add_flag("--retry", arguments.retry, "Tries points again that have failed");
  sweep->add_flag("--keep-runs", arguments.keep_runs, "Keeps the directories of trainings, FILE.runs");
  sweep->add_flag("--quiet", arguments.quiet, "Prints errors only");
}

bool sweep(const SweepArguments& arguments) {
  if (!arguments.query.empty()) {
    answer(arguments);
    return true;
  }
  if (arguments.file.empty()) throw InputError("SWEEP", "nothing", "a file, or --query");
  InterruptGuard interrupt(InterruptGuard::kBeforeItsEnd);
  const nlohmann::json json = read_json_file(arguments.file);  // once: it may be a pipe
  const fs::path place = arguments.file == "-" ? fs::path("sweep") : fs::path(arguments.file);
  const SweepFile file = parse_sweep(json, place.parent_path(), place.stem().string());
  SweepOptions options;
  options.workers = number_of("--workers", arguments.workers, arguments.slurm.empty() ? processors() : 1);
  options.retry = arguments.retry;
  options.keep_runs = arguments.keep_runs;
  options.store = store_of(arguments, file);
  check_output("--csv", arguments.csv);
  check_apart("--csv", arguments.csv, "the store", options.store);
  check_apart("--csv", arguments.csv, "the sweep", arguments.file);
  std::vector<Request> points;
  if (!arguments.points.empty()) {
    points = points_of(arguments.points, file);
    options.access = StoreAccess::kShared;  // it is a part of what somebody gathers
  }
  if (!arguments.slurm.empty()) options.elsewhere = slurm_of(arguments, file, options.workers);
  std::ostream& report = arguments.csv == "-" ? std::cerr : std::cout;
  SweepRun run(file, json.dump(1), options);
  if (!arguments.quiet) report << beginning(arguments, file, options) << std::flush;
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  interrupt.remember_parts();
  const auto stop = [&] { return interrupt.interrupted(); };
  const bool done =
      arguments.points.empty() ? run.run(progress, stop) : run.run_points(points, progress, stop);
  progress.end();
  if (!arguments.quiet) report << (done ? sweep_summary(run) : counts_text(run.counts()));
  if (!done) {
    tell(stderr,
         fmt::format("anzan: interrupted; the same command goes on{}\n",
                     arguments.slurm.empty() ? "" : ", and jobs that were submitted go on without it"));
    return false;
  }
  if (!arguments.csv.empty()) write_file_atomically(arguments.csv, sweep_csv(run));
  return true;
}

}  // namespace anzan::sim
