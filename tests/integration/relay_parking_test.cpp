// SPDX-License-Identifier: Apache-2.0
// Relayed predictions of which nothing is kept but a record while nothing is new.
#include <thread>

#include "tests/integration/relaying_fixture.h"
#include "tests/support/results.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::Status;
using ports::RelayOutcome;
using ports::RelayRequest;
using ports::RelaySink;

/// News comes when the test says so. Any thread.
class FakeParked final : public ports::ParkedRun {
 public:
  FakeParked(const domain::Prediction& p, std::atomic<int>& there) : id_(p.id), epoch_(p.epoch), there_(there) {
    ++there_;
  }
  ~FakeParked() override { --there_; }
  FakeParked(const FakeParked&) = delete;
  FakeParked& operator=(const FakeParked&) = delete;
  std::string_view id() const override { return id_; }
  std::int64_t epoch() const override { return epoch_; }
  void watch(std::shared_ptr<ports::RelayWaker> waker) override {
    {
      std::scoped_lock lock(mutex_);
      if (!news_) {
        waker_ = std::move(waker);
        return;
      }
    }
    waker->wake(id_);
  }
  void tell() {
    std::shared_ptr<ports::RelayWaker> waker;
    {
      std::scoped_lock lock(mutex_);
      news_ = true;
      waker = std::exchange(waker_, nullptr);
    }
    if (waker) waker->wake(id_);
  }
  bool is_watched() const {
    std::scoped_lock lock(mutex_);
    return waker_ != nullptr;
  }

 private:
  const std::string id_;
  const std::int64_t epoch_;
  std::atomic<int>& there_;
  mutable std::mutex mutex_;
  bool news_ = false;                         // guarded by mutex_
  std::shared_ptr<ports::RelayWaker> waker_;  // guarded by mutex_
};

class RelayParking : public RelayingFixture {
 protected:
  /// Each is accepted and parked, with a line of logs that is not committed yet; once it goes on it succeeds.
  async::Task<RelayOutcome> accept_and_park(RelayRequest& request, RelaySink& sink) {
    if (request.parked) {
      co_await sink.log("end\n");
      co_return ports::RunSucceeded{};
    }
    const auto& p = *request.prediction;
    if (p.submission->state == domain::Submission::State::intended) {
      if (!co_await sink.submitted({p.submission->attempt, "remote-" + p.id, "", "", {}})) {
        co_return ports::RunInterrupted{};
      }
      if (!co_await sink.started()) co_return ports::RunInterrupted{};
      co_await sink.log("begun\n");
    }
    co_return park(p);
  }
  RelayOutcome park(const domain::Prediction& p) {
    auto parked = std::make_shared<FakeParked>(p, there);
    std::scoped_lock lock(mutex_);
    last_ = parked;
    return ports::RelayParked{parked};
  }
  /// The latest that was parked; nullptr when it is gone.
  std::shared_ptr<FakeParked> last() {
    std::scoped_lock lock(mutex_);
    return last_.lock();
  }
  void start_parking(service::RelayerOptions options = {}) {
    start_relay([this](RelayRequest& request, RelaySink& sink) { return accept_and_park(request, sink); }, options);
  }
  /// One that is parked, and watched for news.
  std::string park_one() {
    const auto id = relay_one().snapshot->value.id;
    eventually([&] { return is_parked(id); });
    return id;
  }
  bool is_parked(const std::string& id) {
    const auto parked = last();
    return parked && parked->id() == id && parked->is_watched();
  }
  domain::Prediction stored(const std::string& id) { return run(memory.find_prediction(id)).value(); }
  domain::Prediction end_of(const std::string& id) {
    return ended(std::make_shared<const service::Snapshot>(stored(id)));
  }

  std::atomic<int> there = 0;  ///< records that are kept

 private:
  std::mutex mutex_;
  std::weak_ptr<FakeParked> last_;  // guarded by mutex_
};

TEST_F(RelayParking, WhatWasShownIsCommittedBeforeItIsParked) {
  start_parking();
  const auto id = park_one();
  EXPECT_EQ(stored(id).logs, "begun\n");
  EXPECT_EQ(relayer->parked(), 1u);
  EXPECT_EQ(relayer->running(), 1u) << "it is followed all the same";
}

TEST_F(RelayParking, ReadersSeeItAsBeforeThoughNothingOfItIsInMemory) {
  start_parking();
  const auto id = park_one();
  EXPECT_EQ(recent.find(id), nullptr);
  const auto read = run(predictions->get("alice", id)).value();
  EXPECT_EQ(read->value.status, Status::processing);
  EXPECT_EQ(read->value.logs, "begun\n");
  EXPECT_EQ(recent.find(id), read) << "who is read is kept in memory";
}

TEST_F(RelayParking, ItGoesOnUnderTheSameEpochWithoutAClaim) {
  start_parking();
  const auto id = park_one();
  const auto claims = store.plan().calls("claim");
  const auto epoch = stored(id).epoch;
  last()->tell();
  const auto p = end_of(id);
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.logs, "begun\nend\n");
  EXPECT_EQ(p.epoch, epoch);
  EXPECT_EQ(p.attempts, 1);
  EXPECT_EQ(store.plan().calls("claim"), claims);
  ASSERT_EQ(relay->requests().size(), 2u);
  EXPECT_EQ(relay->requests()[1].prediction->logs, "begun\n");
  eventually([&] { return relayer->running() == 0; });
}

TEST_F(RelayParking, AWaitingClientIsToldOfTheEnd) {
  start_parking();
  const auto created = relay_one();
  eventually([&] { return is_parked(created.snapshot->value.id); });
  std::thread upstream([&] { last()->tell(); });
  EXPECT_EQ(ended(created.snapshot).status, Status::succeeded);
  upstream.join();
}

TEST_F(RelayParking, NewsThatCameBeforeItWasParkedIsNotMissed) {
  start_relay([this](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    auto outcome = co_await accept_and_park(request, sink);
    if (const auto parked = last()) parked->tell();
    co_return outcome;
  });
  EXPECT_EQ(ended(relay_one().snapshot).status, Status::succeeded);
}

TEST_F(RelayParking, ACancelOfAParkedOneLeavesNothingAndOwesTheUpstreamTheCancel) {
  start_parking();
  const auto id = park_one();
  EXPECT_EQ(run(predictions->cancel("alice", id)).value()->value.status, Status::canceled);
  EXPECT_EQ(relayer->running(), 0u);
  EXPECT_EQ(run(store.owed_cancels(10)).value(), std::vector<std::string>{id});
  eventually([&] { return there == 0; });
  EXPECT_EQ(relay->requests().size(), 1u);
}

TEST_F(RelayParking, ADeadlineEndsAParkedOne) {
  start_parking();
  auto create = relayed();
  create.cancel_after = 10s;
  const auto id = run(predictions->create(alice, std::move(create))).value().snapshot->value.id;
  eventually([&] { return is_parked(id); });
  clock.advance(11s);
  run(predictions->enforce_deadlines());
  EXPECT_EQ(stored(id).status, Status::canceled);
  eventually([&] { return there == 0; });
  EXPECT_EQ(relayer->running(), 0u);
}

TEST_F(RelayParking, ACancelWhileItIsBeingParkedIsNotLost) {
  for (const bool pending : {false, true}) {
    start_relay([this, pending](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
      const auto& p = *request.prediction;
      co_await sink.submitted({p.submission->attempt, "remote-" + p.id, "", "", {}});
      co_await sink.started();
      if (pending) co_await sink.log("begun\n");
      co_await predictions->cancel("alice", p.id);
      co_return park(p);
    });
    const auto id = relay_one().snapshot->value.id;
    eventually([&] { return relayer->running() == 0; });
    EXPECT_EQ(stored(id).status, Status::canceled);
    EXPECT_EQ(relayer->parked(), 0u);
    eventually([&] { return there == 0; });
    relayer->stop_blocking(10s, {});
  }
}

TEST_F(RelayParking, ACancelAndNewsAtOnceLeaveOneEndAndNoRecord) {
  start_parking();
  for (int i = 0; i < 100; ++i) {
    const auto id = park_one();
    const auto parked = last();
    std::thread upstream([&] { parked->tell(); });
    (void)run(predictions->cancel("alice", id));
    upstream.join();
    EXPECT_TRUE(domain::is_terminal(end_of(id).status));
  }
  eventually([&] { return relayer->running() == 0 && there == 0; });
}

TEST_F(RelayParking, AShutdownLeavesItAsItIsForTheNextProcess) {
  start_parking();
  const auto id = park_one();
  relayer->stop_blocking(10s, {});
  EXPECT_EQ(there, 0);
  EXPECT_EQ(stored(id).status, Status::processing);
  recent.erase(id);
  start_relay([](RelayRequest& request, RelaySink&) -> async::Task<RelayOutcome> {
    EXPECT_FALSE(request.parked);
    EXPECT_EQ(request.prediction->submission->state, domain::Submission::State::accepted);
    EXPECT_EQ(request.prediction->logs, "begun\n");
    co_return ports::RunSucceeded{};
  });
  EXPECT_EQ(run(predictions->recover()).value(), 1u);
  EXPECT_EQ(end_of(id).status, Status::succeeded);
}

TEST_F(RelayParking, NewsAfterAShutdownWakesNobody) {
  start_parking();
  park_one();
  const auto parked = last();
  relayer->stop_blocking(10s, {});
  relayer.reset();
  parked->tell();
  EXPECT_EQ(relay->requests().size(), 1u);
}

TEST_F(RelayParking, AReadThatFailsIsTriedAgain) {
  start_parking();
  const auto id = park_one();
  store.plan().fail("find_prediction", 1, {ErrorCode::storage, "on purpose"});
  last()->tell();
  eventually([&] { return store.plan().calls("find_prediction") >= 1; });
  EXPECT_EQ(end_of(id).status, Status::succeeded);
  EXPECT_EQ(relay->requests().size(), 2u);
}

TEST_F(RelayParking, ACancelWhileItCannotBeReadEndsIt) {
  start_parking();
  const auto id = park_one();
  for (int i = 1; i <= 1'000; ++i) store.plan().fail("find_prediction", i, {ErrorCode::storage, "on purpose"});
  last()->tell();
  eventually([&] { return store.plan().calls("find_prediction") >= 1; });
  EXPECT_EQ(relayer->running(), 1u) << "it is not dropped";
  ASSERT_TRUE(run(store.end(id, domain::Canceled{}, clock.now())));
  relayer->interrupt(id);
  eventually([&] { return relayer->running() == 0 && there == 0; });
  EXPECT_EQ(relay->requests().size(), 1u);
}

TEST_F(RelayParking, WhatCannotBeCommittedIsNotParked) {
  std::atomic<int> runs = 0;
  start_relay([&](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    if (++runs == 1) {
      auto outcome = co_await accept_and_park(request, sink);
      store.plan().fail("record", 1, {ErrorCode::storage, "on purpose"});
      co_return outcome;
    }
    EXPECT_FALSE(request.parked);
    EXPECT_EQ(request.prediction->logs, "");
    co_return ports::RunSucceeded{};
  });
  const auto p = ended(relay_one().snapshot);
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(there, 0);
}

TEST_F(RelayParking, ParkedOnesTakeNoneOfTheRunsThatAreAllowedAtOnce) {
  service::RelayerOptions options;
  options.concurrency = 1;
  start_parking(options);
  park_one();
  park_one();
  EXPECT_EQ(relayer->parked(), 2u);
  EXPECT_EQ(relayer->queued(), 0u);
}

TEST_F(RelayParking, OneWithNewsDoesNotWaitForThoseThatWaitForTheirTurn) {
  service::RelayerOptions options;
  options.concurrency = 1;
  start_relay(
      [this](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
        if (request.place || request.parked) co_return co_await accept_and_park(request, sink);
        sink.waiting();
        co_await request.stop.sleep_for(1h);
        co_return ports::RunInterrupted{};
      },
      options);
  const auto id = park_one();
  const auto parked = last();
  relay->busy = true;
  relay_one();
  eventually([&] { return relay->requests().size() == 2; });
  parked->tell();
  EXPECT_EQ(end_of(id).status, Status::succeeded);
}

TEST_F(RelayParking, OnesWithNewsGoOnSoManyAtOnce) {
  service::RelayerOptions options;
  options.concurrency = 2;
  std::atomic<int> at_once = 0, most = 0;
  async::StopToken released;
  start_relay(
      [&, released](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
        if (!request.parked) co_return co_await accept_and_park(request, sink);
        most = std::max<int>(most, ++at_once);
        co_await released.sleep_for(1h);
        --at_once;
        co_return ports::RunSucceeded{};
      },
      options);
  std::vector<std::string> ids;
  std::vector<std::shared_ptr<FakeParked>> all;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(park_one());
    all.push_back(last());
  }
  for (const auto& parked : all) parked->tell();
  eventually([&] { return at_once == 2; });
  EXPECT_EQ(relay->requests().size(), 12u) << "the others wait";
  released.request_stop();
  for (const auto& id : ids) EXPECT_EQ(end_of(id).status, Status::succeeded);
  EXPECT_EQ(most, 2);
}

TEST_F(RelayParking, WhatWasReadBeforeItWasForgottenIsNotKept) {
  start_parking();
  const auto id = park_one();
  const auto ticket = recent.ticket(id);
  auto early = stored(id);
  recent.erase(id);
  EXPECT_EQ(recent.put_read(early, ticket)->value.id, id);
  EXPECT_EQ(recent.find(id), nullptr);
  EXPECT_EQ(recent.put_read(early, recent.ticket(id)), recent.find(id));
}

}  // namespace
}  // namespace hekto::test
