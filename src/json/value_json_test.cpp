// SPDX-License-Identifier: Apache-2.0
#include "json/value_json.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hekto::json {
namespace {

using domain::Value;
using testing::HasSubstr;

/// What `text` reads as, written again; "invalid: <why>" when it is refused.
std::string again(std::string_view text) {
  const auto value = parse(text);
  if (value) return dump(*value);
  EXPECT_EQ(value.error().code, ErrorCode::invalid_input);
  return "invalid: " + value.error().message;
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

struct Accepted {
  std::string_view text;
  std::string_view written;
};

TEST(JsonParse, AcceptsWhatTheStandardAllows) {
  using namespace std::string_view_literals;
  const Accepted cases[] = {
      {"[]", "[]"},
      {"{}", "{}"},
      {"[[]   ]", "[[]]"},
      {" \t\r\n[ 1 ,\t2\r\n] \n", "[1,2]"},
      {"[\"\"]", "[\"\"]"},
      {"null", "null"},
      {"true", "true"},
      {" false ", "false"},
      {"\"lonely\"", "\"lonely\""},
      {"42", "42"},
      {"-1", "-1"},
      {"[null, 1, \"1\", {}]", "[null,1,\"1\",{}]"},
      {"[1,null,null,null,2]", "[1,null,null,null,2]"},
      {"{\"\":0}", "{\"\":0}"},
      {"{\"b\":1,\"a\":2}", "{\"b\":1,\"a\":2}"},
      {"{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":{\"a\":{\"a\":1}}}"},
      {"{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}"},
      {"[0]", "[0]"},
      {"[-0]", "[0]"},
      {"[-0.0]", "[0]"},
      {"[4.0]", "[4]"},
      {"[1e2]", "[100]"},
      {"[1E+2]", "[100]"},
      {"[0e1]", "[0]"},
      {"[0e+1]", "[0]"},
      {"[1e-2]", "[0.01]"},
      {"[123.456e78]", "[1.23456e+80]"},
      {"[123.456789]", "[123.456789]"},
      {"[-0.000000000000000000000000000000000000000000000000000000000000000000000001]", "[-1e-72]"},
      {"[1e-400]", "[0]"},
      {"[9223372036854775807]", "[9223372036854775807]"},
      {"[-9223372036854775808]", "[-9223372036854775808]"},
      {"[9223372036854775808]", "[9223372036854776000]"},
      {"[18446744073709551615]", "[18446744073709552000]"},
      {R"(["\"\\\/\b\f\n\r\t"])", R"(["\"\\/\b\f\n\r\t"])"},
      {R"(["\u0060\u012a\u12AB"])", "[\"`\xC4\xAA\xE1\x8A\xAB\"]"},
      {R"(["\uD801\udc37"])", "[\"\xF0\x90\x90\xB7\"]"},
      {R"(["\u0000"])", R"(["\u0000"])"},
      {R"(["\u001f"])", R"(["\u001f"])"},
      {R"(["\\u0000"])", R"(["\\u0000"])"},
      {R"(["\uFFFF\u2028"])", "[\"\xEF\xBF\xBF\xE2\x80\xA8\"]"},
      {"[\"\x7F\"]", "[\"\x7F\"]"},
      {"[\"\xED\x9F\xBF\xEE\x80\x80\"]", "[\"\xED\x9F\xBF\xEE\x80\x80\"]"},
      {"[\"\xF4\x8F\xBF\xBF\"]", "[\"\xF4\x8F\xBF\xBF\"]"},
      {"[\"a/*b*/c\"]", "[\"a/*b*/c\"]"},
      {"[\"\xEF\xBB\xBF\"]", "[\"\xEF\xBB\xBF\"]"},
      {R"({"\u0061":1,"b":2})", R"({"a":1,"b":2})"},
  };
  for (const auto& [text, written] : cases) EXPECT_EQ(again(text), written) << text;
}

TEST(JsonParse, RefusesEverythingElse) {
  using namespace std::string_view_literals;
  const std::string_view cases[] = {
      // structure
      "",
      " ",
      "[",
      "]",
      "{",
      "}",
      "[1",
      "[1,",
      "[1,]",
      "[,1]",
      "[1,,2]",
      "[1 2]",
      "[1:2]",
      "[}",
      "{]",
      "[1}",
      "{\"a\":1",
      "{\"a\"",
      "{\"a\":",
      "{\"a\" 1}",
      "{\"a\",1}",
      "{\"a\":1,}",
      "{,\"a\":1}",
      "{a:1}",
      "{1:1}",
      "{'a':1}",
      "{null:1}",
      "{\"a\":1 \"b\":2}",
      "{\"a\":1,,\"b\":2}",
      "{[1]:2}",
      "[1]]",
      "[1]x",
      "{}{}",
      "{} 1",
      "1 2",
      "\"a\"\"b\"",
      "[1],",
      "<null>",
      "[\"a\",\n4\n,1,",
      "[a\xC3\xA5]",
      "*",
      "{\"a\":\"b\"}/**/",
      "{\"a\":1}// c",
      "[1,/**/2]",
      "#{}",
      "\xEF\xBB\xBF{}",
      "\xEF\xBB\xBF",
      "\x0c[]",
      "[\x0b]",
      "[]\0"sv,
      "\0"sv,
      "[1,\0]"sv,
      "\xC2\xA0[]",
      // words
      "nul",
      "nulll",
      "tru",
      "True",
      "TRUE",
      "fals",
      "[truefalse]",
      "undefined",
      "NaN",
      "[Infinity]",
      "[-Infinity]",
      "[inf]",
      "[nan]",
      // numbers
      "[+1]",
      "[-]",
      "[--1]",
      "[- 1]",
      "[01]",
      "[-01]",
      "[00]",
      "[.5]",
      "[-.5]",
      "[5.]",
      "[5.e1]",
      "[0.e1]",
      "[1e]",
      "[1e+]",
      "[1e-]",
      "[1eE2]",
      "[1e1.5]",
      "[1.2.3]",
      "[0x1F]",
      "[1_000]",
      "[1 000]",
      "[2.]",
      "[1a]",
      "[-1x]",
      "[1ea]",
      "[\xEF\xBC\x91]",
      "[1e400]",
      "[-1e400]",
      "[123123e100000]",
      "[18446744073709551616]",
      "[-9223372036854775809]",
      "[0e]",
      "[0.3e+]",
      "[9.e+]",
      // strings
      "\"",
      "[\"",
      "[\"a]",
      "['a']",
      "[\"\\\"]",
      "[\"\\x41\"]",
      "[\"\\a\"]",
      "[\"\\'\"]",
      "[\"\\0\"]",
      "[\"\\u\"]",
      "[\"\\u00\"]",
      "[\"\\u00G0\"]",
      "[\"\\U0041\"]",
      "[\"\\\xC3\xA5\"]",
      "[\"a\nb\"]",
      "[\"a\tb\"]",
      "[\"\x1f\"]",
      "[\"\0\"]"sv,
      "[\"\\",
      "[\\n]",
      "\"\\\"",
      // halves of surrogate pairs, in values and in names
      "[\"\\ud800\"]",
      "[\"\\udc00\"]",
      "[\"\\ud800\\ud800\"]",
      "[\"\\ud800a\"]",
      "[\"\\ud800\\n\"]",
      "[\"\\udc00\\ud800\"]",
      "[\"a\\uD83Db\"]",
      "{\"\\udfff\":1}",
      "[\"\\ud800\\u0041\"]",
      // not UTF-8
      "[\"\xFF\"]",
      "[\"\x80\"]",
      "[\"\xC3\"]",
      "[\"\xC0\xAF\"]",
      "[\"\xE0\x80\xAF\"]",
      "[\"\xED\xA0\x80\"]",
      "[\"\xF4\x90\x80\x80\"]",
      "[\"\xF8\x88\x80\x80\x80\"]",
      "[\xE5]",
      "[\"\xE6\x97\xA5\xD1\x88\xFA\"]",
      "\xFF\xFE[\0]\0"sv,
      "[\"\xFC\x83\xBF\xBF\xBF\xBF\"]",
      // the same name twice
      "{\"a\":1,\"a\":1}",
      "{\"a\":1,\"b\":2,\"a\":3}",
      "[{\"x\":{\"a\":1,\"\\u0061\":2}}]",
      "{\"\":1,\"\":2}",
      "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"1\":1}",
  };
  for (const auto text : cases)
    EXPECT_THAT(again(text), testing::StartsWith("invalid: The text is not valid JSON")) << text;
}

TEST(JsonParse, SaysWhatIsWrong) {
  EXPECT_THAT(again(""), HasSubstr("empty"));
  EXPECT_THAT(again("{\"a\":1,\"a\":2}"), HasSubstr("two members of the same name"));
  EXPECT_THAT(again("[\"\xFF\"]"), HasSubstr("not UTF-8"));
  EXPECT_THAT(again("[\"\\udc00\"]"), HasSubstr("malformed string"));
  EXPECT_THAT(again("[1e999]"), HasSubstr("number"));
  EXPECT_THAT(again(nested(65)), HasSubstr("too deeply"));
  EXPECT_THAT(again("\xEF\xBB\xBF{}"), HasSubstr("byte order mark"));
}

TEST(JsonParse, AllowsSixtyFourLevels) {
  EXPECT_EQ(again(nested(kMaxDepth)), nested(kMaxDepth));
  EXPECT_THAT(again(nested(kMaxDepth + 1)), HasSubstr("too deeply"));
  EXPECT_THAT(again(nested(100'000)), HasSubstr("too deeply"));
  EXPECT_THAT(again(std::string(100'000, '[')), testing::StartsWith("invalid"));
  std::string objects;
  for (std::size_t i = 0; i < kMaxDepth; ++i) objects += "{\"a\":";
  EXPECT_EQ(again(objects + "1" + std::string(kMaxDepth, '}')), objects + "1" + std::string(kMaxDepth, '}'));
}

TEST(JsonParse, KeepsWholeNumbersWhole) {
  ASSERT_NE(parse("4")->as_int(), nullptr);
  ASSERT_NE(parse("-0")->as_int(), nullptr);
  ASSERT_NE(parse("4.0")->as_double(), nullptr);
  ASSERT_NE(parse("4e0")->as_double(), nullptr);
  ASSERT_NE(parse("9223372036854775808")->as_double(), nullptr);
}

TEST(JsonParse, KeepsTheOrderOfManyMembersAndFindsALateDuplicate) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += "\"" + std::to_string(99'999 - i) + "\":" + std::to_string(i) + ",";
  EXPECT_EQ(again(text + "\"x\":0}"), text + "\"x\":0}");
  EXPECT_THAT(again(text + "\"50000\":0}"), HasSubstr("same name"));
}

TEST(JsonParse, ReadsLargeAndThenSmallTexts) {
  for (const std::size_t size : {3'000'000, 10, 1'048'577, 0}) {
    const std::string text = "\"" + std::string(size, 'x') + "\"";
    EXPECT_EQ(again(text), text);
  }
}

TEST(JsonParse, ReadsNothingBehindItsText) {
  // The view ends in the middle of a page that goes on with more digits.
  const std::string text = "[1]23456789";
  EXPECT_EQ(again(std::string_view(text).substr(0, 3)), "[1]");
  EXPECT_EQ(again(std::string_view(text).substr(1, 1)), "1");
}

TEST(JsonDump, WritesAsJavaScriptDoes) {
  EXPECT_EQ(dump(Value::Object{{"a", 0.1}, {"b", 1e21}, {"c", 2.0}, {"d", Value::Array{true, nullptr}}}),
            R"({"a":0.1,"b":1e+21,"c":2,"d":[true,null]})");
  EXPECT_EQ(dump("\xC3\xA9\"\\\n\x01/"), "\"\xC3\xA9\\\"\\\\\\n\\u0001/\"");
  EXPECT_EQ(dump(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(dump(Value()), "null");
}

TEST(JsonDump, IsReadBackAsTheSameValue) {
  const Value value = Value::Object{
      {"numbers", Value::Array{0, -1, 0.1, 1e-300, 1.7976931348623157e308, std::numeric_limits<std::int64_t>::min()}},
      {"\x01 \xF0\x9F\x98\x80", Value::Array{"", "\x7F", Value::Object{}, Value::Array{}, false}}};
  EXPECT_EQ(*parse(dump(value)), value);
}

TEST(JsonParser, RefusesTheEmptyTextWithoutAPointerToo) { EXPECT_FALSE(parse(std::string_view{})); }

}  // namespace
}  // namespace hekto::json
