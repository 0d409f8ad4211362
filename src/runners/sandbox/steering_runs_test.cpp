// SPDX-License-Identifier: Apache-2.0
// Runs that are steered by the header's text; directives in prompts are the same ones, see rules_test.cpp.
#include <chrono>
#include <future>
#include <numeric>

#include <gtest/gtest.h>

#include "json/value_json.h"
#include "runners/sandbox/sandbox_runner.h"
#include "runners/sandbox/steered_text.h"
#include "tests/support/recording_sink.h"
#include "tests/support/sample_models.h"

namespace hekto::runners {
namespace {

using namespace std::chrono_literals;
using domain::OutputKind;
using ports::RunFailed;
using ports::RunInterrupted;
using ports::RunOutcome;
using ports::RunSucceeded;
using test::object;
using test::RecordingSink;

class SteeredRunTest : public testing::Test {
 protected:
  static ports::RunRequest request(const domain::Model& model, std::string steering) {
    ports::RunRequest out;
    out.prediction_id = "prediction";
    out.model = &model;
    out.version = &model.latest();
    out.input = object({{"prompt", "a kite"}, {"width", 64}, {"height", 64}});
    out.steering = std::move(steering);
    return out;
  }
  RunOutcome run(ports::RunRequest request, RecordingSink& sink) {
    SandboxRunner runner(pool_, {.speed = 0});
    return test::run_to_end(runner, std::move(request), sink);
  }
  std::string error_of(const domain::Model& model, const std::string& steering, RecordingSink& sink) {
    const auto outcome = run(request(model, steering), sink);
    const auto* failed = std::get_if<RunFailed>(&outcome);
    return failed != nullptr ? failed->error : "";
  }
  static std::string text_of(const RecordingSink& sink) {
    std::string text;
    for (const auto& item : sink.items) text += *json::parse(item.json).value().as_string();
    return text;
  }

  async::BlockingPool pool_{2};
  const domain::Model text_ = test::language_model();
  const domain::Model images_ = test::sdxl_model();
  const domain::Model scores_ =
      test::make_model("a", "scores", OutputKind::list, {}, test::list_schema(object({{"type", "number"}})));
};

TEST_F(SteeredRunTest, FailsBeforeItStarted) {
  RecordingSink sink;
  EXPECT_EQ(error_of(images_, "setup-fail", sink), "Timeout starting the prediction (E6716)");
  EXPECT_EQ(sink.calls, 0U);
}

TEST_F(SteeredRunTest, FailsAfterSomeItemsWithTheMessageAskedFor) {
  RecordingSink none;
  EXPECT_EQ(error_of(text_, "fail=E1001", none), "The model ran out of memory (E1001)");
  EXPECT_TRUE(none.items.empty());
  RecordingSink three;
  EXPECT_EQ(error_of(text_, "fail=lost; fail-after=3", three), "lost");
  EXPECT_EQ(three.items.size(), 3U);
  RecordingSink all;
  EXPECT_EQ(error_of(images_, "fail-after=1", all), "The sandbox was asked to fail.");
  EXPECT_EQ(all.items.size(), 1U) << "the only item is there, and then it fails";
}

TEST_F(SteeredRunTest, IsInterruptedAsOftenAsAskedFor) {
  auto lost = request(text_, "interrupt");
  for (lost.attempt = 1; lost.attempt <= 3; ++lost.attempt) {
    RecordingSink sink;
    EXPECT_TRUE(std::holds_alternative<RunInterrupted>(run(lost, sink)));
    EXPECT_EQ(sink.starts, 1U);
  }
  auto once = request(text_, "interrupt=1");
  RecordingSink first;
  EXPECT_TRUE(std::holds_alternative<RunInterrupted>(run(once, first)));
  once.attempt = 2;
  RecordingSink second;
  EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run(once, second)));
}

TEST_F(SteeredRunTest, HangsUntilItIsStopped) {
  for (const auto& [steering, items] : {std::pair{"hang", 0U}, {"hang-after=2", 2U}, {"null; hang", 0U}}) {
    auto hanging = request(text_, steering);
    RecordingSink sink;
    SandboxRunner runner(pool_, {.speed = 0});
    auto outcome = boost::asio::co_spawn(test::test_io().next(), runner.run(hanging, sink), boost::asio::use_future);
    EXPECT_EQ(outcome.wait_for(20ms), std::future_status::timeout) << steering;
    hanging.stop.request_stop();
    EXPECT_TRUE(std::holds_alternative<RunInterrupted>(outcome.get()));
    EXPECT_EQ(sink.items.size(), items) << steering;
  }
}

TEST_F(SteeredRunTest, SucceedsWithoutOutput) {
  for (const auto* model : {&text_, &images_, &scores_}) {
    RecordingSink sink;
    EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run(request(*model, "null"), sink)));
    EXPECT_EQ(sink.starts, 1U);
    EXPECT_TRUE(sink.items.empty());
  }
}

TEST_F(SteeredRunTest, GivesAsManyItemsAsAskedFor) {
  for (const auto* model : {&text_, &images_, &scores_}) {
    RecordingSink sink;
    EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run(request(*model, "items=7"), sink)));
    ASSERT_EQ(sink.items.size(), 7U) << model->name;
    for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(sink.items[i].index, i);
  }
}

TEST_F(SteeredRunTest, GivesAsMuchAsAskedFor) {
  RecordingSink text;
  run(request(text_, "large=1MB"), text);
  EXPECT_EQ(text_of(text).size(), 1'000'000U);
  EXPECT_EQ(text.items.size(), 61U);

  const auto caption = test::make_model("a", "caption", OutputKind::text, {}, object({{"type", "string"}}));
  RecordingSink whole;
  run(request(caption, "large=300KB"), whole);
  EXPECT_EQ(text_of(whole).size(), 300'000U);

  RecordingSink file;
  run(request(images_, "large=2MB"), file);
  EXPECT_EQ(file.items.at(0).file->bytes.size(), 2'000'000U);
}

TEST_F(SteeredRunTest, WritesAsManyLogsAsAskedFor) {
  RecordingSink usual;
  run(request(images_, ""), usual);
  RecordingSink flooded;
  run(request(images_, "logs=200KB"), flooded);
  EXPECT_EQ(flooded.logs().size(), usual.logs().size() + 200'000);
}

TEST_F(SteeredRunTest, GivesTextThatIsHardToTransport) {
  RecordingSink sink;
  run(request(text_, "awkward"), sink);
  const auto& expected = awkward_chunks();
  EXPECT_EQ(text_of(sink), std::accumulate(expected.begin(), expected.end(), std::string()));
  EXPECT_EQ(sink.items.back().json, "\"\"");
}

TEST_F(SteeredRunTest, ShowsNothingBeforeItsEndWhenItIsForWebhooksOnly) {
  auto quiet = request(images_, "webhook-only; hang-after=1");
  RecordingSink sink;
  SandboxRunner runner(pool_, {.speed = 0});
  auto outcome = boost::asio::co_spawn(test::test_io().next(), runner.run(quiet, sink), boost::asio::use_future);
  EXPECT_EQ(outcome.wait_for(50ms), std::future_status::timeout);
  quiet.stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<RunInterrupted>(outcome.get()));
  EXPECT_EQ(sink.calls, 1U);
  EXPECT_EQ(sink.starts, 1U);

  RecordingSink loud;
  RecordingSink whole;
  run(request(images_, ""), loud);
  EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run(request(images_, "webhook-only"), whole)));
  EXPECT_EQ(whole.logs(), loud.logs());
  EXPECT_EQ(whole.items.at(0).file->bytes, loud.items.at(0).file->bytes);

  RecordingSink failed;
  EXPECT_EQ(error_of(text_, "webhook-only; fail-after=2; fail=x", failed), "x");
  EXPECT_EQ(failed.items.size(), 2U);
}

TEST_F(SteeredRunTest, StopsAtARefusalWhenItIsForWebhooksOnly) {
  RecordingSink sink;
  sink.refuse_from = 3;
  EXPECT_TRUE(std::holds_alternative<RunInterrupted>(run(request(text_, "webhook-only"), sink)));
  EXPECT_EQ(sink.calls, 3U);
}

}  // namespace
}  // namespace hekto::runners
