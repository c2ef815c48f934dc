// An entry is saved as the words that the chip keeps it in.
#include "models/settings_store.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "models/byte_stream.hpp"

namespace anzan::models {

int checked_slots(int slots) {
  if (slots < 1 || slots > isa::kSlotsMax)
    throw std::invalid_argument("core: found " + std::to_string(slots) + " slots, expected 1 to " +
                                std::to_string(isa::kSlotsMax));
  return slots;
}

void push_history(SlotSettings& settings, int position) {
  auto& history = settings.history;
  if (settings.history_count == history.size()) {
    std::rotate(history.begin(), history.begin() + 1, history.end());
    --settings.history_count;
  }
  history[settings.history_count++] = static_cast<std::int8_t>(position);
}

std::vector<std::uint8_t> SettingsStore::serialise() const {
  ByteWriter writer;
  for (const SlotSettings& s : slots_) {
    for (const std::uint32_t word : isa::pack(s)) writer.put(word);
  }
  for (const std::uint32_t bits : scalars_) writer.put(bits);
  writer.put(seed_);
  writer.put(step_);
  return writer.take();
}

void SettingsStore::deserialise(const std::vector<std::uint8_t>& bytes) {
  ByteReader reader(bytes);
  SettingsStore read(size());
  for (SlotSettings& s : read.slots_) {
    isa::RecordWords<SlotSettings> words;
    for (std::uint32_t& word : words) reader.get(word);
    s = isa::unpack<SlotSettings>(words);
    if (!isa::holds<SlotSettings>(words) || s.history_count > s.history.size())
      throw std::invalid_argument("saved settings hold what an entry cannot");
  }
  for (std::uint32_t& bits : read.scalars_) reader.get(bits);
  reader.get(read.seed_);
  reader.get(read.step_);
  reader.finish();
  *this = std::move(read);
}

}  // namespace anzan::models
