// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/run_times.h"

#include <gtest/gtest.h>

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

const std::string kModel = "acme/model";

RunTimes learnt(Duration run, Duration waits = 0s) {
  RunTimes times;
  for (int i = 0; i < 10; ++i) times.learn(kModel, waits + run + i * run / 100, run + i * run / 100);
  return times;
}

TEST(RunTimes, OfAModelThatIsNotKnownLooksAreSpreadByAge) {
  const RunTimes times;
  EXPECT_EQ(times.next(kModel, 0s, std::nullopt).wait, RunTimes::kShortest);
  EXPECT_EQ(times.next(kModel, 10s, std::nullopt).wait, 1s);
  EXPECT_EQ(times.next(kModel, 1h, std::nullopt).wait, RunTimes::kLongest);
  EXPECT_FALSE(times.next(kModel, 10s, 10s).near);
}

TEST(RunTimes, TwoEndsTellNothingYet) {
  RunTimes times;
  times.learn(kModel, 10s, 10s);
  times.learn(kModel, 10s, 10s);
  EXPECT_FALSE(times.next(kModel, 10s, 10s).near);
}

TEST(RunTimes, AnEndIsExpectedAboutWhereTheOthersWere) {
  const auto times = learnt(100s);
  EXPECT_FALSE(times.next(kModel, 50s, 50s).near);
  EXPECT_EQ(times.next(kModel, 50s, 50s).wait, RunTimes::kLongest);
  EXPECT_TRUE(times.next(kModel, 102s, 102s).near);
  EXPECT_LE(times.next(kModel, 102s, 102s).wait, RunTimes::kLongestNear);
}

TEST(RunTimes, TheLookBeforeTheExpectedEndIsAtItsBeginning) {
  const auto times = learnt(100s);
  Duration at = 90s;
  while (!times.next(kModel, at, at).near) at += times.next(kModel, at, at).wait;
  const auto look = times.next(kModel, at, at);
  EXPECT_TRUE(look.near);
  EXPECT_LE(at + look.wait, 100s);
}

TEST(RunTimes, CountFromTheStartWhereverTheyHadToWait) {
  const auto times = learnt(100s, 1h);
  EXPECT_TRUE(times.next(kModel, 103s, 103s).near) << "it did not have to wait";
  EXPECT_FALSE(times.next(kModel, 1h + 103s, 10s).near) << "it had to";
}

TEST(RunTimes, OneThatHasNotBegunIsNotAboutToEnd) {
  const auto times = learnt(100s);
  EXPECT_FALSE(times.next(kModel, 102s, std::nullopt).near);
  EXPECT_EQ(times.next(kModel, 102s, std::nullopt).wait, RunTimes::kLongest) << "the start is news, too";
}

TEST(RunTimes, ThoseThatQueueForLongerThanEverDoNotCrowdOutThoseAtWork) {
  const auto times = learnt(1s);
  EXPECT_FALSE(times.next(kModel, 1h, std::nullopt).near);
  EXPECT_TRUE(times.next(kModel, 1h, 1s).near);
}

TEST(RunTimes, OneThatTakesLongerThanTheOthersIsLookedAtLessAndLess) {
  const auto times = learnt(10s);
  EXPECT_EQ(times.next(kModel, 12s, 12s).wait, RunTimes::kShortest);
  EXPECT_EQ(times.next(kModel, 1h, 1h).wait, RunTimes::kLongest);
}

TEST(RunTimes, WhatIsLearntFollowsTheLatest) {
  auto times = learnt(100s);
  for (int i = 0; i < 40; ++i) times.learn(kModel, 10s, 10s);
  EXPECT_TRUE(times.next(kModel, 10s, 10s).near);
  EXPECT_EQ(times.next(kModel, 100s, 100s).wait, RunTimes::kLongest);
}

TEST(RunTimes, AnyNumberOfModelsIsLearntInBoundedSpace) {
  auto times = learnt(100s);
  for (int i = 0; i < 5'000; ++i) times.learn("acme/" + std::to_string(i), 1s, 1s);
  for (int i = 0; i < 3; ++i) times.learn(kModel, 100s, 100s);
  EXPECT_TRUE(times.next(kModel, 100s, 100s).near);
}

TEST(RunTimes, ATimeThatRunsBackwardsIsNone) {
  RunTimes times;
  for (int i = 0; i < 5; ++i) times.learn(kModel, -5s, -5s);
  EXPECT_TRUE(times.next(kModel, 0s, 0s).near);
}

}  // namespace
}  // namespace hekto::runners::replicate
