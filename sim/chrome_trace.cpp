// Writes events in an order in which each flow stands inside or right behind the slice that it belongs to:
// viewers sort by time and keep the order of the file at equal times.
#include "sim/chrome_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "isa/assembly.hpp"
#include "sim/atomic_file.hpp"
#include "sim/waiting.hpp"

namespace anzan::sim {
namespace {

constexpr int kProcess = 1;  // viewers take process 0 for the idle one
constexpr double kMostPicoseconds = 9e18;

// JSON text of a string; bytes that are no UTF-8 become U+FFFD.
std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string microseconds(std::int64_t picoseconds) {
  std::string text = fmt::format("{}.{:06}", picoseconds / 1'000'000, picoseconds % 1'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

int unit_track(std::size_t unit) { return 10 * static_cast<int>(unit) + 1; }
int queue_track(std::size_t unit) { return 10 * static_cast<int>(unit) + 2; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// A counter's new value, as the JSON object of its series, from a cycle on.
using Levels = std::vector<std::pair<std::int64_t, std::string>>;

class Writer {
 public:
  Writer(const isa::Program& program, const models::ProgramTiming& timing, int lanes, double clock_ghz,
         const RegionMap& map)
      : program_(program), timing_(timing), lanes_(lanes), clock_ghz_(clock_ghz), map_(map) {}

  std::string text() {
    text_ = fmt::format(R"({{"displayTimeUnit":"ns","otherData":{{"clock_ghz":{},"cycles":{},)"
                        R"("hbm":"bytes of each copy spread evenly over its duration"}},"traceEvents":[)",
                        clock_ghz_, timing_.cycles);
    tracks();
    instructions();
    event("i", unit_track(0), timing_.cycles, R"("name":"step barrier","s":"p")");
    bandwidth();
    occupation();
    text_.back() = '\n';  // the comma of the last event
    return std::move(text_) + "]}\n";
  }

 private:
  std::int64_t picoseconds(std::int64_t cycle) const {
    return std::llround(static_cast<double>(cycle) * 1000 / clock_ghz_);
  }

  void event(const char* phase, int track, std::int64_t cycle, const std::string& rest) {
    text_ += fmt::format(
        "\n"
        R"({{"ph":"{}","pid":{},"tid":{},"ts":{},{}}},)",
        phase, kProcess, track, microseconds(picoseconds(cycle)), rest);
  }

  void metadata(const char* what, int track, const std::string& args) {
    text_ += fmt::format(
        "\n"
        R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{{}}}}},)",
        kProcess, track, what, args);
  }

  void slice(int track, std::int64_t begin, std::int64_t end, const std::string& rest) {
    // Both ends are rounded, not the duration: slices that touch in cycles touch here.
    event("X", track, begin,
          fmt::format(R"("dur":{},{})", microseconds(picoseconds(end) - picoseconds(begin)), rest));
  }

  void tracks() {
    metadata("process_name", 0, R"("name":"core 0")");
    const auto track = [&](int number, const std::string& name) {
      metadata("thread_name", number, fmt::format(R"("name":"{}")", name));
      metadata("thread_sort_index", number, fmt::format(R"("sort_index":{})", number));
    };
    track(unit_track(0), isa::name(isa::Unit::kSequencer));
    for (std::size_t u = number_of(isa::Unit::kDma); u < kUnits; ++u) {
      const std::string name = isa::name(static_cast<isa::Unit>(u));
      track(unit_track(u), name);
      track(queue_track(u), name + " queue");
    }
  }

  void instructions() {
    const std::vector<Handover> pairs = handovers(program_, timing_);
    const std::vector<std::string> lines = lines_of(isa::disassemble(program_));
    std::vector<std::vector<std::size_t>> raised(program_.size()), taken(program_.size());
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      if (pairs[k].signaller != kOtherCore) raised[pairs[k].signaller].push_back(k);
      taken[pairs[k].waiter].push_back(k);
    }
    std::array<std::int64_t, kUnits> head_from{};  // when the queue's first place was left
    for (std::size_t i = 0; i < program_.size(); ++i) {
      const std::size_t unit = number_of(isa::unit(program_[i]));
      const models::InstructionTiming& t = timing_.instructions[i];
      const std::string name = name_of(i);
      if (unit == number_of(isa::Unit::kSequencer)) {
        event("i", unit_track(unit), t.issued, fmt::format(R"("name":{},"s":"t")", name));
        continue;
      }
      if (const std::int64_t head = std::max(t.issued, head_from[unit]); head < t.started)
        slice(queue_track(unit), head, t.started,
              fmt::format(R"("name":{},"cat":"queue","args":{{{},"queued_cycles":{},"semaphores":[{}]}})",
                          name, place_and_start(i), t.started - t.issued, semaphores(pairs, taken[i])));
      head_from[unit] = t.started;
      slice(unit_track(unit), t.started, t.ended,
            fmt::format(R"("name":{},"cat":"instruction","args":{{{},"worked_cycle":{},"ended_cycle":{},)"
                        R"("wait":"{:#x}","signal":"{:#x}","line":{}}})",
                        name, place_and_start(i), t.worked, t.ended, wait_mask(program_[i]),
                        signal_mask(program_[i]), json_string(lines[i])));
      for (const std::size_t k : taken[i])
        if (pairs[k].signaller != kOtherCore) flow("f", unit, t.started, pairs[k], k);
      for (const std::size_t k : raised[i]) flow("s", unit, t.ended, pairs[k], k);
    }
  }

  std::string place_and_start(std::size_t i) const {
    const models::InstructionTiming& t = timing_.instructions[i];
    return fmt::format(R"("index":{},"issued_cycle":{},"started_cycle":{})", i, t.issued, t.started);
  }

  std::string name_of(std::size_t i) const {
    const Region& region = map_.regions[map_.of[i]];
    std::string name(isa::info(program_[i]).name);
    for (const std::string& part : {region.layer, region.pass})
      if (!part.empty()) name += " " + part;
    return json_string(name);
  }

  // What raised the semaphores that an instruction took.
  std::string semaphores(const std::vector<Handover>& pairs, const std::vector<std::size_t>& taken) const {
    std::string list;
    for (const std::size_t k : taken) {
      const Handover& pair = pairs[k];
      const std::string signaller =
          pair.signaller == kOtherCore
              ? R"("unit":"other core")"
              : fmt::format(R"("unit":"{}","index":{})", isa::name(isa::unit(program_[pair.signaller])),
                            pair.signaller);
      list += fmt::format(R"({}{{"semaphore":{},{},"raised_cycle":{}}})", list.empty() ? "" : ",",
                          pair.semaphore, signaller, pair.cycle);
    }
    return list;
  }

  void flow(const char* phase, std::size_t unit, std::int64_t cycle, const Handover& pair, std::size_t id) {
    event(phase, unit_track(unit), cycle,
          fmt::format(R"("name":"semaphore {}","cat":"semaphore","id":{}{})", pair.semaphore, id,
                      *phase == 'f' ? R"(,"bp":"e")" : ""));
  }

  void counter(const std::string& name, const Levels& levels) {
    for (std::size_t k = 0; k < levels.size(); ++k)
      if (k + 1 == levels.size() || levels[k + 1].first != levels[k].first)
        event("C", 0, levels[k].first, fmt::format(R"("name":"{}","args":{{{}}})", name, levels[k].second));
  }

  void bandwidth() {
    Levels levels{{0, R"("read":0,"write":0)"}};
    for (std::size_t i = 0; i < program_.size(); ++i) {
      const HbmBytes bytes = hbm_bytes(program_[i], lanes_);
      const models::InstructionTiming& t = timing_.instructions[i];
      if (bytes.read + bytes.written == 0 || t.ended == t.started) continue;
      const auto rate = [&](std::int64_t n) {
        return static_cast<double>(n) * clock_ghz_ / static_cast<double>(t.ended - t.started);
      };
      levels.emplace_back(t.started,
                          fmt::format(R"("read":{},"write":{})", rate(bytes.read), rate(bytes.written)));
      levels.emplace_back(t.ended, R"("read":0,"write":0)");
    }
    counter("HBM GB/s", levels);
  }

  void occupation() {
    using Deltas = std::vector<std::pair<std::int64_t, int>>;
    Deltas busy;
    std::array<Deltas, kUnits> queued;
    for (std::size_t i = 0; i < program_.size(); ++i) {
      const std::size_t unit = number_of(isa::unit(program_[i]));
      const models::InstructionTiming& t = timing_.instructions[i];
      if (unit == number_of(isa::Unit::kSequencer)) continue;
      busy.insert(busy.end(), {{t.started, 1}, {t.ended, -1}});
      queued[unit].insert(queued[unit].end(), {{t.issued, 1}, {t.started, -1}});
    }
    const auto write = [&](const std::string& name, const char* series, Deltas& deltas) {
      std::sort(deltas.begin(), deltas.end());
      Levels levels{{0, fmt::format(R"("{}":0)", series)}};
      int value = 0;
      for (const auto& [cycle, delta] : deltas)
        levels.emplace_back(cycle, fmt::format(R"("{}":{})", series, value += delta));
      counter(name, levels);
    };
    write("units busy", "units", busy);
    for (std::size_t u = number_of(isa::Unit::kDma); u < kUnits; ++u)
      write(std::string(isa::name(static_cast<isa::Unit>(u))) + " queued", "instructions", queued[u]);
  }

  const isa::Program& program_;
  const models::ProgramTiming& timing_;
  int lanes_;
  double clock_ghz_;
  const RegionMap& map_;
  std::string text_;
};

}  // namespace

std::string chrome_trace(const isa::Program& program, const models::ProgramTiming& timing, int lanes,
                         double clock_ghz, const RegionMap& map) {
  check_timing(program, timing);
  check_regions(program, map);
  if (!(clock_ghz > 0) || static_cast<double>(timing.cycles) * 1000 / clock_ghz > kMostPicoseconds)
    throw std::invalid_argument(
        fmt::format("trace of {} cycles: found a clock of {} GHz", timing.cycles, clock_ghz));
  return Writer(program, timing, lanes, clock_ghz, map).text();
}

void write_chrome_trace(const std::filesystem::path& file, const isa::Program& program,
                        const models::ProgramTiming& timing, int lanes, double clock_ghz,
                        const RegionMap& map) {
  write_file_atomically(file, chrome_trace(program, timing, lanes, clock_ghz, map));
}

}  // namespace anzan::sim
