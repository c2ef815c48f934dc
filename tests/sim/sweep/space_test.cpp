// Expressions against C++ that says the same; constraints against a plain look at every combination.
#include "sim/sweep/space.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <set>

#include "compiler/input/input_error.hpp"
#include "tests/sim/sweep/chip_shaped.hpp"

namespace anzan::sim::space_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Axis axis_of(const std::string& name, const std::vector<nlohmann::json>& values) {
  Axis axis{name, {}};
  for (const nlohmann::json& value : values)
    axis.levels.push_back({{nlohmann::json::json_pointer("/" + name), value}});
  return axis;
}

TEST(Expression, SaysWhatCppSays) {
  const Vocabulary names{{{"a"}, {"b"}, {"c"}}, {}};
  struct Case {
    const char* text;
    double (*value)(double a, double b, double c);
  };
  const Case cases[] = {
      {"a + b * c - a / b", [](double a, double b, double c) { return a + b * c - a / b; }},
      {"a * b <= 64 && c > 1 || a == 3",
       [](double a, double b, double c) { return double((a * b <= 64 && c > 1) || a == 3); }},
      {"!(a < b) != true", [](double a, double b, double) { return double(!(a < b) != true); }},
      {"a % 3 == 0 ? b ^ 2 : max(a, b, c)",
       [](double a, double b, double c) {
         return std::fmod(a, 3) == 0 ? b * b : std::max({a, b, c});
       }},
      {"log2(a) + sqrt(b) - 1.5e1",
       [](double a, double b, double) { return std::log2(a) + std::sqrt(b) - 15; }},
      {"-a + +b - -c", [](double a, double b, double c) { return -a + b + c; }},
      {"a >= b", [](double a, double b, double) { return double(a >= b); }}};
  for (const Case& one : cases) {
    const Expression expression(one.text, names);
    for (const double a : {1, 3, 8})
      for (const double b : {2, 3, 16})
        for (const double c : {1, 7})
          EXPECT_DOUBLE_EQ(expression({a, b, c}), one.value(a, b, c))
              << one.text << " of " << a << " " << b << " " << c;
  }
  EXPECT_THAT(Expression("c + a", names).names(), ElementsAre(0U, 2U));
  EXPECT_FALSE(Expression("a / b", names).holds({0, 0, 0})) << "no number";
}

TEST(Expression, TextsAreOnlyComparedWithTexts) {
  const Vocabulary names{{{"kind", true}, {"other", true}, {"n"}}, {{"ring", 0}, {"mesh", 1}}};
  EXPECT_TRUE(Expression("kind == 'ring'", names).holds({0, 1, 5}));
  EXPECT_FALSE(Expression("kind == \"mesh\" || n < 2", names).holds({0, 1, 5}));
  EXPECT_TRUE(Expression("(other != 'ring') && n == 5", names).holds({0, 1, 5}));
  EXPECT_TRUE(Expression("kind != other", names).holds({0, 1, 5}));
  for (const char* wrong :
       {"kind", "kind + 1", "kind == 0", "kind < 'ring'", "kind == 'ring' + 1", "1 + kind == 'ring'",
        "-kind == other", "!kind == other", "kind == 'rong'", "kind == 'ring", "kind == other == 1",
        "max(kind, other)", "n == 'ring'", "'ring'"})
    EXPECT_THROW(Expression(wrong, names), compiler::InputError) << wrong;
}

TEST(Expression, WhatIsNoneIsRefused) {
  const Vocabulary names{{{"a"}}, {}};
  for (const char* wrong : {"",      " ",     "a +",    "(a",    "a)",   "a = 3",   "a += 3", "a, 3", "b",
                            "a b",   "3 4",   "foo(a)", "max()", "a(3)", "max",     "1..2",   "1e",   "a & 1",
                            "a # 2", "a ? 1", "\x01",   "ä",     "a\n;", "a == ==", "sin a"})
    EXPECT_THROW(Expression(wrong, names), compiler::InputError) << wrong;
  EXPECT_TRUE(may_be_named("lanes_2"));
  for (const char* wrong : {"", "2a", "a-b", "a b", "max", "_pi", "true", "ä"})
    EXPECT_FALSE(may_be_named(wrong)) << wrong;
}

// Words in any order are an expression or refused, and nothing else happens.
TEST(Expression, BearsAnyWords) {
  const Vocabulary names{{{"a"}, {"t", true}}, {{"x", 0}}};
  const char* words[] = {"a", "t",  "'x'", "3",  "1e9", "+", "-", "*", "/", "%",   "^",    "(", ")",
                         "<", "==", "!=",  "&&", "||",  "!", "?", ":", ",", "max", "sqrt", "=", " "};
  std::mt19937 random(1);
  int right = 0, wrong = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string text;
    for (std::size_t n = 1 + random() % 9; n > 0; --n) text += words[random() % std::size(words)];
    try {
      Expression(text, names).holds({2, 0});
      ++right;
    } catch (const compiler::InputError&) {
      ++wrong;
    }
  }
  for (const char* word : {"(", "!", "-", "a?", "max(", "a+", "'x'=="}) {
    std::string text;
    while (text.size() < 2000) text += word;
    EXPECT_THROW(Expression(text, names), compiler::InputError) << word;
  }
  EXPECT_GT(right, 60);
  EXPECT_GT(wrong, 3000);
}

TEST(Space, NamesStandForValues) {
  Axis tied{"format", {}};
  const nlohmann::json::json_pointer preset("/precision/preset"), batch("/training/batch"),
      flip("/training/flip");
  tied.levels = {{{preset, "int8"}, {batch, 32}}, {{preset, "int16"}, {batch, 64}, {flip, true}}};
  const Space space(
      {axis_of("kind", {"ring", "int16"}), axis_of("on", {false, true}), axis_of("mixed", {7, "x"}), tied},
      {"kind == 'ring' || preset == 'int16'"});
  std::vector<std::string> names;
  for (const Variable& variable : space.vocabulary().variables)
    names.push_back(variable.name + (variable.is_text ? "'" : ""));
  EXPECT_THAT(names, ElementsAre("kind'", "on", "mixed", "format", "preset'", "batch"));
  std::vector<double> values(names.size());
  space.set_values({1, 1, 1, 1}, values);
  EXPECT_EQ(values[0], values[4]) << "both are int16";
  EXPECT_THAT(std::vector<double>(values.begin() + 1, values.begin() + 4), ElementsAre(1, 1, 1));
  EXPECT_EQ(values[5], 64);
  EXPECT_TRUE(space.admits({0, 0, 0, 0}));
  EXPECT_FALSE(space.admits({1, 0, 0, 0}));
  EXPECT_TRUE(space.admits({1, 0, 0, 1}));
}

TEST(Space, PointsHaveNumbers) {
  const Space space = chip_space();
  std::uint64_t number = 0;
  for (const Levels& levels : all_points_of(space)) ASSERT_EQ(space.number(levels), number++);
  EXPECT_EQ(number, 4U * 7 * 5 * 3 * 7 * 4);
  EXPECT_THAT(space.levels_of(1), ElementsAre(0, 0, 0, 0, 0, 1));
}

// Random spaces with random constraints over some of the axes.
class RandomSpace {
 public:
  explicit RandomSpace(unsigned seed) : random_(seed) {
    const int axes = between(1, 5);
    for (int a = 0; a < axes; ++a) {
      std::vector<nlohmann::json> values;
      for (int l = between(1, 5); l > 0; --l) values.emplace_back(between(0, 20) + 100 * l);
      axes_.push_back(axis_of(std::string(1, static_cast<char>('a' + a)), values));
    }
    for (int c = between(0, 4); c > 0; --c) {
      const char x = name(), y = name();
      const int bound = between(0, 1000);
      constraints_.push_back(std::string(1, x) + " + " + y + (between(0, 1) ? " < " : " >= ") +
                             std::to_string(bound));
    }
  }
  Space space() const { return Space(axes_, constraints_); }
  // Each constraint read here on its own: "x + y < n" or "x + y >= n".
  bool admits(const Levels& levels) const {
    for (const std::string& text : constraints_) {
      const double sum = value(levels, text[0]) + value(levels, text[4]);
      const double bound = std::stod(text.substr(text.find_last_of(' ')));
      if (text[6] == '<' ? sum >= bound : sum < bound) return false;
    }
    return true;
  }
  std::vector<std::size_t> order() {
    std::vector<std::size_t> order(axes_.size());
    for (std::size_t a = 0; a < order.size(); ++a) order[a] = a;
    std::shuffle(order.begin(), order.end(), random_);
    return order;
  }

 private:
  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  char name() { return static_cast<char>('a' + between(0, static_cast<int>(axes_.size()) - 1)); }
  double value(const Levels& levels, char axis) const {
    const auto a = static_cast<std::size_t>(axis - 'a');
    return axes_[a].levels[levels[a]][0].value.get<double>();
  }

  std::mt19937 random_;
  std::vector<Axis> axes_;
  std::vector<std::string> constraints_;
};

TEST(Space, ConstraintsAdmitWhatAPlainLookAtAllAdmits) {
  int empty = 0, part = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomSpace random(seed);
    const Space space = random.space();
    std::set<Levels> admitted;
    for (const Levels& levels : all_points_of(space)) {
      ASSERT_EQ(space.admits(levels), random.admits(levels)) << seed;
      if (random.admits(levels)) admitted.insert(levels);
    }
    EXPECT_EQ(space.admitted_points(), static_cast<double>(admitted.size())) << seed;
    EXPECT_EQ(space.contradiction().has_value(), admitted.empty()) << seed;
    const std::vector<std::size_t> order = random.order();
    std::vector<Levels> seen;
    space.walk(order, [&](const Levels& levels) { return seen.push_back(levels), true; });
    EXPECT_EQ(std::set<Levels>(seen.begin(), seen.end()), admitted) << seed;
    EXPECT_EQ(seen.size(), admitted.size()) << seed;
    const auto in_order = [&](const Levels& a, const Levels& b) {
      for (const std::size_t axis : order)
        if (a[axis] != b[axis]) return a[axis] < b[axis];
      return false;
    };
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end(), in_order)) << seed;
    empty += admitted.empty() ? 1 : 0;
    part += !admitted.empty() && static_cast<double>(admitted.size()) < space.grid_points() ? 1 : 0;
  }
  EXPECT_GT(empty, 20);
  EXPECT_GT(part, 50);
}

TEST(Space, CountsWithoutLookingAtAll) {
  std::vector<Axis> axes;
  for (char name = 'a'; name <= 'p'; ++name)
    axes.push_back(axis_of(std::string(1, name), {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  const Space space(axes, {"a + b <= 3", "o * p == 10"});
  EXPECT_EQ(space.admitted_points(), 3 * 4 * 1e12);
  EXPECT_FALSE(space.contradiction());
  const Space none(axes, {"a > 3", "b + c < 9", "a * p < 4"});
  EXPECT_THAT(none.contradiction().value(), ElementsAre(0U, 2U));
  EXPECT_EQ(none.admitted_points(), 0);
}

}  // namespace
}  // namespace anzan::sim::space_test
