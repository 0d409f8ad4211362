// SPDX-License-Identifier: Apache-2.0
// What requests to an upstream need of the client: knowing whether anything was sent, and kept connections.
#include <algorithm>
#include <cstring>

#include "egress/curl_client.h"
#include "tests/support/egress_fixture.h"

namespace hekto::egress {
namespace {

using namespace std::chrono_literals;
using test::code_of;
using test::Receiver;

class RelayRequests : public Egress {
 protected:
  struct Sent {
    Result<ports::HttpReply> reply;
    bool sent = false;
  };
  Sent watch(CurlClient& client, ports::HttpRequest request) {
    request.sent = std::make_shared<std::atomic<bool>>(false);
    const auto flag = request.sent;
    auto reply = send(client, std::move(request));
    return {std::move(reply), flag->load()};
  }
  static ports::HttpRequest poll(const std::string& url) {
    ports::HttpRequest request;
    request.url = url;
    request.limit = std::chrono::seconds(30);
    request.reuse = true;
    return request;
  }
  static std::string closed_port() {
    const Receiver gone(kOk);
    return gone.url();
  }
};

TEST_F(RelayRequests, NothingWasSentWithoutAConnection) {
  const auto refused = watch(home, post(closed_port()));
  EXPECT_EQ(code_of(refused.reply), ErrorCode::unavailable);
  EXPECT_FALSE(refused.sent);
  const auto unknown = watch(home, post("http://name.invalid/"));
  EXPECT_FALSE(unknown.reply);
  EXPECT_FALSE(unknown.sent);
}

TEST_F(RelayRequests, NothingWasSentWhenTheTlsHandshakeFails) {
  const Receiver closing("", false, 0);
  const auto broken = watch(home, post("https://127.0.0.1:" + closing.port() + "/"));
  EXPECT_EQ(code_of(broken.reply), ErrorCode::unavailable);
  EXPECT_FALSE(broken.sent);
  const Receiver waiting(kOk);
  auto request = post("https://127.0.0.1:" + waiting.port() + "/");
  request.limit = 200ms;
  const auto late = watch(home, std::move(request));
  EXPECT_EQ(code_of(late.reply), ErrorCode::timeout);
  EXPECT_FALSE(late.sent);
}

TEST_F(RelayRequests, NothingWasSentToAnAddressThatIsNotAllowed) {
  const Receiver receiver(kOk);
  const auto result = watch(strict, post(receiver.url()));
  EXPECT_EQ(code_of(result.reply), ErrorCode::forbidden);
  EXPECT_FALSE(result.sent);
}

TEST_F(RelayRequests, AConnectionThatBreaksOffMayHaveCarriedTheRequest) {
  for (const std::string answer : {"", "HTTP/1.1 2", "HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf"}) {
    const Receiver receiver(answer);
    const auto result = watch(home, post(receiver.url()));
    EXPECT_FALSE(result.reply) << answer;
    EXPECT_TRUE(result.sent) << answer;
    EXPECT_EQ(receiver.requests(), 1) << answer;
  }
}

TEST_F(RelayRequests, AnAnswerThatDoesNotComeMayHaveBeenCaused) {
  const Receiver receiver("", true);
  auto request = post(receiver.url());
  request.limit = std::chrono::milliseconds(300);
  const auto result = watch(home, std::move(request));
  EXPECT_EQ(code_of(result.reply), ErrorCode::timeout);
  EXPECT_TRUE(result.sent);
}

TEST_F(RelayRequests, PollsShareAConnection) {
  const Receiver receiver(kOk, false, 5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(home, poll(receiver.url()))->body, "ok");
  EXPECT_EQ(receiver.connections(), 1);
}

TEST_F(RelayRequests, APollOnAConnectionThatWentStaleIsSentAgain) {
  const Receiver receiver(kOk, false, 2);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(send(home, poll(receiver.url())));
  EXPECT_EQ(receiver.requests(), 6);
}

TEST_F(RelayRequests, ACreateNeverGoesOverAKeptConnection) {
  const Receiver receiver(kOk, true);
  EXPECT_TRUE(send(home, poll(receiver.url())));
  EXPECT_TRUE(send(home, post(receiver.url())));
  EXPECT_TRUE(send(home, post(receiver.url())));
  EXPECT_EQ(receiver.connections(), 3);
}

TEST_F(RelayRequests, OriginsThatTheOperatorNamedAreDialledAnywhere) {
  const Receiver receiver(kOk);
  EgressPolicy policy;
  policy.trusted_origins = {"http://127.0.0.1:" + receiver.port()};
  CurlClient client(policy);
  EXPECT_TRUE(send(client, post(receiver.url("/v1/predictions"))));
  EXPECT_EQ(code_of(send(client, post("http://localhost:" + receiver.port() + "/"))), ErrorCode::forbidden);
  const Receiver other(kOk);
  EXPECT_EQ(code_of(send(client, post(other.url()))), ErrorCode::forbidden);
}

TEST_F(RelayRequests, NothingOfAnEarlierExchangeIsSentAlong) {
  const Receiver receiver(kOk);
  EgressPolicy policy;
  policy.trusted_origins = {"http://127.0.0.1:" + receiver.port()};
  CurlClient client(policy);
  auto first = post(receiver.url("/first"), "a secret");
  first.headers = {{"Authorization", "Bearer one"}, {"Idempotency-Key", "one"}};
  EXPECT_TRUE(send(client, std::move(first)));
  EXPECT_TRUE(send(client, poll(receiver.url("/second"))));
  const auto sent = receiver.last_request();
  EXPECT_TRUE(sent.starts_with("GET /second HTTP/1.1\r\n")) << sent;
  EXPECT_EQ(sent.find("one"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("Content-"), std::string::npos) << sent;
  EXPECT_TRUE(send(client, post(receiver.url("/third"), "{}")));
  EXPECT_TRUE(receiver.last_request().ends_with("\r\n\r\n{}")) << receiver.last_request();
}

TEST_F(RelayRequests, EvenTheyAreNotThisServer) {
  const Receiver receiver(kOk);
  EgressPolicy policy;
  policy.trusted_origins = {"http://127.0.0.1:" + receiver.port()};
  policy.own_ports = {static_cast<std::uint16_t>(std::stoi(receiver.port()))};
  CurlClient client(policy);
  const auto result = watch(client, post(receiver.url()));
  EXPECT_EQ(code_of(result.reply), ErrorCode::forbidden);
  EXPECT_FALSE(result.sent);
}

TEST(TrustedOrigins, AreComparedWhole) {
  EgressPolicy policy;
  policy.trusted_origins = {"https://api.example", "http://10.0.0.1:9000"};
  for (const char* url :
       {"https://api.example/v1", "HTTPS://API.example:443/v1", "https://api.example?x", "http://10.0.0.1:9000/"}) {
    EXPECT_TRUE(policy.trusts(url)) << url;
  }
  for (const char* url : {"http://api.example/", "https://api.example.evil/", "https://api.example:444/",
                          "http://10.0.0.1/", "https://evil/https://api.example", "api.example"}) {
    EXPECT_FALSE(policy.trusts(url)) << url;
  }
}

TEST(TrustedOrigins, MayHaveAuthoritiesOfTheirOwn) {
  EgressPolicy policy;
  policy.trusted_origins = {"https://own.example", "https://api.example"};
  policy.ca_files = {{"https://own.example", "/etc/own.pem"}};
  EXPECT_EQ(policy.ca_file("https://OWN.example:443/v1/predictions?x"), "/etc/own.pem");
  for (const char* url : {"https://api.example/", "https://own.example:444/", "http://own.example/", "own.example"}) {
    EXPECT_EQ(policy.ca_file(url), "") << url;
  }
}

class TextSource final : public ports::BodySource {
 public:
  explicit TextSource(std::string text, bool breaks = false) : text_(std::move(text)), breaks_(breaks) {}
  std::uint64_t size() const override { return text_.size(); }
  Result<std::size_t> read(std::span<char> room) override {
    if (breaks_ && at_ > 0) return fail(ErrorCode::storage, "the disk refuses, on purpose");
    const auto count = std::min({room.size(), text_.size() - at_, std::size_t{1000}});
    std::memcpy(room.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  const std::string text_;
  const bool breaks_;
  std::size_t at_ = 0;
};

TEST_F(RelayRequests, ALargeBodyIsReadAsItIsSent) {
  const Receiver receiver(kOk);
  auto request = post(receiver.url());
  const std::string body(100'000, 'b');
  request.source = std::make_shared<TextSource>(body);
  EXPECT_TRUE(send(home, std::move(request)));
  EXPECT_TRUE(receiver.last_request().ends_with("\r\n\r\n" + body));
  EXPECT_NE(receiver.last_request().find("Content-Length: 100000\r\n"), std::string::npos);
}

TEST_F(RelayRequests, ABodyThatCannotBeReadEndsTheExchange) {
  const Receiver receiver(kOk);
  auto request = post(receiver.url());
  request.source = std::make_shared<TextSource>(std::string(100'000, 'b'), true);
  EXPECT_EQ(code_of(send(home, std::move(request))), ErrorCode::storage);
}

TEST_F(RelayRequests, ARefusedDownloadSaysWhy) {
  class NoSink final : public ports::BodySink {
    Result<void> write(std::string_view) override { return fail(ErrorCode::internal, "no body is wanted"); }
  };
  const Receiver receiver("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found");
  auto request = poll(receiver.url());
  request.sink = std::make_shared<NoSink>();
  request.max_refusal = 3;
  const auto reply = send(home, std::move(request));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 404);
  EXPECT_EQ(reply->body, "not");
}

}  // namespace
}  // namespace hekto::egress
