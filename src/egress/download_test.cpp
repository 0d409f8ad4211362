// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <zlib.h>

#include "tests/support/egress_fixture.h"

namespace hekto::egress {
namespace {

using namespace std::chrono_literals;
using test::code_of;
using test::Receiver;

/// Counts what comes and keeps the first of it, or refuses it.
class Sink final : public ports::BodySink {
 public:
  Result<void> begin(const ports::HttpReply& head) override {
    begun.push_back(std::string(head.header("content-type")) + " before " + std::to_string(bytes) + " " +
                    std::to_string(head.status));
    if (refuses_head) return fail(ErrorCode::too_large, "it is not wanted, on purpose");
    return {};
  }
  Result<void> write(std::string_view piece) override {
    if (refuses) return fail(ErrorCode::storage, "the disk is full, on purpose");
    bytes += piece.size();
    largest = std::max(largest, piece.size());
    if (text.size() < 4096) text.append(piece.substr(0, 4096));
    return {};
  }
  bool refuses = false;
  bool refuses_head = false;
  std::vector<std::string> begun;
  std::size_t bytes = 0;
  std::size_t largest = 0;
  std::string text;
};

std::string answer(std::string_view body, std::string_view headers = "", std::string_view status = "200 OK") {
  std::string text = "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers);
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text.append(body);
}

/// Zeros, `rounds` times `size` of them, packed so that each round is the same bytes: a bomb costs no time to make.
std::string gzip(std::size_t size, int rounds = 1) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string zeros(size, '\0'), buffer(size + 1024, '\0'), out;
  const auto pack = [&](std::size_t count, int flush) {
    stream.next_in = reinterpret_cast<Bytef*>(zeros.data());
    stream.avail_in = static_cast<uInt>(count);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    deflate(&stream, flush);
    return buffer.substr(0, buffer.size() - stream.avail_out);
  };
  if (rounds == 1) {
    out = pack(size, Z_FINISH);
  } else {
    out = pack(size, Z_FULL_FLUSH);
    const auto round = pack(size, Z_FULL_FLUSH);
    for (int i = 1; i < rounds; ++i) out += round;
    out += pack(0, Z_FINISH);
  }
  deflateEnd(&stream);
  return out;
}

class Download : public Egress {
 protected:
  ports::HttpRequest get(std::string url, std::size_t limit = 1 << 20) {
    sink = std::make_shared<Sink>();
    ports::HttpRequest request;
    request.url = std::move(url);
    request.limit = 60s;
    request.max_reply = limit;
    request.sink = sink;
    return request;
  }
  std::shared_ptr<Sink> sink;
};

TEST_F(Download, TellsTheSinkOfTheHeadBeforeTheFirstByteAndOnce) {
  Receiver receiver(
      "HTTP/1.1 103 Early Hints\r\nContent-Type: text/early\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\nsome\r\n0\r\nContent-Type: text/late\r\n\r\n");
  const auto reply = send(home, get(receiver.url()));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(sink->begun, (std::vector<std::string>{"image/png before 0 200"}));
  EXPECT_EQ(sink->text, "some");
}

TEST_F(Download, TellsTheSinkOfAnEmptyBodyAndNotOfRefusals) {
  Receiver empty(answer("", "Content-Type: image/png\r\n"));
  ASSERT_TRUE(send(home, get(empty.url())));
  EXPECT_EQ(sink->begun.size(), 1u);
  Receiver refusal(answer("no", "Content-Type: text/plain\r\n", "404 Not Found"));
  ASSERT_TRUE(send(home, get(refusal.url())));
  EXPECT_TRUE(sink->begun.empty());
}

TEST_F(Download, EndsWithWhatTheSinkSaysOfTheHead) {
  Receiver receiver(answer("some bytes"));
  auto request = get(receiver.url());
  sink->refuses_head = true;
  const auto reply = send(home, std::move(request));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::too_large);
  EXPECT_EQ(sink->bytes, 0u);
}

TEST_F(Download, GoesToTheSinkWithHeadersAtHand) {
  Receiver receiver(answer("some bytes", "Content-Type: image/png\r\nX-Two:  a \r\n"));
  const auto reply = send(home, get(receiver.url("/a/fox.png?x=1")));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(sink->text, "some bytes");
  EXPECT_TRUE(reply->body.empty());
  EXPECT_EQ(reply->header("content-type"), "image/png");
  EXPECT_EQ(reply->header("x-two"), "a");
  EXPECT_EQ(reply->header("x-three"), "");
  const auto sent = receiver.last_request();
  EXPECT_TRUE(sent.starts_with("GET /a/fox.png?x=1 HTTP/1.1\r\n")) << sent;
  EXPECT_NE(sent.find("Accept-Encoding: identity\r\n"), std::string::npos) << sent;
  for (const char* header : {"Authorization", "Cookie", "Referer"}) EXPECT_EQ(sent.find(header), std::string::npos);
}

TEST_F(Download, TellsWhereARedirectLeadsWithoutGoingThere) {
  for (const auto& [location, expected] : std::map<std::string, std::string>{
           {"http://a.invalid/x", "http://a.invalid/x"}, {"file:///etc/hostname", "file:///etc/hostname"}}) {
    Receiver receiver(answer("moved", "Location: " + location + "\r\n", "302 Found"));
    const auto reply = send(home, get(receiver.url()));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 302);
    EXPECT_EQ(reply->redirect, expected);
    EXPECT_EQ(sink->bytes, 0u);
  }
  Receiver receiver(answer("", "Location: ../y?z\r\n", "301 Moved"));
  const auto reply = send(home, get(receiver.url("/a/b/c")));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->redirect, receiver.url("/a/y?z"));
}

TEST_F(Download, ReadsNoBodyButThatOfA200) {
  for (const char* status : {"404 Not Found", "206 Partial Content", "500 Oops", "201 Created"}) {
    Receiver receiver(answer(std::string(1 << 20, 'x'), "", status));
    const auto reply = send(home, get(receiver.url(), 1000));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, std::stoi(status));
    EXPECT_EQ(sink->bytes, 0u);
  }
}

TEST_F(Download, EndsAtItsLimitWhetherTheLengthWasToldOrNot) {
  const std::string body(2000, 'x');
  Receiver told(answer(body));
  EXPECT_EQ(code_of(send(home, get(told.url(), 1999))), ErrorCode::too_large);
  EXPECT_EQ(sink->bytes, 0u) << "the length alone was enough";
  EXPECT_TRUE(send(home, get(told.url(), 2000)));
  Receiver untold("HTTP/1.1 200 OK\r\n\r\n" + body);
  EXPECT_EQ(code_of(send(home, get(untold.url(), 1999))), ErrorCode::too_large);
  EXPECT_TRUE(send(home, get(untold.url(), 2000)));
  EXPECT_EQ(sink->bytes, 2000u);
}

TEST_F(Download, MustComeWhole) {
  Receiver short_of_length("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  EXPECT_EQ(code_of(send(home, get(short_of_length.url()))), ErrorCode::upstream);
  Receiver short_of_chunk("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  EXPECT_EQ(code_of(send(home, get(short_of_chunk.url()))), ErrorCode::upstream);
}

TEST_F(Download, EndsWithTheErrorOfItsSink) {
  Receiver receiver(answer("bytes"));
  auto request = get(receiver.url());
  sink->refuses = true;
  const auto reply = send(home, request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::storage);
  EXPECT_EQ(reply.error().message, "the disk is full, on purpose");
}

TEST_F(Download, IsUnpackedWhenItCamePacked) {
  Receiver receiver(answer(gzip(100'000), "Content-Encoding: gzip\r\n"));
  ASSERT_TRUE(send(home, get(receiver.url())));
  EXPECT_EQ(sink->bytes, 100'000u);
  Receiver broken(answer("no gzip at all", "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(code_of(send(home, get(broken.url()))), ErrorCode::upstream);
  Receiver unknown(answer("???", "Content-Encoding: secret\r\n"));
  EXPECT_EQ(code_of(send(home, get(unknown.url()))), ErrorCode::upstream);
}

TEST_F(Download, DoesNotUnpackABomb) {
  const auto bomb = gzip(1 << 20, 10 << 10);
  ASSERT_GT(bomb.size(), 9u << 20);
  Receiver receiver(answer(bomb, "Content-Encoding: gzip\r\n"));
  const auto by_ratio = send(home, get(receiver.url(), std::size_t{20} << 30));
  ASSERT_FALSE(by_ratio);
  EXPECT_EQ(by_ratio.error().code, ErrorCode::too_large);
  EXPECT_EQ(by_ratio.error().message, "it unpacks to more than 100 times its size");
  EXPECT_LT(sink->bytes, std::size_t{1} << 30);
  EXPECT_LE(sink->largest, 64u << 10) << "nothing larger is ever in memory";
  const auto by_size = send(home, get(receiver.url(), 5 << 20));
  ASSERT_FALSE(by_size);
  EXPECT_EQ(by_size.error().code, ErrorCode::too_large);
  EXPECT_LE(sink->bytes, 5u << 20);
}

TEST_F(Download, StopsWhenAskedTo) {
  Receiver silent("", true);
  Receiver dripping("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", true);
  for (const auto& url : {silent.url(), dripping.url()}) {
    auto request = get(url);
    async::StopToken stop = request.stop;
    auto reply = boost::asio::co_spawn(io.next(), home.send(request), boost::asio::use_future);
    stop.request_stop();
    EXPECT_EQ(code_of(reply.get()), ErrorCode::canceled);
    EXPECT_EQ(code_of(send(home, request)), ErrorCode::canceled) << "had stopped before";
  }
}

TEST_F(Download, EndsWhenTooLittleComes) {
  Receiver dripping("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", true);
  auto request = get(dripping.url());
  request.min_rate = 1000;
  request.slow_after = 1s;
  EXPECT_EQ(code_of(send(home, request)), ErrorCode::timeout);
}

}  // namespace
}  // namespace hekto::egress
