// From a network or a configuration to the table, and the search for what still fits.
#include "sim/memory_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <utility>

#include "compiler/input/input_error.hpp"
#include "compiler/input/scratchpad.hpp"
#include "compiler/lowering/tables.hpp"
#include "compiler/memory/plan.hpp"
#include "compiler/memory/techniques.hpp"
#include "compiler/memory/training_graph.hpp"
#include "compiler/parallel/partition.hpp"
#include "compiler/passes.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/host/size.hpp"
#include "sim/host/work_progress.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;
namespace fs = std::filesystem;

// A network alone, or the place of its file, is trained on images that are made up.
Json configuration_for(Json network) {
  return {
      {"network", std::move(network)},
      {"dataset", {{"kind", "synthetic"}}},
      {"training", {{"batch", 64}, {"iterations", 1}, {"optimizer", {{"learning_rate", {{"base", 0.01}}}}}}},
      {"precision", {{"preset", "fp32"}}}};
}

Configuration read(const MemoryArguments& arguments) {
  std::vector<Override> overrides;
  for (const std::string& set : arguments.sets) overrides.push_back(parse_override(set));
  using Pointer = Json::json_pointer;
  if (arguments.batch)
    overrides.push_back({Pointer("/training/batch"), Json::accept(*arguments.batch)
                                                         ? Json::parse(*arguments.batch)
                                                         : Json(*arguments.batch)});
  if (arguments.format) overrides.push_back({Pointer("/precision"), {{"preset", *arguments.format}}});
  const fs::path file = arguments.file;
  if (file.extension() == ".onnx")
    return parse_configuration(configuration_for(file.filename().string()), file.parent_path(), overrides);
  Json json = read_json_file(file);  // once: it may be a pipe
  if (json.is_object() && json.contains("layers")) json = configuration_for(std::move(json));
  return parse_configuration(std::move(json), file.parent_path(), overrides);
}

// Of a core that has the whole network: its images, and gradients as they go over the network.
compiler::Input of_core(const Configuration& configuration) {
  compiler::Compilation c;
  c.input = configuration.input();
  compiler::run_passes(c, "network", "network");
  c.of_core.system.mapping = {};
  return c.of_core;
}

// The network as the system divides it, with its micro-batches in this order.
compiler::Partition divided(const Configuration& configuration, compiler::PipelineSchedule schedule) {
  compiler::Compilation c;
  c.input = configuration.input();
  c.input.system.mapping.schedule = schedule;
  compiler::run_passes(c, "network", "network");
  return compiler::partition(compiler::training_graph(c.of_core), 0);
}

// With the constants of its programs.
std::int64_t planned_bytes(const Configuration& configuration) {
  compiler::Graph graph = compiler::training_graph(of_core(configuration));
  const std::int64_t constants = compiler::plan_constants(graph).end_line;
  return compiler::plan_memory(graph, constants).lines * compiler::line_bytes(graph.chip);
}

// The largest number from 1 to `most` that fits, or 0; what fits is fitted by all smaller ones.
template <class Fits>
std::int64_t largest(std::int64_t most, const Fits& fits) {
  std::int64_t good = 0, step = 1;
  while (good + step <= most && fits(good + step)) {
    good += step;
    step *= 2;
  }
  for (; step > 0; step /= 2) {
    if (good + step <= most && fits(good + step)) good += step;
  }
  return good;
}

// The same run with another number of images a core.
Json with_images(Json json, std::int64_t batch) {
  json["training"]["batch"] = batch;
  return json;
}

// Layers have so many sixteenths of their channels, at least one a group; but for those before the loss,
// which are classes. Depthwise layers stay depthwise.
Json with_width(Json json, std::int64_t sixteenths) {
  Json& layers = json["network"]["layers"];
  std::map<std::int64_t, std::int64_t> now;  // channels of a layer before, and after
  const auto scaled = [&](std::int64_t channels, std::int64_t groups) {
    return std::max<std::int64_t>(1, channels * sixteenths / 16 / groups) * groups;
  };
  std::size_t last = layers.size();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].contains("channels")) last = i;
  }
  for (std::size_t i = 0; i < last; ++i) {
    Json& layer = layers[i];
    if (!layer.contains("channels")) continue;
    const auto channels = layer["channels"].get<std::int64_t>(),
               groups = layer.value("groups", std::int64_t{1});
    const bool depthwise = groups > 1 && now.count(groups) != 0 && channels % groups == 0;
    if (depthwise) layer["groups"] = now[groups];
    layer["channels"] = depthwise ? channels / groups * now[groups] : scaled(channels, groups);
    now[channels] = layer["channels"];
  }
  json["network"].erase("weights");
  return json;
}

class Report {
 public:
  Report(const MemoryArguments& arguments, WorkProgress& progress)
      : c_(read(arguments)), input_(of_core(c_)), hbm_(hbm_bytes(arguments)) {
    progress.begin("planning", 4);
    techniques_ = compiler::compare_techniques(input_);
    progress.done(1);
    graph_ = compiler::training_graph(input_);
    plan_ = compiler::plan_memory(graph_, 0);
    if (c_.system.parameters.divided()) {
      for (std::size_t s = 0; s < compiler::kPipelineSchedules.size(); ++s)
        divided_.push_back(divided(c_, static_cast<compiler::PipelineSchedule>(s)));
    }
    progress.done(1);
    const auto fits = [&](const Json& json) {
      try {
        return planned_bytes(parse_configuration(json, ".")) <= hbm_;
      } catch (const InputError&) {
        return false;  // nothing so large can be compiled
      }
    };
    Json json = c_.effective;
    json["system"]["mapping"]["automatic"] = false;
    images_ = largest(65'535, [&](std::int64_t batch) { return fits(with_images(json, batch)); });
    progress.done(1);
    sixteenths_ = largest(1'024, [&](std::int64_t width) { return fits(with_width(json, width)); });
    progress.done(1);
  }

  Json json() const {
    Json techniques = Json::array(), plan = Json::array();
    for (const compiler::TechniqueMemory& t : techniques_)
      techniques.push_back(
          {{"name", t.name},
           {"bytes", t.counted_bytes},
           {"saved_percent", saved(t.counted_bytes, techniques_.front().counted_bytes)},
           {"chip_bytes", t.plan.planned_bytes},
           {"chip_saved_percent", saved(t.plan.planned_bytes, techniques_.front().plan.planned_bytes)},
           {"chip_lower_bound_bytes", t.plan.lower_bound_bytes}});
    for (const Place& p : places())
      plan.push_back({{"tensor", p.tensor->name},
                      {"persistent", p.tensor->persistent},
                      {"first_use", p.life.begin},
                      {"last_use", p.life.end},
                      {"offset", p.offset},
                      {"bytes", p.bytes}});
    Json schedules = Json::array();
    for (std::size_t s = 0; s < divided_.size(); ++s) {
      Json stages = Json::array();
      for (const compiler::MemoryPlan& stage : divided_[s].plans) stages.push_back(stage.planned_bytes);
      const compiler::MemoryPlan& fullest = divided_[s].memory.report;
      schedules.push_back({{"schedule", compiler::kPipelineSchedules[s]},
                           {"conventional_bytes", fullest.conventional_bytes},
                           {"planned_bytes", fullest.planned_bytes},
                           {"lower_bound_bytes", fullest.lower_bound_bytes},
                           {"stages_planned_bytes", stages}});
    }
    return {{"memory",
             {{"divided", schedules},
              {"conventional_bytes", plan_.report.conventional_bytes},
              {"planned_bytes", plan_.report.planned_bytes},
              {"lower_bound_bytes", plan_.report.lower_bound_bytes},
              {"techniques", techniques},
              {"largest",
               {{"hbm_bytes", hbm_}, {"batch", images_}, {"width", static_cast<double>(sixteenths_) / 16}}},
              {"plan", plan}}},
            {"network", c_.network.name},
            {"batch", input_.training.batch}};
  }

  std::string text(bool with_plan) const {
    std::string text =
        fmt::format("{}: {} images a step of a core, {} lanes; MB are 10^6 bytes\n",
                    compiler::printable(c_.network.name), input_.training.batch, input_.chip.lanes);
    text +=
        "                     as articles count         on the chip\n"
        "technique                MB      less          MB      less   lower bound\n";
    for (const compiler::TechniqueMemory& t : techniques_)
      text += fmt::format(
          "{:<18} {:>9} {:>7.1f} %   {:>9} {:>7.1f} %   {:>11}\n", t.name, mb(t.counted_bytes),
          saved(t.counted_bytes, techniques_.front().counted_bytes), mb(t.plan.planned_bytes),
          saved(t.plan.planned_bytes, techniques_.front().plan.planned_bytes), mb(t.plan.lower_bound_bytes));
    text += fmt::format("{:<18} {:>9} {:>9}   {:>9} {:>7.1f} %   {:>11}\n", "as configured", "", "",
                        mb(plan_.report.planned_bytes),
                        saved(plan_.report.planned_bytes, techniques_.front().plan.planned_bytes),
                        mb(plan_.report.lower_bound_bytes));
    text += fmt::format("in {} MB of HBM, as configured: {}, or {:.4g} times the channels\n", mb(hbm_),
                        images_ > 0 ? fmt::format("{} images", images_) : "not one image",
                        static_cast<double>(sixteenths_) / 16);
    text += divided_text();
    return with_plan ? text + plan_text() : text;
  }

 private:
  static double saved(std::int64_t bytes, std::int64_t of) {
    return of == 0 ? 0 : 100 * (1 - static_cast<double>(bytes) / static_cast<double>(of));
  }
  static std::string mb(std::int64_t bytes) {
    return fmt::format("{:.1f}", static_cast<double>(bytes) * 1e-6);
  }

  std::int64_t hbm_bytes(const MemoryArguments& arguments) const {
    if (arguments.hbm.empty()) return c_.chip.hbm.rows * c_.chip.hbm.channels * c_.chip.hbm.row_bytes;
    if (const auto bytes = parse_size(arguments.hbm)) return *bytes;
    throw InputError("--hbm", arguments.hbm, kSizeSyntax);
  }

  // A tensor of the configured plan.
  struct Place {
    const compiler::TensorInfo* tensor;
    compiler::Lifetime life;
    std::int64_t offset, bytes;
  };
  std::vector<Place> places() const {
    const std::vector<compiler::Lifetime> life = compiler::lifetimes(graph_);
    const std::int64_t line = compiler::line_bytes(graph_.chip);
    std::vector<Place> all;
    for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
      const compiler::TensorInfo& t = graph_.tensors[i];
      if (t.hbm_line >= 0 && life[i].begin <= life[i].end)
        all.push_back({&t, life[i], t.hbm_line * line, t.lines * line});
    }
    return all;
  }

  // Of the core that needs most, whose part of the network this is.
  std::string divided_text() const {
    if (divided_.empty()) return "";
    const compiler::Mapping& mapping = c_.system.parameters.mapping;
    std::string text = fmt::format(
        "divided: {} x {} cores (tensor, pipeline), {} micro-batches; the stage that needs most\n"
        "schedule         planned   conventional   lower bound   all stages\n",
        mapping.tensor.size, mapping.pipeline.size, mapping.micro_batches);
    for (std::size_t s = 0; s < divided_.size(); ++s) {
      const compiler::MemoryPlan& fullest = divided_[s].memory.report;
      text += fmt::format("{:<13} {:>10}   {:>12}   {:>11}  ", compiler::kPipelineSchedules[s],
                          mb(fullest.planned_bytes), mb(fullest.conventional_bytes),
                          mb(fullest.lower_bound_bytes));
      for (const compiler::MemoryPlan& stage : divided_[s].plans) text += " " + mb(stage.planned_bytes);
      text += '\n';
    }
    return text;
  }

  std::string plan_text() const {
    std::string text = "      offset        bytes   first    last  tensor\n";
    for (const Place& p : places()) {
      const std::string uses =
          p.tensor->persistent ? "         always" : fmt::format("{:>7} {:>7}", p.life.begin, p.life.end);
      text += fmt::format("{:>12} {:>12} {}  {}\n", p.offset, p.bytes, uses, p.tensor->name);
    }
    return text;
  }

  Configuration c_;
  compiler::Input input_;
  std::int64_t hbm_;
  std::vector<compiler::TechniqueMemory> techniques_;
  compiler::Graph graph_;
  compiler::HbmPlan plan_;
  std::vector<compiler::Partition> divided_;  // by schedule, where the system divides the network
  std::int64_t images_ = 0, sixteenths_ = 0;
};

}  // namespace

void add_memory(CLI::App& app, MemoryArguments& arguments) {
  CLI::App* memory =
      app.add_subcommand("memory", "Says what memory training needs, technique by technique, and what fits");
  memory->add_option("FILE", arguments.file, "A network (JSON or ONNX), or a configuration (JSON)")
      ->required();
  memory->add_option("--batch", arguments.batch, "Images a step; default: of the configuration, or 64");
  memory->add_option("--format", arguments.format,
                     "How tensors are stored: a preset of the configuration's /precision; default: of the "
                     "configuration, or fp32");
  memory
      ->add_option("--hbm", arguments.hbm, "What is there for a core: 1GiB, 8e9, …; default: the chip's HBM")
      ->type_name("BYTES");
  memory->add_option("--set", arguments.sets, "Changes the configuration: /json/pointer=value")
      ->type_name("CHANGE")
      ->allow_extra_args(false);
  memory->add_flag("--json", arguments.json,
                   "Prints JSON, with the plan: every tensor, its uses and its place");
  memory->add_flag("--plan", arguments.plan, "Also prints the plan");
}

void memory(const MemoryArguments& arguments) {
  WorkProgress progress(output_kind(STDERR_FILENO, false));
  const Report report(arguments, progress);
  progress.end();
  if (arguments.json)
    std::cout << report.json().dump(1) << '\n';
  else
    std::cout << report.text(arguments.plan);
}

}  // namespace anzan::sim
