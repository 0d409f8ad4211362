// SPDX-License-Identifier: Apache-2.0
// Runs that are parked once the upstream has their prediction and nothing is new of it.
#include "base/ids.h"
#include "domain/webhook.h"
#include "tests/support/recording_waker.h"
#include "tests/support/relay_fixture.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// Runs are parked as soon as they wait.
class Parking : public RelayFixture {
 protected:
  using Parked = std::shared_ptr<ports::ParkedRun>;

  static std::string state(const std::string& status, const std::string& more = "") {
    return R"({"id":"r9","status":")" + status + R"(","output":null,"logs":"","input":{"prompt":"a red fox"})" + more +
           "}";
  }
  void shows(const std::string& body) {
    http.answer("https://up.example/v1/predictions/r9",
                [body](const ports::HttpRequest&) { return ports::HttpReply{200, body, false}; });
  }
  void start_parking(UpstreamOptions options = upstream(), Duration quiet = Duration{}) {
    auto times = short_times();
    times.quiet = quiet;
    start(std::vector{std::move(options)}, times);
  }
  std::shared_ptr<std::future<Outcome>> go_on(Parked parked, domain::Prediction p, async::StopToken with = {}) {
    ports::RelayRequest request;
    request.prediction = std::make_shared<const domain::Prediction>(std::move(p));
    request.parked = std::move(parked);
    request.stop = std::move(with);
    return std::make_shared<std::future<Outcome>>(
        boost::asio::co_spawn(test::test_io().next(), relay->run(std::move(request), sink), boost::asio::use_future));
  }
  static Parked parked(Outcome outcome) {
    auto* it = std::get_if<ports::RelayParked>(&outcome);
    EXPECT_TRUE(it != nullptr) << "it is not parked";
    return it != nullptr ? std::move(it->run) : nullptr;
  }
  /// An accepted one that the upstream shows as `status`.
  domain::Prediction open(const std::string& status = "starting") {
    shows(state(status));
    return accepted(intended(), "r9");
  }
  /// Parked, and what is shown of it was delivered.
  Parked settled(const domain::Prediction& p) {
    auto left = parked(run(p));
    left->watch(waker);
    pass_until([&] { return !waker->woken().empty(); });
    left = parked(go_on(std::move(left), p)->get());
    waker->forget();
    return left;
  }
  /// Moves the clock until it is due.
  void pass_until(const std::function<bool()>& condition) {
    wait_for([&] {
      clock.advance(100ms);
      return condition();
    });
  }

  const std::shared_ptr<test::RecordingWaker> waker = std::make_shared<test::RecordingWaker>();
};

TEST_F(Parking, WhatWaitsIsParkedAndKeepsItsPlace) {
  auto options = upstream();
  options.concurrency = 1;
  start_parking(std::move(options));
  const auto p = open();
  auto run_left = parked(run(p));
  ASSERT_TRUE(run_left);
  EXPECT_EQ(run_left->id(), p.id);
  EXPECT_EQ(run_left->epoch(), p.epoch);
  EXPECT_EQ(row().open, 1U);
  EXPECT_FALSE(relay->try_place(*p.relay, "k"));
  run_left.reset();
  EXPECT_EQ(row().open, 0U);
  EXPECT_TRUE(relay->try_place(*p.relay, "k"));
}

TEST_F(Parking, PlacesOfAModelAreKeptToo) {
  auto options = upstream();
  options.model_concurrency = {{"acme/*", 1}};
  start_parking(std::move(options));
  const auto p = open();
  auto run_left = parked(run(p));
  EXPECT_FALSE(relay->try_place(*p.relay, "k"));
  run_left.reset();
  EXPECT_TRUE(relay->try_place(*p.relay, "k"));
}

TEST_F(Parking, ItTakesSoLongOfNothingNew) {
  start_parking(upstream(), 1min);
  const auto running = begin(open(), sink);
  wait_for([&] { return row().open == 1; });
  for (int i = 0; i < 500; ++i) clock.advance(100ms);
  EXPECT_FALSE(ended(running));
  pass_until([&] { return ended(running); });
  EXPECT_TRUE(parked(end_of(running)));
}

TEST_F(Parking, NewsWakesItAndIsDeliveredOnce) {
  start_parking();
  auto p = open();
  auto run_left = settled(p);
  ASSERT_TRUE(run_left);
  run_left->watch(waker);
  shows(state("processing", R"(,"started_at":"2026-11-22T10:00:01Z")"));
  pass_until([&] { return !waker->woken().empty(); });
  EXPECT_THAT(waker->woken(), ElementsAre(p.id));

  run_left = parked(go_on(std::move(run_left), p)->get());
  EXPECT_THAT(sink.calls(), ElementsAre("started"));
  p.status = domain::Status::processing;
  p.upstream_times.started = clock.now();
  run_left->watch(waker);
  shows(R"({"id":"r9","status":"succeeded","output":"done","logs":"l","input":{}})");
  pass_until([&] { return waker->woken().size() == 2; });
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(go_on(std::move(run_left), p)->get()));
  EXPECT_THAT(sink.calls(), ElementsAre("started", "log l", R"(output "done")"));
  EXPECT_EQ(row().open, 0U);
  EXPECT_EQ(posts().size(), 0U);
}

TEST_F(Parking, WhatIsShownAgainWakesNobody) {
  start_parking();
  auto run_left = settled(open());
  run_left->watch(waker);
  const auto looks = http.sent().size();
  pass_until([&] { return http.sent().size() > looks + 5; });
  EXPECT_THAT(waker->woken(), IsEmpty());
  EXPECT_THAT(sink.calls(), IsEmpty());
}

TEST_F(Parking, OneThatRunsTooLongIsEnded) {
  auto options = upstream();
  options.time_limit = 1min;
  start_parking(std::move(options), 5s);
  const auto p = open();
  const auto running = begin(p, sink);
  pass_until([&] { return ended(running); });
  auto run_left = parked(end_of(running));
  run_left->watch(waker);
  clock.advance(30s);
  EXPECT_THAT(waker->woken(), IsEmpty());
  pass_until([&] { return !waker->woken().empty(); });
  EXPECT_GE(clock.now(), p.submission->at + 1min);
  EXPECT_TRUE(std::holds_alternative<ports::RelayTimedOut>(go_on(std::move(run_left), p)->get()));
}

TEST_F(Parking, ALostCreateOfTheSameInputDoesNotTakeAParkedOneForItsOwn) {
  start_parking();
  up.has("r9", kInput);  // as lists show it
  auto run_left = parked(run(open()));
  auto other = intended();
  other.id = new_id(clock.now());
  other.submission->attempt = "attempt2";
  EXPECT_TRUE(std::holds_alternative<ports::RelayUnknown>(run(other)));
  run_left.reset();
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(other))) << "nobody's now, as far as is known here";
}

TEST_F(Parking, OneThatIsCreatedIsParkedAfterItsAnswer) {
  up.creates({Up::answers(201, state("starting"))});
  shows(state("starting"));
  start_parking();
  auto run_left = parked(run(prediction()));
  ASSERT_TRUE(run_left);
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/main", "submitted r9"));
  EXPECT_EQ(row().open, 1U);
}

class ParkingWithWebhooks : public Parking {
 protected:
  ParkingWithWebhooks() {
    http.answer("https://up.example/v1/webhooks/default/secret", [this](const ports::HttpRequest&) {
      return ports::HttpReply{200, R"({"key":")" + secret.reveal() + R"("})", false};
    });
  }
  Result<void> tell(const std::string& attempt, const std::string& body) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
    const auto token = domain::HookSigner(Secret("hook key")).token({domain::hook_account("up", "main"), attempt});
    return test::run_task(
        relay->hooks().take({token, "msg_1", std::to_string(seconds),
                             domain::webhook_signature({secret, {}, std::nullopt}, "msg_1", clock.now(), body), body}));
  }
  const Secret secret = domain::new_webhook_secret();
};

TEST_F(ParkingWithWebhooks, OneIsFoundByTheAttemptThatItsWebhookNames) {
  auto options = upstream();
  options.webhook_url = "https://hekto.example/upstream-webhooks/";
  up.creates({Up::answers(201, state("starting"))});
  shows(state("starting"));
  start_parking(std::move(options));
  auto run_left = parked(run(prediction()));
  ASSERT_TRUE(run_left);
  run_left->watch(waker);
  const auto attempt = sink.intents().at(0).attempt;
  EXPECT_THAT(waker->woken(), IsEmpty());
  wait_for([&] { return tell(attempt, state("processing", R"(,"started_at":"2026-11-22T10:00:01Z")")).has_value(); });
  EXPECT_THAT(waker->woken(), ElementsAre(run_left->id())) << "the clock stands still: nothing was asked for";
}

}  // namespace
}  // namespace hekto::runners::replicate
