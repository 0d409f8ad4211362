// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <gtest/gtest.h>

#include "base/decimal.h"
#include "base/regex.h"

namespace hekto {
namespace {

std::string json_number(double number) {
  std::string out;
  append_json_number(out, number);
  return out;
}

TEST(Decimal, HoldsTheShortestDigits) {
  EXPECT_EQ(Decimal(0.1).digits, "1");
  EXPECT_EQ(Decimal(0.1).exponent(), -1);
  EXPECT_EQ(Decimal(std::int64_t{1200}).digits, "12");
  EXPECT_EQ(Decimal(std::int64_t{1200}).exponent(), 3);
  EXPECT_EQ(Decimal(std::numeric_limits<std::int64_t>::min()).plain(), "-9223372036854775808");
  EXPECT_EQ(Decimal(std::numeric_limits<std::int64_t>::max()).plain(), "9223372036854775807");
  EXPECT_EQ(Decimal(-12.5).plain(), "-12.5");
  EXPECT_EQ(Decimal(0.00125).plain(), "0.00125");
  EXPECT_EQ(Decimal(1.5e9).scientific(2), "1.5e+09");
  EXPECT_EQ(Decimal(-2e-7).scientific(1), "-2e-7");
  EXPECT_EQ(Decimal(0.0).plain(), "0");
}

TEST(JsonNumber, LooksAsJavaScriptWritesIt) {
  EXPECT_EQ(json_number(4.0), "4");
  EXPECT_EQ(json_number(-0.0), "0");
  EXPECT_EQ(json_number(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(json_number(1e20), "100000000000000000000");
  EXPECT_EQ(json_number(1e21), "1e+21");
  EXPECT_EQ(json_number(1.25e-7), "1.25e-7");
  EXPECT_EQ(json_number(0.000001), "0.000001");
  EXPECT_EQ(json_number(123456789.5), "123456789.5");
  EXPECT_EQ(json_number(5e-324), "5e-324");
  EXPECT_EQ(json_number(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(json_number(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(Regex, FindsThePatternAnywhereInUtf8Text) {
  const auto regex = Regex::compile("^b.d$|x+");
  ASSERT_TRUE(regex);
  EXPECT_TRUE(
      regex->search("b\xC3\xA9"
                    "d"));
  EXPECT_TRUE(regex->search("aaxa"));
  EXPECT_FALSE(regex->search("bd"));
  EXPECT_EQ(regex->pattern(), "^b.d$|x+");
}

TEST(Regex, RefusesWhatItCannotMatchInLinearTime) {
  for (const char* pattern : {"(", "a(?=b)", "(a)\\1", "[z-a]", "((a{1000}){1000}){1000}"}) {
    const auto regex = Regex::compile(pattern);
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::invalid_input);
    EXPECT_NE(regex.error().message.find(pattern), std::string::npos);
  }
}

TEST(Regex, MatchesAPatternThatStallsBacktrackingEngines) {
  const auto regex = Regex::compile("^(a+)+$");
  ASSERT_TRUE(regex);
  // A backtracking engine needs 2^200000 steps here: the test would never end.
  EXPECT_FALSE(regex->search(std::string(200'000, 'a') + "b"));
}

}  // namespace
}  // namespace hekto
