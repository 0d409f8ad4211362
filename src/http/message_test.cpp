// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <zlib.h>

#include <gtest/gtest.h>

#include "http/address.h"
#include "http/compress.h"
#include "http/render.h"

namespace hekto::http {
namespace {

TEST(Request, DecodesQueryParameters) {
  Request request;
  request.query = "a=1%202&b&a=3&bad=%zz&plus=x+y&%6Bey=v";
  EXPECT_EQ(request.query_param("a"), "1 2");
  EXPECT_EQ(request.query_param("b"), "");
  EXPECT_EQ(request.query_param("bad"), std::nullopt);
  EXPECT_EQ(request.query_param("plus"), "x y");
  EXPECT_EQ(request.query_param("key"), "v");
  EXPECT_EQ(request.query_param("none"), std::nullopt);
}

TEST(Problem, HasTheOfficialForm) {
  const Response plain = problem(404, "The requested resource could not be found.");
  EXPECT_EQ(std::get<std::string>(plain.body),
            R"({"detail":"The requested resource could not be found.","status":404})");
  EXPECT_EQ(plain.content_type, "application/problem+json");
  const Response titled = problem(500, "a \"b\"", "T");
  EXPECT_EQ(std::get<std::string>(titled.body), R"({"title":"T","detail":"a \"b\"","status":500})");
}

TEST(Compress, HonoursQualityValues) {
  for (const char* yes :
       {"gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br;q=1, *;q=0.1", "gzip;q=1.0, *;q=0", "x-gzip"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "gzipx"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

TEST(Compress, MakesAGzipMemberOrNothing) {
  const std::string text(5000, 'a');
  for (int round = 0; round < 3; ++round) {
    const auto packed = gzip(text);
    ASSERT_TRUE(packed);
    std::string unpacked(6000, '\0');
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed->data()));
    stream.avail_in = static_cast<uInt>(packed->size());
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream.avail_out = static_cast<uInt>(unpacked.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    unpacked.resize(stream.total_out);
    inflateEnd(&stream);
    EXPECT_EQ(unpacked, text);
  }
  EXPECT_EQ(gzip("short"), std::nullopt);
}

TEST(Compress, ChoosesByType) {
  EXPECT_TRUE(is_compressible_type("application/json"));
  EXPECT_TRUE(is_compressible_type("text/html; charset=utf-8"));
  EXPECT_TRUE(is_compressible_type("application/problem+json"));
  EXPECT_FALSE(is_compressible_type("image/png"));
}

TEST(Render, RefusesHeadersThatWouldSplitTheAnswer) {
  for (const auto& [name, value] : std::vector<std::pair<std::string_view, std::string>>{{"A", "b\r\nC: d"},
                                                                                         {"A", "b\nc"},
                                                                                         {"A", std::string("b\0c", 3)},
                                                                                         {"A: b\r\nC", "d"},
                                                                                         {"", "x"},
                                                                                         {"A b", "x"}}) {
    Response response;
    response.set(name, value);
    EXPECT_FALSE(has_safe_headers(response)) << name;
  }
  Response fine;
  fine.set("Content-Disposition", "attachment; filename=\"caf\xC3\xA9.png\"");
  EXPECT_TRUE(has_safe_headers(fine));
}

TEST(Render, WritesDatesAsHttpWantsThem) { EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT"); }

TEST(Render, WeakensTheTagOfACompressedAnswer) {
  Response response;
  response.set("ETag", "\"abc\"");
  std::string out;
  render_head(out, response, {.length = 3, .gzip = true, .vary = true, .date = "D", .request_id = "R"});
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n"
            "Vary: Accept-Encoding\r\nETag: W/\"abc\"\r\nDate: D\r\nx-request-id: R\r\n\r\n");
}

sockaddr_storage address_of(const char* text) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    storage.ss_family = AF_INET;
  } else {
    inet_pton(AF_INET6, text, &v6.sin6_addr);
    storage.ss_family = AF_INET6;
  }
  return storage;
}

TEST(AddressSet, TrustsWhatLiesInItsBlocks) {
  const auto set = AddressSet::parse({"10.1.0.0/16", "192.0.2.7", "fd00::/9", "::1"});
  ASSERT_TRUE(set);
  for (const char* yes : {"10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "fd7f::1", "::1"}) {
    EXPECT_TRUE(peer_of(address_of(yes), *set).trusted_proxy) << yes;
  }
  for (const char* no : {"10.2.0.1", "192.0.2.8", "fd80::1", "::2", "127.0.0.1"}) {
    EXPECT_FALSE(peer_of(address_of(no), *set).trusted_proxy) << no;
  }
  const auto all = AddressSet::parse({"0.0.0.0/0"});
  EXPECT_TRUE(peer_of(address_of("8.8.8.8"), *all).trusted_proxy);
  EXPECT_FALSE(peer_of(address_of("2001:db8::1"), *all).trusted_proxy);
}

TEST(AddressSet, NamesTheEntryThatIsNone) {
  for (const char* bad : {"10.0.0.0/33", "::/129", "example.org", "10.0.0.0/", "10.0.0.0/8x", ""}) {
    const auto set = AddressSet::parse({"127.0.0.1", bad});
    ASSERT_FALSE(set) << bad;
    EXPECT_EQ(set.error().code, ErrorCode::invalid_input);
    EXPECT_NE(set.error().message.find("'" + std::string(bad) + "'"), std::string::npos);
  }
}

TEST(Peer, ShowsMappedAddressesAsIpv4) {
  const AddressSet nobody;
  EXPECT_EQ(peer_of(address_of("::ffff:127.0.0.9"), nobody).text, "127.0.0.9");
  EXPECT_TRUE(peer_of(address_of("::ffff:127.0.0.9"), nobody).loopback);
  EXPECT_EQ(peer_of(address_of("2001:db8::1"), nobody).text, "2001:db8::1");
  EXPECT_TRUE(peer_of(address_of("::1"), nobody).loopback);
}

}  // namespace
}  // namespace hekto::http
