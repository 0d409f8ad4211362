// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/service_fixture.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::Status;

const ports::ProducedFile kFile{"out-0.png", "image/png", "bytes of a picture"};

class Predictions : public ServiceFixture {};

TEST_F(Predictions, AcceptedWorkRunsToItsEnd) {
  start({{FakeRunner::Log{"50%|#| 1/2\n"}, FakeRunner::File{kFile}},
         true,
         ports::RunSucceeded{R"("image_output_count":1)"}});
  const auto created = create();
  ASSERT_TRUE(created);
  EXPECT_EQ((*created)->value.status, Status::starting);

  const auto p = ended(*created);
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.logs, "50%|#| 1/2\n");
  ASSERT_EQ(p.output.files.size(), 1u);
  EXPECT_EQ(p.output.files[0].size, kFile.bytes.size());
  EXPECT_EQ(memory_files.size(), 1u);
  EXPECT_EQ(*run(store.find_prediction(p.id)), p);
}

TEST_F(Predictions, AreNotAcceptedWhenTheStoreRefuses) {
  start({});
  store.plan().fail("create_prediction", 1, {ErrorCode::unavailable, "on purpose"});
  const auto refused = create();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_EQ(dispatcher->queued() + dispatcher->running(), 0u);
}

TEST_F(Predictions, AreRefusedWhileTheDiskIsNearlyFullAndThoseAcceptedStillEnd) {
  start({{FakeRunner::Hold{}}}, {.concurrency = 1});
  const auto accepted = create();
  ASSERT_TRUE(accepted);
  await_runs(1);
  memory.set_room(false);
  const auto refused = create();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  ports::PredictionQuery query;
  query.account = "alice";
  EXPECT_EQ(run(store.list_predictions(query))->items.size(), 1u);
  const auto ended = run(predictions->cancel("alice", (*accepted)->value.id));
  ASSERT_TRUE(ended);
  EXPECT_EQ((*ended)->value.status, Status::canceled);
  memory.set_room(true);
  EXPECT_TRUE(create());
}

TEST_F(Predictions, AreRefusedOverTheLimitOfWaitingOnes) {
  limits.unfinished = 1;
  start({{FakeRunner::Hold{}}}, {.concurrency = 1});
  ASSERT_TRUE(create());
  await_runs(1);
  ASSERT_TRUE(create());
  const auto refused = create();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
}

TEST_F(Predictions, KeepWhatReadersSawWhenTheyAreCanceledBeforeItsCommit) {
  service::DispatchOptions options;
  options.commit_every = 1h;
  start({{FakeRunner::Log{"line\n"}, FakeRunner::Json{"\"a\""}, FakeRunner::Json{"\"b\""}, FakeRunner::Hold{}}},
        options);
  const auto created = create();
  const std::string id = (*created)->value.id;
  async::StopToken tick;
  while (run(predictions->get("alice", id)).value()->value.output.items.size() < 2) run(tick.sleep_for(1ms));
  ASSERT_TRUE(run(store.find_prediction(id))->output.empty()) << "this test is about what is not committed";
  const auto canceled = run(predictions->cancel("alice", id));
  ASSERT_TRUE(canceled);
  EXPECT_EQ((*canceled)->value.output.items, (std::vector<std::string>{"\"a\"", "\"b\""}));
  EXPECT_EQ((*canceled)->value.logs, "line\n");
  EXPECT_EQ(*run(store.find_prediction(id)), (*canceled)->value);
}

TEST_F(Predictions, OfAnotherAccountLookLikeUnknownOnes) {
  start({});
  const auto created = create();
  ASSERT_TRUE(created);
  const auto foreign = run(predictions->get("bob", (*created)->value.id));
  const auto unknown = run(predictions->get("bob", new_id(clock.now())));
  ASSERT_FALSE(foreign);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(foreign.error().code, unknown.error().code);
  EXPECT_EQ(foreign.error().message, unknown.error().message);
  EXPECT_FALSE(run(predictions->cancel("bob", (*created)->value.id)));
  EXPECT_TRUE(run(predictions->get("alice", (*created)->value.id)));
}

TEST_F(Predictions, EndAtOnceWhenCanceledAndTheRunStops) {
  start({{FakeRunner::Hold{}}});
  const auto created = create();
  await_runs(1);
  const auto canceled = run(predictions->cancel("alice", (*created)->value.id));
  ASSERT_TRUE(canceled);
  EXPECT_EQ((*canceled)->value.status, Status::canceled);
  EXPECT_TRUE((*canceled)->value.completed_at);
  async::StopToken tick;
  while (dispatcher->running() > 0) run(tick.sleep_for(1ms));
  EXPECT_EQ(run(store.find_prediction((*created)->value.id))->status, Status::canceled);
}

TEST_F(Predictions, StayAsTheyEndedWhenCanceledLater) {
  start({});
  const auto created = create();
  const auto p = ended(*created);
  const auto canceled = run(predictions->cancel("alice", p.id));
  ASSERT_TRUE(canceled);
  EXPECT_EQ((*canceled)->value, p);
}

TEST_F(Predictions, AWaitThatRunsOutShowsTheUnfinishedState) {
  start({{FakeRunner::Hold{}}});
  const auto created = create();
  const auto waited = run(predictions->wait(*created, 1ms));
  ASSERT_TRUE(waited);
  EXPECT_FALSE(domain::is_terminal((*waited)->value.status));
}

TEST_F(Predictions, AreAbortedByADeadlineBeforeTheyStart) {
  start({{FakeRunner::Hold{}}}, {.concurrency = 1});
  const auto running = create(20s);
  await_runs(1);
  const auto waiting = create(10s);
  ASSERT_TRUE(waiting);
  EXPECT_EQ((*waiting)->value.deadline, (*waiting)->value.created_at + 10s);

  run(predictions->enforce_deadlines());
  EXPECT_FALSE(domain::is_terminal((*run(predictions->get("alice", (*waiting)->value.id)))->value.status));
  clock.advance(10s);
  run(predictions->enforce_deadlines());
  EXPECT_EQ(ended(*waiting).status, Status::aborted);
  // Only now, because its end makes room for the other to start.
  clock.advance(10s);
  run(predictions->enforce_deadlines());
  EXPECT_EQ(ended(*running).status, Status::canceled);
}

TEST_F(Predictions, LeftByAnEarlierProcessGoOn) {
  auto orphan = [&] {
    domain::Prediction p;
    p.id = new_id(clock.now());
    p.model = "black-forest-labs/flux-schnell";
    p.version = std::string(64, 'a');
    p.input = "{}";
    p.created_at = clock.now();
    p.account = "alice";
    return p;
  }();
  ASSERT_TRUE(run(store.create_prediction(orphan)));
  ASSERT_TRUE(run(store.claim(orphan.id, clock.now())));

  start({{FakeRunner::Json{"\"x\""}}});
  EXPECT_EQ(run(predictions->recover()), 1u);
  const auto p = ended(std::make_shared<const service::Snapshot>(orphan));
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.attempts, 2);
  EXPECT_EQ(runner->requests().front().attempt, 2);
}

TEST_F(Predictions, ThatKeepCrashingTheirRunsAreGivenUp) {
  start({{}, true, ports::RunSucceeded{}});
  domain::Prediction p;
  p.id = new_id(clock.now());
  p.version = std::string(64, 'a');
  p.input = "{}";
  ASSERT_TRUE(run(store.create_prediction(p)));
  for (int i = 0; i < domain::kMaxAttempts; ++i) ASSERT_TRUE(run(store.claim(p.id, clock.now())));

  run(predictions->recover());
  const auto end = ended(std::make_shared<const service::Snapshot>(p));
  EXPECT_EQ(end.status, Status::failed);
  EXPECT_EQ(end.error, domain::kInterruptedError);
  EXPECT_TRUE(runner->requests().empty());
}

TEST_F(Predictions, FailWhenTheyRunTooLong) {
  start({{FakeRunner::Hold{}}}, {.time_limit = 1ms});
  const auto p = ended(*create());
  EXPECT_EQ(p.status, Status::failed);
  EXPECT_NE(p.error->find("timed out"), std::string::npos);
}

TEST_F(Predictions, ReportTheRunnersError) {
  start({{}, true, ports::RunFailed{"CUDA out of memory", ""}});
  const auto p = ended(*create());
  EXPECT_EQ(p.status, Status::failed);
  EXPECT_EQ(p.error, "CUDA out of memory");
}

TEST_F(Predictions, AreTriedAgainWhenAFileCouldNotBeStored) {
  start({{FakeRunner::File{kFile}}});
  files.plan().fail("put", 1, {ErrorCode::storage, "disk full, on purpose"});
  const auto p = ended(*create());
  EXPECT_EQ(p.status, Status::succeeded);
  EXPECT_EQ(p.attempts, 2);
  EXPECT_EQ(p.output.items.size(), 1u);
}

TEST_F(Predictions, FailWhenTheirModelIsNoLongerOffered) {
  start({});
  domain::Prediction p;
  p.id = new_id(clock.now());
  p.version = std::string(64, 'f');
  p.input = "{}";
  ASSERT_TRUE(run(store.create_prediction(p)));
  run(predictions->recover());
  EXPECT_EQ(ended(std::make_shared<const service::Snapshot>(p)).status, Status::failed);
}

TEST_F(Predictions, RunNoMoreThanAllowedAtOnceAndAllInTheEnd) {
  async::StopToken release;
  start({{FakeRunner::Hold{release}}}, {.concurrency = 3});
  std::vector<service::SnapshotPtr> all;
  for (int i = 0; i < 20; ++i) all.push_back(*create());
  await_runs(3);
  EXPECT_EQ(dispatcher->running(), 3u);
  EXPECT_EQ(dispatcher->queued(), 17u);
  release.request_stop();
  for (const auto& p : all) EXPECT_EQ(ended(p).status, Status::succeeded);
}

TEST(Recent, KeepsTheLaterStateWhateverTheOrder) {
  service::Recent recent;
  domain::Prediction early;
  early.id = new_id(from_micros(1));
  const auto late =
      *domain::apply(*domain::apply(early, domain::Started{}, from_micros(2)), domain::Canceled{}, from_micros(3));
  recent.put(late);
  EXPECT_EQ(recent.put(early)->value.status, Status::canceled);
  EXPECT_EQ(recent.find(early.id)->value.status, Status::canceled);
}

TEST(Recent, ForgetsTheLeastRecentlyUsedBeyondItsBytes) {
  service::Recent recent(16 * 4096);
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    domain::Prediction p;
    p.id = new_id(from_micros(1));
    ids.push_back(p.id);
    recent.put(std::move(p));
  }
  std::size_t held = 0;
  for (const auto& id : ids) held += recent.find(id) != nullptr ? 1 : 0;
  EXPECT_GE(held, 16u);
  EXPECT_LE(held, 64u);
  EXPECT_NE(recent.find(ids.back()), nullptr);
}

}  // namespace
}  // namespace hekto::test
