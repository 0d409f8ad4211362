// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/page.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace hekto::api {
namespace {

const ports::Position kFirst{from_micros(2'000'000), "b"};
const ports::Position kLast{from_micros(1'000'000), "a"};
const json::UrlContext kUrls{"https://h.example", "/replicate/v1", nullptr};

std::string url(const ports::Position& at, bool newer, const std::string& filter = "") {
  return "\"https://h.example/replicate/v1/files?cursor=" + write_page_cursor(at, newer, filter) + "\"";
}

TEST(PageCursor, IsReadAsItWasWritten) {
  for (const bool newer : {false, true}) {
    const ports::Position at{from_micros(-5), "owner/name|with bars"};
    const auto read = read_page_cursor(write_page_cursor(at, newer, "filter"));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->at->created_at, at.created_at);
    EXPECT_EQ(read->at->id, at.id);
    EXPECT_EQ(read->newer, newer);
    EXPECT_EQ(read->filter, "filter");
  }
}

TEST(PageCursor, IsRefusedWhenItIsNone) {
  for (const std::string text :
       {"p=", "p=o", "p=o|", "p=o|1", "p=o|1|", "p=x|1||a", "p=o|x||a", "p=o|1x||a", "o|1||a"}) {
    EXPECT_FALSE(read_page_cursor(base64url_encode(text))) << text;
  }
  EXPECT_FALSE(read_page_cursor("?"));
}

TEST(Page, NamesItsNeighboursWhereThereAreSome) {
  EXPECT_EQ(page_json(kUrls, "/files", {}, {}, {}, false, ""), R"({"next":null,"previous":null,"results":[]})");
  EXPECT_EQ(page_json(kUrls, "/files", {}, kFirst, kLast, false, "1"),
            R"({"next":null,"previous":null,"results":[1]})");
  EXPECT_EQ(page_json(kUrls, "/files", {}, kFirst, kLast, true, "1,2"),
            "{\"next\":" + url(kLast, false) + R"(,"previous":null,"results":[1,2]})");
}

TEST(Page, LeadsBackWhereItWasComeFrom) {
  const PageRequest older{kFirst, false, "f"};
  EXPECT_EQ(page_json(kUrls, "/files", older, kFirst, kLast, false, ""),
            "{\"next\":null,\"previous\":" + url(kFirst, true, "f") + R"(,"results":[]})");
  const PageRequest newer{kLast, true, "f"};
  EXPECT_EQ(page_json(kUrls, "/files", newer, kFirst, kLast, false, ""),
            "{\"next\":" + url(kLast, false, "f") + R"(,"previous":null,"results":[]})");
  EXPECT_EQ(page_json(kUrls, "/files", newer, kFirst, kLast, true, ""),
            "{\"next\":" + url(kLast, false, "f") + ",\"previous\":" + url(kFirst, true, "f") + R"(,"results":[]})");
}

}  // namespace
}  // namespace hekto::api
