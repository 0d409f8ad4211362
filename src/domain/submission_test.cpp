// SPDX-License-Identifier: Apache-2.0
#include "domain/submission.h"

#include <gtest/gtest.h>

#include "domain/prediction.h"

namespace hekto::domain {
namespace {

const Time kT0 = from_micros(1'795'342'530'000'000);

Prediction relayed() {
  Prediction p;
  p.relay = RelayTarget{RelayTarget::Kind::model, "owner/name"};
  p.model = "owner/name";
  return p;
}

Prediction after(Prediction p, const std::vector<Event>& events) {
  for (const auto& event : events) {
    auto next = apply(std::move(p), event, kT0);
    EXPECT_TRUE(next) << next.error().message;
    p = std::move(*next);
  }
  return p;
}

const Submitting kIntent{"up", "main", "a"};
const Submitted kAccepted{"a", "r1", "", "", {}};

TEST(RelayTargets, AreReadAsTheyAreWritten) {
  for (const auto kind : {RelayTarget::Kind::model, RelayTarget::Kind::version, RelayTarget::Kind::deployment,
                          RelayTarget::Kind::training, RelayTarget::Kind::trained}) {
    const RelayTarget target{kind, "owner/name:abc"};
    EXPECT_EQ(parse_relay_target(to_text(target)), target);
  }
  EXPECT_FALSE(parse_relay_target("nothing:owner/name"));
  EXPECT_FALSE(parse_relay_target("model"));
}

TEST(RelayTargets, OfAVersionAreToldByItsForm) {
  EXPECT_EQ(target_of_version("owner/name").kind, RelayTarget::Kind::model);
  EXPECT_EQ(target_of_version("owner/name:abc").kind, RelayTarget::Kind::version);
  EXPECT_EQ(target_of_version("abc").kind, RelayTarget::Kind::version);
  EXPECT_EQ(model_of(target_of_version("owner/name:abc")), "owner/name");
  EXPECT_EQ(model_of(target_of_version("abc")), "");
  EXPECT_EQ(model_of({RelayTarget::Kind::deployment, "owner/name"}), "");
}

TEST(Submissions, AreForRelayedPredictionsAlone) {
  EXPECT_FALSE(apply(Prediction{}, kIntent, kT0));
  EXPECT_TRUE(apply(relayed(), kIntent, kT0));
}

TEST(Submissions, AreOneAtATime) {
  const auto p = after(relayed(), {kIntent});
  EXPECT_FALSE(apply(p, Submitting{"up", "other", "b"}, kT0));
  EXPECT_FALSE(apply(after(p, {kAccepted}), Submitting{"up", "other", "b"}, kT0));
  EXPECT_TRUE(apply(after(p, {SubmissionDropped{"a"}}), Submitting{"up", "other", "b"}, kT0));
}

TEST(Submissions, OnlyKnowTheirOwnAttempt) {
  const auto p = after(relayed(), {kIntent});
  EXPECT_FALSE(apply(p, Submitted{"b", "r1", "", "", {}}, kT0));
  EXPECT_FALSE(apply(p, SubmissionDropped{"b"}, kT0));
  EXPECT_FALSE(apply(p, SubmissionUnknown{"b", "lost"}, kT0));
}

TEST(Submissions, AreNeverDroppedOnceTheyAreAccepted) {
  const auto p = after(relayed(), {kIntent, kAccepted});
  EXPECT_FALSE(apply(p, SubmissionDropped{"a"}, kT0));
  EXPECT_FALSE(apply(p, SubmissionUnknown{"a", "lost"}, kT0));
  EXPECT_FALSE(apply(p, Submitted{"a", "r2", "", "", {}}, kT0));
}

TEST(Submissions, TakeModelVersionAndStreamFromTheUpstream) {
  const auto p = after(relayed(), {kIntent, Submitted{"a", "r1", "other/model", "hidden", StreamKind::text}});
  EXPECT_EQ(p.model, "other/model");
  EXPECT_EQ(p.version, "hidden");
  EXPECT_EQ(p.stream, StreamKind::text);
  EXPECT_EQ(after(relayed(), {kIntent, kAccepted}).model, "owner/name");
}

TEST(Submissions, KeepTheIdThatCameAfterTheEnd) {
  const auto p = after(relayed(), {kIntent, Canceled{}, Submitted{"a", "r1", "other/model", "", {}}});
  EXPECT_EQ(p.status, Status::canceled);
  EXPECT_EQ(p.submission->remote_id, "r1");
  EXPECT_TRUE(p.submission->cancel_owed);
  EXPECT_EQ(p.model, "owner/name");
}

TEST(Submissions, OweACancelWhenTheEndWasNotTheUpstreams) {
  const auto p = after(relayed(), {kIntent, kAccepted});
  EXPECT_TRUE(after(p, {Canceled{}}).submission->cancel_owed);
  EXPECT_TRUE(after(p, {DeadlinePassed{}}).submission->cancel_owed);
  EXPECT_TRUE(after(p, {Failed{"too long", "", true}}).submission->cancel_owed);
  EXPECT_FALSE(after(p, {Failed{"out of memory", ""}}).submission->cancel_owed);
  EXPECT_FALSE(after(p, {Canceled{nullptr, true}}).submission->cancel_owed);
  EXPECT_FALSE(after(p, {Canceled{}, CancelRelayed{"a"}}).submission->cancel_owed);
  EXPECT_FALSE(apply(p, CancelRelayed{"a"}, kT0));
  EXPECT_FALSE(after(relayed(), {Canceled{}}).submission);
}

TEST(Submissions, EndAsTheUpstreamSaysAndAreAbortedOnlyBeforeTheyBegan) {
  const Canceled aborted{nullptr, true, kT0, true};
  EXPECT_EQ(after(relayed(), {kIntent, kAccepted, aborted}).status, Status::aborted);
  EXPECT_EQ(after(relayed(), {kIntent, kAccepted, Started{}, aborted}).status, Status::canceled);
  const auto canceled = after(relayed(), {kIntent, kAccepted, Canceled{nullptr, true, kT0, false}});
  EXPECT_EQ(canceled.status, Status::canceled);
  EXPECT_FALSE(canceled.submission->cancel_owed) << "it knows";
}

TEST(Submissions, ThatAreUnknownFailAndCanBeSettled) {
  const auto p = after(relayed(), {kIntent, SubmissionUnknown{"a", "lost"}});
  EXPECT_EQ(p.status, Status::failed);
  EXPECT_EQ(p.error, "lost");
  EXPECT_EQ(p.submission->state, Submission::State::unknown);
  EXPECT_TRUE(after(p, {SubmissionSettled{"a"}}).submission->settled);
}

TEST(Submissions, BeingTakenUpAgainIsNoFurtherAttempt) {
  const auto p = after(relayed(), {Claimed{}, Claimed{}, Claimed{}});
  EXPECT_EQ(p.attempts, 1);
  EXPECT_EQ(p.epoch, 3);
}

TEST(Submissions, MakeALaterState) {
  const auto p = relayed();
  const auto intended = after(p, {kIntent});
  const auto accepted = after(intended, {kAccepted});
  EXPECT_TRUE(is_later(intended, p));
  EXPECT_TRUE(is_later(accepted, intended));
  const auto canceled = after(accepted, {Canceled{}});
  EXPECT_TRUE(is_later(after(canceled, {CancelRelayed{"a"}}), canceled));
}

}  // namespace
}  // namespace hekto::domain
