// The counters, named once for adding, decaying and saving.
#include "models/statistics_database.hpp"

#include <limits>
#include <utility>

#include "models/byte_stream.hpp"

namespace anzan::models {
namespace {

// Calls f(counter of a, same counter of b) for each counter, in the order of the saved layout.
template <class A, class B, class F>
void for_each_pair(A& a, B& b, F f) {
  f(a.values, b.values);
  f(a.zeros, b.zeros);
  f(a.saturated_high, b.saturated_high);
  f(a.saturated_low, b.saturated_low);
  f(a.underflows, b.underflows);
  for (std::size_t i = 0; i < a.histogram.size(); ++i) f(a.histogram[i], b.histogram[i]);
}

void saturating_add(std::uint32_t& to, std::uint64_t from) {
  const std::uint64_t room = std::numeric_limits<std::uint32_t>::max() - to;
  to += static_cast<std::uint32_t>(from < room ? from : room);
}

template <class A, class F>
void for_each(A& a, F f) {
  for_each_pair(a, a, [&f](auto& counter, auto&) { f(counter); });
}

}  // namespace

void LocalStatistics::add(const LocalStatistics& other) {
  for_each_pair(*this, other, [](std::uint64_t& to, const std::uint64_t& from) { to += from; });
}

void SlotStatistics::add(const LocalStatistics& local) { for_each_pair(*this, local, saturating_add); }

void SlotStatistics::add(const SlotStatistics& other) { for_each_pair(*this, other, saturating_add); }

void SlotStatistics::subtract(const SlotStatistics& earlier) {
  for_each_pair(*this, earlier, [](std::uint32_t& to, const std::uint32_t& from) { to -= from; });
}

void SlotStatistics::decay(std::uint8_t factor) {
  for_each(*this,
           [factor](std::uint32_t& c) { c = static_cast<std::uint32_t>((std::uint64_t{c} * factor) >> 8); });
}

void StatisticsDatabase::merge(int slot, const LocalStatistics& local) {
  Entry& e = entry(slot);
  e.window.add(local);
  e.total.add(local);
}

SlotStatistics StatisticsDatabase::take_total(int slot) {
  return std::exchange(entry(slot).total, SlotStatistics{});
}

std::vector<std::uint8_t> StatisticsDatabase::serialise() const {
  ByteWriter writer;
  for (const Entry& e : entries_) {
    for_each(e.window, [&writer](std::uint32_t c) { writer.put(c); });
    for_each(e.total, [&writer](std::uint32_t c) { writer.put(c); });
  }
  return writer.take();
}

void StatisticsDatabase::deserialise(const std::vector<std::uint8_t>& bytes) {
  ByteReader reader(bytes);
  std::vector<Entry> read(entries_.size());
  for (Entry& e : read) {
    for_each(e.window, [&reader](std::uint32_t& c) { reader.get(c); });
    for_each(e.total, [&reader](std::uint32_t& c) { reader.get(c); });
  }
  reader.finish();
  entries_ = std::move(read);
}

}  // namespace anzan::models
