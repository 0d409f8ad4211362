// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/curl_transport.h"

namespace hekto::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Accepts connections one after the other, reads one request from each and sends a fixed answer.
class OneShotServer {
 public:
  explicit OneShotServer(std::vector<std::string> answers) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const auto& answer : answers) serve(answer);
    });
  }
  ~OneShotServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  /// What came in; waits until every answer has been sent.
  std::vector<std::string> finish() {
    thread_.join();
    return requests_;
  }

 private:
  void serve(const std::string& answer) {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    std::string request;
    std::vector<char> buffer(4096);
    while (!complete(request)) {
      const auto count = ::read(connection, buffer.data(), buffer.size());
      if (count <= 0) break;
      request.append(buffer.data(), static_cast<std::size_t>(count));
    }
    requests_.push_back(request);
    std::size_t sent = 0;
    while (sent < answer.size()) {
      const auto count = ::send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
    ::close(connection);
  }
  static bool complete(const std::string& request) {
    const auto end = request.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const auto length = request.find("Content-Length: ");
    return length == std::string::npos || request.size() - end - 4 >= std::stoul(request.substr(length + 16));
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string answer(const std::string& head, const std::string& body) {
  return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         body;
}

HttpRequest get(const std::string& url) { return {.method = "GET", .url = url}; }

TEST(CurlTransport, SendsHeadersAndBodyAndReturnsStatusAndBody) {
  OneShotServer server({answer("429 Too Many\r\nRetry-After: 7", "{}")});
  CurlTransport transport;
  HttpRequest request{.method = "POST", .url = server.url("/v1/x")};
  request.headers = {{"Authorization", "Bearer k"}};
  request.body = std::string(3000, 'b');

  const auto reply = transport.send(request);
  const auto requests = server.finish();

  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 429);
  EXPECT_EQ(reply->body, "{}");
  EXPECT_EQ(reply->retry_after, std::chrono::seconds(7));
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_THAT(requests[0], AllOf(HasSubstr("POST /v1/x HTTP/1.1"), HasSubstr("Authorization: Bearer k"),
                                 HasSubstr(std::string(3000, 'b')), Not(HasSubstr("Expect"))));
}

TEST(CurlTransport, GivesABodyToTheSinkUntilItHasEnough) {
  OneShotServer server({answer("200 OK", std::string(1'000'000, 'x')), answer("404 Not Found", "why")});
  CurlTransport transport;
  std::size_t received = 0;
  auto request = get(server.url("/"));
  request.sink = [&](std::string_view bytes) { return (received += bytes.size()) < 1000; };

  const auto first = transport.send(request);
  const auto second = transport.send(request);

  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(first->body, "");
  EXPECT_GE(received, 1000U);
  EXPECT_LT(received, 1'000'000U);
  EXPECT_EQ(second->body, "why");
}

TEST(CurlTransport, FollowsARedirectOnlyWhenAsked) {
  OneShotServer target({answer("200 OK", "there")});
  OneShotServer server({answer("302 Found\r\nLocation: " + target.url("/"), ""),
                        answer("302 Found\r\nLocation: " + target.url("/"), "")});
  CurlTransport transport;
  auto request = get(server.url("/"));

  EXPECT_EQ(transport.send(request)->status, 302);
  request.follow_redirects = true;
  EXPECT_EQ(transport.send(request)->body, "there");
}

TEST(CurlTransport, TellsFailuresApart) {
  std::string unused;
  {
    unused = OneShotServer({}).url("/");
  }
  OneShotServer server({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", answer("200 OK", "x")});
  CurlTransport transport;

  EXPECT_EQ(transport.send(get(unused)).error().code, ErrorCode::unavailable);
  EXPECT_EQ(transport.send(get("ftp://127.0.0.1/")).error().code, ErrorCode::unavailable);
  EXPECT_EQ(transport.send(get(server.url("/"))).error().code, ErrorCode::upstream);
  auto stopped = get(server.url("/"));
  stopped.should_stop = [] { return true; };
  EXPECT_EQ(transport.send(stopped).error().code, ErrorCode::canceled);
}

}  // namespace
}  // namespace hekto::cli
