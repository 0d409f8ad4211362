// SPDX-License-Identifier: Apache-2.0
#include "api/byte_range.h"

#include <gtest/gtest.h>

namespace hekto::api {
namespace {

struct Case {
  const char* header;
  RangeResult result;
  std::uint64_t offset;
  std::uint64_t length;
};

TEST(ByteRange, FollowsTheRfcForABodyOfTenBytes) {
  const Case cases[] = {
      {"bytes=0-0", RangeResult::part, 0, 1},         {"bytes=2-5", RangeResult::part, 2, 4},
      {"bytes=5-", RangeResult::part, 5, 5},          {"bytes=-3", RangeResult::part, 7, 3},
      {"bytes=-30", RangeResult::part, 0, 10},        {"bytes=8-99", RangeResult::part, 8, 2},
      {"Bytes=0-9", RangeResult::part, 0, 10},        {"bytes=10-", RangeResult::unsatisfiable, 0, 10},
      {"bytes=-0", RangeResult::unsatisfiable, 0, 10}};
  for (const auto& c : cases) {
    ByteRange range;
    EXPECT_EQ(parse_range(c.header, 10, range), c.result) << c.header;
    if (c.result != RangeResult::part) continue;
    EXPECT_EQ(range.offset, c.offset) << c.header;
    EXPECT_EQ(range.length, c.length) << c.header;
  }
}

TEST(ByteRange, AnswersTheWholeToWhatItDoesNotServe) {
  for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "items=0-1", "bytes=0-1,3-4",
                             "bytes=99999999999999999999-", "bytes=0x1-2"}) {
    ByteRange range;
    EXPECT_EQ(parse_range(header, 10, range), RangeResult::whole) << header;
    EXPECT_EQ(range.length, 10u);
  }
}

}  // namespace
}  // namespace hekto::api
