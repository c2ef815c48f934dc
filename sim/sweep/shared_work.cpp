// Keys first, then whatever is not there yet.
#include "sim/sweep/shared_work.hpp"

#include "sim/configuration/content_key.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

std::string digest_of_words(const std::vector<std::uint32_t>& words) {
  return Sha256::of(words.data(), words.size() * sizeof words[0]);
}

// About what a program has in memory: its words, and its instructions in the functions that write it for a
// core.
std::size_t bytes_of(const compiler::CompiledModel& model) {
  std::size_t instructions = model.region_of_two_steps.size();
  for (const auto& of_kind : model.region_of) instructions += of_kind.size();
  for (const auto& stage : model.stages) instructions += stage.region_of.size();
  return instructions * (2 * sizeof(isa::Instruction) + 64);
}

std::size_t bytes_of(const models::ProgramTiming& timing) {
  return 1024 + timing.instructions.size() * sizeof timing.instructions[0] +
         timing.arrivals.size() * sizeof timing.arrivals[0];
}

// Mostly JSON of the units; of a system, links and the table of routes.
std::size_t bytes_of(const ChipCost& cost) {
  constexpr std::size_t kAlone = 64 * 1024;
  if (!cost.system()) return kAlone;
  const auto cores = static_cast<std::size_t>(cost.system()->options.cores());
  return kAlone + cost.system()->links.size() * 256 + cores * cores * sizeof(std::int32_t);
}

}  // namespace

SharedWork::SharedWork(std::size_t most_bytes)
    : programs_(most_bytes / 4),
      runs_(most_bytes / 4),
      cores_alone_(most_bytes / 16),
      figures_(most_bytes / 4) {}

nlohmann::json SharedWork::cost(const Configuration& c) {
  const std::string program_key = content_key(c.input()),
                    core_key =
                        c.system.cores() > 1 ? content_key(c.cost.core, c.system) : content_key(c.cost.core),
                    key = program_key + core_key;
  std::shared_ptr<Figures> figures = figures_.find(key);
  if (figures) {
    figures->cost.price(c.cost);
  } else {
    Figures found = figures_of(c, program_key, core_key);
    const std::size_t bytes = bytes_of(found.cost);
    figures = figures_.put(key, std::move(found), bytes);
  }
  return cost_of_one_run(figures->cost, figures->memory);
}

SharedWork::Figures SharedWork::figures_of(const Configuration& c, const std::string& program_key,
                                           const std::string& core_key) {
  const std::shared_ptr<Compiled> program = compiled(c.input(), program_key);
  const compiler::CompiledModel& model = *program->model;
  OneCore one_core;
  one_core.cycles = [&](const compiler::Input& input) { return cycles_of(c.cost.core, input); };
  if (c.system.cores() > 1) ++made_.runs;
  std::optional<models::clocked::ClockedCore> core;
  const DryRun run = [&](const std::vector<std::uint32_t>& words, const isa::Program& instructions) {
    const std::string key = digest_of_words(words) + core_key;
    if (const auto found = runs_.find(key)) return *found;
    if (!core) core.emplace(c.cost.core);
    ++made_.runs;
    models::ProgramTiming timing = core->run(instructions);
    const std::size_t bytes = bytes_of(timing);
    return *runs_.put(key, std::move(timing), bytes);
  };
  Figures figures{ChipCost(model, c.cost, cost_of_system(c, model, one_core), {}, run), model.memory};
  figures.cost.keep_figures();
  return figures;
}

std::shared_ptr<SharedWork::Compiled> SharedWork::compiled(const compiler::Input& input,
                                                           const std::string& key) {
  std::shared_ptr<Compiled> found = programs_.find(key);
  if (!found) {
    Compiled made;
    ++made_.programs;
    try {
      made.model = compiler::compile(input, {/*step_only=*/true});
    } catch (const compiler::InputError& error) {
      made.refusal = error;
    }
    const std::size_t bytes = made.model ? bytes_of(*made.model) : 1024;
    found = programs_.put(key, std::move(made), bytes);
  }
  if (found->refusal) throw *found->refusal;
  return found;
}

std::int64_t SharedWork::cycles_of(const models::clocked::CoreParameters& core,
                                   const compiler::Input& input) {
  const std::string key = content_key(input) + content_key(core);
  std::shared_ptr<Cycles> found = cores_alone_.find(key);
  if (!found) {
    Cycles made;
    ++made_.programs, ++made_.runs;
    try {
      made.cycles = cycles_of_one_core(core, input);
    } catch (const compiler::InputError& error) {
      made.refusal = error;
    }
    found = cores_alone_.put(key, std::move(made), 512);
  }
  if (found->refusal) throw *found->refusal;
  return found->cycles;
}

}  // namespace anzan::sim
