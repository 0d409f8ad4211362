// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/allowance.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

constexpr Time kT0{std::chrono::microseconds(1'800'000'000'000'000)};

/// As many as it gives out at this moment, up to 10,000.
int drain(Allowance& allowance, Time now) {
  int count = 0;
  while (count < 10'000 && allowance.try_take(now)) ++count;
  return count;
}

/// As many as it gives out to somebody who asks every `step` of [from, to).
int drain(Allowance& allowance, Time from, Time to, Duration step = 10ms) {
  int count = 0;
  for (Time now = from; now < to; now += step) count += drain(allowance, now);
  return count;
}

TEST(Allowance, NeverGivesOutMoreThanTheLimitInAnyMinute) {
  Allowance allowance(600);
  std::vector<int> by_second;
  for (int s = 0; s < 180; ++s) by_second.push_back(drain(allowance, kT0 + s * 1s, kT0 + (s + 1) * 1s));
  for (std::size_t from = 0; from + 60 <= by_second.size(); ++from) {
    int sum = 0;
    for (std::size_t s = from; s < from + 60; ++s) sum += by_second[s];
    EXPECT_LE(sum, 600) << "from second " << from;
    EXPECT_GE(sum, 530) << "from second " << from;
  }
}

TEST(Allowance, GivesATenthAtOnce) {
  Allowance allowance(600);
  EXPECT_EQ(drain(allowance, kT0), 60);
  EXPECT_EQ(allowance.left(kT0), 0);
}

TEST(Allowance, GivesOneAtLeastHoweverLowTheLimit) {
  Allowance allowance(1);
  EXPECT_TRUE(allowance.try_take(kT0));
  EXPECT_FALSE(allowance.try_take(kT0 + 59s));
  EXPECT_TRUE(allowance.try_take(kT0 + 2min));
}

TEST(Allowance, SaysWhenTheNextOneIsThere) {
  Allowance allowance(600);
  EXPECT_EQ(allowance.next(kT0), kT0);
  drain(allowance, kT0);
  const auto next = allowance.next(kT0);
  EXPECT_GT(next, kT0);
  EXPECT_FALSE(allowance.try_take(next - 1ms));
  EXPECT_TRUE(allowance.try_take(next));
}

TEST(Allowance, TakesBackWhatWasNotUsed) {
  Allowance allowance(600);
  EXPECT_EQ(drain(allowance, kT0), 60);
  allowance.give_back();
  EXPECT_EQ(drain(allowance, kT0), 1);
  Allowance full(600);
  full.give_back();
  EXPECT_EQ(drain(full, kT0), 60) << "more than it holds";
}

TEST(Allowance, GivesNothingWhileTheUpstreamAsksToWait) {
  Allowance allowance(600);
  allowance.block_until(kT0 + 7s);
  EXPECT_EQ(allowance.left(kT0), 0);
  EXPECT_EQ(allowance.next(kT0), kT0 + 7s);
  EXPECT_FALSE(allowance.try_take(kT0 + 7s - 1us));
  EXPECT_TRUE(allowance.try_take(kT0 + 7s));
}

TEST(Allowance, IsNotBlockedForLessThanBefore) {
  Allowance allowance(600);
  allowance.block_until(kT0 + 7s);
  allowance.block_until(kT0 + 2s);
  EXPECT_EQ(allowance.next(kT0), kT0 + 7s);
}

TEST(Allowance, HoldsToAReducedRateForFiveMinutes) {
  Allowance allowance(600);
  allowance.reduce(6, kT0);
  EXPECT_EQ(allowance.a_minute(), 6);
  EXPECT_LE(drain(allowance, kT0, kT0 + 1min), 6);
  EXPECT_LE(drain(allowance, kT0 + 1min, kT0 + 2min), 6);
  EXPECT_GT(drain(allowance, kT0 + 6min, kT0 + 7min), 400);
  EXPECT_EQ(allowance.a_minute(), 600);
}

TEST(Allowance, IsNeverRaisedAboveWhatIsConfigured) {
  Allowance allowance(60);
  allowance.reduce(6'000, kT0);
  EXPECT_EQ(allowance.a_minute(), 60);
}

TEST(Allowance, GivesNoMoreThanTheUpstreamSaysIsLeft) {
  Allowance allowance(600);
  ASSERT_TRUE(allowance.try_take(kT0));
  allowance.told(1, 3, kT0 + 10s, kT0);
  EXPECT_EQ(allowance.left(kT0), 3);
  EXPECT_EQ(drain(allowance, kT0, kT0 + 10s), 3);
  EXPECT_EQ(allowance.next(kT0 + 5s), kT0 + 10s);
  EXPECT_GT(drain(allowance, kT0 + 10s), 0);
}

TEST(Allowance, GivesNothingUntilTheResetWhenNothingIsLeft) {
  Allowance allowance(600);
  ASSERT_TRUE(allowance.try_take(kT0));
  allowance.told(1, -4, kT0 + 1s, kT0);
  EXPECT_EQ(allowance.left(kT0), 0);
  EXPECT_FALSE(allowance.try_take(kT0 + 999ms));
  EXPECT_TRUE(allowance.try_take(kT0 + 1s));
}

TEST(Allowance, GivesThreeQuartersAtOnceWhileTheUpstreamSaysThatItHasThem) {
  Allowance allowance(600);
  EXPECT_EQ(drain(allowance, kT0), 60);
  allowance.told(60, 540, kT0 + 1s, kT0);
  EXPECT_EQ(allowance.next(kT0), kT0);
  EXPECT_EQ(allowance.left(kT0), 390);
  EXPECT_EQ(drain(allowance, kT0), 390);
  EXPECT_EQ(allowance.left(kT0), 0);
}

TEST(Allowance, GivesNoMoreAtOnceThanItsOwnShareOfTheLimitHoweverMuchTheUpstreamHas) {
  Allowance allowance(600);
  int given = 0;
  for (int i = 0; i < 1'000; ++i) {
    given += drain(allowance, kT0 + i * 1ms);
    allowance.told(allowance.taken(), 59'000, kT0 + i * 1ms + 1s, kT0 + i * 1ms);
  }
  EXPECT_GE(given, 450);
  EXPECT_LE(given, 460);
}

TEST(Allowance, GoesOnEvenlyAfterWhatWentAtOnceAndKeepsToTheLimitInAnyMinute) {
  Allowance allowance(600);
  std::vector<int> by_second;
  for (int s = 0; s < 240; ++s) {
    int given = 0;
    for (Time now = kT0 + s * 1s; now < kT0 + (s + 1) * 1s; now += 20ms) {
      given += drain(allowance, now);
      allowance.told(allowance.taken(), 500, now + 1s, now);
    }
    by_second.push_back(given);
  }
  for (std::size_t from = 0; from + 60 <= by_second.size(); ++from) {
    int sum = 0;
    int longest = 0;
    int without = 0;
    for (std::size_t s = from; s < from + 60; ++s) {
      sum += by_second[s];
      without = by_second[s] > 0 ? 0 : without + 1;
      longest = std::max(longest, without);
    }
    EXPECT_LE(sum, 600) << "from second " << from;
    EXPECT_LE(longest, 1) << "from second " << from << ": whoever comes next waits that long";
  }
  EXPECT_GE(std::accumulate(by_second.begin(), by_second.end(), 0), 4 * 540);
}

TEST(Allowance, GivesNothingAtOnceOnceTheUpstreamsWordIsOld) {
  Allowance allowance(600);
  EXPECT_EQ(drain(allowance, kT0), 60);
  allowance.told(60, 540, kT0 + 1s, kT0);
  EXPECT_LE(drain(allowance, kT0 + 1s), 10);
}

TEST(Allowance, StartsAfreshWithAReducedLimit) {
  Allowance allowance(600);
  EXPECT_EQ(drain(allowance, kT0), 60);
  allowance.reduce(6, kT0);
  allowance.block_until(kT0 + 2s);
  EXPECT_LE(allowance.next(kT0), kT0 + 12s) << "what went under the other limit is held against it";
}

TEST(Allowance, GivesNothingAtOnceWhileItIsReducedWhateverTheUpstreamHas) {
  Allowance allowance(600);
  ASSERT_TRUE(allowance.try_take(kT0));
  allowance.reduce(60, kT0);
  allowance.told(1, 599, kT0 + 10s, kT0);
  EXPECT_LE(drain(allowance, kT0), 1);
  EXPECT_LE(drain(allowance, kT0, kT0 + 3s), 5);
}

TEST(Allowance, CountsWhatWasNotUsedAgainstNoMinute) {
  Allowance allowance(10);
  for (int i = 0; i < 600; ++i) {
    if (allowance.try_take(kT0 + i * 100ms)) allowance.give_back();
  }
  EXPECT_TRUE(allowance.try_take(kT0 + 60s));
}

TEST(Allowance, BelievesTheAnswerToTheLaterRequest) {
  Allowance allowance(600);
  ASSERT_TRUE(allowance.try_take(kT0));
  ASSERT_TRUE(allowance.try_take(kT0));
  allowance.told(2, 5, kT0 + 10s, kT0);
  allowance.told(1, 9, kT0 + 10s, kT0);
  EXPECT_EQ(allowance.left(kT0), 5) << "the earlier one's answer came late";
  allowance.told(1, 2, kT0 + 10s, kT0);
  EXPECT_EQ(allowance.left(kT0), 2);
  ASSERT_TRUE(allowance.try_take(kT0));
  allowance.told(3, 8, kT0 + 20s, kT0 + 5s);
  EXPECT_EQ(drain(allowance, kT0 + 5s, kT0 + 20s), 8) << "the upstream's own allowance fills up, too";
}

TEST(Allowance, DoesNotFillUpWhenTheClockStepsBack) {
  Allowance allowance(600);
  EXPECT_EQ(drain(allowance, kT0), 60);
  EXPECT_EQ(drain(allowance, kT0 - 1h), 0);
  EXPECT_EQ(drain(allowance, kT0), 0);
}

}  // namespace
}  // namespace hekto::runners::replicate
