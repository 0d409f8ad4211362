// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/simulated_upstream.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

class FollowerTest : public testing::Test {
 protected:
  SimulatedUpstream world;
};

TEST_F(FollowerTest, SeesTheEndOfOneSoonAfterwards) {
  world.follow({.id = "p1", .runs = 4s});
  world.pass(10s);
  ASSERT_EQ(world.delays().size(), 1u);
  EXPECT_LE(world.delays()[0], 700ms);
  EXPECT_EQ(world.follower().size(), 0u);
}

TEST_F(FollowerTest, AsksLessAndLessOftenOfOneThatItKnowsNothingOf) {
  world.follow({.id = "p1", .runs = 1h});
  world.pass(1min);
  EXPECT_LE(world.reads().size(), 60u);
  world.pass(1min);
  EXPECT_NEAR(static_cast<double>(world.reads().size()), 80, 12) << "every two seconds in the end";
}

TEST_F(FollowerTest, LooksOftenWhenAnEndIsExpected) {
  for (int i = 0; i < 5; ++i) {
    world.follow({.id = "before" + std::to_string(i), .runs = 20s});
    world.pass(25s);
  }
  const auto learnt = world.delays().size();
  world.follow({.id = "p", .runs = 20s});
  world.pass(25s);
  ASSERT_EQ(world.delays().size(), learnt + 1);
  EXPECT_LE(world.delays().back(), 400ms);
}

TEST_F(FollowerTest, ShowsManyWithOneList) {
  for (int i = 0; i < 500; ++i) {
    world.follow({.id = "p" + std::to_string(i), .runs = 10min});
    world.pass(10ms);
  }
  world.pass(30s);
  const auto reads = world.reads().size();
  const auto lists = world.lists().size();
  world.pass(20s);
  EXPECT_LE(world.reads().size() - reads, 1'000u) << "5,000 looks";
  EXPECT_LE(world.lists().size() - lists, 150u);
  EXPECT_GE(world.lists().size() - lists, 40u);
}

TEST_F(FollowerTest, AsksAloneForThoseThatAListDoesNotShow) {
  for (int i = 0; i < 100; ++i) world.follow({.id = "p" + std::to_string(i), .runs = i == 7 ? 15s : 1h});
  world.hide_from_lists("p7");
  world.pass(30s);
  ASSERT_EQ(world.delays().size(), 1u);
  EXPECT_LE(world.delays()[0], 3s);
}

TEST_F(FollowerTest, GoesOnWithSingleRequestsWhereThereAreNoLists) {
  world.break_lists();
  for (int i = 0; i < 300; ++i) world.follow({.id = "p" + std::to_string(i), .runs = 30s});
  world.pass(40s);
  EXPECT_EQ(world.delays().size(), 300u);
  EXPECT_LE(world.delay_at(100), 3s);
  EXPECT_LE(world.lists().size(), 40u) << "they are tried again from time to time, not all the time";
}

TEST_F(FollowerTest, SaysThatAPredictionIsGoneOnlyAfterAGrace) {
  world.follow({.id = "p1", .runs = 1h});
  world.pass(5s);
  world.forget("p1");
  world.pass(25s);
  EXPECT_EQ(world.gone(), 0u);
  world.pass(20s);
  EXPECT_EQ(world.gone(), 1u);
}

TEST_F(FollowerTest, StopsAskingForAWhileWhenTheUpstreamSaysSo) {
  world.follow({.id = "p1", .runs = 1h});
  world.pass(30s);
  world.throttle_reads(20s);
  world.pass(5s);
  const auto before = world.reads().size();
  world.pass(14s);
  EXPECT_EQ(world.reads().size(), before);
  world.pass(20s);
  EXPECT_GT(world.reads().size(), before);
}

TEST_F(FollowerTest, AsksAnUpstreamThatIsDownOnceASecondHoweverManyAreFollowed) {
  for (int i = 0; i < 300; ++i) world.follow({.id = "p" + std::to_string(i), .runs = 1h});
  world.pass(5s);
  world.set_down(true);
  world.pass(5s);
  const auto before = world.reads().size() + world.lists().size();
  world.pass(30s);
  EXPECT_LE(world.reads().size() + world.lists().size() - before, 31u);
  EXPECT_GE(world.reads().size() + world.lists().size() - before, 25u);
}

TEST_F(FollowerTest, SeesWhatEndedMeanwhileAsSoonAsTheUpstreamIsBack) {
  for (int i = 0; i < 500; ++i) {
    world.follow({.id = "p" + std::to_string(i), .runs = 20s});
    world.pass(10ms);
  }
  world.set_down(true);
  world.pass(40s);
  EXPECT_EQ(world.delays().size(), 0u);
  world.set_down(false);
  world.pass(6s);
  EXPECT_EQ(world.delays().size(), 500u);
}

TEST_F(FollowerTest, AsksOnlyOnceAMinuteWhereWebhooksArrive) {
  world.follow({.id = "p1", .runs = 1h, .hooked = true});
  world.pass(5s);
  EXPECT_GT(world.reads().size(), 3u) << "nothing is proved yet";
  world.tell("p1");
  const auto before = world.reads().size();
  world.pass(59s);
  EXPECT_EQ(world.reads().size(), before);
  world.pass(5s);
  EXPECT_EQ(world.reads().size(), before + 1);
  // What is proved holds for the account.
  world.follow({.id = "p2", .runs = 1h, .hooked = true});
  world.pass(50s);
  EXPECT_EQ(world.reads("p2").size(), 0u);
  world.pass(15s);
  EXPECT_EQ(world.reads("p2").size(), 1u);
}

TEST_F(FollowerTest, HasNewsOfOneWhoseTimeIsUpAlthoughWebhooksTellOfIt) {
  world.follow({.id = "p1", .runs = 1h, .hooked = true, .limit = 20s});
  world.tell("p1");
  world.pass(19s);
  EXPECT_EQ(world.reads().size(), 0u);
  world.pass(2s);
  EXPECT_GE(world.reads().size(), 1u);
}

TEST_F(FollowerTest, AsksAsEverForOneWhoseCreateCarriedNoWebhook) {
  world.follow({.id = "p1", .runs = 1h, .hooked = true});
  world.tell("p1");
  world.follow({.id = "p2", .runs = 1h});
  world.pass(10s);
  EXPECT_GT(world.reads("p2").size(), 5u);
}

TEST_F(FollowerTest, TakesTheEndFromAWebhookAlone) {
  world.follow({.id = "p1", .runs = 10s, .hooked = true});
  world.tell("p1");
  world.pass(10s);
  const auto before = world.reads().size();
  world.tell("p1");
  world.pass(50ms);
  ASSERT_EQ(world.delays().size(), 1u);
  world.pass(2min);
  EXPECT_EQ(world.reads().size(), before);
}

TEST_F(FollowerTest, AsksWhenAWebhookOfAnEndDoesNotShowTheWholePrediction) {
  world.follow({.id = "p1", .runs = 10s, .hooked = true});
  world.tell("p1");
  world.pass(10s);
  auto cut = world.snapshot("p1");
  ASSERT_EQ(cut.state, domain::Status::succeeded);
  cut.whole = false;
  const auto before = world.reads().size();
  EXPECT_TRUE(world.follower().tell(cut));
  EXPECT_EQ(world.delays().size(), 0u);
  world.pass(1s);
  EXPECT_EQ(world.delays().size(), 1u);
  EXPECT_EQ(world.reads().size(), before + 1);
}

TEST_F(FollowerTest, NeverGoesBackwards) {
  const auto followed = world.follow_unread({.id = "p1", .runs = 10s, .hooked = true});
  world.pass(5s);
  const auto running = world.snapshot("p1");
  world.pass(5s);
  const auto ended = world.snapshot("p1");
  EXPECT_TRUE(world.follower().tell(ended));
  EXPECT_TRUE(world.follower().tell(running));  // late, or sent again
  const auto news = world.next(followed);
  ASSERT_TRUE(std::holds_alternative<Snapshot>(news));
  EXPECT_EQ(std::get<Snapshot>(news).state, domain::Status::succeeded);
}

TEST_F(FollowerTest, KnowsNothingOfAWebhookForOneThatIsNotFollowed) {
  Snapshot other;
  other.id = "other";
  EXPECT_FALSE(world.follower().tell(other));
}

TEST_F(FollowerTest, CoversALostWebhookAndTrustsTheOthersNoLonger) {
  world.follow({.id = "p1", .runs = 30s, .hooked = true});
  world.follow({.id = "p2", .runs = 1h, .hooked = true});
  world.pass(1s);
  world.tell("p1");
  world.tell("p2");
  world.pass(62s);
  ASSERT_EQ(world.delays().size(), 1u) << "the safety poll";
  const auto before = world.reads("p2").size();
  world.pass(20s);
  EXPECT_GT(world.reads("p2").size(), before + 5);
  world.tell("p2");
  const auto again = world.reads("p2").size();
  world.pass(30s);
  EXPECT_EQ(world.reads("p2").size(), again);
}

TEST_F(FollowerTest, MeasuresTheUpstreamsClockByWhatItCreates) {
  world.set_upstream_clock(-90s);
  for (int i = 0; i < 5; ++i) {
    world.follow({.id = "before" + std::to_string(i), .runs = 20s});
    world.pass(25s);
  }
  world.follow({.id = "p", .runs = 20s});
  world.pass(25s);
  EXPECT_LE(world.delays().back(), 400ms);
}

}  // namespace
}  // namespace hekto::runners::replicate
