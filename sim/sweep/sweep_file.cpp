// A part that has failed its schema is not looked into further; all that could be looked at is, before
// anything is thrown.
#include "sim/sweep/sweep_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/configuration/configuration.hpp"
#include "sim/sweep/judge.hpp"
#include "sim/sweep/sampler.hpp"
#include "sim/sweep/sweep_axes.hpp"

namespace anzan::sim {
namespace {

using compiler::InputError;
using compiler::InputFinding;
using Json = nlohmann::json;
namespace fs = std::filesystem;

// What a result of `anzan cost` has, of what one of a run has.
const std::set<std::string> kOfCost{"time", "energy", "traffic", "area", "roofline", "network", "memory"};
constexpr double kMostGridPoints = 9.2e18;  // points have numbers of 63 bits

class SweepReader {
 public:
  SweepReader(Json json, fs::path directory, const std::string& name)
      : json_(std::move(json)), directory_(std::move(directory)) {
    sweep_.name = name;
  }

  SweepFile read() {
    const Schema schema = Schema::embedded("sweep/sweep.schema.json");
    findings_ = schema.check(json_);
    if (!json_.is_object()) throw InputError(std::move(findings_));
    schema.fill_defaults(json_);
    if (json_.contains("name") && clean("/name")) sweep_.name = json_["name"].get<std::string>();
    if (clean("/measure"))
      sweep_.measurement = json_["measure"] == kMeasurements[0] ? Measurement::kCost : Measurement::kTraining;
    if (clean("/axes")) axes_ = read_axes(json_["axes"], "/axes", findings_);
    if (clean("/base")) read_base();
    if (clean("/axes")) sweep_.space = Space(axes_);
    if (clean("/axes") && sweep_.space.grid_points() > kMostGridPoints)
      findings_.push_back({"/axes", fmt::format("{:.3g} combinations of levels", sweep_.space.grid_points()),
                           "less than 2^63; fewer axes or levels"});
    if (clean("/figures") && clean("/measure")) read_figures();
    if (clean("/objectives") && clean("/figures") && clean("/measure")) read_objectives();
    if (clean("/constraints") && clean("/axes") && clean("/figures") && clean("/objectives"))
      read_constraints();
    if (findings_.empty()) {
      sweep_.sampler = json_["sampler"];
      check_sampler(sweep_, "/sampler", findings_);
    }
    if (!findings_.empty()) throw InputError(std::move(findings_));
    return std::move(sweep_);
  }

 private:
  bool clean(const std::string& pointer) const {
    return std::none_of(findings_.begin(), findings_.end(), [&](const InputFinding& f) {
      return f.place == pointer || f.place.rfind(pointer + "/", 0) == 0;
    });
  }

  void read_base() {
    std::string place = "/base";
    sweep_.base_directory = directory_;
    sweep_.base = json_["base"];
    try {
      if (sweep_.base == "-") {
        findings_.push_back({place, "\"-\"", "the name of a file"});
        return;
      }
      if (sweep_.base.is_string()) {
        const fs::path file = directory_ / sweep_.base.get<std::string>();
        place = file.string() + "#";
        sweep_.base_directory = file.parent_path();
        sweep_.base = read_json_file(file);
      }
      if (clean("/axes") && sweep_.base.is_object())
        check_places(axes_, sweep_.base, sweep_.base_directory, "/axes", findings_);
      parse_configuration(sweep_.base, sweep_.base_directory);
    } catch (const InputError& error) {
      for (InputFinding finding : error.findings()) {
        if (is_set(finding.place)) continue;
        if (finding.place.empty() || finding.place[0] == '/') finding.place = place + finding.place;
        findings_.push_back(std::move(finding));
      }
    }
  }

  // Whether an axis decides what stands here: it does not matter what the base has.
  bool is_set(const std::string& place) const {
    const auto within = [](const std::string& a, const std::string& b) {
      return a == b || a.rfind(b + "/", 0) == 0;
    };
    for (const Axis& axis : axes_)
      for (const Settings& level : axis.levels)
        for (const Override& change : level)
          if (within(place, change.pointer.to_string())) return true;
    return false;
  }

  // Adds a finding, and gives false, where no number can stand at this pointer into a result.
  bool check_result(const std::string& text, const std::string& place) {
    try {
      const Json::json_pointer pointer(text);
      const std::string first = text.substr(1, text.find('/', 1) - 1);
      if (!results_.allows(pointer)) {
        findings_.push_back(
            {place, shown(text), "a pointer into result.json" + results_.suggestion_for(pointer)});
      } else if (!results_.may_be_number(pointer)) {
        findings_.push_back({place, shown(text), "the pointer of a number of result.json"});
      } else if (sweep_.measurement == Measurement::kCost && kOfCost.count(first) == 0) {
        findings_.push_back(
            {place, shown(text),
             "what `anzan cost` says: time, energy, traffic, area, network, memory; for others, "
             "\"measure\": \"training\""});
      } else {
        return true;
      }
    } catch (const Json::exception&) {
      findings_.push_back({place, shown(text), "a JSON pointer, such as /time/cycles_per_step"});
    }
    return false;
  }

  bool is_free(const std::string& name) const {
    const std::vector<Variable>& axes = sweep_.space.vocabulary().variables;
    return std::none_of(axes.begin(), axes.end(), [&](const Variable& v) { return v.name == name; }) &&
           std::none_of(sweep_.figures.begin(), sweep_.figures.end(),
                        [&](const Figure& f) { return f.name == name; });
  }

  void read_figures() {
    for (const auto& [name, value] : json_["figures"].items()) {
      const std::string place = "/figures/" + pointer_token(name), text = value.get<std::string>();
      if (!may_be_named(name))
        findings_.push_back({place, "the name " + shown(name),
                             "letters, digits and _, no digit first, and no function or constant"});
      else if (!is_free(name))
        findings_.push_back({place, "the name " + shown(name), "a name that no axis has"});
      if (text[0] != '/')
        expressions_.push_back({name, std::nullopt, text});
      else if (check_result(text, place))
        sweep_.figures.push_back({name, Json::json_pointer(text), ""});
    }
  }

  std::optional<Expression> parse(const std::string& text, const std::string& place) {
    try {
      return Expression(text, result_vocabulary(sweep_.space, sweep_.figures));
    } catch (const InputError& error) {
      findings_.push_back({place, error.findings()[0].found, error.findings()[0].expected});
      return std::nullopt;
    }
  }

  // Figures that are pointers first: objectives may add some, and expressions name them.
  void read_objectives() {
    std::vector<std::string> names;
    for (std::size_t n = 0; n < json_["objectives"].size(); ++n) {
      const std::string text = json_["objectives"][n]["figure"].get<std::string>();
      names.push_back(text[0] == '/' ? figure_at(text, place_of_objective(n)) : text);
      if (!names.back().empty() && std::count(names.begin(), names.end(), names.back()) > 1)
        findings_.push_back({place_of_objective(n), shown(text), "another figure than those before"});
    }
    if (!clean("/objectives") || !clean("/figures") || !clean("/axes")) return;
    for (const Figure& figure : expressions_) {
      parse(figure.expression, "/figures/" + pointer_token(figure.name));
      sweep_.figures.push_back(figure);
    }
    for (std::size_t n = 0; n < names.size(); ++n) add_objective(n, names[n]);
  }

  static std::string place_of_objective(std::size_t n) {
    return "/objectives/" + std::to_string(n) + "/figure";
  }

  void add_objective(std::size_t n, const std::string& name) {
    std::vector<std::string> known;
    for (const Figure& figure : sweep_.figures) known.push_back(figure.name);
    const auto found = static_cast<std::size_t>(std::find(known.begin(), known.end(), name) - known.begin());
    if (found < known.size())
      sweep_.objectives.push_back({found, json_["objectives"][n]["direction"] == kDirections[1]});
    else
      findings_.push_back(
          {place_of_objective(n), shown(name),
           "the name of one of \"figures\", or a JSON pointer into the result" + suggestion(name, known)});
  }

  // The name of the figure with this pointer, which is added if there is none; empty if it cannot be.
  std::string figure_at(const std::string& text, const std::string& place) {
    if (!check_result(text, place)) return "";
    const Json::json_pointer pointer(text);
    for (const Figure& figure : sweep_.figures)
      if (figure.pointer && *figure.pointer == pointer) return figure.name;
    const std::string name = pointer.back();
    const bool taken = std::any_of(expressions_.begin(), expressions_.end(),
                                   [&](const Figure& f) { return f.name == name; });
    if (!may_be_named(name) || !is_free(name) || taken) {
      findings_.push_back(
          {place, shown(text), "a name in \"figures\": its last word can be none, or is taken"});
      return "";
    }
    sweep_.figures.push_back({name, pointer, ""});
    return name;
  }

  void read_constraints() {
    std::vector<std::string> over_axes;
    std::vector<std::string> places;
    const std::size_t axis_names = sweep_.space.vocabulary().variables.size();
    for (std::size_t c = 0; c < json_["constraints"].size(); ++c) {
      const std::string text = json_["constraints"][c].get<std::string>(),
                        place = "/constraints/" + std::to_string(c);
      const std::optional<Expression> expression = parse(text, place);
      if (!expression) continue;
      const bool over_results = !expression->names().empty() && expression->names().back() >= axis_names;
      if (!over_results) places.push_back(place);
      (over_results ? sweep_.result_constraints : over_axes).push_back(text);
    }
    sweep_.space = Space(axes_, over_axes);
    const std::optional<Contradiction> contradiction = sweep_.space.contradiction();
    if (!contradiction) return;
    std::string found;
    for (const std::size_t c : *contradiction) found += (found.empty() ? "" : " and ") + over_axes[c];
    findings_.push_back({contradiction->size() == 1 ? places[contradiction->front()] : "/constraints", found,
                         "what at least one point of the axes meets"});
  }

  Json json_;
  fs::path directory_;
  SweepFile sweep_;
  std::vector<Axis> axes_;
  std::vector<Figure> expressions_;
  const Schema results_ = Schema::embedded("training/result.schema.json");
  std::vector<InputFinding> findings_;
};

}  // namespace

SweepFile parse_sweep(Json json, const fs::path& directory, const std::string& name) {
  return SweepReader(std::move(json), directory, name).read();
}

SweepFile load_sweep(const fs::path& file) {
  const bool piped = file == "-";
  return parse_sweep(read_json_file(file), piped ? fs::path() : file.parent_path(),
                     piped ? "sweep" : file.stem().string());
}

}  // namespace anzan::sim
