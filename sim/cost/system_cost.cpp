// Runs the step of a system dry, and what it is compared with.
#include "sim/cost/system_cost.hpp"

#include <algorithm>

#include "sim/cost/system_runner.hpp"

namespace anzan::sim {
namespace {

using Json = nlohmann::json;

std::int64_t one_core(const std::vector<std::uint32_t>& step, const CostOptions& options) {
  return models::clocked::ClockedCore(options.core).run(isa::decode(step)).cycles;
}

// From step to step of a core that exchanges nothing, without a barrier between steps where the input asks
// for two.
std::int64_t without_exchange(const compiler::Input& input, const CostOptions& options) {
  const compiler::CompiledModel model = compiler::compile(input);
  const std::int64_t step = one_core(model.programs[compiler::ProgramKind::kStep], options);
  return input.two_steps ? one_core(model.two_steps_in_core(0), options) - step : step;
}

// The same step, if nothing took time on its way.
std::int64_t with_ideal_links(const SystemOptions& options, const CostOptions& cost,
                              const SystemRunner::ProgramOfCore& program) {
  models::ChipsParameters network = options.network;
  const auto make_ideal = [](models::LinkParameters& link) {
    link.bytes = 1 << 20;
    link.period_fs = link.latency_fs = 1;
  };
  make_ideal(network.onchip);
  make_ideal(network.chips.link);
  for (models::Cable& cable : network.chips.cables) make_ideal(cable.parameters);
  const models::ChipsNetwork ideal = models::build_chips(network);
  return SystemRunner(cost.core, options, ideal).run(program).cycles();
}

}  // namespace

std::optional<SystemCost> cost_of_system(const Configuration& c, const compiler::CompiledModel& model,
                                         std::optional<std::int64_t> one_core_cycles) {
  if (c.system.cores() == 1) return {};
  SystemCost cost;
  cost.options = c.system;
  cost.network = models::build_chips(c.system.network);
  cost.expected_cycles = model.expected_step_cycles;
  SystemRunner runner(c.cost.core, cost.options, cost.network);
  const auto of_core = [](const auto& encoded) {
    return [&encoded](int core) { return isa::decode(encoded(core)); };
  };
  models::clocked::SystemTiming step = runner.run(of_core(model.step_in_core));
  cost.step_cycles = cost.cycles_per_step = step.cycles();
  for (std::size_t s = 0; s < model.stages.size(); ++s)
    cost.stages.push_back(std::move(step.cores[static_cast<std::size_t>(model.first_core(s))]));
  cost.links = std::move(step.links);
  if (model.two_steps_in_core) {
    models::clocked::SystemTiming two = runner.run(of_core(model.two_steps_in_core));
    cost.cycles_per_step = two.cycles() - cost.step_cycles;
    cost.two_steps = std::move(two.cores.front());
  }
  if (model.exchange_in_core) cost.exchange_cycles = runner.run(of_core(model.exchange_in_core)).cycles();
  cost.alike = runner.alike();
  compiler::TrainingParameters training = model.training;
  if (model.system.divided()) {
    cost.compute_cycles = with_ideal_links(c.system, c.cost, of_core(model.step_in_core));
  } else {
    cost.compute_cycles = without_exchange(
        {c.network, c.precision, training, model.chip, {}, cost.two_steps.has_value()}, c.cost);
  }
  training.batch *= model.system.data_cores();
  cost.one_core_cycles = one_core_cycles
                             ? *one_core_cycles
                             : without_exchange({c.network, c.precision, training, model.chip}, c.cost);
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
  const auto cycles = static_cast<double>(cycles_per_step);
  const double speedup = static_cast<double>(one_core_cycles) / cycles;
  return {{"cores", options.cores()},
          {"chips", options.chips},
          {"cores_simulated", alike ? options.cores_per_chip : options.cores()},
          {"one_core_cycles", one_core_cycles},
          {"barrier_to_barrier_cycles", step_cycles},
          {"expected_cycles_per_step", expected_cycles},
          {"compute_cycles", compute_cycles},
          {"exchange_cycles", exchange_cycles},
          {"exposed_exchange_cycles", exposed_cycles()},
          {"hidden_exchange_cycles", hidden_cycles()},
          {"speedup", speedup},
          {"efficiency", speedup / options.cores()},
          {"speedup_limit", static_cast<double>(one_core_cycles) / static_cast<double>(compute_cycles)}};
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
