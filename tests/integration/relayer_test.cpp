// SPDX-License-Identifier: Apache-2.0
#include "service/relayer.h"

#include "service/owed_cancels.h"
#include "service/submissions.h"
#include "tests/integration/relaying_fixture.h"
#include "tests/support/results.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::Status;
using domain::Submission;
using ports::RelayOutcome;
using ports::RelayRequest;
using ports::RelaySink;

class Relaying : public RelayingFixture {};

async::Task<RelayOutcome> accept_and_end(RelayRequest& request, RelaySink& sink) {
  if (!request.place) {
    if (!co_await sink.submitting({"replicate", "main", "attempt-1"})) co_return ports::RunInterrupted{};
  }
  const std::string attempt = request.place ? request.prediction->submission->attempt : "attempt-1";
  if (!co_await sink.submitted({attempt, "remote-1", "", "hidden", {}})) co_return ports::RunInterrupted{};
  if (!co_await sink.started()) co_return ports::RunInterrupted{};
  co_await sink.log("50%\n");
  co_await sink.output_json(0, false, "\"text\"");
  co_return ports::RunSucceeded{R"("predict_time":1.5)"};
}

TEST_F(Relaying, ACreateIsAnsweredOnceTheUpstreamHasAcceptedIt) {
  async::StopToken released;
  start_relay([released](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    const auto attempt = request.prediction->submission->attempt;
    if (!co_await sink.submitted({attempt, "remote-1", "", "hidden", {}})) co_return ports::RunInterrupted{};
    co_await released.sleep_for(1h);
    co_await sink.started();
    co_return ports::RunSucceeded{};
  });
  const auto created = relay_one();
  ASSERT_TRUE(created.snapshot);
  const auto kept = run(store.find_prediction(created.snapshot->value.id)).value();
  EXPECT_EQ(kept.submission->state, Submission::State::accepted);
  EXPECT_EQ(kept.submission->remote_id, "remote-1");
  EXPECT_EQ(created.snapshot->value.version, "hidden");
  EXPECT_EQ(created.snapshot->value.status, Status::starting);
  released.request_stop();
  EXPECT_EQ(ended(created.snapshot).status, Status::succeeded);
}

TEST_F(Relaying, TheIntentIsCommittedWithTheCreateAndBeforeTheUpstreamIsAsked) {
  std::optional<domain::Prediction> at_run;
  start_relay([&](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    at_run = *co_await store.find_prediction(request.prediction->id);
    co_return co_await accept_and_end(request, sink);
  });
  const auto created = relay_one();
  ended(created.snapshot);
  ASSERT_TRUE(at_run && at_run->submission);
  EXPECT_EQ(at_run->submission->state, Submission::State::intended);
  EXPECT_EQ(at_run->submission->account, "main");
  EXPECT_EQ(at_run->attempts, 1);
}

TEST_F(Relaying, ARefusalIsHandedOnAndLeavesNothingBehind) {
  start_relay([](RelayRequest&, RelaySink&) -> async::Task<RelayOutcome> {
    co_return ports::RelayRefused{{422, R"({"detail":"no"})"}};
  });
  const auto created = relay_one();
  EXPECT_FALSE(created.snapshot);
  ASSERT_TRUE(created.refusal);
  EXPECT_EQ(created.refusal->status, 422);
  EXPECT_EQ(listed(), 0u);
}

TEST_F(Relaying, ARefusedCreateMayBeTriedAgainWithItsKey) {
  start_relay([](RelayRequest&, RelaySink&) -> async::Task<RelayOutcome> {
    co_return ports::RelayRefused{{402, R"({"detail":"no"})"}};
  });
  const domain::CreateMark mark{"scope", "request", {}, clock.now() + 1h};
  for (int i = 0; i < 2; ++i) {
    const auto created = run(predictions->create_once(alice, relayed(), mark)).value();
    EXPECT_EQ(created.outcome, ports::Creation::Outcome::created);
    EXPECT_TRUE(created.refusal);
  }
  EXPECT_EQ(relay->requests().size(), 2u);
}

TEST_F(Relaying, WorkThatWaitsIsAcceptedAtOnceAndARefusalFailsItLater) {
  async::StopToken released;
  start_relay([released](RelayRequest&, RelaySink& sink) -> async::Task<RelayOutcome> {
    sink.waiting();
    co_await released.sleep_for(1h);
    co_return ports::RelayRefused{{402, R"({"detail":"You have insufficient credit"})"}};
  });
  const auto created = relay_one();
  ASSERT_TRUE(created.snapshot);
  EXPECT_FALSE(domain::is_terminal(created.snapshot->value.status));
  released.request_stop();
  const auto p = ended(created.snapshot);
  EXPECT_EQ(p.status, Status::failed);
  EXPECT_EQ(p.error, "You have insufficient credit");
}

TEST_F(Relaying, WithoutAPlaceACreateIsAnsweredAfterItsCommit) {
  start_relay(accept_and_end);
  relay->busy = true;
  const auto created = relay_one();
  EXPECT_FALSE(created.snapshot->value.submission);
  EXPECT_EQ(ended(created.snapshot).status, Status::succeeded);
  EXPECT_FALSE(relay->requests()[0].place);
}

TEST_F(Relaying, WhatCannotBeLearntFailsAndIsShownToTheOperator) {
  start_relay([](RelayRequest&, RelaySink&) -> async::Task<RelayOutcome> {
    co_return ports::RelayUnknown{"the answer was lost"};
  });
  ASSERT_TRUE(run(store.create_account({"alice", "Alice's", clock.now()})));
  const auto created = relay_one();
  const auto p = ended(created.snapshot);
  EXPECT_EQ(p.status, Status::failed);
  EXPECT_EQ(p.error, "the answer was lost");

  service::Submissions submissions(store, clock);
  const auto unknown = run(submissions.unknown(10)).value();
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0].prediction.id, p.id);
  EXPECT_EQ(unknown[0].prediction.submission->account, "main");
  EXPECT_EQ(unknown[0].account_name, "Alice's");
  EXPECT_TRUE(run(submissions.settle(p.id)));
  EXPECT_TRUE(run(submissions.unknown(10)).value().empty());
  EXPECT_EQ(code_of(run(submissions.settle(p.id))), ErrorCode::not_found) << "settled already";
  EXPECT_EQ(run(store.find_prediction(p.id))->error, "the answer was lost") << "what clients see stays";
}

TEST_F(Relaying, OnlyUnknownSubmissionsCanBeSettled) {
  start_relay(accept_and_end);
  const auto p = ended(relay_one().snapshot);
  service::Submissions submissions(store, clock);
  EXPECT_EQ(code_of(run(submissions.settle(p.id))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(submissions.settle("00000000000000000000000000"))), ErrorCode::not_found);
}

TEST_F(Relaying, ACancelDuringTheCreateKeepsTheUpstreamsIdAndOwesItTheCancel) {
  std::string id;
  start_relay([&](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    id = request.prediction->id;
    sink.waiting();
    EXPECT_FALSE(co_await request.stop.sleep_for(1h));
    const auto late = co_await sink.submitted({request.prediction->submission->attempt, "remote-1", "", "", {}});
    EXPECT_EQ(code_of(late), ErrorCode::canceled);
    co_return ports::RunInterrupted{};
  });
  const auto created = relay_one();
  const auto canceled = run(predictions->cancel("alice", created.snapshot->value.id)).value();
  EXPECT_EQ(canceled->value.status, Status::canceled);
  relayer->stop_blocking(10s, {});
  const auto kept = run(store.find_prediction(id)).value();
  EXPECT_EQ(kept.status, Status::canceled);
  EXPECT_EQ(kept.submission->remote_id, "remote-1");
  EXPECT_TRUE(kept.submission->cancel_owed);
  EXPECT_EQ(run(store.owed_cancels(10)).value(), std::vector<std::string>{id});
}

TEST_F(Relaying, WhatTheUpstreamAbortedBeforeItBeganIsAborted) {
  start_relay([](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    const auto attempt = request.prediction->submission->attempt;
    if (!co_await sink.submitted({attempt, "remote-1", "", "", {}})) co_return ports::RunInterrupted{};
    co_return ports::RelayCanceled{std::nullopt, true};
  });
  const auto created = relay_one();
  EXPECT_EQ(ended(created.snapshot).status, Status::aborted);
  EXPECT_TRUE(run(store.owed_cancels(10)).value().empty()) << "it knows already";
}

TEST_F(Relaying, ACancelBeforeAnythingWasSentIsOwedToNobody) {
  std::atomic<bool> over = false;
  start_relay([&](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    sink.waiting();
    co_await request.stop.sleep_for(1h);
    over = true;
    co_return ports::RunInterrupted{};
  });
  relay->busy = true;
  const auto created = relay_one();
  eventually([&] { return relay->requests().size() == 1; });
  EXPECT_EQ(run(predictions->cancel("alice", created.snapshot->value.id)).value()->value.status, Status::canceled);
  eventually([&] { return over.load(); });
  relayer->stop_blocking(10s, {});
  EXPECT_TRUE(run(store.owed_cancels(10)).value().empty());
}

TEST_F(Relaying, ACancelAfterTheEndChangesNothingAndIsOwedToNobody) {
  start_relay([](RelayRequest& request, RelaySink& sink) { return accept_and_end(request, sink); });
  const auto created = relay_one();
  EXPECT_EQ(ended(created.snapshot).status, Status::succeeded);
  const auto after = run(predictions->cancel("alice", created.snapshot->value.id)).value();
  EXPECT_EQ(after->value.status, Status::succeeded);
  EXPECT_TRUE(run(store.owed_cancels(10)).value().empty());
}

TEST_F(Relaying, AnOwedCancelIsToldAfterARestartUntilTheUpstreamKnows) {
  start_relay([](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    const auto attempt = request.prediction->submission->attempt;
    if (!co_await sink.submitted({attempt, "remote-1", "", "", {}})) co_return ports::RunInterrupted{};
    co_await sink.started();
    co_await request.stop.sleep_for(1h);
    co_return ports::RunInterrupted{};
  });
  const auto id = relay_one().snapshot->value.id;
  run(predictions->cancel("alice", id)).value();
  relayer->stop_blocking(10s, {});
  ASSERT_EQ(run(store.owed_cancels(10)).value(), std::vector<std::string>{id});

  FakeRelay upstream([](RelayRequest&, RelaySink&) -> async::Task<RelayOutcome> { co_return ports::RunInterrupted{}; });
  upstream.answer_cancels({fail(ErrorCode::unavailable, "down")});
  service::OwedCancels cancels(io, store, clock, upstream);
  cancels.start();
  eventually([&] { return upstream.canceled().size() == 1; });
  EXPECT_EQ(run(store.owed_cancels(10)).value().size(), 1u) << "it does not know yet";
  eventually([&] {
    clock.advance(1s);
    cancels.wake();
    return run(store.owed_cancels(10)).value().empty();
  });
  EXPECT_EQ(upstream.canceled().size(), 2u);
  EXPECT_EQ(upstream.canceled().back().submission->remote_id, "remote-1");
  cancels.stop_blocking();
}

TEST_F(Relaying, ARestartGoesOnWithWhatWasAccepted) {
  start_relay([](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    if (request.place) {
      co_await sink.submitted({request.prediction->submission->attempt, "remote-1", "", "", {}});
      co_await request.stop.sleep_for(1h);
      co_return ports::RunInterrupted{};
    }
    EXPECT_EQ(request.prediction->submission->remote_id, "remote-1");
    EXPECT_EQ(request.prediction->attempts, 1);
    co_await sink.started();
    co_return ports::RunSucceeded{};
  });
  const auto created = relay_one();
  relayer->stop_blocking(10s, {});
  recent.erase(created.snapshot->value.id);
  auto first = std::move(relay);
  start_relay([&first](RelayRequest& request, RelaySink& sink) { return first->run(request, sink); });
  EXPECT_EQ(run(predictions->recover()).value(), 1u);
  EXPECT_EQ(ended(created.snapshot).status, Status::succeeded);
  relayer->stop_blocking(10s, {});
}

TEST_F(Relaying, FilesComeInPiecesAndAreNamedOnceWhole) {
  start_relay([](RelayRequest& request, RelaySink& sink) -> async::Task<RelayOutcome> {
    co_await sink.submitted({request.prediction->submission->attempt, "remote-1", "", "", {}});
    co_await sink.started();
    const auto incoming = sink.receive();
    EXPECT_TRUE(co_await incoming->begin());
    EXPECT_TRUE(incoming->append("half "));
    EXPECT_TRUE(incoming->append("whole"));
    const auto key = co_await incoming->finish();
    domain::OutputFile file{"out-0.png", "image/png", incoming->size(), key->sha256};
    co_await sink.output_stored(0, true, domain::file_placeholder(0), {file});
    co_return ports::RunSucceeded{};
  });
  const auto p = ended(relay_one().snapshot);
  ASSERT_EQ(p.output.files.size(), 1u);
  EXPECT_EQ(p.output.files[0].size, 10u);
  EXPECT_EQ(memory_files.size(), 1u);
}

}  // namespace
}  // namespace hekto::test
