// SPDX-License-Identifier: Apache-2.0
#include "http/chunked.h"

#include <string>

#include <gtest/gtest.h>

namespace hekto::http {
namespace {

using State = ChunkDecoder::State;

struct Decoded {
  State state;
  std::string body;
  std::string rest;
};

Decoded decode(std::string_view bytes, std::size_t max_body = 1000) {
  ChunkDecoder decoder;
  decoder.start(max_body);
  Decoded out;
  out.state = decoder.feed(bytes, out.body);
  out.rest = bytes;
  return out;
}

TEST(ChunkDecoder, JoinsChunksAndLeavesWhatFollows) {
  const Decoded out = decode("3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nGET /");
  EXPECT_EQ(out.state, State::done);
  EXPECT_EQ(out.body, "abc0123456789");
  EXPECT_EQ(out.rest, "GET /");
}

TEST(ChunkDecoder, GivesTheSameHoweverTheBytesAreCut) {
  const std::string bytes = "3;ext\r\nabc\r\n01\r\nd\r\n000\r\nX-Trailer: v\r\nY: w\r\n\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ChunkDecoder decoder;
    decoder.start(100);
    std::string body;
    std::string_view first = std::string_view(bytes).substr(0, cut);
    std::string_view second = std::string_view(bytes).substr(cut);
    const State state = decoder.feed(first, body);
    EXPECT_EQ(state, cut == bytes.size() ? State::done : State::more) << cut;
    if (state == State::more) {
      EXPECT_EQ(decoder.feed(second, body), State::done) << cut;
    }
    EXPECT_EQ(body, "abcd") << cut;
  }
}

TEST(ChunkDecoder, RefusesSizesThatAreNotPlainHex) {
  for (const char* bytes :
       {"0x3\r\nabc\r\n", "+3\r\nabc\r\n", "-3\r\nabc\r\n", " 3\r\nabc\r\n", "3 \r\nabc\r\n", "\r\nabc\r\n", ";x\r\n",
        "g\r\n", "3\t;x\r\nabc\r\n", "FFFFFFFFFFFFFFFFF\r\n", "0000000000000000\r\n"}) {
    EXPECT_EQ(decode(bytes).state, State::malformed) << bytes;
  }
}

TEST(ChunkDecoder, RefusesEveryLineEndButCrLf) {
  for (const char* bytes : {"3\nabc\r\n", "3\r\nabc\n", "3\r\nabcX", "3\r\nabc\r\r\n", "3\r\rabc\r\n",
                            "3;a\nb\r\nabc\r\n", "3;a=\"\n\"\r\nabc\r\n", "0\r\nA: b\n\r\n", "0\r\n\n"}) {
    EXPECT_EQ(decode(bytes).state, State::malformed) << bytes;
  }
}

TEST(ChunkDecoder, RefusesControlBytesAndExcessInExtensions) {
  EXPECT_EQ(decode("3;a=\"\x01\"\r\nabc\r\n0\r\n\r\n").state, State::malformed);
  EXPECT_EQ(decode("3;a=\x80\r\nabc\r\n0\r\n\r\n").state, State::malformed);
  const std::string most = "1;" + std::string(255, 'x') + "\r\na\r\n";
  EXPECT_EQ(decode(most + "0\r\n\r\n").state, State::done);
  EXPECT_EQ(decode(most + "0;\r\n\r\n").state, State::malformed) << "the limit is for the whole request";
}

TEST(ChunkDecoder, RefusesTrailersThatWouldChangeTheMessage) {
  for (const char* trailer :
       {"Content-Length: 3", "transfer-encoding: chunked", "Host: b", "nocolon", ": x", "A : b", " folded"}) {
    EXPECT_EQ(decode("0\r\n" + std::string(trailer) + "\r\n\r\n").state, State::malformed) << trailer;
  }
  EXPECT_EQ(decode("0\r\nAuthorization: x\r\n\r\n").state, State::done) << "dropped, hence harmless";
  EXPECT_EQ(decode("0\r\nA: " + std::string(5000, 'x')).state, State::malformed);
}

TEST(ChunkDecoder, StopsAtTheLimitBeforeTheBytesHaveCome) {
  EXPECT_EQ(decode("5\r\n", 4).state, State::too_large);
  EXPECT_EQ(decode("3\r\nabc\r\n2\r\n", 4).state, State::too_large);
  EXPECT_EQ(decode("4\r\nabcd\r\n0\r\n\r\n", 4).state, State::done);
  EXPECT_EQ(decode("FFFFFFFFFFFFFFF\r\n", 4).state, State::too_large);
}

TEST(ChunkDecoder, WaitsAfterTheLastChunkForTheEmptyLine) {
  EXPECT_EQ(decode("0\r\n").state, State::more);
  EXPECT_EQ(decode("0\r\nXX").state, State::more) << "may be the start of a trailer";
}

}  // namespace
}  // namespace hekto::http
