// SPDX-License-Identifier: Apache-2.0
// News of predictions that still run: start, output and logs.
#include "tests/integration/webhook_fixture.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::WebhookEvent;

constexpr const char* kHook = "https://hook.example/in";

class WebhookNews : public WebhookFixture {
 protected:
  std::vector<std::string> statuses() const {
    std::vector<std::string> found;
    for (const auto& request : http->sent()) found.push_back(status_in(request));
    return found;
  }
};

TEST_F(WebhookNews, BeginsWithTheStartAndEndsWithTheEnd) {
  start_all({{FakeRunner::Log{"a\n"}, FakeRunner::Json{"1"}, FakeRunner::Log{"b\n"}}});
  const auto id = ended(create_told(kHook, {WebhookEvent::start, WebhookEvent::output, WebhookEvent::logs,
                                            WebhookEvent::completed}))
                      .id;
  until_delivered("msg_" + id);
  const auto sent = http->sent();
  ASSERT_GE(sent.size(), 2u);
  EXPECT_EQ(status_in(sent.front()), "processing");
  EXPECT_EQ(json::parse(sent.front().body)->find("output")->is_null(), true) << "as it was at the start";
  EXPECT_EQ(status_in(sent.back()), "succeeded");
  EXPECT_NE(header(sent.front(), "webhook-id"), header(sent.back(), "webhook-id"));
}

TEST_F(WebhookNews, SendsTheStartThoughThePredictionEndedAtOnce) {
  start_all({{}});
  for (int i = 0; i < 20; ++i) {
    const auto url = kHook + ("/" + std::to_string(i)) + "/";
    const auto id = ended(create_told(url, {WebhookEvent::start, WebhookEvent::completed})).id;
    until_delivered("msg_" + id);
    const auto sent = http->sent(url);
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(status_in(sent[0]), "processing");
    EXPECT_EQ(status_in(sent[1]), "succeeded");
  }
}

TEST_F(WebhookNews, ComesOnlyForWhatWasAskedFor) {
  start_all({{FakeRunner::Log{"a\n"}, FakeRunner::Hold{}}});
  const auto quiet = create_told(kHook);
  await_runs(1);
  until("logs are there", [&] { return run(predictions->get("alice", quiet->value.id)).value()->value.logs == "a\n"; });
  ASSERT_TRUE(run(predictions->cancel("alice", quiet->value.id)));
  until_delivered("msg_" + quiet->value.id);
  EXPECT_EQ(statuses(), std::vector<std::string>{"canceled"}) << "neither start nor logs were asked for";

  const auto curious = create_told(kHook, {WebhookEvent::logs});
  until("logs are told", [&] { return http->sent().size() == 2; });
  EXPECT_EQ(logs_in(http->sent().at(1)), "a\n");
  ASSERT_TRUE(run(predictions->cancel("alice", curious->value.id)));
  EXPECT_EQ(run(store.list_webhooks({}))->size(), 1u) << "the end was not asked for";
}

TEST_F(WebhookNews, LeavesOutStatesThatALaterOneHasOvertaken) {
  FakeRunner::Script script;
  async::StopToken go_on;
  script.steps = {FakeRunner::Log{"0"}, FakeRunner::Hold{go_on}};
  for (int i = 0; i < 50; ++i) script.steps.push_back(FakeRunner::Log{"."});
  script.steps.push_back(FakeRunner::Log{"last"});
  start_all(std::move(script), {.news_interval = 1ms});
  async::StopToken released;
  http->hold(kHook, released);
  const auto created = create_told(kHook, {WebhookEvent::logs});
  until("the first is under way", [&] { return http->sent().size() == 1; });
  go_on.request_stop();
  const auto last = ended(created);
  released.request_stop();
  until("the last state is told", [&] { return logs_in(http->sent().back()) == last.logs; });
  EXPECT_EQ(http->sent().size(), 2u);
  EXPECT_EQ(logs_in(http->sent().at(0)), "0");
  EXPECT_EQ(http->peak(kHook), 1u);
}

TEST_F(WebhookNews, NeverComesAfterTheEnd) {
  FakeRunner::Script script;
  for (int i = 0; i < 30; ++i) script.steps.push_back(FakeRunner::Log{"."});
  start_all(std::move(script), {.news_interval = 1ms});
  for (int i = 0; i < 30; ++i) {
    const auto url = kHook + ("/" + std::to_string(i)) + "/";
    const auto id = ended(create_told(url, {WebhookEvent::logs, WebhookEvent::completed})).id;
    until_delivered("msg_" + id);
  }
  for (int i = 0; i < 30; ++i) {
    const auto url = kHook + ("/" + std::to_string(i)) + "/";
    bool is_over = false;
    for (const auto& request : http->sent(url)) {
      EXPECT_FALSE(is_over) << "after the end came " << status_in(request);
      is_over = status_in(request) == "succeeded";
    }
    EXPECT_TRUE(is_over);
    EXPECT_EQ(http->peak(url), 1u) << "the end waits for the news before it";
  }
}

TEST_F(WebhookNews, HoldsTheEndBackUntilWhatIsUnderWayIsOut) {
  start_all({{FakeRunner::Log{"a"}}});
  async::StopToken released;
  http->hold(kHook, released);
  const auto created = create_told(kHook, {WebhookEvent::start, WebhookEvent::completed});
  until("the start is under way", [&] { return http->sent().size() == 1; });
  const auto id = ended(created).id;
  until("the end is being told", [&] { return sender->stats().in_flight == 1; });
  // Later in every queue than the message of the end, so when it is out, the other would be too.
  const auto other = make_message("https://good.example/");
  sender->wake();
  until_delivered(other);
  EXPECT_EQ(http->sent(kHook).size(), 1u);
  released.request_stop();
  until_delivered("msg_" + id);
  EXPECT_EQ(status_in(http->sent(kHook).at(1)), "succeeded");
  EXPECT_EQ(http->peak(kHook), 1u);
}

TEST_F(WebhookNews, IsNotSentAgainWhenItFails) {
  start_all({{FakeRunner::Hold{}}});
  http->answer(kHook, std::vector{500});
  create_told(kHook, {WebhookEvent::start});
  until("it failed", [&] { return sender->stats().news.failed == 1; });
  advance(1h);
  const auto other = make_message("https://good.example/");
  sender->wake();
  until_delivered(other);
  EXPECT_EQ(http->sent(kHook).size(), 1u);
}

TEST_F(WebhookNews, IsSignedLikeAnyOtherMessage) {
  start_all({{FakeRunner::Hold{}}});
  create_told(kHook, {WebhookEvent::start});
  until("it is told", [&] { return sender->stats().news.sent == 1; });
  const auto sent = http->sent().at(0);
  EXPECT_EQ(header(sent, "webhook-signature"),
            domain::webhook_signature(*run(store.webhook_secrets("alice")), header(sent, "webhook-id"), clock.now(),
                                      sent.body));
}

}  // namespace
}  // namespace hekto::test
