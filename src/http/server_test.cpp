// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>

#include "async/stop.h"
#include "http/test_support.h"

namespace hekto::http {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using test::Reply;
using test::TestServer;

std::string get(std::string_view path, std::string_view headers = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}
std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

TEST(Server, KeepsAConnectionForManyRequests) {
  TestServer server;
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  for (int i = 0; i < 20; ++i) {
    client.send(post("/x", "body" + std::to_string(i)));
    EXPECT_EQ(client.read().body, "POST /x body" + std::to_string(i));
  }
  EXPECT_EQ(server.server().connections(), 1U);
  client.close();
  EXPECT_TRUE(TestServer::eventually([&] { return server.server().connections() == 0; }));
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  server.echo("/a/{n}");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  std::string burst;
  for (int i = 0; i < 300; ++i) burst += post("/a/" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'));
  client.send(burst);
  for (int i = 0; i < 300; ++i) {
    const std::string expected = "POST /a/" + std::to_string(i) + " " + std::string(static_cast<std::size_t>(i), 'x');
    ASSERT_EQ(client.read().body, expected);
  }
}

TEST(Server, SpeaksHttp10) {
  TestServer server;
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto once = server.client();
  once.send("GET /x HTTP/1.0\r\n\r\n");
  const auto replies = once.read_all();
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].header("Connection"), "close");
  auto kept = server.client();
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(kept.read().header("Connection"), "keep-alive");
  }
}

TEST(Server, PutsTheStandardHeadersOnEveryAnswer) {
  TestServer server;
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/x", "X-Request-Id: mine-1\r\n") + get("/x") + get("/x") + get("/none"));
  EXPECT_EQ(client.read().header("x-request-id"), "mine-1");
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const Reply reply = client.read();
    ids.insert(reply.header("x-request-id").value_or(""));
    EXPECT_EQ(reply.header("Date").value_or("").size(), 29U);
    EXPECT_FALSE(reply.header("Server"));
  }
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids.begin()->size(), 26U);
}

TEST(Server, AnswersHeadWithTheLengthOfGet) {
  TestServer server;
  server.router.add(Method::get, "/big",
                    [](Request&) -> async::Task<Response> { co_return test::text(std::string(100'000, 'a')); });
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send("HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n" + get("/none"));
  EXPECT_EQ(client.read(true).header("Content-Length"), "100000");
  EXPECT_EQ(client.read().status, 404) << "no body came between";
}

TEST(Server, CompressesLongTextForThoseWhoAccept) {
  TestServer server;
  auto body = std::make_shared<const std::string>(2000, 'z');
  server.router.add(Method::get, "/long", [body](Request&) -> async::Task<Response> {
    Response response;
    response.body = body;
    co_return response;
  });
  server.echo("/short");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/long", "Accept-Encoding: br, gzip\r\n") + get("/long") +
              get("/long", "Accept-Encoding: gzip;q=0\r\n") + get("/short", "Accept-Encoding: gzip\r\n"));
  const Reply packed = client.read();
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
  EXPECT_LT(packed.body.size(), 200U);
  EXPECT_EQ(packed.body.substr(0, 2), "\x1F\x8B");
  for (int i = 0; i < 2; ++i) {
    const Reply plain = client.read();
    EXPECT_FALSE(plain.header("Content-Encoding"));
    EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
    EXPECT_EQ(plain.body, *body);
  }
  EXPECT_FALSE(client.read().header("Content-Encoding"));
}

TEST(Server, TurnsExceptionsAndUnsafeHeadersInto500) {
  TestServer server;
  server.router.add(Method::get, "/throw", [](Request&) -> async::Task<Response> {
    throw std::runtime_error("on purpose");
    co_return Response();
  });
  server.router.add(Method::get, "/split", [](Request&) -> async::Task<Response> {
    Response response = test::text("x");
    response.set("X-A", "b\r\nSet-Cookie: c");
    co_return response;
  });
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/throw") + get("/split") + get("/x"));
  EXPECT_EQ(client.read().status, 500);
  const Reply split = client.read();
  EXPECT_EQ(split.status, 500);
  EXPECT_FALSE(split.header("Set-Cookie"));
  EXPECT_EQ(client.read().status, 200) << "the connection goes on";
}

TEST(Server, SendsNeitherBodyNorLengthWith204) {
  TestServer server;
  server.router.add(Method::del, "/x", [](Request&) -> async::Task<Response> {
    Response response;
    response.status = 204;
    co_return response;
  });
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send("DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n");
  const Reply reply = client.read();
  EXPECT_EQ(reply.status, 204);
  EXPECT_FALSE(reply.header("Content-Length"));
  EXPECT_FALSE(reply.header("Content-Type"));
}

TEST(Server, GivesBodiesWholeWhateverTheirSizeAndFraming) {
  TestServer server;
  server.echo("/x", {.max_body = 8 << 20});
  ASSERT_TRUE(server.start());
  auto client = server.client();
  std::string large(5 << 20, 'b');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  client.send(post("/x", large));
  EXPECT_EQ(client.read().body, "POST /x " + large);
  std::string chunked = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < large.size(); at += 100'000) {
    const std::string piece = large.substr(at, 100'000);
    std::array<char, 32> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    chunked += size.data() + piece + "\r\n";
  }
  chunked += "0\r\n\r\n";
  client.send(chunked + get("/x"));
  EXPECT_EQ(client.read().body, "POST /x " + large);
  EXPECT_EQ(client.read().body, "GET /x ") << "what follows the last chunk is the next request";
}

TEST(Server, AsksForABodyThatWaitsForTheGoAhead) {
  TestServer server;
  server.echo("/x", {.max_body = 10});
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.send("abcd");
  EXPECT_EQ(client.read().body, "POST /x abcd");
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read().status, 413) << "without asking for it first";
}

TEST(Server, TellsTheObserverOfEveryAnswer) {
  struct Seen {
    unsigned status;
    bool routed;
    std::string id;
    std::uint64_t bytes;
  };
  std::mutex mutex;
  std::vector<Seen> seen;
  TestServer server({}, [&](const Exchange& e) {
    std::scoped_lock lock(mutex);
    seen.push_back({e.status, e.route != nullptr, e.request.request_id, e.response_bytes});
  });
  server.echo("/x");
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/x") + get("/none") + "bad\r\n");
  const auto replies = client.read_all();
  ASSERT_EQ(replies.size(), 3U);
  std::scoped_lock lock(mutex);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_TRUE(seen[0].routed);
  EXPECT_FALSE(seen[1].routed);
  EXPECT_EQ(seen[2].status, 400U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(seen[i].id, replies[i].header("x-request-id"));
    EXPECT_EQ(seen[i].bytes, replies[i].head.size() + 2 + replies[i].body.size());
  }
}

TEST(Server, ServesIpv6AndBothFamiliesOnTheUnspecifiedAddress) {
  for (const char* host : {"::1", "::"}) {
    ListenerOptions options;
    options.host = host;
    options.trusted_proxies = {"127.0.0.0/8"};
    TestServer server(options);
    server.router.add(Method::get, "/who", [](Request& r) -> async::Task<Response> {
      co_return test::text(r.remote + (r.remote_is_trusted_proxy ? " trusted" : ""));
    });
    ASSERT_TRUE(server.start());
    RawClient six(server.port(), "::1");
    six.send(get("/who"));
    EXPECT_EQ(six.read().body, "::1");
    if (std::string_view(host) != "::") continue;
    RawClient four(server.port(), "127.0.0.1");
    four.send(get("/who"));
    EXPECT_EQ(four.read().body, "127.0.0.1 trusted");
  }
}

TEST(Server, ServesAPrivateUnixSocketAndReplacesADeadOne) {
  const test::TempFolder folder;
  ListenerOptions options;
  options.unix_path = folder.path("s.sock");
  for (int round = 0; round < 2; ++round) {
    TestServer server(options);
    server.router.add(Method::get, "/who",
                      [](Request& r) -> async::Task<Response> { co_return test::text("<" + r.remote + ">"); });
    ASSERT_TRUE(server.start());
    struct stat info{};
    ASSERT_EQ(::stat(options.unix_path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    RawClient client(options.unix_path);
    client.send(get("/who"));
    EXPECT_EQ(client.read().body, "<>");
    TestServer second(options);
    const auto refused = second.start();
    ASSERT_FALSE(refused) << "a live socket is not taken over";
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    server.server().drain_blocking(5s);
    EXPECT_NE(::stat(options.unix_path.c_str(), &info), 0) << "removed";
    test::leave_dead_socket(options.unix_path);
    EXPECT_FALSE(RawClient(options.unix_path).connected());
  }
}

TEST(Server, SaysWhyItCannotStart) {
  TestServer first;
  ASSERT_TRUE(first.start());
  async::IoThreads io(1);
  const Router router;
  ListenerOptions taken;
  taken.port = first.port();
  Server second(io, router, taken, {});
  const auto in_use = second.start();
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().code, ErrorCode::unavailable);
  EXPECT_NE(in_use.error().message.find("127.0.0.1:" + std::to_string(first.port())), std::string::npos);
  for (const auto& [host, proxies, certificate] :
       std::vector<std::tuple<std::string, std::vector<std::string>, std::string>>{
           {"no-address", {}, ""}, {"127.0.0.1", {"10.0.0.0/99"}, ""}, {"127.0.0.1", {}, "/nonexistent.pem"}}) {
    ListenerOptions options;
    options.port = 0;
    options.host = host;
    options.trusted_proxies = proxies;
    options.tls_certificate = certificate;
    Server server(io, router, options, {});
    const auto started = server.start();
    ASSERT_FALSE(started) << host;
    EXPECT_EQ(started.error().code, ErrorCode::invalid_input);
  }
}

TEST(Server, DrainsByClosingTheIdleAndFinishingTheBusy) {
  TestServer server;
  server.echo("/x");
  const async::StopToken gate;
  std::atomic<bool> inside = false;
  server.router.add(Method::get, "/slow", [&](Request&) -> async::Task<Response> {
    inside = true;
    co_await gate.sleep_for(1h);
    co_return test::text("finished");
  });
  ASSERT_TRUE(server.start());
  auto idle = server.client();
  idle.send(get("/x"));
  EXPECT_EQ(idle.read().status, 200);
  auto busy = server.client();
  busy.send(get("/slow"));
  ASSERT_TRUE(TestServer::eventually([&] { return inside.load(); }));
  std::jthread drain([&] { server.server().drain_blocking(20s); });
  EXPECT_TRUE(idle.closes_silently());
  EXPECT_TRUE(TestServer::eventually([&] { return !RawClient(server.port()).connected(); })) << "accepts no more";
  async::StopToken(gate).request_stop();
  const Reply reply = busy.read();
  EXPECT_EQ(reply.body, "finished");
  EXPECT_EQ(reply.header("Connection"), "close");
  busy.close();
  drain.join();
  EXPECT_EQ(server.server().connections(), 0U);
}

}  // namespace
}  // namespace hekto::http
