// SPDX-License-Identifier: Apache-2.0
#include "service/webhook_targets.h"

#include <gtest/gtest.h>

#include "domain/webhook_schedule.h"
#include "tests/support/run_task.h"

namespace hekto::service {
namespace {

using namespace std::chrono_literals;

const Time kT0 = from_micros(1'800'000'000'000'000);

class Targets : public testing::Test {
 protected:
  void fail_times(const std::string& name, int times, Time now) {
    for (int i = 0; i < times; ++i) {
      targets.take(name);
      targets.release(name, TargetOutcome::failed, now);
    }
  }
  bool take_news(const std::string& name) { return test::run_task(targets.take_for_news(name, 1ms)); }
  WebhookTargets targets{1, 3};
};

TEST_F(Targets, TakeTwoMessagesAtOnce) {
  EXPECT_TRUE(targets.may_send("a", kT0));
  targets.take("a");
  EXPECT_TRUE(targets.may_send("a", kT0));
  targets.take("a");
  EXPECT_FALSE(targets.may_send("a", kT0));
  EXPECT_TRUE(targets.may_send("b", kT0));
  EXPECT_EQ(targets.busy(kT0), std::vector<std::string>{"a"});
  targets.release("a", TargetOutcome::answered, kT0);
  EXPECT_TRUE(targets.may_send("a", kT0));
  EXPECT_TRUE(targets.busy(kT0).empty());
}

TEST_F(Targets, AreForgottenWhenAllIsWell) {
  targets.take("a");
  EXPECT_EQ(targets.known(), 1u);
  targets.release("a", TargetOutcome::answered, kT0);
  EXPECT_EQ(targets.known(), 0u);
  EXPECT_TRUE(take_news("a"));
  targets.release_news("a", TargetOutcome::unknown, kT0);
  EXPECT_EQ(targets.known(), 0u);
}

TEST_F(Targets, AreLeftAloneAfterFailuresInARowAndTriedByOneMessageThen) {
  fail_times("a", domain::kWebhookBreakerFailures - 1, kT0);
  EXPECT_TRUE(targets.may_send("a", kT0));
  fail_times("a", 1, kT0);
  EXPECT_FALSE(targets.may_send("a", kT0));
  EXPECT_FALSE(take_news("a"));
  EXPECT_FALSE(targets.may_send("a", kT0 + 10s - 1us));
  EXPECT_TRUE(targets.may_send("a", kT0 + 10s));
  EXPECT_FALSE(take_news("a")) << "news are no trial";
  targets.take("a");
  EXPECT_FALSE(targets.may_send("a", kT0 + 10s)) << "one at a time";
  targets.release("a", TargetOutcome::failed, kT0 + 11s);
  EXPECT_FALSE(targets.may_send("a", kT0 + 31s - 1us)) << "longer each time";
  EXPECT_TRUE(targets.may_send("a", kT0 + 31s));
  targets.take("a");
  targets.release("a", TargetOutcome::answered, kT0 + 31s);
  EXPECT_TRUE(targets.may_send("a", kT0 + 31s));
  EXPECT_EQ(targets.known(), 0u);
}

TEST_F(Targets, CountFailuresInARowOnly) {
  for (int i = 0; i < 20; ++i) {
    fail_times("a", domain::kWebhookBreakerFailures - 1, kT0);
    targets.take("a");
    targets.release("a", TargetOutcome::answered, kT0);
  }
  fail_times("a", domain::kWebhookBreakerFailures - 1, kT0);
  targets.take("a");
  targets.release("a", TargetOutcome::unknown, kT0);
  EXPECT_TRUE(targets.may_send("a", kT0)) << "what was not tried says nothing";
}

TEST_F(Targets, ThatFailedShareABoundedPartOfTheRoom) {
  for (const std::string name : {"a", "b", "c"}) fail_times(name, 1, kT0);
  targets.take("a");
  targets.take("a");
  EXPECT_TRUE(targets.may_send("b", kT0));
  targets.take("b");
  EXPECT_FALSE(targets.may_send("c", kT0)) << "three suspects are under way";
  EXPECT_TRUE(targets.may_send("good", kT0));
  targets.release("a", TargetOutcome::answered, kT0);
  EXPECT_TRUE(targets.may_send("c", kT0)) << "a has redeemed itself, with both";
  targets.take("c");
  targets.take("c");
  EXPECT_FALSE(targets.may_send("b", kT0));
}

TEST_F(Targets, GiveNewsOneSlotAndKeepItsTurnBeforeAnotherMessage) {
  EXPECT_TRUE(take_news("a"));
  EXPECT_FALSE(take_news("a")) << "no slot came free in time";
  targets.take("a");
  EXPECT_FALSE(targets.may_send("a", kT0));
  targets.release_news("a", TargetOutcome::answered, kT0);
  EXPECT_TRUE(targets.may_send("a", kT0));
}

TEST_F(Targets, HandAFreedSlotToTheNewsThatWaits) {
  targets.take("a");
  targets.take("a");
  const auto waits = [this]() -> async::Task<bool> { co_return co_await targets.take_for_news("a", 1min); };
  const auto frees = [this]() -> async::Task<void> {
    EXPECT_FALSE(targets.may_send("a", kT0));
    targets.release("a", TargetOutcome::answered, kT0);
    EXPECT_FALSE(targets.may_send("a", kT0)) << "the slot is taken by the news";
    co_return;
  };
  boost::asio::io_context context;
  auto got = boost::asio::co_spawn(context, waits(), boost::asio::use_future);
  auto freed = boost::asio::co_spawn(context, frees(), boost::asio::use_future);
  context.run();
  freed.get();
  EXPECT_TRUE(got.get());
}

TEST_F(Targets, EndAllWaitingWhenTheServerStops) {
  targets.take("a");
  targets.take("a");
  const auto waits = [this]() -> async::Task<bool> { co_return co_await targets.take_for_news("a", 1h); };
  const auto stops = [this]() -> async::Task<void> {
    targets.stop_waiting();
    co_return;
  };
  boost::asio::io_context context;
  auto got = boost::asio::co_spawn(context, waits(), boost::asio::use_future);
  auto stopped = boost::asio::co_spawn(context, stops(), boost::asio::use_future);
  context.run();
  stopped.get();
  EXPECT_FALSE(got.get());
  EXPECT_FALSE(targets.may_send("b", kT0));
}

TEST_F(Targets, AreForgottenAnHourAfterTheirLastFailure) {
  fail_times("a", 1, kT0);
  targets.forget_idle(kT0 + 1h);
  EXPECT_EQ(targets.known(), 1u);
  targets.forget_idle(kT0 + 1h + 1us);
  EXPECT_EQ(targets.known(), 0u);
}

}  // namespace
}  // namespace hekto::service
