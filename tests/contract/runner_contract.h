// SPDX-License-Identifier: Apache-2.0
// What ports/runner.h promises, as tests that any runner can be put through: include this in one file of a test
// program and instantiate RunnerContract with a factory.
#pragma once

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "json/value_json.h"
#include "ports/runner.h"
#include "tests/support/recording_sink.h"

namespace hekto::test {

/// A runner with what it needs to run, and requests that suit it.
class RunnerHarness {
 public:
  virtual ~RunnerHarness() = default;
  virtual ports::Runner& runner() = 0;
  /// Succeeds by itself, with at least two output items and at least one log.
  virtual ports::RunRequest request(std::string prediction_id) = 0;
  /// Gives at least started() and a log, and then goes on until it is stopped.
  virtual ports::RunRequest endless(std::string prediction_id) = 0;
};

struct RunnerCase {
  std::string name;
  std::function<std::unique_ptr<RunnerHarness>()> make;
  friend void PrintTo(const RunnerCase& value, std::ostream* out) { *out << value.name; }
};

class RunnerContract : public testing::TestWithParam<RunnerCase> {
 protected:
  std::unique_ptr<RunnerHarness> harness_ = GetParam().make();

  ports::RunOutcome run(ports::RunRequest request, RecordingSink& sink) {
    return run_to_end(harness_->runner(), std::move(request), sink);
  }
  static bool same(const RecordingSink::Item& a, const RecordingSink::Item& b) {
    if (a.index != b.index || a.list != b.list || a.json != b.json || a.file.has_value() != b.file.has_value())
      return false;
    return !a.file || (a.file->name == b.file->name && a.file->bytes == b.file->bytes);
  }
  static void expect_in_order(const RecordingSink& sink, std::size_t from) {
    for (std::size_t i = 0; i < sink.items.size(); ++i) EXPECT_EQ(sink.items[i].index, from + i);
  }
};

TEST_P(RunnerContract, HasAShortNameOfLowerCaseLetters) {
  const auto name = harness_->runner().name();
  EXPECT_FALSE(name.empty());
  EXPECT_TRUE(std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; })) << name;
}

TEST_P(RunnerContract, StartsOnceBeforeAnythingElse) {
  RecordingSink sink;
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(harness_->request("one"), sink)));
  EXPECT_EQ(sink.starts, 1U);
  EXPECT_FALSE(sink.before_start);
  EXPECT_FALSE(sink.log_calls.empty());
}

TEST_P(RunnerContract, DeliversItemsInOrderEachOnce) {
  RecordingSink sink;
  run(harness_->request("one"), sink);
  ASSERT_GE(sink.items.size(), 2U);
  expect_in_order(sink, 0);
}

TEST_P(RunnerContract, DeliversJsonThatParsesAndFilesWithSafeNames) {
  RecordingSink sink;
  const auto outcome = run(harness_->request("one"), sink);
  for (const auto& item : sink.items) {
    if (!item.file) {
      EXPECT_TRUE(json::parse(item.json)) << item.json;
      continue;
    }
    const auto& name = item.file->name;
    EXPECT_GE(name.size(), 1U);
    EXPECT_LE(name.size(), 100U);
    EXPECT_EQ(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"),
              std::string::npos)
        << name;
    EXPECT_NE(item.file->content_type.find('/'), std::string::npos);
    EXPECT_FALSE(item.file->bytes.empty());
  }
  ASSERT_TRUE(std::holds_alternative<ports::RunSucceeded>(outcome));
  EXPECT_TRUE(json::parse("{" + std::get<ports::RunSucceeded>(outcome).metrics + "}"));
}

TEST_P(RunnerContract, ProducesTheSameAgainWhenItIsIdempotent) {
  if (!harness_->runner().idempotent()) GTEST_SKIP() << "this runner makes no such promise";
  RecordingSink first;
  RecordingSink second;
  run(harness_->request("one"), first);
  auto again = harness_->request("one");
  again.attempt = 2;
  run(std::move(again), second);
  EXPECT_TRUE(std::ranges::equal(first.items, second.items, same));
}

TEST_P(RunnerContract, DeliversAtLeastWhatAnEarlierAttemptDidNot) {
  RecordingSink whole;
  run(harness_->request("one"), whole);
  RecordingSink rest;
  auto again = harness_->request("one");
  again.attempt = 2;
  again.items_done = 1;
  EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(run(std::move(again), rest)));
  ASSERT_FALSE(rest.items.empty());
  EXPECT_LE(rest.items.front().index, 1U);
  expect_in_order(rest, rest.items.front().index);
  EXPECT_EQ(rest.items.back().index, whole.items.back().index);
}

TEST_P(RunnerContract, IsInterruptedByAStopThatCameBefore) {
  RecordingSink sink;
  auto stopped = harness_->endless("one");
  stopped.stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(run(std::move(stopped), sink)));
}

TEST_P(RunnerContract, IsInterruptedByAStopDuringTheRun) {
  RecordingSink sink;
  auto stopped = harness_->endless("one");
  sink.on_call = [stop = stopped.stop](std::size_t call) mutable {
    if (call == 2) stop.request_stop();
  };
  EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(run(std::move(stopped), sink)));
}

TEST_P(RunnerContract, StopsAtTheFirstCallThatIsRefused) {
  RecordingSink whole;
  run(harness_->request("one"), whole);
  for (std::size_t refused = 1; refused <= whole.calls; ++refused) {
    RecordingSink sink;
    sink.refuse_from = refused;
    EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(run(harness_->request("one"), sink))) << refused;
    EXPECT_EQ(sink.calls, refused) << "nothing is sent to a sink that refused";
  }
}

TEST_P(RunnerContract, KeepsOverlappingRunsApart) {
  constexpr std::size_t kRuns = 6;
  std::vector<std::string> ids;
  std::vector<RecordingSink> alone(kRuns);
  std::vector<RecordingSink> together(kRuns);
  for (std::size_t i = 0; i < kRuns; ++i) {
    ids.push_back("run" + std::to_string(i));
    run(harness_->request(ids[i]), alone[i]);
  }
  std::vector<std::future<ports::RunOutcome>> outcomes;
  for (std::size_t i = 0; i < kRuns; ++i) {
    outcomes.push_back(boost::asio::co_spawn(
        test_io().next(), harness_->runner().run(harness_->request(ids[i]), together[i]), boost::asio::use_future));
  }
  for (std::size_t i = 0; i < kRuns; ++i) {
    EXPECT_TRUE(std::holds_alternative<ports::RunSucceeded>(outcomes[i].get()));
    if (harness_->runner().idempotent()) {
      EXPECT_TRUE(std::ranges::equal(alone[i].items, together[i].items, same)) << i;
    }
  }
}

}  // namespace hekto::test
