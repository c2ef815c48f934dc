// Small design spaces, right, and changed where their schema or their expressions can be.
#include "tests/fuzz/sweep_cases.hpp"

#include <algorithm>

#include "tests/fuzz/mutation.hpp"
#include "tests/sim/synthetic_data.hpp"

namespace anzan::fuzz {
namespace {

const char* const kSweep = "s.json";

// Two or three axes, mostly of what programs do not depend on: those are looked at in no time.
Json drawn_axes(Draw& draw, bool trains) {
  std::vector<Json> axes{
      {{"pointer", "/chip/clock_ghz"}, {"range", {{"from", 0.5}, {"to", 1.5}, {"step", 0.5}}}},
      {{"pointer", "/technology"}, {"values", {"7nm", "45nm"}}},
      {{"pointer", "/chip/queue_depth"}, {"powers_of_two", {{"from", 2}, {"to", 4}}}},
      {{"pointer", "/chip/lanes"}, {"values", {4, 16}}},
      {{"pointer", "/precision/preset"}, {"values", {"int8", "fp32"}}},
      {{"name", "both"},
       {"tied",
        {{{"/training/batch", 16}, {"/chip/scratchpad_kib", 64}},
         {{"/training/batch", 32}, {"/chip/scratchpad_kib", 256}}}}}};
  if (trains) axes = {{{"pointer", "/training/seed"}, {"values", {1, 2, 3}}}, axes[0], axes[4]};
  Json drawn = Json::array();
  const int count = draw.from(1, trains ? 2 : 3);
  for (int k = 0; k < count; ++k) {
    const auto at = draw.from<std::size_t>(0, axes.size() - 1);
    drawn.push_back(axes[at]);
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return drawn;
}

Json drawn_sampler(Draw& draw, bool trains, std::size_t axes) {
  const int points = draw.from(1, 2);  // of any axis
  std::vector<Json> samplers{
      {{"kind", "grid"}},
      {{"kind", "random"}, {"points", points}, {"seed", draw.from(0, 9)}},
      {{"kind", "sobol"}, {"points", points}},
      {{"kind", "latin_hypercube"}, {"points", points}, {"seed", draw.from(0, 9)}},
      {{"kind", "surrogate"}, {"points", points}, {"initial", 1}, {"batch", draw.from(1, 3)}}};
  if (!trains && axes == 3) samplers.push_back({{"kind", "nsga2"}, {"points", 8}, {"population", 8}});
  if (trains)
    samplers.push_back({{"kind", "halving"}, {"points", points}, {"rungs", {1, 2}}, {"reduction_factor", 2}});
  return pick(draw, samplers);
}

Json drawn_sweep(Draw& draw) {
  const bool trains = draw.chance(20);
  Json base = draw.chance(70) ? sim::testing::small_configuration(dataset()) : drawn_configuration(draw);
  base["training"]["iterations"] = 2;
  base["training"]["test_interval"] = 2;
  Json axes = drawn_axes(draw, trains);
  const std::size_t count = axes.size();
  Json json{{"base", std::move(base)},
            {"axes", std::move(axes)},
            {"figures",
             {{"joules", "/energy/joules_per_step"},
              {"delay", "/time/seconds_per_step"},
              {"edp", "joules * delay"}}},
            {"objectives", {{{"figure", "delay"}}, {{"figure", "edp"}, {"direction", "maximise"}}}},
            {"sampler", drawn_sampler(draw, trains, count)}};
  if (trains) json["measure"] = "training";
  if (draw.chance(40))
    json["constraints"] = {draw.one_of(
        {"joules > 0", "1 < 2", "joules < 1e300 || delay > 0", "min(joules, delay) >= 0 ? true : false"})};
  return json;
}

std::string any_expression(Draw& draw) {
  const std::vector<std::string> all{"",
                                     "1/0",
                                     "((((",
                                     "1 ? 2",
                                     "joules = 1",
                                     "sqrt(-1) < nan",
                                     "1e999 > 0",
                                     "joules joules",
                                     "min()",
                                     "sum",
                                     "'a' == 'b'",
                                     "'int8'",
                                     "\"",
                                     "clock_ghz < 1",
                                     "rnd() > 0",
                                     "_pi",
                                     "lanes ** 2",
                                     "a.b",
                                     "0x10 > 1",
                                     "joules[0]",
                                     "1;2",
                                     "\xe6\x9a\x97 > 1",
                                     "edp > edp > edp",
                                     "!joules",
                                     "-- 1",
                                     "2^1e9 > 1",
                                     "9223372036854775808 % 0",
                                     "joules < 0"};
  if (draw.chance(85)) return pick(draw, all);
  const auto many = draw.one_of<std::size_t>({100, 3000, 60000});
  if (draw.chance(50)) return std::string(many, '(') + "1" + std::string(many, ')');
  std::string sum = "joules";
  for (std::size_t k = 0; k < many; ++k) sum += draw.chance(50) ? "+1" : "-joules";
  return sum + " > 0";
}

void change_expressions(Draw& draw, Json& json) {
  switch (draw.from(0, 3)) {
    case 0:
      json["constraints"].push_back(any_expression(draw));
      break;
    case 1:
      json["figures"]["other"] = any_expression(draw);
      break;
    case 2:
      json["figures"][draw.one_of({"", "joules", "sqrt", "a b", "1a", "clock_ghz", "nan"})] =
          any_expression(draw);
      break;
    default:
      json["objectives"].push_back(
          {{"figure", draw.one_of({"/time", "/time/cycles_per_step", "/accuracy/test", "nobody", "/", "//",
                                   "/~", ""})}});
  }
}

// A value that its schema forbids; not within the base, where an axis may set another.
void forbid(const Maker& m, Case& c, Json& json) {
  for (;;) {
    const Place place = m.grammar.place_in_sweep(m.draw, json);
    if (place.tokens.size() > 1 && place.tokens[0] == "base") continue;
    const std::optional<Json> wrong = m.grammar.wrong_value(m.draw, place.node);
    if (!wrong) continue;
    set_at(json, place.tokens, *wrong);
    c.refused = true;
    c.place = place.pointer();
    return;
  }
}

std::string changed(const Maker& m, Case& c, Json& json) {
  const int kind = m.draw.from(0, 19);
  if (kind < 5) {
    forbid(m, c, json);
  } else if (kind < 9) {
    const Place place = m.grammar.place_in_sweep(m.draw, json);
    set_at(json, place.tokens, m.grammar.value(m.draw, place.node, json));
  } else if (kind < 13) {
    change_expressions(m.draw, json);
  } else if (kind < 17) {
    for (int changes = m.draw.from(1, 3); changes > 0; --changes) {
      if (m.draw.chance(25))
        set_at(json, m.grammar.place_in_sweep(m.draw, json).tokens, odd_value(m.draw));
      else
        mutate(m.draw, json);
    }
  } else {
    std::string text = spelling(m.draw, json);
    mutate_text(m.draw, text);
    return text;
  }
  return c.refused ? json.dump() : spelling(m.draw, json);
}

// Which points, of whatever axes.
std::string any_points(Draw& draw) {
  return pick(draw,
              std::vector<std::string>{"[]", "{}", "[[0, 0, 0]]", "[[0, 0], [0, 1]]", "[[1, 0, 1]]",
                                       "[[-1, 0]]", "[[0, 99]]", "[[18446744073709551615, 0]]",
                                       "[[0, 4294967296]]", "[[0, 0.5]]", "[[]]", "[0]", "[[0, 0, 0, 0],"});
}

}  // namespace

Case sweep(const Maker& m) {
  Case c;
  Json json = drawn_sweep(m.draw);
  const Json like = json.at("base");
  const bool known = like.at("network") == sim::testing::small_network();
  std::string text;
  if (m.draw.chance(35)) {
    c.right = known;
    text = json.dump();
  } else {
    text = changed(m, c, json);
  }
  c.arguments = {"sweep", kSweep, "--store", "s.sqlite", "--workers", m.draw.one_of({"1", "1", "2"})};
  if (m.draw.chance(90)) {
    c.arguments.insert(c.arguments.end(), {"--csv", "all.csv"});
    if (json.is_object() && !json.contains("measure")) c.points = "all.csv";
  }
  if (m.draw.chance(10)) {
    c.right = false;
    c.place.clear();  // of the two that are wrong
    c.arguments.insert(c.arguments.end(), {"--points", "points.json"});
    c.files.emplace_back("points.json", any_points(m.draw));
  }
  c.files.emplace_back(kSweep, text);
  give_data(m.draw, c, like);
  return c;
}

}  // namespace anzan::fuzz
