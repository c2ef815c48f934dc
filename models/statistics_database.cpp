// Adding, decaying and saving go through the counters as isa.json lists them.
#include "models/statistics_database.hpp"

#include <limits>
#include <utility>

#include "models/byte_stream.hpp"

namespace anzan::models {
namespace {

// Calls f(counter of a, same counter of b) for each counter.
template <class A, class B, class F>
void for_each_pair(A& a, B& b, F f) {
  A::visit_fields([&f](const isa::FieldInfo&, auto& of_a, auto& of_b) { f(of_a, of_b); }, a, b);
}

// Most counters of an instruction are zero.
constexpr auto kSaturatingAdd = [](std::uint32_t& to, std::uint64_t from) {
  if (from == 0) return;
  const std::uint64_t room = std::numeric_limits<std::uint32_t>::max() - to;
  to += static_cast<std::uint32_t>(from < room ? from : room);
};

}  // namespace

void LocalStatistics::add(const LocalStatistics& other) {
  for_each_pair(*this, other, [](std::uint64_t& to, const std::uint64_t& from) { to += from; });
}

void SlotStatistics::add(const LocalStatistics& local) { for_each_pair(*this, local, kSaturatingAdd); }

void SlotStatistics::add(const SlotStatistics& other) { for_each_pair(*this, other, kSaturatingAdd); }

void SlotStatistics::subtract(const SlotStatistics& earlier) {
  for_each_pair(*this, earlier, [](std::uint32_t& to, const std::uint32_t& from) { to -= from; });
}

void SlotStatistics::decay(std::uint8_t factor) {
  visit_fields(
      [factor](const isa::FieldInfo&, std::uint32_t& c) {
        c = static_cast<std::uint32_t>((std::uint64_t{c} * factor) >> 8);
      },
      *this);
}

void StatisticsDatabase::merge(int slot, const LocalStatistics& local) {
  Entry& e = entry(slot);
  e.window.add(local);
  e.total.add(local);
}

SlotStatistics StatisticsDatabase::take_total(int slot) {
  return std::exchange(entry(slot).total, SlotStatistics{});
}

SlotStatistics StatisticsDatabase::take(int slot) {
  const SlotStatistics total = take_total(slot);
  entry(slot).window.subtract(total);
  return total;
}

void StatisticsDatabase::give(int slot, const SlotStatistics& counters) {
  Entry& e = entry(slot);
  e.window.add(counters);
  e.total.add(counters);
}

std::vector<std::uint8_t> StatisticsDatabase::serialise() const {
  ByteWriter writer;
  for (const Entry& e : entries_) {
    for (const SlotStatistics* set : {&e.window, &e.total}) {
      for (const std::uint32_t word : isa::pack(*set)) writer.put(word);
    }
  }
  return writer.take();
}

void StatisticsDatabase::deserialise(const std::vector<std::uint8_t>& bytes) {
  ByteReader reader(bytes);
  std::vector<Entry> read(entries_.size());
  for (Entry& e : read) {
    for (SlotStatistics* set : {&e.window, &e.total}) {
      isa::RecordWords<SlotStatistics> words;
      for (std::uint32_t& word : words) reader.get(word);
      *set = isa::unpack<SlotStatistics>(words);
    }
  }
  reader.finish();
  entries_ = std::move(read);
}

}  // namespace anzan::models
