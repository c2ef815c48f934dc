// The words of a set of counters are those of its record, filled up to whole lines.
#include "sim/rtl/host_words.hpp"

#include <algorithm>

namespace anzan::sim {

CounterWords counter_words(const models::SlotStatistics& statistics) {
  const isa::RecordWords<models::SlotStatistics> counters = isa::pack(statistics);
  CounterWords words{};
  std::copy(counters.begin(), counters.end(), words.begin());
  return words;
}

models::SlotStatistics statistics_of(const CounterWords& words) {
  isa::RecordWords<models::SlotStatistics> counters;
  std::copy_n(words.begin(), counters.size(), counters.begin());
  return isa::unpack<models::SlotStatistics>(counters);
}

}  // namespace anzan::sim
