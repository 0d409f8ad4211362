// SPDX-License-Identifier: Apache-2.0
#include "domain/schema_formats.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hekto::domain {
namespace {

struct Row {
  const char* format;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.format; }

class Format : public testing::TestWithParam<Row> {};

TEST_P(Format, TellsGoodTextsFromBadOnes) {
  const Row& row = GetParam();
  const auto check = find_format(row.format);
  ASSERT_NE(check, nullptr);
  for (const auto& text : row.good) EXPECT_TRUE(check(text)) << text;
  for (const auto& text : row.bad) EXPECT_FALSE(check(text)) << text;
}

std::vector<Row> rows() {
  const std::string label63(63, 'a');
  std::string longest = label63 + "." + label63 + "." + label63 + "." + label63;
  return {
      {"date",
       {"2026-01-31", "2024-02-29", "0000-01-01"},
       {"", "2026-02-29", "2026-13-01", "2026-1-1", "26-01-01", "2026-01-01T00:00:00Z", "2026-01-01 "}},
      {"time",
       {"23:59:59", "7:05:00", "12:00:00.123456789", "12:00:00,5", "12:00:00Z", "12:00:00+07:00", "12:00:00.5-11:30"},
       {"24:00:00", "12:60:00", "12:00:60", "12:00", "12:00:00z", "12:00:00+7", "12:00:00.", "12:00:00+07:60"}},
      {"date-time",
       {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+07:00", "2026-01-31", "12:00:00"},
       {"2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-01-31T", "2026-02-30T12:00:00Z", "yesterday", ""}},
      {"email",
       {"a@b", "a.b+c@d.example", "\"a b\"@d.example", "Ann Lee <a@b.example>", "<a@b>", "\"Lee, Ann\" <a@b>", " a@b ",
        "a@[127.0.0.1]", "\xC3\xA9@b.example"},
       {"", "a", "a@", "@b", "a..b@c", ".a@b", "a b@c", "a@b c", "<a@b", "x, y <a@b>", "(<a@b>", "a@[b]"}},
      {"hostname",
       {"a", "a-b.example", "1.2", label63, longest.substr(0, 255)},
       {"", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", label63 + "a", longest + ".a"}},
      {"ipv4", {"127.0.0.1", "::ffff:1.2.3.4"}, {"", "127.1", "1.2.3.256", "::1", "1.2.3.4/8", "01.2.3.4"}},
      {"ipv6", {"::1", "2001:db8::7", "::ffff:1.2.3.4"}, {"", "1.2.3.4", "[::1]", "::1%lo", ":::"}},
      {"uuid",
       {"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"},
       {"", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g",
        "123e4567-e89b-12d3-a456-4266141740000"}},
      {"regex", {"", "^a+$", "(a|b)"}, {"(", "a**", "[z-a]"}},
      {"json-pointer", {"", "/", "/a/0", "/a~1b~0c"}, {"a", "/~", "/~2", "#/a"}},
      {"relative-json-pointer", {"0", "1/a", "0#", "12/a~1b"}, {"", "/a", "01/a", "-1", "1a", "0#/a"}},
      {"uri", {"https://a.example/", "data:,a"}, {"", "/a", "a.png"}},
      {"iri", {"https://\xC3\xA9.example/"}, {"\xC3\xA9"}},
      {"idn-email", {"\xC3\xA9@\xC3\xA9.example"}, {"\xC3\xA9"}},
  };
}

INSTANTIATE_TEST_SUITE_P(Known, Format, testing::ValuesIn(rows()), [](const auto& info) {
  std::string name(info.param.format);
  std::erase(name, '-');
  return name;
});

TEST(Format, OfANameThatSaysNothingAboutTextsIsNoCheck) {
  for (const char* name : {"", "password", "binary", "byte", "int32", "URI", "uri-reference"}) {
    EXPECT_EQ(find_format(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace hekto::domain
