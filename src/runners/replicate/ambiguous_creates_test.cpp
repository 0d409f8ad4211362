// SPDX-License-Identifier: Apache-2.0
// What becomes of a create whose answer was lost: looked up, sent again, or unknown, and never taken twice.
#include <atomic>

#include "tests/support/relay_fixture.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class AmbiguousCreates : public RelayFixture {
 protected:
  void expect_unknown(const Outcome& outcome) {
    ASSERT_TRUE(std::holds_alternative<ports::RelayUnknown>(outcome)) << outcome.index();
    EXPECT_THAT(std::get<ports::RelayUnknown>(outcome).error, HasSubstr("submission_unknown"));
  }
  void expect_adopted(const Outcome& outcome, const std::string& remote_id) {
    EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(outcome)) << outcome.index();
    ASSERT_EQ(sink.accepted().size(), 1U);
    EXPECT_EQ(sink.accepted()[0].remote_id, remote_id);
  }
  /// Ours, handed over before.
  void keep(const std::string& remote_id) {
    auto p = accepted(intended(), remote_id);
    ASSERT_TRUE(test::run_task(store.create_prediction(p)));
  }
};

TEST_F(AmbiguousCreates, AreFoundInTheListAndAdopted) {
  for (const auto& lost : {Up::loses_answer(), Up::loses_answer(ErrorCode::timeout), Up::takes_and_answers(502),
                           Up::takes_and_answers(500), Up::takes_and_answers(504), Up::takes_and_answers(408),
                           Up::takes_and_answers(201, R"({"id":"remo)")}) {
    test::FakeHttpClient client;
    Up service(client, clock);
    service.creates({lost});
    test::RecordingRelaySink recorded;
    ReplicateRelay one(test::test_io(), {upstream()}, client, client, store, clock, Secret("hook"), short_times());
    ports::RelayRequest request;
    request.prediction = std::make_shared<const domain::Prediction>(prediction());
    const auto outcome =
        boost::asio::co_spawn(test::test_io().next(), one.run(std::move(request), recorded), boost::asio::use_future)
            .get();
    EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(outcome));
    EXPECT_THAT(recorded.calls(),
                ElementsAre("submitting up/main", "waiting", "submitted remote1", "started", R"(output "done")"));
    EXPECT_EQ(service.posts(), 1U);
  }
}

TEST_F(AmbiguousCreates, AreUnknownWhenTheListDoesNotHaveThem) {
  up.creates({Up::loses_request()});
  start();
  expect_unknown(run(prediction()));
  EXPECT_EQ(up.posts(), 1U);
  EXPECT_EQ(http.sent("https://up.example/v1/predictions?").size(), 3U);
  EXPECT_EQ(row().ambiguous, 1U);
  EXPECT_EQ(relay->stats().unknown, 1U);
}

TEST_F(AmbiguousCreates, AreLookedForAllTheSameWhenTheyAreCanceled) {
  closing = async::StopToken();
  up.creates({Up::loses_answer()});
  cancel_under_way();
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/main", "waiting", "submitted remote1"));
}

TEST_F(AmbiguousCreates, ThatAreCanceledAreNotUnknownWhenTheListDoesNotHaveThem) {
  closing = async::StopToken();
  up.creates({Up::loses_request()});
  cancel_under_way();
  EXPECT_EQ(http.sent("https://up.example/v1/predictions?").size(), 3U);
  EXPECT_EQ(relay->stats().unknown, 0U);
}

TEST_F(AmbiguousCreates, ThatAreCanceledAreNotTakenForOneThatMayBeAnothers) {
  closing = async::StopToken();
  up.has("renamed", kInput, "acme-internal/flux-prod");
  up.creates({Up::loses_request()});
  cancel_under_way();
  EXPECT_EQ(sink.accepted().size(), 0U);
}

TEST_F(AmbiguousCreates, AreLeftToTheNextProcessWhenThisOneStops) {
  up.creates({Up::loses_answer()});
  cancel_under_way();
  EXPECT_EQ(sink.accepted().size(), 0U);
  EXPECT_EQ(http.sent("https://up.example/v1/predictions?").size(), 0U);
}

TEST_F(AmbiguousCreates, AreLookedForAroundTheTimeOfTheirIntent) {
  up.creates({Up::loses_request()});
  start();
  run(prediction());
  const auto asked = http.sent("https://up.example/v1/predictions?");
  const auto between = [&](Duration before, Duration after) {
    return "?created_after=" + percent_encode(format_time(clock.now() - before)) +
           "&created_before=" + percent_encode(format_time(clock.now() + after));
  };
  EXPECT_THAT(asked.at(0).url, HasSubstr(between(5s, 15s)));
  EXPECT_THAT(asked.at(2).url, HasSubstr(between(2min, 3min))) << "the last one";
}

TEST_F(AmbiguousCreates, AreNotTakenForAnOlderOneOrOneOfAnotherInput) {
  up.has("older", kInput, "acme/flux", 10min);
  up.has("other", R"({"prompt":"a blue fox"})");
  up.creates({Up::loses_request()});
  start();
  expect_unknown(run(prediction()));
}

TEST_F(AmbiguousCreates, AreUnknownWhenTwoMayBeTheirs) {
  up.has("theirs", kInput);
  up.creates({Up::loses_answer()});
  start();
  expect_unknown(run(prediction()));
  EXPECT_EQ(sink.accepted().size(), 0U);
}

TEST_F(AmbiguousCreates, AreNotTakenForOneThatIsOursAlready) {
  keep("ours");
  up.has("ours", kInput);
  up.creates({Up::loses_answer()});
  start();
  expect_adopted(run(prediction()), "remote1");
}

TEST_F(AmbiguousCreates, AreFoundUnderAnotherNameOfTheModelOnlyAtLast) {
  up.has("renamed", kInput, "acme-internal/flux-prod");
  up.creates({Up::loses_request()});
  start();
  expect_adopted(run(prediction()), "renamed");
  EXPECT_EQ(http.sent("https://up.example/v1/predictions?").size(), 3U);
}

TEST_F(AmbiguousCreates, PreferTheOneOfTheirModel) {
  up.has("other model", kInput, "acme/other");
  up.creates({Up::loses_answer()});
  start();
  expect_adopted(run(prediction()), "remote1");
}

TEST_F(AmbiguousCreates, AreLookedForAgainWhileTheListIsUnavailable) {
  up.creates({Up::loses_answer()});
  up.lists({Up::answers(500), Up::unreachable(), Up::answers(200, "<html>")});
  start();
  expect_adopted(run(prediction()), "remote1");
}

TEST_F(AmbiguousCreates, AreGivenUpWhenTheListIsUnavailableForLong) {
  up.creates({Up::loses_answer()});
  up.lists({[this](Up&, const ports::HttpRequest&) -> Result<ports::HttpReply> {
    clock.advance(61min);
    return ports::HttpReply{500, "", false};
  }});
  start();
  expect_unknown(run(prediction()));
}

TEST_F(AmbiguousCreates, OfAnEarlierProcessAreLookedUpAndNotSent) {
  auto p = intended();
  up.has("taken before", kInput);
  start();
  expect_adopted(run(p), "taken before");
  EXPECT_EQ(sink.accepted()[0].attempt, "attempt1");
  EXPECT_EQ(up.posts(), 0U);
  EXPECT_EQ(sink.calls().front(), "submitted taken before");
}

TEST_F(AmbiguousCreates, OfAnEarlierProcessAreUnknownWhenTheListDoesNotHaveThem) {
  start();
  expect_unknown(run(intended()));
  EXPECT_EQ(up.posts(), 0U);
}

TEST_F(AmbiguousCreates, OfAnEarlierProcessLongAgoAreWaitedForJustTheSame) {
  auto p = intended();
  up.has("taken before", kInput);
  clock.advance(3h);
  up.lists({Up::unreachable(), Up::unreachable()});
  start();
  expect_adopted(run(p), "taken before");
}

TEST_F(AmbiguousCreates, OfAnAccountThatIsNotConfiguredAnyMoreWaitUntilItIs) {
  start();
  const auto running = begin(intended("gone"), sink);
  stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(end_of(running)));
  EXPECT_EQ(http.sent().size(), 0U);
}

TEST_F(AmbiguousCreates, StayIntendedWhenTheProcessStops) {
  up.creates({Up::loses_answer()});
  auto times = short_times();
  times.look_ups = {1h};
  start({upstream()}, times);
  const auto running = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(end_of(running)));
  EXPECT_THAT(sink.calls(), ElementsAre("submitting up/main", "waiting"));
}

TEST_F(AmbiguousCreates, DoNotTakeWhatAnEqualOneUnderWayGets) {
  async::StopToken released, at_once;
  at_once.request_stop();
  http.hold("https://up.example/v1/models", released);
  up.creates({Up::accepts(), Up::loses_answer()});
  std::atomic<bool> too_early = false;
  up.lists({[&](Up&, const ports::HttpRequest&) -> Result<ports::HttpReply> {
    too_early = !released.stop_requested();
    return fail(ErrorCode::unavailable, "once more, please");
  }});
  start();
  test::RecordingRelaySink first_sink;
  first_sink.on_call = [this](const std::string& words) {
    if (words == "submitted remote1") keep("remote1");
    return std::nullopt;
  };
  const auto first = begin(prediction(), first_sink);
  wait_for([&] { return up.posts() == 1; });
  http.hold("https://up.example/v1/models", at_once);
  const auto second = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  released.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(first)));
  expect_adopted(end_of(second), "remote2");
  EXPECT_FALSE(too_early) << "the first one's id was not known";
}

TEST_F(AmbiguousCreates, ThatWereNotTakenDoNotTakeAnEqualOnes) {
  up.creates(
      {Up::answers(201, R"({"id":"r1","status":"starting","input":{"prompt":"a red fox"}})"), Up::loses_request()});
  up.has("r1", kInput);
  start();
  test::RecordingRelaySink first_sink;
  const auto first = begin(prediction(), first_sink);
  wait_for([&] { return !first_sink.accepted().empty(); });
  keep("r1");
  expect_unknown(run(prediction()));
}

TEST_F(AmbiguousCreates, IncludeAnswersAboutAnotherPrediction) {
  const auto same = Up::answers(201, R"({"id":"same","status":"starting"})");
  up.creates({same, same});
  start();
  test::RecordingRelaySink first_sink;
  (void)begin(prediction(), first_sink);
  wait_for([&] { return !first_sink.accepted().empty(); });
  expect_unknown(run(prediction(R"({"prompt":"another"})")));
  EXPECT_EQ(sink.accepted().size(), 0U);
}

TEST_F(AmbiguousCreates, StayTheirsWhenTheIdCannotBeCommitted) {
  up.creates({Up::accepts(), Up::loses_request()});
  test::RecordingRelaySink first_sink;
  first_sink.on_call = [](const std::string& words) {
    return words.starts_with("submitted") ? std::optional(ErrorCode::storage) : std::nullopt;
  };
  start();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(end_of(begin(prediction(), first_sink))));
  expect_unknown(run(prediction()));
  // The one whose it is finds it.
  auto p = intended();
  p.submission->attempt = first_sink.intents().at(0).attempt;
  test::RecordingRelaySink again;
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(begin(p, again))));
  EXPECT_EQ(again.accepted().at(0).remote_id, "remote1");
}

class IdempotentUpstream : public AmbiguousCreates {
 protected:
  static UpstreamOptions idempotent() {
    auto options = upstream();
    options.idempotent = true;
    return options;
  }
};

TEST_F(IdempotentUpstream, IsSentTheSameCreateAgainWithTheSameKey) {
  up.creates({Up::loses_answer(), Up::takes_and_answers(502), Up::loses_request()});
  start(idempotent());
  expect_adopted(run(prediction()), "remote1");
  const auto sent = posts();
  ASSERT_EQ(sent.size(), 4U);
  const auto key = header(sent[0], "Idempotency-Key");
  EXPECT_EQ(key, "hekto-" + sink.intents().at(0).attempt);
  for (const auto& request : sent) {
    EXPECT_EQ(header(request, "Idempotency-Key"), key);
    EXPECT_EQ(request.body, sent[0].body);
    EXPECT_EQ(request.url, sent[0].url);
  }
  EXPECT_EQ(up.taken(), 1U);
  EXPECT_EQ(http.sent("https://up.example/v1/predictions?").size(), 0U) << "a look-up would be less sure";
}

TEST_F(IdempotentUpstream, IsSentTheCreateOfAnEarlierProcessAgain) {
  start(idempotent());
  expect_adopted(run(intended()), "remote1");
  ASSERT_EQ(posts().size(), 1U);
  EXPECT_EQ(header(posts()[0], "Idempotency-Key"), "hekto-attempt1");
}

TEST_F(IdempotentUpstream, IsAskedAgainWhileTheFirstOneIsAtWorkThereOrItIsOverloaded) {
  up.creates({Up::loses_answer(), Up::answers(409), Up::unreachable(), Up::answers(503), Up::answers(401)});
  start(idempotent());
  expect_adopted(run(prediction()), "remote1");
  EXPECT_EQ(posts().size(), 6U);
}

TEST_F(IdempotentUpstream, IsAskedForItsListWhenItRefusesTheSecond) {
  up.creates({Up::loses_answer(), Up::answers(422)});
  start(idempotent());
  expect_adopted(run(prediction()), "remote1");
  EXPECT_EQ(posts().size(), 2U);
}

TEST_F(IdempotentUpstream, IsLeftAloneWhenThePatienceIsAtItsEnd) {
  up.creates({Up::loses_request(), [this](Up&, const ports::HttpRequest&) -> Result<ports::HttpReply> {
                clock.advance(61min);
                return ports::HttpReply{502, "", false};
              }});
  start(idempotent());
  expect_unknown(run(prediction()));
  EXPECT_EQ(posts().size(), 2U);
}

TEST_F(IdempotentUpstream, IsNotSentMoreThanItsAllowance) {
  auto options = idempotent();
  options.accounts[0].creates = 10;
  std::atomic<bool> too_early = false;
  const auto begun = clock.now();
  up.creates({Up::loses_answer(), [&](Up& self, const ports::HttpRequest& request) {
                too_early = clock.now() == begun;
                return Up::accepts()(self, request);
              }});
  start(std::move(options));
  const auto running = begin(prediction(), sink);
  wait_for([&] { return has_called("waiting"); });
  clock.advance(1min);
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(end_of(running)));
  EXPECT_FALSE(too_early);
}

}  // namespace
}  // namespace hekto::runners::replicate
