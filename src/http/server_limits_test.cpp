// SPDX-License-Identifier: Apache-2.0
// Every limit of a listener, each with a small number.
#include <atomic>
#include <string>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

#include "http/core.h"
#include "http/test_support.h"

namespace hekto::http {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using test::TestServer;

constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

ListenerOptions with(const std::function<void(Limits&)>& change) {
  ListenerOptions options;
  change(options.limits);
  return options;
}

TEST(Limits, HeadBytesTargetBytesAndHeaderCount) {
  TestServer server(with([](Limits& limits) {
    limits.head_bytes = 512;
    limits.target_bytes = 100;
    limits.header_count = 5;
  }));
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto status = [&](const std::string& bytes) {
    auto client = server.client();
    client.send(bytes);
    const auto replies = client.read_all();
    return replies.size() == 1 ? replies[0].status : -1;
  };
  EXPECT_EQ(status("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), 200);
  EXPECT_EQ(status("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), 431);
  EXPECT_EQ(status("GET /x HTTP/1.1\r\nHost: a\r\nA: " + std::string(600, 'b') + "\r\n\r\n"), 431);
  EXPECT_EQ(status("GET /x?" + std::string(100, 'b') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
  EXPECT_EQ(status("GET /" + std::string(70'000, 'b')), 414) << "answered although more keeps coming";
}

TEST(Limits, HeadsLargerThanTheUsualBuffer) {
  TestServer server;
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  const std::string large = "GET /x HTTP/1.1\r\nHost: a\r\nA: " + std::string(15'000, 'b') + "\r\n\r\n";
  client.send(large + large + kGet);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.read().status, 200) << i;
}

TEST(Limits, BodyBytesOfTheRoute) {
  TestServer server;
  server.echo("/x", {.max_body = 4});
  ASSERT_TRUE(server.start());
  auto announced = server.client();
  announced.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(announced.read().status, 413) << "from the head alone";
  EXPECT_TRUE(announced.closes_silently());
  auto chunked = server.client();
  chunked.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n");
  EXPECT_EQ(chunked.read().status, 413);
  auto fitting = server.client();
  fitting.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd");
  EXPECT_EQ(fitting.read().status, 200);
}

TEST(Limits, AnUnadmittedRequestIsAnsweredBeforeItsBody) {
  TestServer server;
  server.echo("/x", {.max_body = 20'000'000, .admit = [](const Request& request) -> std::optional<Response> {
                       if (request.has_header("authorization")) return std::nullopt;
                       return problem(401, "no");
                     }});
  ASSERT_TRUE(server.start());
  auto large = server.client();
  large.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  EXPECT_EQ(large.read().status, 401) << "from the head alone";
  EXPECT_TRUE(large.closes_silently());
  auto small = server.client();
  small.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd" + std::string(kGet));
  EXPECT_EQ(small.read().status, 401);
  EXPECT_EQ(small.read().status, 200) << "a small body is skipped and the connection kept";
  auto chunked = server.client();
  chunked.send("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" +
               std::string(0x20000, 'b') + "\r\n");
  EXPECT_EQ(chunked.read().status, 413) << "an unadmitted body is not read without bound";
  auto admitted = server.client();
  admitted.send("POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nContent-Length: 4\r\n\r\nabcd");
  EXPECT_EQ(admitted.read().status, 200);
}

TEST(Limits, ARefusalReachesAClientThatIsStillSending) {
  TestServer server;
  server.echo("/x", {.max_body = 4});
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + std::string(50'000, 'b'));
  EXPECT_EQ(client.read().status, 413);
}

TEST(Limits, TimeForAHead) {
  TestServer server(with([](Limits& limits) { limits.head_timeout = 50ms; }));
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send("GET /x HTTP/1.1\r\nHo");
  EXPECT_EQ(client.read().status, 408);
  EXPECT_TRUE(client.closes_silently());
}

TEST(Limits, TimeForAHeadIsNotRenewedByEachByte) {
  TestServer server(with([](Limits& limits) { limits.head_timeout = 100ms; }));
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send("GET /x HTTP/1.1\r\nA: ");
  std::atomic<bool> done = false;
  std::jthread dripping([&] {
    while (!done) {
      client.send("b");
      std::this_thread::sleep_for(10ms);
    }
  });
  EXPECT_EQ(client.read().status, 408);
  done = true;
}

TEST(Limits, IdleTimeBeforeAndBetweenRequests) {
  TestServer server(with([](Limits& limits) { limits.idle_timeout = 50ms; }));
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto silent = server.client();
  EXPECT_TRUE(silent.closes_silently());
  auto client = server.client();
  client.send(kGet);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(client.closes_silently());
}

TEST(Limits, RateOfABody) {
  TestServer server(with([](Limits& limits) {
    limits.body_grace = 50ms;
    limits.body_rate = 1'000'000;
  }));
  server.echo("/x");
  ASSERT_TRUE(server.start());
  for (const char* framing : {"Content-Length: 100\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    auto client = server.client();
    client.send("POST /x HTTP/1.1\r\nHost: a\r\n" + std::string(framing));
    EXPECT_EQ(client.read().status, 408) << framing;
    EXPECT_TRUE(client.closes_silently());
  }
}

TEST(Limits, StalledReaders) {
  TestServer server(with([](Limits& limits) { limits.write_timeout = 50ms; }));
  server.router.add(Method::get, "/big", [](Request&) -> async::Task<Response> {
    Response response = test::text(std::string(64 << 20, 'a'));
    response.compressible = false;
    co_return response;
  });
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(TestServer::eventually([&] { return server.server().connections() == 1; }));
  EXPECT_TRUE(TestServer::eventually([&] { return server.server().connections() == 0; })) << "dropped unread";
  EXPECT_FALSE(client.read().complete);
}

TEST(Limits, SlowButSteadyReadersGetEverything) {
  TestServer server(with([](Limits& limits) { limits.write_timeout = 2'000ms; }));
  server.router.add(Method::get, "/big", [](Request&) -> async::Task<Response> {
    Response response = test::text(std::string(8 << 20, 'a'));
    response.compressible = false;
    co_return response;
  });
  ASSERT_TRUE(server.start());
  auto client = server.client();
  const int small = 32 * 1024;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto reply = client.read();
  EXPECT_TRUE(reply.complete);
  EXPECT_EQ(reply.body.size(), 8U << 20);
}

TEST(Limits, Connections) {
  TestServer server(with([](Limits& limits) { limits.connections = 2; }));
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto first = server.client();
  auto second = server.client();
  first.send(kGet);
  second.send(kGet);
  EXPECT_EQ(first.read().status, 200);
  EXPECT_EQ(second.read().status, 200);
  auto third = server.client();
  third.send(kGet);
  const auto refused = third.read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.header("Retry-After"));
  EXPECT_TRUE(third.closes_silently());
  EXPECT_EQ(server.server().refused_connections(), 1U);
  EXPECT_EQ(server.server().connections(), 2U);
  first.close();
  EXPECT_TRUE(TestServer::eventually([&] { return server.server().connections() == 1; }));
  auto fourth = server.client();
  fourth.send(kGet);
  EXPECT_EQ(fourth.read().status, 200);
}

TEST(Limits, ConnectionsOfOneAddressSpareLoopback) {
  TestServer server(with([](Limits& limits) { limits.connections_per_address = 1; }));
  server.echo("/x");
  ASSERT_TRUE(server.start());
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server.client());
    clients.back().send(kGet);
    EXPECT_EQ(clients.back().read().status, 200);
  }
}

TEST(Limits, ConnectionsOfOneAddressAreCountedAndGivenBack) {
  const Router router;
  Limits limits;
  limits.connections_per_address = 2;
  const auto core = std::make_shared<Core>(router, Observer(), limits);
  const Peer peer{.text = "192.0.2.1"};
  const Peer other{.text = "192.0.2.2"};
  const Peer proxy{.text = "192.0.2.1", .trusted_proxy = true};
  const auto first = Seat::take(core, peer);
  {
    const auto second = Seat::take(core, peer);
    EXPECT_EQ(second->kind(), Seat::Kind::regular);
    EXPECT_EQ(Seat::take(core, peer)->kind(), Seat::Kind::refused);
    EXPECT_EQ(Seat::take(core, other)->kind(), Seat::Kind::regular);
    EXPECT_EQ(Seat::take(core, proxy)->kind(), Seat::Kind::regular) << "it speaks for many";
  }
  EXPECT_EQ(Seat::take(core, peer)->kind(), Seat::Kind::regular) << "the second has left";
  EXPECT_EQ(core->connections, 1U);
  EXPECT_EQ(core->refused, 1U);
}

}  // namespace
}  // namespace hekto::http
