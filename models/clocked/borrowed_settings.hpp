// Puts what has been looked up into the settings store of a core for as long as one instruction is executed.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "models/clocked/surroundings.hpp"

namespace anzan::models::clocked {

class BorrowedSettings {
 public:
  void clear() {
    slots_.clear();
    scalars_.clear();
  }
  void add(int slot, const Lookup& found) { slots_.push_back({slot, found}); }
  void add_scalar(int number, std::uint32_t bits) { scalars_.push_back({number, bits}); }

  // Calls `execute` with all of it, seed and step in place; whatever else stood there is back afterwards,
  // also if it throws.
  template <class Execute>
  void during(SettingsStore& store, const SettingsFace& face, Execute&& execute) const {
    struct Back {
      SettingsStore& store;
      std::vector<std::pair<int, SlotSettings>> slots;
      std::vector<std::pair<int, std::uint32_t>> scalars;
      std::uint32_t seed, step;
      ~Back() {  // the last first: a slot may have been looked up twice
        for (auto s = slots.rbegin(); s != slots.rend(); ++s) store.slot(s->first) = s->second;
        for (auto s = scalars.rbegin(); s != scalars.rend(); ++s) store.set_scalar(s->first, s->second);
        store.set_seed(seed);
        store.set_step(step);
      }
    } back{store, {}, {}, store.seed(), store.step()};
    for (const auto& [number, found] : slots_) {
      SlotSettings& slot = store.slot(number);
      back.slots.push_back({number, slot});
      slot.width = found.width;
      slot.q_read = found.q_read;
      slot.q_write = found.q_write;
      slot.rounding = found.rounding;
    }
    for (const auto& [number, bits] : scalars_) {
      back.scalars.push_back({number, store.scalar(number)});
      store.set_scalar(number, bits);
    }
    store.set_seed(face.seed());
    store.set_step(face.step());
    execute();
  }

 private:
  std::vector<std::pair<int, Lookup>> slots_;
  std::vector<std::pair<int, std::uint32_t>> scalars_;
};

}  // namespace anzan::models::clocked
