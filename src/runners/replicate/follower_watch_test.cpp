// SPDX-License-Identifier: Apache-2.0
// Predictions that are followed while nobody waits for news of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runners/replicate/follower.h"
#include "tests/support/recording_waker.h"
#include "tests/support/simulated_upstream.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class Watched : public testing::Test {
 protected:
  /// Follows it and takes what is new until nothing is.
  Follower::FollowedPtr quiet(SimulatedUpstream::Given given) {
    auto followed = world.follow_unread(std::move(given));
    for (int looks = 0; looks < 100; ++looks) {
      const auto news = world.wait(followed);
      for (int i = 0; i < 1'000 && !*news; ++i) world.pass(10ms);
      if (!*news) break;
      if (std::holds_alternative<Quiet>(**news)) return followed;
    }
    ADD_FAILURE() << "it is never quiet";
    return followed;
  }
  void watch(const Follower::FollowedPtr& followed) { world.follower().watch(followed, waker, kId); }
  static const Snapshot& state(const News& news) { return std::get<Snapshot>(news); }

  const std::string kId = "ours";
  SimulatedUpstream world;
  const std::shared_ptr<test::RecordingWaker> waker = std::make_shared<test::RecordingWaker>();
};

TEST_F(Watched, ItIsQuietOnceNothingWasNewForAWhileThoughItIsLookedAt) {
  const auto begin = world.now();
  quiet({.id = "p1", .runs = 1h, .waits = 2s});
  EXPECT_GE(world.now() - begin, 2s + Follower::kQuiet) << "its start is new";
  EXPECT_LE(world.now() - begin, 4s + Follower::kQuiet);
  EXPECT_GT(world.reads().size(), 3u);
}

TEST_F(Watched, WhoDoesNotAskForItIsNotToldThatItIsQuiet) {
  const auto followed = world.follow_unread({.id = "p1", .runs = 1h});
  for (int looks = 0; looks < 10; ++looks) {
    const auto news = world.wait(followed, false);
    world.pass(3s);
    ASSERT_TRUE(*news);
    EXPECT_TRUE(std::holds_alternative<Snapshot>(**news));
  }
}

TEST_F(Watched, NobodyIsWokenForWhatIsKnown) {
  const auto followed = quiet({.id = "p1", .runs = 1h});
  const auto reads = world.reads().size();
  watch(followed);
  world.pass(1min);
  EXPECT_THAT(waker->woken(), IsEmpty());
  EXPECT_GT(world.reads().size(), reads + 20) << "it is looked at as before";
}

TEST_F(Watched, ItsStartAndItsEndWakeOnceEach) {
  const auto followed = quiet({.id = "p1", .runs = 20s, .waits = 10s});
  watch(followed);
  world.pass(10s);
  EXPECT_THAT(waker->woken(), ElementsAre("ours"));
  EXPECT_EQ(state(world.next(followed)).status, "processing");
  watch(followed);
  world.pass(25s);
  EXPECT_THAT(waker->woken(), ElementsAre("ours", "ours"));
  EXPECT_TRUE(is_end(state(world.next(followed))));
}

TEST_F(Watched, OneThatIsLostUpstreamWakes) {
  const auto followed = quiet({.id = "p1", .runs = 1h});
  watch(followed);
  world.forget("p1");
  world.pass(20s);
  EXPECT_THAT(waker->woken(), IsEmpty());
  world.pass(20s);
  EXPECT_THAT(waker->woken(), ElementsAre("ours"));
  EXPECT_TRUE(std::holds_alternative<Gone>(world.next(followed)));
}

TEST_F(Watched, OneWhoseTimeIsUpWakesThoughNothingIsNew) {
  const auto followed = quiet({.id = "p1", .runs = 1h, .limit = 30s});
  watch(followed);
  world.pass(20s);
  EXPECT_THAT(waker->woken(), IsEmpty());
  world.pass(10s);
  EXPECT_THAT(waker->woken(), ElementsAre("ours"));
}

TEST_F(Watched, OneWhoseTimeIsUpWakesWhereWebhooksTell) {
  world.follow({.id = "proof", .runs = 1h, .hooked = true});
  world.tell("proof");
  const auto followed = quiet({.id = "p1", .runs = 1h, .hooked = true, .limit = 30s});
  watch(followed);
  EXPECT_THAT(waker->woken(), IsEmpty());
  world.pass(29s);
  EXPECT_THAT(waker->woken(), ElementsAre("ours"));
}

TEST_F(Watched, AWebhookWakesWhenItSaysSomethingNew) {
  const auto followed = quiet({.id = "p1", .runs = 1h, .waits = 50s, .hooked = true});
  watch(followed);
  world.tell("p1");
  EXPECT_THAT(waker->woken(), IsEmpty()) << "that was known";
  world.start("p1");
  world.tell("p1");
  EXPECT_THAT(waker->woken(), ElementsAre("ours"));
}

TEST_F(Watched, WhatCameBeforeItWasWatchedWakesAtOnce) {
  const auto followed = quiet({.id = "p1", .runs = 10s});
  world.pass(15s);
  EXPECT_THAT(waker->woken(), IsEmpty());
  watch(followed);
  EXPECT_THAT(waker->woken(), ElementsAre("ours"));
  EXPECT_TRUE(is_end(state(world.next(followed))));
}

TEST_F(Watched, WhatCameBeforeItWasWatchedAndWasKnownDoesNot) {
  const auto followed = quiet({.id = "p1", .runs = 1h});
  world.pass(5s);
  watch(followed);
  EXPECT_THAT(waker->woken(), IsEmpty());
}

TEST_F(Watched, TheLatestNewsIsKeptForWhoWasWoken) {
  const auto followed = quiet({.id = "p1", .runs = 20s, .waits = 10s});
  watch(followed);
  world.pass(40s);
  EXPECT_THAT(waker->woken(), ElementsAre("ours")) << "once, whatever comes then";
  EXPECT_TRUE(is_end(state(world.next(followed))));
}

TEST_F(Watched, OneThatIsLeftWakesNobody) {
  const auto followed = quiet({.id = "p1", .runs = 10s, .hooked = true});
  watch(followed);
  world.follower().leave(followed, std::nullopt);
  EXPECT_FALSE(world.follower().follows("p1"));
  world.tell("p1");
  world.pass(20s);
  EXPECT_THAT(waker->woken(), IsEmpty());
  EXPECT_EQ(waker.use_count(), 1) << "nothing of it is kept";
}

}  // namespace
}  // namespace hekto::runners::replicate
