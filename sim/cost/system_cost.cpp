// Runs the step of a system dry, and what it is compared with.
#include "sim/cost/system_cost.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/input/input_error.hpp"
#include "compiler/passes.hpp"
#include "sim/cost/system_runner.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

// The network in a core that is alone, with the images of one core.
compiler::Input alone(const Configuration& c, const compiler::CompiledModel& model) {
  compiler::Input input = c.input();
  input.system = {};
  input.training = model.training;
  return input;
}

std::int64_t cycles_alone(const Configuration& c, const compiler::Input& input, const OneCore& one,
                          models::Watch watch) {
  return one.cycles ? one.cycles(input) : cycles_of_one_core(c.cost.core, input, watch);
}

// Of the images of all cores; none where they are too much for one.
std::optional<std::int64_t> all_in_one_core(const Configuration& c, const compiler::CompiledModel& model,
                                            const OneCore& one, models::Watch watch) {
  compiler::Input input = alone(c, model);
  input.training.batch *= model.system.data_cores();
  try {
    return cycles_alone(c, input, one, watch);
  } catch (const compiler::InputError&) {
    return {};
  }
}

// The same step, if nothing took time on its way.
std::int64_t with_ideal_links(const SystemOptions& options, const CostOptions& cost,
                              const SystemRunner::ProgramOfCore& program, models::Watch watch) {
  models::ChipsParameters network = options.network;
  const auto make_ideal = [](models::LinkParameters& link) {
    link.bytes = 1 << 20;
    link.period_fs = link.latency_fs = 1;
  };
  make_ideal(network.onchip);
  make_ideal(network.chips.link);
  for (models::Cable& cable : network.chips.cables) make_ideal(cable.parameters);
  const models::ChipsNetwork ideal = models::build_chips(network);
  return SystemRunner(cost.core, options, ideal, true, watch)
      .run(program, "the step with links that take no time")
      .cycles();
}

}  // namespace

std::int64_t cycles_of_one_core(const models::clocked::CoreParameters& parameters,
                                const compiler::Input& input, models::Watch watch) {
  const compiler::CompiledModel one = compiler::compile(input, {/*step_only=*/true, watch});
  models::clocked::ClockedCore core(parameters);
  core.watch(watch);
  const auto run = [&](const std::vector<std::uint32_t>& words) {
    const isa::Program program = isa::decode(words);
    watch.begin(fmt::format("running the step of one core with {} images dry", input.training.batch),
                static_cast<std::int64_t>(program.size()));
    return core.run(program).cycles;
  };
  const std::int64_t step = run(one.programs[compiler::ProgramKind::kStep]);
  return input.two_steps ? run(one.two_steps_in_core(0)) - step : step;
}

std::optional<SystemCost> cost_of_system(const Configuration& c, const compiler::CompiledModel& model,
                                         const OneCore& one, models::Watch watch, bool exact) {
  if (c.system.cores() == 1) return {};
  SystemCost cost;
  cost.options = c.system;
  cost.network = models::build_chips(c.system.network);
  cost.expected_cycles = model.expected_step_cycles;
  const bool streams = c.system.parameters.exchange.stream_bytes.value_or(0) > 0;
  SystemRunner runner(c.cost.core, cost.options, cost.network, !(exact && streams), watch);
  const auto of_core = [](const auto& encoded) {
    return [&encoded](int core) { return isa::decode(encoded(core)); };
  };
  models::clocked::SystemTiming step = runner.run(of_core(model.step_in_core), "the step");
  cost.step_cycles = cost.cycles_per_step = step.cycles();
  for (std::size_t s = 0; s < model.stages.size(); ++s)
    cost.stages.push_back(std::move(step.cores[static_cast<std::size_t>(model.first_core(s))]));
  cost.links = std::move(step.links);
  if (model.two_steps_in_core) {
    models::clocked::SystemTiming two = runner.run(of_core(model.two_steps_in_core), "two steps");
    cost.cycles_per_step = two.cycles() - cost.step_cycles;
    cost.two_steps = std::move(two.cores.front());
  }
  if (model.exchange_in_core)
    cost.exchange_cycles = runner.run(of_core(model.exchange_in_core), "the exchange").cycles();
  cost.alike = runner.alike();
  if (model.system.divided()) {
    cost.compute_cycles = with_ideal_links(c.system, c.cost, of_core(model.step_in_core), watch);
  } else {
    compiler::Input input = alone(c, model);  // the work of a core, but for the exchange
    input.precision = compiler::on_the_wire(c.precision, model.system);
    input.two_steps = cost.two_steps.has_value();
    cost.compute_cycles = cycles_alone(c, input, one, watch);
  }
  if (one.wanted)
    cost.one_core_cycles = one.known_cycles ? one.known_cycles : all_in_one_core(c, model, one, watch);
  return cost;
}

models::clocked::Alike SystemCost::simulated() const { return SystemRunner::simulated(options, alike); }

std::int64_t SystemCost::hidden_cycles() const {
  return std::max<std::int64_t>(0, exchange_cycles - exposed_cycles());
}

std::int64_t SystemCost::onchip_bytes() const {
  std::int64_t bytes = 0;
  for (std::size_t l = 0; l < links.size(); ++l) bytes += network.onchip[l] ? links[l].bytes : 0;
  return bytes;
}

std::int64_t SystemCost::interchip_bytes() const {
  std::int64_t bytes = 0;
  for (std::size_t l = 0; l < links.size(); ++l) bytes += network.onchip[l] ? 0 : links[l].bytes;
  return bytes;
}

Json SystemCost::scaling() const {
  // null where nobody asked for that core
  const auto times_one_core = [&](std::int64_t taken, int parts = 1) {
    if (!one_core_cycles) return Json();
    return Json(static_cast<double>(*one_core_cycles) / static_cast<double>(taken) / parts);
  };
  return {{"cores", options.cores()},
          {"chips", options.chips},
          {"cores_simulated", alike ? options.cores_per_chip : options.cores()},
          {"one_core_cycles", one_core_cycles ? Json(*one_core_cycles) : Json()},
          {"barrier_to_barrier_cycles", step_cycles},
          {"expected_cycles_per_step", expected_cycles},
          {"compute_cycles", compute_cycles},
          {"exchange_cycles", exchange_cycles},
          {"exposed_exchange_cycles", exposed_cycles()},
          {"hidden_exchange_cycles", hidden_cycles()},
          {"speedup", times_one_core(cycles_per_step)},
          {"efficiency", times_one_core(cycles_per_step, options.cores())},
          // the same work alone may be scheduled a little worse than beside its exchange
          {"speedup_limit", times_one_core(std::min(compute_cycles, cycles_per_step))}};
}

Json links_to_json(const models::ChipsNetwork& network, const std::vector<models::LinkCounters>& links) {
  Json json = Json::array();
  for (std::size_t l = 0; l < links.size(); ++l) {
    const models::Link& link = network.topology.links()[l];
    json.push_back({{"from", link.from},
                    {"to", link.to},
                    {"onchip", static_cast<bool>(network.onchip[l])},
                    {"bytes", links[l].bytes},
                    {"packets", links[l].packets},
                    {"busy_seconds", static_cast<double>(links[l].busy_fs) * 1e-15}});
  }
  return json;
}

}  // namespace anzan::sim
