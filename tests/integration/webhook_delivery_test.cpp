// SPDX-License-Identifier: Apache-2.0
// Messages of the outbox: that they arrive, when they are tried again, and what a dead target costs.
#include <map>

#include "domain/webhook_schedule.h"
#include "tests/integration/webhook_fixture.h"
#include "tests/support/results.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::MessageState;
using domain::WebhookEvent;

constexpr const char* kHook = "https://hook.example/in?a=b";
const std::vector<WebhookEvent> kCompleted = {WebhookEvent::completed};

class WebhookDelivery : public WebhookFixture {};

TEST_F(WebhookDelivery, PostsThePredictionAsAReaderSeesItSignedByteForByte) {
  start_all({{FakeRunner::Log{"working\n"}, FakeRunner::File{{"out-0.webp", "image/webp", "bytes"}}}});
  const auto created = create_told(kHook, kCompleted);
  const auto last = ended(created);
  until_delivered("msg_" + last.id);
  const auto sent = http->sent();
  ASSERT_EQ(sent.size(), 1u);
  std::string expected;
  json::append_prediction(expected, last, {"https://hekto.example", "/replicate/v1", &signer});
  EXPECT_EQ(sent[0].body, expected);
  EXPECT_NE(expected.find("https://hekto.example/delivery/"), std::string::npos);
  EXPECT_NE(expected.find("https://hekto.example/replicate/v1/predictions/"), std::string::npos);
  EXPECT_EQ(sent[0].method, "POST");
  EXPECT_EQ(sent[0].url, kHook);
  EXPECT_EQ(header(sent[0], "Content-Type"), "application/json");
  EXPECT_EQ(header(sent[0], "webhook-id"), "msg_" + last.id);
  EXPECT_EQ(header(sent[0], "webhook-timestamp"), std::to_string(to_micros(clock.now()) / 1'000'000));
  const auto secrets = run(store.webhook_secrets("alice"));
  ASSERT_TRUE(secrets);
  EXPECT_EQ(header(sent[0], "webhook-signature"),
            domain::webhook_signature(*secrets, "msg_" + last.id, clock.now(), sent[0].body));
}

TEST_F(WebhookDelivery, TellsOfEveryWayToEnd) {
  start_all({{}});
  const auto succeeded = ended(create_told(kHook));
  runner->then({.steps = {}, .outcome = ports::RunFailed{"broken", ""}});
  const auto failed = ended(create_told(kHook));
  runner->then({{FakeRunner::Hold{}}});
  const auto canceled = create_told(kHook);
  await_runs(3);
  ASSERT_TRUE(run(predictions->cancel("alice", canceled->value.id)));
  const auto late = create_told(kHook, {}, 10s);
  await_runs(4);
  until("it runs", [&] { return run(predictions->get("alice", late->value.id)).value()->value.started_at; });
  clock.advance(10s);
  run(predictions->enforce_deadlines());
  for (const auto& id : {succeeded.id, failed.id, canceled->value.id, late->value.id}) {
    until_delivered("msg_" + id);
  }
  std::map<std::string, std::string> status_by_id;
  for (const auto& request : http->sent()) status_by_id[header(request, "webhook-id")] = status_in(request);
  EXPECT_EQ(status_by_id["msg_" + succeeded.id], "succeeded");
  EXPECT_EQ(status_by_id["msg_" + failed.id], "failed");
  EXPECT_EQ(status_by_id["msg_" + canceled->value.id], "canceled");
  EXPECT_EQ(status_by_id["msg_" + late->value.id], "canceled");
}

TEST_F(WebhookDelivery, CallsNobodyWhoAskedForNothingOrNotForTheEnd) {
  start_all({{}});
  ended(*create());
  ended(create_told(kHook, {WebhookEvent::logs}));
  EXPECT_TRUE(run(store.list_webhooks({}))->empty());
}

TEST_F(WebhookDelivery, TriesAgainAfterAFailureWithTheSameIdAndAFreshSignature) {
  start_sender();
  http->answer(kHook, std::vector{500, 301, 204});
  const auto id = make_message(kHook);
  sender->start();
  until("the first attempt", [&] { return attempts_of(id) == 1; });
  advance(6s);
  until("the second attempt", [&] { return attempts_of(id) == 2; });
  advance(6min);
  until_delivered(id);
  const auto sent = http->sent();
  ASSERT_EQ(sent.size(), 3u);
  for (const auto& request : sent) {
    EXPECT_EQ(header(request, "webhook-id"), id);
    EXPECT_EQ(request.body, sent[0].body);
  }
  EXPECT_NE(header(sent[0], "webhook-timestamp"), header(sent[1], "webhook-timestamp"));
  EXPECT_NE(header(sent[0], "webhook-signature"), header(sent[1], "webhook-signature"));
  const auto attempts = record_of(id).attempts;
  EXPECT_EQ(attempts[0].status, 500);
  EXPECT_EQ(attempts[1].status, 301) << "a redirect is no delivery";
  EXPECT_EQ(attempts[2].status, 204);
  EXPECT_EQ(sender->stats().delivered, 1u);
  EXPECT_EQ(sender->stats().failed, 2u);
}

TEST_F(WebhookDelivery, KeepsToTheScheduleAndGivesUpVisibly) {
  start_sender();
  http->answer(kHook, {fail(ErrorCode::timeout, "no answer in time")});
  const Time begin = clock.now();
  const auto id = make_message(kHook);
  sender->start();
  for (int attempt = 1; attempt <= 9; ++attempt) {
    until("the next attempt", [&] { return attempts_of(id) == static_cast<std::size_t>(attempt); });
    const auto waiting = record_of(id).message;
    ASSERT_EQ(waiting.state, MessageState::pending);
    const Duration delay = waiting.due_at - clock.now();
    EXPECT_GE(delay, *domain::webhook_retry_delay(attempt, 0, 1)) << attempt;
    EXPECT_LE(delay, *domain::webhook_retry_delay(attempt, 1, 1)) << attempt;
    EXPECT_TRUE(run(store.due_webhooks({.now = waiting.due_at - 1us, .busy_targets = {}, .in_flight = {}}))->empty());
    advance(delay);
  }
  until("it is given up", [&] { return state_of(id) == MessageState::dead; });
  EXPECT_EQ(http->sent().size(), 10u);
  EXPECT_GT(clock.now() - begin, 67h);
  EXPECT_LT(clock.now() - begin, 84h);
  const auto listed = *run(store.list_webhooks({.account = {}, .undelivered_only = true}));
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].attempts.back().error, "no answer in time");
  EXPECT_EQ(sender->stats().dead, 1u);
}

TEST_F(WebhookDelivery, OfADeadTargetDelaysNoOther) {
  start_sender({.in_flight = 8});
  const async::StopToken never;
  http->hold("https://dead.example/", never);
  for (int i = 0; i < 300; ++i) make_message("https://dead.example/" + std::to_string(i));
  sender->start();
  until("the dead target is called", [&] { return http->sent("https://dead.example/").size() == 2; });
  for (int i = 0; i < 20; ++i) {
    const auto id = make_message("https://good.example/" + std::to_string(i));
    sender->wake();
    until_delivered(id);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(http->sent("https://dead.example/").size(), 2u) << "two at once, and no more";
}

TEST_F(WebhookDelivery, LeavesATargetAloneThatFailsInARowAndTriesItWithOneMessage) {
  start_sender();
  http->answer("https://dead.example/", {fail(ErrorCode::unavailable, "no connection could be made")});
  for (int i = 0; i < 30; ++i) make_message("https://dead.example/" + std::to_string(i));
  sender->start();
  until("it is left alone", [&] { return sender->stats().failed >= domain::kWebhookBreakerFailures; });
  const auto good = make_message("https://good.example/");
  sender->wake();
  until_delivered(good);
  const auto before = http->sent("https://dead.example/").size();
  EXPECT_LE(before, 6u) << "one may have been under way beside the last";

  http->answer("https://dead.example/", std::vector{200});
  async::StopToken released;
  http->hold("https://dead.example/", released);
  advance(11s);
  until("it is tried", [&] { return http->sent("https://dead.example/").size() > before; });
  const auto other = make_message("https://good.example/");
  sender->wake();
  until_delivered(other);
  EXPECT_EQ(http->sent("https://dead.example/").size(), before + 1) << "by one message";
  released.request_stop();
  clock.advance(24h);
  sender->wake();
  until("all are delivered", [&] { return sender->stats().delivered == 32; });
}

TEST_F(WebhookDelivery, OfAnAnswerThatBlamesTheRequestDoesNotCountAgainstTheTarget) {
  start_sender();
  http->answer("https://hook.example/gone", std::vector{404});
  for (int i = 0; i < 20; ++i) make_message("https://hook.example/gone/" + std::to_string(i));
  sender->start();
  until("all were tried", [&] { return sender->stats().failed == 20; });
  const auto id = make_message("https://hook.example/here");
  sender->wake();
  until_delivered(id);
}

TEST_F(WebhookDelivery, GoesOnAfterARestartWithTheSameMessage) {
  start_sender();
  http->hold(kHook, {});
  const auto id = make_message(kHook);
  sender->start();
  until("it is under way", [&] { return http->sent().size() == 1; });
  stop_sender();
  EXPECT_EQ(state_of(id), MessageState::pending) << "an exchange cut off by the stop says nothing";
  EXPECT_EQ(attempts_of(id), 0u);

  sender.reset();
  start_sender();
  sender->start();
  until_delivered(id);
  EXPECT_EQ(header(http->sent().at(0), "webhook-id"), id);
}

TEST_F(WebhookDelivery, WaitsAtAStopForWhatIsUnderWay) {
  start_sender();
  async::StopToken released;
  http->hold(kHook, released);
  const auto id = make_message(kHook);
  sender->start();
  until("it is under way", [&] { return http->sent().size() == 1; });
  std::thread releaser([&] { released.request_stop(); });
  bool was_cut_off = false;
  sender->stop_blocking(30s, [&] { was_cut_off = true; });
  releaser.join();
  EXPECT_FALSE(was_cut_off);
  EXPECT_EQ(state_of(id), MessageState::delivered);
}

TEST_F(WebhookDelivery, GivesUpWhatWasHeldBackTooLong) {
  start_sender();
  const auto id = make_message(kHook);
  clock.advance(domain::webhook_lifetime(1) + 1s);
  http->answer(kHook, std::vector{500});
  sender->start();
  until("it is given up", [&] { return state_of(id) == MessageState::dead; });
}

TEST_F(WebhookDelivery, ForgetsSettledMessagesAfterAWhile) {
  start_sender({.keep = 24h});
  const auto id = make_message(kHook);
  sender->start();
  until_delivered(id);
  advance(24h + 1s);
  until("it is forgotten", [&] { return run(store.list_webhooks({}))->empty(); });
}

TEST_F(WebhookDelivery, SignsWithBothSecretsForADayAfterARotation) {
  start_sender();
  run(store.create_account({"alice", "alice", clock.now()}));
  service::Webhooks webhooks(store, clock, signer, [this] { sender->wake(); });
  const auto before = run(webhooks.secret("alice"));
  ASSERT_TRUE(before);
  EXPECT_EQ(run(webhooks.secret("alice"))->reveal(), before->reveal()) << "the secret is stable";
  ASSERT_TRUE(run(webhooks.rotate("alice")));
  const auto after = run(webhooks.secret("alice"));
  EXPECT_NE(after->reveal(), before->reveal());
  EXPECT_EQ(code_of(run(webhooks.rotate("nobody"))), ErrorCode::not_found);

  sender->start();
  const auto check = [&](const std::string& id, std::vector<Secret> secrets) {
    until_delivered(id);
    const auto request = http->sent().back();
    std::string expected;
    for (const auto& secret : secrets) {
      expected +=
          (expected.empty() ? "" : " ") + domain::webhook_signature({secret, {}, {}}, id, clock.now(), request.body);
    }
    EXPECT_EQ(header(request, "webhook-signature"), expected);
  };
  check(make_message(kHook), {*after, *before});
  clock.advance(24h);
  const auto later = make_message(kHook);
  sender->wake();
  check(later, {*after});
}

TEST_F(WebhookDelivery, SendsAgainByHandWhateverBecameOfTheMessage) {
  start_sender();
  run(store.create_account({"alice", "alice", clock.now()}));
  std::size_t woken = 0;
  service::Webhooks webhooks(store, clock, signer, [&] {
    ++woken;
    sender->wake();
  });
  http->answer("https://dead.example/", std::vector{400});
  const auto delivered = make_message(kHook);
  const auto dead = make_message("https://dead.example/");
  sender->start();
  until_delivered(delivered);
  const auto first_body = http->sent(kHook).at(0).body;
  for (int attempt = 1; state_of(dead) != MessageState::dead; ++attempt) {
    until("the next attempt", [&] { return attempts_of(dead) >= static_cast<std::size_t>(attempt); });
    advance(27h);
  }

  ASSERT_TRUE(run(webhooks.resend(delivered)));
  until("it is sent again", [&] { return http->sent(kHook).size() == 2; });
  EXPECT_EQ(http->sent(kHook).at(1).body, first_body);
  http->answer("https://dead.example/", std::vector{200});
  ASSERT_TRUE(run(webhooks.resend(dead.substr(4)))) << "the prediction's id will do";
  until_delivered(dead);
  EXPECT_EQ(woken, 2u);
  EXPECT_EQ(code_of(run(webhooks.resend("msg_nothing"))), ErrorCode::not_found);

  const auto listed = run(webhooks.list("alice", false, 10));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->at(0).account_name, "alice");
  EXPECT_EQ(code_of(run(webhooks.list("nobody", false, 10))), ErrorCode::not_found);
}

}  // namespace
}  // namespace hekto::test
