// SPDX-License-Identifier: Apache-2.0
// How a prediction is handed over: intent, create, id, refusals, and the choice of accounts.
#include "tests/support/relay_fixture.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using domain::RelayTarget;
using testing::ElementsAre;
using testing::HasSubstr;

const char* const kNoCredit = R"({"title":"Insufficient credit","detail":"You have none.","status":402})";

class Submitting : public RelayFixture {};

TEST_F(Submitting, TheIntentIsCommittedBeforeTheCreateIsSentAndTheIdBeforeAnythingElse) {
  std::vector<std::size_t> posts_at_call;
  sink.on_call = [&](const std::string&) {
    posts_at_call.push_back(up.posts());
    return std::nullopt;
  };
  start();
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(prediction())));
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/main", "submitted remote1", "started", R"(output "done")"));
  EXPECT_THAT(posts_at_call, ElementsAre(0U, 1U, 1U, 1U));
  EXPECT_EQ(sink.intents().at(0).attempt, sink.accepted().at(0).attempt);
  EXPECT_EQ(sink.intents().at(0).attempt.size(), 26U);
}

TEST_F(Submitting, NothingIsSentWhenTheIntentCannotBeCommitted) {
  sink.on_call = [](const std::string&) { return std::optional(ErrorCode::storage); };
  start();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(run(prediction())));
  EXPECT_EQ(up.posts(), 0U);
}

TEST_F(Submitting, AnIntentOfTheCreateItselfIsNotCommittedAgain) {
  start();
  auto p = intended();
  auto place = relay->try_place(*p.relay, p.key_id);
  ASSERT_TRUE(place);
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(p, place)));
  EXPECT_EQ(sink.calls().front(), "submitted remote1");
  EXPECT_EQ(sink.accepted().at(0).attempt, "attempt1");
  EXPECT_EQ(up.posts(), 1U);
}

TEST_F(Submitting, ACreateIsOneExchangeOfItsOwnAtTheOfficialRoute) {
  start();
  run(prediction());
  const auto request = posts().at(0);
  EXPECT_EQ(request.url, "https://up.example/v1/models/acme/flux/predictions");
  EXPECT_EQ(request.body, R"({"input":{"prompt":"a red fox"}})");
  EXPECT_EQ(header(request, "Authorization"), "Bearer token-main");
  EXPECT_EQ(header(request, "Idempotency-Key"), "");
  EXPECT_FALSE(request.reuse) << "a stale connection would be found out by sending";
}

TEST_F(Submitting, VersionsAndDeploymentsHaveTheirRoutes) {
  start();
  run(prediction(kInput, {RelayTarget::Kind::version, "acme/flux:v1"}));
  run(prediction(kInput, {RelayTarget::Kind::deployment, "acme/mine"}));
  ASSERT_EQ(posts().size(), 2U);
  EXPECT_EQ(posts()[0].url, "https://up.example/v1/predictions");
  EXPECT_EQ(posts()[0].body, R"({"version":"v1","input":{"prompt":"a red fox"}})");
  EXPECT_EQ(posts()[1].url, "https://up.example/v1/deployments/acme/mine/predictions");
}

TEST_F(Submitting, TrainingsHaveTheirRouteAndDestination) {
  start();
  auto p = prediction(R"({"data":"x"})", {RelayTarget::Kind::training, "acme/flux:v1"});
  p.training = domain::TrainingTarget{"me/tuned", ""};
  run(p);
  ASSERT_EQ(posts().size(), 1U);
  EXPECT_EQ(posts()[0].url, "https://up.example/v1/models/acme/flux/versions/v1/trainings");
  EXPECT_EQ(posts()[0].body, R"({"destination":"me/tuned","input":{"data":"x"}})");
}

TEST_F(Submitting, ARefusalIsHandedOnAndNothingElseIsTried) {
  const std::string body = R"({"detail":"- input: prompt is required\n","status":422})";
  up.creates({Up::answers(422, body)});
  start({upstream({"a", "b"})});
  const auto outcome = run(prediction());
  ASSERT_TRUE(std::holds_alternative<ports::RelayRefused>(outcome));
  EXPECT_EQ(std::get<ports::RelayRefused>(outcome).refusal.status, 422);
  EXPECT_EQ(std::get<ports::RelayRefused>(outcome).refusal.body, body);
  EXPECT_EQ(up.posts(), 1U);
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/a")) << "to be removed with its intent";
  EXPECT_EQ(row().refused, 1U);
}

TEST_F(Submitting, ARefusalAfterTheEndLeavesNothingToLookFor) {
  async::StopToken released;
  http.hold("https://up.example", released);
  up.creates({Up::answers(422)});
  start();
  const auto running = begin(prediction(), sink);
  wait_for([&] { return up.posts() == 1; });
  stop.request_stop();
  released.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RelayRefused>(end_of(running)));
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/main", "dropped"));
}

TEST_F(Submitting, AConnectionThatDidNotComeAboutIsTriedElsewhere) {
  up.creates({Up::unreachable()}, "token-a");
  start({upstream({"a", "b"})});
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(prediction())));
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/a", "dropped", "submitting up/b", "submitted remote1", "started",
                                        R"(output "done")"));
  EXPECT_NE(sink.intents().at(0).attempt, sink.intents().at(1).attempt);
}

TEST_F(Submitting, AConnectionThatDidNotComeAboutIsTriedAgainAfterAPause) {
  up.creates({Up::unreachable()});
  start();
  const auto running = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  EXPECT_EQ(up.posts(), 1U);
  EXPECT_EQ(row().state, "failing");
  clock.advance(500ms);
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(running)));
  EXPECT_EQ(up.taken(), 1U);
}

TEST_F(Submitting, OverloadIsWaitedForAsLongAsTheUpstreamAsks) {
  up.creates({Up::answers(503, "", {{"Retry-After", "20"}})});
  start();
  const auto running = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  EXPECT_EQ(row().until, clock.now() + 20s);
  clock.advance(20s);
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(running)));
}

TEST_F(Submitting, AThrottledCreateWaitsItsTurnInsteadOfFailing) {
  up.creates({Up::answers(429, R"({"detail":"Request was throttled.","status":429})", {{"Retry-After", "7"}})});
  start();
  const auto running = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  EXPECT_EQ(row().state, "throttled");
  EXPECT_EQ(row().until, clock.now() + 7s);
  EXPECT_EQ(relay->stats().waiting, 1U);
  clock.advance(7s);
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(running)));
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/main", "dropped", "waiting", "submitting up/main",
                                        "submitted remote1", "started", R"(output "done")"));
}

TEST_F(Submitting, AThrottledCreateGoesToAnotherAccountFirst) {
  up.creates({Up::answers(429, "", {{"Retry-After", "7"}})}, "token-a");
  start({upstream({"a", "b"})});
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(prediction())));
  EXPECT_FALSE(has_called("waiting"));
  EXPECT_EQ(sink.intents().at(1).account, "b");
}

TEST_F(Submitting, ABadTokenLeadsToTheNextAccount) {
  up.creates({Up::answers(401)}, "token-a");
  start({upstream({"a", "b"})});
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(prediction())));
  EXPECT_EQ(sink.intents().at(1).account, "b");
  EXPECT_EQ(row(0).state, "bad token");
}

TEST_F(Submitting, WithoutAGoodTokenTheWorkWaitsUntilThereIsOne) {
  up.creates({Up::answers(401)});
  start();
  const auto running = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  clock.advance(5min);
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(running)));
}

TEST_F(Submitting, MissingCreditLeadsToTheNextAccountAndAtTheLastToTheClient) {
  up.creates({Up::answers(402, kNoCredit)}, "token-a");
  up.creates({Up::answers(402, kNoCredit), Up::answers(402, kNoCredit)}, "token-b");
  start({upstream({"a", "b"})});
  const auto outcome = run(prediction());
  ASSERT_TRUE(std::holds_alternative<ports::RelayRefused>(outcome));
  EXPECT_EQ(std::get<ports::RelayRefused>(outcome).refusal.body, kNoCredit);
  EXPECT_EQ(up.posts(), 2U);
  EXPECT_EQ(row(0).state, "no credit");
  EXPECT_EQ(row(1).state, "no credit");
}

TEST_F(Submitting, MissingCreditIsSaidThoughAnotherAccountsTokenIsBad) {
  up.creates({Up::answers(402, kNoCredit)}, "token-a");
  up.creates({Up::answers(401)}, "token-b");
  start({upstream({"a", "b"})});
  const auto outcome = run(prediction());
  ASSERT_TRUE(std::holds_alternative<ports::RelayRefused>(outcome));
  EXPECT_EQ(std::get<ports::RelayRefused>(outcome).refusal.status, 402);
}

TEST_F(Submitting, WhatAnAccountMayNotDoIsTriedAtAnotherAndLeavesItInUse) {
  up.creates({Up::answers(403)}, "token-a");
  start({upstream({"a", "b"})});
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(prediction())));
  EXPECT_EQ(row(0).state, "ok");
  EXPECT_EQ(sink.intents().at(1).account, "b");
}

TEST_F(Submitting, WhatNoAccountMayDoIsRefused) {
  const std::string body = R"({"detail":"You do not have permission to perform this action.","status":403})";
  up.creates({Up::answers(403, body)});
  start();
  const auto outcome = run(prediction());
  ASSERT_TRUE(std::holds_alternative<ports::RelayRefused>(outcome));
  EXPECT_EQ(std::get<ports::RelayRefused>(outcome).refusal.body, body);
}

TEST_F(Submitting, FailsWhatNoUpstreamOffersAnyMore) {
  auto options = upstream();
  options.models = {"other/*"};
  start(std::move(options));
  const auto outcome = run(prediction());
  ASSERT_TRUE(std::holds_alternative<ports::RunFailed>(outcome));
  EXPECT_THAT(std::get<ports::RunFailed>(outcome).error, HasSubstr("no longer offered"));
}

TEST_F(Submitting, AnInputThatIsKnownToBeWrongIsRefusedInsteadOfWaiting) {
  auto options = upstream();
  options.concurrency = 1;
  start(std::move(options));
  const auto held = relay->pool().adopt("up", "main", *prediction().relay);
  const auto outcome = end_of(begin(prediction(), sink, nullptr, ports::Refusal{422, "{}"}));
  ASSERT_TRUE(std::holds_alternative<ports::RelayRefused>(outcome));
  EXPECT_EQ(std::get<ports::RelayRefused>(outcome).refusal.status, 422);
  EXPECT_EQ(up.posts(), 0U);
}

TEST_F(Submitting, WorkThatWaitsEndsWhenItIsStopped) {
  auto options = upstream();
  options.concurrency = 1;
  start(std::move(options));
  const auto held = relay->pool().adopt("up", "main", *prediction().relay);
  const auto running = begin(prediction(), sink);
  wait_for([&] { return relay->stats().waiting == 1; });
  stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(end_of(running)));
  EXPECT_THAT(sink.calls(), ElementsAre("waiting"));
}

TEST_F(Submitting, AnIntentIsDroppedWhenItIsStoppedBeforeAnythingIsSent) {
  start();
  auto p = intended();
  auto place = relay->try_place(*p.relay, p.key_id);
  stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(run(p, place)));
  EXPECT_THAT(sink.calls(), ElementsAre("dropped"));
  EXPECT_EQ(up.posts(), 0U);
}

TEST_F(Submitting, TheAnswerToACreateUnderWayIsNotedThoughItWasStopped) {
  async::StopToken released;
  http.hold("https://up.example", released);
  start();
  const auto running = begin(prediction(), sink);
  wait_for([&] { return up.posts() == 1; });
  stop.request_stop();
  released.request_stop();
  (void)end_of(running);
  EXPECT_TRUE(has_called("submitted remote1"));
}

TEST_F(Submitting, TheIdOfOneThatWasCanceledMeanwhileIsNoted) {
  cancel_under_way();
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/main", "submitted remote1"));
}

TEST_F(Submitting, QueuedUpstreamsAreNotWaitedForAndLoseNoAllowanceByIt) {
  auto options = upstream();
  options.queued = true;
  options.accounts[0].creates = 10;
  start(std::move(options));
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(relay->try_place(*prediction().relay, "k"));
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(prediction())));
}

TEST_F(Submitting, TheLimitIsLearntFromAnswers) {
  up.creates({Up::answers(201, R"({"id":"r1","status":"succeeded"})",
                          {{"ratelimit-remaining", "2"}, {"ratelimit-reset", "30"}})});
  start();
  run(prediction());
  EXPECT_EQ(row().creates_left, 2);
  run(prediction());
  run(prediction());
  const auto running = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  EXPECT_EQ(up.posts(), 3U);
  clock.advance(30s);
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(running)));
}

}  // namespace
}  // namespace hekto::runners::replicate
