// Text records of a clocked run: made, written, read and compared.
#include "sim/trace/text_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <tuple>

#include "compiler/input/input_error.hpp"
#include "sim/cost/waiting.hpp"
#include "sim/host/atomic_file.hpp"

namespace anzan::sim {
namespace {

constexpr std::array<TraceEvent, 4> kEvents{TraceEvent::kWorked, TraceEvent::kEnded, TraceEvent::kIssued,
                                            TraceEvent::kStarted};
constexpr std::string_view kColumns = "# cycle unit event index detail\n";

std::string mask_detail(std::string_view key, std::uint32_t mask) {
  return mask == 0 ? "" : fmt::format("{}={:#x}", key, mask);
}

// The next word of the line, empty at its end.
std::string_view take_word(std::string_view& line) {
  constexpr std::string_view kBlanks = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

template <class Number>
bool parse_number(std::string_view word, Number& number) {
  const auto end = std::from_chars(word.data(), word.data() + word.size(), number);
  return end.ec == std::errc() && end.ptr == word.data() + word.size() && number >= Number{0};
}

bool parse_event(std::string_view word, TraceEvent& event) {
  const auto* found =
      std::find_if(kEvents.begin(), kEvents.end(), [&](TraceEvent e) { return name(e) == word; });
  if (found == kEvents.end()) return false;
  event = *found;
  return true;
}

// Reads the record of a line; what was expected instead where it is none.
std::optional<std::string> parse_record(std::string_view line, TraceRecord& record, std::string& found) {
  found = take_word(line);
  if (!parse_number(found, record.cycle)) return "a cycle";
  found = take_word(line);
  const std::optional<isa::Unit> unit = isa::parse_unit(found);
  if (!unit) return "a unit";
  record.unit = *unit;
  found = take_word(line);
  if (!parse_event(found, record.event)) return "issued, started, worked or ended";
  found = take_word(line);
  if (!parse_number(found, record.index)) return "the place of an instruction";
  for (std::string_view word = take_word(line); !word.empty(); word = take_word(line))
    record.detail += (record.detail.empty() ? "" : " ") + std::string(word);
  return std::nullopt;
}

std::optional<TraceRecord> record_at(const Trace& trace, std::size_t k) {
  return k < trace.size() ? std::optional<TraceRecord>(trace[k]) : std::nullopt;
}

}  // namespace

std::string_view name(TraceEvent event) {
  switch (event) {
    case TraceEvent::kWorked:
      return "worked";
    case TraceEvent::kEnded:
      return "ended";
    case TraceEvent::kIssued:
      return "issued";
    case TraceEvent::kStarted:
      return "started";
  }
  return "(no such value)";
}

bool operator<(const TraceRecord& v, const TraceRecord& w) {
  return std::tie(v.cycle, v.unit, v.event, v.index, v.detail) <
         std::tie(w.cycle, w.unit, w.event, w.index, w.detail);
}

Trace make_trace(const isa::Program& program, const models::ProgramTiming& timing) {
  check_timing(program, timing);
  Trace trace;
  trace.reserve(4 * program.size());
  for (std::size_t i = 0; i < program.size(); ++i) {
    const models::InstructionTiming& t = timing.instructions[i];
    const isa::Unit unit = isa::unit(program[i]);
    trace.push_back({t.issued, unit, TraceEvent::kIssued, i, std::string(isa::info(program[i]).name)});
    if (unit == isa::Unit::kSequencer) {
      trace.push_back({timing.cycles, unit, TraceEvent::kEnded, i, ""});
      continue;
    }
    trace.push_back({t.started, unit, TraceEvent::kStarted, i, mask_detail("wait", isa::wait(program[i]))});
    trace.push_back({t.worked, unit, TraceEvent::kWorked, i, ""});
    trace.push_back({t.ended, unit, TraceEvent::kEnded, i, mask_detail("signal", isa::signal(program[i]))});
  }
  std::sort(trace.begin(), trace.end());
  return trace;
}

std::string to_line(const TraceRecord& record) {
  return fmt::format("{} {} {} {}{}{}", record.cycle, isa::name(record.unit), name(record.event),
                     record.index, record.detail.empty() ? "" : " ", record.detail);
}

std::string to_text(const Trace& trace) {
  std::string text(kColumns);
  for (const TraceRecord& record : trace) text += to_line(record) + '\n';
  return text;
}

Trace parse_trace(std::string_view text, const std::string& source) {
  Trace trace;
  std::vector<compiler::InputFinding> findings;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    std::string_view rest = line;
    if (take_word(rest).empty()) continue;
    TraceRecord record;
    std::string found;
    if (const std::optional<std::string> expected = parse_record(line, record, found))
      findings.push_back({fmt::format("{}, line {}", source, number),
                          found.empty() ? "the end of the line" : "\"" + found + "\"", *expected});
    else
      trace.push_back(std::move(record));
  }
  if (!findings.empty()) throw compiler::InputError(std::move(findings));
  std::sort(trace.begin(), trace.end());
  return trace;
}

Trace read_trace(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream) throw compiler::InputError(file.string(), "a file that cannot be read", "a text trace");
  return parse_trace(text, file.string());
}

void write_trace(const std::filesystem::path& file, const Trace& trace) {
  write_file_atomically(file, to_text(trace));
}

std::optional<TraceDifference> first_difference(const Trace& first, const Trace& second, std::size_t around) {
  std::size_t k = 0;
  while (k < first.size() && k < second.size() && first[k] == second[k]) ++k;
  if (k == first.size() && k == second.size()) return std::nullopt;
  TraceDifference difference{k, record_at(first, k), record_at(second, k), ""};
  const auto show = [&](std::string_view mark, const Trace& trace, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < std::min(end, trace.size()); ++i)
      difference.context += fmt::format("{} {}\n", mark, to_line(trace[i]));
  };
  show(" ", first, k - std::min(k, around), k);
  show("-", first, k, k + around + 1);
  show("+", second, k, k + around + 1);
  return difference;
}

}  // namespace anzan::sim
