// The arguments, and the files that are written; what a collective takes, sim/cost/ says.
#include "sim/collective_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string_view>

#include "compiler/input/input_error.hpp"
#include "models/number_format.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/cost/collective_cost.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/size.hpp"
#include "sim/host/work_progress.hpp"
#include "sim/trace/traces.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;

compiler::CollectiveKind kind_of(const std::string& name) {
  if (const auto kind = compiler::parse_collective(name)) return *kind;
  std::vector<std::string_view> names;
  for (int k = 0; k < compiler::kCollectiveKinds; ++k)
    names.push_back(compiler::name(static_cast<compiler::CollectiveKind>(k)));
  throw InputError("--kind", name, fmt::format("one of {}", fmt::join(names, ", ")));
}

isa::Format format_of(const std::string& name) {
  if (const auto format = isa::parse_format(name)) return *format;
  std::vector<std::string_view> names;
  for (const isa::Format f : models::all_formats()) names.push_back(isa::name(f));
  throw InputError("--format", name, fmt::format("one of {}", fmt::join(names, ", ")));
}

std::int64_t bytes_of(const std::string& size) {
  if (const auto bytes = parse_size(size)) return *bytes;
  throw InputError("--bytes", size, kSizeSyntax);
}

}  // namespace

void add_collective(CLI::App& app, CollectiveArguments& arguments) {
  CLI::App* collective =
      app.add_subcommand("collective", "Says what a collective over all cores of a system takes, and theory");
  collective->add_option("CONFIG", arguments.config, "Configuration (JSON)")->required();
  collective->add_option("--kind", arguments.kind,
                         "all_reduce (default), reduce_scatter, all_gather, broadcast or all_to_all");
  collective
      ->add_option("--bytes", arguments.bytes, "Of the buffer that each core has: 1000000, 1e6, 8MiB, …")
      ->required();
  collective->add_option("--format", arguments.format, "What is added: fp32 (default), int16 or int8");
  collective->add_option("--out", arguments.out, "Also writes JSON, with every link; - is standard output")
      ->type_name("FILE");
  collective->add_option("--trace", arguments.trace, "Also writes a trace for Perfetto: cores and links")
      ->type_name("FILE");
  collective->add_option("--set", arguments.sets, "Changes the configuration: /json/pointer=value")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
}

void collective(const CollectiveArguments& arguments) {
  const compiler::CollectiveKind kind = kind_of(arguments.kind);
  const isa::Format format = format_of(arguments.format);
  const std::int64_t bytes = bytes_of(arguments.bytes);
  std::vector<Override> overrides;
  for (const std::string& set : arguments.sets) overrides.push_back(parse_override(set));
  const Configuration configuration = load_configuration(arguments.config, overrides, Purpose::kCollective);
  if (configuration.system.parameters.divided())
    throw InputError("/system/mapping", "a divided network", "one axis: a collective is over all cores");
  if (arguments.out == "-" && arguments.trace == "-")
    throw InputError("--trace", "standard output, where --out goes", "a file");
  check_apart("--trace", arguments.trace, "--out's", arguments.out);
  check_output("--out", arguments.out);
  check_output("--trace", arguments.trace);
  WorkProgress progress(output_kind(STDERR_FILENO, false));
  const CollectiveCost cost = cost_of_collective(configuration, kind, bytes, format, progress);
  progress.end();
  (arguments.out == "-" || arguments.trace == "-" ? std::cerr : std::cout) << cost.text();
  if (!arguments.out.empty()) write_file_atomically(arguments.out, cost.json().dump(1) + "\n");
  if (!arguments.trace.empty()) trace_collective(configuration, cost, arguments.trace);
}

}  // namespace anzan::sim
