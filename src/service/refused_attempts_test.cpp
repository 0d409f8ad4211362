// SPDX-License-Identifier: Apache-2.0
#include "service/refused_attempts.h"

#include <gtest/gtest.h>

namespace hekto::service {
namespace {

using namespace std::chrono_literals;

const Time kNow = from_micros(1'700'000'000'000'000);

domain::CreateMark attempt(int count, const std::string& body = "{}") {
  return domain::mark_by_retry({"alice"}, count, domain::request_fingerprint("", "", body), kNow + 2min);
}

TEST(RefusedAttempts, AreKnownToOneThatFollows) {
  RefusedAttempts refused;
  refused.note(attempt(0), kNow);
  EXPECT_FALSE(refused.take(attempt(0), kNow));
  EXPECT_FALSE(refused.take(attempt(2), kNow));
  EXPECT_FALSE(refused.take(attempt(1, "other"), kNow));
  EXPECT_TRUE(refused.take(attempt(1), kNow));
  EXPECT_FALSE(refused.take(attempt(1), kNow)) << "each counts once";
}

TEST(RefusedAttempts, FollowOneAnother) {
  RefusedAttempts refused;
  refused.note(attempt(0), kNow);
  refused.note(attempt(1), kNow);
  EXPECT_FALSE(refused.take(attempt(1), kNow)) << "the second has taken it";
  EXPECT_TRUE(refused.take(attempt(2), kNow));
}

TEST(RefusedAttempts, AreNotKeptWhenAnEarlierOneMayHaveMadeSomething) {
  RefusedAttempts refused;
  refused.note(attempt(1), kNow);
  EXPECT_FALSE(refused.take(attempt(2), kNow));
}

TEST(RefusedAttempts, EndWithTheirTimeAndAtTheLimit) {
  RefusedAttempts refused(2);
  refused.note(attempt(0, "a"), kNow);
  refused.note(attempt(0, "b"), kNow);
  refused.note(attempt(0, "c"), kNow);
  EXPECT_FALSE(refused.take(attempt(1, "c"), kNow));
  EXPECT_TRUE(refused.take(attempt(1, "a"), kNow + 2min - 1us));
  EXPECT_FALSE(refused.take(attempt(1, "b"), kNow + 2min));
  auto later = attempt(0, "d");
  later.expires_at = kNow + 4min;
  refused.note(later, kNow + 2min);
  EXPECT_TRUE(refused.take(attempt(1, "d"), kNow + 3min)) << "there is room again";
}

}  // namespace
}  // namespace hekto::service
