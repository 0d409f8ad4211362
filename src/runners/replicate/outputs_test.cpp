// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/outputs.h"

#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "base/encoding.h"
#include "base/hash.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/recording_output_sink.h"
#include "tests/support/results.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using test::code_of;
using Lines = std::vector<std::string>;

constexpr std::string_view kHost = "https://replicate.delivery/";

ports::HttpReply file(std::string body, std::vector<std::pair<std::string, std::string>> headers = {}) {
  headers.emplace_back("Content-Type", "image/png");
  return {200, std::move(body), false, {}, std::move(headers)};
}

class OutputsTest : public testing::Test {
 protected:
  OutputsTest() {
    io_.start();
    limits_.first_pause = 1ms;
    limits_.refused_pause = 1ms;
    limits_.patience = 1min;
    options_.name = "there";
    options_.url = "https://api.example";
    options_.accounts = {{"main", Secret("r8_token")}};
  }
  ~OutputsTest() override {
    scope_.close();
    EXPECT_TRUE(scope_.wait_blocking(20s));
  }

  StepItem item(std::size_t index, std::vector<std::string> urls) {
    return {index, true, urls.empty() ? "\"text\"" : "files", std::move(urls)};
  }
  std::future<Result<void>> begin(std::vector<StepItem> items) {
    if (!outputs_) outputs_.emplace(http_, scope_, limits_);
    if (!account_) {
      const auto upstream = std::make_shared<const Upstream>(options_);
      account_ = std::make_shared<Account>(upstream, upstream->options.accounts.front());
    }
    return boost::asio::co_spawn(io_.next(), outputs_->deliver(account_, std::move(items), sink_, stop_),
                                 boost::asio::use_future);
  }
  Result<void> deliver(std::vector<StepItem> items) { return begin(std::move(items)).get(); }
  void await(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!condition() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    ASSERT_TRUE(condition());
  }
  static std::string url(std::string_view name) { return std::string(kHost).append(name); }

  async::IoThreads io_{2};
  test::FakeHttpClient http_;
  async::TaskScope scope_{"test"};
  OutputLimits limits_;
  UpstreamOptions options_;
  test::RecordingOutputSink sink_;
  async::StopToken stop_;
  std::optional<Outputs> outputs_;
  AccountPtr account_;
};

TEST_F(OutputsTest, StoreAFileWithItsHashLengthAndType) {
  http_.answer(url("a/out.png"), {file("some bytes", {{"Content-Length", "10"}})});
  ASSERT_TRUE(deliver({item(0, {url("a/out.png?x=1")})}));
  ASSERT_EQ(sink_.stored.size(), 1u);
  EXPECT_EQ(sink_.stored[0], (domain::OutputFile{"out.png", "image/png", 10, hex_encode(sha256("some bytes"))}));
  EXPECT_EQ(sink_.files[0]->described(), (test::RecordingFile::Described{{"image/png", 10}}));
  EXPECT_EQ(http_.sent().front().headers.size(), 0u) << "the token is for the upstream's own origin";
}

TEST_F(OutputsTest, SendTheTokenToTheUpstreamsOwnOriginAlone) {
  http_.answer("https://", {file("x")});
  ASSERT_TRUE(deliver({item(0, {"https://API.example:443/out/1.png"}), item(1, {"https://api.example.evil/2.png"})}));
  const auto own = http_.sent("https://API");
  ASSERT_EQ(own.size(), 1u);
  ASSERT_EQ(own[0].headers.size(), 1u);
  EXPECT_EQ(own[0].headers[0].second, "Bearer r8_token");
  EXPECT_TRUE(http_.sent("https://api.example.evil")[0].headers.empty());
}

TEST_F(OutputsTest, AreFetchedSideBySideAndStoredInTheirOrder) {
  async::StopToken first;
  http_.answer(url(""), {file("x")});
  http_.hold(url("0.png"), first);
  std::vector<StepItem> items;
  for (std::size_t i = 0; i < 6; ++i) items.push_back(item(i, {url(std::to_string(i) + ".png")}));
  items.push_back(item(6, {}));
  auto done = begin(std::move(items));
  await([&] { return http_.sent().size() == 6; });
  EXPECT_EQ(sink_.lines(), Lines{}) << "nothing is shown ahead of what comes before it";
  first.request_stop();
  ASSERT_TRUE(done.get());
  Lines stored;
  for (const auto& line : sink_.lines()) {
    if (!line.starts_with("arriving")) stored.push_back(line);
  }
  EXPECT_EQ(stored, (Lines{"stored 0 0.png", "stored 1 1.png", "stored 2 2.png", "stored 3 3.png", "stored 4 4.png",
                           "stored 5 5.png", "json 6 \"text\""}));
}

TEST_F(OutputsTest, OfOnePredictionAreAFewAtOnceAndOfAllPredictionsNotManyMore) {
  limits_.at_once = 5;
  async::StopToken released;
  http_.answer(url(""), {file("x")});
  http_.hold(url(""), released);
  const auto six = [&](const std::string& of) {
    std::vector<StepItem> items;
    for (std::size_t i = 0; i < 6; ++i) items.push_back(item(i, {url(of + std::to_string(i) + ".png")}));
    return items;
  };
  auto one = begin(six("one"));
  await([&] { return http_.sent(url("one")).size() == 4; });
  // Another prediction's, on the same thread or another.
  test::RecordingOutputSink other;
  auto two =
      boost::asio::co_spawn(io_.next(), outputs_->deliver(account_, six("two"), other, stop_), boost::asio::use_future);
  await([&] { return http_.sent(url("two")).size() == 1; });
  EXPECT_EQ(http_.sent().size(), 5u);
  released.request_stop();
  EXPECT_TRUE(one.get());
  EXPECT_TRUE(two.get());
  EXPECT_EQ(http_.sent().size(), 12u);
}

TEST_F(OutputsTest, ThatWaitForTheirTurnEndWithTheRun) {
  limits_.at_once = 1;
  async::StopToken never;
  http_.hold(url(""), never);
  auto done = begin({item(0, {url("0.png"), url("1.png"), url("2.png")})});
  await([&] { return http_.sent().size() == 1; });
  stop_.request_stop();
  EXPECT_EQ(code_of(done.get()), ErrorCode::canceled);
  EXPECT_EQ(http_.sent().size(), 1u);
  EXPECT_EQ(sink_.lines(), Lines{});
}

/// A client that sends the head, then waits before the body.
class SlowBodies final : public ports::HttpClient {
 public:
  async::Task<Result<ports::HttpReply>> send(ports::HttpRequest request) override {
    ports::HttpReply head = file("", {{"Content-Length", "10"}});
    if (auto begun = request.sink->begin(head); !begun) co_return std::unexpected(begun.error());
    if (auto written = request.sink->write("some "); !written) co_return std::unexpected(written.error());
    ++begun_;
    auto released = released_;
    co_await released.sleep_for(1h);
    if (auto written = request.sink->write("bytes"); !written) co_return std::unexpected(written.error());
    co_return head;
  }
  async::StopToken released_;
  std::atomic<int> begun_ = 0;
};

TEST_F(OutputsTest, AreShownWhenTheirHeadsHaveComeAndStoredOnceTheyAreWhole) {
  SlowBodies slow;
  outputs_.emplace(slow, scope_, limits_);
  auto done =
      begin({item(0, {url("a.png"), url("b.png")}), item(1, {url("c.png")}), item(2, {}), item(3, {url("d.png")})});
  await([&] { return sink_.lines().size() == 2; });
  EXPECT_EQ(sink_.lines(), (Lines{"arriving 0 a.png b.png", "arriving 1 c.png"}));
  await([&] { return slow.begun_ == 4; });
  slow.released_.request_stop();
  ASSERT_TRUE(done.get());
  const auto lines = sink_.lines();
  EXPECT_EQ(lines[2], "stored 0 a.png b.png");
  EXPECT_EQ(lines[3], "stored 1 c.png");
  EXPECT_EQ(lines[4], "json 2 \"text\"");
  EXPECT_EQ(lines.back(), "stored 3 d.png");
}

TEST_F(OutputsTest, BeginAnewWhenTheyBreakOffAndKeepTheNameThatWasShown) {
  const auto other = ports::HttpReply{200, "whole", false, {}, {{"Content-Type", "image/jpeg"}}};
  http_.answer(url(""),
               std::vector<Result<ports::HttpReply>>{file("ha", {{"Content-Length", "5"}}),        // falls short
                                                     file("too long", {{"Content-Length", "5"}}),  // goes beyond
                                                     ports::HttpReply{206, "who", false},          // a part
                                                     ports::HttpReply{503, "", false},             //
                                                     fail(ErrorCode::timeout, "too slow, on purpose"),
                                                     fail(ErrorCode::upstream, "broken off, on purpose"), other});
  ASSERT_TRUE(deliver({item(0, {std::string(kHost)})}));
  ASSERT_EQ(sink_.stored.size(), 1u);
  EXPECT_EQ(sink_.stored[0].name, "out-0.png");
  EXPECT_EQ(sink_.stored[0].content_type, "image/jpeg");
  EXPECT_EQ(sink_.files[0]->bytes(), "whole");
  EXPECT_EQ(sink_.files[0]->begun(), 7);
  EXPECT_EQ(sink_.files[0]->broken(), 6);
  EXPECT_EQ(sink_.files[0]->finished(), 1);
}

TEST_F(OutputsTest, BelieveALengthOnlyOfWhatDoesNotComePacked) {
  http_.answer(url(""), {file("unpacked", {{"Content-Length", "5"}, {"Content-Encoding", "gzip"}})});
  ASSERT_TRUE(deliver({item(0, {url("a.png")})}));
  EXPECT_EQ(sink_.files[0]->described()[0].second, std::nullopt);
}

TEST_F(OutputsTest, ThatAreRefusedAreAskedForThreeTimes) {
  http_.answer(url(""), {ports::HttpReply{404, "", false}, ports::HttpReply{403, "", false}, file("there")});
  EXPECT_TRUE(deliver({item(0, {url("a.png")})}));
  http_.answer(url(""), {410});
  EXPECT_EQ(code_of(deliver({item(0, {url("a.png")})})), ErrorCode::not_found);
  EXPECT_EQ(http_.sent().size(), 6u);
}

TEST_F(OutputsTest, AreGivenUpWhenTheirTimeIsOver) {
  limits_.patience = 5ms;
  http_.answer(url(""), {503});
  EXPECT_EQ(code_of(deliver({item(0, {url("a.png")})})), ErrorCode::not_found);
}

TEST_F(OutputsTest, ThatAreTooLargeAreRefusedByTheirHeadAlready) {
  options_.max_output = 1024;
  http_.answer(url(""), {file("x", {{"Content-Length", "1025"}})});
  EXPECT_EQ(code_of(deliver({item(0, {url("a.png")})})), ErrorCode::too_large);
  EXPECT_TRUE(sink_.files[0]->described().empty());
  http_.answer(url(""), {file(std::string(1025, 'x'))});
  EXPECT_EQ(code_of(deliver({item(0, {url("a.png")})})), ErrorCode::too_large);
  EXPECT_EQ(http_.sent().size(), 2u);
}

TEST_F(OutputsTest, ThatMustNotBeFetchedAreNotTriedAgain) {
  http_.answer(url(""),
               std::vector<Result<ports::HttpReply>>{fail(ErrorCode::forbidden, "the address is not allowed")});
  EXPECT_EQ(code_of(deliver({item(0, {url("a.png")})})), ErrorCode::not_found);
  EXPECT_EQ(http_.sent().size(), 1u);
}

TEST_F(OutputsTest, EndWithTheSink) {
  http_.answer(url(""), {file("x")});
  sink_.refuse();
  EXPECT_EQ(code_of(deliver({item(0, {url("a.png")}), item(1, {url("b.png")})})), ErrorCode::canceled);
}

TEST_F(OutputsTest, OfDataUrlsAreDecoded) {
  ASSERT_TRUE(deliver({item(0, {"data:image/gif;base64,R0lGODlh"})}));
  ASSERT_EQ(sink_.stored.size(), 1u);
  EXPECT_EQ(sink_.stored[0].name, "out-0.gif");
  EXPECT_EQ(sink_.files[0]->bytes(), "GIF89a");
  EXPECT_EQ(code_of(deliver({item(0, {"data:no"})})), ErrorCode::not_found);
  EXPECT_TRUE(http_.sent().empty());
}

TEST_F(OutputsTest, HaveATypeThatMayStandInAHeader) {
  http_.answer(url(""), {ports::HttpReply{200, "x", false, {}, {{"Content-Type", "image/png\x01"}}}});
  ASSERT_TRUE(deliver({item(0, {url("a.webp")})}));
  EXPECT_EQ(sink_.stored[0].content_type, "image/webp");
}

TEST(OutputName, IsTheLastSegmentInHarmlessLetters) {
  EXPECT_EQ(output_name("https://a.example/x/out-0.png?q#f", 3, ""), "out-0.png");
  EXPECT_EQ(output_name("https://a.example/..%2f..%2fetc%20passwd", 3, "image/png"), "etcpasswd");
  EXPECT_EQ(output_name("https://a.example/", 3, "image/png"), "out-3.png");
  EXPECT_EQ(output_name("https://a.example", 3, "image/webp"), "out-3.webp");
  EXPECT_EQ(output_name("https://a.example/" + std::string(200, 'a') + ".png", 0, "").size(), 100u);
}

TEST(PassedOutputs, AreHandedOnAsTheyAreUnlessTheyHoldASecret) {
  UpstreamOptions options;
  options.url = "https://api.example";
  options.accounts = {{"main", Secret("r8_token_of_the_operator")}};
  options.rehost = false;
  const Scrubber scrubber(options);
  domain::Prediction p;
  p.status = domain::Status::processing;
  Progress progress(options, scrubber, p);
  Snapshot snapshot;
  snapshot.id = "x";
  snapshot.state = domain::Status::processing;
  const std::string elsewhere = "https://replicate.delivery/a/out%5F0.png?x=1";
  snapshot.output =
      domain::Value::Array{elsewhere, "https://api.example/delivery/t/out.png",
                           "https://api.example/out.png?t=r8_token_of_the_operator", "see https://api.example/x"};
  const auto steps = progress.on_snapshot(snapshot);
  std::vector<std::string> items;
  for (const auto& step : steps) {
    if (const auto* item = std::get_if<StepItem>(&step)) {
      EXPECT_TRUE(item->files.empty());
      items.push_back(item->json);
    }
  }
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(items[0], "\"" + elsewhere + "\"");
  EXPECT_EQ(items[1], "\"https://api.example/delivery/t/out.png\"");
  EXPECT_EQ(items[2].find("r8_token"), std::string::npos);
  EXPECT_EQ(items[3].find("api.example"), std::string::npos) << "text that is no link";
}

}  // namespace
}  // namespace hekto::runners::replicate
