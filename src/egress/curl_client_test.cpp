// SPDX-License-Identifier: Apache-2.0
#include "egress/curl_client.h"

#include <arpa/inet.h>
#include <atomic>
#include <functional>
#include <future>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "async/run_blocking.h"
#include "tests/support/results.h"

namespace hekto::egress {
namespace {

using namespace std::chrono_literals;
using test::code_of;

/// A server that answers every connection with the same bytes, then closes it. Port 0; IPv4 and IPv6 loopback.
class Receiver {
 public:
  /// `stay_open`: the connection is held until the receiver goes.
  explicit Receiver(std::string answer, bool stay_open = false) : answer_(std::move(answer)), stay_open_(stay_open) {
    listener_ = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int off = 0;
    setsockopt(listener_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_addr = in6addr_any;
    socklen_t size = sizeof(any);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&any), size) != 0 || ::listen(listener_, 64) != 0) abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size);
    port_ = ntohs(any.sin6_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Receiver() {
    closing_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    for (const int fd : held_) ::close(fd);
  }
  std::string port() const { return std::to_string(port_); }
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + port() + path; }
  int connections() const { return connections_; }
  /// What the last connection sent, once it was answered.
  std::string last_request() const {
    std::scoped_lock lock(mutex_);
    return request_;
  }

 private:
  void serve() {
    while (!closing_) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      ++connections_;
      read_request(fd);
      if (!answer_.empty() && ::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL) < 0) answer_failed_ = true;
      if (stay_open_) {
        held_.push_back(fd);
      } else {
        ::close(fd);
      }
    }
  }
  void read_request(int fd) {
    std::string text;
    std::size_t wanted = std::string::npos;
    char buffer[4096];
    while (text.size() < wanted) {
      const auto got = ::recv(fd, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
      const auto head = text.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const auto length = text.find("Content-Length: ");
      wanted = head + 4 + (length < head ? std::stoul(text.substr(length + 16)) : 0);
    }
    std::scoped_lock lock(mutex_);
    request_ = text;
  }

  const std::string answer_;
  const bool stay_open_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> closing_{false};
  std::atomic<bool> answer_failed_{false};
  mutable std::mutex mutex_;
  std::string request_;  // guarded by mutex_
  std::vector<int> held_;
  std::thread thread_;
};

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Egress : public testing::Test {
 protected:
  Egress() { io.start(); }
  Result<ports::HttpReply> send(CurlClient& client, ports::HttpRequest request) {
    return async::run_blocking(io.next(), client.send(std::move(request)));
  }
  static ports::HttpRequest post(std::string url, std::string body = "{}") {
    return {.method = "POST", .url = std::move(url), .headers = {}, .body = std::move(body), .limit = 30s};
  }
  async::IoThreads io{2};
  CurlClient home{EgressPolicy{{}, true}};
  CurlClient strict{EgressPolicy{}};
};

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

TEST_F(Egress, DialsOnlyWhatIsAllowedHoweverItIsSpelt) {
  Receiver canary(kOk);
  const std::string port = ":" + canary.port();
  const char* hosts[] = {"127.0.0.1",
                         "127.0.0.1.",
                         "127.1",
                         "127.0.1",
                         "127.000.000.001",
                         "0127.0.0.1",
                         "0177.0.0.1",
                         "0177.1",
                         "0x7f.0.0.1",
                         "0x7F.0x0.0x0.0x1",
                         "0x7f000001",
                         "0x7F000001",
                         "0x7f.1",
                         "0x7f.0.1",
                         "2130706433",
                         "017700000001",
                         "00000177.0.0.1",
                         "0x0000007f.0.0.1",
                         "127.0.0.0x1",
                         "127.0x0.1",
                         "127.2.3.4",
                         "127.255.255.254",
                         "localhost",
                         "LOCALHOST",
                         "localhost.",
                         "0.0.0.0",
                         "0",
                         "0x0",
                         "00",
                         "0.0",
                         "[::1]",
                         "[0:0:0:0:0:0:0:1]",
                         "[::0001]",
                         "[0000:0000:0000:0000:0000:0000:0000:0001]",
                         "[::]",
                         "[0::0]",
                         "[::ffff:127.0.0.1]",
                         "[::ffff:7f00:1]",
                         "[::FFFF:7F00:0001]",
                         "[0:0:0:0:0:ffff:127.0.0.1]",
                         "[0:0:0:0:0:ffff:7f00:1]",
                         "[::ffff:0.0.0.0]",
                         "[::127.0.0.1]",
                         "[::ffff:127.1.2.3]",
                         "%31%32%37.0.0.1",
                         "127%2e0.0.1",
                         "①②⑦.⓪.⓪.①",
                         "127。0。0。1",
                         "ｌｏｃａｌｈｏｓｔ",
                         "[::1%25lo]",
                         "[fe80::1%25lo]",
                         "[fe80::1]",
                         "[fc00::1]",
                         "[ff02::1]",
                         "10.0.0.1",
                         "192.168.0.1",
                         "169.254.169.254",
                         "2852039166",
                         "0xa9fea9fe",
                         "[::ffff:a9fe:a9fe]",
                         "100.64.0.1",
                         "172.17.0.1",
                         "192.0.0.170",
                         "198.18.0.1",
                         "224.0.0.1",
                         "255.255.255.255",
                         "[64:ff9b::127.0.0.1]",
                         "[2002:7f00:1::1]"};
  int tried = 0;
  for (const std::string host : hosts) {
    for (const std::string& url : {"http://" + host + port + "/", "https://" + host + port + "/x?y=1"}) {
      const auto reply = send(strict, post(url));
      EXPECT_FALSE(reply) << url;
      ++tried;
    }
  }
  for (const std::string odd : {"http://a@127.0.0.1", "http://127.0.0.1#@a.invalid", "http://127.0.0.1\\@a.invalid",
                                "http:127.0.0.1", "http:/127.0.0.1", "http:\\\\127.0.0.1", " http://127.0.0.1",
                                "http://127.0.0.1\t", "HTTP://127.0.0.1", "//127.0.0.1", "127.0.0.1", "localhost"}) {
    EXPECT_FALSE(send(strict, post(odd + port + "/"))) << odd;
    ++tried;
  }
  EXPECT_GE(tried, 100);
  EXPECT_EQ(canary.connections(), 0);
  EXPECT_EQ(code_of(send(strict, post("http://localhost" + port))), ErrorCode::forbidden);
  EXPECT_EQ(code_of(send(strict, post("http://10.0.0.1" + port))), ErrorCode::forbidden);

  // The canary does sing: the same spellings reach it where they may.
  EXPECT_TRUE(send(home, post("http://0x7f.1" + port)));
  EXPECT_TRUE(send(home, post("http://[::1]" + port)));
  EXPECT_TRUE(send(home, post("http://localhost" + port)));
  EXPECT_EQ(canary.connections(), 3);
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
