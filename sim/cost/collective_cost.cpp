// Compiles the collective, runs it on the clocked cores, and puts the theory's terms beside the cycles.
#include "sim/cost/collective_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "compiler/input/input_error.hpp"
#include "sim/cost/system_cost.hpp"
#include "sim/cost/system_runner.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;

Json terms_to_json(const CollectiveTerms& t) {
  return {{"latency_cycles", t.latency},
          {"links_cycles", t.links},
          {"network_unit_cycles", t.network_unit},
          {"vector_unit_cycles", t.vector_unit},
          {"dma_cycles", t.dma},
          {"hbm_cycles", t.hbm},
          {"bound_by", t.bound_by()},
          {"cycles", t.cycles()}};
}

compiler::CollectiveProgram program_of(const compiler::CollectiveParameters& collective) {
  try {
    return compiler::collective_program(collective);
  } catch (const std::invalid_argument& error) {
    throw InputError("/system/exchange/dimensions", Json(collective.exchange.dimensions).dump(),
                     error.what());
  }
}

// Latencies may hide behind the rest, or the other way round.
double least_cycles(const CollectiveTerms& t) { return std::max(t.latency, t.busiest()); }

}  // namespace

compiler::CollectiveParameters collective_parameters(const Configuration& c, compiler::CollectiveKind kind,
                                                     std::int64_t bytes, isa::Format format) {
  compiler::CollectiveParameters p;
  p.kind = kind;
  p.bytes = bytes;
  p.format = format;
  p.payload_bytes = c.system.packet.payload_bytes;
  p.exchange = c.system.parameters.exchange;
  p.chip = c.chip;
  p.direct = c.system.chips == 1 || !models::build_topology(c.system.network.chips).all_rings();
  return p;
}

CollectiveCost cost_of_collective(const Configuration& c, compiler::CollectiveKind kind, std::int64_t bytes,
                                  isa::Format format, models::Watch watch) {
  if (c.system.cores() == 1) throw InputError("/system/chips", "one core in all", "at least two cores");
  if (bytes < 1) throw InputError("--bytes", std::to_string(bytes), "at least 1");
  const compiler::CollectiveParameters collective = collective_parameters(c, kind, bytes, format);
  const compiler::CollectiveProgram program = program_of(collective);
  CollectiveCost cost;
  cost.kind = kind;
  cost.format = format;
  cost.cores = c.system.cores();
  cost.chips = c.system.chips;
  cost.ways = program.ways.size();
  const std::int64_t line_bytes = 4 * c.chip.lanes;
  cost.bytes = program.lines * line_bytes;
  cost.credit_bytes = program.credits * line_bytes;
  cost.network = models::build_chips(c.system.network);
  SystemRunner runner(c.cost.core, c.system, cost.network, program.same_in_every_core, watch);
  models::clocked::SystemTiming timing = runner.run(program.in_core, "the collective");
  cost.cores_simulated = SystemRunner::simulated(c.system, runner.alike()).simulated;
  cost.cycles = timing.cycles();
  cost.seconds = static_cast<double>(cost.cycles) / (c.cost.clock_ghz * 1e9);
  cost.links = std::move(timing.links);
  const CollectiveSystem system{cost.network,
                                c.system.packet,
                                c.system.cores_per_chip,
                                c.cost.core.clock_period_fs,
                                c.chip.lanes,
                                c.cost.core.hbm.peak_gb_per_s() / c.cost.clock_ghz};
  const auto moved = static_cast<double>(cost.bytes);
  cost.theory = collective_theory(collective, moved, program.ways, system);
  cost.bound = collective_bound(collective, moved, system);
  return cost;
}

Json CollectiveCost::json() const {
  std::int64_t onchip = 0, interchip = 0;
  for (std::size_t l = 0; l < links.size(); ++l) (network.onchip[l] ? onchip : interchip) += links[l].bytes;
  Json lower = terms_to_json(bound);
  lower["cycles"] = least_cycles(bound);
  const auto taken = static_cast<double>(cycles);
  return {{"kind", compiler::name(kind)},
          {"format", isa::name(format)},
          {"cores", cores},
          {"chips", chips},
          {"cores_simulated", cores_simulated},
          {"ways", ways},
          {"bytes", bytes},
          {"credit_bytes", credit_bytes},
          {"cycles", cycles},
          {"seconds", seconds},
          {"bytes_per_second", static_cast<double>(bytes) / seconds},
          {"theory", terms_to_json(theory)},
          {"lower_bound", lower},
          {"ratio_to_theory", taken / theory.cycles()},
          {"ratio_to_lower_bound", taken / least_cycles(bound)},
          {"onchip_bytes", onchip},
          {"interchip_bytes", interchip},
          {"by_link", links_to_json(network, links)}};
}

std::string CollectiveCost::text() const {
  const Json j = json();
  std::string text =
      fmt::format("{} of {} bytes in each of {} cores on {} chips ({}): {} cycles, {:.3f} us, {:.2f} GB/s\n",
                  compiler::name(kind), bytes, cores, chips, isa::name(format), cycles, seconds * 1e6,
                  static_cast<double>(bytes) / seconds * 1e-9);
  text += fmt::format(
      "theory (alpha-beta): {:.0f} cycles = latency {:.0f} + {} {:.0f}; measured {:.3f} times that\n",
      theory.cycles(), theory.latency, theory.bound_by(), theory.busiest(),
      j["ratio_to_theory"].get<double>());
  text += fmt::format("lower bound: {:.0f} cycles ({}); measured {:.3f} times that\n", least_cycles(bound),
                      bound.bound_by(), j["ratio_to_lower_bound"].get<double>());
  text += fmt::format(
      "links: {} bytes between chips, {} on them, headers too; of these {} to say what is free\n",
      j["interchip_bytes"].get<std::int64_t>(), j["onchip_bytes"].get<std::int64_t>(), credit_bytes);
  for (const bool onchip : {false, true}) {
    std::int64_t count = 0, least = 0, most = 0;
    double busiest = 0;
    for (std::size_t l = 0; l < links.size(); ++l) {
      if (network.onchip[l] != onchip) continue;
      least = count == 0 ? links[l].bytes : std::min(least, links[l].bytes);
      most = std::max(most, links[l].bytes);
      busiest = std::max(busiest, static_cast<double>(links[l].busy_fs) * 1e-15 / seconds);
      ++count;
    }
    if (count > 0)
      text += fmt::format("{} links {}: {} to {} bytes each, the busiest busy {:.1f} %\n", count,
                          onchip ? "on chip" : "between chips", least, most, 100 * busiest);
  }
  return text;
}

}  // namespace anzan::sim
