// Sums over the instructions of each region.
#include "sim/cost/roofline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <variant>

#include "models/number_format.hpp"
#include "models/timing.hpp"

namespace anzan::sim {
namespace {

// Words whose products the array adds up: one a step, row and lane.
std::int64_t words(const isa::Tensor& t) {
  const models::TensorTiming timing = models::tensor_timing(t);
  return timing.tiles.blocks * timing.steps * t.row_count * t.mask.lane_count;
}

std::string_view bound_of(const RegionUse& use) {
  const auto longest = std::max_element(use.busy.begin() + 1, use.busy.end());
  const auto unit = static_cast<isa::Unit>(longest - use.busy.begin());
  if (unit == isa::Unit::kTensor && 2 * use.drain > *longest) return "drain";
  return isa::name(unit);
}

}  // namespace

void check_regions(const isa::Program& program, const RegionMap& map) {
  if (map.of.size() != program.size())
    throw std::invalid_argument(
        fmt::format("regions of {} instructions for a program of {}", map.of.size(), program.size()));
  for (std::size_t i = 0; i < map.of.size(); ++i)
    if (map.of[i] >= map.regions.size())
      throw std::invalid_argument(
          fmt::format("instruction {}: region {}, there are {}", i, map.of[i], map.regions.size()));
  if (!map.products.empty() && map.products.size() != map.regions.size())
    throw std::invalid_argument(
        fmt::format("products of {} regions, there are {}", map.products.size(), map.regions.size()));
}

HbmBytes hbm_bytes(const isa::Instruction& instruction, int lanes) {
  const auto* c = std::get_if<isa::Copy>(&instruction);
  if (c == nullptr) return {};
  const std::int64_t row_bytes = lanes * (isa::kWordBits / 8) / models::elements_per_word(c->element);
  const std::int64_t bytes = models::iterations(c->loops, 0, isa::kLoops) * row_bytes;
  return {c->src_space == isa::Space::kHbm ? bytes : 0, c->dst_space == isa::Space::kHbm ? bytes : 0};
}

std::vector<RegionUse> roofline(const isa::Program& program, const models::ProgramTiming& timing, int lanes,
                                const RegionMap& map) {
  check_timing(program, timing);
  check_regions(program, map);
  struct Span {
    std::int64_t first = std::numeric_limits<std::int64_t>::max(), last = -1;
  };
  std::vector<RegionUse> uses(map.regions.size());
  std::vector<Span> spans(map.regions.size());
  std::vector<std::int64_t> words_of(map.regions.size());
  for (std::size_t i = 0; i < program.size(); ++i) {
    const isa::Unit unit = isa::unit(program[i]);
    if (unit == isa::Unit::kSequencer) continue;
    const models::InstructionTiming& t = timing.instructions[i];
    RegionUse& use = uses[map.of[i]];
    Span& span = spans[map.of[i]];
    span.first = std::min(span.first, t.started);
    span.last = std::max(span.last, t.ended);
    use.busy[isa::unit_number(unit)] += t.ended - t.started;
    use.drain += work_of(program[i], t)[static_cast<std::size_t>(Work::kDrain)];
    const HbmBytes bytes = hbm_bytes(program[i], lanes);
    use.hbm_bytes += bytes.read + bytes.written;
    if (const auto* tensor = std::get_if<isa::Tensor>(&program[i])) {
      words_of[map.of[i]] += words(*tensor);
      use.array_operations += 2 * words(*tensor) * models::elements_per_word(tensor->format);
    }
    if (const auto* vector = std::get_if<isa::Vector>(&program[i]))
      use.vector_operations += models::iterations(vector->loops, 0, isa::kLoops) * vector->mask.lane_count;
  }
  std::vector<RegionUse> result;
  for (std::size_t r = 0; r < uses.size(); ++r) {
    if (spans[r].last < 0) continue;
    uses[r].region = map.regions[r];
    uses[r].cycles = spans[r].last - spans[r].first;
    uses[r].bound = bound_of(uses[r]);
    if (!map.products.empty()) uses[r].operations = 2 * map.products[r];
    if (uses[r].array_operations != 0)
      uses[r].least_array_cycles = static_cast<double>(uses[r].operations) *
                                   static_cast<double>(words_of[r]) /
                                   static_cast<double>(uses[r].array_operations) / (lanes * lanes);
    result.push_back(uses[r]);
  }
  return result;
}

nlohmann::json roofline_to_json(const std::vector<RegionUse>& uses) {
  nlohmann::json array = nlohmann::json::array();
  for (const RegionUse& use : uses) {
    nlohmann::json busy;
    for (std::size_t u = isa::unit_number(isa::Unit::kDma); u < isa::kUnits; ++u)
      busy[isa::name(static_cast<isa::Unit>(u))] = use.busy[u];
    nlohmann::json per_byte;
    if (use.hbm_bytes != 0)
      per_byte = static_cast<double>(use.operations) / static_cast<double>(use.hbm_bytes);
    array.push_back({{"layer", use.region.layer},
                     {"phase", use.region.phase},
                     {"cycles", use.cycles},
                     {"busy", busy},
                     {"drain_cycles", use.drain},
                     {"bound", use.bound},
                     {"operations", use.operations},
                     {"array_operations", use.array_operations},
                     {"vector_operations", use.vector_operations},
                     {"hbm_bytes", use.hbm_bytes},
                     {"operations_per_byte", per_byte}});
  }
  return array;
}

}  // namespace anzan::sim
