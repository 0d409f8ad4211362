// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/breaker.h"

#include <gtest/gtest.h>

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using Why = Breaker::Why;

constexpr Time kT0{std::chrono::microseconds(1'800'000'000'000'000)};

/// One that has just shut for the first time.
Breaker failing(Time now) {
  Breaker breaker;
  for (int i = 0; i < Breaker::kFailures; ++i) breaker.failed(now, false);
  return breaker;
}

TEST(Breaker, ShutsAfterFiveFailuresInARow) {
  Breaker breaker;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(breaker.failed(kT0, false));
  EXPECT_TRUE(breaker.lets_through(kT0));
  EXPECT_TRUE(breaker.failed(kT0, false));
  EXPECT_FALSE(breaker.lets_through(kT0));
  EXPECT_EQ(breaker.why(), Why::failing);
}

TEST(Breaker, CountsFromTheLastSuccess) {
  Breaker breaker;
  for (int i = 0; i < 4; ++i) breaker.failed(kT0, false);
  breaker.succeeded();
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(breaker.failed(kT0, false));
  EXPECT_TRUE(breaker.lets_through(kT0));
}

TEST(Breaker, LetsASingleOneThroughAfterItsTime) {
  auto breaker = failing(kT0);
  EXPECT_GE(breaker.until(), kT0 + 1s);
  EXPECT_LE(breaker.until(), kT0 + 1250ms);
  EXPECT_FALSE(breaker.lets_through(breaker.until() - 1us));
  EXPECT_TRUE(breaker.lets_through(breaker.until()));
  EXPECT_TRUE(breaker.begin());
  EXPECT_FALSE(breaker.lets_through(breaker.until() + 1h)) << "a second one beside it";
}

TEST(Breaker, OpensWhenThatOneSucceeds) {
  auto breaker = failing(kT0);
  breaker.begin();
  breaker.succeeded();
  EXPECT_TRUE(breaker.lets_through(kT0));
  EXPECT_FALSE(breaker.begin());
  EXPECT_EQ(breaker.why(), Why::open);
}

TEST(Breaker, WaitsTwiceAsLongAfterEachThatFailsButNeverMuchOverAMinute) {
  auto breaker = failing(kT0);
  for (const Duration span : {2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s, 60s}) {
    const auto now = breaker.until();
    ASSERT_TRUE(breaker.begin());
    EXPECT_TRUE(breaker.failed(now, true));
    EXPECT_GE(breaker.until(), now + span);
    EXPECT_LE(breaker.until(), now + span * 5 / 4);
  }
}

TEST(Breaker, BeginsAnewAfterASuccess) {
  auto breaker = failing(kT0);
  breaker.begin();
  breaker.failed(kT0, true);
  breaker.succeeded();
  for (int i = 0; i < 5; ++i) breaker.failed(kT0, false);
  EXPECT_LE(breaker.until(), kT0 + 1250ms);
}

TEST(Breaker, DoesNotCountFailuresOfWhatWasUnderWayWhenItShut) {
  auto breaker = failing(kT0);
  const auto until = breaker.until();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(breaker.failed(kT0 + 500ms, false));
  EXPECT_EQ(breaker.until(), until);
  breaker.begin();
  EXPECT_FALSE(breaker.failed(until, false));
  EXPECT_FALSE(breaker.lets_through(until)) << "the one that decides is still under way";
}

TEST(Breaker, LetsTheNextOneDecideWhenOneWasNotSentAfterAll) {
  auto breaker = failing(kT0);
  breaker.begin();
  breaker.probe_ended();
  EXPECT_TRUE(breaker.lets_through(breaker.until()));
}

TEST(Breaker, TakesAFailureAfterAnothersSuccessAsAnyOther) {
  auto breaker = failing(kT0);
  breaker.begin();
  breaker.succeeded();
  EXPECT_FALSE(breaker.failed(kT0, true));
  EXPECT_TRUE(breaker.lets_through(kT0));
}

TEST(Breaker, IsShutForABadTokenAtOnce) {
  Breaker breaker;
  breaker.shut(Why::bad_token, kT0 + 5min);
  EXPECT_EQ(breaker.why(), Why::bad_token);
  EXPECT_FALSE(breaker.lets_through(kT0 + 299s));
  EXPECT_TRUE(breaker.lets_through(kT0 + 5min));
}

TEST(Breaker, HopesOnlyWhereFailuresWereTheReason) {
  auto breaker = failing(kT0);
  breaker.hope(kT0);
  EXPECT_TRUE(breaker.lets_through(kT0));
  EXPECT_TRUE(breaker.begin()) << "still only one";
  Breaker other;
  other.shut(Why::no_credit, kT0 + 1min);
  other.hope(kT0);
  EXPECT_FALSE(other.lets_through(kT0));
}

}  // namespace
}  // namespace hekto::runners::replicate
