// SPDX-License-Identifier: Apache-2.0
// What is neither handing over nor ambiguous: resuming, canceling, counting.
#include "tests/support/relay_fixture.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using domain::RelayTarget;
using domain::Submission;
using test::code_of;
using testing::ElementsAre;

class Relayed : public RelayFixture {
 protected:
  Result<void> cancel(domain::Prediction p) {
    return test::run_task(relay->cancel(std::make_shared<const domain::Prediction>(std::move(p))));
  }
  std::vector<std::string> cancels() const {
    std::vector<std::string> urls;
    for (const auto& request : posts()) urls.push_back(request.url);
    return urls;
  }
};

TEST_F(Relayed, AnAcceptedOneIsResumedByItsIdAndNotSentAgain) {
  up.has("r9", kInput);
  start();
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(accepted(intended(), "r9"))));
  EXPECT_THAT(sink.calls(), ElementsAre("started", R"(output "done")"));
  EXPECT_EQ(posts().size(), 0U);
}

TEST_F(Relayed, APlaceIsHeldUntilTheEnd) {
  up.creates({Up::answers(201, R"({"id":"r1","status":"starting"})")});
  auto options = upstream();
  options.concurrency = 1;
  start(std::move(options));
  const auto running = begin(prediction(), sink);
  wait_for([&] { return row().open == 1; });
  EXPECT_FALSE(relay->try_place(*prediction().relay, "k"));
  stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(end_of(running)));
  EXPECT_EQ(row().open, 0U);
  EXPECT_TRUE(relay->try_place(*prediction().relay, "k"));
}

TEST_F(Relayed, ACancelIsToldToTheUpstream) {
  up.has("r9", kInput);
  start();
  EXPECT_TRUE(cancel(accepted(intended(), "r9")));
  EXPECT_THAT(cancels(), ElementsAre("https://up.example/v1/predictions/r9/cancel"));
  auto training = accepted(intended(), "r9");
  training.training = domain::TrainingTarget{"me/tuned", ""};
  EXPECT_TRUE(cancel(training));
  EXPECT_EQ(cancels().back(), "https://up.example/v1/trainings/r9/cancel");
}

TEST_F(Relayed, ACancelOfWhatTheUpstreamDoesNotKnowIsDone) {
  start();
  EXPECT_TRUE(cancel(accepted(intended(), "gone")));
  EXPECT_TRUE(cancel(prediction())) << "it was never submitted";
}

TEST_F(Relayed, ACancelThatTheUpstreamDoesNotTakeIsToBeTriedAgain) {
  start();
  for (const int status : {401, 403, 429, 500, 503}) {
    http.answer("https://up.example/v1/predictions/r9/cancel",
                [status](const ports::HttpRequest&) { return ports::HttpReply{status, "", false}; });
    EXPECT_EQ(code_of(cancel(accepted(intended(), "r9"))), ErrorCode::upstream) << status;
    clock.advance(1min);
  }
  http.answer("https://up.example/v1/predictions/r9/cancel", [](const ports::HttpRequest&) -> Result<ports::HttpReply> {
    return fail(ErrorCode::timeout, "silence");
  });
  EXPECT_EQ(code_of(cancel(accepted(intended(), "r9"))), ErrorCode::timeout);
  auto elsewhere = accepted(intended("gone"), "r9");
  EXPECT_EQ(code_of(cancel(elsewhere)), ErrorCode::unavailable) << "the account may come back";
}

TEST_F(Relayed, ACancelInDoubtIsLookedUpFirst) {
  up.has("r9", kInput);
  start();
  EXPECT_TRUE(cancel(intended()));
  EXPECT_THAT(cancels(), ElementsAre("https://up.example/v1/predictions/r9/cancel"));
  EXPECT_TRUE(cancel(intended("main", R"({"prompt":"never sent"})")));
  EXPECT_EQ(cancels().size(), 1U);
}

TEST_F(Relayed, ACancelInDoubtStopsNothingThatMayBeAnothers) {
  up.has("r8", kInput, "acme/other");
  start();
  EXPECT_TRUE(cancel(intended()));
  up.has("r9", kInput);
  up.has("r10", kInput);
  EXPECT_TRUE(cancel(intended()));
  EXPECT_EQ(cancels().size(), 0U);
}

TEST_F(Relayed, ACancelInDoubtFindsItThoughItsFilesHaveAnotherAddressThere) {
  up.has("r9", R"({"image":"https://up.example/v1/files/abc","n":1})");
  start();
  EXPECT_TRUE(cancel(intended("main", R"({"image":"http://127.0.0.1:8080/v1/files/xyz","n":1})")));
  EXPECT_EQ(cancels().size(), 1U);
}

TEST_F(Relayed, ACancelInDoubtWithoutTheInputIsGivenUp) {
  up.has("r9", "{}");
  start();
  auto p = intended("main", "{}");
  p.data_removed = true;
  EXPECT_TRUE(cancel(p));
  EXPECT_EQ(http.sent().size(), 0U);
}

TEST_F(Relayed, ACancelInDoubtIsToBeTriedAgainWhenItCannotBeLookedUp) {
  up.lists({Up::unreachable()});
  start();
  EXPECT_TRUE(code_of(cancel(intended())).has_value());
}

TEST_F(Relayed, UnknownSubmissionsOfEarlierProcessesAreCountedToo) {
  auto p = intended();
  ASSERT_TRUE(test::run_task(store.create_prediction(p)));
  ASSERT_TRUE(test::run_task(store.end(p.id, domain::SubmissionUnknown{"attempt1", "lost"}, clock.now())));
  start();
  wait_for([&] { return relay->stats().unsettled == 1; });
  EXPECT_EQ(relay->stats().unknown, 0U) << "none of this process";
}

TEST_F(Relayed, TargetsOfNoUpstreamAreNotServed) {
  auto options = upstream();
  options.models = {"acme/*"};
  start(std::move(options));
  EXPECT_TRUE(relay->serves({RelayTarget::Kind::model, "acme/flux"}));
  EXPECT_FALSE(relay->serves({RelayTarget::Kind::model, "other/flux"}));
  EXPECT_FALSE(relay->try_place({RelayTarget::Kind::model, "other/flux"}, "k"));
}

}  // namespace
}  // namespace hekto::runners::replicate
