// Structured wrong and right input, through every command: fuzz [FIRST [CASES]] [--jobs N]
// Each case follows from its number; rules.hpp says what must come of it. N of them side by side; default:
// two in a campaign, else one. Exit status 1 where a case has not kept a rule. Its directory is then left for
// who wants to look.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>

#include "sim/configuration/schema.hpp"
#include "sim/host/embedded.hpp"
#include "tests/campaign.hpp"
#include "tests/fuzz/jobs.hpp"
#include "tests/fuzz/rules.hpp"
#include "tests/sim/synthetic_data.hpp"

#ifdef __SANITIZE_ADDRESS__
// Where memory was taken is kept for two callers only: what is found stays the same, in five sixths of the
// time. To see more of them, repeat a case with ASAN_OPTIONS=malloc_context_size=30.
extern "C" const char* __asan_default_options() { return "malloc_context_size=2"; }
#endif

namespace anzan::fuzz {
namespace {

namespace fs = std::filesystem;

// Cases of one kind, or all.
struct Tally {
  int cases = 0, ended[3] = {}, interrupted = 0, faulty = 0;
  double processor = 0, longest = 0;
  std::int64_t largest = 0;
  std::uint32_t longest_case = 0, largest_case = 0;

  void add(const Verdict& v) {
    ++cases;
    faulty += v.faulty;
    interrupted += v.interrupted;
    processor += v.processor_seconds;
    if (!v.interrupted && v.status >= 0 && v.status < 3) ++ended[v.status];
    if (v.seconds > longest) longest = v.seconds, longest_case = v.number;
    if (v.peak_bytes > largest) largest = v.peak_bytes, largest_case = v.number;
  }
  std::string text() const {
    std::ostringstream text;
    text << cases << " cases: status 0 " << ended[0] << ", 1 " << ended[1] << ", 2 " << ended[2]
         << "; interrupted " << interrupted << ", faulty " << faulty << "; " << 1e3 * processor / cases
         << " ms of a processor each, longest " << longest << " s (" << longest_case << "), largest "
         << largest / 1'000'000 << " MB (" << largest_case << ")";
    return text.str();
  }
};

// What every command reads, once for all cases that are forked off here.
void read_schemas() {
  for (const auto& [name, text] : sim::embedded_files()) {
    const std::string ending = ".schema.json";
    if (name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
      sim::Schema::embedded(name);
  }
}

class Fuzz {
 public:
  explicit Fuzz(std::string program) : program_(std::move(program)) {
    read_schemas();
    stock_ = make_stock(scratch_ / "stock");
  }

  // Whether all is as it should be; of many cases, some of each end.
  bool run(std::uint32_t first, std::uint32_t cases, int jobs) {
    const auto start = std::chrono::steady_clock::now();
    const bool well = share_out(
        first, cases, jobs, [this](std::uint32_t number) { return try_case(number); },
        [&](const Verdict& verdict) {
          kinds_[verdict.kind].add(verdict);
          all_.add(verdict);
          const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
          if (all_.cases % 1000 == 0)
            std::cout << "from " << first << ", after " << seconds.count() << " s: " << all_.text()
                      << std::endl;
        });
    if (!well) std::cout << "not all cases were tried\n";
    return report() && well;
  }

 private:
  bool report() const {
    for (const auto& [kind, tally] : kinds_) std::cout << kind << ": " << tally.text() << '\n';
    std::cout << all_.text() << std::endl;
    const bool few = all_.cases < 300;
    const bool mixed = all_.ended[0] > all_.cases / 5 && all_.ended[2] > all_.cases / 5;
    if (!few && !mixed) std::cout << "too few of these cases are right, or wrong\n";
    return all_.faulty == 0 && (few || mixed);
  }

  Verdict try_case(std::uint32_t number) const {
    const Case c = make_case(number, grammar_, stock_);
    const fs::path directory = scratch_ / std::to_string(number);
    fs::create_directories(directory);
    for (const auto& [name, content] : c.files) sim::testing::write_file(directory / name, content);
    const Outcome outcome =
        watch(c.in_program ? Where::kProgram : Where::kHere, c.arguments, directory, c.input, limits_of(c));
    const Faults faults = faults_of(c, outcome, directory);
    if (faults.empty()) {
      fs::remove_all(directory);
    } else {
      fs::rename(directory, kept(directory));
      tell(number, c, outcome, faults);
    }
    return {number,
            c.kind,
            outcome.status,
            outcome.interrupted,
            !faults.empty(),
            outcome.seconds,
            outcome.processor_seconds,
            outcome.peak_bytes};
  }

  static Limits limits_of(const Case& c) {
    Limits limits;
    if (in_campaign() && c.long_watch) limits.budget_seconds = 100;
    return limits;
  }

  // In one piece, beside what the other processes say.
  void tell(std::uint32_t number, const Case& c, const Outcome& outcome, const Faults& faults) const {
    std::ostringstream text;
    text << "case " << number << " (" << c.kind << "):";
    for (const std::string& fault : faults) text << ' ' << fault << ';';
    text << "\n  anzan";
    for (const std::string& word : c.arguments) text << ' ' << word.substr(0, 200);
    text << "\n  " << outcome.errors.substr(0, 1500) << "\n  repeat: " << program_ << ' ' << number
         << " 1; its files: " << kept(scratch_ / std::to_string(number)).string() << '\n';
    std::fputs(text.str().c_str(), stdout);
    std::fflush(stdout);
  }

  // Beside the scratch directory, which goes away.
  static fs::path kept(const fs::path& directory) {
    return directory.parent_path().string() + "_case_" + directory.filename().string();
  }

  std::string program_;
  sim::testing::ScratchDirectory scratch_;
  Grammar grammar_;
  Stock stock_;
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

int run(const std::string& program, std::vector<std::string> words) {
  int jobs = in_campaign() ? 2 : 1;
  if (words.size() > 1 && words[words.size() - 2] == "--jobs") {
    jobs = static_cast<int>(number(words.back()));
    words.resize(words.size() - 2);
  }
  if (words.size() > 2 || jobs < 1) throw std::invalid_argument("fuzz [FIRST [CASES]] [--jobs N]");
  const std::uint32_t first = words.empty() ? 1 : number(words[0]);
  const std::uint32_t cases = words.size() > 1 ? number(words[1]) : in_campaign() ? 100'000 : 250;
  return Fuzz(program).run(first, cases, jobs) ? 0 : 1;
}

}  // namespace
}  // namespace anzan::fuzz

int main(int argc, char** argv) {
  try {
    return anzan::fuzz::run(argv[0], {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "fuzz: " << error.what() << '\n';
    return 1;
  }
}
