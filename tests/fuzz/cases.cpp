// Changes of configurations; and the table of all kinds, which says how often each comes.
#include "tests/fuzz/cases.hpp"

#include <algorithm>
#include <numeric>

#include "tests/fuzz/file_cases.hpp"
#include "tests/fuzz/memory_cases.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/option_cases.hpp"
#include "tests/fuzz/store_cases.hpp"
#include "tests/fuzz/sweep_cases.hpp"

namespace anzan::fuzz {
namespace {

// A valid configuration but for one value, which its schema forbids.
Case wrong_value(const Maker& m) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  for (std::optional<Json> wrong; !wrong;) {
    const Place place = m.grammar.place(m.draw, json);
    wrong = m.grammar.wrong_value(m.draw, place.node);
    if (!wrong) continue;
    set_at(json, place.tokens, *wrong);
    c.place = place.pointer();
  }
  c.refused = true;
  c.arguments = pick(
      m.draw, std::vector<std::vector<std::string>>{
                  {"compile", kFile}, {"cost", kFile}, {"memory", kFile}, {"run", kFile, "--out", "out"}});
  give(m.draw, c, like, json.dump());
  return c;
}

// One to three changes of a valid configuration, and what becomes of its text.
template <class Change, class Spelling>
Case changed(const Maker& m, const Change& change, const Spelling& spell) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  for (int changes = m.draw.from(1, 3); changes > 0; --changes) change(json, m.grammar.place(m.draw, json));
  c.arguments = any_command(m.draw);
  give(m.draw, c, like, spell(json));
  return c;
}

// Each of a value that its schema allows.
Case other_values(const Maker& m) {
  return changed(
      m,
      [&](Json& json, const Place& place) {
        if (place.tokens.size() > 1) set_at(json, place.tokens, m.grammar.value(m.draw, place.node, json));
      },
      [](const Json& json) { return json.dump(); });
}

Case changed_document(const Maker& m) {
  return changed(
      m,
      [&](Json& json, const Place& place) {
        if (m.draw.chance(25)) {
          set_at(json, place.tokens, odd_value(m.draw));
        } else {
          mutate(m.draw, json);
        }
      },
      [&](const Json& json) { return spelling(m.draw, json); });
}

Case drawn_document(const Maker& m) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  const Json drawn = m.grammar.document(m.draw, json);
  const std::string block = m.draw.one_of({"chip", "system", "precision", "engine", "training", ""});
  if (block.empty()) {
    json = drawn;
  } else if (drawn.contains(block)) {
    json[block] = drawn.at(block);
  }
  c.arguments = any_command(m.draw);
  give(m.draw, c, like, json.dump());
  return c;
}

// A text that has suffered: of the configuration, of its network or its technology in a file of its own.
Case changed_text(const Maker& m) {
  Case c;
  Json json = any_configuration(m.draw);
  const Json like = json;
  const std::string part = m.draw.one_of({"", "", "network", "technology"});
  if (json.contains(part)) {
    std::string text = spelling(m.draw, json.at(part));
    mutate_text(m.draw, text);
    c.files.emplace_back("part.json", text);
    json[part] = "part.json";
  }
  std::string text = spelling(m.draw, json);
  if (c.files.empty()) mutate_text(m.draw, text);
  c.arguments = any_command(m.draw);
  give(m.draw, c, like, text);
  return c;
}

Case overrides(const Maker& m) {
  Case c;
  const Json like = any_configuration(m.draw);
  c.arguments = any_command(m.draw);
  for (int count = m.draw.from(1, 3); count > 0; --count) {
    const Place place = m.grammar.place(m.draw, like);
    std::string set = place.pointer() + "=" + m.grammar.value(m.draw, place.node, like).dump();
    if (m.draw.chance(30)) mutate_text(m.draw, set);
    set.erase(std::remove(set.begin(), set.end(), '\0'), set.end());
    c.arguments.push_back("--set=" + set.substr(0, 1000));
  }
  give(m.draw, c, like, like.dump());
  return c;
}

// A drawn network trains, on models that know time or not, or in RTL.
Case training(const Maker& m) {
  Case c;
  const Json like = drawn_configuration(m.draw);
  c.arguments = {"run",
                 kFile,
                 "--out",
                 "out",
                 "--set=/training/iterations=2",
                 "--threads",
                 m.draw.one_of({"1", "1", "2"})};
  if (m.draw.chance(30))
    c.arguments.insert(c.arguments.end(), {"--engine", m.draw.chance(95) ? "cycle" : "rtl"});
  if (m.draw.chance(10)) c.arguments.push_back("--trace");
  c.leaves_result = true;
  give(m.draw, c, like, like.dump());
  return c;
}

struct Kind {
  const char* name;
  int share;
  Case (*make)(const Maker&);
};
constexpr Kind kKinds[] = {{"wrong value", 20, wrong_value},
                           {"other values", 20, other_values},
                           {"document", 12, changed_document},
                           {"drawn", 8, drawn_document},
                           {"text", 6, changed_text},
                           {"--set", 6, overrides},
                           {"training", 8, training},
                           {"data", 6, data},
                           {"checkpoint", 8, checkpoint},
                           {"onnx", 8, onnx},
                           {"programs", 3, programs},
                           {"options", 5, options},
                           {"allocation", 6, allocation},
                           {"memory", 4, memory},
                           {"sweep", 8, sweep},
                           {"store", 6, store},
                           {"query", 2, query}};

}  // namespace

Case make_case(std::uint32_t number, const Grammar& grammar, const Stock& stock) {
  Draw draw(number);
  int at = draw.from(0, std::accumulate(std::begin(kKinds), std::end(kKinds), 0, [](int sum, const Kind& k) {
                          return sum + k.share;
                        }) - 1);
  const Kind* kind = kKinds;
  for (; at >= kind->share; ++kind) at -= kind->share;
  Case c = kind->make({draw, grammar, stock});
  c.kind = kind->name;
  c.in_program = draw.chance(4);
  c.long_watch = draw.chance(1);
  return c;
}

}  // namespace anzan::fuzz
