// Each kind of sampler is a row: what it is called, which keys it takes, and what it does.
#include "sim/sweep/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/configuration/schema.hpp"
#include "sim/sweep/genetic.hpp"
#include "sim/sweep/grid.hpp"
#include "sim/sweep/halving.hpp"
#include "sim/sweep/sequences.hpp"
#include "sim/sweep/surrogate.hpp"
#include "sim/sweep/sweep_file.hpp"

namespace anzan::sim {
namespace {

using compiler::InputFinding;
using Json = nlohmann::json;

constexpr std::size_t kMostLearnt = 1'000;  // a process takes the cube of them
constexpr std::size_t kLeastPopulation = 8;
constexpr double kMostPoints = 10'000'000;  // hours, where a point takes milliseconds

struct SamplerKey {
  const char* key;
  Json (*missing)(std::size_t points);  // what it is if left out; null: it must be there
};
using Findings = std::vector<InputFinding>;
struct SamplerRow {
  const char* name;
  std::vector<SamplerKey> keys;
  bool has_objectives;                                                                  // needs some
  void (*check)(const SweepFile& sweep, const std::string& place, Findings& findings);  // may be null
  void (*sample)(const SweepFile& sweep, const EvaluateAll& evaluate);
};

// Not more points in `key` than there are in all.
void check_part(const SweepFile& sweep, const char* key, const std::string& place, Findings& findings) {
  if (sweep.sampler[key].get<std::size_t>() > sweep.sampler["points"].get<std::size_t>())
    findings.push_back(
        {place + "/" + key, shown(sweep.sampler[key]), "at most points, " + shown(sweep.sampler["points"])});
}

void check_nsga2(const SweepFile& sweep, const std::string& place, Findings& findings) {
  if (sweep.sampler["points"] < kLeastPopulation)
    findings.push_back({place + "/points", shown(sweep.sampler["points"]),
                        fmt::format("at least {}, the smallest population", kLeastPopulation)});
  else
    check_part(sweep, "population", place, findings);
}

void check_surrogate(const SweepFile& sweep, const std::string& place, Findings& findings) {
  check_part(sweep, "initial", place, findings);
  if (sweep.sampler["points"].get<std::size_t>() > kMostLearnt)
    findings.push_back(
        {place + "/points", shown(sweep.sampler["points"]),
         fmt::format("at most {} with the sampler surrogate, which learns from each; for more, nsga2",
                     kMostLearnt)});
}

void check_halving(const SweepFile& sweep, const std::string& place, Findings& findings) {
  if (sweep.measurement != Measurement::kTraining)
    findings.push_back(
        {place + "/kind", "\"halving\"", "with \"measure\": \"training\": it is trainings that it shortens"});
  const Json& rungs = sweep.sampler["rungs"];
  for (std::size_t r = 1; r < rungs.size(); ++r)
    if (rungs[r] <= rungs[r - 1])
      findings.push_back({place + "/rungs/" + std::to_string(r), shown(rungs[r]),
                          "more than " + shown(rungs[r - 1]) + ", the rung before"});
}

Json usual_seed(std::size_t) { return 1; }
Json usual_population(std::size_t points) {
  return std::clamp<std::size_t>(points / 36 * 4, kLeastPopulation, 40);
}
Json usual_initial(std::size_t points) {
  return std::min(points, std::clamp<std::size_t>(points / 4, 2, 40));
}
Json usual_batch(std::size_t) { return 4; }
Json usual_factor(std::size_t) { return 3; }

const std::vector<SamplerRow>& rows() {
  constexpr SamplerKey points{"points", nullptr}, seed{"seed", usual_seed};
  static const std::vector<SamplerRow> all{
      {"grid", {}, false, nullptr, sample_grid},
      {"random", {points, seed}, false, nullptr, sample_random},
      {"sobol", {points}, false, nullptr, sample_sobol},
      {"latin_hypercube", {points, seed}, false, nullptr, sample_latin_hypercube},
      {"nsga2", {points, seed, {"population", usual_population}}, true, check_nsga2, sample_nsga2},
      {"surrogate",
       {points, seed, {"initial", usual_initial}, {"batch", usual_batch}},
       true,
       check_surrogate,
       sample_surrogate},
      {"halving",
       {points, seed, {"rungs", nullptr}, {"reduction_factor", usual_factor}},
       true,
       check_halving,
       sample_halving}};
  return all;
}

const SamplerRow& row_of(const SweepFile& sweep) {
  const auto name = sweep.sampler.at("kind").get<std::string>();
  return *std::find_if(rows().begin(), rows().end(), [&](const SamplerRow& row) { return name == row.name; });
}

void check_points(const SweepFile& sweep, const std::string& place, std::vector<InputFinding>& findings) {
  const std::optional<double> admitted = sweep.space.admitted_points();
  const bool grid = !sweep.sampler.contains("points");
  if (grid && (!admitted || *admitted > kMostPoints)) {
    findings.push_back(
        {place + "/kind",
         admitted ? fmt::format("a grid of {:.17g} points", *admitted)
                  : fmt::format("a grid of {:.17g} points before constraints", sweep.space.grid_points()),
         fmt::format("at most {}; fewer levels, constraints on axes, or a sampler that looks at some: "
                     "random, sobol, nsga2",
                     kMostPoints)});
  }
  if (!grid && admitted && sweep.sampler["points"].get<double>() > *admitted)
    findings.push_back(
        {place + "/points", shown(sweep.sampler["points"]),
         fmt::format("at most the {:.17g} points that there are, or the sampler grid, which takes all",
                     *admitted)});
}

}  // namespace

std::vector<std::string> sampler_kinds() {
  std::vector<std::string> names;
  for (const SamplerRow& row : rows()) names.emplace_back(row.name);
  return names;
}

void check_sampler(SweepFile& sweep, const std::string& place, std::vector<InputFinding>& findings) {
  const std::size_t before = findings.size();
  const SamplerRow& row = row_of(sweep);
  for (const auto& [key, value] : sweep.sampler.items()) {
    const bool takes = std::any_of(row.keys.begin(), row.keys.end(),
                                   [&name = key](const SamplerKey& k) { return name == k.key; });
    if (key != "kind" && !takes)
      findings.push_back({place + "/" + key, shown(value),
                          fmt::format("no such key: the sampler {} does not use it", row.name)});
  }
  for (const SamplerKey& key : row.keys) {
    if (sweep.sampler.contains(key.key)) continue;
    if (key.missing == nullptr)
      findings.push_back(
          {place + "/" + key.key, "nothing", fmt::format("what the sampler {} needs", row.name)});
    else if (sweep.sampler.contains("points"))
      sweep.sampler[key.key] = key.missing(sweep.sampler["points"].get<std::size_t>());
  }
  if (row.has_objectives && sweep.objectives.empty())
    findings.push_back({"/objectives", "none",
                        fmt::format("at least one: the sampler {} looks for better points", row.name)});
  if (findings.size() > before) return;
  if (row.check != nullptr) row.check(sweep, place, findings);
  check_points(sweep, place, findings);
}

void sample(const SweepFile& sweep, const EvaluateAll& evaluate) { row_of(sweep).sample(sweep, evaluate); }

bool looks_at_results(const SweepFile& sweep) { return row_of(sweep).has_objectives; }

std::uint64_t requests(const SweepFile& sweep) {
  if (sweep.sampler.contains("rungs")) {
    const std::vector<std::size_t> rungs = points_of_rungs(sweep.sampler);
    return std::accumulate(rungs.begin(), rungs.end(), std::uint64_t{0});
  }
  return sweep.sampler.contains("points") ? sweep.sampler["points"].get<std::uint64_t>()
                                          : static_cast<std::uint64_t>(sweep.space.admitted_points().value());
}

}  // namespace anzan::sim
