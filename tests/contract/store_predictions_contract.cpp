// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "tests/contract/store_harness.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using domain::Event;
using domain::Status;

/// All that a prediction can hold, with what is hard to keep: NULs, control characters, empty and odd values.
domain::Prediction full_prediction() {
  auto p = sample_prediction();
  p.input = R"({"prompt":"grüße 🌍","n":1})";
  p.output = {true,
              {"\"\x01"
               "0\x01\"",
               "null", "[1,2]", ""},
              {sample_file("out-0.webp", 'f'), sample_file("", '0')}};
  p.output.files[1].size = ~std::uint64_t{0};
  p.logs = std::string("line\n\0 \x7F", 8);
  p.error = "";
  p.status = Status::failed;
  p.started_at = p.created_at + 1us;
  p.completed_at = p.created_at + 2us;
  p.deadline = from_micros(-1);
  p.metrics = R"("image_output_count":1)";
  p.data_removed = true;
  p.stream = domain::StreamKind::files;
  p.test = true;
  p.webhook = domain::Webhook{"https://a.example/hook?a=b",
                              {domain::WebhookEvent::completed, domain::WebhookEvent::start},
                              "https://hekto.example",
                              "/replicate/v1"};
  p.epoch = std::int64_t{1} << 40;
  p.attempts = 3;
  p.steering = "fail=grüße; delay=1s";
  return p;
}

class StorePredictions : public StoreContract {};

TEST_P(StorePredictions, FindsAPredictionWithEveryFieldAsItWasCreated) {
  const auto full = full_prediction();
  ASSERT_TRUE(run_task(store().create_prediction(full)).has_value());
  EXPECT_EQ(find(full.id), full);
  const auto plain = create();
  EXPECT_EQ(find(plain.id), plain);
  auto told = sample_prediction();
  told.webhook = domain::Webhook{"", {}, "", ""};
  ASSERT_TRUE(run_task(store().create_prediction(told)).has_value());
  EXPECT_EQ(find(told.id), told);
  auto empty = domain::Prediction{};
  empty.id = new_id(sample_time());
  ASSERT_TRUE(run_task(store().create_prediction(empty)).has_value());
  EXPECT_EQ(find(empty.id), empty);
}

TEST_P(StorePredictions, KeepsInputsOutputsAndLogsOfAnySize) {
  for (const std::size_t size : {16'383, 16'384, 16'385, 1'000'000, 5'000'000}) {
    auto p = sample_prediction();
    p.input = std::string(size, 'i');
    ASSERT_TRUE(run_task(store().create_prediction(p)).has_value());
    EXPECT_EQ(find(p.id), p) << size;
    const ports::Lease lease{p.id, run_task(store().claim(p.id, sample_time())).value().epoch};
    const std::vector<Event> events = {domain::Started{}, domain::Logged{std::string(size / 8, 'l')},
                                       domain::Produced{0, true, std::string(size, 'o'), {}}};
    const auto after = run_task(store().record(lease, events, sample_time())).value();
    EXPECT_EQ(after.input, p.input);
    EXPECT_EQ(find(p.id), after) << size;
  }
}

TEST_P(StorePredictions, RefusesAPredictionWhoseIdExistsAndKeepsTheFirst) {
  const auto first = create();
  auto second = first;
  second.model = "somebody/else";
  EXPECT_EQ(code_of(run_task(store().create_prediction(second))), ErrorCode::conflict);
  second.input = std::string(100'000, 'x');
  EXPECT_EQ(code_of(run_task(store().create_prediction(second))), ErrorCode::conflict);
  EXPECT_EQ(find(first.id), first);
}

TEST_P(StorePredictions, DoesNotFindWhatIsNotThere) {
  EXPECT_EQ(code_of(run_task(store().find_prediction(new_id(sample_time())))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().find_prediction(""))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().claim("nothing", sample_time()))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().record({"nothing", 1}, {domain::Started{}}, sample_time()))),
            ErrorCode::not_found);
  EXPECT_EQ(code_of(run_task(store().end("nothing", domain::Canceled{}, sample_time()))), ErrorCode::not_found);
}

TEST_P(StorePredictions, RaisesEpochAndAttemptsWithEveryClaim) {
  const auto p = create();
  EXPECT_EQ(run_task(store().claim(p.id, sample_time())).value().epoch, 1);
  const auto second = run_task(store().claim(p.id, sample_time())).value();
  EXPECT_EQ(second.epoch, 2);
  EXPECT_EQ(second.attempts, 2);
  EXPECT_EQ(find(p.id), second);
}

TEST_P(StorePredictions, RecordsTheEventsOfARunInOrder) {
  ports::Lease lease;
  const auto running = create_running(lease);
  EXPECT_EQ(running.status, Status::processing);
  const auto file = sample_file("out-0.webp", 'a');
  auto after = run_task(store().record(lease, {domain::Logged{"a"}, domain::Logged{"b"}}, sample_time() + 1s)).value();
  EXPECT_EQ(after.logs, "ab");
  EXPECT_EQ(find(lease.prediction_id), after);
  after =
      run_task(store().record(lease, {domain::Produced{0, true, domain::file_placeholder(0), {file}}}, sample_time()))
          .value();
  EXPECT_EQ(after.output.files, std::vector{file});
  EXPECT_EQ(find(lease.prediction_id), after);
  after = run_task(store().record(lease, {domain::Succeeded{"\"n\":1"}}, sample_time() + 2s)).value();
  EXPECT_EQ(after.status, Status::succeeded);
  EXPECT_EQ(after.completed_at, sample_time() + 2s);
  EXPECT_EQ(find(lease.prediction_id), after);
}

TEST_P(StorePredictions, RecordsAFailureWithItsError) {
  ports::Lease lease;
  create_running(lease);
  const auto after =
      run_task(store().record(lease, {domain::Failed{"out of memory", "\"n\":0"}}, sample_time())).value();
  EXPECT_EQ(after.error, "out of memory");
  EXPECT_EQ(find(lease.prediction_id), after);
}

TEST_P(StorePredictions, ReturnsThePredictionUnchangedWhenTheEventsAddNothing) {
  ports::Lease lease;
  const auto running = create_running(lease);
  EXPECT_EQ(run_task(store().record(lease, {}, sample_time())).value(), running);
  EXPECT_EQ(run_task(store().record(lease, {domain::Started{}}, sample_time() + 1h)).value(), running);
  EXPECT_EQ(find(lease.prediction_id), running);
}

TEST_P(StorePredictions, AppliesAllEventsOrNone) {
  ports::Lease lease;
  const auto running = create_running(lease);
  const std::vector<Event> events = {domain::Logged{"lost"}, domain::Produced{7, true, "1", {}}};
  EXPECT_EQ(code_of(run_task(store().record(lease, events, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(find(lease.prediction_id), running);
}

TEST_P(StorePredictions, RefusesAStaleLease) {
  ports::Lease old;
  create_running(old);
  const auto taken = run_task(store().claim(old.prediction_id, sample_time())).value();
  EXPECT_EQ(code_of(run_task(store().record(old, {domain::Logged{"late"}}, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run_task(store().record(old, {}, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(find(old.prediction_id), taken);
  const ports::Lease lease{old.prediction_id, taken.epoch};
  EXPECT_TRUE(run_task(store().record(lease, {domain::Logged{"mine"}}, sample_time())).has_value());
  const ports::Lease invented{old.prediction_id, taken.epoch + 1};
  EXPECT_EQ(code_of(run_task(store().record(invented, {domain::Logged{"no"}}, sample_time()))), ErrorCode::conflict);
}

TEST_P(StorePredictions, RefusesToRecordWhatNoWorkerDecides) {
  ports::Lease lease;
  const auto running = create_running(lease);
  for (const Event& event : {Event(domain::Claimed{}), Event(domain::Purged{})}) {
    const auto refused = run_task(store().record(lease, {domain::Logged{"x"}, event}, sample_time()));
    EXPECT_EQ(code_of(refused), ErrorCode::invalid_input);
  }
  EXPECT_EQ(find(lease.prediction_id), running);
}

TEST_P(StorePredictions, ChangesNothingThatHasEnded) {
  ports::Lease lease;
  create_running(lease);
  const auto done = run_task(store().record(lease, {domain::Succeeded{""}}, sample_time())).value();
  EXPECT_EQ(code_of(run_task(store().claim(done.id, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run_task(store().record(lease, {domain::Logged{"x"}}, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(code_of(run_task(store().end(done.id, domain::Canceled{}, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(find(done.id), done);
}

TEST_P(StorePredictions, EndsAPredictionWhateverTheLeaseAndShutsTheWorkerOut) {
  ports::Lease lease;
  create_running(lease);
  const auto ended = run_task(store().end(lease.prediction_id, domain::Canceled{}, sample_time() + 5s)).value();
  EXPECT_EQ(ended.status, Status::canceled);
  EXPECT_EQ(ended.completed_at, sample_time() + 5s);
  EXPECT_EQ(ended.epoch, lease.epoch + 1);
  EXPECT_EQ(find(ended.id), ended);
  EXPECT_EQ(code_of(run_task(store().record(lease, {domain::Succeeded{""}}, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(find(ended.id), ended);
}

TEST_P(StorePredictions, KeepsWithAnEndWhatWasShownOfTheSameRunOnly) {
  ports::Lease lease;
  create_running(lease);
  auto shown = std::make_shared<domain::Prediction>(find(lease.prediction_id));
  shown->logs += "shown\n";
  shown->output.is_list = true;
  shown->output.items.push_back("\"shown\"");
  const auto ended = run_task(store().end(lease.prediction_id, domain::Canceled{shown}, sample_time())).value();
  EXPECT_EQ(ended.logs, shown->logs);
  EXPECT_EQ(ended.output, shown->output);
  EXPECT_EQ(find(ended.id), ended);

  ports::Lease other;
  create_running(other);
  auto old = std::make_shared<domain::Prediction>(find(other.prediction_id));
  old->logs += "of an earlier run\n";
  --old->epoch;
  const auto late = run_task(store().end(other.prediction_id, domain::DeadlinePassed{old}, sample_time())).value();
  EXPECT_EQ(late.logs, find(other.prediction_id).logs);
  EXPECT_FALSE(late.logs.contains("earlier"));
}

TEST_P(StorePredictions, EndsAPredictionThatNobodyClaimed) {
  const auto late = create();
  const auto aborted = run_task(store().end(late.id, domain::DeadlinePassed{}, sample_time())).value();
  EXPECT_EQ(aborted.status, Status::aborted);
  EXPECT_EQ(aborted.epoch, 1);
  const auto lost = create();
  const auto failed = run_task(store().end(lost.id, domain::Failed{"gave up", ""}, sample_time())).value();
  EXPECT_EQ(failed.error, "gave up");
  EXPECT_EQ(find(lost.id), failed);
}

TEST_P(StorePredictions, RefusesToEndAPredictionByAnEventThatEndsNothing) {
  const auto p = create();
  EXPECT_EQ(code_of(run_task(store().end(p.id, domain::Started{}, sample_time()))), ErrorCode::invalid_input);
  EXPECT_EQ(code_of(run_task(store().end(p.id, domain::Purged{}, sample_time()))), ErrorCode::conflict);
  EXPECT_EQ(find(p.id), p);
}

TEST_P(StorePredictions, ListsWhatIsUnfinishedOldestFirst) {
  auto with_deadline = sample_prediction();
  with_deadline.deadline = sample_time() + 1h;
  ASSERT_TRUE(run_task(store().create_prediction(with_deadline)).has_value());
  create_finished(sample_time());
  ports::Lease lease;
  create_running(lease);
  const auto last = create();
  const auto all = run_task(store().unfinished("", 100)).value();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].id, with_deadline.id);
  EXPECT_EQ(all[0].status, Status::starting);
  EXPECT_EQ(all[0].deadline, with_deadline.deadline);
  EXPECT_EQ(all[1].id, lease.prediction_id);
  EXPECT_EQ(all[1].status, Status::processing);
  EXPECT_EQ(all[1].deadline, std::nullopt);
  const auto first_two = run_task(store().unfinished("", 2)).value();
  ASSERT_EQ(first_two.size(), 2u);
  const auto rest = run_task(store().unfinished(first_two.back().id, 2)).value();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].id, last.id);
  EXPECT_TRUE(run_task(store().unfinished(last.id, 2)).value().empty());
  EXPECT_EQ(code_of(run_task(store().unfinished(new_id(sample_time()), 2))), ErrorCode::not_found);
}

TEST_P(StorePredictions, GivesEveryClaimOfARaceAnEpochOfItsOwn) {
  const auto p = create();
  std::vector<std::future<std::vector<std::int64_t>>> racers;
  for (int i = 0; i < 8; ++i) {
    racers.push_back(std::async(std::launch::async, [this, id = p.id] {
      std::vector<std::int64_t> epochs;
      for (int n = 0; n < 20; ++n) epochs.push_back(run_task(store().claim(id, sample_time())).value().epoch);
      return epochs;
    }));
  }
  std::vector<std::int64_t> all;
  for (auto& racer : racers) std::ranges::copy(racer.get(), std::back_inserter(all));
  std::ranges::sort(all);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], static_cast<std::int64_t>(i) + 1);
  EXPECT_EQ(find(p.id).epoch, 160);
}

TEST_P(StorePredictions, LetsExactlyOneOfManyEndsWin) {
  for (int round = 0; round < 10; ++round) {
    ports::Lease lease;
    create_running(lease);
    std::atomic<int> winners{0};
    std::vector<std::thread> racers;
    for (int i = 0; i < 4; ++i) {
      racers.emplace_back([&, i] {
        const auto result = i == 0 ? run_task(store().record(lease, {domain::Succeeded{""}}, sample_time()))
                                   : run_task(store().end(lease.prediction_id, domain::Canceled{}, sample_time()));
        if (result) ++winners;
      });
    }
    for (auto& racer : racers) racer.join();
    EXPECT_EQ(winners, 1);
  }
}

async::Task<void> create_or_note(ports::Store& store, domain::Prediction p, std::atomic<int>& refused) {
  const auto id = p.id;
  const auto created = co_await store.create_prediction(std::move(p));
  if (!created) ++refused;
  // Whoever has an answer sees the row, whoever made it.
  const auto found = co_await store.find_prediction(id);
  EXPECT_TRUE(found.has_value());
}

TEST_P(StorePredictions, KeepsTheErrorsOfConcurrentCallsApart) {
  constexpr int kPairs = 300;
  std::atomic<int> refused{0};
  std::vector<std::future<void>> calls;
  for (int i = 0; i < kPairs; ++i) {
    // Two predictions of one id in flight together: exactly one of them is refused, none of their neighbours.
    const auto p = sample_prediction();
    for (int twin = 0; twin < 2; ++twin) {
      calls.push_back(boost::asio::co_spawn(io_.next(), create_or_note(store(), p, refused), boost::asio::use_future));
    }
  }
  io_.start();
  for (auto& call : calls) call.get();
  EXPECT_EQ(refused, kPairs);
  EXPECT_EQ(run_task(store().unfinished("", 1000)).value().size(), static_cast<std::size_t>(kPairs));
}

INSTANTIATE_TEST_SUITE_P(Every, StorePredictions, testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace hekto::test
