// Arguments to actions, and every error to an exit status and words on standard error.
#include "sim/command_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <new>
#include <optional>
#include <sstream>

#include "compiler/input/input_error.hpp"
#include "isa/assembly.hpp"
#include "sim/allocate_command.hpp"
#include "sim/collective_command.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/cost/chip_cost.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/terminal.hpp"
#include "sim/host/version.hpp"
#include "sim/host/work_progress.hpp"
#include "sim/memory_command.hpp"
#include "sim/program_file.hpp"
#include "sim/rtl/core.hpp"
#include "sim/summary.hpp"
#include "sim/sweep_command.hpp"
#include "sim/trace/traces.hpp"
#include "sim/training/checkpoint.hpp"
#include "sim/training/evaluation.hpp"
#include "sim/training/interrupt.hpp"
#include "sim/training/trained_run.hpp"
#include "sim/training/training_run.hpp"
#include "sim/training/weights_file.hpp"
#include "sim/verify/verify.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
namespace fs = std::filesystem;

constexpr int kDone = 0, kFailed = 1, kWrongInput = 2;

struct RunArguments {
  std::string config, out;
  std::vector<std::string> sets;
  std::string engine;
  std::vector<std::string> rtl;
  std::optional<std::string> threads, seed, until;
  bool resume = false, restart = false, quiet = false;
  TraceOptions trace;
};

struct CostArguments {
  std::string config, out;
  std::vector<std::string> sets;
  TraceOptions trace;
  std::optional<std::string> one_core_cycles;
  bool step_only = false, no_one_core = false, quiet = false;
};

struct EvaluateArguments {
  std::string directory;
  std::vector<std::string> sets;
  bool quiet = false;
};

struct ExportArguments {
  std::string directory, file;
  std::vector<std::string> sets;
  bool quiet = false;
};

struct VerifyArguments {
  std::optional<std::string> seed, programs, instructions, lanes;
  bool first = false, coverage = false;
  std::string junit;
  std::string waves;
  bool all_waves = false;
};

struct CompileArguments {
  std::string config, dump, out;
  std::vector<std::string> sets;
  bool quiet = false;
};

std::vector<Override> overrides_of(const std::vector<std::string>& sets) {
  std::vector<Override> overrides;
  for (const std::string& set : sets) overrides.push_back(parse_override(set));
  return overrides;
}

Configuration configuration(const std::string& file, const std::vector<std::string>& sets,
                            models::Watch watch, std::vector<Override> more = {}) {
  std::vector<Override> overrides = overrides_of(sets);
  for (Override& change : more) overrides.push_back(std::move(change));
  return load_configuration(file, overrides, Purpose::kTraining, watch);
}

// Standard output that is full or closed is a failure, not a silent loss.
void flush_output() {
  std::cout.flush();
  if (!std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw std::runtime_error("cannot write to standard output");
}

// An option's whole number, neither rounded nor clamped.
template <class Number>
Number whole_number(const char* option, const std::string& text, Number least, Number most) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stopped == end && value >= least && value <= most) return value;
  throw InputError(option, text, fmt::format("an integer from {} to {}", least, most));
}

template <class Number>
void take(const char* option, const std::optional<std::string>& text, Number most, Number& value) {
  if (text) value = whole_number<Number>(option, *text, 1, most);
}

// As the configuration's schema is to see it: a number, or what is none.
nlohmann::json json_of(const std::string& text) {
  return nlohmann::json::accept(text) ? nlohmann::json::parse(text) : nlohmann::json(text);
}

// Where a command's words go: not between the bytes of a file that goes to standard output.
std::ostream& report_beside(const std::string& file) { return file == "-" ? std::cerr : std::cout; }

// A run writes config.json into its directory: not over a user's own, which has no run beside it.
void check_output_directory(const std::string& config, const fs::path& out) {
  if (out.filename() == "..")
    throw InputError("--out", "nothing, and no name in " + config, "a directory of the results");
  for (const char* file : {kCheckpointFile, kResultFile, kWeightsFile})
    if (fs::exists(out / file)) return;
  check_apart("--out", out / kConfigFile, "the configuration", config);
}

int run(const RunArguments& arguments) {
  const InterruptGuard interrupt(InterruptGuard::kBeforeTheFirstStep);
  using Pointer = nlohmann::json::json_pointer;
  std::vector<Override> options;
  if (!arguments.engine.empty()) options.push_back({Pointer("/engine/kind"), arguments.engine});
  if (!arguments.rtl.empty()) {
    if (arguments.engine.empty())
      options.push_back({Pointer("/engine/kind"), engine_names(&EngineTraits::takes_rtl_blocks).front()});
    options.push_back({Pointer("/engine/rtl"), arguments.rtl});
  }
  if (arguments.threads) options.push_back({Pointer("/engine/threads"), json_of(*arguments.threads)});
  if (arguments.seed) options.push_back({Pointer("/training/seed"), json_of(*arguments.seed)});
  if (arguments.until) options.push_back({Pointer("/training/until"), json_of(*arguments.until)});
  if (arguments.trace.rtl_waveform && !rtl_has_waves())
    throw InputError("--wave", "a build without waveforms", "one configured with -DANZAN_RTL_WAVES=ON");
  if (arguments.resume && arguments.restart) throw InputError("--restart", "--resume, too", "one of the two");
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  Configuration config = configuration(arguments.config, arguments.sets, progress, options);
  const fs::path name = arguments.config == "-" ? "standard_input" : fs::path(arguments.config).stem();
  const fs::path out = arguments.out.empty() ? fs::path("results") / name : fs::path(arguments.out);
  check_output_directory(arguments.config, out);
  const Beginning beginning = arguments.resume    ? Beginning::kResume
                              : arguments.restart ? Beginning::kRestart
                                                  : Beginning::kNew;
  TrainingRun training(std::move(config), out, beginning, Progress::kind_of_output(arguments.quiet),
                       progress);
  progress.end();
  training.trace(arguments.trace);
  if (!training.train()) {
    tell(stderr, fmt::format("anzan: interrupted after step {}; --resume with the same configuration and "
                             "--out {} continues\n",
                             training.steps_done(), compiler::printable(out.string())));
    return kFailed;
  }
  if (!arguments.quiet) {
    std::cout << "result: " << compiler::printable((out / kResultFile).string()) << '\n'
              << summary(training.result());
  }
  flush_output();
  if (const auto failure = training.failure()) {
    tell(stderr, fmt::format("anzan: training has failed: {}\n", *failure));
    return kFailed;
  }
  return kDone;
}

fs::path directory_of(const std::string& out) {
  try {
    fs::create_directories(out);
  } catch (const std::system_error& error) {
    throw InputError("--out", error.what(), "a directory that can be written");
  }
  return out;
}

// One step without values; and, for who reads cost.json, one run of each of the other programs.
int cost(const CostArguments& arguments) {
  const bool traces = arguments.trace.events || arguments.trace.waveform;
  if (traces && arguments.out.empty()) throw InputError("--out", "nothing", "a directory for the traces");
  std::optional<std::int64_t> one_core_cycles;
  if (arguments.one_core_cycles)
    one_core_cycles = whole_number<std::int64_t>("--one-core-cycles", *arguments.one_core_cycles, 1,
                                                 std::numeric_limits<std::int64_t>::max());
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  const Configuration c = configuration(arguments.config, arguments.sets, progress);
  if (!arguments.out.empty()) check_output("--out", (directory_of(arguments.out) / "cost.json").string());
  const bool step_only = arguments.step_only || arguments.out.empty();
  const compiler::CompiledModel model = compiler::compile(c.input(), {step_only, progress});
  const OneCore one_core{!arguments.no_one_core, one_core_cycles};
  const ChipCost cost(model, c.cost, cost_of_system(c, model, one_core, progress), progress);
  progress.end();
  nlohmann::json result = cost_of_one_run(cost, model.memory);
  result.update(
      {{"roofline", cost.roofline()}, {"network", network_to_json(c.network)}, {"config", c.effective}});
  std::cout << cost_summary(result);
  if (!arguments.out.empty()) {
    const fs::path out = arguments.out;
    write_file_atomically(out / "cost.json", result.dump(1) + "\n");
    write_traces(cost, model, c.cost, arguments.trace, out);
  }
  flush_output();
  return kDone;
}

int compile(const CompileArguments& arguments) {
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  const Configuration c = configuration(arguments.config, arguments.sets, progress);
  check_output("--out", arguments.out);
  check_apart("--out", arguments.out, "the configuration", arguments.config);
  std::ostream& report = report_beside(arguments.out);
  if (!arguments.dump.empty()) {
    const std::string text = compiler::dump(arguments.dump, c.input(), progress);
    progress.end();
    report << text;
    if (arguments.out.empty()) {
      flush_output();
      return kDone;
    }
  }
  const compiler::CompiledModel model = compiler::compile(c.input(), {/*step_only=*/false, progress});
  progress.end();
  if (!arguments.out.empty()) write_programs(arguments.out, programs_of(model));
  if (arguments.dump.empty()) {
    for (const auto& [name, words] : programs_of(model)) {
      report << fmt::format("{}: {} instructions, {} words\n", name, isa::decode(words).size(), words.size());
    }
    report << fmt::format("HBM {} bytes; planned {} bytes a step, conventional {}, lower bound {}\n",
                          model.hbm_lines * 4 * model.chip.lanes, model.memory.planned_bytes,
                          model.memory.conventional_bytes, model.memory.lower_bound_bytes);
    for (std::size_t s = 0; model.system.divided() && s < model.stages.size(); ++s) {
      const compiler::MemoryPlan& plan = model.stages[s].memory;
      report << fmt::format("stage {}: planned {} bytes a step, conventional {}, lower bound {}\n", s,
                            plan.planned_bytes, plan.conventional_bytes, plan.lower_bound_bytes);
    }
  }
  flush_output();
  return kDone;
}

int evaluate_run(const EvaluateArguments& arguments) {
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  const Evaluation found = evaluate(arguments.directory, overrides_of(arguments.sets), progress);
  progress.end();
  std::cout << fmt::format("test accuracy {:.2f} % ({} of {} {}; weights after step {})\n",
                           100.0 * static_cast<double>(found.right) / static_cast<double>(found.labels),
                           found.right, found.labels, found.labels == found.images ? "images" : "pixels",
                           found.step);
  flush_output();
  return kDone;
}

int export_run(const ExportArguments& arguments) {
  check_output("FILE", arguments.file);
  for (const char* kept : {kCheckpointFile, kConfigFile, kResultFile, kWeightsFile})
    check_apart("FILE", arguments.file, "a file of the run", fs::path(arguments.directory) / kept);
  WorkProgress progress(output_kind(STDERR_FILENO, arguments.quiet));
  TrainedRun run(arguments.directory, overrides_of(arguments.sets), progress);
  progress.end();
  export_onnx(arguments.file, run.configuration().network, run.trainer());
  report_beside(arguments.file) << fmt::format("{}: weights after step {}\n",
                                               compiler::printable(arguments.file), run.step());
  flush_output();
  return kDone;
}

void print_coverage(const FunctionalCoverage& coverage, std::ostream& report) {
  for (const auto& [bin, hits] : coverage.bins()) report << fmt::format("{:8} {}\n", hits, bin);
  const std::vector<std::string> missed = coverage.missed();
  report << fmt::format("{} of {} bins hit\n", coverage.bins().size() - missed.size(),
                        coverage.bins().size());
  for (const std::string& bin : missed) report << "missed: " << bin << '\n';
}

// Random programs on the RTL against models and executor.
int verify_rtl(const VerifyArguments& arguments) {
  VerifyOptions options;
  constexpr int kMostPrograms = 1'000'000'000;
  take("--lanes", arguments.lanes, 32, options.lanes);
  take("--programs", arguments.programs, kMostPrograms, options.programs);
  take("--instructions", arguments.instructions, 1'000'000, options.instructions);
  if (arguments.seed)
    options.seed = whole_number<std::uint64_t>(
        "--seed", *arguments.seed, 0,
        std::numeric_limits<std::uint64_t>::max() - static_cast<std::uint64_t>(kMostPrograms));
  options.stop = arguments.first;
  options.shorten = !arguments.first;
  FunctionalCoverage coverage;
  if (arguments.coverage) options.coverage = &coverage;
  if (!rtl_has_lanes(options.lanes)) throw InputError("--lanes", std::to_string(options.lanes), rtl_lanes());
  check_output("--junit", arguments.junit);
  std::ostream& report = report_beside(arguments.junit);
  options.waves = arguments.waves;
  if (!options.waves.empty()) {
    if (!rtl_has_waves())
      throw InputError("--wave", "a build without waveforms", "one configured with -DANZAN_RTL_WAVES=ON");
    std::error_code error;
    fs::create_directories(options.waves, error);
    if (error) throw InputError("--wave", error.message(), "a directory, or a place for one");
    check_output("--wave", options.waves + "/seed_1.gtkw");
    options.shorten = true;
    options.all_waves = arguments.all_waves;
  }
  const auto start = std::chrono::steady_clock::now();
  std::int64_t cycles = 0, different = 0;
  const std::vector<ProgramVerdict> verdicts = verify(options, [&](const ProgramVerdict& v) {
    cycles += v.cycles;
    if (v.difference.empty()) return;
    ++different;
    report << "seed " << v.seed << ": " << v.difference << "  repeat: " << repeat_command(options, v) << '\n';
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!arguments.junit.empty()) write_file_atomically(arguments.junit, junit(options, verdicts, seconds));
  report << fmt::format(
      "{} programs with {} lanes, seeds {} to {}: {} differ; {} cycles of RTL in {:.1f} s\n", verdicts.size(),
      options.lanes, options.seed, options.seed + verdicts.size() - 1, different, cycles, seconds);
  if (arguments.coverage) print_coverage(coverage, report);
  flush_output();
  return different == 0 ? kDone : kFailed;
}

int disassemble(const std::string& file) {
  for (const auto& [name, words] : read_programs(file)) {
    try {
      std::cout << "# " << name << '\n' << isa::disassemble(isa::decode(words));
    } catch (const isa::ProgramError& error) {
      throw InputError(file + ", program " + name, error.found(), error.expected());
    }
  }
  flush_output();
  return kDone;
}

int guarded(const std::function<int()>& command) {
  const InterruptGuard interrupt(InterruptGuard::kBeforeItsEnd);
  try {
    return command();
  } catch (const InputError& error) {
    tell(stderr, "anzan: wrong input\n");
    std::istringstream lines(error.what());
    for (std::string line; std::getline(lines, line);) tell(stderr, "  " + line + "\n");
    return kWrongInput;
  } catch (const std::bad_alloc&) {
    tell(stderr, "anzan: failed: out of memory\n");
  } catch (const std::exception& error) {
    tell(stderr, fmt::format("anzan: failed: {}\n", compiler::printable(error.what())));
  }
  return kFailed;
}

// Of a command that prints what it has found, or that there is nothing to be found.
int printed(const std::function<bool()>& command) {
  return guarded([&] {
    const bool found = command();
    flush_output();
    return found ? kDone : kFailed;
  });
}

// What the parser of options finds, said as all else.
int wrong_arguments(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  return guarded([&]() -> int {
    if (argc < 2) throw InputError("command", "nothing", fmt::format("one of {}", fmt::join(commands, ", ")));
    const std::string first = argv[1];
    if (std::find(commands.begin(), commands.end(), first) == commands.end() && first[0] != '-')
      throw InputError("command", first,
                       fmt::format("one of {}{}", fmt::join(commands, ", "), suggestion(first, commands)));
    throw InputError("arguments", error.what(), "what `anzan " + first + " --help` says");
  });
}

void add_traces(CLI::App& command, TraceOptions& trace) {
  command.add_flag("--trace", trace.events,
                   "Writes DIR/trace.json (Perfetto) and DIR/trace*.txt of a training step: cores and links");
  command.add_flag("--vcd", trace.waveform,
                   "Writes DIR/trace.vcd, the blocks' states during a training step");
}

void add_run(CLI::App& app, RunArguments& arguments) {
  CLI::App* run = app.add_subcommand("run", "Trains a network and writes DIR/result.json");
  run->add_option("CONFIG", arguments.config, "Configuration (JSON)")->required();
  run->add_option("--out", arguments.out, "Directory of the results; default results/<name of CONFIG>")
      ->type_name("DIR");
  run->add_option("--set", arguments.sets, "Changes the configuration: /json/pointer=value")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
  run->add_option("--rtl", arguments.rtl,
                  fmt::format("Blocks in RTL among the models of the engine {}",
                              fmt::join(engine_names(&EngineTraits::takes_rtl_blocks), ", ")))
      ->delimiter(',')
      ->type_name("BLOCK,...");
  run->add_option("--engine", arguments.engine,
                  fmt::format("What executes the program: {}", fmt::join(engine_names(), ", ")))
      ->type_name("KIND");
  run->add_option("--threads", arguments.threads, "Host threads; 0: one for each processor");
  run->add_option("--seed", arguments.seed, "Seed of weights, order and rounding");
  run->add_option("--until", arguments.until,
                  "Ends with the first test of which this share of images is classified rightly, e.g. 0.99")
      ->type_name("ACCURACY");
  run->add_flag("--resume", arguments.resume,
                "Continues from DIR/checkpoint.bin, also with more iterations or other tests");
  run->add_flag("--restart", arguments.restart,
                "Begins anew where a run has not finished; its checkpoint is lost");
  run->add_flag("--quiet", arguments.quiet, "Prints errors only");
  add_traces(*run, arguments.trace);
  run->add_flag("--wave", arguments.trace.rtl_waveform,
                "Writes DIR/trace.fst (of core N: trace_core_N.fst), all signals of the engine rtl after the "
                "calibration; for builds with "
                "-DANZAN_RTL_WAVES=ON");
}

void add_cost(CLI::App& app, CostArguments& arguments) {
  CLI::App* cost =
      app.add_subcommand("cost", "Says what a training step costs on the chip, without training");
  cost->add_option("CONFIG", arguments.config, "Configuration (JSON)")->required();
  cost->add_option("--out", arguments.out, "Directory for cost.json and traces; default: none is written")
      ->type_name("DIR");
  cost->add_option("--set", arguments.sets, "Changes the configuration: /json/pointer=value")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
  cost->add_option("--one-core-cycles", arguments.one_core_cycles,
                   "What one core takes for all images of a step, if that is known; default: it is run")
      ->type_name("CYCLES");
  cost->add_flag("--no-one-core", arguments.no_one_core,
                 "Compares a system of many cores with none: no speed-up, in a third of the time");
  cost->add_flag("--step", arguments.step_only,
                 "cost.json says nothing of the programs beside the step, in a third of the time");
  cost->add_flag("--quiet", arguments.quiet, "No progress on standard error");
  add_traces(*cost, arguments.trace);
}

void add_evaluate(CLI::App& app, EvaluateArguments& arguments) {
  CLI::App* evaluate =
      app.add_subcommand("evaluate", "Says what the trained weights of a run classify rightly");
  evaluate->add_option("DIR", arguments.directory, "Directory of the run: config.json and checkpoint.bin")
      ->required();
  evaluate
      ->add_option("--set", arguments.sets,
                   "Changes the configuration: /json/pointer=value, e.g. other images")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
  evaluate->add_flag("--quiet", arguments.quiet, "No progress on standard error");
}

void add_export(CLI::App& app, ExportArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("export", "Writes the network and trained weights of a run as an ONNX model");
  command->add_option("DIR", arguments.directory, "Directory of the run: config.json and checkpoint.bin")
      ->required();
  command->add_option("FILE", arguments.file, "The ONNX file; - is standard output")->required();
  command->add_option("--set", arguments.sets, "Changes the configuration: /json/pointer=value")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
  command->add_flag("--quiet", arguments.quiet, "No progress on standard error");
}

void add_verify(CLI::App& app, VerifyArguments& arguments) {
  CLI::App* verify = app.add_subcommand("verify", "Random programs: RTL against models, in bits and cycles");
  verify->add_option("--seed", arguments.seed, "Seed of the first program; default 1");
  verify->add_option("--programs", arguments.programs, "Number of programs; default 100");
  verify->add_option("--instructions", arguments.instructions, "Instructions a program; default 30");
  verify->add_option("--lanes", arguments.lanes, "Lanes of the core: 4 (default) or 16");
  verify->add_flag("--first", arguments.first,
                   "Stops at the first program that differs, and leaves it as it is");
  CLI::Option* const wave =
      verify
          ->add_option(
              "--wave", arguments.waves,
              "Writes the waveform of each program that differs, as FST and with a save file of GTKWave")
          ->type_name("DIR");
  verify->add_flag("--all-waves", arguments.all_waves, "Also of programs that do not differ")->needs(wave);
  verify->add_flag("--coverage", arguments.coverage, "Prints what the programs reached, and what not");
  verify
      ->add_option("--junit", arguments.junit,
                   "Also writes JUnit XML, a test case a program; - is standard output")
      ->type_name("FILE");
}

void add_compile(CLI::App& app, CompileArguments& arguments) {
  CLI::App* compile = app.add_subcommand("compile", "Compiles a network and says what came out");
  compile->add_option("CONFIG", arguments.config, "Configuration (JSON)")->required();
  compile->add_option("--set", arguments.sets, "Changes the configuration: /json/pointer=value")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
  compile
      ->add_option("--dump", arguments.dump,
                   fmt::format("Prints what a pass decided: {}", fmt::join(compiler::dump_passes(), ", ")))
      ->type_name("PASS");
  compile->add_option("--out", arguments.out, "Writes the programs to a file; - is standard output")
      ->type_name("FILE");
  compile->add_flag("--quiet", arguments.quiet, "No progress on standard error");
}

}  // namespace

int command_line(int argc, char** argv) {
  hold_standard_descriptors();
  // Writing beyond a limit on file sizes is then an error like any other, and found as one.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app{"Anzan: a simulator of a deep-learning training chip that computes in 8 and 16 bits"};
  app.set_version_flag("--version", std::string("anzan ") + program_version());
  app.require_subcommand(1);
  RunArguments run_arguments;
  CompileArguments compile_arguments;
  std::string program_file;
  add_run(app, run_arguments);
  add_compile(app, compile_arguments);
  VerifyArguments verify_arguments;
  add_verify(app, verify_arguments);
  CostArguments cost_arguments;
  add_cost(app, cost_arguments);
  EvaluateArguments evaluate_arguments;
  add_evaluate(app, evaluate_arguments);
  ExportArguments export_arguments;
  add_export(app, export_arguments);
  CollectiveArguments collective_arguments;
  add_collective(app, collective_arguments);
  AllocateArguments allocate_arguments;
  add_allocate(app, allocate_arguments);
  MemoryArguments memory_arguments;
  add_memory(app, memory_arguments);
  SweepArguments sweep_arguments;
  add_sweep(app, sweep_arguments);
  app.add_subcommand("disasm", "Prints compiled programs as text")
      ->add_option("FILE", program_file, "What `anzan compile --out` wrote")
      ->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return wrong_arguments(app, error, argc, argv);
    return guarded([&] {
      app.exit(error);  // the help, or the version
      flush_output();
      return kDone;
    });
  }
  if (app.got_subcommand("run")) return guarded([&] { return run(run_arguments); });
  if (app.got_subcommand("verify")) return guarded([&] { return verify_rtl(verify_arguments); });
  if (app.got_subcommand("collective"))
    return printed([&] { return collective(collective_arguments), true; });
  if (app.got_subcommand("allocate")) return printed([&] { return allocate(allocate_arguments); });
  if (app.got_subcommand("memory")) return printed([&] { return memory(memory_arguments), true; });
  if (app.got_subcommand("sweep")) return printed([&] { return sweep(sweep_arguments); });
  if (app.got_subcommand("evaluate")) return guarded([&] { return evaluate_run(evaluate_arguments); });
  if (app.got_subcommand("export")) return guarded([&] { return export_run(export_arguments); });
  if (app.got_subcommand("cost")) return guarded([&] { return cost(cost_arguments); });
  if (app.got_subcommand("compile")) return guarded([&] { return compile(compile_arguments); });
  return guarded([&] { return disassemble(program_file); });
}

}  // namespace anzan::sim
