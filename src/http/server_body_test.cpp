// SPDX-License-Identifier: Apache-2.0
// Files and streams as answers, over plain sockets and TLS.
#include <atomic>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "async/stop.h"
#include "http/test_support.h"

namespace hekto::http {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using test::Reply;
using test::TestServer;

constexpr const char* kClose = "Connection: close\r\n";

std::string get(std::string_view path, std::string_view headers = "", std::string_view version = "HTTP/1.1") {
  return "GET " + std::string(path) + " " + std::string(version) + "\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

void add_file(Router& router, const std::string& path, std::uint64_t offset, std::uint64_t length) {
  router.add(Method::get, "/file", [=](Request&) -> async::Task<Response> {
    auto file = std::make_shared<Descriptor>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Response response;
    response.content_type = "image/png";
    const int descriptor = file->get();
    response.body = FileBody{std::move(file), descriptor, offset, length};
    co_return response;
  });
}

void add_stream(Router& router) {
  router.add(Method::get, "/stream", [](Request&) -> async::Task<Response> {
    Response response;
    response.content_type = "text/event-stream";
    response.body = StreamBody{[](BodyWriter& writer) -> async::Task<void> {
      co_await writer.write("first ");
      co_await writer.write("");
      co_await writer.write("second ");
      co_await writer.write(std::string(100'000, 'x'));
    }};
    co_return response;
  });
}

const std::string kStreamed = "first second " + std::string(100'000, 'x');

TEST(FileBody, SendsTheRegionAndKeepsTheConnection) {
  const test::TempFolder folder;
  const std::string content = pattern(5'000'000);
  TestServer server;
  add_file(server.router, folder.write("f", content), 1000, 4'500'000);
  ASSERT_TRUE(server.start());
  auto client = server.client();
  for (int i = 0; i < 2; ++i) {
    client.send(get("/file"));
    const Reply reply = client.read();
    EXPECT_EQ(reply.header("Content-Length"), "4500000");
    EXPECT_TRUE(reply.body == content.substr(1000, 4'500'000));
  }
  client.send("HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n" + get("/none"));
  EXPECT_EQ(client.read(true).header("Content-Length"), "4500000");
  EXPECT_EQ(client.read().status, 404);
}

TEST(FileBody, EndsTheConnectionWhenTheFileIsShorterThanAnnounced) {
  const test::TempFolder folder;
  TestServer server;
  add_file(server.router, folder.write("f", "abc"), 0, 10);
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/file"));
  const Reply reply = client.read();
  EXPECT_FALSE(reply.complete);
  EXPECT_EQ(reply.body, "abc");
}

TEST(FileBody, SurvivesAClientThatLeaves) {
  const test::TempFolder folder;
  TestServer server;
  add_file(server.router, folder.write("f", std::string(32 << 20, 'x')), 0, 32 << 20);
  ASSERT_TRUE(server.start());
  for (int i = 0; i < 5; ++i) {
    auto client = server.client();
    client.send(get("/file"));
    char byte = 0;
    ASSERT_EQ(::recv(client.fd(), &byte, 1, 0), 1);
    const linger reset{1, 0};
    ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client.close();
  }
  EXPECT_TRUE(TestServer::eventually([&] { return server.server().connections() == 0; }));
}

TEST(StreamBody, IsChunkedOn11AndEndsWithTheConnectionOn10) {
  TestServer server;
  add_stream(server.router);
  ASSERT_TRUE(server.start());
  auto modern = server.client();
  for (int i = 0; i < 2; ++i) {
    modern.send(get("/stream"));
    const Reply reply = modern.read();
    EXPECT_EQ(reply.header("Transfer-Encoding"), "chunked");
    EXPECT_TRUE(reply.body == kStreamed);
    EXPECT_TRUE(reply.complete);
  }
  modern.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + get("/none"));
  EXPECT_FALSE(modern.read(true).header("Content-Length"));
  EXPECT_EQ(modern.read().status, 404);
  auto old = server.client();
  old.send(get("/stream", "Connection: keep-alive\r\n", "HTTP/1.0"));
  const Reply reply = old.read();
  EXPECT_FALSE(reply.header("Transfer-Encoding"));
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_TRUE(reply.body == kStreamed);
}

TEST(StreamBody, LeavesTheLastChunkOutWhenItThrows) {
  TestServer server;
  server.router.add(Method::get, "/bad", [](Request&) -> async::Task<Response> {
    Response response;
    response.body = StreamBody{[](BodyWriter& writer) -> async::Task<void> {
      co_await writer.write("some");
      throw std::runtime_error("on purpose");
    }};
    co_return response;
  });
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/bad"));
  const Reply reply = client.read();
  EXPECT_EQ(reply.body, "some");
  EXPECT_FALSE(reply.complete);
}

/// Streams "0123456789", announced with `length`, and aborts after as many bytes as the query says.
void add_announced(Router& router, std::optional<std::uint64_t> length) {
  router.add(Method::get, "/announced", [length](Request& request) -> async::Task<Response> {
    const auto stop = static_cast<std::size_t>(std::stoul(request.query_param("stop").value_or("10")));
    Response response;
    response.body = StreamBody{[stop](BodyWriter& writer) -> async::Task<void> {
                                 co_await writer.write(std::string_view("0123456789").substr(0, stop));
                                 if (stop < 10) writer.abort();
                               },
                               length};
    co_return response;
  });
}

TEST(StreamBody, HasTheLengthThatIsAnnouncedInsteadOfChunks) {
  TestServer server;
  add_announced(server.router, 10);
  ASSERT_TRUE(server.start());
  auto client = server.client();
  for (int i = 0; i < 2; ++i) {
    client.send(get("/announced"));
    const Reply reply = client.read();
    EXPECT_EQ(reply.header("Content-Length"), "10");
    EXPECT_FALSE(reply.header("Transfer-Encoding"));
    EXPECT_EQ(reply.body, "0123456789");
    EXPECT_TRUE(reply.complete);
  }
  client.send("HEAD /announced HTTP/1.1\r\nHost: a\r\n\r\n" + get("/none"));
  EXPECT_EQ(client.read(true).header("Content-Length"), "10");
  EXPECT_EQ(client.read().status, 404);
}

TEST(StreamBody, NeverSendsMoreThanTheLengthThatIsAnnounced) {
  TestServer server;
  add_announced(server.router, 4);
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/announced") + get("/none"));
  EXPECT_EQ(client.read().body, "0123");
  EXPECT_EQ(client.read().status, 404) << "what goes beyond is no part of the next answer";
}

TEST(StreamBody, IsCutWhenItIsAbortedOrFallsShortOfItsLength) {
  for (const auto length :
       {std::optional<std::uint64_t>(10), std::optional<std::uint64_t>(), std::optional<std::uint64_t>(11)}) {
    TestServer server;
    add_announced(server.router, length);
    ASSERT_TRUE(server.start());
    auto client = server.client();
    client.send(get(length == 11 ? "/announced" : "/announced?stop=6"));
    const Reply reply = client.read();
    EXPECT_FALSE(reply.complete);
    EXPECT_EQ(reply.body, std::string_view("0123456789").substr(0, length == 11 ? 10 : 6));
  }
}

TEST(StreamBody, IsResetWhenItIsAbortedAndOnlyTheEndOfTheConnectionCouldTell) {
  TestServer server;
  add_announced(server.router, std::nullopt);
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/announced?stop=6", "", "HTTP/1.0"));
  std::array<char, 4096> room;
  ssize_t got = 0;
  while ((got = ::recv(client.fd(), room.data(), room.size(), 0)) > 0) {
  }
  EXPECT_EQ(got, -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(StreamBody, LearnsThatTheClientLeftOrStalled) {
  ListenerOptions options;
  options.limits.write_timeout = 50ms;
  TestServer server(options);
  std::atomic<int> ended = 0;
  server.router.add(Method::get, "/endless", [&](Request&) -> async::Task<Response> {
    Response response;
    response.body = StreamBody{[&](BodyWriter& writer) -> async::Task<void> {
      const std::string piece(100'000, 'x');
      while (co_await writer.write(piece)) {
      }
      ++ended;
    }};
    co_return response;
  });
  ASSERT_TRUE(server.start());
  auto stalled = server.client();
  stalled.send(get("/endless"));
  EXPECT_TRUE(TestServer::eventually([&] { return ended == 1; }));
  auto leaving = server.client();
  leaving.send(get("/endless"));
  char byte = 0;
  ASSERT_EQ(::recv(leaving.fd(), &byte, 1, 0), 1);
  leaving.close();
  EXPECT_TRUE(TestServer::eventually([&] { return ended == 2; }));
}

TEST(StreamBody, SeesTheDrainAndIsCutAtItsEnd) {
  TestServer server;
  std::atomic<bool> began = false;
  std::atomic<bool> saw_drain = false;
  std::atomic<bool> cut = false;
  const async::StopToken never;
  server.router.add(Method::get, "/events", [&](Request&) -> async::Task<Response> {
    Response response;
    response.body = StreamBody{[&](BodyWriter& writer) -> async::Task<void> {
      while (co_await writer.write(": ping\n\n")) {
        began = true;
        if (writer.draining()) saw_drain = true;
        co_await never.sleep_for(1ms);
      }
      cut = true;
    }};
    co_return response;
  });
  ASSERT_TRUE(server.start());
  auto client = server.client();
  client.send(get("/events"));
  ASSERT_TRUE(TestServer::eventually([&] { return began.load(); }));
  std::jthread reading([&] { client.read(); });
  server.server().drain_blocking(200ms);
  EXPECT_TRUE(saw_drain);
  EXPECT_TRUE(cut);
  EXPECT_EQ(server.server().connections(), 0U);
}

/// A key and a certificate that signs itself, as PEM files.
void write_certificate(const test::TempFolder& folder) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const std::unique_ptr<FILE, decltype(&std::fclose)> key_file(std::fopen(folder.path("key").c_str(), "w"),
                                                               std::fclose);
  PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const std::unique_ptr<FILE, decltype(&std::fclose)> file(std::fopen(folder.path("cert").c_str(), "w"), std::fclose);
  PEM_write_X509(file.get(), certificate.get());
}

/// A TLS client around a RawClient's socket: sends all, then reads to the end.
struct TlsClient {
  RawClient raw;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
  bool handshaken = false;

  TlsClient(std::uint16_t port, int version) : raw(port) {
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    static constexpr unsigned char kOffer[] = "\x02h2\x08http/1.1";
    SSL_CTX_set_alpn_protos(context.get(), kOffer, sizeof kOffer - 1);
    ssl.reset(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), raw.fd());
    handshaken = SSL_connect(ssl.get()) == 1;
  }
  std::string exchange(const std::string& bytes) {
    SSL_write(ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    std::string all;
    std::array<char, 32768> piece;
    for (int got = 0; (got = SSL_read(ssl.get(), piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
};

class Tls : public testing::Test {
 protected:
  Tls() {
    write_certificate(folder_);
    options_.tls_certificate = folder_.path("cert");
    options_.tls_key = folder_.path("key");
    options_.limits.head_timeout = 1'000ms;
  }
  test::TempFolder folder_;
  ListenerOptions options_;
};

TEST_F(Tls, ServesTextFilesAndStreams) {
  const std::string content = pattern(300'000);
  TestServer server(options_);
  add_file(server.router, folder_.write("f", content), 10, 250'000);
  add_stream(server.router);
  server.router.add(Method::post, "/echo", [](Request& r) -> async::Task<Response> {
    co_return test::text((r.secure ? "secure " : "plain ") + std::string(r.body));
  });
  ASSERT_TRUE(server.start());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient file(server.port(), version);
    ASSERT_TRUE(file.handshaken);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(file.ssl.get(), &protocol, &size);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(protocol), size), "http/1.1");
    EXPECT_TRUE(file.exchange(get("/file", kClose)).ends_with("\r\n\r\n" + content.substr(10, 250'000)));
    TlsClient stream(server.port(), version);
    EXPECT_TRUE(stream.exchange(get("/stream", kClose)).ends_with("\r\n0\r\n\r\n"));
    TlsClient echo(server.port(), version);
    const std::string body(100'000, 'e');
    const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n";
    const std::string twice = echo.exchange(head + "\r\n" + body + head + kClose + "\r\n" + body);
    EXPECT_TRUE(twice.ends_with("secure " + body));
    EXPECT_NE(twice.find("secure " + body + "HTTP/1.1 200"), std::string::npos) << "both requests were answered";
  }
}

TEST_F(Tls, RefusesOldVersionsAndPlainText) {
  TestServer server(options_);
  server.echo("/x");
  ASSERT_TRUE(server.start());
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).handshaken);
  auto plain = server.client();
  plain.send(get("/x"));
  EXPECT_EQ(plain.read().status, 0);
}

TEST_F(Tls, GivesUpOnAHandshakeThatStalls) {
  options_.limits.head_timeout = 50ms;
  TestServer server(options_);
  ASSERT_TRUE(server.start());
  auto silent = server.client();
  EXPECT_TRUE(silent.closes_silently());
}

TEST_F(Tls, NeedsTheKeyOfItsCertificate) {
  const test::TempFolder other;
  write_certificate(other);
  options_.tls_key = other.path("key");
  TestServer server(options_);
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::invalid_input);
}

}  // namespace
}  // namespace hekto::http
