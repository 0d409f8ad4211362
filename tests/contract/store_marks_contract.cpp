// SPDX-License-Identifier: Apache-2.0
// Creates that are recognised when they come again.
#include <future>
#include <set>

#include "base/hash.h"
#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::CreateMark;
using ports::Creation;
using Outcome = Creation::Outcome;

CreateMark by_key(const std::string& key, const std::string& body = "{}", Time expires_at = sample_time() + 24h,
                  const std::string& account = sample_account()) {
  return domain::mark_by_key({account}, key, sha256(body), expires_at).value();
}
CreateMark by_retry(int count, const std::string& body = "{}", Time expires_at = sample_time() + 2min) {
  return domain::mark_by_retry({sample_account()}, count, sha256(body), expires_at);
}

class StoreMarks : public StoreContract {
 protected:
  Creation create_once(const CreateMark& mark, Time at = sample_time()) {
    return run_task(store().create_prediction_once(sample_prediction(at), mark)).value();
  }
  std::size_t count(const std::string& account = sample_account()) {
    ports::PredictionQuery query;
    query.account = account;
    return run_task(store().list_predictions(query)).value().items.size();
  }
};

TEST_P(StoreMarks, CreateWhatIsNewAndReturnItAsItWasGiven) {
  const auto p = sample_prediction();
  const auto made = run_task(store().create_prediction_once(p, by_key("k"))).value();
  EXPECT_EQ(made.outcome, Outcome::created);
  EXPECT_EQ(made.prediction, p);
  EXPECT_EQ(find(p.id), p);
}

TEST_P(StoreMarks, CreateAKeyOnceAndReturnItsPresentStateAfterwards) {
  const auto first = create_once(by_key("k")).prediction;
  const auto ended = run_task(store().end(first.id, domain::Canceled{}, sample_time() + 1s)).value();
  const auto again = create_once(by_key("k"), sample_time() + 24h - 1us);
  EXPECT_EQ(again.outcome, Outcome::repeated);
  EXPECT_EQ(again.prediction, ended);
  EXPECT_EQ(create_once(by_key("other")).outcome, Outcome::created);
  EXPECT_EQ(count(), 2u);
}

TEST_P(StoreMarks, ReturnAPurgedPredictionToo) {
  const auto first = create_once(by_key("k")).prediction;
  ASSERT_TRUE(run_task(store().end(first.id, domain::Canceled{}, sample_time() + 1s)).has_value());
  ASSERT_EQ(run_task(store().purge(sample_time() + 1h, 10, sample_time() + 2h)).value().size(), 1u);
  const auto again = create_once(by_key("k"), sample_time() + 3h);
  EXPECT_EQ(again.outcome, Outcome::repeated);
  EXPECT_TRUE(again.prediction.data_removed);
}

TEST_P(StoreMarks, CreateNothingForAKeyWithAnotherRequest) {
  create_once(by_key("k", "{}"));
  const auto other = create_once(by_key("k", "{\"a\":1}"));
  EXPECT_EQ(other.outcome, Outcome::differs);
  EXPECT_EQ(count(), 1u);
  EXPECT_EQ(create_once(by_key("k", "{}")).outcome, Outcome::repeated) << "the first one stands";
}

TEST_P(StoreMarks, CreateAnewOnceTheMarkHasExpiredSweptOrNot) {
  const auto first = create_once(by_key("k"));
  const auto second = create_once(by_key("k", "{\"a\":1}", sample_time() + 48h), sample_time() + 24h);
  EXPECT_EQ(second.outcome, Outcome::created);
  EXPECT_NE(second.prediction.id, first.prediction.id);
  const auto again = create_once(by_key("k", "{\"a\":1}"), sample_time() + 25h);
  EXPECT_EQ(again.outcome, Outcome::repeated);
  EXPECT_EQ(again.prediction.id, second.prediction.id);
}

TEST_P(StoreMarks, OfTwoAccountsAreTwo) {
  EXPECT_EQ(create_once(by_key("k")).outcome, Outcome::created);
  const auto foreign = by_key("k", "{}", sample_time() + 24h, "bob");
  const auto p = sample_prediction(sample_time(), "bob");
  EXPECT_EQ(run_task(store().create_prediction_once(p, foreign)).value().outcome, Outcome::created);
  EXPECT_EQ(count("bob"), 1u);
}

TEST_P(StoreMarks, AreNotKeptWhenThePredictionIsRefused) {
  const auto taken = create();
  EXPECT_EQ(code_of(run_task(store().create_prediction_once(taken, by_key("k")))), ErrorCode::conflict);
  EXPECT_EQ(create_once(by_key("k")).outcome, Outcome::created);
}

TEST_P(StoreMarks, AreNotKeptWhenATrainingHasNoDestination) {
  auto training = sample_prediction();
  training.training = domain::TrainingTarget{"acme/nowhere", std::string(64, 'b')};
  EXPECT_EQ(code_of(run_task(store().create_prediction_once(training, by_key("k")))), ErrorCode::not_found);
  EXPECT_EQ(create_once(by_key("k")).outcome, Outcome::created);
}

TEST_P(StoreMarks, WithALargeInputAreRecognisedToo) {
  auto p = sample_prediction();
  p.input = std::string(200'000, 'x');
  ASSERT_TRUE(run_task(store().create_prediction_once(p, by_key("k"))).has_value());
  EXPECT_EQ(create_once(by_key("k")).prediction, p);
}

TEST_P(StoreMarks, OfFirstAttemptsAreCreatesOfTheirOwn) {
  EXPECT_EQ(create_once(by_retry(0)).outcome, Outcome::created);
  EXPECT_EQ(create_once(by_retry(0)).outcome, Outcome::created);
  EXPECT_EQ(count(), 2u);
}

TEST_P(StoreMarks, OfALaterAttemptLeadToTheOneBefore) {
  const auto first = create_once(by_retry(0)).prediction.id;
  for (const int attempt : {1, 2}) {
    const auto again = create_once(by_retry(attempt), sample_time() + 61s);
    EXPECT_EQ(again.outcome, Outcome::repeated);
    EXPECT_EQ(again.prediction.id, first);
  }
  EXPECT_EQ(create_once(by_retry(1, "{\"a\":1}")).outcome, Outcome::created);
}

TEST_P(StoreMarks, OfIdenticalCreatesThatAreAllRetriedAreNotMixedUp) {
  std::set<std::string> first;
  std::set<std::string> again;
  for (int i = 0; i < 3; ++i) first.insert(create_once(by_retry(0)).prediction.id);
  for (int i = 0; i < 3; ++i) again.insert(create_once(by_retry(1)).prediction.id);
  EXPECT_EQ(first.size(), 3u);
  EXPECT_EQ(again, first);
  EXPECT_EQ(create_once(by_retry(1)).outcome, Outcome::created) << "a fourth, whose first attempt never came";
}

TEST_P(StoreMarks, OfAttemptsCountFromTheLatestOfThem) {
  const auto first = create_once(by_retry(0)).prediction.id;
  create_once(by_retry(1, "{}", sample_time() + 3min), sample_time() + 90s);
  const auto late = create_once(by_retry(2, "{}", sample_time() + 5min), sample_time() + 150s);
  EXPECT_EQ(late.outcome, Outcome::repeated);
  EXPECT_EQ(late.prediction.id, first);
  EXPECT_EQ(create_once(by_retry(3), sample_time() + 5min).outcome, Outcome::created);
}

TEST_P(StoreMarks, AreForgottenWhenTheyHaveExpiredUpToTheLimit) {
  create_once(by_key("a", "{}", sample_time() + 1s));
  create_once(by_key("b", "{}", sample_time() + 2s));
  create_once(by_key("c", "{}", sample_time() + 2s));
  create_once(by_key("d", "{}", sample_time() + 3s));
  const auto forget = [this](std::size_t limit) {
    return run_task(store().forget_marks(sample_time() + 2s, limit)).value();
  };
  EXPECT_EQ(forget(2), 2u);
  EXPECT_EQ(forget(2), 1u);
  EXPECT_EQ(forget(2), 0u);
  EXPECT_EQ(create_once(by_key("d")).outcome, Outcome::repeated);
  EXPECT_EQ(count(), 4u) << "predictions stay";
}

TEST_P(StoreMarks, UsedAtOnceCreateOne) {
  constexpr int kCalls = 24;
  std::vector<std::future<Result<Creation>>> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(boost::asio::co_spawn(io_.next(), store().create_prediction_once(sample_prediction(), by_key("k")),
                                          boost::asio::use_future));
  }
  io_.start();
  std::set<std::string> ids;
  int created = 0;
  for (auto& call : calls) {
    const auto made = call.get().value();
    ids.insert(made.prediction.id);
    created += made.outcome == Outcome::created ? 1 : 0;
  }
  EXPECT_EQ(created, 1);
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(count(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Every, StoreMarks, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test
