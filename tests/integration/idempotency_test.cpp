// SPDX-License-Identifier: Apache-2.0
// Creates that may come twice: what is made, run and returned.
#include <future>
#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "service/retention.h"
#include "tests/integration/service_fixture.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using Outcome = ports::Creation::Outcome;

class Idempotency : public ServiceFixture {
 protected:
  domain::CreateMark by_key(const std::string& key, const std::string& body = "{}") {
    return *domain::mark_by_key({"alice"}, key, domain::request_fingerprint("", "", body), clock.now() + 24h);
  }
  domain::CreateMark by_retry(int count) {
    return domain::mark_by_retry({"alice"}, count, domain::request_fingerprint("", "", "{}"), clock.now() + 2min);
  }
  Result<service::Created> create_once(domain::CreateMark mark) {
    return run(predictions->create_once(alice, request(), std::move(mark)));
  }
  std::size_t stored() {
    ports::PredictionQuery query;
    query.account = "alice";
    return run(memory.list_predictions(query))->items.size();
  }
};

TEST_F(Idempotency, ARepeatReturnsThePresentStateAndRunsNothing) {
  start({{FakeRunner::Json{"\"x\""}}});
  const auto first = create_once(by_key("k"));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->outcome, Outcome::created);
  const auto end = ended(first->snapshot);
  EXPECT_EQ(end.status, domain::Status::succeeded);

  const auto again = create_once(by_key("k"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->outcome, Outcome::repeated);
  EXPECT_EQ(again->snapshot->value, end);
  EXPECT_EQ(runner->requests().size(), 1u);
  EXPECT_EQ(stored(), 1u);
}

TEST_F(Idempotency, ARepeatWithAnotherRequestMakesNothing) {
  start({});
  ASSERT_TRUE(create_once(by_key("k")));
  const auto other = create_once(by_key("k", R"({"input":{}})"));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->outcome, Outcome::differs);
  EXPECT_EQ(other->snapshot, nullptr);
  EXPECT_EQ(stored(), 1u);
}

TEST_F(Idempotency, ACommittedCreateWhoseAnswerWasLostIsFoundAgain) {
  start({{FakeRunner::Json{"\"x\""}}});
  store.plan().lose_answer("create_prediction_once", 1, {ErrorCode::storage, "on purpose"});
  EXPECT_EQ(create_once(by_key("k")).error().code, ErrorCode::storage);
  const auto again = create_once(by_key("k"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->outcome, Outcome::repeated);
  EXPECT_EQ(stored(), 1u);
  // A store that answers so takes no further writes; the restart that must follow takes the prediction up.
  run(predictions->recover());
  EXPECT_EQ(ended(again->snapshot).status, domain::Status::succeeded);
}

TEST_F(Idempotency, ARefusedCreateLeavesNoRecord) {
  start({});
  store.plan().fail("create_prediction_once", 1, {ErrorCode::unavailable, "on purpose"});
  EXPECT_EQ(create_once(by_key("k")).error().code, ErrorCode::unavailable);
  EXPECT_EQ(create_once(by_key("k", "another body"))->outcome, Outcome::created);
}

TEST_F(Idempotency, ACreateWithAKeyIsOneCallOfTheStore) {
  start({});
  ASSERT_TRUE(create_once(by_key("k")));
  ASSERT_TRUE(create_once(by_key("k")));
  EXPECT_EQ(store.plan().calls("create_prediction_once"), 2);
  EXPECT_EQ(store.plan().calls("create_prediction"), 0);
  EXPECT_EQ(store.plan().calls("find_prediction"), 0);
}

TEST_F(Idempotency, TheSameKeyIsRefusedWhileTheFirstIsBeingStored) {
  start({});
  async::StopToken release;
  store.plan().hold("create_prediction_once", release);
  auto first = boost::asio::co_spawn(io.next(), predictions->create_once(alice, request(), by_key("k")),
                                     boost::asio::use_future);
  async::StopToken tick;
  while (store.plan().calls("create_prediction_once") < 1) run(tick.sleep_for(1ms));
  const auto second = create_once(by_key("k"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_NE(second.error().message.find("Idempotency-Key"), std::string::npos);
  EXPECT_EQ(store.plan().calls("create_prediction_once"), 1);
  release.request_stop();
  const auto made = first.get();
  ASSERT_TRUE(made);
  const auto third = create_once(by_key("k"));
  ASSERT_TRUE(third) << "the turn ends with the answer";
  EXPECT_EQ(third->snapshot->value.id, made->snapshot->value.id);
}

TEST_F(Idempotency, ALaterAttemptOfACountingClientIsTheSameCreate) {
  start({});
  const auto first = create_once(by_retry(0));
  const auto intended = create_once(by_retry(0));
  ASSERT_TRUE(first && intended);
  EXPECT_NE(first->snapshot->value.id, intended->snapshot->value.id);
  clock.advance(61s);
  std::set<std::string> again;
  for (int i = 0; i < 2; ++i) again.insert(create_once(by_retry(1))->snapshot->value.id);
  EXPECT_EQ(again, (std::set{first->snapshot->value.id, intended->snapshot->value.id}));
  EXPECT_EQ(stored(), 2u);
}

TEST_F(Idempotency, RecordsGoWithTheSweepAfterTheirTime) {
  start({});
  service::Retention retention(store, files, clock, recent, 1h);
  const auto first = create_once(by_key("k"));
  clock.advance(24h - 1us);
  ASSERT_TRUE(run(retention.sweep()));
  EXPECT_EQ(create_once(by_key("k"))->outcome, Outcome::repeated);
  clock.advance(1us);
  ASSERT_TRUE(run(retention.sweep()));
  EXPECT_EQ(run(store.forget_marks(clock.now(), 10)), 0u) << "the sweep has removed it";
  EXPECT_EQ(create_once(by_key("k"))->outcome, Outcome::created);
}

TEST_F(Idempotency, ARepeatAfterRetentionShowsThatTheDataIsGone) {
  start({{FakeRunner::Json{"\"x\""}}});
  service::Retention retention(store, files, clock, recent, 1h);
  ended(create_once(by_key("k"))->snapshot);
  clock.advance(2h);
  ASSERT_TRUE(run(retention.sweep()));
  const auto again = create_once(by_key("k"));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->snapshot->value.data_removed);
  EXPECT_TRUE(again->snapshot->value.output.empty());
}

}  // namespace
}  // namespace hekto::test
