// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/upstream_webhooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/ids.h"
#include "domain/webhook.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using test::run_task;

constexpr const char* kSecretUrl = "https://api.replicate.com/v1/webhooks/default/secret";
constexpr const char* kOurs = "https://hekto.example/upstream-webhooks/";

UpstreamOptions options(const std::string& webhook_url) {
  UpstreamOptions upstream;
  upstream.name = "replicate";
  upstream.accounts.push_back({"main", Secret("r8_token")});
  upstream.webhook_url = webhook_url;
  return upstream;
}

struct Webhooks : testing::Test {
  explicit Webhooks(const std::string& webhook_url = kOurs) : pool({options(webhook_url)}, clock) {
    answer_secret(secret);
  }

  void answer_secret(const Secret& key) {
    http.answer(kSecretUrl, {ports::HttpReply{200, R"({"key":")" + key.reveal() + R"("})"}});
  }
  /// Fetches the secrets as the process does when it starts.
  void start() { run_task(webhooks.fetch_secrets({})); }
  ports::HookCall call(const std::string& body, const Secret& signer) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
    return {token, "msg_1", std::to_string(seconds),
            domain::webhook_signature({signer, {}, std::nullopt}, "msg_1", clock.now(), body), body};
  }
  Result<void> take(ports::HookCall call) { return run_task(webhooks.take(std::move(call))); }

  test::ManualClock clock;
  test::FakeHttpClient http;
  AccountPool pool;
  UpstreamClient client{http, pool};
  const AccountPtr account = pool.accounts().front();
  Follower follower{pool, account, client, clock};
  UpstreamWebhooks webhooks{pool, client, clock, Secret("hook key"),
                            [this](const AccountPtr&) -> Follower& { return follower; }};
  const Secret secret = domain::new_webhook_secret();
  const std::string attempt = new_id(clock.now());
  const std::string token =
      domain::HookSigner(Secret("hook key")).token({domain::hook_account("replicate", "main"), attempt});
  const std::string running = R"({"id":"r1","status":"processing","output":null,"logs":"","input":{}})";
  const std::string ended = R"({"id":"r1","status":"succeeded","output":"x","logs":"","input":{}})";
};

TEST_F(Webhooks, AreAskedForOnceTheSecretIsKnown) {
  EXPECT_EQ(webhooks.url(account, attempt), "");
  start();
  EXPECT_EQ(webhooks.url(account, attempt), kOurs + token);
  EXPECT_TRUE(webhooks.knows(token));
  EXPECT_EQ(http.sent(kSecretUrl).size(), 1u);
}

struct NoWebhooks : Webhooks {
  NoWebhooks() : Webhooks("") {}
};

TEST_F(NoWebhooks, AreNeitherAskedForNorTaken) {
  start();
  EXPECT_EQ(webhooks.url(account, attempt), "");
  EXPECT_EQ(webhooks.enter(attempt), nullptr);
  EXPECT_EQ(test::code_of(take(call(ended, secret))), ErrorCode::not_found);
  EXPECT_EQ(http.sent().size(), 0u);
}

TEST_F(Webhooks, TellWhoeverFollows) {
  start();
  const auto followed = follower.follow("r1", false, "acme/model", clock.now(), true, true);
  ASSERT_TRUE(take(call(ended, secret)));
  const auto news = run_task(follower.next(followed, {}));
  EXPECT_EQ(std::get<Snapshot>(news.value()).state, domain::Status::succeeded);
  follower.leave(followed, std::nullopt);
}

TEST_F(Webhooks, OfPredictionsThatNobodyFollowsAreIgnored) {
  start();
  EXPECT_TRUE(take(call(ended, secret)));
  EXPECT_EQ(webhooks.hook_stats().verified, 1u);
}

TEST_F(Webhooks, ThatComeBeforeTheAnswerToTheCreateAreKept) {
  start();
  const auto hook = webhooks.enter(attempt);
  EXPECT_FALSE(hook->told());
  ASSERT_TRUE(take(call(ended, secret)));
  ASSERT_TRUE(take(call(running, secret)));  // late
  ASSERT_TRUE(hook->told());
  EXPECT_EQ(hook->told()->id, "r1");
  EXPECT_EQ(hook->followed()->state, domain::Status::succeeded);
  EXPECT_FALSE(hook->told()) << "from now on the follower is told";
}

TEST_F(Webhooks, WakeWhoeverLooksForALostCreate) {
  start();
  const auto hook = webhooks.enter(attempt);
  ASSERT_TRUE(take(call(running, secret)));
  EXPECT_TRUE(run_task(hook->wait(1h, {}))) << "does not wait";
  async::StopToken stopped;
  stopped.request_stop();
  EXPECT_FALSE(run_task(hook->wait(1h, stopped)));
}

TEST_F(Webhooks, GiveUpTheAnswerToACreateThatDoesNotCome) {
  start();
  const auto hook = webhooks.enter(attempt);
  EXPECT_FALSE(hook->cut().stop_requested());
  // run_task ends with the last task of its context, which is the one that cuts.
  ASSERT_TRUE(take(call(running, secret)));
  EXPECT_TRUE(hook->cut().stop_requested());
}

TEST_F(Webhooks, SignedByNobodyAreRefused) {
  start();
  auto unsigned_call = call(ended, secret);
  unsigned_call.signature.clear();
  EXPECT_EQ(test::code_of(take(unsigned_call)), ErrorCode::unauthenticated);
  EXPECT_EQ(test::code_of(take(call(ended, domain::new_webhook_secret()))), ErrorCode::unauthenticated);
  auto other = call(ended, secret);
  other.token.back() = other.token.back() == '0' ? '1' : '0';
  EXPECT_EQ(test::code_of(take(other)), ErrorCode::not_found);
  EXPECT_EQ(test::code_of(take(call("[]", secret))), ErrorCode::invalid_input);
  EXPECT_EQ(webhooks.hook_stats().refused, 2u);
}

TEST_F(Webhooks, WithANewSecretAreTakenOnceThatWasFetched) {
  start();
  const auto rotated = domain::new_webhook_secret();
  answer_secret(rotated);
  EXPECT_EQ(test::code_of(take(call(ended, rotated))), ErrorCode::unauthenticated) << "asked a moment ago";
  EXPECT_EQ(http.sent(kSecretUrl).size(), 1u);
  clock.advance(UpstreamWebhooks::kSecretAgain);
  EXPECT_TRUE(take(call(ended, rotated)));
  EXPECT_EQ(http.sent(kSecretUrl).size(), 2u);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(take(call(ended, domain::new_webhook_secret())));
  EXPECT_EQ(http.sent(kSecretUrl).size(), 2u) << "forgeries make no requests";
}

TEST_F(Webhooks, ThatCannotBeCheckedYetAreAskedForAgain) {
  http.answer(kSecretUrl, {500});
  EXPECT_EQ(test::code_of(take(call(ended, secret))), ErrorCode::unavailable);
}

TEST_F(Webhooks, TheirUrlsAreTakenOutOfWhatTheUpstreamSays) {
  const Scrubber scrubber(options(kOurs));
  const auto url = kOurs + token;
  EXPECT_EQ(scrubber.clean("calls " + url + "."), "calls ***.");
  EXPECT_EQ(scrubber.clean_output(R"(https:\/\/hekto.example\/upstream-webhooks\/)" + token), "***");
  EXPECT_EQ(scrubber.clean("https://hekto.example/delivery/x"), "https://hekto.example/delivery/x");
  // While more may come, none of it is let out.
  for (std::size_t length = 1; length < url.size(); ++length) {
    EXPECT_EQ(scrubber.undecided("calls " + url.substr(0, length)), length) << length;
  }
  EXPECT_EQ(scrubber.undecided("calls " + url + " "), 0u);
}

}  // namespace
}  // namespace hekto::runners::replicate
