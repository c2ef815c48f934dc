// See collective_command.hpp.
#include "sim/collective_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>

#include "compiler/input_error.hpp"
#include "sim/atomic_file.hpp"
#include "sim/collective_cost.hpp"
#include "sim/configuration.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Pointer = nlohmann::json::json_pointer;

// A collective has no images; the configuration has to have a number of them that all cores can share.
Override enough_images(nlohmann::json json, const std::vector<Override>& overrides) {
  const auto number = [&](const char* place, std::int64_t fallback) {
    const Pointer pointer(place);
    nlohmann::json value = json.contains(pointer) ? json[pointer] : nlohmann::json(fallback);
    for (const Override& o : overrides)
      if (o.pointer == pointer) value = o.value;
    return value.is_number_integer() ? value.get<std::int64_t>() : fallback;
  };
  return {Pointer("/training/batch"),
          number("/chip/lanes", 16) * number("/chip/cores", 1) * number("/system/chips", 1)};
}

compiler::CollectiveKind kind_of(const std::string& name) {
  if (const auto kind = compiler::parse_collective(name)) return *kind;
  std::vector<std::string_view> names;
  for (int k = 0; k < compiler::kCollectiveKinds; ++k)
    names.push_back(compiler::name(static_cast<compiler::CollectiveKind>(k)));
  throw InputError("--kind", name, fmt::format("one of {}", fmt::join(names, ", ")));
}

isa::Format format_of(const std::string& name) {
  for (const isa::Format f : {isa::Format::kFp32, isa::Format::kInt16, isa::Format::kInt8})
    if (name == isa::name(f)) return f;
  throw InputError("--format", name, "fp32, int16 or int8");
}

}  // namespace

void add_collective(CLI::App& app, CollectiveArguments& arguments) {
  CLI::App* collective =
      app.add_subcommand("collective", "Says what a collective over all cores of a system takes, and theory");
  collective->add_option("CONFIG", arguments.config, "Configuration (JSON)")->required();
  collective->add_option("--kind", arguments.kind,
                         "all_reduce (default), reduce_scatter, all_gather, broadcast or all_to_all");
  collective->add_option("--bytes", arguments.bytes, "Of the buffer that each core has")->required();
  collective->add_option("--format", arguments.format, "What is added: fp32 (default), int16 or int8");
  collective->add_option("--out", arguments.out, "Also writes JSON, with every link")->type_name("FILE");
  collective->add_option("--trace", arguments.trace, "Also writes a trace for Perfetto: cores and links")
      ->type_name("FILE");
  collective->add_option("--set", arguments.sets, "Changes the configuration: /json/pointer=value")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
}

void collective(const CollectiveArguments& arguments) {
  const compiler::CollectiveKind kind = kind_of(arguments.kind);
  const isa::Format format = format_of(arguments.format);
  std::vector<Override> overrides;
  for (const std::string& set : arguments.sets) overrides.push_back(parse_override(set));
  overrides.push_back(enough_images(read_json_file(arguments.config), overrides));
  const Configuration configuration = load_configuration(arguments.config, overrides);
  if (configuration.system.parameters.divided())
    throw InputError("/system/mapping", "a divided network", "one axis: a collective is over all cores");
  const CollectiveCost cost = cost_of_collective(configuration, kind, arguments.bytes, format);
  std::cout << cost.text();
  const char* option = "--out";
  try {
    if (!arguments.out.empty()) write_file_atomically(arguments.out, cost.json().dump(1) + "\n");
    option = "--trace";
    if (!arguments.trace.empty()) trace_collective(configuration, cost, arguments.trace);
  } catch (const std::system_error& error) {
    throw InputError(option, error.what(), "a file that can be written");
  }
}

}  // namespace anzan::sim
