// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/sse.h"

#include <gtest/gtest.h>

namespace hekto::api {
namespace {

std::string event(std::string_view data) {
  std::string out;
  append_sse(out, "output", 1690212292, 3, data);
  return out;
}

TEST(ServerSentEvent, KeepsALeadingSpaceByWritingTwo) {
  EXPECT_EQ(event(" taps"), "event: output\nid: 1690212292:3\ndata:  taps\n\n");
}

TEST(ServerSentEvent, MakesANewDataLineOfEveryLineBreakAClientKnows) {
  EXPECT_EQ(event("a\nb"), "event: output\nid: 1690212292:3\ndata: a\ndata: b\n\n");
  EXPECT_EQ(event("\n"), "event: output\nid: 1690212292:3\ndata: \ndata: \n\n");
  for (const char* br :
       {"\r", "\r\n", "\x0B", "\x0C", "\x1C", "\x1D", "\x1E", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
    EXPECT_EQ(event(std::string("a") + br + "b"), event("a\nb"));
  }
}

TEST(ServerSentEvent, WritesAnEmptyChunkAsOneEmptyLine) {
  EXPECT_EQ(event(""), "event: output\nid: 1690212292:3\ndata: \n\n");
}

TEST(ServerSentEvent, LeavesOtherCharactersWhole) {
  EXPECT_EQ(event("phở 🍜"), "event: output\nid: 1690212292:3\ndata: phở 🍜\n\n");
}

TEST(LastEventId, GoesOnBehindTheNamedEvent) {
  domain::Prediction p;
  p.created_at = from_micros(1690212292'000'000);
  p.output.is_list = true;
  p.output.items = {"\"a\"", "\"b\""};
  EXPECT_EQ(next_after("1690212292:0", p), 1u);
  EXPECT_EQ(next_after("1690212292:1", p), 2u);
}

TEST(LastEventId, IsTrustedWhileTheOutputMayStillGrowBackToIt) {
  domain::Prediction p;
  p.created_at = from_micros(1690212292'000'000);
  p.status = domain::Status::processing;
  p.output.is_list = true;
  p.output.items = {"\"a\""};
  EXPECT_EQ(next_after("1690212292:7", p), 8u);
}

TEST(LastEventId, ReplaysEverythingForAnIdItDoesNotKnow) {
  domain::Prediction p;
  p.created_at = from_micros(1690212292'000'000);
  p.status = domain::Status::succeeded;
  for (const char* id : {"", "x", "1690212292:", "1690212292:99", "1:0", "1690212292:-1"})
    EXPECT_EQ(next_after(id, p), 0u);
  p.status = domain::Status::processing;
  for (const char* id : {"", "x", "1690212292:", "1:0", "1690212292:-1", "1690212292:99999999999"})
    EXPECT_EQ(next_after(id, p), 0u);
}

}  // namespace
}  // namespace hekto::api
