// The text trace of a clocked run: one event of an instruction a line, in an order that every engine writes
// alike, so that two engines are compared line by line. TRACE.md describes the format.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isa/program.hpp"
#include "models/program_timing.hpp"

namespace anzan::sim {

// In the order in which a unit comes to them within one cycle.
enum class TraceEvent { kWorked, kEnded, kIssued, kStarted };
std::string_view name(TraceEvent event);

struct TraceRecord {
  std::int64_t cycle = 0;
  isa::Unit unit{};
  TraceEvent event{};
  std::size_t index = 0;  // place in the program
  std::string detail;     // words with one blank between them, or nothing

  friend bool operator==(const TraceRecord& v, const TraceRecord& w) {
    return v.cycle == w.cycle && v.unit == w.unit && v.event == w.event && v.index == w.index &&
           v.detail == w.detail;
  }
  friend bool operator!=(const TraceRecord& v, const TraceRecord& w) { return !(v == w); }
  friend bool operator<(const TraceRecord& v, const TraceRecord& w);  // cycle, unit, event, index, detail
};

using Trace = std::vector<TraceRecord>;  // ascending

// Throws std::invalid_argument as check_timing (sim/cost/waiting.hpp).
Trace make_trace(const isa::Program& program, const models::ProgramTiming& timing);

std::string to_line(const TraceRecord& record);  // without its end of line
std::string to_text(const Trace& trace);         // with a comment that names the columns

// Records in any order; comments and empty lines are passed over. Throws compiler::InputError that names
// `source` and the number of each wrong line, counted from 1.
Trace parse_trace(std::string_view text, const std::string& source);

// As parse_trace; also where the file cannot be read.
Trace read_trace(const std::filesystem::path& file);

// The whole file or none of it. Throws std::system_error.
void write_trace(const std::filesystem::path& file, const Trace& trace);

struct TraceDifference {
  std::size_t record = 0;                    // place of the first difference in both traces, counted from 0
  std::optional<TraceRecord> first, second;  // nothing where that trace has ended
  std::string context;  // the records around it as lines: "  " in both, "- " in the first, "+ " in the second
};

// Nothing if the traces are equal; `around` records before and after the difference are shown.
std::optional<TraceDifference> first_difference(const Trace& first, const Trace& second,
                                                std::size_t around = 3);

}  // namespace anzan::sim
