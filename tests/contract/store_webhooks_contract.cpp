// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <future>
#include <thread>

#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::MessageState;
using domain::Prediction;
using domain::WebhookAttempt;
using domain::WebhookMessage;

/// What the tests' outbox says of a prediction: its account is the target.
std::optional<WebhookMessage> message_of(const Prediction& p) {
  if (!p.webhook) return std::nullopt;
  WebhookMessage m;
  m.id = "msg_" + p.id;
  m.prediction_id = p.id;
  m.account = p.account;
  m.target = p.account + " target";
  m.url = p.webhook->url;
  m.body = R"({"status":")" + std::string(domain::to_string(p.status)) + "\",\"x\":\"ü\x01\"}";
  m.since = m.due_at = *p.completed_at;
  return m;
}

class StoreWebhooks : public StoreContract {
 protected:
  StoreWebhooks() { store().set_outbox(message_of); }

  Prediction create_told(const std::string& account = sample_account()) {
    auto p = sample_prediction(sample_time(), account);
    p.webhook = domain::Webhook{"https://a.example/hook", {}, "https://hekto.example", "/v1"};
    EXPECT_TRUE(run_task(store().create_prediction(p)).has_value());
    return p;
  }
  /// A message due at `at`; returns its id.
  std::string create_message(Time at = sample_time(), const std::string& account = sample_account()) {
    const auto p = create_told(account);
    EXPECT_TRUE(run_task(store().end(p.id, domain::Canceled{}, at)).has_value());
    return "msg_" + p.id;
  }
  WebhookMessage message(const std::string& id) {
    return run_task(store().find_webhook(id)).value_or(WebhookMessage{});
  }
  std::vector<std::string> due(ports::DueWebhooksQuery query) {
    std::vector<std::string> ids;
    for (const auto& entry : run_task(store().due_webhooks(std::move(query))).value()) ids.push_back(entry.id);
    return ids;
  }
  std::vector<std::string> due(Time now) { return due({.now = now, .busy_targets = {}, .in_flight = {}}); }
  std::vector<std::string> listed(ports::WebhooksQuery query = {}) {
    std::vector<std::string> ids;
    for (const auto& r : run_task(store().list_webhooks(std::move(query))).value()) ids.push_back(r.message.id);
    return ids;
  }
  Result<void> attempt(const std::string& id, WebhookAttempt entry, MessageState state, Time next = {}) {
    return run_task(store().record_webhook_attempt(id, std::move(entry), state, next));
  }
};

TEST_P(StoreWebhooks, WritesTheMessageWithWhateverEndsThePrediction) {
  const auto succeeded = create_told();
  const ports::Lease lease{succeeded.id, run_task(store().claim(succeeded.id, sample_time())).value().epoch};
  ASSERT_TRUE(run_task(store().record(lease, {domain::Started{}}, sample_time())).has_value());
  EXPECT_EQ(code_of(run_task(store().find_webhook("msg_" + succeeded.id))), ErrorCode::not_found);
  ASSERT_TRUE(run_task(store().record(lease, {domain::Logged{"x"}, domain::Succeeded{}}, sample_time() + 1s)));
  const auto failed = create_told();
  const ports::Lease other{failed.id, run_task(store().claim(failed.id, sample_time())).value().epoch};
  ASSERT_TRUE(run_task(store().record(other, {domain::Failed{"broken", ""}}, sample_time())));
  const auto canceled = create_told();
  ASSERT_TRUE(run_task(store().end(canceled.id, domain::Canceled{}, sample_time())));
  const auto aborted = create_told();
  ASSERT_TRUE(run_task(store().end(aborted.id, domain::DeadlinePassed{}, sample_time())));

  for (const auto& p : {succeeded, failed, canceled, aborted}) {
    const auto ended = find(p.id);
    EXPECT_TRUE(domain::is_terminal(ended.status));
    EXPECT_EQ(message("msg_" + p.id), message_of(ended)) << domain::to_string(ended.status);
  }
}

TEST_P(StoreWebhooks, WritesNothingForWhoeverAskedForNothing) {
  create_finished(sample_time());
  EXPECT_TRUE(listed().empty());
}

TEST_P(StoreWebhooks, WritesTheMessageOfTheEndThatCameFirstAndNoOther) {
  const auto p = create_told();
  const ports::Lease lease{p.id, run_task(store().claim(p.id, sample_time())).value().epoch};
  ASSERT_TRUE(run_task(store().record(lease, {domain::Started{}}, sample_time())).has_value());
  ASSERT_TRUE(run_task(store().end(p.id, domain::Canceled{}, sample_time() + 1s)));
  EXPECT_EQ(code_of(run_task(store().record(lease, {domain::Succeeded{}}, sample_time() + 2s))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run_task(store().end(p.id, domain::DeadlinePassed{}, sample_time() + 2s))), ErrorCode::conflict);
  EXPECT_EQ(listed().size(), 1u);
  EXPECT_EQ(message("msg_" + p.id), message_of(find(p.id)));
}

TEST_P(StoreWebhooks, WritesOneMessageThoughCancelAndSuccessRace) {
  for (int round = 0; round < 20; ++round) {
    const auto p = create_told();
    const ports::Lease lease{p.id, run_task(store().claim(p.id, sample_time())).value().epoch};
    ASSERT_TRUE(run_task(store().record(lease, {domain::Started{}}, sample_time())).has_value());
    auto canceled =
        std::async(std::launch::async, [&] { return run_task(store().end(p.id, domain::Canceled{}, sample_time())); });
    const auto recorded = run_task(store().record(lease, {domain::Succeeded{}}, sample_time()));
    EXPECT_NE(recorded.has_value(), canceled.get().has_value());
    EXPECT_EQ(message("msg_" + p.id).body, message_of(find(p.id))->body);
  }
  EXPECT_EQ(listed().size(), 20u);
}

TEST_P(StoreWebhooks, KeepsAMessageWhoseIdExists) {
  store().set_outbox([](const Prediction& p) {
    auto m = message_of(p);
    if (m) m->id = "msg_same";
    if (m) m->body = p.id;
    return m;
  });
  const auto first = create_told();
  const auto second = create_told();
  ASSERT_TRUE(run_task(store().end(first.id, domain::Canceled{}, sample_time())));
  ASSERT_TRUE(run_task(store().end(second.id, domain::Canceled{}, sample_time())));
  EXPECT_TRUE(domain::is_terminal(find(second.id).status));
  EXPECT_EQ(message("msg_same").body, first.id);
}

TEST_P(StoreWebhooks, HandsOutWhatIsDueOldestFirstUpToTheLimit) {
  const auto third = create_message(sample_time() + 2s);
  const auto first = create_message(sample_time());
  const auto second = create_message(sample_time());
  EXPECT_TRUE(due(sample_time() - 1us).empty());
  EXPECT_EQ(due(sample_time()), (std::vector{first, second}));
  EXPECT_EQ(due(sample_time() + 1h), (std::vector{first, second, third}));
  const auto one =
      run_task(store().due_webhooks({.now = sample_time(), .busy_targets = {}, .in_flight = {}, .limit = 1})).value();
  const auto whole = message(first);
  EXPECT_EQ(one, std::vector{(ports::DueWebhook{first, whole.prediction_id, whole.target, whole.body.size()})});
}

TEST_P(StoreWebhooks, PassesOverBusyTargetsAndMessagesInFlight) {
  const auto a1 = create_message(sample_time(), "a");
  const auto a2 = create_message(sample_time(), "a");
  const auto b1 = create_message(sample_time() + 1s, "b \"quoted\\");
  const auto c1 = create_message(sample_time() + 2s, "c");
  const Time now = sample_time() + 1h;
  EXPECT_EQ(due({.now = now, .busy_targets = {"a target"}, .in_flight = {}, .limit = 1}), std::vector{b1});
  EXPECT_EQ(due({.now = now, .busy_targets = {"a target", "b \"quoted\\ target"}, .in_flight = {}}), std::vector{c1});
  EXPECT_EQ(due({.now = now, .busy_targets = {"x"}, .in_flight = {a1, b1}}), (std::vector{a2, c1}));
  EXPECT_TRUE(due({.now = now, .busy_targets = {"a target"}, .in_flight = {b1, c1}}).empty());
}

TEST_P(StoreWebhooks, LogsFailedAttemptsAndWaitsForTheNext) {
  const auto id = create_message();
  const WebhookAttempt refused{sample_time() + 1s, 20ms, 500, ""};
  const WebhookAttempt broken{sample_time() + 6s, 10s, 0, "no answer in time"};
  ASSERT_TRUE(attempt(id, refused, MessageState::pending, sample_time() + 6s));
  EXPECT_TRUE(due(sample_time() + 5s).empty());
  EXPECT_EQ(due(sample_time() + 6s), std::vector{id});
  ASSERT_TRUE(attempt(id, broken, MessageState::pending, sample_time() + 5min));
  const auto whole = message(id);
  EXPECT_EQ(whole.attempts, 2);
  EXPECT_EQ(whole.due_at, sample_time() + 5min);
  EXPECT_FALSE(whole.settled_at);
  EXPECT_FALSE(whole.body.empty());
  const auto record = run_task(store().list_webhooks({})).value().at(0);
  EXPECT_EQ(record.attempts, (std::vector{refused, broken}));
  EXPECT_EQ(record.message.id, id);
  EXPECT_EQ(record.message.body, "") << "a list shows no payloads";
}

TEST_P(StoreWebhooks, DropsTheBodyOfADeliveredMessageAndKeepsItDelivered) {
  const auto id = create_message();
  ASSERT_TRUE(attempt(id, {sample_time() + 1s, 20ms, 204, ""}, MessageState::delivered));
  EXPECT_TRUE(due(sample_time() + 1h).empty());
  auto whole = message(id);
  EXPECT_EQ(whole.state, MessageState::delivered);
  EXPECT_EQ(whole.body, "");
  EXPECT_EQ(whole.settled_at, sample_time() + 1s + 20ms);
  ASSERT_TRUE(attempt(id, {sample_time() + 2s, 20ms, 500, ""}, MessageState::pending, sample_time()));
  whole = message(id);
  EXPECT_EQ(whole.state, MessageState::delivered);
  EXPECT_EQ(whole.attempts, 2);
  EXPECT_TRUE(due(sample_time() + 1h).empty());
}

TEST_P(StoreWebhooks, KeepsTheBodyOfAMessageGivenUp) {
  const auto id = create_message();
  ASSERT_TRUE(attempt(id, {sample_time(), 1s, 404, ""}, MessageState::dead));
  EXPECT_TRUE(due(sample_time() + 1h).empty());
  EXPECT_EQ(message(id).state, MessageState::dead);
  EXPECT_FALSE(message(id).body.empty());
  EXPECT_EQ(message(id).settled_at, sample_time() + 1s);
}

TEST_P(StoreWebhooks, KeepsTheBodyThoughThePredictionIsPurged) {
  const auto id = create_message();
  ASSERT_EQ(run_task(store().purge(sample_time() + 1s, 10, sample_time() + 1h)).value().size(), 1u);
  EXPECT_NE(message(id).body.find("canceled"), std::string::npos);
}

TEST_P(StoreWebhooks, ListsNewestFirstByAccountAndByWhetherTheyArrived) {
  const auto fresh = create_message(sample_time(), "a");
  const auto delivered = create_message(sample_time(), "a");
  const auto dead = create_message(sample_time(), "a");
  const auto retried = create_message(sample_time(), "b");
  ASSERT_TRUE(attempt(delivered, {}, MessageState::delivered));
  ASSERT_TRUE(attempt(dead, {}, MessageState::dead));
  ASSERT_TRUE(attempt(retried, {}, MessageState::pending, sample_time()));
  EXPECT_EQ(listed(), (std::vector{retried, dead, delivered, fresh}));
  EXPECT_EQ(listed({.account = {}, .undelivered_only = false, .limit = 2}), (std::vector{retried, dead}));
  EXPECT_EQ(listed({.account = "a"}), (std::vector{dead, delivered, fresh}));
  EXPECT_EQ(listed({.account = {}, .undelivered_only = true}), (std::vector{retried, dead}));
  EXPECT_EQ(listed({.account = "a", .undelivered_only = true}), std::vector{dead});
  EXPECT_TRUE(listed({.account = "nobody"}).empty());
}

TEST_P(StoreWebhooks, SendsAgainWhatWasDeliveredOrGivenUp) {
  const auto delivered = create_message();
  const auto dead = create_message();
  const std::string body = message(dead).body;
  ASSERT_TRUE(attempt(delivered, {}, MessageState::delivered));
  ASSERT_TRUE(attempt(dead, {}, MessageState::dead));
  const Time now = sample_time() + 10h;
  ASSERT_TRUE(run_task(store().resend_webhook(delivered, "new body", now)));
  ASSERT_TRUE(run_task(store().resend_webhook(dead, "not used", now)));
  EXPECT_EQ(due(now - 1us), std::vector<std::string>{});
  EXPECT_EQ(due(now), (std::vector{delivered, dead}));
  EXPECT_EQ(message(delivered).body, "new body");
  EXPECT_EQ(message(dead).body, body);
  EXPECT_EQ(run_task(store().due_webhooks({.now = now, .busy_targets = {}, .in_flight = {}})).value()[0].body_size, 8u);
  for (const auto& id : {delivered, dead}) {
    const auto again = message(id);
    EXPECT_EQ(again.state, MessageState::pending);
    EXPECT_EQ(again.attempts, 0);
    EXPECT_EQ(again.since, now);
    EXPECT_FALSE(again.settled_at);
  }
  EXPECT_EQ(run_task(store().list_webhooks({})).value().at(0).attempts.size(), 1u) << "the log stays";
}

TEST_P(StoreWebhooks, KnowsNothingOfMessagesThatAreNotThere) {
  EXPECT_EQ(code_of(run_task(store().find_webhook("msg_none"))), ErrorCode::not_found);
  EXPECT_EQ(code_of(attempt("msg_none", {}, MessageState::dead)), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().resend_webhook("msg_none", "", sample_time()))), ErrorCode::not_found);
}

TEST_P(StoreWebhooks, GivesUpWhatIsTooOldAndSaysSo) {
  const auto old = create_message(sample_time());
  const auto young = create_message(sample_time() + 1s);
  const Time now = sample_time() + 80h;
  auto sweep = run_task(store().sweep_webhooks(sample_time() + 1s, sample_time(), 100, now)).value();
  EXPECT_EQ(sweep.expired, 1u);
  EXPECT_EQ(sweep.forgotten, 0u);
  EXPECT_EQ(sweep.pending, 1u);
  EXPECT_EQ(message(old).state, MessageState::dead);
  EXPECT_EQ(message(old).settled_at, now);
  EXPECT_EQ(message(young).state, MessageState::pending);
  const auto record = run_task(store().list_webhooks({})).value().at(1);
  EXPECT_EQ(record.attempts, (std::vector{WebhookAttempt{now, {}, 0, std::string(ports::kWebhookExpired)}}));
}

TEST_P(StoreWebhooks, ForgetsOnlyWhatIsSettledLongEnough) {
  const auto pending = create_message();
  const auto dead = create_message();
  const auto delivered = create_message();
  const auto later = create_message();
  ASSERT_TRUE(attempt(dead, {sample_time(), {}, 404, ""}, MessageState::dead));
  ASSERT_TRUE(attempt(delivered, {sample_time(), {}, 200, ""}, MessageState::delivered));
  ASSERT_TRUE(attempt(later, {sample_time() + 1s, {}, 200, ""}, MessageState::delivered));
  const auto sweep = [&] {
    return run_task(store().sweep_webhooks(sample_time(), sample_time() + 1s, 1, sample_time() + 1h)).value();
  };
  EXPECT_EQ(sweep().forgotten, 1u);
  EXPECT_EQ(listed().size(), 3u);
  EXPECT_EQ(sweep().forgotten, 1u);
  EXPECT_EQ(sweep().forgotten, 0u);
  EXPECT_EQ(listed(), (std::vector{later, pending}));
}

TEST_P(StoreWebhooks, MakesOneSecretAnAccountAndKeepsIt) {
  EXPECT_EQ(code_of(run_task(store().webhook_secrets("a"))), ErrorCode::not_found);
  EXPECT_EQ(run_task(store().make_webhook_secret("a", Secret("first"))).value().current.reveal(), "first");
  EXPECT_EQ(run_task(store().make_webhook_secret("a", Secret("second"))).value().current.reveal(), "first");
  EXPECT_EQ(run_task(store().make_webhook_secret("b", Secret("other"))).value().current.reveal(), "other");
  const auto kept = run_task(store().webhook_secrets("a")).value();
  EXPECT_EQ(kept.current.reveal(), "first");
  EXPECT_TRUE(kept.previous.empty());
  EXPECT_FALSE(kept.previous_until);
}

TEST_P(StoreWebhooks, RotatesASecretAndKeepsTheOneBeforeForAWhile) {
  EXPECT_EQ(run_task(store().rotate_webhook_secret("a", Secret("1"), sample_time())).value().previous_until,
            std::nullopt)
      << "there was none before";
  const auto second = run_task(store().rotate_webhook_secret("a", Secret("2"), sample_time() + 24h)).value();
  EXPECT_EQ(second.current.reveal(), "2");
  EXPECT_EQ(second.previous.reveal(), "1");
  EXPECT_EQ(second.previous_until, sample_time() + 24h);
  ASSERT_TRUE(run_task(store().rotate_webhook_secret("a", Secret("3"), sample_time() + 25h)));
  const auto third = run_task(store().webhook_secrets("a")).value();
  EXPECT_EQ(third.current.reveal(), "3");
  EXPECT_EQ(third.previous.reveal(), "2");
  EXPECT_EQ(third.previous_until, sample_time() + 25h);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreWebhooks, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test
