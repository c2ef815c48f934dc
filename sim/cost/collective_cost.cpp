// Compiles the collective, runs it on the clocked cores, and puts the theory's terms beside the cycles.
#include "sim/cost/collective_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "compiler/input/input_error.hpp"
#include "sim/cost/system_cost.hpp"
#include "sim/cost/system_runner.hpp"
#include "sim/host/quantity.hpp"

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
          {"in_turn_cycles", t.in_turn},
          {"bound_by", t.bound_by()},
          {"cycles", t.cycles()}};
}

template <class Make>
auto made(const compiler::CollectiveParameters& collective, const Make& make) {
  try {
    return make(collective);
  } catch (const std::invalid_argument& error) {
    throw InputError("/system/exchange/dimensions", Json(collective.exchange.dimensions).dump(),
                     error.what());
  }
}

// Whether what all cores send to those so many places on never shares a link, whatever the distance.
bool straight_without_sharing(const models::ChipsNetwork& network, const models::clocked::Alike& cores) {
  constexpr int kMostCores = 1024;  // of more, pieces in the scratchpad are of few lines
  const int all = network.topology.endpoints();
  if (all > kMostCores) return false;
  std::vector<int> used(network.topology.links().size(), 0);
  for (int distance = 1; distance < all; ++distance) {
    for (int core = 0; core < all; ++core) {
      for (const int channel : network.routing.path(network.topology, core, cores.shifted(core, distance))) {
        int& last = used[static_cast<std::size_t>(network.routing.link_of(channel))];
        if (last == distance) return false;
        last = distance;
      }
    }
  }
  return true;
}

// Of what the system allows, what theory calls fastest. Broadcasts and all_to_all go as the system says.
compiler::CollectiveParameters fastest(const Configuration& c, compiler::CollectiveParameters p,
                                       const CollectiveSystem& system) {
  if (p.kind == compiler::CollectiveKind::kBroadcast || p.kind == compiler::CollectiveKind::kAllToAll)
    return p;
  std::vector<compiler::CollectiveParameters> candidates;
  const auto with = [&](const compiler::ExchangeParameters& exchange) {
    for (const bool streamed : {false, true}) {
      if (p.exchange.stream_bytes && streamed != (*p.exchange.stream_bytes > 0)) continue;
      candidates.push_back(p);
      candidates.back().exchange = exchange;
      candidates.back().streamed = streamed;
    }
  };
  for (const compiler::ExchangeParameters& exchange : c.system.exchanges) with(exchange);
  if (candidates.empty()) {
    with(p.exchange);
  } else if (straight_without_sharing(system.network, SystemRunner::simulated(c.system, false))) {
    candidates.push_back(p);
    candidates.back().direct = true;
  }
  std::optional<InputError> refused;
  const compiler::CollectiveParameters* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const compiler::CollectiveParameters& candidate : candidates) {
    try {
      const compiler::CollectiveShape shape = made(candidate, compiler::collective_shape);
      // copies chunk by chunk and messages about what is free have to pay
      constexpr double kStreaming = 1.2;
      const double cycles =
          collective_theory(candidate, shape, system).expected() * (shape.streamed ? kStreaming : 1);
      if (cycles < least) best = &candidate;
      least = std::min(least, cycles);
    } catch (const InputError& error) {
      if (!refused) refused = error;
    }
  }
  if (best == nullptr) throw *refused;
  return *best;
}

// The buffer, and the result beside it, lie in the HBM of each core.
void check_room(const Configuration& c, const compiler::CollectiveParameters& p) {
  const std::int64_t room = c.cost.core.hbm.bytes(), line_bytes = 4 * c.chip.lanes;
  const std::string there = fmt::format("the {} bytes of HBM that each core has (/chip/hbm)", room);
  if (p.bytes > room)  // so much that counting in lines could overflow
    throw InputError("--bytes", std::to_string(p.bytes), "at most " + there);
  const std::int64_t needed = compiler::collective_hbm_lines(p) * line_bytes;
  if (needed > room)
    throw InputError("--bytes", std::to_string(p.bytes),
                     fmt::format("fewer: buffer and result take {} bytes of {}", needed, there));
}

compiler::CollectiveParameters collective_parameters(const Configuration& c, compiler::CollectiveKind kind,
                                                     std::int64_t bytes, isa::Format format) {
  compiler::CollectiveParameters p;
  p.kind = kind;
  p.bytes = bytes;
  p.format = format;
  p.payload_bytes = c.system.packet.payload_bytes;
  p.exchange = c.system.parameters.exchange;
  p.chip = c.chip;
  p.direct = kind == compiler::CollectiveKind::kAllToAll &&
             (c.system.chips == 1 || !models::build_topology(c.system.network.chips).all_rings());
  return p;
}

// Latencies may hide behind the rest, or the other way round.
double least_cycles(const CollectiveTerms& t) { return std::max(t.latency, t.busiest()); }

}  // namespace

CollectiveCost cost_of_collective(const Configuration& c, compiler::CollectiveKind kind, std::int64_t bytes,
                                  isa::Format format, models::Watch watch) {
  if (c.system.cores() == 1) throw InputError("/system/chips", "one core in all", "at least two cores");
  if (bytes < 1) throw InputError("--bytes", std::to_string(bytes), "at least 1");
  compiler::CollectiveParameters collective = collective_parameters(c, kind, bytes, format);
  check_room(c, collective);
  CollectiveCost cost;
  cost.kind = kind;
  cost.format = format;
  cost.cores = c.system.cores();
  cost.chips = c.system.chips;
  cost.network = models::build_chips(c.system.network);
  const CollectiveSystem system{cost.network,
                                c.system.packet,
                                c.system.cores_per_chip,
                                c.cost.core.clock_period_fs,
                                c.chip.lanes,
                                c.cost.core.hbm.peak_gb_per_s() / c.cost.clock_ghz};
  collective = fastest(c, std::move(collective), system);
  const compiler::CollectiveProgram program = made(collective, compiler::collective_program);
  cost.shape = program;
  cost.collective = collective;
  const std::int64_t line_bytes = 4 * c.chip.lanes;
  cost.asked_bytes = bytes;
  cost.bytes = program.lines * line_bytes;
  cost.credit_bytes = program.credits * line_bytes;
  SystemOptions options = c.system;
  options.parameters.exchange = collective.exchange;  // cores are alike along its dimensions
  SystemRunner runner(c.cost.core, options, cost.network, program.same_in_every_core, watch);
  models::clocked::SystemTiming timing = runner.run(program.in_core, "the collective");
  cost.cores_simulated = SystemRunner::simulated(options, runner.alike()).simulated;
  cost.cycles = timing.cycles();
  cost.seconds = static_cast<double>(cost.cycles) / (c.cost.clock_ghz * 1e9);
  cost.links = std::move(timing.links);
  cost.theory = collective_theory(collective, program, system);
  cost.bound = collective_bound(collective, static_cast<double>(cost.bytes), system);
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
          {"dimensions", collective.exchange.dimensions},
          {"ways", shape.ways.size()},
          {"direct", collective.direct},
          {"streamed", shape.streamed},
          {"segments", shape.segments},
          {"segments_under_way", std::min(shape.segments, shape.places)},
          {"asked_bytes", asked_bytes},
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

// What of the system it uses.
std::string CollectiveCost::way_text() const {
  const std::string segments =
      fmt::format("{} segments, {} under way", shape.segments, std::min(shape.segments, shape.places));
  if (collective.direct) return fmt::format("straight from each core to each; {}\n", segments);
  std::string text =
      fmt::format("rings of {} cores, {} ways; {}{}", fmt::join(collective.exchange.dimensions, " x "),
                  shape.ways.size(), segments, shape.streamed ? ", streamed" : "");
  if (kind == compiler::CollectiveKind::kBroadcast) text.replace(0, 5, "chains");
  std::size_t apart = 0;
  for (const compiler::Dimension& d : shape.ways.front()) {
    for (int core = 0; core < cores && d.size > 1; ++core)
      apart = std::max(apart, network.routing.path(network.topology, core, next(d, core)).size());
  }
  if (cores == chips && apart > 1) text += fmt::format("; neighbours are up to {} links apart", apart);
  return text + "\n";
}

std::string CollectiveCost::text() const {
  const Json j = json();
  const std::string rounded =
      bytes == asked_bytes ? "" : fmt::format(" ({} asked for, in whole lines)", asked_bytes);
  std::string text =
      fmt::format("{} of {} bytes{} in each of {} cores on {} chips ({}): {} cycles, {}, {}/s\n",
                  compiler::name(kind), bytes, rounded, cores, chips, isa::name(format), cycles,
                  seconds_text(seconds), bytes_text(static_cast<double>(bytes) / seconds));
  text += way_text();
  text += fmt::format("theory (alpha-beta): {:.0f} cycles = ", theory.cycles());
  const double together = theory.latency + theory.busiest();
  text +=
      theory.in_turn > together
          ? fmt::format(
                "rounds of segments that follow each other in the scratchpad (latency {:.0f} + {} {:.0f})",
                theory.latency, theory.busiest_unit(), theory.busiest())
          : fmt::format("latency {:.0f} + {} {:.0f}", theory.latency, theory.busiest_unit(),
                        theory.busiest());
  text += fmt::format("; measured {:.3f} times that\n", j["ratio_to_theory"].get<double>());
  text += fmt::format("lower bound: {:.0f} cycles ({}); measured {:.3f} times that\n", least_cycles(bound),
                      bound.bound_by(), j["ratio_to_lower_bound"].get<double>());
  text += fmt::format(
      "links: {} bytes between chips, {} on them, headers too; of these {} to say what is free\n",
      j["interchip_bytes"].get<std::int64_t>(), j["onchip_bytes"].get<std::int64_t>(), credit_bytes);
  for (const bool onchip : {false, true}) {
    std::int64_t count = 0, idle = 0, least = 0, most = 0;
    double busiest = 0;
    for (std::size_t l = 0; l < links.size(); ++l) {
      if (network.onchip[l] != onchip) continue;
      least = count == 0 ? links[l].bytes : std::min(least, links[l].bytes);
      most = std::max(most, links[l].bytes);
      busiest = std::max(busiest, static_cast<double>(links[l].busy_fs) * 1e-15 / seconds);
      idle += links[l].bytes == 0;
      ++count;
    }
    if (count > 0)
      text += fmt::format("{} links {}: {} to {} bytes each, the busiest busy {:.1f} %{}\n", count,
                          onchip ? "on chip" : "between chips", least, most, 100 * busiest,
                          idle > 0 ? fmt::format("; {} carry nothing", idle) : "");
  }
  return text;
}

}  // namespace anzan::sim
