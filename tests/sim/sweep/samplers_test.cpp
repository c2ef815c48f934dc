// Which points each sampler asks for; and that what searches finds more than what draws.
#include <gmock/gmock.h>

#include <map>
#include <numeric>
#include <set>

#include "compiler/input/input_error.hpp"
#include "sim/sweep/hypervolume.hpp"
#include "sim/sweep/pareto.hpp"
#include "sim/sweep/sampler.hpp"
#include "sim/sweep/sequences.hpp"
#include "tests/sim/sweep/chip_shaped.hpp"

namespace anzan::sim::samplers_test {
namespace {

using ::testing::ElementsAre;

SweepFile sweep_of(Space space, const nlohmann::json& sampler, std::size_t objectives = 2) {
  SweepFile sweep;
  sweep.space = std::move(space);
  sweep.objectives.resize(objectives);
  sweep.sampler = sampler;
  return sweep;
}

struct Asked {
  std::vector<Request> requests;
  std::vector<std::size_t> calls;  // requests of each
  std::vector<Objectives> found;

  std::set<Levels> different() const {
    std::set<Levels> all;
    for (const Request& request : requests) all.insert(request.levels);
    return all;
  }
};

using Measure = std::function<std::optional<Objectives>(const Request&)>;

Asked asked(const SweepFile& sweep, const Measure& measure) {
  Asked all;
  sample(sweep, [&](const std::vector<Request>& requests) {
    std::vector<std::optional<Objectives>> answers;
    all.calls.push_back(requests.size());
    for (const Request& request : requests) {
      EXPECT_TRUE(sweep.space.admits(request.levels));
      all.requests.push_back(request);
      answers.push_back(measure(request));
      if (answers.back()) all.found.push_back(*answers.back());
    }
    return answers;
  });
  return all;
}

Measure chip(const SweepFile& sweep, std::size_t objectives = 2) {
  return [&sweep, objectives](const Request& request) {
    return chip_cost(sweep.space, request.levels, objectives);
  };
}

std::optional<Objectives> nothing(const Request&) { return std::nullopt; }

Space constrained(const std::vector<std::string>& constraints) {
  return Space(chip_space().axes(), constraints);
}

TEST(Grid, IsEveryPointOnceInPartsWithProgramsSideBySide) {
  const SweepFile sweep =
      sweep_of(constrained({"lanes * scratchpad_kib <= 32768", "channels * 4 >= dma_outstanding"}),
               {{"kind", "grid"}});
  const Asked all = asked(sweep, nothing);
  EXPECT_EQ(all.requests.size(), requests(sweep));
  EXPECT_EQ(all.different().size(), all.requests.size());
  EXPECT_EQ(all.requests.size(), sweep.space.admitted_points());
  for (std::size_t call = 0; call + 1 < all.calls.size(); ++call) EXPECT_EQ(all.calls[call], kPointsAtATime);
  EXPECT_GT(all.calls.size(), 1U);
  std::set<Levels> left;  // lanes, scratchpad and width decide the program: once left, it does not come back
  Levels last;
  for (const Request& request : all.requests) {
    const Levels program{request.levels[0], request.levels[1], request.levels[3]};
    EXPECT_TRUE(program == last || left.insert(program).second);
    last = program;
  }
}

TEST(Random, IsWithoutRepetitionAndWithEqualChances) {
  const Space small = constrained({"lanes == 8", "width == 16", "dma_outstanding == 8"});  // 7 * 5 * 7 points
  std::map<std::uint64_t, int> times;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    const std::vector<Levels> points = random_points(small, 49, seed);
    std::set<std::uint64_t> different;
    for (const Levels& levels : points) different.insert(small.number(levels));
    ASSERT_EQ(different.size(), 49U);
    for (const std::uint64_t number : different) ++times[number];
  }
  EXPECT_EQ(times.size(), 245U);
  for (const auto& [number, count] : times) EXPECT_NEAR(count, 200, 6 * std::sqrt(160)) << number;
  EXPECT_EQ(random_points(small, 245, 3).size(), 245U) << "all that there are";
  EXPECT_NE(random_points(small, 10, 1), random_points(small, 10, 2));
}

TEST(Random, DrawsFromSpacesTooLargeToList) {
  std::vector<double> values(1000);
  for (std::size_t v = 0; v < values.size(); ++v) values[v] = static_cast<double>(v);
  const std::vector<Axis> axes{numbers("/a", values), numbers("/b", values), numbers("/c", values),
                               numbers("/d", values)};
  const Space large(axes, {"a + b > 300"});
  const std::vector<Levels> points = random_points(large, 5000, 1);
  EXPECT_EQ(std::set<Levels>(points.begin(), points.end()).size(), 5000U);
  double sum = 0;
  for (const Levels& levels : points) sum += levels[3];
  EXPECT_NEAR(sum / 5000, 499.5, 4 * 289 / std::sqrt(5000));
  const Space rare(axes, {"a * 1e9 + b * 1e6 + c * 1e3 + d < 1.5e6"});  // one in 666,666
  EXPECT_THROW(random_points(rare, 3000, 1), compiler::InputError);
}

// The first points of the sequence in the tables of Joe and Kuo (2008), without the origin.
TEST(Sobol, IsThePublishedSequence) {
  std::vector<double> fractions(1024);
  const Space space({numbers("/a", fractions), numbers("/b", fractions), numbers("/c", fractions)});
  const std::vector<Levels> points = sobol_points(space, 7);
  const double expected[7][3] = {{0.5, 0.5, 0.5},       {0.75, 0.25, 0.25},    {0.25, 0.75, 0.75},
                                 {0.375, 0.375, 0.625}, {0.875, 0.875, 0.125}, {0.625, 0.125, 0.875},
                                 {0.125, 0.625, 0.375}};
  for (std::size_t p = 0; p < 7; ++p)
    for (std::size_t a = 0; a < 3; ++a) EXPECT_EQ(points[p][a], expected[p][a] * 1024) << p << " " << a;
}

TEST(Sobol, GoesOnUntilEnoughAreAdmitted) {
  const Space space = constrained({"lanes > 8"});
  const std::vector<Levels> points = sobol_points(space, 3000);
  EXPECT_EQ(std::set<Levels>(points.begin(), points.end()).size(), 3000U);
}

TEST(LatinHypercube, HasEveryPartOfEveryAxisOnce) {
  std::vector<double> values(50);
  const Space space({numbers("/a", values), numbers("/b", values), numbers("/c", std::vector<double>(10))});
  const std::vector<Levels> points = latin_hypercube(space, 50, 7);
  std::multiset<std::uint32_t> a, b, c;
  for (const Levels& levels : points) {
    a.insert(levels[0]);
    b.insert(levels[1]);
    c.insert(levels[2]);
  }
  for (std::uint32_t level = 0; level < 50; ++level) {
    EXPECT_EQ(a.count(level), 1U);
    EXPECT_EQ(b.count(level), 1U);
    EXPECT_EQ(c.count(level), level < 10 ? 5U : 0U);
  }
  EXPECT_NE(points, latin_hypercube(space, 50, 8));
}

const nlohmann::json kSamplers[] = {
    {{"kind", "random"}, {"points", 150}, {"seed", 5}},
    {{"kind", "sobol"}, {"points", 150}},
    {{"kind", "latin_hypercube"}, {"points", 150}, {"seed", 5}},
    {{"kind", "nsga2"}, {"points", 150}, {"seed", 5}, {"population", 20}},
    {{"kind", "surrogate"}, {"points", 60}, {"seed", 5}, {"initial", 20}, {"batch", 3}},
    {{"kind", "halving"}, {"points", 60}, {"seed", 5}, {"rungs", {10, 30, 90}}, {"reduction_factor", 3}}};

class EverySampler : public ::testing::TestWithParam<nlohmann::json> {};

// What a killed sweep relies on.
TEST_P(EverySampler, AsksForTheSamePointsAgain) {
  const SweepFile sweep = sweep_of(constrained({"lanes * scratchpad_kib <= 32768"}), GetParam());
  const Asked once = asked(sweep, chip(sweep)), again = asked(sweep, chip(sweep));
  ASSERT_EQ(once.requests.size(), again.requests.size());
  for (std::size_t r = 0; r < once.requests.size(); ++r) {
    EXPECT_EQ(once.requests[r].levels, again.requests[r].levels);
    EXPECT_EQ(once.requests[r].steps, again.requests[r].steps);
  }
  EXPECT_EQ(once.requests.size(), requests(sweep));
  const bool halves = GetParam()["kind"] == "halving";
  EXPECT_EQ(once.different().size(), GetParam()["points"].get<std::size_t>());
  EXPECT_EQ(once.requests.size(), halves ? 60U + 20 + 6 : once.different().size());
}

// Nothing that comes of points may lead a search astray: no solution, one value for all, objectives that are
// equal.
TEST_P(EverySampler, BearsWhateverComesOfPoints) {
  const SweepFile two = sweep_of(chip_space(), GetParam()), one = sweep_of(chip_space(), GetParam(), 1);
  const std::size_t points = GetParam()["points"].get<std::size_t>();
  EXPECT_EQ(asked(two, nothing).different().size(), points);
  EXPECT_EQ(asked(two, [](const Request&) { return Objectives{3, 3}; }).different().size(), points);
  EXPECT_EQ(asked(two,
                  [](const Request& r) {
                    return Objectives{double(r.levels[1] % 2), double(r.levels[1] % 2)};
                  })
                .different()
                .size(),
            points);
  EXPECT_EQ(asked(two,
                  [](const Request& r) {
                    return Objectives{-1e-300 * r.levels[1], 1e300 * r.levels[2]};
                  })
                .different()
                .size(),
            points);
  EXPECT_EQ(asked(one, chip(one, 1)).different().size(), points);
  EXPECT_EQ(
      asked(one,
            [](const Request& r) { return r.levels[0] == 3 ? std::optional(Objectives{-1}) : std::nullopt; })
          .different()
          .size(),
      points);
}

// Every point of a space that is hardly larger than what is asked for.
TEST_P(EverySampler, TakesAllButAFew) {
  nlohmann::json sampler = GetParam();
  sampler["points"] = 48;
  const SweepFile sweep = sweep_of(
      constrained({"lanes == 8", "width == 16", "dma_outstanding == 8", "clock_ghz <= 1", "channels <= 8"}),
      sampler);  // 63 points
  ASSERT_EQ(sweep.space.admitted_points(), 63);
  const std::size_t different = asked(sweep, chip(sweep)).different().size();
  EXPECT_LE(different, 48U);
  EXPECT_GE(different, sampler["kind"] == "nsga2" ? 30U : 48U);  // it may converge before
}

TEST_P(EverySampler, TakesAxesOfOneLevelAndSpacesOfOneAxis) {
  nlohmann::json sampler = GetParam();
  sampler["points"] = 24;
  std::vector<double> values(30);
  std::iota(values.begin(), values.end(), 1.0);
  const SweepFile sweep =
      sweep_of(Space({numbers("/a", {7}), numbers("/b", values), numbers("/c", {8})}), sampler);
  const Asked all = asked(sweep, [](const Request& r) {
    return Objectives{double(r.levels[1]), 30.0 - r.levels[1]};
  });
  EXPECT_EQ(all.different().size(), 24U);
}

INSTANTIATE_TEST_SUITE_P(Samplers, EverySampler, ::testing::ValuesIn(kSamplers),
                         [](const auto& one) { return one.param["kind"].template get<std::string>(); });

struct Truth {
  std::set<Objectives> front;
  Objectives reference;  // a tenth worse than the worst of the front
  double volume = 0;
};

Truth truth_of(const Space& space) {
  std::vector<Objectives> all;
  for (const Levels& levels : all_points_of(space))
    if (const std::optional<Objectives> cost = chip_cost(space, levels, 2)) all.push_back(*cost);
  Truth truth{{}, {0, 0}, 0};
  for (const std::size_t f : pareto_front(all)) {
    truth.front.insert(all[f]);
    for (std::size_t k = 0; k < 2; ++k) truth.reference[k] = std::max(truth.reference[k], 1.1 * all[f][k]);
  }
  truth.volume = hypervolume(all, truth.reference);
  return truth;
}

std::set<Objectives> front_of(const std::vector<Objectives>& found) {
  std::set<Objectives> front;
  for (const std::size_t f : pareto_front(found)) front.insert(found[f]);
  return front;
}

Asked asked_of(const char* kind, nlohmann::json sampler) {
  sampler["kind"] = kind;
  const SweepFile sweep = sweep_of(chip_space(), sampler);
  return asked(sweep, chip(sweep));
}

TEST(Search, Nsga2FindsTheFrontWithATwentiethOfThePoints) {
  const Truth truth = truth_of(chip_space());
  ASSERT_GT(truth.front.size(), 10U);
  for (int seed = 1; seed <= 5; ++seed) {
    for (const int population : {8, 12, 40}) {
      const nlohmann::json sampler{{"points", 588}, {"seed", seed}, {"population", population}};
      EXPECT_EQ(front_of(asked_of("nsga2", sampler).found), truth.front) << seed << " " << population;
    }
    EXPECT_LT(front_of(asked_of("random", {{"points", 588}, {"seed", seed}}).found).size(),
              truth.front.size())
        << seed;
  }
}

TEST(Search, FindsMoreThanRandomPoints) {
  const Truth truth = truth_of(chip_space());
  for (int seed = 1; seed <= 5; ++seed) {
    const nlohmann::json sampler{
        {"points", 100}, {"seed", seed}, {"population", 20}, {"initial", 20}, {"batch", 4}};
    const double random = hypervolume(asked_of("random", sampler).found, truth.reference) / truth.volume;
    const double nsga2 = hypervolume(asked_of("nsga2", sampler).found, truth.reference) / truth.volume;
    const double surrogate =
        hypervolume(asked_of("surrogate", sampler).found, truth.reference) / truth.volume;
    RecordProperty("seed " + std::to_string(seed),
                   ::testing::PrintToString(std::vector<double>{random, nsga2, surrogate}));
    EXPECT_LT(random, 0.75) << seed;
    EXPECT_GT(nsga2, random) << seed;
    EXPECT_GT(surrogate, std::max(random, 0.9)) << seed;
  }
}

TEST(Halving, TrainsTheBestLonger) {
  const SweepFile sweep = sweep_of(
      chip_space(),
      {{"kind", "halving"}, {"points", 27}, {"seed", 1}, {"rungs", {5, 20, 100}}, {"reduction_factor", 3}},
      1);
  // what is refused does not go on, however good it was
  const Measure measure = [&](const Request& r) -> std::optional<Objectives> {
    const auto number = sweep.space.number(r.levels);
    if (number % 5 == 0) return std::nullopt;
    return Objectives{static_cast<double>(number % 1000)};
  };
  const Asked all = asked(sweep, measure);
  EXPECT_THAT(all.calls, ElementsAre(27U, 9U, 3U));
  std::vector<double> first;
  for (std::size_t r = 0; r < 27; ++r) {
    EXPECT_EQ(all.requests[r].steps, 5);
    if (const auto result = measure(all.requests[r])) first.push_back(result->front());
  }
  std::sort(first.begin(), first.end());
  std::multiset<double> second, third;
  for (std::size_t r = 27; r < 39; ++r) {
    EXPECT_EQ(all.requests[r].steps, r < 36 ? 20 : 100);
    (r < 36 ? second : third).insert(measure(all.requests[r])->front());
  }
  EXPECT_EQ(second, std::multiset<double>(first.begin(), first.begin() + 9));
  EXPECT_EQ(third, std::multiset<double>(first.begin(), first.begin() + 3));
}

}  // namespace
}  // namespace anzan::sim::samplers_test
