// Counts of one value: p = kPositionZero marks a zero, whatever it came from.
#include "models/analysis_block.hpp"

namespace anzan::models {
namespace {

void count(LocalStatistics& statistics, int p, const Quantised* quantised) {
  statistics.values += 1;
  if (p == kPositionZero) {
    statistics.zeros += 1;
  } else {
    statistics.histogram[static_cast<std::size_t>(histogram_bin(p))] += 1;
  }
  if (quantised == nullptr) return;
  statistics.saturated_high += quantised->saturated_high ? 1 : 0;
  statistics.saturated_low += quantised->saturated_low ? 1 : 0;
  statistics.underflows += quantised->underflow ? 1 : 0;
}

}  // namespace

void analyse(LocalStatistics& statistics, float v, const Quantised* quantised) {
  count(statistics, position(v), quantised);
}

void analyse(LocalStatistics& statistics, std::int64_t acc, int point, const Quantised* quantised) {
  count(statistics, position(acc, point), quantised);
}

}  // namespace anzan::models
