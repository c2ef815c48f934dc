// One walk over all starts and ends gives the sections: one closes where a start follows an end.
#include "compiler/memory/buffers.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

namespace anzan::compiler {

void check_buffers(const std::vector<Buffer>& buffers) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const Buffer& b = buffers[i];
    const std::string name = "buffer " + std::to_string(i);
    if (b.lower >= b.upper) throw std::invalid_argument(name + " is alive at no time");
    if (b.size <= 0) throw std::invalid_argument(name + " has no size");
    if (b.size > std::numeric_limits<std::int64_t>::max() - sum)
      throw std::length_error(name + ": the sizes up to this one together are beyond 64 bits");
    sum += b.size;
  }
}

Sections sections_of(const std::vector<Buffer>& buffers) {
  struct Event {
    std::int64_t time;
    bool starts;
    int buffer;
  };
  std::vector<Event> events;
  events.reserve(2 * buffers.size());
  for (int i = 0; i < static_cast<int>(buffers.size()); ++i) {
    events.push_back({buffers[i].lower, true, i});
    events.push_back({buffers[i].upper, false, i});
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    if (a.time != b.time) return a.time < b.time;
    if (a.starts != b.starts) return b.starts;  // who ends makes room for who starts
    return a.buffer < b.buffer;
  });
  Sections sections;
  sections.first.resize(buffers.size());
  sections.last.resize(buffers.size());
  std::int64_t alive = 0;
  bool ended = true;
  for (const Event& event : events) {
    const std::int64_t size = buffers[event.buffer].size;
    if (event.starts) {
      alive += size;
      if (ended) sections.load.push_back(0);
      sections.load.back() = alive;
      sections.first[event.buffer] = static_cast<int>(sections.load.size()) - 1;
    } else {
      alive -= size;
      sections.last[event.buffer] = static_cast<int>(sections.load.size());
    }
    ended = !event.starts;
  }
  return sections;
}

std::int64_t greatest_load(const Sections& sections) {
  return sections.load.empty() ? 0 : *std::max_element(sections.load.begin(), sections.load.end());
}

std::vector<std::vector<int>> independent_parts(const Sections& sections) {
  std::vector<int> order(sections.first.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return sections.first[a] < sections.first[b]; });
  std::vector<std::vector<int>> parts;
  int end = -1;
  for (const int i : order) {
    if (parts.empty() || sections.first[i] >= end) parts.emplace_back();
    parts.back().push_back(i);
    end = std::max(end, sections.last[i]);
  }
  return parts;
}

std::int64_t height_of(const std::vector<Buffer>& buffers, const std::vector<std::int64_t>& offsets) {
  std::int64_t height = 0;
  for (std::size_t i = 0; i < buffers.size(); ++i) height = std::max(height, offsets[i] + buffers[i].size);
  return height;
}

}  // namespace anzan::compiler
