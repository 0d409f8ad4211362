// SPDX-License-Identifier: Apache-2.0
#include "http/head.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace hekto::http {
namespace {

struct Parsed {
  unsigned status = 0;  // 0: accepted
  bool incomplete = false;
  Request request;
  Framing framing;
};

Parsed parse(std::string_view bytes, HeadLimits limits = {}) {
  Parsed out;
  HeadScanner scanner;
  switch (scanner.scan(bytes, limits)) {
    case HeadScanner::State::incomplete:
      out.incomplete = true;
      return out;
    case HeadScanner::State::refused:
      out.status = scanner.refusal().status;
      return out;
    case HeadScanner::State::complete:
      break;
  }
  const auto refusal = parse_head(bytes.substr(0, scanner.head_bytes()), limits, out.request, out.framing);
  if (refusal) out.status = refusal->status;
  return out;
}

std::string get(std::string_view headers, std::string_view line = "GET / HTTP/1.1") {
  return std::string(line) + "\r\nHost: a\r\n" + std::string(headers) + "\r\n";
}
std::string post(std::string_view headers) { return get(headers, "POST / HTTP/1.1"); }
unsigned status(std::string_view bytes) {
  const Parsed parsed = parse(bytes);
  return parsed.incomplete ? 1 : parsed.status;
}

TEST(Head, GivesMethodTargetAndTrimmedHeaders) {
  const std::string bytes =
      "POST /v1/x%20y?a=b&c HTTP/1.1\r\nHost: a:8080\r\nX-One: \t two words \r\nX-Empty:\r\n\r\nrest";
  const Parsed parsed = parse(bytes);
  ASSERT_EQ(parsed.status, 0U);
  EXPECT_EQ(parsed.request.method, Method::post);
  EXPECT_EQ(parsed.request.target, "/v1/x%20y?a=b&c");
  EXPECT_EQ(parsed.request.path, "/v1/x%20y");
  EXPECT_EQ(parsed.request.query, "a=b&c");
  EXPECT_EQ(parsed.request.header("x-one"), "two words");
  EXPECT_TRUE(parsed.request.has_header("x-empty"));
  EXPECT_FALSE(parsed.request.has_header("x-other"));
  EXPECT_EQ(parsed.framing.head_bytes, bytes.size() - 4);
}

TEST(Head, FindsTheEndHoweverTheBytesAreCut) {
  const std::string bytes = get("A: b\r\n");
  HeadScanner scanner;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(scanner.scan(std::string_view(bytes).substr(0, i), {}), HeadScanner::State::incomplete) << i;
  }
  EXPECT_EQ(scanner.scan(bytes, {}), HeadScanner::State::complete);
  EXPECT_EQ(scanner.head_bytes(), bytes.size());
}

TEST(Head, KnowsItsMethodsAndNoOther) {
  for (const char* name : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE"}) {
    const std::string bytes = get("", std::string(name) + " / HTTP/1.1");
    const Parsed parsed = parse(bytes);
    EXPECT_EQ(parsed.status, 0U) << name;
    EXPECT_EQ(to_string(parsed.request.method), name);
  }
  for (const char* name : {"CONNECT", "get", "Get", "PROPFIND", "GETS"}) {
    EXPECT_EQ(status(get("", std::string(name) + " / HTTP/1.1")), 501U) << name;
  }
}

TEST(Head, RefusesMalformedRequestLines) {
  for (const char* line :
       {"GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "G{T / HTTP/1.1",
        "GET /\x01 HTTP/1.1", "GET /\xC3\xA9 HTTP/1.1", "GET /a#b HTTP/1.1", "GET / http/1.1", "GET / HTTP/11",
        "GET / HTTP/1.1x", "GET /", "GET", "", "GET a HTTP/1.1", "GET ftp://a/ HTTP/1.1", "GET * HTTP/1.1",
        "GET http://a?q HTTP/1.1"}) {
    EXPECT_EQ(status(get("", line)), 400U) << line;
  }
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400U) << "no Host";
  EXPECT_EQ(status(std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28)), 400U) << "NUL in the target";
}

TEST(Head, RefusesOtherVersions) {
  for (const char* version : {"HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/3.0"}) {
    EXPECT_EQ(status(get("", std::string("GET / ") + version)), 505U) << version;
  }
}

TEST(Head, RefusesBareLineFeedsAndCarriageReturnsBeforeTheEnd) {
  EXPECT_EQ(status("GET / HTTP/1.1\n"), 400U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\n"), 400U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400U);
  EXPECT_EQ(status("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400U);
  EXPECT_EQ(status(get("A: b\rc: d\r\n")), 400U);
  EXPECT_EQ(status(get("A: b\r\r\n")), 400U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), 400U);
  EXPECT_EQ(status("GET /\r\n"), 400U) << "HTTP/0.9 is seen without waiting for an empty line";
}

TEST(Head, RefusesMalformedHeaderLines) {
  EXPECT_EQ(status(get(": x\r\n")), 400U) << "empty name";
  EXPECT_EQ(status(get("nocolon\r\n")), 400U);
  EXPECT_EQ(status(get("A : b\r\n")), 400U) << "space before the colon";
  EXPECT_EQ(status(get("A: b\r\n folded\r\n")), 400U) << "line folding";
  EXPECT_EQ(status(get("A: b\r\n\tfolded\r\n")), 400U) << "line folding with a tab";
  EXPECT_EQ(status(get("A\xC3\xA9: b\r\n")), 400U);
  EXPECT_EQ(status(get(std::string("A: b\0c\r\n", 8))), 400U) << "NUL";
  EXPECT_EQ(status(get("A: b\x0B\r\n")), 400U);
  EXPECT_EQ(status(get("A: caf\xC3\xA9\r\n")), 400U) << "bytes over 0x7F";
  EXPECT_EQ(status(get("A: b\x7F\r\n")), 400U);
  EXPECT_EQ(status(get("A: tab\tinside\r\n")), 0U);
}

TEST(Head, RequiresExactlyOneValidHost) {
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400U);
  EXPECT_EQ(status(get("Host: a\r\n")), 400U) << "two";
  EXPECT_EQ(status(get("Host: b\r\n")), 400U) << "two different";
  for (const char* host : {"", "a b", "a/b", "a@b", "a,b", "a:port", "a:123456", "[::1", "[]", "a%41"}) {
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400U) << host;
  }
  for (const char* host : {"a", "a.example:443", "127.0.0.1:80", "[::1]:8080", "[fe80::1]", "a:"}) {
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 0U) << host;
  }
  EXPECT_EQ(status("GET / HTTP/1.0\r\n\r\n"), 0U) << "HTTP/1.0 may go without";
}

TEST(Head, TakesAbsoluteFormOnlyForItsOwnHost) {
  const std::string bytes = "GET http://A.example:80/x?y HTTP/1.1\r\nHost: a.example:80\r\n\r\n";
  const Parsed parsed = parse(bytes);
  EXPECT_EQ(parsed.status, 0U);
  EXPECT_EQ(parsed.request.target, "/x?y");
  EXPECT_EQ(parsed.request.path, "/x");
  EXPECT_EQ(status("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), 0U);
  EXPECT_EQ(status("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400U);
  EXPECT_EQ(status("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400U);
}

TEST(Head, RefusesEveryDoubtfulContentLength) {
  for (const char* value : {"+3", "-1", "0x3", "", "3, 3", "3,4", "18446744073709551619", "3_0", "3 0", "three"}) {
    EXPECT_EQ(status(post("Content-Length: " + std::string(value) + "\r\n")), 400U) << value;
  }
  EXPECT_EQ(status(post("Content-Length: 3\r\nContent-Length: 3\r\n")), 400U);
  EXPECT_EQ(status(post("Content-Length: 3\r\nContent-Length: 4\r\n")), 400U);
  const std::string good = post("Content-Length: 3\r\n");
  EXPECT_EQ(parse(good).framing.content_length, 3U);
}

TEST(Head, TakesNoTransferEncodingButOneChunked) {
  for (const char* value : {"xchunked", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked",
                            "\x0B"
                            "chunked",
                            "", "chunked;q=1", "\"chunked\"", "chunked,"}) {
    EXPECT_EQ(status(post("Transfer-Encoding: " + std::string(value) + "\r\n")), 400U) << value;
  }
  EXPECT_EQ(status(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400U);
  EXPECT_EQ(status(post("Transfer-Encoding:\r\n chunked\r\n")), 400U) << "folded";
  EXPECT_EQ(status(post("Transfer-Encoding : chunked\r\n")), 400U);
  EXPECT_EQ(status(post("Transfer-Encoding: identity\r\nContent-Length: 3\r\n")), 400U);
  EXPECT_EQ(status(get("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0")), 400U);
  const std::string good = post("transfer-ENCODING: \tChunked \r\n");
  EXPECT_TRUE(parse(good).framing.chunked);
}

TEST(Head, RefusesContentLengthBesideTransferEncodingInEitherOrder) {
  EXPECT_EQ(status(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")), 400U);
  EXPECT_EQ(status(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")), 400U);
}

TEST(Head, RefusesRepetitionsOfHeadersThatDecideSomething) {
  for (const char* name : {"Authorization", "Content-Type", "Idempotency-Key"}) {
    const std::string line = std::string(name) + ": x\r\n";
    EXPECT_EQ(status(post(line)), 0U) << name;
    EXPECT_EQ(status(post(line + line)), 400U) << name;
  }
  EXPECT_EQ(status(get("Accept: a\r\nAccept: b\r\n")), 0U) << "others may repeat";
}

TEST(Head, RefusesUnderscoresThatDisguiseAHeader) {
  for (const char* name :
       {"Content_Length", "transfer_encoding", "Idempotency_Key", "X_Forwarded-For", "x-request_id"}) {
    EXPECT_EQ(status(get(std::string(name) + ": 1\r\n")), 400U) << name;
  }
  EXPECT_EQ(status(get("My_Header: 1\r\n")), 0U);
}

TEST(Head, UnderstandsExpectAndConnection) {
  EXPECT_EQ(status(post("Expect: something\r\n")), 417U);
  const std::string expecting = post("Expect: 100-Continue\r\nContent-Length: 1\r\n");
  EXPECT_TRUE(parse(expecting).framing.expect_continue);
  const std::string closing = get("Connection: upgrade, Close\r\n");
  EXPECT_FALSE(parse(closing).framing.keep_alive);
  const std::string old_keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_TRUE(parse(old_keep).framing.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").framing.keep_alive);
  const std::string upgrade =
      get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n");
  EXPECT_EQ(status(upgrade), 0U) << "an upgrade is ignored, not refused";
}

TEST(Head, RefusesEncodedBodies) {
  EXPECT_EQ(status(post("Content-Encoding: gzip\r\nContent-Length: 3\r\n")), 415U);
  EXPECT_EQ(status(post("Content-Encoding: identity\r\nContent-Length: 3\r\n")), 0U);
}

TEST(Head, HasLimits) {
  HeadLimits limits{.head_bytes = 256, .target_bytes = 64, .header_count = 4};
  auto with = [&](std::string_view bytes) { return parse(bytes, limits).status; };
  EXPECT_EQ(with("GET /" + std::string(63, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 0U);
  EXPECT_EQ(with("GET /" + std::string(64, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414U);
  EXPECT_EQ(with("GET /" + std::string(200, 'a')), 414U) << "before the line has ended";
  EXPECT_EQ(with(get("A:b\r\nA:b\r\nA:b\r\n")), 0U);
  EXPECT_EQ(with(get("A:b\r\nA:b\r\nA:b\r\nA:b\r\n")), 431U);
  EXPECT_EQ(with(get("A: " + std::string(300, 'b') + "\r\n")), 431U);
  EXPECT_EQ(with("GET / HTTP/1.1\r\nA: " + std::string(300, 'b')), 431U) << "before the line has ended";
}

TEST(Head, TakesOverOnlyHarmlessRequestIds) {
  const std::string good = get("X-Request-Id: Abc_1.2-3\r\n");
  EXPECT_EQ(parse(good).framing.request_id, "Abc_1.2-3");
  for (const std::string& bad : {std::string("a b"), std::string("a\"b"), std::string(65, 'a'), std::string()}) {
    const std::string bytes = get("X-Request-Id: " + bad + "\r\n");
    EXPECT_EQ(parse(bytes).framing.request_id, "") << bad;
  }
}

}  // namespace
}  // namespace hekto::http
