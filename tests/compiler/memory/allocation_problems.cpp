// The checker shares no code with the planner: an ordered map of what is alive, moved through time.
#include "tests/compiler/memory/allocation_problems.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace anzan::tests {

std::string fault_of(const std::vector<compiler::Buffer>& buffers, const std::vector<std::int64_t>& offsets) {
  if (buffers.size() != offsets.size()) return "not an offset for each buffer";
  std::vector<std::tuple<std::int64_t, bool, std::size_t>> events;  // those that end come first
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (offsets[i] < 0) return "a negative offset";
    events.emplace_back(buffers[i].lower, true, i);
    events.emplace_back(buffers[i].upper, false, i);
  }
  std::sort(events.begin(), events.end());
  std::map<std::int64_t, std::size_t> alive;
  for (const auto& [time, starts, i] : events) {
    if (!starts) {
      alive.erase(offsets[i]);
      continue;
    }
    const auto [place, fresh] = alive.emplace(offsets[i], i);
    const std::string pair = std::to_string(i) + " at time " + std::to_string(time);
    if (!fresh) return "two at one offset: " + pair;
    if (const auto above = std::next(place);
        above != alive.end() && offsets[i] + buffers[i].size > above->first)
      return "overlaps the one above: " + pair;
    if (place != alive.begin()) {
      const auto below = std::prev(place);
      if (below->first + buffers[below->second].size > offsets[i]) return "overlaps the one below: " + pair;
    }
  }
  return "";
}

}  // namespace anzan::tests
