// What came of a sweep: its front in words, all of it as CSV.
#pragma once
#include <string>

#include "sim/sweep/sweep_run.hpp"

namespace anzan::sim {

std::string counts_text(const SweepCounts& counts);
// Counts, the best point of each objective, and the points that no other beats in all objectives.
std::string sweep_summary(SweepRun& run);

// A line a point: axes, status, figures of the sweep, standard figures, message.
std::string sweep_csv(SweepRun& run);

// A field of CSV (RFC 4180).
std::string csv_field(const std::string& text);
// A number as it is read back, a text as it is, nothing for null.
std::string text_of_cell(const nlohmann::json& value);

// Columns wide enough for what is in them; numbers to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace anzan::sim
