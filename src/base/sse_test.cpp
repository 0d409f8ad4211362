// SPDX-License-Identifier: Apache-2.0
#include "base/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hekto {
namespace {

using testing::ElementsAre;

std::vector<std::string> decode(SseReader& reader, std::string_view bytes, std::size_t piece) {
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    for (const auto& event : reader.feed(bytes.substr(at, piece))) events.push_back(event.name + "=" + event.data);
  }
  return events;
}

TEST(SseReader, DecodesEventsHoweverTheyAreCut) {
  const std::string stream =
      ": hi\n\nevent: output\nid: 1:0\ndata: Once\n\nevent: output\nid: 1:1\ndata:  a\ndata: \n\n"
      ": keep-alive\nevent: output\r\nid: 1:2\r\ndata: \xf0\x9f\xa6\x8a\r\n\r\nevent: done\nid: 2:0\ndata: {}\n\n";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    SseReader reader;

    EXPECT_THAT(decode(reader, stream, piece),
                ElementsAre("output=Once", "output= a\n", "output=\xf0\x9f\xa6\x8a", "done={}"));
    EXPECT_EQ(reader.last_id(), "2:0");
  }
}

TEST(SseReader, CountsAnIdOnlyWhenItsEventIsComplete) {
  SseReader reader;

  reader.feed("id: 1\ndata: a\n\nid: 2\ndata: b");
  EXPECT_EQ(reader.last_id(), "1");
  reader.restart();

  EXPECT_THAT(decode(reader, "data: b\n\n", 100), ElementsAre("message=b"));
}

TEST(SseReader, TellsTheIdOfEachEvent) {
  SseReader reader;

  const auto events = reader.feed("data: a\n\nid: 1\ndata: b\n\ndata: c\n\nid: 2\ndata: d\n\n");

  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].id, "");
  EXPECT_EQ(events[1].id, "1");
  EXPECT_EQ(events[2].id, "1");
  EXPECT_EQ(events[3].id, "2");
}

TEST(SseReader, TellsHowMuchOfAnUnfinishedEventItKeeps) {
  SseReader reader;

  reader.feed("data: done\n\n: a comment\n");
  EXPECT_EQ(reader.unfinished(), 0U);
  reader.feed("data: " + std::string(1000, 'a'));
  EXPECT_GE(reader.unfinished(), 1000U);
  reader.feed("\n" + std::string(1000, 'b'));
  EXPECT_GE(reader.unfinished(), 2000U);
}

}  // namespace
}  // namespace hekto
