// The analysis block: counts a value before it is narrowed. Integer additions only, so that the order of
// work cannot change the counts.
#pragma once
#include <cstdint>

#include "models/quantiser.hpp"
#include "models/statistics_database.hpp"

namespace anzan::models {

// Bin of a position: clamp(p − histogram_origin, 0, last bin).
constexpr int histogram_bin(int position) {
  const int bin = position - isa::kHistogramOrigin;
  return bin < 0 ? 0 : bin >= isa::kHistogramBins ? isa::kHistogramBins - 1 : bin;
}
// Position that the settings optimiser takes for the values of a bin.
constexpr int bin_position(int bin) { return bin + isa::kHistogramOrigin; }

// Counts v; `quantised` is what the quantiser made of it, null where the output is fp32.
void analyse(LocalStatistics& statistics, float v, const Quantised* quantised);
// The same for the value acc · 2^(−point).
void analyse(LocalStatistics& statistics, std::int64_t acc, int point, const Quantised* quantised);

}  // namespace anzan::models
