// SPDX-License-Identifier: Apache-2.0
#include "egress/curl_client.h"

#include <future>

#include "tests/support/egress_fixture.h"

namespace hekto::egress {
namespace {

using namespace std::chrono_literals;
using test::code_of;
using test::Receiver;

TEST_F(Egress, SendsTheBodyAsItIsAndGivesStatusAndReply) {
  Receiver receiver("HTTP/1.1 418 Teapot\r\nContent-Length: 5\r\n\r\nshort");
  auto request = post(receiver.url("/a/../b?x=%20y"), std::string("{\"a\":\0}", 7));
  request.headers = {{"Content-Type", "application/json"}, {"webhook-id", "msg_1"}};
  const auto reply = send(home, request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 418);
  EXPECT_EQ(reply->body, "short");
  EXPECT_FALSE(reply->truncated);
  const auto sent = receiver.last_request();
  EXPECT_TRUE(sent.starts_with("POST /a/../b?x=%20y HTTP/1.1\r\n")) << sent;
  EXPECT_TRUE(sent.ends_with("\r\n\r\n" + request.body)) << sent;
  EXPECT_NE(sent.find("webhook-id: msg_1\r\n"), std::string::npos);
  EXPECT_NE(sent.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(sent.find("User-Agent: Hekto/"), std::string::npos);
  EXPECT_EQ(sent.find("Accept-Encoding"), std::string::npos);
}

TEST_F(Egress, FollowsNoRedirect) {
  Receiver second(kOk);
  Receiver first("HTTP/1.1 302 Found\r\nLocation: " + second.url() + "\r\nContent-Length: 0\r\n\r\n");
  const auto reply = send(home, post(first.url()));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(second.connections(), 0);
}

TEST_F(Egress, ReadsNoMoreOfAReplyThanItsLimit) {
  Receiver receiver("HTTP/1.1 200 OK\r\n\r\n" + std::string(1 << 20, 'x'));
  const auto reply = send(home, post(receiver.url()));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_TRUE(reply->truncated);
  EXPECT_EQ(reply->body.size(), 64u << 10);
}

TEST_F(Egress, DecodesNothing) {
  Receiver receiver("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz");
  const auto reply = send(home, post(receiver.url()));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "zzzz");
}

TEST_F(Egress, BreaksOffWhenTheHeadersDoNotEnd) {
  Receiver receiver("HTTP/1.1 200 OK\r\nX: " + std::string(200 << 10, 'x') + "\r\n\r\n");
  EXPECT_EQ(code_of(send(home, post(receiver.url()))), ErrorCode::upstream);
}

TEST_F(Egress, GivesUpWhenNoAnswerComesInTime) {
  Receiver silent("", true);
  auto request = post(silent.url());
  request.limit = 50ms;
  EXPECT_EQ(code_of(send(home, request)), ErrorCode::timeout);
  Receiver dripping("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx", true);
  request.url = dripping.url();
  EXPECT_EQ(code_of(send(home, request)), ErrorCode::timeout);
}

TEST_F(Egress, SaysWhenNothingListensOrNothingAnswers) {
  std::string url;
  {
    Receiver gone(kOk);
    url = gone.url();
  }
  EXPECT_EQ(code_of(send(home, post(url))), ErrorCode::unavailable);
  Receiver mute("");
  EXPECT_EQ(code_of(send(home, post(mute.url()))), ErrorCode::upstream);
}

TEST_F(Egress, RefusesUrlsThatItCannotOrMustNotCall) {
  for (const char* url : {"", "nothing", "file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://",
                          "http://user:word@127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1:99999/"}) {
    EXPECT_EQ(code_of(send(home, post(url))), ErrorCode::invalid_input) << url;
  }
}

TEST_F(Egress, UsesAConnectionOfItsOwnForEveryRequest) {
  Receiver receiver("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(send(home, post(receiver.url())));
  EXPECT_EQ(receiver.connections(), 3);
}

TEST_F(Egress, DialsTheNetworksThatAreListed) {
  Receiver receiver(kOk);
  CurlClient listed{EgressPolicy{*NetworkList::parse({"127.0.0.2/32"}), false}};
  EXPECT_TRUE(send(listed, post("http://127.0.0.2:" + receiver.port())));
  EXPECT_EQ(code_of(send(listed, post("http://127.0.0.3:" + receiver.port()))), ErrorCode::forbidden);
  EXPECT_EQ(receiver.connections(), 1);
}

TEST_F(Egress, ServesManyAtOnceThoughSomeNeverAnswer) {
  Receiver silent("", true);
  Receiver quick(kOk);
  std::vector<std::future<Result<ports::HttpReply>>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(boost::asio::co_spawn(io.next(), home.send(post(silent.url())), boost::asio::use_future));
  }
  EXPECT_TRUE(send(home, post(quick.url())));
  home.close();
  for (auto& each : waiting) EXPECT_EQ(code_of(each.get()), ErrorCode::canceled);
  EXPECT_EQ(code_of(send(home, post(quick.url()))), ErrorCode::canceled);
}

}  // namespace
}  // namespace hekto::egress
