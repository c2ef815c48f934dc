// Memories are compared in pieces, as mostly they are equal.
#include "sim/verify/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>
#include <variant>

namespace anzan::sim {
namespace {

template <class Words>
std::string compare_words(const std::string& what, const Words& rtl, const Words& model) {
  const auto [a, b] = std::mismatch(rtl.begin(), rtl.end(), model.begin());
  if (a == rtl.end()) return {};
  return fmt::format("{} {}: RTL 0x{:08x}, model 0x{:08x}", what, a - rtl.begin(), *a, *b);
}

std::string text_of(const models::HbmRequest& r) {
  return fmt::format("{} line {} in cycle {}", r.write ? "writes" : "reads", r.line, r.cycle);
}
std::string text_of(const models::DatabaseGrant& g) {
  return fmt::format("port {} for slot {} in cycle {}", g.port, g.slot, g.cycle);
}
std::string text_of(const models::SettingsWrite& w) {
  return fmt::format("{} of slot {} in cycle {}", w.state ? "all" : "points", w.slot, w.cycle);
}
auto parts(const models::HbmRequest& r) { return std::tuple(r.cycle, r.line, r.write); }
auto parts(const models::DatabaseGrant& g) { return std::tuple(g.cycle, g.port, g.slot); }
auto parts(const models::SettingsWrite& w) { return std::tuple(w.cycle, w.slot, w.state); }

template <class Event>
std::string compare_events(const char* what, const std::vector<Event>& rtl, const std::vector<Event>& model) {
  for (std::size_t k = 0; k < std::max(rtl.size(), model.size()); ++k) {
    if (k < rtl.size() && k < model.size() && parts(rtl[k]) == parts(model[k])) continue;
    const auto said = [k](const std::vector<Event>& events) {
      return k < events.size() ? text_of(events[k]) : fmt::format("none after {}", k);
    };
    return fmt::format("{} {}: RTL {}, model {}", what, k, said(rtl), said(model));
  }
  return {};
}

std::string compare_lines(const models::Core& rtl, const models::Core& model, isa::Space space,
                          std::int64_t first, std::int64_t count) {
  constexpr std::int64_t kPiece = 1 << 14;
  const std::int64_t line = model.line_bytes(), end = (first + count) * line;
  for (std::int64_t at = first * line; at < end; at += kPiece) {
    const std::int64_t size = std::min(kPiece, end - at);
    const std::uint8_t *r = rtl.bytes(space) + at, *m = model.bytes(space) + at;
    if (std::memcmp(r, m, static_cast<std::size_t>(size)) == 0) continue;
    const auto [a, b] = std::mismatch(r, r + size, m);
    const std::int64_t byte = at + (a - r);
    return fmt::format("{} line {}, byte {}: RTL 0x{:02x}, model 0x{:02x}", isa::name(space), byte / line,
                       byte % line, *a, *b);
  }
  return {};
}

}  // namespace

std::string block_of(const isa::Instruction& instruction) {
  return std::string(isa::name(isa::unit(instruction))) + " unit";
}

std::string compare_cycles(const isa::Program& program, const models::ProgramTiming& rtl,
                           const models::ProgramTiming& model) {
  std::string first;
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i + 1 < program.size(); ++i) {
    const models::InstructionTiming &r = rtl.instructions[i], &m = model.instructions[i];
    for (const auto& [what, a, b] :
         {std::tuple("ended", r.ended, m.ended), std::tuple("started", r.started, m.started),
          std::tuple("issued", r.issued, m.issued)}) {
      if (a == b || std::min(a, b) >= earliest) continue;
      earliest = std::min(a, b);
      first = fmt::format("{}, instruction {} ({}): RTL {} in cycle {}, model in {}",
                          std::string(what) == "ended" ? block_of(program[i]) : "sequencer", i,
                          block_of(program[i]), what, a, b);
    }
  }
  if (!first.empty() || rtl.cycles == model.cycles) return first;
  return fmt::format("sequencer: RTL ends after {} cycles, model after {}", rtl.cycles, model.cycles);
}

std::vector<models::SettingsWrite> settings_writes(const isa::Program& program,
                                                   const models::ProgramTiming& timing) {
  std::vector<models::SettingsWrite> writes;
  for (std::size_t i = 0; i < program.size(); ++i) {
    if (const auto* update = std::get_if<isa::Update>(&program[i])) {
      writes.push_back({timing.instructions[i].ended, update->slot, true});
    } else if (const auto* settle = std::get_if<isa::Settle>(&program[i])) {
      writes.push_back({timing.instructions[i].ended, settle->slot, false});
    }
  }
  return writes;
}

std::string compare_logs(const models::BlockLog& rtl, const models::BlockLog& model) {
  std::string found = compare_events("dma unit, request to HBM", rtl.requests, model.requests);
  if (found.empty()) found = compare_events("statistics database, grant", rtl.grants, model.grants);
  if (found.empty()) found = compare_events("settings store, write", rtl.settings, model.settings);
  return found;
}

std::string compare_memories(const models::Core& rtl, const models::Core& model,
                             const std::vector<models::HbmRequest>& requests) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 25;  // bytes
  const std::int64_t lines = model.lines(isa::Space::kHbm);
  std::string found =
      compare_lines(rtl, model, isa::Space::kScratchpad, 0, model.lines(isa::Space::kScratchpad));
  if (!found.empty()) return found;
  if (lines * model.line_bytes() <= kLarge) return compare_lines(rtl, model, isa::Space::kHbm, 0, lines);
  for (const models::HbmRequest& request : requests) {
    found = compare_lines(rtl, model, isa::Space::kHbm, request.line, 1);
    if (!found.empty()) return found;
  }
  return {};
}

std::string compare_slots(const models::Core& rtl, const models::Core& model, SlotRange slots) {
  for (int s = slots.first; s < slots.first + slots.count; ++s) {
    const auto statistics = [s](const char* set) {
      return fmt::format("statistics database, slot {}, counter of the {}", s, set);
    };
    std::string found = compare_words(fmt::format("settings store, slot {}, word", s),
                                      isa::pack(rtl.settings.slot(s)), isa::pack(model.settings.slot(s)));
    if (found.empty())
      found = compare_words(statistics("window"), counter_words(rtl.statistics.window(s)),
                            counter_words(model.statistics.window(s)));
    if (found.empty())
      found = compare_words(statistics("total"), counter_words(rtl.statistics.total(s)),
                            counter_words(model.statistics.total(s)));
    if (!found.empty()) return found;
  }
  return {};
}

std::string compare_states(const std::vector<std::vector<std::uint32_t>>& before,
                           const std::vector<std::vector<std::uint32_t>>& after, SlotRange slots) {
  for (std::size_t row = 0; row < before.size(); ++row) {
    const int slot = static_cast<int>(row) - 1;
    if (slot >= slots.first && slot < slots.first + slots.count) continue;
    const auto [a, b] = std::mismatch(after[row].begin(), after[row].end(), before[row].begin());
    if (a == after[row].end()) continue;
    const auto word = a - after[row].begin();
    const std::string what =
        row == 0 ? "settings store, scalar, seed or step"
        : word < isa::kSlotSettingsWords
            ? fmt::format("settings store, slot {}, which nothing names, word", slot)
            : fmt::format("statistics database, slot {}, which nothing names, word", slot);
    return fmt::format("{} {}: RTL 0x{:08x}, model 0x{:08x}", what, word, *a, *b);
  }
  return {};
}

}  // namespace anzan::sim
