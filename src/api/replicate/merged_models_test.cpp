// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/merged_models.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace hekto::api {
namespace {

bool same(const MergedPlace& a, const MergedPlace& b) {
  const bool ours = a.ours && b.ours && a.ours->created_at == b.ours->created_at && a.ours->id == b.ours->id;
  return ours && a.page == b.page && a.taken == b.taken && a.ended == b.ended;
}

TEST(MergedCursor, IsReadAsItIsWritten) {
  for (const bool by_creation : {false, true}) {
    for (const bool ascending : {false, true}) {
      MergedCursor cursor;
      cursor.by_creation = by_creation;
      cursor.ascending = ascending;
      for (const bool has_before : {false, true}) {
        cursor.from = {ports::Position{from_micros(-7), "own/model"}, "cursor=a%7Cb|c&sort_by=x", 12, has_before};
        if (has_before) cursor.before = MergedPlace{};
        const auto text = write_merged_cursor(cursor);
        EXPECT_TRUE(is_merged_cursor(text));
        const auto read = read_merged_cursor(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(read->by_creation, by_creation);
        EXPECT_EQ(read->ascending, ascending);
        EXPECT_TRUE(same(read->from, cursor.from));
        EXPECT_EQ(read->before.has_value(), has_before);
      }
    }
  }
}

TEST(MergedCursor, IsNothingElse) {
  for (const std::string text : {"", "vd", "vd\n", "xx\n||0|m|", "vd\nx|n|0|m|", "vd\n||-1|m|", "vd\n||0|x|", "vd\n||0",
                                 "vd\n||0|m|\n", "vd\n||0|m|\nx"}) {
    EXPECT_FALSE(read_merged_cursor("own." + base64url_encode(text))) << text;
  }
  EXPECT_FALSE(read_merged_cursor("own.!"));
  EXPECT_FALSE(is_merged_cursor("cD1vfDF8dmR8YS9i"));
  EXPECT_TRUE(read_merged_cursor("own." + base64url_encode("vd\n||0|m|")));
}

}  // namespace
}  // namespace hekto::api
