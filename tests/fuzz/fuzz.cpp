// Structured wrong and right input, through every command: fuzz [FIRST [CASES]]
// Each case follows from its number. Exit status 0, 1 or 2 and no other end; 1 only where a run has failed; 2
// with a place, what was found and what was expected; no report of a sanitiser, no silence, not too much
// memory. Exit status 1 where a case has not kept this. Its directory is then left for who wants to look.
#include <charconv>
#include <csignal>
#include <cstring>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>

#include "tests/campaign.hpp"
#include "tests/fuzz/cases.hpp"
#include "tests/fuzz/process.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::fuzz {
namespace {

namespace fs = std::filesystem;
using Faults = std::vector<std::string>;

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

// What the command has left behind.
void check_files(const Case& c, const Outcome& outcome, const fs::path& directory, Faults& faults) {
  if (outcome.signal != 0) return;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(directory)) {
    if (file.path().extension() == ".part") faults.push_back("leaves " + file.path().filename().string());
  }
  const fs::path result = directory / "out" / "result.json";
  const bool made = fs::exists(result);
  if (made && outcome.status == 2) faults.emplace_back("status 2 and a result");
  if (!made && outcome.status == 0 && c.kind == "training") faults.emplace_back("status 0 and no result");
}

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
  if (outcome.status == 1 && !outcome.interrupted && !has(outcome.errors, "anzan: training has failed: "))
    faults.emplace_back("status 1, and no run has failed");
  if (outcome.status == 0 && c.refused) faults.emplace_back("accepts what is wrong");
  if (outcome.status == 2) check_findings(c, outcome.errors, faults);
  look_for_foreign_words(outcome.errors, faults);
  check_files(c, outcome, directory, faults);
  return faults;
}

// Cases of one kind, or all.
struct Tally {
  int cases = 0, ended[3] = {}, interrupted = 0, faulty = 0;
  double longest = 0;
  std::int64_t largest = 0;
  std::uint32_t longest_case = 0, largest_case = 0;

  void add(std::uint32_t number, const Outcome& outcome, bool fault) {
    ++cases;
    faulty += fault;
    interrupted += outcome.interrupted;
    if (!outcome.interrupted && outcome.status >= 0 && outcome.status < 3) ++ended[outcome.status];
    if (outcome.seconds > longest) longest = outcome.seconds, longest_case = number;
    if (outcome.peak_bytes > largest) largest = outcome.peak_bytes, largest_case = number;
  }
  std::string text() const {
    std::ostringstream text;
    text << cases << " cases: status 0 " << ended[0] << ", 1 " << ended[1] << ", 2 " << ended[2]
         << "; interrupted " << interrupted << ", faulty " << faulty << "; longest " << longest << " s ("
         << longest_case << "), largest " << largest / 1'000'000 << " MB (" << largest_case << ")";
    return text.str();
  }
};

class Fuzz {
 public:
  explicit Fuzz(std::string program) : program_(std::move(program)), stock_(make_stock(scratch_ / "stock")) {
    if (in_campaign()) limits_.budget_seconds = 100;
  }

  void run(std::uint32_t first, std::uint32_t cases) {
    for (std::uint32_t k = 0; k < cases; ++k) {
      try_case(first + k);
      if ((k + 1) % 1000 == 0) std::cout << "up to " << first + k << ": " << all_.text() << std::endl;
    }
  }

  // Whether all is as it should be; of many cases, some of each end.
  bool report() const {
    for (const auto& [kind, tally] : kinds_) std::cout << kind << ": " << tally.text() << '\n';
    std::cout << all_.text() << std::endl;
    const bool few = all_.cases < 300;
    const bool mixed = all_.ended[0] > all_.cases / 5 && all_.ended[2] > all_.cases / 5;
    if (!few && !mixed) std::cout << "too few of these cases are right, or wrong\n";
    return all_.faulty == 0 && (few || mixed);
  }

 private:
  void try_case(std::uint32_t number) {
    const Case c = make_case(number, grammar_, stock_);
    const fs::path directory = scratch_ / std::to_string(number);
    fs::create_directories(directory);
    for (const auto& [name, content] : c.files) sim::testing::write_file(directory / name, content);
    const Outcome outcome =
        watch(c.in_program ? Where::kProgram : Where::kHere, c.arguments, directory, c.input, limits_);
    const Faults faults = faults_of(c, outcome, directory);
    kinds_[c.kind].add(number, outcome, !faults.empty());
    all_.add(number, outcome, !faults.empty());
    if (faults.empty()) {
      fs::remove_all(directory);
      return;
    }
    tell(number, c, outcome, faults);
    keep(directory);
  }

  void tell(std::uint32_t number, const Case& c, const Outcome& outcome, const Faults& faults) const {
    std::cout << "case " << number << " (" << c.kind << "):";
    for (const std::string& fault : faults) std::cout << ' ' << fault << ';';
    std::cout << "\n  anzan";
    for (const std::string& word : c.arguments) std::cout << ' ' << word.substr(0, 200);
    std::cout << "\n  " << outcome.errors.substr(0, 1500) << "\n  repeat: " << program_ << ' ' << number
              << " 1; its files: " << kept(scratch_ / std::to_string(number)).string() << std::endl;
  }

  // Beside the scratch directory, which goes away.
  static fs::path kept(const fs::path& directory) {
    return directory.parent_path().string() + "_case_" + directory.filename().string();
  }
  static void keep(const fs::path& directory) { fs::rename(directory, kept(directory)); }

  std::string program_;
  sim::testing::ScratchDirectory scratch_;
  Grammar grammar_;
  std::vector<Run> stock_;
  Limits limits_;
  std::map<std::string, Tally> kinds_;
  Tally all_;
};

std::uint32_t number(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::invalid_argument("no number: " + text);
  return value;
}

int run(int argc, char** argv) {
  const std::uint32_t first = argc > 1 ? number(argv[1]) : 1;
  const std::uint32_t cases = argc > 2 ? number(argv[2]) : in_campaign() ? 100'000 : 250;
  Fuzz fuzz(argv[0]);
  fuzz.run(first, cases);
  return fuzz.report() ? 0 : 1;
}

}  // namespace
}  // namespace anzan::fuzz

int main(int argc, char** argv) {
  try {
    return anzan::fuzz::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "fuzz: " << error.what() << '\n';
    return 1;
  }
}
