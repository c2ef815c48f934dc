// See collective_command.hpp.
#include "sim/collective_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/cost/collective_cost.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/trace/traces.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Pointer = nlohmann::json::json_pointer;

// What a configuration says of a collective's system, and what it leaves to the network to be trained.
class Completion {
 public:
  Completion(const nlohmann::json& json, const std::vector<Override>& overrides)
      : json_(json), overrides_(overrides) {}

  // A collective has no images; there has to be a number of them that all cores can share.
  Override images() const {
    return {Pointer("/training/batch"),
            number("/chip/lanes", 16) * number("/chip/cores", 1) * number("/system/chips", 1)};
  }

  // The dimensions of the topology, unless others are asked for: `automatic` looks at gradients.
  std::vector<Override> algorithm() const {
    if (value("/system/exchange/algorithm", "automatic") != "automatic" ||
        !value("/system/exchange/dimensions", nullptr).is_null())
      return {};
    const nlohmann::json kind = value("/system/topology/kind", "ring");
    return {{Pointer("/system/exchange/algorithm"), kind == "torus" || kind == "mesh" ? "torus"
                                                    : kind == "hypercube"             ? "halving_doubling"
                                                                                      : "hierarchical"}};
  }

 private:
  nlohmann::json value(const char* place, const nlohmann::json& fallback) const {
    const Pointer pointer(place);
    nlohmann::json value = json_.contains(pointer) ? json_[pointer] : fallback;
    for (const Override& o : overrides_) {
      if (o.pointer == pointer) value = o.value;
      const std::string within = pointer.to_string(), above = o.pointer.to_string() + "/";
      if (within.rfind(above, 0) != 0) continue;  // an object set as a whole
      const Pointer rest(within.substr(above.size() - 1));
      value = o.value.contains(rest) ? o.value[rest] : fallback;
    }
    return value;
  }
  std::int64_t number(const char* place, std::int64_t fallback) const {
    const nlohmann::json number = value(place, fallback);
    return number.is_number_integer() ? number.get<std::int64_t>() : fallback;
  }

  const nlohmann::json& json_;
  const std::vector<Override>& overrides_;
};

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
  const nlohmann::json json = read_json_file(arguments.config);
  const Completion completion(json, overrides);
  std::vector<Override> more = completion.algorithm();
  more.push_back(completion.images());
  overrides.insert(overrides.end(), more.begin(), more.end());
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
