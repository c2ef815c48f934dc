// Each kind of sampler is a row: what it is called, which keys it takes, and what it does.
#include "sim/sweep/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/configuration/schema.hpp"
#include "sim/sweep/grid.hpp"
#include "sim/sweep/sequences.hpp"
#include "sim/sweep/sweep_file.hpp"

namespace anzan::sim {
namespace {

using compiler::InputFinding;
using Json = nlohmann::json;

constexpr double kMostPoints = 10'000'000;  // hours, where a point takes milliseconds

struct SamplerKey {
  const char* key;
  Json missing;  // null: it must be there
};
struct SamplerRow {
  const char* name;
  std::vector<SamplerKey> keys;
  bool has_objectives;  // needs some
  void (*sample)(const SweepFile& sweep, const EvaluateAll& evaluate);
};

const std::vector<SamplerRow>& rows() {
  static const std::vector<SamplerRow> all{
      {"grid", {}, false, sample_grid},
      {"random", {{"points", nullptr}, {"seed", 1}}, false, sample_random},
  };
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
    if (key.missing.is_null())
      findings.push_back(
          {place + "/" + key.key, "nothing", fmt::format("what the sampler {} needs", row.name)});
    else
      sweep.sampler[key.key] = key.missing;
  }
  if (row.has_objectives && sweep.objectives.empty())
    findings.push_back({"/objectives", "none",
                        fmt::format("at least one: the sampler {} looks for better points", row.name)});
  if (findings.size() == before) check_points(sweep, place, findings);
}

void sample(const SweepFile& sweep, const EvaluateAll& evaluate) { row_of(sweep).sample(sweep, evaluate); }

std::uint64_t requests(const SweepFile& sweep) {
  return sweep.sampler.contains("points") ? sweep.sampler["points"].get<std::uint64_t>()
                                          : static_cast<std::uint64_t>(sweep.space.admitted_points().value());
}

}  // namespace anzan::sim
