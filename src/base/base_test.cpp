// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/time.h"

namespace hekto {
namespace {

using namespace std::chrono_literals;

TEST(Time, FormatsSixFractionDigitsInUtc) {
  EXPECT_EQ(format_time(from_micros(1'795'342'530'412'000)), "2026-11-22T10:15:30.412000Z");
  EXPECT_EQ(format_time(from_micros(0)), "1970-01-01T00:00:00.000000Z");
}

TEST(Time, ReadsWhatItWrites) {
  const Time t = from_micros(1'795'342'530'412'345);
  EXPECT_EQ(parse_time(format_time(t)), t);
}

TEST(Time, ReadsIsoFormsAndZones) {
  const Time t = *parse_time("2026-11-22T10:15:30Z");
  EXPECT_EQ(parse_time("2026-11-22T17:15:30+07:00"), t);
  EXPECT_EQ(parse_time("2026-11-22T10:15:30"), t);
  EXPECT_EQ(parse_time("2026-11-22T10:15:30.000000000Z"), t);
  EXPECT_EQ(parse_time("2026-11-22"), *parse_time("2026-11-22T00:00:00Z"));
}

TEST(Time, RefusesNonsense) {
  for (const char* text : {"", "yesterday", "2026-13-01", "2026-02-30", "2026-11-22T25:00:00Z", "2026-11-22T10:15:30.Z",
                           "2026-11-22T10:15:30Zx"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Duration, ReadsConcatenatedUnits) {
  EXPECT_EQ(parse_duration("90"), Duration(90s));
  EXPECT_EQ(parse_duration("1h30m45s"), Duration(1h + 30min + 45s));
  EXPECT_EQ(parse_duration("250ms"), Duration(250ms));
  EXPECT_EQ(parse_duration("30d"), Duration(720h));
}

TEST(Duration, RefusesWhatIsAmbiguousOrTooLong) {
  for (const char* text : {"", "abc", "-5", "1h30", "5x", "1 h", "99999999999d", "m"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Id, HasTwentySixCharactersAndSortsByTime) {
  const std::string early = new_id(from_micros(1'000'000'000'000));
  const std::string late = new_id(from_micros(2'000'000'000'000));
  EXPECT_TRUE(is_id(early));
  EXPECT_LT(early, late);
  EXPECT_EQ(id_from_bytes(id_to_bytes(late)), late);
}

TEST(Id, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(new_id(from_micros(1)));
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(Id, RefusesOtherShapes) {
  EXPECT_FALSE(is_id(""));
  EXPECT_FALSE(is_id("0123456789abcdefghjkmnpqr"));
  EXPECT_FALSE(is_id("il0123456789abcdefghjkmnpq"));
  EXPECT_FALSE(is_id("0123456789ABCDEFGHJKMNPQRS"));
}

TEST(Encoding, Base64MatchesTheRfcVectors) {
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_encode("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64_decode("Zm9vYmE="), "fooba");
  EXPECT_EQ(base64_decode("Zm9vYg"), "foob");
}

TEST(Encoding, Base64UrlHasOneSpellingOnly) {
  EXPECT_EQ(base64url_decode("Zm8"), "fo");
  EXPECT_EQ(base64url_decode("Zm9"), std::nullopt);  // the same bytes with a stray bit
  EXPECT_EQ(base64url_decode("Zm8="), std::nullopt);
}

TEST(Encoding, Base32KnowsItsOwnTextsWithoutDecodingThem) {
  for (const std::size_t size : {1U, 4U, 5U, 16U, 35U}) {
    const std::string text = base32_encode(std::string(size, '\xA7'));
    EXPECT_EQ(base32_decode(text, size), std::string(size, '\xA7'));
    for (std::size_t i = 0; i < text.size(); ++i) {
      for (int c = 0; c < 256; ++c) {
        std::string changed = text;
        changed[i] = static_cast<char>(c);
        EXPECT_EQ(is_base32(changed, size), base32_decode(changed, size).has_value()) << size << " " << i << " " << c;
      }
    }
    EXPECT_FALSE(is_base32(text + "0", size));
  }
}

TEST(Encoding, HexAndPercentRoundTrip) {
  EXPECT_EQ(hex_decode(hex_encode("\x01\xff")), "\x01\xff");
  EXPECT_EQ(hex_decode("0g"), std::nullopt);
  EXPECT_EQ(percent_decode("a%20b+c", true), "a b c");
  EXPECT_EQ(percent_decode("%2", false), std::nullopt);
  EXPECT_EQ(percent_encode("a b/é"), "a%20b%2F%C3%A9");
}

TEST(Encoding, Utf8RefusesOverlongFormsAndSurrogates) {
  EXPECT_TRUE(is_utf8("ăn phở 🍜"));
  EXPECT_FALSE(is_utf8("\xC0\xAF"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(is_utf8("\xE2\x82"));
}

TEST(Hash, MatchesPublishedVectors) {
  EXPECT_EQ(hex_encode(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string jefe = hmac_sha256("Jefe", "what do ya want for nothing?");
  const std::string other = hmac_sha256("another key", "what do ya want for nothing?");
  EXPECT_NE(other, jefe);
  EXPECT_EQ(hmac_sha256("another key", "what do ya want for nothing?"), other);
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?"), jefe);
  EXPECT_EQ(hex_encode(hmac_sha256("", "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  Sha256 stream;
  stream.update("a");
  stream.update("bc");
  EXPECT_EQ(stream.finish(), sha256("abc"));
}

TEST(JsonText, EscapesOnlyWhatMustBe) {
  std::string out;
  append_json_string(out, "a\"b\\c\n\x01 é \xff");
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\n\\u0001 é \xEF\xBF\xBD\"");
}

TEST(JsonText, EscapesEveryByteAtEveryPlaceOfAWord) {
  for (int c = 1; c < 128; ++c) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, 'x');
      text[at] = static_cast<char>(c);
      std::string out;
      append_json_escaped(out, text);
      const bool plain = c >= 0x20 && c != '"' && c != '\\';
      EXPECT_EQ(out.size() == 20, plain) << c << " at " << at;
      EXPECT_EQ(out.substr(0, at), text.substr(0, at));
      EXPECT_EQ(out.substr(out.size() - (19 - at)), text.substr(at + 1));
    }
  }
}

}  // namespace
}  // namespace hekto
