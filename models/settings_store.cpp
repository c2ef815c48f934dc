// The fields of an entry, named once for comparing and saving.
#include "models/settings_store.hpp"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "models/byte_stream.hpp"

namespace anzan::models {
namespace {

// Every field of an entry, in the order of the saved layout: the one list behind comparison and saving.
template <class Settings>
auto fields(Settings& s) {
  return std::tie(s.width, s.q_read, s.q_write, s.rounding, s.policy, s.interval, s.warmup, s.guard,
                  s.hysteresis, s.decay, s.r_max, s.window, s.q_min, s.q_max, s.updates, s.age, s.history,
                  s.history_count);
}

template <class Integer>
void put(ByteWriter& writer, Integer value) {
  writer.put(value);
}
void put(ByteWriter& writer, isa::Rounding value) { writer.put(static_cast<std::uint8_t>(value)); }
void put(ByteWriter& writer, isa::Policy value) { writer.put(static_cast<std::uint8_t>(value)); }
void put(ByteWriter& writer, const std::array<std::int8_t, isa::kHistoryLength>& value) {
  for (const std::int8_t p : value) writer.put(p);
}

template <class Integer>
void get(ByteReader& reader, Integer& value) {
  reader.get(value);
}
template <class Enum>
void get_enum(ByteReader& reader, Enum& value, const isa::EnumInfo& choices) {
  std::uint8_t number = 0;
  reader.get(number);
  if (isa::find_value(choices, number) == nullptr)
    throw std::invalid_argument("saved settings hold an unknown choice");
  value = static_cast<Enum>(number);
}
void get(ByteReader& reader, isa::Rounding& value) { get_enum(reader, value, isa::kRoundingInfo); }
void get(ByteReader& reader, isa::Policy& value) { get_enum(reader, value, isa::kPolicyInfo); }
void get(ByteReader& reader, std::array<std::int8_t, isa::kHistoryLength>& value) {
  for (std::int8_t& p : value) reader.get(p);
}

}  // namespace

void SlotSettings::push_history(int position) {
  if (history_count == history.size()) {
    std::rotate(history.begin(), history.begin() + 1, history.end());
    --history_count;
  }
  history[history_count++] = static_cast<std::int8_t>(position);
}

bool SlotSettings::operator==(const SlotSettings& o) const { return fields(*this) == fields(o); }

std::vector<std::uint8_t> SettingsStore::serialise() const {
  ByteWriter writer;
  for (const SlotSettings& s : slots_) {
    std::apply([&writer](const auto&... field) { (put(writer, field), ...); }, fields(s));
  }
  for (const std::uint32_t bits : scalars_) writer.put(bits);
  writer.put(seed_);
  writer.put(step_);
  return writer.take();
}

void SettingsStore::deserialise(const std::vector<std::uint8_t>& bytes) {
  ByteReader reader(bytes);
  SettingsStore read;
  for (SlotSettings& s : read.slots_) {
    std::apply([&reader](auto&... field) { (get(reader, field), ...); }, fields(s));
    if (s.history_count > s.history.size())
      throw std::invalid_argument("saved settings hold too long a history");
  }
  for (std::uint32_t& bits : read.scalars_) reader.get(bits);
  reader.get(read.seed_);
  reader.get(read.step_);
  reader.finish();
  *this = std::move(read);
}

}  // namespace anzan::models
