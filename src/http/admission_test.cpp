// SPDX-License-Identifier: Apache-2.0
// Strict admission on a real socket: each vector carries a second request where a lenient reader would find one. What
// matters is how many answers come and which requests reach a handler.
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/test_support.h"

namespace hekto::http {
namespace {

constexpr const char* kMarker = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

struct Vector {
  const char* name;
  std::string bytes;
  std::vector<int> statuses;  // every answer until the server closes
  int handled;                // requests to /public that reached the handler
};

std::string post(std::string_view headers, std::string_view body, std::string_view version = "HTTP/1.1") {
  return "POST /public " + std::string(version) + "\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
}
std::string with_nul(std::string text) {
  text[text.find('@')] = '\0';
  return text;
}

/// A last request that ends the connection, so that the number of answers is certain.
const std::string kLast = "GET /public HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

std::vector<Vector> vectors() {
  const std::string m = kMarker;
  const std::string long_extension(300, 'x');
  return {
      // Two ways to say where the body ends.
      {"length twice, equal", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc" + m), {400}, 0},
      {"length twice, different", post("Content-Length: 3\r\nContent-Length: 0\r\n", "abc" + m), {400}, 0},
      {"length list", post("Content-Length: 3, 3\r\n", "abc" + m), {400}, 0},
      {"length with plus", post("Content-Length: +3\r\n", "abc" + m), {400}, 0},
      {"length in hex", post("Content-Length: 0x3\r\n", "abc" + m), {400}, 0},
      {"length negative", post("Content-Length: -1\r\n", m), {400}, 0},
      {"length empty", post("Content-Length: \r\n", m), {400}, 0},
      {"length overflows", post("Content-Length: 18446744073709551619\r\n", "abc" + m), {400}, 0},
      {"length with underscore", post("Content-Length: 3_0\r\n", "abc" + m), {400}, 0},
      {"length then coding", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + m), {400}, 0},
      {"coding then length", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n" + m), {400}, 0},
      {"coding on 1.0", post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + m, "HTTP/1.0"), {400}, 0},
      {"unknown coding", post("Transfer-Encoding: xchunked\r\n", m), {400}, 0},
      {"identity and length", post("Transfer-Encoding: identity\r\nContent-Length: 3\r\n", "abc" + m), {400}, 0},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + m), {400}, 0},
      {"chunked, gzip", post("Transfer-Encoding: chunked, gzip\r\n", m), {400}, 0},
      {"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", m), {400}, 0},
      {"chunked twice",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + m),
       {400},
       0},
      {"folded coding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n" + m), {400}, 0},
      {"space before colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + m), {400}, 0},
      {"VT before chunked",
       post("Transfer-Encoding: \x0B"
            "chunked\r\n",
            "0\r\n\r\n" + m),
       {400},
       0},
      {"disguised coding", post("Transfer_Encoding: chunked\r\n", "0\r\n\r\n" + m), {400}, 0},
      // Lines and bytes.
      {"folded header", post("X-A: b\r\n c\r\n", m), {400}, 0},
      {"bare LF lines", "GET /public HTTP/1.1\nHost: a\n\n" + m, {400}, 0},
      {"bare CR in value", post("X-A: b\rX-B: c\r\n", m), {400}, 0},
      {"LF in value", post("X-A: b\nX-B: c\r\n", m), {400}, 0},
      {"NUL in value", with_nul(post("X-A: b@c\r\n", m)), {400}, 0},
      {"high bytes in value", post("X-A: \xFF\r\n", m), {400}, 0},
      {"empty name", post(": x\r\n", m), {400}, 0},
      {"no colon", post("nocolon\r\n", m), {400}, 0},
      {"leading CRLF", "\r\n" + kLast, {400}, 0},
      {"tabs in the line", "GET\t/public\tHTTP/1.1\r\nHost: a\r\n\r\n" + m, {400}, 0},
      {"double spaces", "GET  /public  HTTP/1.1\r\nHost: a\r\n\r\n" + m, {400}, 0},
      {"brace in method", "G{T /public HTTP/1.1\r\nHost: a\r\n\r\n" + m, {400}, 0},
      {"control in target", "GET /pub\x01lic HTTP/1.1\r\nHost: a\r\n\r\n" + m, {400}, 0},
      {"UTF-8 in target", "GET /public\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n" + m, {400}, 0},
      {"HTTP/1.2", "GET /public HTTP/1.2\r\nHost: a\r\n\r\n" + m, {505}, 0},
      {"HTTP/0.9", "GET /public\r\n" + m, {400}, 0},
      {"lower-case method", "get /public HTTP/1.1\r\nHost: a\r\n\r\n" + m, {501}, 0},
      {"unknown method", "BREW /public HTTP/1.1\r\nHost: a\r\n\r\n" + m, {501}, 0},
      // Who is meant.
      {"no host", "GET /public HTTP/1.1\r\n\r\n" + m, {400}, 0},
      {"two hosts", "GET /public HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + m, {400}, 0},
      {"other authority", "GET http://b/public HTTP/1.1\r\nHost: a\r\n\r\n" + m, {400}, 0},
      {"two authorizations", post("Authorization: x\r\nAuthorization: y\r\n", m), {400}, 0},
      {"expectation", post("Expect: 200-ok\r\nContent-Length: 3\r\n", "abc" + m), {417}, 0},
      {"encoded body", post("Content-Encoding: gzip\r\nContent-Length: 3\r\n", "abc" + m), {415}, 0},
      // Chunks.
      {"LF after size", post("Transfer-Encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n" + m), {400}, 0},
      {"LF in extension", post("Transfer-Encoding: chunked\r\n", "3;a\nb\r\nabc\r\n0\r\n\r\n" + m), {400}, 0},
      {"LF in quoted extension",
       post("Transfer-Encoding: chunked\r\n", "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n" + m),
       {400},
       0},
      {"0x01 in quoted extension",
       post("Transfer-Encoding: chunked\r\n", "3;a=\"\x01\"\r\nabc\r\n0\r\n\r\n" + m),
       {400},
       0},
      {"long extension",
       post("Transfer-Encoding: chunked\r\n", "3;" + long_extension + "\r\nabc\r\n0\r\n\r\n" + m),
       {400},
       0},
      {"no CRLF after data", post("Transfer-Encoding: chunked\r\n", "3\r\nabc0\r\n\r\n" + m), {400}, 0},
      {"0x size", post("Transfer-Encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n" + m), {400}, 0},
      {"size overflows", post("Transfer-Encoding: chunked\r\n", "10000000000000003\r\nabc\r\n0\r\n\r\n" + m), {400}, 0},
      {"space after size", post("Transfer-Encoding: chunked\r\n", "3 \r\nabc\r\n0\r\n\r\n" + m), {400}, 0},
      {"length in trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 3\r\n\r\n" + m), {400}, 0},
      {"junk after last chunk", post("Transfer-Encoding: chunked\r\n", "0\r\nXX" + m), {400}, 0},
      // What is allowed must be read to its exact end.
      {"body that looks like a request",
       post("Content-Length: " + std::to_string(m.size()) + "\r\n", m) + kLast,
       {200, 200},
       2},
      {"chunk that looks like a request",
       post("Transfer-Encoding: chunked\r\n", "23\r\n" + m + "\r\n0\r\n\r\n") + kLast,
       {200, 200},
       2},
      {"authorization in trailer",
       post("Transfer-Encoding: chunked\r\n", "0\r\nAuthorization: x\r\n\r\n") + kLast,
       {200, 200},
       2},
      {"GET with a body",
       "GET /public HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(m.size()) + "\r\n\r\n" + m + kLast,
       {200, 200},
       2},
      {"bytes after the last message", kLast + m, {200}, 1},
      {"ignored upgrade",
       post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n", "") + kLast,
       {200, 200},
       2},
      {"absolute form", "GET http://a/public HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {200}, 1},
      {"unknown path with a body",
       "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n" + m + kLast,
       {404, 200},
       1},
      {"wrong method with a body",
       "PUT /public HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n" + m + kLast,
       {405, 200},
       1},
      {"unknown path with chunks",
       "POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n23\r\n" + m + "\r\n0\r\n\r\n" + kLast,
       {404, 200},
       1},
      {"unknown path with a large body",
       "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + m,
       {404},
       0},
      {"unknown path with a body that waits",
       "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\nExpect: 100-continue\r\n\r\n" + m,
       {404},
       0},
  };
}

class Admission : public testing::Test {
 protected:
  void SetUp() override {
    for (const Method method : {Method::get, Method::post}) {
      server_.router.add(method, "/public", [this](Request& request) -> async::Task<Response> {
        ++handled_;
        authorized_ += request.has_header("authorization") ? 1 : 0;
        co_return test::text("ok");
      });
    }
    server_.router.add(Method::get, "/smuggled", [this](Request&) -> async::Task<Response> {
      ++smuggled_;
      co_return test::text("smuggled");
    });
    ASSERT_TRUE(server_.start());
  }

  std::vector<int> statuses(test::RawClient& client) {
    std::vector<int> out;
    for (const auto& reply : client.read_all()) out.push_back(reply.status);
    return out;
  }

  std::atomic<int> handled_ = 0;
  std::atomic<int> smuggled_ = 0;
  std::atomic<int> authorized_ = 0;
  test::TestServer server_;
};

TEST_F(Admission, AnswersExactlyTheRequestsThatTheBytesHold) {
  for (const Vector& vector : vectors()) {
    handled_ = 0;
    auto client = server_.client();
    client.send(vector.bytes);
    EXPECT_EQ(statuses(client), vector.statuses) << vector.name;
    EXPECT_EQ(handled_, vector.handled) << vector.name;
    EXPECT_EQ(smuggled_, 0) << vector.name;
  }
  EXPECT_EQ(authorized_, 0) << "a trailer became a header";
}

TEST_F(Admission, AnswersTheSameWhenTheBytesComeOneByOne) {
  for (const Vector& vector : vectors()) {
    handled_ = 0;
    auto client = server_.client();
    for (const char byte : vector.bytes) client.send({&byte, 1});
    EXPECT_EQ(statuses(client), vector.statuses) << vector.name;
    EXPECT_EQ(handled_, vector.handled) << vector.name;
    EXPECT_EQ(smuggled_, 0) << vector.name;
  }
}

TEST_F(Admission, RefusesInTheOfficialForm) {
  auto client = server_.client();
  client.send(
      "PUT /public HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/9.9\r\nHost: a\r\n\r\n");
  const auto replies = client.read_all();
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_EQ(replies[0].body, R"({"detail":"Method \"PUT\" not allowed.","status":405})");
  EXPECT_EQ(replies[0].header("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(replies[1].body, R"({"detail":"The requested resource could not be found.","status":404})");
  EXPECT_EQ(replies[2].header("Content-Type"), "application/problem+json");
  EXPECT_EQ(replies[2].header("Connection"), "close");
  for (const auto& reply : replies) EXPECT_TRUE(reply.header("x-request-id"));
}

}  // namespace
}  // namespace hekto::http
