// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::Submission;

class StoreSubmissions : public StoreContract {
 protected:
  domain::Prediction relayed_prediction() {
    auto p = sample_prediction();
    p.relay = domain::RelayTarget{domain::RelayTarget::Kind::model, "owner/name"};
    return p;
  }
  /// Created, claimed, and intended as attempt "a".
  domain::Prediction intended(ports::Lease& lease) {
    const auto p = relayed_prediction();
    EXPECT_TRUE(run_task(store().create_prediction(p)));
    lease = {p.id, run_task(store().claim(p.id, sample_time())).value().epoch};
    return run_task(store().record(lease, {domain::Submitting{"up", "main", "a"}}, sample_time())).value();
  }
};

TEST_P(StoreSubmissions, KeepEveryFieldFromTheCreateOn) {
  auto p = relayed_prediction();
  p.epoch = 1;
  p.attempts = 1;
  p.submission = Submission{Submission::State::accepted, "up", "main", "a", sample_time(), "r1", true, false};
  p.upstream_times = {sample_time() - 3s, sample_time() - 2s, {}};
  ASSERT_TRUE(run_task(store().create_prediction(p)));
  EXPECT_EQ(find(p.id), p);
}

TEST_P(StoreSubmissions, KeepTheTimesOfTheUpstream) {
  ports::Lease lease;
  const auto p = intended(lease);
  const auto at = sample_time() - 1h;
  const std::vector<domain::Event> events = {domain::Submitted{"a", "r1", "", "", {}, at}, domain::Started{at + 1s},
                                             domain::Succeeded{"", at + 2s}};
  ASSERT_TRUE(run_task(store().record(lease, events, sample_time())));
  EXPECT_EQ(find(p.id).upstream_times, (domain::UpstreamTimes{at, at + 1s, at + 2s}));
  EXPECT_EQ(find(p.id).completed_at, sample_time());
}

TEST_P(StoreSubmissions, AreWrittenWithoutAnyOtherProgress) {
  ports::Lease lease;
  const auto p = intended(lease);
  EXPECT_EQ(p.submission->state, Submission::State::intended);
  EXPECT_EQ(find(p.id), p);
  const domain::Submitted accepted{"a", "r1", "owner/name", "hidden", domain::StreamKind::text};
  const auto after = run_task(store().record(lease, {accepted}, sample_time())).value();
  EXPECT_EQ(after.version, "hidden");
  EXPECT_EQ(find(p.id), after);
  EXPECT_EQ(run_task(store().find_by_remote_id("up", "r1")).value(), p.id);
  EXPECT_EQ(code_of(run_task(store().find_by_remote_id("other", "r1"))), ErrorCode::not_found);
}

TEST_P(StoreSubmissions, MayBeDroppedAndMadeAgain) {
  ports::Lease lease;
  const auto p = intended(lease);
  ASSERT_TRUE(run_task(store().record(lease, {domain::SubmissionDropped{"a"}}, sample_time())));
  EXPECT_FALSE(find(p.id).submission);
  ASSERT_TRUE(run_task(store().record(lease, {domain::Submitting{"up", "other", "b"}}, sample_time())));
  EXPECT_EQ(find(p.id).submission->account, "other");
}

TEST_P(StoreSubmissions, OweTheirUpstreamACancelUntilItIsTold) {
  ports::Lease lease;
  const auto p = intended(lease);
  ASSERT_TRUE(run_task(store().end(p.id, domain::Canceled{}, sample_time())));
  EXPECT_EQ(run_task(store().owed_cancels(10)).value(), std::vector<std::string>{p.id});
  EXPECT_EQ(code_of(run_task(store().note_submission(p.id, domain::Submitted{"b", "r1", "", "", {}}, sample_time()))),
            ErrorCode::conflict);
  ASSERT_TRUE(run_task(store().note_submission(p.id, domain::Submitted{"a", "r1", "", "", {}}, sample_time())));
  EXPECT_EQ(find(p.id).submission->remote_id, "r1");
  EXPECT_EQ(find(p.id).status, domain::Status::canceled);
  ASSERT_TRUE(run_task(store().note_submission(p.id, domain::CancelRelayed{"a"}, sample_time())));
  EXPECT_TRUE(run_task(store().owed_cancels(10)).value().empty());
  EXPECT_EQ(code_of(run_task(store().note_submission(p.id, domain::Started{}, sample_time()))),
            ErrorCode::invalid_input);
}

TEST_P(StoreSubmissions, OweNothingWhenTheUpstreamItselfEndedThem) {
  ports::Lease lease;
  intended(lease);
  ASSERT_TRUE(run_task(store().record(
      lease, {domain::Submitted{"a", "r1", "", "", {}}, domain::Canceled{nullptr, true}}, sample_time())));
  EXPECT_TRUE(run_task(store().owed_cancels(10)).value().empty());
}

TEST_P(StoreSubmissions, ThatAreUnknownAreListedUntilTheyAreSettled) {
  ports::Lease lease;
  const auto p = intended(lease);
  ASSERT_TRUE(run_task(store().record(lease, {domain::SubmissionUnknown{"a", "lost"}}, sample_time())));
  auto unknown = run_task(store().unknown_submissions(10)).value();
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0], find(p.id));
  EXPECT_EQ(unknown[0].status, domain::Status::failed);
  ASSERT_TRUE(run_task(store().note_submission(p.id, domain::SubmissionSettled{"a"}, sample_time())));
  EXPECT_TRUE(run_task(store().unknown_submissions(10)).value().empty());
}

TEST_P(StoreSubmissions, ADiscardedPredictionIsGoneWithItsMark) {
  const domain::CreateMark mark{"scope", "request", {}, sample_time() + 1h};
  auto p = relayed_prediction();
  p.input = std::string(20'000, 'i');
  p.epoch = 1;
  ASSERT_TRUE(run_task(store().create_prediction_once(p, mark)));
  EXPECT_EQ(code_of(run_task(store().discard({p.id, 0}, "scope"))), ErrorCode::conflict);
  ASSERT_TRUE(run_task(store().discard({p.id, 1}, "scope")));
  EXPECT_EQ(code_of(run_task(store().find_prediction(p.id))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().discard({p.id, 1}, "scope"))), ErrorCode::not_found);
  auto again = relayed_prediction();
  const auto made = run_task(store().create_prediction_once(again, mark)).value();
  EXPECT_EQ(made.outcome, ports::Creation::Outcome::created);
  EXPECT_EQ(find(again.id), again);
}

TEST_P(StoreSubmissions, AnEndedPredictionIsNotDiscarded) {
  ports::Lease lease;
  const auto p = intended(lease);
  const auto ended = run_task(store().end(p.id, domain::Canceled{}, sample_time())).value();
  EXPECT_EQ(code_of(run_task(store().discard({p.id, ended.epoch}, ""))), ErrorCode::conflict);
}

TEST_P(StoreSubmissions, AQueueIsToldWhichOfItsWorkIsRelayed) {
  const auto here = create();
  const auto there = relayed_prediction();
  ASSERT_TRUE(run_task(store().create_prediction(there)));
  const auto unfinished = run_task(store().unfinished("", 10)).value();
  ASSERT_EQ(unfinished.size(), 2u);
  EXPECT_FALSE(unfinished[0].relayed);
  EXPECT_TRUE(unfinished[1].relayed);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreSubmissions, testing::ValuesIn(store_kinds()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace hekto::test
