// SPDX-License-Identifier: Apache-2.0
#include "domain/steering.h"

#include <gtest/gtest.h>

#include "domain/prediction.h"

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

Steering read(std::string_view text) {
  Steering steering;
  const auto added = add_steering(steering, text);
  EXPECT_TRUE(added) << added.error().message;
  return steering;
}

std::string refusal(std::string_view text) {
  Steering steering;
  const auto added = add_steering(steering, text);
  return added ? "" : added.error().message;
}

TEST(Steering, ReadsEveryDirective) {
  const auto all = read(
      "fail=out of memory; setup-fail = no GPU;fail-after=2; hang-after=3; interrupt=1; setup=2s; delay=250ms; "
      "pause=1m; items=7; large=10MB; logs=3kb; malformed; null; awkward; webhook-only;");
  EXPECT_EQ(all.fail, "out of memory");
  EXPECT_EQ(all.setup_fail, "no GPU");
  EXPECT_EQ(all.fail_after, 2U);
  EXPECT_EQ(all.hang_after, 3U);
  EXPECT_EQ(all.interrupts, 1);
  EXPECT_EQ(all.setup, 2s);
  EXPECT_EQ(all.delay, 250ms);
  EXPECT_EQ(all.pause, 1min);
  EXPECT_EQ(all.items, 7U);
  EXPECT_EQ(all.large, 10'000'000U);
  EXPECT_EQ(all.logs, 3000U);
  EXPECT_TRUE(all.malformed && all.null && all.awkward && all.webhook_only);
}

TEST(Steering, IsEmptyWhereNothingIsSaid) {
  for (const auto* text : {"", " ", ";", " ; ;"}) {
    const auto none = read(text);
    EXPECT_FALSE(none.fail || none.setup_fail || none.fail_after || none.hang_after || none.items);
    EXPECT_EQ(none.interrupts, 0);
    EXPECT_FALSE(none.malformed || none.null || none.awkward || none.webhook_only);
  }
}

TEST(Steering, KnowsTheSentencesOfDocumentedCodes) {
  EXPECT_EQ(read("fail=PA").fail, std::string(kInterruptedError));
  EXPECT_EQ(read("fail=E1001").fail, "The model ran out of memory (E1001)");
  EXPECT_EQ(read("fail=E9828").fail, "Prediction failed (E9828)");
  EXPECT_EQ(read("fail=E98").fail, "E98");
  EXPECT_EQ(read("setup-fail").setup_fail, "Timeout starting the prediction (E6716)");
  EXPECT_FALSE(read("fail").fail->empty());
}

TEST(Steering, TakesTheLastOfTwoAndKeepsEqualsSignsOfMessages) {
  EXPECT_EQ(read("delay=1s; delay=2s").delay, 2s);
  EXPECT_EQ(read("fail=a=b").fail, "a=b");
  EXPECT_EQ(read("hang").hang_after, 0U);
  EXPECT_EQ(read("interrupt").interrupts, kMaxAttempts);
}

TEST(Steering, CutsNumbersAtTheirLimits) {
  EXPECT_EQ(read("pause=99h").pause, kMaxSteeringSpan);
  EXPECT_EQ(read("items=99999999999999999999999").items, kMaxSteeringItems);
  EXPECT_EQ(read("large=99999999999999999999MB").large, kMaxSteeringSize);
  EXPECT_EQ(read("large=101MB").large, kMaxSteeringSize);
}

TEST(Steering, NamesWhatItDoesNotUnderstand) {
  EXPECT_TRUE(refusal("delay=1s; dance").starts_with("'dance' is no directive; there are fail, fail-after,"));
  EXPECT_EQ(refusal("delay=soon"), "'delay' takes a span, such as delay=500ms");
  EXPECT_EQ(refusal("delay"), "'delay' takes a span, such as delay=500ms");
  EXPECT_EQ(refusal("fail-after=x"), "'fail-after' takes a whole number, such as fail-after=2");
  EXPECT_EQ(refusal("items=-1"), "'items' takes a whole number, such as items=2");
  EXPECT_EQ(refusal("large=10GB"), "'large' takes a size, such as large=10MB");
  EXPECT_EQ(refusal("logs=MB"), "'logs' takes a size, such as logs=10MB");
  EXPECT_EQ(refusal("malformed=yes"), "'malformed' takes nothing");
  EXPECT_EQ(refusal("hang=2"), "'hang' takes nothing; hang-after=2 hangs after two output items");
  EXPECT_TRUE(refusal("FAIL").starts_with("'FAIL' is no directive"));
}

TEST(Steering, HasABoundedLength) {
  EXPECT_EQ(refusal("fail=" + std::string(kMaxSteeringText - 5, 'x')), "");
  EXPECT_EQ(refusal("fail=" + std::string(kMaxSteeringText - 4, 'x')), "it is longer than 1024 bytes");
}

}  // namespace
}  // namespace hekto::domain
