// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runners/replicate/account_pool.h"
#include "tests/support/manual_clock.h"

namespace hekto::runners::replicate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class TurnsTest : public testing::Test {
 protected:
  WaiterPtr add(std::string key, std::size_t lane = 0) {
    auto waiter = std::make_shared<Waiter>();
    waiter->key_id = std::move(key);
    waiter->lane = lane;
    turns_.add(waiter);
    return waiter;
  }
  /// Keys in the order in which they get what is free: so many in each lane.
  std::vector<std::string> give(std::map<std::size_t, int> free) {
    std::vector<std::string> keys;
    for (const auto& grant : turns_.give([&](std::size_t lane) -> PlacePtr {
           ++asked_;
           return free[lane]-- > 0 ? place_ : nullptr;
         })) {
      keys.push_back(grant.waiter->key_id);
      waiters_.push_back(grant.waiter);
    }
    return keys;
  }

  test::ManualClock clock_;
  AccountPool pool_{{{.name = "up", .accounts = {{.name = "main", .token = Secret("t")}}}}, clock_};
  const PlacePtr place_ = pool_.adopt("up", "main", {});
  Turns turns_;
  int asked_ = 0;
  std::vector<WaiterPtr> waiters_;
};

TEST_F(TurnsTest, KeysTakeTurns) {
  for (int i = 0; i < 4; ++i) add("greedy");
  add("a");
  add("b");
  EXPECT_THAT(give({{0, 5}}), ElementsAre("greedy", "a", "b", "greedy", "greedy"));
  EXPECT_EQ(turns_.size(), 1U);
}

TEST_F(TurnsTest, GoOnWhereTheyStopped) {
  for (int i = 0; i < 3; ++i) add("a"), add("b");
  EXPECT_THAT(give({{0, 1}}), ElementsAre("a"));
  EXPECT_THAT(give({{0, 1}}), ElementsAre("b"));
  EXPECT_THAT(give({{0, 1}}), ElementsAre("a"));
}

TEST_F(TurnsTest, ANewKeyIsAfterThoseThatWait) {
  add("a"), add("a"), add("b");
  EXPECT_THAT(give({{0, 1}}), ElementsAre("a"));
  add("c");
  EXPECT_THAT(give({{0, 3}}), ElementsAre("b", "a", "c"));
}

TEST_F(TurnsTest, TheWorkOfAKeyGoesInTheOrderInWhichItCame) {
  const auto first = add("a"), second = add("a", 1), third = add("a");
  give({{0, 2}, {1, 1}});
  EXPECT_THAT(waiters_, ElementsAre(first, second, third));
}

TEST_F(TurnsTest, WhatNobodyCanTakeHoldsUpNothingElse) {
  const auto stuck = add("a", 1), free = add("a", 2), others = add("b", 2);
  EXPECT_THAT(give({{2, 9}}), ElementsAre("a", "b"));
  EXPECT_THAT(waiters_, ElementsAre(free, others));
  EXPECT_THAT(give({{1, 1}}), ElementsAre("a"));
  EXPECT_EQ(waiters_.back(), stuck);
}

TEST_F(TurnsTest, AKeyThatWasPassedOverKeepsItsTurn) {
  add("a", 1), add("b", 2), add("b", 1), add("c", 2);
  EXPECT_THAT(give({{2, 1}}), ElementsAre("b"));
  EXPECT_THAT(give({{1, 1}}), ElementsAre("a"));
}

TEST_F(TurnsTest, AskOnceForWhatIsNotThereHoweverManyWait) {
  for (int i = 0; i < 1'000; ++i) add("key " + std::to_string(i % 100), static_cast<std::size_t>(i % 3));
  EXPECT_THAT(give({}), IsEmpty());
  EXPECT_EQ(asked_, 3);
}

TEST_F(TurnsTest, ForgetWhoeverGivesUp) {
  const auto first = add("a"), second = add("a");
  const auto other = add("b");
  turns_.remove(*first);
  turns_.remove(*first);
  EXPECT_EQ(turns_.size(), 2U);
  turns_.remove(*other);
  EXPECT_THAT(turns_.by_key(), ElementsAre(Pair("a", 1U)));
  EXPECT_THAT(give({{0, 9}}), ElementsAre("a"));
  EXPECT_EQ(waiters_.back(), second);
  EXPECT_EQ(turns_.size(), 0U);
}

TEST_F(TurnsTest, AKeyThatGaveUpAndCameBackHasOneTurn) {
  turns_.remove(*add("a"));
  add("a"), add("a"), add("b");
  EXPECT_THAT(give({{0, 3}}), ElementsAre("a", "b", "a"));
}

TEST_F(TurnsTest, TellHowMuchOfWhichKeyWaits) {
  add("a"), add("b", 7), add("b");
  EXPECT_THAT(turns_.by_key(), ElementsAre(Pair("a", 1U), Pair("b", 2U)));
}

}  // namespace
}  // namespace hekto::runners::replicate
