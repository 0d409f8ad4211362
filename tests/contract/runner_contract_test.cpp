// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/runner_contract.h"

#include "async/blocking_pool.h"
#include "runners/sandbox/sandbox_runner.h"
#include "tests/support/fake_runner.h"
#include "tests/support/faulty_runner.h"
#include "tests/support/sample_models.h"

namespace hekto::test {
namespace {

using ports::RunFailed;
using ports::RunInterrupted;
using ports::RunRequest;
using ports::RunSucceeded;

RunRequest request_for(const domain::Model& model, domain::Value::Object input, std::string id) {
  RunRequest out;
  out.prediction_id = std::move(id);
  out.model = &model;
  out.version = &model.latest();
  out.input = domain::Value(std::move(input));
  return out;
}

class SandboxImages final : public RunnerHarness {
 public:
  ports::Runner& runner() override { return runner_; }
  RunRequest request(std::string id) override {
    return request_for(
        model_, {{"prompt", "a kite"}, {"num_outputs", 2}, {"width", 96}, {"height", 64}, {"num_inference_steps", 3}},
        std::move(id));
  }
  RunRequest endless(std::string id) override {
    return request_for(model_, {{"prompt", "a kite [sandbox:delay=10m]"}}, std::move(id));
  }

 private:
  async::BlockingPool pool_{2};
  domain::Model model_ = sdxl_model();
  runners::SandboxRunner runner_{pool_, {.speed = 0}};
};

class SandboxText final : public RunnerHarness {
 public:
  ports::Runner& runner() override { return runner_; }
  RunRequest request(std::string id) override {
    return request_for(model_, {{"prompt", "hello"}, {"max_tokens", 12}}, std::move(id));
  }
  RunRequest endless(std::string id) override {
    return request_for(model_, {{"prompt", "[sandbox:pause=10m]"}}, std::move(id));
  }

 private:
  async::BlockingPool pool_{1};
  domain::Model model_ = language_model();
  runners::SandboxRunner runner_{pool_, {.speed = 0}};
};

class Fake final : public RunnerHarness {
 public:
  ports::Runner& runner() override { return *runner_; }
  RunRequest request(std::string id) override { return request_for(model_, {}, std::move(id)); }
  RunRequest endless(std::string id) override {
    runner_ = std::make_unique<FakeRunner>(FakeRunner::Script{.steps = {FakeRunner::Log{"log\n"}, FakeRunner::Hold{}}});
    return request_for(model_, {}, std::move(id));
  }

 private:
  static FakeRunner::Script script() {
    return {.steps = {FakeRunner::Log{"log\n"}, FakeRunner::Json{"\"a\""},
                      FakeRunner::File{{"out-1.txt", "text/plain", "bytes"}}, FakeRunner::Json{"3"}}};
  }
  std::unique_ptr<FakeRunner> runner_ = std::make_unique<FakeRunner>(script());
  domain::Model model_ = language_model();
};

/// Without an order the wrapper must change nothing.
class FaultlessFaulty final : public RunnerHarness {
 public:
  ports::Runner& runner() override { return faulty_; }
  RunRequest request(std::string id) override { return inner_.request(std::move(id)); }
  RunRequest endless(std::string id) override { return inner_.endless(std::move(id)); }

 private:
  SandboxText inner_;
  FaultyRunner faulty_{inner_.runner()};
};

INSTANTIATE_TEST_SUITE_P(Runners, RunnerContract,
                         testing::Values(RunnerCase{"SandboxImages", [] { return std::make_unique<SandboxImages>(); }},
                                         RunnerCase{"SandboxText", [] { return std::make_unique<SandboxText>(); }},
                                         RunnerCase{"Fake", [] { return std::make_unique<Fake>(); }},
                                         RunnerCase{"FaultyWithoutFault",
                                                    [] { return std::make_unique<FaultlessFaulty>(); }}),
                         [](const auto& info) { return info.param.name; });

TEST(FakeRunner, PlaysItsScriptsInTurnAndTheLastOneForEver) {
  FakeRunner runner({.steps = {}, .outcome = RunFailed{"first", ""}});
  runner.then({.steps = {FakeRunner::Json{"1"}}, .list = false});
  const auto model = language_model();
  RecordingSink sink;
  EXPECT_EQ(std::get<RunFailed>(run_to_end(runner, request_for(model, {}, "a"), sink)).error, "first");
  EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run_to_end(runner, request_for(model, {}, "b"), sink)));
  EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run_to_end(runner, request_for(model, {}, "c"), sink)));
  EXPECT_EQ(sink.items.size(), 2U);
  EXPECT_FALSE(sink.items[0].list);
  ASSERT_EQ(runner.requests().size(), 3U);
  EXPECT_EQ(runner.requests()[1].prediction_id, "b");
}

TEST(FakeRunner, HoldsUntilItIsReleased) {
  async::StopToken released;
  FakeRunner runner({.steps = {FakeRunner::Log{"before"}, FakeRunner::Hold{released}, FakeRunner::Log{"after"}}});
  const auto model = language_model();
  RecordingSink sink;
  sink.on_call = [released](std::size_t call) mutable {
    if (call == 2) released.request_stop();
  };
  EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run_to_end(runner, request_for(model, {}, "a"), sink)));
  EXPECT_EQ(sink.logs(), "beforeafter");
}

TEST(FaultyRunner, EndsTheOrderedRunsAtTheOrderedCallAndNoOthers) {
  FakeRunner inner({.steps = {FakeRunner::Json{"1"}, FakeRunner::Json{"2"}, FakeRunner::Json{"3"}}});
  FaultyRunner runner(inner);
  const auto model = language_model();
  runner.inject({.at_call = 3, .outcome = RunFailed{"broken", ""}});
  RecordingSink broken;
  EXPECT_EQ(std::get<RunFailed>(run_to_end(runner, request_for(model, {}, "a"), broken)).error, "broken");
  EXPECT_EQ(broken.items.size(), 1U);
  RecordingSink whole;
  EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run_to_end(runner, request_for(model, {}, "a"), whole)));
  EXPECT_EQ(whole.items.size(), 3U);
  runner.inject({.at_call = 1, .outcome = RunInterrupted{}});
  RecordingSink none;
  EXPECT_TRUE(std::holds_alternative<RunInterrupted>(run_to_end(runner, request_for(model, {}, "a"), none)));
  EXPECT_EQ(none.calls, 0U);
}

TEST(FaultyRunner, LeavesARunAloneThatEndsBeforeTheOrderedCall) {
  FakeRunner inner({.steps = {FakeRunner::Json{"1"}}});
  FaultyRunner runner(inner);
  const auto model = language_model();
  runner.inject({.at_call = 50});
  RecordingSink sink;
  EXPECT_TRUE(std::holds_alternative<RunSucceeded>(run_to_end(runner, request_for(model, {}, "a"), sink)));
}

}  // namespace
}  // namespace hekto::test
