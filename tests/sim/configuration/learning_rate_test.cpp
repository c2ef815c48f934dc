// Learning-rate policies against Caffe's formulas, written here a second time in long double with
// repeated multiplication instead of powers where that is possible.
#include "sim/configuration/learning_rate.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace anzan::sim::learning_rate_test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

LearningRate parse(const char* text, std::int64_t iterations = 10000) {
  std::vector<compiler::InputFinding> findings;
  LearningRate rate = parse_learning_rate(Json::parse(text), iterations, "/lr", findings);
  EXPECT_TRUE(findings.empty()) << text;
  return rate;
}

long double power(long double base, std::int64_t n) {
  long double result = 1;
  for (std::int64_t k = 0; k < n; ++k) result *= base;
  return result;
}

const std::int64_t kSteps[] = {0, 1, 2, 99, 100, 101, 4999, 5000, 9999};

TEST(LearningRate, Fixed) {
  const LearningRate rate = parse(R"({"policy": "fixed", "base": 0.01})");
  for (const auto i : kSteps) EXPECT_EQ(rate.at(i), 0.01);
}

TEST(LearningRate, Step) {
  const LearningRate rate = parse(R"({"policy": "step", "base": 0.1, "gamma": 0.5, "step_size": 100})");
  for (const auto i : kSteps)
    EXPECT_DOUBLE_EQ(rate.at(i), static_cast<double>(0.1L * power(0.5L, i / 100))) << i;
  EXPECT_EQ(rate.at(99), rate.at(0));
  EXPECT_LT(rate.at(100), rate.at(99));
}

TEST(LearningRate, Exp) {
  const LearningRate rate = parse(R"({"policy": "exp", "base": 0.1, "gamma": 0.999})");
  for (const auto i : kSteps)
    EXPECT_NEAR(rate.at(i), static_cast<double>(0.1L * power(0.999L, i)), 1e-15) << i;
}

TEST(LearningRate, InvIsTheRecipeOfLenet) {
  const LearningRate rate = parse(R"({"policy": "inv", "base": 0.01, "gamma": 1e-4, "power": 0.75})");
  EXPECT_EQ(rate.at(0), 0.01);
  for (const auto i : kSteps) {
    const long double x = 1 + 1e-4L * i;  // x^-0.75 by square roots
    EXPECT_DOUBLE_EQ(rate.at(i), static_cast<double>(0.01L / (std::sqrt(x) * std::sqrt(std::sqrt(x))))) << i;
  }
  EXPECT_NEAR(rate.at(9999), 0.0059463, 2e-6);  // Caffe's log of this recipe: lr = 0.00594604 at 10,000
}

TEST(LearningRate, Multistep) {
  const LearningRate rate =
      parse(R"({"policy": "multistep", "base": 1, "gamma": 0.1, "steps": [100, 5000]})");
  EXPECT_DOUBLE_EQ(rate.at(99), 1);
  EXPECT_DOUBLE_EQ(rate.at(100), 0.1);  // Caffe raises current_step_ once iter >= stepvalue
  EXPECT_DOUBLE_EQ(rate.at(4999), 0.1);
  EXPECT_DOUBLE_EQ(rate.at(5000), 0.01);
}

TEST(LearningRate, Poly) {
  const LearningRate rate = parse(R"({"policy": "poly", "base": 0.1, "power": 2})", 10000);
  for (const auto i : kSteps) {
    const long double x = 1 - static_cast<long double>(i) / 10000;
    EXPECT_NEAR(rate.at(i), static_cast<double>(0.1L * x * x), 1e-15) << i;
  }
}

TEST(LearningRate, Sigmoid) {
  const LearningRate rate = parse(R"({"policy": "sigmoid", "base": 0.1, "gamma": -0.01, "step_size": 5000})");
  EXPECT_DOUBLE_EQ(rate.at(5000), 0.05);
  for (const auto i : kSteps)
    EXPECT_NEAR(rate.at(i), static_cast<double>(0.1L / (1 + std::exp(0.01L * (i - 5000)))), 1e-15) << i;
}

TEST(LearningRate, CosineGoesDownByHalfATurn) {
  for (const double minimum : {0.0, 0.025}) {
    const LearningRate rate = parse(
        (R"({"policy": "cosine", "base": 0.1, "minimum": )" + std::to_string(minimum) + "}").c_str(), 10000);
    EXPECT_EQ(rate.at(0), 0.1);
    EXPECT_NEAR(rate.at(5000), (0.1 + minimum) / 2, 1e-15);
    for (const auto i : kSteps) {  // 1 + cos(2 a) = 2 cos(a)^2
      const long double c = std::cos(std::acos(0.0L) * i / 10000);
      EXPECT_NEAR(rate.at(i), static_cast<double>(minimum + (0.1L - minimum) * c * c), 1e-15) << i;
    }
    EXPECT_TRUE(rate.depends_on_iterations());
  }
  EXPECT_EQ(parse(R"({"policy": "cosine", "base": 0.1})").minimum, 0);
}

TEST(LearningRate, WarmsUpBeforeAnyPolicy) {
  const char* const policies[] = {R"("policy": "fixed")",
                                  R"("policy": "step", "gamma": 0.5, "step_size": 3)",
                                  R"("policy": "exp", "gamma": 0.999)",
                                  R"("policy": "inv", "gamma": 1e-4, "power": 0.75)",
                                  R"("policy": "multistep", "gamma": 0.1, "steps": [5, 5000])",
                                  R"("policy": "poly", "power": 2)",
                                  R"("policy": "sigmoid", "gamma": -0.01, "step_size": 5000)",
                                  R"("policy": "cosine", "minimum": 0.01)"};
  EXPECT_EQ(std::size(policies), learning_rate_policies().size());
  for (const std::string policy : policies) {
    const LearningRate cold = parse(("{" + policy + R"(, "base": 0.1})").c_str()),
                       warm = parse(("{" + policy + R"(, "base": 0.1, "warmup_steps": 8})").c_str());
    for (std::int64_t i = 0; i < 8; ++i)
      EXPECT_DOUBLE_EQ(warm.at(i), cold.at(i) * (0.125 * static_cast<double>(i + 1))) << policy << " " << i;
    for (const auto i : {7, 8, 9, 5000, 9999}) EXPECT_EQ(warm.at(i), cold.at(i)) << policy << " " << i;
  }
}

TEST(LearningRate, SeveralStepsMayFallOnOne) {
  const LearningRate rate =
      parse(R"({"policy": "multistep", "base": 1, "gamma": 0.5, "steps": [0, 3, 3, 4]})");
  EXPECT_EQ(rate.at(0), 0.5);
  EXPECT_EQ(rate.at(2), 0.5);
  EXPECT_EQ(rate.at(3), 0.125);
  EXPECT_EQ(rate.at(4), 0.0625);
}

TEST(LearningRate, NamesParametersThatAreMissingOrUnused) {
  std::vector<compiler::InputFinding> findings;
  parse_learning_rate(Json::parse(R"({"policy": "inv", "base": 0.01, "gamma": 1, "step_size": 3})"), 10,
                      "/lr", findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].place, "/lr/power");
  EXPECT_EQ(findings[1].place, "/lr/step_size");
  EXPECT_THAT(findings[1].expected, HasSubstr("does not use"));
}

TEST(LearningRate, RefusesWhatIsNoNumber) {
  std::vector<compiler::InputFinding> findings;
  parse_learning_rate(Json::parse(R"({"policy": "inv", "base": 0.01, "gamma": -1, "power": 0.5})"), 10, "/lr",
                      findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].expected, HasSubstr("finite"));
  for (const char* text : {R"({"policy": "inv", "base": 1, "gamma": -1, "power": 1})",
                           R"({"policy": "inv", "base": 1, "gamma": -0.001, "power": 2})",
                           R"({"policy": "exp", "base": 1, "gamma": 10})"}) {
    for (const std::int64_t iterations : {2000, 2001, 5000}) {
      findings.clear();
      parse_learning_rate(Json::parse(text), iterations, "/lr", findings);
      ASSERT_EQ(findings.size(), 1U) << text << iterations;
      EXPECT_THAT(findings[0].expected, HasSubstr("finite"));
    }
  }
  findings.clear();
  parse_learning_rate(Json::parse(R"({"policy": "inv", "base": 1, "gamma": -0.001, "power": 2})"), 1000,
                      "/lr", findings);
  parse_learning_rate(Json::parse(R"({"policy": "exp", "base": 1, "gamma": 10})"), 39, "/lr", findings);
  EXPECT_TRUE(findings.empty());
  findings.clear();
  parse_learning_rate(Json::parse(R"({"policy": "multistep", "base": 1, "gamma": 0.1, "steps": [5, 3]})"), 10,
                      "/lr", findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].place, "/lr/steps");
  findings.clear();
  parse_learning_rate(Json::parse(R"({"policy": "cosine", "base": 0.1, "minimum": 0.2, "gamma": 1})"), 10,
                      "/lr", findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].place, "/lr/gamma");
  EXPECT_EQ(findings[1].place, "/lr/minimum");
  EXPECT_EQ(findings[1].expected, "at most base (0.1)");
}

}  // namespace
}  // namespace anzan::sim::learning_rate_test
