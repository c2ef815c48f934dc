// The whole text is read first: a line that is wrong is found before any work is done.
#include "sim/allocation_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "compiler/input/input_error.hpp"
#include "sim/host/input_file.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;

constexpr std::size_t kMostProblemBytes = std::size_t{1} << 28;
constexpr const char* kExpectedFile = "a file of at most 256 MiB with lines id,lower,upper,size";

enum Field { kId, kLower, kUpper, kSize, kFieldCount };
constexpr std::array<std::array<std::string_view, 2>, kFieldCount> kNames{
    {{"id", "buffer"}, {"lower", "start"}, {"upper", "end"}, {"size", "size"}}};
constexpr std::string_view kExpectedColumns =
    "the columns id (or buffer), lower (or start), upper (or end) and size, each once";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

class ProblemReader {
 public:
  ProblemReader(const std::string& name, std::string_view text) : name_(name), rest_(text) {}

  AllocationProblem read() {
    AllocationProblem problem;
    std::string_view line;
    if (!next(line) || line.empty()) throw InputError(name_, "no header", std::string(kExpectedColumns));
    read_header(line);
    problem.header = line;
    while (next(line)) {
      if (line.empty() && rest_.find_first_not_of("\r\n") == std::string_view::npos) break;
      problem.buffers.push_back(buffer_of(line));
      problem.lines.emplace_back(line);
    }
    if (problem.buffers.empty())
      throw InputError(name_, "no buffer", "a line for each buffer after the header");
    return problem;
  }

 private:
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++line_;
    if (const std::size_t bad = line.find_first_of(std::string_view("\0\"\r", 3));
        bad != std::string_view::npos)
      fail(static_cast<std::size_t>(
               std::count(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(bad), ',')),
           line[bad] == '"'    ? "a quote"
           : line[bad] == '\r' ? "a carriage return"
                               : "a NUL character",
           "text without it");
    return true;
  }

  [[noreturn]] void fail(std::size_t column, std::string_view found, const std::string& expected) const {
    throw InputError(fmt::format("{}, line {}, column {}", name_, line_, column + 1), std::string(found),
                     expected);
  }

  void read_header(std::string_view line) {
    const std::vector<std::string_view> names = split(line);
    columns_ = names.size();
    place_.fill(columns_);
    for (std::size_t column = 0; column < columns_; ++column) {
      int field = 0;
      while (field < kFieldCount && names[column] != kNames[field][0] && names[column] != kNames[field][1])
        ++field;
      if (field == kFieldCount || place_[field] != columns_)
        fail(column, names[column], std::string(kExpectedColumns));
      place_[field] = column;
    }
    for (int field = 0; field < kFieldCount; ++field)
      if (place_[field] == columns_)
        fail(columns_, fmt::format("no column {}", kNames[field][0]), std::string(kExpectedColumns));
  }

  compiler::Buffer buffer_of(std::string_view line) {
    const std::vector<std::string_view> fields = split(line);
    if (fields.size() != columns_)
      fail(std::min(fields.size(), columns_), fmt::format("{} values", fields.size()),
           fmt::format("{}, as in the header", columns_));
    const std::string_view id = fields[place_[kId]];
    if (id.empty()) fail(place_[kId], "", "a name for the buffer");
    if (const auto [known, fresh] = ids_.emplace(id, line_); !fresh)
      fail(place_[kId], id, fmt::format("a name of its own; line {} has the same", known->second));
    compiler::Buffer b;
    b.lower = number(fields, kLower);
    b.upper = number(fields, kUpper);
    b.size = number(fields, kSize);
    if (b.upper <= b.lower)
      fail(place_[kUpper], fields[place_[kUpper]], fmt::format("more than lower, {}", b.lower));
    if (b.size <= 0) fail(place_[kSize], fields[place_[kSize]], "a size of at least 1");
    if (b.size > std::numeric_limits<std::int64_t>::max() - sum_)
      fail(place_[kSize], fields[place_[kSize]], "sizes of which all together are less than 2^63");
    sum_ += b.size;
    return b;
  }

  std::int64_t number(const std::vector<std::string_view>& fields, Field field) const {
    const std::string_view text = fields[place_[field]];
    std::int64_t value = 0;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stopped != text.data() + text.size())
      fail(place_[field], text, "an integer from -2^63 to 2^63 - 1");
    return value;
  }

  const std::string& name_;
  std::string_view rest_;
  std::size_t line_ = 0, columns_ = 0;
  std::array<std::size_t, kFieldCount> place_{};
  std::unordered_map<std::string_view, std::size_t> ids_;  // and their lines
  std::int64_t sum_ = 0;
};

}  // namespace

AllocationProblem parse_allocation(const std::string& name, const std::string& text) {
  return ProblemReader(name, text).read();
}

AllocationProblem read_allocation(const std::filesystem::path& file) {
  return parse_allocation(file.string(), read_whole(file, kExpectedFile, kMostProblemBytes, Pipes::kRead));
}

std::string allocation_text(const AllocationProblem& problem, const std::vector<std::int64_t>& offsets) {
  std::string text = problem.header + ",offset\n";
  for (std::size_t i = 0; i < problem.lines.size(); ++i)
    text += fmt::format("{},{}\n", problem.lines[i], offsets[i]);
  return text;
}

}  // namespace anzan::sim
