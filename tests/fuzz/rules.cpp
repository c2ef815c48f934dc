// Exit status, words and files.
#include "tests/fuzz/rules.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>

namespace anzan::fuzz {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What a library says, or the run time of C++, and no user can make sense of.
void look_for_foreign_words(const std::string& errors, Faults& faults) {
  for (const char* words : {"Sanitizer", "runtime error:", "json.exception", "std::", "basic_string",
                            "terminate called", "_M_", "stoul", "map::at", "bad_", "vector::"}) {
    if (has(errors, words)) faults.push_back(std::string("says \"") + words + "\"");
  }
}

void check_findings(const Case& c, const std::string& errors, Faults& faults) {
  static const std::regex finding("  .+: found .+, expected .+|  and [0-9]+ more findings");
  std::istringstream lines(errors);
  std::string line;
  int findings = -1;  // -1: before the first
  while (std::getline(lines, line)) {
    if (line == "anzan: wrong input") {
      findings = 0;
    } else if (findings >= 0 && line.size() < 4000 && std::regex_match(line, finding)) {
      ++findings;
    } else if (findings >= 0) {
      faults.push_back("a finding without place, value or expectation: " + line);
      break;
    }
  }
  if (findings < 1) faults.emplace_back("status 2 without a finding");
  for (const char sign : errors) {
    const auto byte = static_cast<unsigned char>(sign);
    if ((byte >= 0x20 && byte != 0x7f) || byte == '\n') continue;
    faults.emplace_back("prints a control character");
    break;
  }
  if (c.refused && c.place.size() < 150 && !has(errors, c.place))
    faults.push_back("does not name " + c.place);
}

// Of a table of points: one that has failed would be a command of its own with status 1.
void check_points(const fs::path& file, Faults& faults) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    look_for_foreign_words(line, faults);
    if (has(line, ",failed,")) faults.push_back("a point has failed: " + line.substr(0, 500));
  }
}

// What the command has left behind.
void check_files(const Case& c, const Outcome& outcome, const fs::path& directory, Faults& faults) {
  if (outcome.signal != 0) return;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(directory)) {
    if (file.path().extension() == ".part") faults.push_back("leaves " + file.path().filename().string());
  }
  const fs::path result = directory / "out" / "result.json";
  const bool made = fs::exists(result);
  if (made && outcome.status == 2) faults.emplace_back("status 2 and a result");
  if (!made && outcome.status == 0 && c.leaves_result) faults.emplace_back("status 0 and no result");
  if (!c.points.empty()) check_points(directory / c.points, faults);
}

bool has_failed(const Case& c, const Outcome& outcome) {
  std::vector<std::string> failures = c.failures;
  failures.emplace_back("anzan: training has failed: ");
  return std::any_of(failures.begin(), failures.end(), [&](const std::string& words) {
    return has(outcome.errors, words) || has(outcome.output, words);
  });
}

}  // namespace

Faults faults_of(const Case& c, const Outcome& outcome, const fs::path& directory) {
  Faults faults;
  const bool stopped = outcome.interrupted && outcome.signal == SIGINT;
  if (outcome.large) {
    faults.emplace_back("takes more than 8 GB");
  } else if (outcome.silent) {
    faults.emplace_back("says nothing for a minute");
  } else if (outcome.endless) {
    faults.emplace_back("cannot be interrupted");
  } else if (outcome.signal != 0 && !stopped) {
    faults.push_back(std::string("ends by ") + ::strsignal(outcome.signal));
  } else if (outcome.status > 2) {
    faults.push_back("ends with status " + std::to_string(outcome.status));
  }
  if (outcome.status == 1 && !outcome.interrupted && !has_failed(c, outcome))
    faults.emplace_back("status 1, and no run has failed");
  if (outcome.status == 0 && c.refused) faults.emplace_back("accepts what is wrong");
  if (outcome.status == 2 && c.right) faults.emplace_back("refuses what is right");
  if (outcome.status == 2) check_findings(c, outcome.errors, faults);
  look_for_foreign_words(outcome.errors, faults);
  check_files(c, outcome, directory, faults);
  return faults;
}

}  // namespace anzan::fuzz
