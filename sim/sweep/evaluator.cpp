// Points one by one.
#include "sim/sweep/evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <new>
#include <optional>
#include <utility>

#include "compiler/input/input_error.hpp"
#include "sim/configuration/configuration.hpp"
#include "sim/configuration/content_key.hpp"
#include "sim/configuration/network_file.hpp"
#include "sim/configuration/read_parts.hpp"
#include "sim/host/sha256.hpp"
#include "sim/sweep/shared_work.hpp"
#include "sim/training/checkpoint.hpp"
#include "sim/training/training_run.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = std::size_t{256} << 20;  // of what points share

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// JSON as bytes, in which what is equal is one: 1.0 is 1, and objects have their keys in order.
class CanonicalBytes {
 public:
  void add(const Json& json) {
    switch (json.type()) {
      case Json::value_t::object:
        begin('{', json.size());
        for (const auto& [key, value] : json.get_ref<const Json::object_t&>()) {
          add_text(key);
          add(value);
        }
        return;
      case Json::value_t::array:
        begin('[', json.size());
        for (const Json& item : json) add(item);
        return;
      case Json::value_t::string:
        return add_text(json.get_ref<const std::string&>());
      case Json::value_t::number_float:
        return add_number(json.get<double>());
      case Json::value_t::number_unsigned:
        return begin('+', json.get<std::uint64_t>());
      case Json::value_t::number_integer:
        return json.get<std::int64_t>() < 0 ? begin('-', json.get<std::int64_t>())
                                            : begin('+', json.get<std::int64_t>());
      default:  // null, true, false
        bytes_ += json.is_null() ? '0' : json.get<bool>() ? 't' : 'f';
    }
  }
  void add_text(const std::string& text) {
    begin('"', text.size());
    bytes_ += text;
  }
  std::string key() const { return Sha256::of(bytes_.data(), bytes_.size()); }

 private:
  template <class Number>
  void begin(char what, Number number) {
    static_assert(sizeof number == 8);
    bytes_ += what;
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void add_number(double value) {
    constexpr double kMost = 9007199254740992;  // integers up to here are exact
    if (std::abs(value) > kMost || value != std::floor(value)) return begin('.', value);
    begin(value < 0 ? '-' : '+', static_cast<std::int64_t>(value));
  }

  std::string bytes_;
};

// Without what no result depends on: how and where it is computed. Data sets that are known have one content
// wherever they lie; values of weights count, not the file they come from.
std::string key_of(const Configuration& c) {
  CanonicalBytes bytes;
  const auto add_without = [&](const Json& json, const char* key) {
    for (const auto& [name, value] : json.get_ref<const Json::object_t&>()) {
      if (name == key) continue;
      bytes.add_text(name);
      bytes.add(value);
    }
  };
  for (const auto& [name, value] : c.effective.get_ref<const Json::object_t&>()) {
    if (name == "engine") continue;
    bytes.add_text(name);
    if (name == "dataset")
      add_without(value, "directory");
    else if (name == "training")
      add_without(value, "snapshot_interval");
    else if (name == "network")
      add_without(value, "weights");
    else
      bytes.add(value);
  }
  bytes.add_text(digest_of(c.network.initial));
  return bytes.key();
}

// As texts: 1 and 1.0 may be checked differently.
bool same(const Settings& some, const Settings& others) {
  return std::equal(some.begin(), some.end(), others.begin(), others.end(),
                    [](const Override& a, const Override& b) {
                      return a.pointer == b.pointer && a.value.dump() == b.value.dump();
                    });
}

// What `work` has found, or why it has not.
template <class Work>
Outcome outcome_of(const Work& work) {
  Outcome outcome;
  const double start = processor_seconds();
  try {
    outcome.result = work();
  } catch (const InputError& error) {
    outcome.kind = OutcomeKind::kRefused;
    outcome.message = error.what();
  } catch (const Interrupted&) {
    throw;
  } catch (const std::bad_alloc&) {
    outcome.kind = OutcomeKind::kFailed;
    outcome.message = "out of memory";
  } catch (const std::exception& error) {
    outcome.kind = OutcomeKind::kFailed;
    outcome.message = error.what();
  }
  outcome.cpu_seconds = processor_seconds() - start;
  return outcome;
}

// What is refused although the compiler takes it lies in the surroundings: data sets, directories, disks.
std::unique_ptr<TrainingRun> begin(const Configuration& c, const fs::path& directory, Beginning beginning) {
  try {
    return std::make_unique<TrainingRun>(c, directory, beginning, Progress::Kind::kQuiet);
  } catch (const InputError& error) {
    compiler::compile(c.input());
    throw std::runtime_error(error.what());
  }
}

// The run in this directory, or of its beginning in another one if it has come further than `steps`.
std::unique_ptr<TrainingRun> take_up(const Configuration& c, const fs::path& directory, std::int64_t steps) {
  const bool resumes = fs::exists(directory / kCheckpointFile);
  auto run = begin(c, directory, resumes ? Beginning::kResume : Beginning::kNew);
  if (steps == 0 || run->steps_done() <= steps) return run;
  run.reset();
  return begin(c, directory / ("until_" + std::to_string(steps)), Beginning::kRestart);
}

}  // namespace

struct Evaluator::State {
  Json base;
  fs::path directory;
  SharedWork work{kMostBytes};
  ReadParts parts = {};
  // The last one, which is mostly checked and then evaluated.
  Settings settings = {};
  std::optional<Configuration> last = {};

  const Configuration& configuration(const Settings& changes) {
    if (last && same(settings, changes)) return *last;
    last.reset();
    last = parse_configuration(base, directory, changes, Purpose::kTraining, {}, &parts);
    settings = changes;
    return *last;
  }
};

Evaluator::Evaluator(Json base, fs::path directory)
    : state_(std::make_unique<State>(State{std::move(base), std::move(directory)})) {}
Evaluator::~Evaluator() = default;

CheckedPoint Evaluator::check(const Settings& settings) {
  const Configuration& c = state_->configuration(settings);
  return {c.effective, key_of(c), content_key(c.input())};
}

Outcome Evaluator::cost(const Settings& settings) {
  return outcome_of([&] { return state_->work.cost(state_->configuration(settings)); });
}

Outcome Evaluator::train(const Settings& settings, std::int64_t steps, const fs::path& run_directory) {
  return outcome_of([&] {
    const auto run = take_up(state_->configuration(settings), run_directory, steps);
    if (!run->train(steps > 0 ? std::optional(steps) : std::nullopt)) throw Interrupted();
    return run->result();
  });
}

}  // namespace anzan::sim
