// A function of a space that is shaped like what a chip costs: rooflines, powers of two, rounding, ties,
// points that are refused. For tests of searches, which real steps would make slow.
#pragma once
#include <cmath>

#include "sim/sweep/sampler.hpp"
#include "sim/sweep/sweep_file.hpp"

namespace anzan::sim {

inline Axis numbers(const std::string& pointer, const std::vector<double>& values) {
  Axis axis;
  axis.name = nlohmann::json::json_pointer(pointer).back();
  for (const double value : values) axis.levels.push_back({{nlohmann::json::json_pointer(pointer), value}});
  return axis;
}

inline Space chip_space() {
  return Space({numbers("/chip/lanes", {4, 8, 16, 32}),
                numbers("/chip/scratchpad_kib", {64, 128, 256, 512, 1024, 2048, 4096}),
                numbers("/chip/hbm/channels", {2, 4, 8, 16, 32}), numbers("/width", {8, 16, 32}),
                numbers("/chip/clock_ghz", {0.5, 0.75, 1, 1.25, 1.5, 1.75, 2}),
                numbers("/chip/dma_outstanding", {8, 16, 32, 64})});
}

// Whatever constraints say.
inline std::vector<Levels> all_points_of(const Space& space) {
  std::vector<Levels> all;
  for (std::uint64_t number = 0; static_cast<double>(number) < space.grid_points(); ++number)
    all.push_back(space.levels_of(number));
  return all;
}

inline double value_of(const Space& space, const Levels& levels, std::size_t axis) {
  return space.axes()[axis].levels[levels[axis]][0].value.get<double>();
}

// Microseconds and microjoules of a step, and square millimetres.
inline std::optional<Objectives> chip_cost(const Space& space, const Levels& levels, std::size_t objectives) {
  const double lanes = value_of(space, levels, 0), kib = value_of(space, levels, 1),
               channels = value_of(space, levels, 2), width = value_of(space, levels, 3),
               ghz = value_of(space, levels, 4), outstanding = value_of(space, levels, 5);
  if (kib * 1024 < lanes * lanes * width * 16) return std::nullopt;  // no tile fits
  const double products = 2e8 * (width == 8 ? 1 : width == 16 ? 1.04 : 1);
  const double per_cycle =
      lanes * lanes * (width == 32 ? 1 : 32 / width) * std::min(1.0, 0.6 + 0.05 * std::log2(kib / lanes));
  const double bytes = 4e6 * width / 8 * (1 + 8 / std::sqrt(kib));
  const double bandwidth = std::min(16.0 * channels, 4 * outstanding);  // GB/s
  const double compute = std::ceil(products / per_cycle) / ghz / 1e3, memory = bytes / bandwidth / 1e3;
  const double time = std::round(std::max(compute, memory) + 0.1 * std::min(compute, memory));
  const double area =
      0.01 * lanes * lanes * width / 8 + 0.002 * kib + 0.4 * channels + 0.005 * outstanding + 1;
  const double energy = products * 1e-6 * (width * width / 64) * (0.7 + 0.3 * ghz * ghz) + bytes * 4e-5 +
                        time * area * 0.02 * (0.5 + 0.5 * ghz);
  Objectives all{time, std::round(energy), area};
  all.resize(objectives);
  return all;
}

}  // namespace anzan::sim
