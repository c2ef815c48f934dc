// What counts as failed training, and from which step on.
#include "sim/training/loss_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace anzan::sim::loss_watch_test {
namespace {

constexpr double kGuessing = 2.302585092994046;  // ln 10
const std::vector<Updates> kMoves{{1, 100, 10}}, kVanishes{{1, 100, 100}, {2, 0, 0}}, kNone{{1, 0, 0}};

TEST(LossWatch, KnowsWhatGuessingLoses) {
  compiler::Network network;
  network.layers.resize(1);
  compiler::Layer& loss = network.layers.back();
  loss.in = {10, 1, 1};
  loss.kind = compiler::LayerKind::kSoftmaxCrossEntropy;
  EXPECT_DOUBLE_EQ(loss_of_guessing(network), kGuessing);
  loss.kind = compiler::LayerKind::kMeanSquaredError;
  EXPECT_DOUBLE_EQ(loss_of_guessing(network), (0.9 * 0.9 + 9 * 0.1 * 0.1) / 10);
}

TEST(LossWatch, TrainingIsFine) {
  LossWatch watch(kGuessing);
  for (int step = 1; step <= 1000; ++step) watch.add(step, 2.3 + 0.01 * std::sin(step), kMoves);
  EXPECT_FALSE(watch.at_end());
}

TEST(LossWatch, SaysTheFirstStepThatIsNotFinite) {
  for (const double loss : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    LossWatch watch(kGuessing);
    for (int step = 1; step <= 7; ++step) watch.add(step, step == 4 ? loss : 1.0 / step, kMoves);
    ASSERT_TRUE(watch.now());
    EXPECT_EQ(watch.now()->step, 4);
  }
}

TEST(LossWatch, StandsStillAfterAHundredSteps) {
  LossWatch loss(kGuessing), weights(kGuessing);
  for (int step = 1; step <= 109; ++step) {
    EXPECT_FALSE(loss.now()) << step;
    EXPECT_FALSE(weights.now()) << step;
    loss.add(step, step < 10 ? 3.0 / step : 87.3366, kMoves);
    weights.add(step, 2.3 + 0.01 * std::sin(step), step < 10 ? kMoves : kVanishes);
  }
  loss.add(110, 87.3366, kMoves);
  ASSERT_TRUE(loss.now());
  ASSERT_TRUE(weights.now());
  EXPECT_EQ(loss.now()->step, 11);  // the first that is the same as the one before
  EXPECT_EQ(weights.now()->step, 10);
}

TEST(LossWatch, WhatHasBeenLearntMayStandStill) {
  LossWatch learnt(kGuessing), converged(kGuessing), no_rate(kGuessing), interrupted(kGuessing);
  for (int step = 1; step <= 500; ++step) {
    learnt.add(step, 0.0, kNone);
    no_rate.add(step, 2.3, kNone);
    converged.add(step, 0.5, kVanishes);
    interrupted.add(step, 2.3 + 0.01 * std::sin(step), step % 100 == 0 ? kMoves : kVanishes);
  }
  EXPECT_FALSE(learnt.at_end());
  EXPECT_FALSE(converged.at_end());
  EXPECT_FALSE(no_rate.at_end());
  EXPECT_FALSE(interrupted.at_end());
}

TEST(LossWatch, AHighLossCountsOnlyAtTheEnd) {
  LossWatch recovered(kGuessing), short_spike(kGuessing), exploded(kGuessing), now_and_then(kGuessing);
  for (int step = 1; step <= 60; ++step) {
    recovered.add(step, step < 50 ? 1e6 + step : 2.0 / step, kMoves);
    short_spike.add(step, step > 51 ? 1e6 + step : 2.0 / step, kMoves);
    exploded.add(step, step > 50 && step % 3 != 1 ? 1e6 + step : 2.0 / step, kMoves);
    now_and_then.add(step, step % 3 == 0 ? 1e6 : 2.0 / step, kMoves);
    EXPECT_FALSE(exploded.now());
  }
  EXPECT_FALSE(recovered.at_end());
  EXPECT_FALSE(short_spike.at_end());
  EXPECT_FALSE(now_and_then.at_end());
  ASSERT_TRUE(exploded.at_end());
  EXPECT_EQ(exploded.at_end()->step, 51);
}

TEST(LossWatch, GoesOnFromACheckpoint) {
  LossWatch watch(kGuessing);
  for (int step = 1; step <= 150; ++step) {
    watch.add(step, 5.0, step < 40 ? kMoves : kVanishes);
    LossWatch next(kGuessing);
    next.from_json(nlohmann::json::parse(watch.to_json().dump()));
    watch = next;
  }
  ASSERT_TRUE(watch.now());
  EXPECT_EQ(watch.now()->step, 2);
}

}  // namespace
}  // namespace anzan::sim::loss_watch_test
