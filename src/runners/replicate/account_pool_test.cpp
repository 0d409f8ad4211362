// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/account_pool.h"

#include <chrono>
#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/recording_sink.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using domain::RelayTarget;
using test::code_of;
using testing::ElementsAre;
using testing::Pair;

AccountOptions account(std::string name) { return {.name = name, .token = Secret("token-" + name)}; }
Wanted wanted(std::string key = "k", std::string model = "acme/flux") {
  return {{RelayTarget::Kind::model, std::move(model)}, std::move(key), {}};
}

class AccountPoolTest : public testing::Test {
 protected:
  ~AccountPoolTest() override {
    stop_.request_stop();
    for (auto& task : running_) task.wait();
  }

  AccountPool& pool(std::vector<UpstreamOptions> upstreams) {
    pool_ = std::make_unique<AccountPool>(std::move(upstreams), clock_);
    return *pool_;
  }
  AccountPool& one_account(AccountOptions options = account("main")) {
    return pool({{.name = "up", .accounts = {std::move(options)}}});
  }
  /// Gives places as they become free, as in the product.
  void run() {
    running_.push_back(boost::asio::co_spawn(test::test_io().next(), pool_->run(stop_), boost::asio::use_future));
  }

  /// Waits for its turn in the background.
  std::future<Result<PlacePtr>> acquire(Wanted what, async::StopToken stop = {}) {
    const auto before = pool_->stats().waiting;
    auto future =
        boost::asio::co_spawn(test::test_io().next(), pool_->acquire(std::move(what), stop), boost::asio::use_future);
    wait_for([&] { return pool_->stats().waiting > before || future.wait_for(0s) == std::future_status::ready; });
    return future;
  }
  static void wait_for(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(1ms);
    }
  }
  static bool has_come(std::future<Result<PlacePtr>>& future) {
    return future.wait_for(0s) == std::future_status::ready;
  }
  static PlacePtr get(std::future<Result<PlacePtr>>& future) {
    if (future.wait_for(10s) != std::future_status::ready) return nullptr;
    auto place = future.get();
    return place ? *place : nullptr;
  }

  /// What becomes of a create at `place`.
  void report(Place& place, CreateReport report) {
    pool_->begin(place);
    pool_->report(place, report);
  }
  void report(Place& place, CreateResult result) { report(place, CreateReport{.result = result}); }
  /// So many creates in a row at whatever is free, each with that end.
  void fail_times(int times, CreateResult result = CreateResult::down) {
    for (int i = 0; i < times; ++i) {
      const auto place = pool_->try_acquire(wanted());
      ASSERT_TRUE(place) << i;
      report(*place, result);
    }
  }
  /// The accounts of the places that are free now, up to `most`, kept.
  std::vector<std::string> take_all(const Wanted& what, std::size_t most = 100) {
    std::vector<std::string> names;
    while (names.size() < most) {
      auto place = pool_->try_acquire(what);
      if (!place) break;
      names.push_back(place->account());
      kept_.push_back(std::move(place));
    }
    return names;
  }
  ports::UpstreamAccountStats row(std::size_t account = 0, std::size_t upstream = 0) const {
    return pool_->stats().upstreams.at(upstream).accounts.at(account);
  }

  test::ManualClock clock_;
  async::StopToken stop_;
  std::unique_ptr<AccountPool> pool_;
  std::vector<PlacePtr> kept_;
  std::vector<std::future<void>> running_;
};

TEST_F(AccountPoolTest, ServesWhatAnyUpstreamTakes) {
  auto& p = pool({{.name = "a", .accounts = {account("main")}, .models = {"acme/*"}},
                  {.name = "b", .accounts = {account("main")}, .models = {"other/*"}}});
  EXPECT_TRUE(p.serves({RelayTarget::Kind::model, "other/x"}));
  EXPECT_FALSE(p.serves({RelayTarget::Kind::model, "third/x"}));
  EXPECT_EQ(p.try_acquire(wanted("k", "other/x"))->upstream(), "b");
  EXPECT_EQ(p.try_acquire(wanted("k", "third/x")), nullptr);
}

TEST_F(AccountPoolTest, WaitingForWhatNobodyTakesIsAnError) {
  auto& p = pool({{.name = "a", .accounts = {account("main")}, .models = {"acme/*"}}});
  EXPECT_EQ(code_of(test::run_task(p.acquire(wanted("k", "third/x"), {}))), ErrorCode::not_found);
}

TEST_F(AccountPoolTest, SharesTheWorkByWeight) {
  auto heavy = account("heavy");
  heavy.weight = 3;
  pool({{.name = "up", .accounts = {account("light"), heavy}}});
  const auto names = take_all(wanted(), 40);
  EXPECT_EQ(std::ranges::count(names, "heavy"), 30);
  EXPECT_EQ(std::ranges::count(names, "light"), 10);
}

TEST_F(AccountPoolTest, UsesTheHighestPriorityWhileItHasRoomAndSpillsOver) {
  pool({{.name = "spare", .accounts = {account("spare")}, .priority = 1},
        {.name = "first", .accounts = {account("first")}, .priority = 5, .concurrency = 2}});
  EXPECT_THAT(take_all(wanted(), 4), ElementsAre("first", "first", "spare", "spare"));
  kept_.erase(kept_.begin());
  EXPECT_EQ(pool_->try_acquire(wanted())->account(), "first");
}

TEST_F(AccountPoolTest, LimitsWhatIsUnfinishedAtAnAccount) {
  auto options = account("main");
  options.concurrency = 2;
  one_account(options);
  EXPECT_EQ(take_all(wanted()).size(), 2U);
  kept_.pop_back();
  EXPECT_EQ(take_all(wanted()).size(), 1U);
}

TEST_F(AccountPoolTest, LimitsWhatIsUnfinishedAtAnUpstreamOverAllItsAccounts) {
  pool({{.name = "up", .accounts = {account("a"), account("b")}, .concurrency = 3}});
  EXPECT_EQ(take_all(wanted()).size(), 3U);
  kept_.clear();
  EXPECT_EQ(take_all(wanted()).size(), 3U);
}

TEST_F(AccountPoolTest, LimitsWhatIsUnfinishedOfAModelByTheFirstPatternThatFits) {
  pool({{.name = "up", .accounts = {account("main")}, .model_concurrency = {{"acme/flux", 1}, {"acme/*", 2}}}});
  EXPECT_EQ(take_all(wanted("k", "acme/flux")).size(), 1U);
  EXPECT_EQ(take_all(wanted("k", "acme/other"), 5).size(), 2U);
  EXPECT_EQ(take_all(wanted("k", "third/x"), 5).size(), 5U);
}

TEST_F(AccountPoolTest, AdoptsWhatIsThereOverAllLimitsAndCountsIt) {
  auto options = account("main");
  options.concurrency = 1;
  pool({{.name = "up", .accounts = {options}, .concurrency = 1, .model_concurrency = {{"*/*", 1}}}});
  for (int i = 0; i < 3; ++i) kept_.push_back(pool_->adopt("up", "main", wanted().target));
  EXPECT_TRUE(kept_.back());
  kept_.pop_back();
  kept_.pop_back();
  EXPECT_EQ(pool_->try_acquire(wanted()), nullptr);
  kept_.clear();
  EXPECT_TRUE(pool_->try_acquire(wanted()));
  EXPECT_EQ(pool_->adopt("up", "gone", wanted().target), nullptr);
  EXPECT_EQ(pool_->adopt("gone", "main", wanted().target), nullptr);
}

TEST_F(AccountPoolTest, GivesNoMorePlacesThanTheAllowanceHas) {
  auto options = account("main");
  options.creates = 50;
  one_account(options);
  EXPECT_EQ(take_all(wanted()).size(), 5U);
  clock_.advance(1min);
  EXPECT_EQ(take_all(wanted()).size(), 5U);
}

TEST_F(AccountPoolTest, TakesBackTheAllowanceOfACreateThatWasNotBegun) {
  auto options = account("main");
  options.creates = 10;
  one_account(options);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(pool_->try_acquire(wanted())) << "the place was given back unused";
  report(*pool_->try_acquire(wanted()), CreateResult::accepted);
  EXPECT_EQ(pool_->try_acquire(wanted()), nullptr);
}

TEST_F(AccountPoolTest, WaitsAsLongAsAThrottlingUpstreamAsks) {
  one_account();
  report(*pool_->try_acquire(wanted()), {.result = CreateResult::throttled, .wait = 7s});
  EXPECT_EQ(row().state, "throttled");
  EXPECT_EQ(row().until, clock_.now() + 7s);
  clock_.advance(6999ms);
  EXPECT_EQ(pool_->try_acquire(wanted()), nullptr);
  clock_.advance(1ms);
  EXPECT_TRUE(pool_->try_acquire(wanted()));
  EXPECT_EQ(row().state, "ok");
}

TEST_F(AccountPoolTest, UsesAnotherAccountWhileOneIsThrottled) {
  pool({{.name = "up", .accounts = {account("a"), account("b")}}});
  const auto first = pool_->try_acquire(wanted());
  ASSERT_EQ(first->account(), "a");
  report(*first, {.result = CreateResult::throttled, .wait = 7s});
  EXPECT_THAT(take_all(wanted(), 2), ElementsAre("b", "b"));
}

TEST_F(AccountPoolTest, HoldsToAReducedRate) {
  one_account();
  report(*pool_->try_acquire(wanted()), {.result = CreateResult::throttled, .wait = 1s, .reduced_to = 6});
  EXPECT_EQ(row().creates_a_minute, 6);
  clock_.advance(1s);
  EXPECT_EQ(take_all(wanted()).size(), 1U);
  clock_.advance(1s);
  EXPECT_EQ(take_all(wanted()).size(), 0U);
}

TEST_F(AccountPoolTest, SendsNoMoreCreatesThanAnAnswerSaysAreLeft) {
  one_account();
  report(*pool_->try_acquire(wanted()),
         {.result = CreateResult::accepted, .left = LimitLeft{.requests = 3, .reset = 10s}});
  EXPECT_EQ(row().creates_left, 3);
  EXPECT_EQ(take_all(wanted()).size(), 3U);
  clock_.advance(9s);
  EXPECT_EQ(take_all(wanted()).size(), 0U);
  clock_.advance(1s);
  EXPECT_GT(take_all(wanted()).size(), 0U);
}

TEST_F(AccountPoolTest, CountsCreatesUnderWayAgainstWhatIsLeft) {
  one_account();
  const auto first = pool_->try_acquire(wanted());
  take_all(wanted(), 2);
  report(*first, {.result = CreateResult::accepted, .left = LimitLeft{.requests = 5, .reset = 10s}});
  EXPECT_EQ(row().creates_left, 3);
}

TEST_F(AccountPoolTest, LeavesAFailingAccountAloneAfterFiveInARow) {
  one_account();
  fail_times(4);
  EXPECT_EQ(row().state, "ok");
  fail_times(1, CreateResult::ambiguous);
  EXPECT_EQ(row().state, "failing");
  EXPECT_EQ(pool_->try_acquire(wanted()), nullptr);
  EXPECT_EQ(row().turned_away, 4U);
  EXPECT_EQ(row().ambiguous, 1U);
}

TEST_F(AccountPoolTest, LetsASingleCreateThroughAfterThat) {
  one_account();
  const auto finished = pool_->adopt("up", "main", wanted().target);
  fail_times(5);
  clock_.set(*row().until);
  auto probe = pool_->try_acquire(wanted());
  ASSERT_TRUE(probe);
  EXPECT_EQ(pool_->try_acquire(wanted()), nullptr);
  pool_->adopt("up", "main", wanted().target);
  EXPECT_EQ(pool_->try_acquire(wanted()), nullptr) << "the end of other work lets no second one through";
  report(*probe, CreateResult::accepted);
  EXPECT_EQ(row().state, "ok");
  EXPECT_EQ(take_all(wanted(), 3).size(), 3U);
}

TEST_F(AccountPoolTest, LeavesItAloneForTwiceAsLongWhenThatFails) {
  one_account();
  fail_times(5);
  clock_.set(*row().until);
  fail_times(1);
  EXPECT_GE(*row().until - clock_.now(), 2s);
  EXPECT_LE(*row().until - clock_.now(), 2500ms);
}

TEST_F(AccountPoolTest, LetsTheNextOneTryWhenTheProbeWasNotSent) {
  one_account();
  fail_times(5);
  clock_.set(*row().until);
  EXPECT_TRUE(pool_->try_acquire(wanted()));
  EXPECT_TRUE(pool_->try_acquire(wanted()));
}

TEST_F(AccountPoolTest, LeavesAccountsWithoutAGoodTokenOrCreditAlone) {
  pool({{.name = "up", .accounts = {account("a"), account("b"), account("c")}}});
  fail_times(1, CreateResult::bad_token);
  fail_times(1, CreateResult::no_credit);
  EXPECT_EQ(row(0).state, "bad token");
  EXPECT_EQ(row(0).until, clock_.now() + 5min);
  EXPECT_EQ(row(1).state, "no credit");
  EXPECT_EQ(row(1).until, clock_.now() + 1min);
  EXPECT_THAT(take_all(wanted(), 2), ElementsAre("c", "c"));
  clock_.advance(1min);
  EXPECT_EQ(pool_->try_acquire(wanted())->account(), "b");
}

TEST_F(AccountPoolTest, KeepsUsingAnAccountThatMayNotDoOneThing) {
  one_account();
  fail_times(10, CreateResult::forbidden);
  EXPECT_EQ(row().state, "ok");
  EXPECT_EQ(row().turned_away, 10U);
  auto what = wanted();
  what.without = {"up/main"};
  EXPECT_EQ(pool_->try_acquire(what), nullptr);
}

TEST_F(AccountPoolTest, KnowsWhetherAnotherAccountMayDoIt) {
  pool({{.name = "up", .accounts = {account("a"), account("b")}}});
  const auto target = wanted().target;
  EXPECT_TRUE(pool_->has_other(target, {"up/a"}));
  EXPECT_FALSE(pool_->has_other(target, {"up/a", "up/b"}));
  fail_times(1, CreateResult::no_credit);
  EXPECT_FALSE(pool_->has_other(target, {"up/b"})) << "a has no credit";
  EXPECT_TRUE(pool_->has_other(target, {"up/a"}));
  fail_times(5);
  EXPECT_TRUE(pool_->has_other(target, {"up/a"})) << "b is only failing";
}

TEST_F(AccountPoolTest, WhoeverWaitsGetsThePlaceThatBecomesFree) {
  auto options = account("main");
  options.concurrency = 1;
  one_account(options);
  auto held = pool_->try_acquire(wanted());
  auto next = acquire(wanted());
  EXPECT_FALSE(has_come(next));
  EXPECT_EQ(pool_->try_acquire(wanted("other")), nullptr);
  held.reset();
  EXPECT_TRUE(get(next));
}

TEST_F(AccountPoolTest, WhoeverWaitsGetsAPlaceAsTheAllowanceFillsUp) {
  auto options = account("main");
  options.creates = 10;
  one_account(options);
  run();
  report(*pool_->try_acquire(wanted()), CreateResult::accepted);
  auto next = acquire(wanted());
  EXPECT_FALSE(has_come(next));
  clock_.advance(1min);
  EXPECT_TRUE(get(next));
}

TEST_F(AccountPoolTest, KeysTakeTurnsHoweverMuchOneWants) {
  auto options = account("main");
  options.concurrency = 1;
  one_account(options);
  auto held = pool_->try_acquire(wanted());
  std::vector<std::pair<std::string, std::future<Result<PlacePtr>>>> queue;
  for (int i = 0; i < 50; ++i) queue.emplace_back("greedy", acquire(wanted("greedy")));
  queue.emplace_back("modest", acquire(wanted("modest")));
  queue.emplace_back("other", acquire(wanted("other")));
  EXPECT_THAT(pool_->stats().waiting_by_key, ElementsAre(Pair("greedy", 50U), Pair("modest", 1U), Pair("other", 1U)));
  std::vector<std::string> order;
  held.reset();
  while (!queue.empty() && order.size() < 4) {
    auto came = queue.end();
    wait_for([&] {
      came = std::ranges::find_if(queue, [](auto& entry) { return has_come(entry.second); });
      return came != queue.end();
    });
    order.push_back(came->first);
    auto future = std::move(came->second);
    queue.erase(came);
    ASSERT_TRUE(get(future));  // and gives it back at once
  }
  EXPECT_THAT(order, ElementsAre("greedy", "modest", "other", "greedy"));
  for (auto& [key, future] : queue) get(future);
}

TEST_F(AccountPoolTest, WorkThatNobodyCanTakeHoldsUpNeitherItsOwnKeysNorOthers) {
  pool({{.name = "up", .accounts = {account("main")}, .model_concurrency = {{"acme/slow", 1}}}});
  const auto held = pool_->try_acquire(wanted("k", "acme/slow"));
  async::StopToken stop;
  auto stuck = acquire(wanted("k", "acme/slow"), stop);
  auto own = acquire(wanted("k", "acme/fast"));
  auto others = acquire(wanted("l", "acme/fast"));
  EXPECT_TRUE(get(own));
  EXPECT_TRUE(get(others));
  EXPECT_FALSE(has_come(stuck));
  EXPECT_TRUE(pool_->try_acquire(wanted("m", "acme/fast"))) << "nor a create whose client waits";
  EXPECT_EQ(pool_->try_acquire(wanted("m", "acme/slow")), nullptr);
  stop.request_stop();
  EXPECT_EQ(get(stuck), nullptr);
}

TEST_F(AccountPoolTest, NobodyIsServedOutOfTurn) {
  auto options = account("main");
  options.creates = 10;
  one_account(options);
  report(*pool_->try_acquire(wanted()), CreateResult::accepted);
  auto waiting = acquire(wanted("first"));
  clock_.advance(1min);
  EXPECT_EQ(pool_->try_acquire(wanted("second")), nullptr) << "it was the other's";
  EXPECT_TRUE(get(waiting));
}

TEST_F(AccountPoolTest, WhoeverIsStoppedWaitsNoMore) {
  auto options = account("main");
  options.concurrency = 1;
  one_account(options);
  auto held = pool_->try_acquire(wanted());
  async::StopToken stop;
  auto first = acquire(wanted(), stop);
  auto second = acquire(wanted());
  stop.request_stop();
  EXPECT_EQ(code_of(first.get()), ErrorCode::canceled);
  EXPECT_EQ(pool_->stats().waiting, 1U);
  held.reset();
  EXPECT_TRUE(get(second));
  EXPECT_EQ(code_of(test::run_task(pool_->acquire(wanted(), stop))), ErrorCode::canceled);
  EXPECT_EQ(pool_->stats().waiting, 0U);
}

TEST_F(AccountPoolTest, GivesOtherRequestsAnAllowanceOfTheirOwn) {
  auto options = account("main");
  options.creates = 10;
  options.others = 20;
  one_account(options);
  report(*pool_->try_acquire(wanted()), CreateResult::accepted);
  const auto at = pool_->accounts().front();
  EXPECT_TRUE(pool_->try_take_other(at));
  EXPECT_TRUE(pool_->try_take_other(at));
  EXPECT_FALSE(pool_->try_take_other(at));
  async::StopToken stopped;
  stopped.request_stop();
  EXPECT_EQ(code_of(test::run_task(pool_->take_other(at, stopped))), ErrorCode::canceled);
  clock_.advance(1min);
  EXPECT_TRUE(test::run_task(pool_->take_other(at, {})));
  pool_->throttle_others(at, 30s);
  EXPECT_FALSE(pool_->try_take_other(at));
  clock_.advance(30s);
  EXPECT_TRUE(pool_->try_take_other(at));
  EXPECT_EQ(row().others_a_minute, 20);
}

TEST_F(AccountPoolTest, SendsNoMoreOtherRequestsThanAnAnswerSaysAreLeft) {
  one_account();
  const auto at = pool_->accounts().front();
  ASSERT_TRUE(pool_->try_take_other(at));
  const auto first = pool_->begin_other(at);
  ASSERT_TRUE(pool_->try_take_other(at));
  const auto second = pool_->begin_other(at);
  pool_->end_other(at, first, LimitLeft{.requests = 3, .reset = 10s});
  EXPECT_EQ(row().others_left, 2) << "one is under way";
  pool_->end_other(at, second, LimitLeft{.requests = 2, .reset = 10s});
  EXPECT_EQ(row().others_left, 2);
  EXPECT_TRUE(pool_->try_take_other(at));
  EXPECT_TRUE(pool_->try_take_other(at));
  EXPECT_FALSE(pool_->try_take_other(at));
  clock_.advance(10s);
  EXPECT_TRUE(pool_->try_take_other(at));
}

TEST_F(AccountPoolTest, AsksAnUpstreamThatDoesNotAnswerOnceASecond) {
  one_account();
  const auto at = pool_->accounts().front();
  for (int i = 0; i < 4; ++i) pool_->note_asked(at, false);
  EXPECT_TRUE(pool_->may_ask(at));
  pool_->note_asked(at, false);
  EXPECT_FALSE(pool_->may_ask(at));
  EXPECT_EQ(row().state, "failing");
  clock_.advance(1s);
  EXPECT_EQ(pool_->may_ask(at, 32), 1U);
  EXPECT_FALSE(pool_->may_ask(at));
  pool_->note_asked(at, false);
  EXPECT_FALSE(pool_->may_ask(at));
  clock_.advance(1s);
  EXPECT_TRUE(pool_->may_ask(at));
}

TEST_F(AccountPoolTest, AsksAllAgainAsSoonAsOneIsAnswered) {
  one_account();
  const auto at = pool_->accounts().front();
  for (int i = 0; i < 500; ++i) pool_->note_asked(at, false);
  ASSERT_FALSE(pool_->may_ask(at));
  pool_->note_asked(at, true);
  EXPECT_EQ(pool_->may_ask(at, 32), 32U);
  EXPECT_EQ(row().state, "ok");
}

TEST_F(AccountPoolTest, TriesACreateAtOnceWhenAnUpstreamAnswersAgain) {
  one_account();
  fail_times(5);
  const auto at = pool_->accounts().front();
  for (int i = 0; i < 5; ++i) pool_->note_asked(at, false);
  EXPECT_EQ(pool_->try_acquire(wanted()), nullptr);
  pool_->note_asked(at, true);
  EXPECT_TRUE(pool_->try_acquire(wanted()));
}

TEST_F(AccountPoolTest, TellsTheOperatorWhatIsUnderWay) {
  one_account();
  const auto place = pool_->try_acquire(wanted());
  pool_->begin(*place);
  EXPECT_EQ(row().submitting, 1U);
  EXPECT_EQ(row().requests, 1U);
  pool_->report(*place, {.result = CreateResult::accepted, .took = 800ms});
  pool_->opened(*place);
  pool_->opened(*place);
  EXPECT_EQ(row().submitting, 0U);
  EXPECT_EQ(row().open, 1U);
  EXPECT_EQ(row().accepted, 1U);
  EXPECT_EQ(row().create_time, 800ms);
  report(*pool_->try_acquire(wanted()), CreateResult::refused);
  EXPECT_EQ(row().refused, 1U);
  EXPECT_EQ(row().create_time, 700ms);
}

}  // namespace
}  // namespace hekto::runners::replicate
