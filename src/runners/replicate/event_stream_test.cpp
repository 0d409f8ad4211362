// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/event_stream.h"

#include <deque>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_task.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

/// What one connection brings, and how it ends.
struct Connection {
  std::vector<std::string> pieces;
  Result<ports::HttpReply> end = ok();
  std::function<void()> before_end = [] {};

  static Result<ports::HttpReply> ok(const std::string& type = "text/event-stream; charset=utf-8") {
    auto reply = status(200);
    reply->headers.emplace_back("content-type", type);
    return reply;
  }
  static Result<ports::HttpReply> broken() { return fail(ErrorCode::upstream, "the connection broke off"); }
  static Result<ports::HttpReply> status(int code) { return ports::HttpReply{code, "", false}; }
};

/// An upstream that plays its connections one after the other; beyond the last, none comes about.
class Upstream final : public ports::HttpClient {
 public:
  std::deque<Connection> connections;
  std::vector<ports::HttpRequest> requests;
  std::size_t refused_writes = 0;

  async::Task<Result<ports::HttpReply>> send(ports::HttpRequest request) override {
    requests.push_back(request);
    if (connections.empty()) co_return fail(ErrorCode::unavailable, "no connection could be made");
    auto now = std::move(connections.front());
    connections.pop_front();
    for (const auto& piece : now.pieces) {
      if (auto written = request.sink->write(piece); !written) {
        ++refused_writes;
        co_return std::unexpected(written.error());
      }
    }
    now.before_end();
    if (request.stop.stop_requested()) co_return fail(ErrorCode::canceled, "stopped");
    co_return std::move(now.end);
  }
  /// Last-Event-ID of each request; "-": none was sent.
  std::vector<std::string> resumed() const {
    std::vector<std::string> ids;
    for (const auto& request : requests) {
      ids.emplace_back("-");
      for (const auto& [name, value] : request.headers) {
        if (name == "Last-Event-ID") ids.back() = value;
      }
    }
    return ids;
  }
};

std::string output(int n, const std::string& text) {
  return "event: output\nid: 7:" + std::to_string(n) + "\ndata: " + text + "\n\n";
}
const std::string kDone = "event: done\nid: 8:0\ndata: {}\n\n";

class UpstreamStream : public testing::Test {
 protected:
  /// Reads to the end and returns all that came: place and text.
  std::vector<std::pair<std::size_t, std::string>> read() {
    test::run_task(EventStream::run(stream, stop));
    return taken();
  }
  std::vector<std::pair<std::size_t, std::string>> taken() {
    std::vector<std::pair<std::size_t, std::string>> all;
    for (auto& piece : stream->take()) all.emplace_back(piece.index, std::move(piece.text));
    return all;
  }

  std::shared_ptr<EventStream> fresh() {
    std::vector<std::pair<std::string, std::string>> no_headers;
    return std::make_shared<EventStream>(upstream, "http://up.example/v1/streams/secret", no_headers, nullptr, 1ms);
  }

  Upstream upstream;
  async::StopToken stop;
  std::shared_ptr<EventStream> stream = fresh();
};

TEST_F(UpstreamStream, AreReadHoweverTheyAreCut) {
  const std::string all = ": hi\n\n" + output(0, "Once") + ": keep-alive\n" +
                          "event: output\r\nid: 7:1\r\ndata:  upon\r\ndata: \r\n\r\n" +
                          output(2, "\xF0\x9F\xA6\x8A") + kDone;
  for (const std::size_t size : {1U, 2U, 5U, 1000U}) {
    stream = fresh();
    Connection connection;
    for (std::size_t at = 0; at < all.size(); at += size) connection.pieces.push_back(all.substr(at, size));
    upstream.connections = {connection};

    EXPECT_THAT(read(), ElementsAre(Pair(0, "Once"), Pair(1, " upon\n"), Pair(2, "\xF0\x9F\xA6\x8A")));
    EXPECT_EQ(stream->state(), EventStream::State::ended);
  }
}

TEST_F(UpstreamStream, AskForEventsWithoutALimitOfTime) {
  upstream.connections = {{{kDone}}};

  read();

  const auto& request = upstream.requests.at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.limit, Duration{});
  EXPECT_GT(request.slow_after, 30s);
  EXPECT_THAT(request.headers, testing::Contains(Pair("Accept", "text/event-stream")));
  EXPECT_THAT(upstream.resumed(), ElementsAre("-"));
}

TEST_F(UpstreamStream, GoOnWhereAConnectionBroke) {
  upstream.connections = {
      {{output(0, "a"), output(1, "b") + "event: output\nid: 7:2\ndata: ha"}, Connection::broken()},
      {{output(2, "half")}, Connection::broken()},
      {{output(3, "d"), kDone}},
  };

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a"), Pair(1, "b"), Pair(2, "half"), Pair(3, "d")));
  EXPECT_THAT(upstream.resumed(), ElementsAre("-", "7:1", "7:2"));
}

TEST_F(UpstreamStream, GoOnWhenTheyEndWithoutDone) {
  upstream.connections = {{{output(0, "a")}}, {{":408: 408 Request Timeout\n"}}, {{output(1, "b"), kDone}}};

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a"), Pair(1, "b")));
}

TEST_F(UpstreamStream, GiveNothingTwiceWhenTheUpstreamReplays) {
  upstream.connections = {
      {{output(0, "a"), output(1, "b"), output(2, "c")}, Connection::broken()},
      {{output(0, "a"), output(1, "b")}, Connection::broken()},  // it does not heed the id
      {{output(1, "b"), output(2, "c"), output(3, "d"), kDone}},
  };

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a"), Pair(1, "b"), Pair(2, "c"), Pair(3, "d")));
}

TEST_F(UpstreamStream, CountFromTheBeginningWithoutIds) {
  const auto bare = [](const std::string& text) { return "event: output\ndata: " + text + "\n\n"; };
  upstream.connections = {{{bare("a"), bare("a")}, Connection::broken()}, {{bare("a"), bare("a"), bare("b"), kDone}}};

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a"), Pair(1, "a"), Pair(2, "b")));
  EXPECT_THAT(upstream.resumed(), ElementsAre("-", "-"));
}

TEST_F(UpstreamStream, AskForAllWhenTheyMayHaveBegunAnewUnderOtherIds) {
  const auto other = [](int n, const std::string& text) {
    return "event: output\nid: 9:" + std::to_string(n) + "\ndata: " + text + "\n\n";
  };
  upstream.connections = {
      {{output(0, "a"), output(1, "b")}, Connection::broken()},
      {{other(0, "a"), other(1, "b")}},
      {{other(0, "a"), other(1, "b"), other(2, "c"), kDone}},
  };

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a"), Pair(1, "b"), Pair(2, "c")));
  EXPECT_THAT(upstream.resumed(), ElementsAre("-", "7:1", "-"));
}

TEST_F(UpstreamStream, NeverSendAnIdThatIsNoHeader) {
  upstream.connections = {{{"event: output\nid: \xC3\xA4\ndata: a\n\n"}, Connection::broken()}, {{kDone}}};

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a")));
  EXPECT_THAT(upstream.resumed(), ElementsAre("-", "-"));
}

TEST_F(UpstreamStream, EndWithAnError) {
  const std::string error = "event: error\nid: 7:1\ndata: {\"detail\":\"no\"}\n\n";
  upstream.connections = {{{output(0, "a"), error, output(2, "late")}}};

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a")));
  EXPECT_EQ(stream->state(), EventStream::State::ended);
  EXPECT_EQ(upstream.requests.size(), 1U);
}

TEST_F(UpstreamStream, AreGivenUpAtAnyRefusal) {
  for (const int status : {204, 302, 400, 401, 404, 410}) {
    upstream.requests.clear();
    upstream.connections = {{{}, Connection::status(status)}};

    EXPECT_THAT(read(), IsEmpty());
    EXPECT_EQ(stream->state(), EventStream::State::given_up) << status;
    EXPECT_EQ(upstream.requests.size(), 1U) << status;
    stream = fresh();
  }
}

TEST_F(UpstreamStream, AreGivenUpWhenSomethingElseAnswers) {
  upstream.connections = {{{"{}"}, Connection::ok("application/json")}};

  EXPECT_THAT(read(), IsEmpty());
  EXPECT_EQ(stream->state(), EventStream::State::given_up);
  EXPECT_EQ(upstream.requests.size(), 1U);
}

TEST_F(UpstreamStream, AreTriedAgainAFewTimesWhenTheUpstreamIsNotWell) {
  upstream.connections = {
      {{}, Connection::status(503)}, {{}, Connection::status(502)}, {{}, Connection::broken()}, {{}}};

  EXPECT_THAT(read(), IsEmpty());
  EXPECT_EQ(stream->state(), EventStream::State::given_up);
  EXPECT_EQ(upstream.requests.size(), static_cast<std::size_t>(EventStream::kMaxFailures));
}

TEST_F(UpstreamStream, AreNotGivenUpWhileTheyBringSomethingNew) {
  for (int i = 0; i < 3 * EventStream::kMaxFailures; ++i) {
    upstream.connections.push_back({{output(i, std::to_string(i))}, Connection::broken()});
  }
  upstream.connections.push_back({{kDone}});

  EXPECT_EQ(read().size(), 3U * EventStream::kMaxFailures);
  EXPECT_EQ(stream->state(), EventStream::State::ended);
}

TEST_F(UpstreamStream, AreGivenUpWhenTheyOnlySayWhatIsKnown) {
  for (int i = 0; i < 20; ++i) upstream.connections.push_back({{output(0, "a")}, Connection::broken()});

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a")));
  EXPECT_EQ(stream->state(), EventStream::State::given_up);
  EXPECT_EQ(upstream.requests.size(), 1U + EventStream::kMaxFailures);
}

TEST_F(UpstreamStream, KeepABoundedAmountAndComeBackForTheRest) {
  const auto large = [](int i) { return output(i, std::string(100 << 10, static_cast<char>('a' + i))); };
  std::vector<std::pair<std::size_t, std::string>> all;
  Connection first;
  for (int i = 0; i < 5; ++i) first.pieces.push_back(large(i));
  Connection second;
  second.pieces = {large(2), large(3), large(4), kDone};
  Connection third;
  third.pieces = {large(4), kDone};
  upstream.connections = {first, second, third};
  // Somebody takes what there is as soon as the reader waits for that.
  std::function<void()> take = [&] {
    for (auto& piece : taken()) all.push_back(std::move(piece));
  };
  boost::asio::io_context context;
  auto ended = boost::asio::co_spawn(context, EventStream::run(stream, stop), boost::asio::use_future);
  std::size_t most = 0;
  while (ended.wait_for(0s) != std::future_status::ready) {
    context.run_one();
    std::size_t held = 0;
    const auto before = all.size();
    take();
    for (std::size_t i = before; i < all.size(); ++i) held += all[i].second.size();
    most = std::max(most, held);
  }

  ASSERT_EQ(all.size(), 5U);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].first, i);
  EXPECT_LE(most, EventStream::kMaxQueued);
  EXPECT_GE(upstream.refused_writes, 1U);
  EXPECT_EQ(upstream.resumed().at(1), "7:1");
}

TEST_F(UpstreamStream, AreGivenUpForAnEventWithoutEnd) {
  Connection endless;
  endless.pieces = {"event: output\ndata: "};
  for (int i = 0; i < 20; ++i) endless.pieces.emplace_back(100 << 10, 'x');
  upstream.connections = {endless};

  EXPECT_THAT(read(), IsEmpty());
  EXPECT_EQ(stream->state(), EventStream::State::given_up);
  EXPECT_EQ(upstream.requests.size(), 1U);
}

TEST_F(UpstreamStream, AreGivenUpWhenTheyAreNoText) {
  upstream.connections = {{{output(0, "a"), output(1, "\xF0\x9F")}}};

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a")));
  EXPECT_EQ(stream->state(), EventStream::State::given_up);
}

TEST_F(UpstreamStream, EndSoonAfterAStop) {
  upstream.connections = {{{output(0, "a")}, Connection::ok(), [this] { stop.request_stop(); }}};

  EXPECT_THAT(read(), ElementsAre(Pair(0, "a")));
  EXPECT_EQ(upstream.requests.size(), 1U);
}

TEST_F(UpstreamStream, WakeWhoeverWaitsForPiecesOrForAnEnd) {
  async::StopToken for_pieces, for_state;
  upstream.connections = {{{output(0, "a")}, Connection::ok(),
                           [&] {
                             EXPECT_TRUE(for_pieces.stop_requested());
                             stream->wake(for_state, EventStream::State::live, false);
                             EXPECT_FALSE(for_state.stop_requested());
                           }},
                          {{kDone}}};
  stream->wake(for_pieces, EventStream::State::silent, true);
  EXPECT_FALSE(for_pieces.stop_requested());

  read();

  EXPECT_TRUE(for_state.stop_requested());
}

TEST_F(UpstreamStream, WakeAtOnceForWhatIsThere) {
  upstream.connections = {{{output(0, "a"), kDone}}};
  test::run_task(EventStream::run(stream, stop));
  async::StopToken later, at_once, for_state;

  stream->wake(later, EventStream::State::ended, false);
  EXPECT_FALSE(later.stop_requested());
  stream->wake(at_once, EventStream::State::ended, true);
  EXPECT_TRUE(at_once.stop_requested());
  stream->wake(for_state, EventStream::State::live, false);
  EXPECT_TRUE(for_state.stop_requested());
}

}  // namespace
}  // namespace hekto::runners::replicate
