// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runners/replicate/replicate_relay.h"
#include "tests/support/fake_upstream.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/recording_relay_sink.h"
#include "tests/support/recording_sink.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"
#include "tests/support/samples.h"

namespace hekto::runners::replicate {

/// A ReplicateRelay before a FakeUpstream, with pauses of a millisecond. The clock stands still unless it is moved.
class RelayFixture : public testing::Test {
 protected:
  using Outcome = ports::RelayOutcome;
  using Up = test::FakeUpstream;
  static constexpr const char* kInput = R"({"prompt":"a red fox"})";

  ~RelayFixture() override {
    stop.request_stop();
    closing.request_stop();
    http.cut_off();
    for (auto& run : runs_) run->wait();
    if (relay) relay->stop_blocking();
  }

  static UpstreamOptions upstream(std::vector<std::string> accounts = {"main"}) {
    UpstreamOptions options{.name = "up", .url = "https://up.example"};
    for (auto& name : accounts) options.accounts.push_back({.name = name, .token = Secret("token-" + name)});
    return options;
  }
  static RelayTimes short_times() {
    using std::chrono::milliseconds;
    return {.look_ups = {milliseconds(1), milliseconds(1), milliseconds(1)},
            .patience = std::chrono::hours(1),
            .down = milliseconds(500),
            .upload = milliseconds(1),
            .again = milliseconds(1)};
  }
  void start(UpstreamOptions options = upstream()) { start(std::vector{std::move(options)}); }
  void start(std::vector<UpstreamOptions> upstreams, RelayTimes times = short_times()) {
    relay = std::make_unique<ReplicateRelay>(test::test_io(), std::move(upstreams), http, http, store, clock,
                                             Secret("hook key"), times);
    relay->start();
  }

  domain::Prediction prediction(std::string input = kInput,
                                domain::RelayTarget target = {domain::RelayTarget::Kind::model, "acme/flux"}) {
    auto p = test::sample_prediction(clock.now());
    p.input = std::move(input);
    p.relay = std::move(target);
    p.epoch = 1;
    return p;
  }
  /// One whose submission an earlier process intended, or this one just now.
  domain::Prediction intended(std::string account = "main", std::string input = kInput) {
    auto p = prediction(std::move(input));
    p.submission = domain::Submission{};
    p.submission->upstream = "up";
    p.submission->account = std::move(account);
    p.submission->attempt = "attempt1";
    p.submission->at = clock.now();
    return p;
  }
  static domain::Prediction accepted(domain::Prediction p, std::string remote_id) {
    p.submission->state = domain::Submission::State::accepted;
    p.submission->remote_id = std::move(remote_id);
    return p;
  }

  std::shared_ptr<std::future<Outcome>> begin(domain::Prediction p, test::RecordingRelaySink& into,
                                              std::shared_ptr<ports::RelayPlace> place = nullptr,
                                              std::optional<ports::Refusal> invalid_input = std::nullopt) {
    ports::RelayRequest request;
    request.prediction = std::make_shared<const domain::Prediction>(std::move(p));
    request.place = std::move(place);
    request.invalid_input = std::move(invalid_input);
    request.stop = stop;
    request.closing = closing;
    auto future = std::make_shared<std::future<Outcome>>(
        boost::asio::co_spawn(test::test_io().next(), relay->run(std::move(request), into), boost::asio::use_future));
    runs_.push_back(future);
    return future;
  }
  /// What a run that must end soon comes to.
  Outcome end_of(const std::shared_ptr<std::future<Outcome>>& run) {
    runs_.erase(std::ranges::find(runs_, run));
    if (run->wait_for(std::chrono::seconds(10)) == std::future_status::ready) return run->get();
    ADD_FAILURE() << "the run does not end";
    stop.request_stop();
    closing.request_stop();
    http.cut_off();
    return run->get();
  }
  Outcome run(domain::Prediction p, std::shared_ptr<ports::RelayPlace> place = nullptr) {
    return end_of(begin(std::move(p), sink, std::move(place)));
  }

  /// Starts, and runs one that is stopped while its create is under way. A prediction that ended takes no more than its
  /// id.
  void cancel_under_way() {
    async::StopToken released;
    http.hold("https://up.example/v1/models", released);
    sink.on_call = [](const std::string& words) {
      return words.starts_with("submitted") ? std::optional(ErrorCode::canceled) : std::nullopt;
    };
    start();
    const auto running = begin(prediction(), sink);
    wait_for([&] { return up.posts() == 1; });
    stop.request_stop();
    released.request_stop();
    EXPECT_TRUE(std::holds_alternative<ports::RunInterrupted>(end_of(running)));
  }

  static void wait_for(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "what is waited for does not come";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  static bool ended(const std::shared_ptr<std::future<Outcome>>& run) {
    return run->wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  bool has_called(const std::string& words) const { return std::ranges::count(sink.calls(), words) > 0; }
  ports::UpstreamAccountStats row(std::size_t account = 0) const {
    return relay->stats().upstreams.at(0).accounts.at(account);
  }
  std::vector<ports::HttpRequest> posts() const {
    auto all = http.sent("https://up.example");
    std::erase_if(all, [](const auto& request) { return request.method != "POST"; });
    return all;
  }
  static std::string header(const ports::HttpRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
      if (key == name) return value;
    }
    return {};
  }

  test::ManualClock clock;
  test::FakeHttpClient http;
  Up up{http, clock};
  test::MemoryStore store;
  test::RecordingRelaySink sink;
  async::StopToken stop;
  async::StopToken closing = stop;  ///< one of its own: what `stop` ends is the prediction, not the process
  std::unique_ptr<ReplicateRelay> relay;

 private:
  std::vector<std::shared_ptr<std::future<Outcome>>> runs_;
};

}  // namespace hekto::runners::replicate
