// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/ids.h"
#include "domain/key.h"
#include "domain/link.h"
#include "domain/prefer.h"
#include "domain/rate_limit.h"

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

const Time kT0 = from_micros(1'795'342'530'000'000);

TEST(KeyText, CarriesItsIdAndRefusesATypo) {
  for (const bool test : {false, true}) {
    const KeyText key = new_key_text(test);
    const std::string& text = key.text.reveal();
    EXPECT_EQ(text.starts_with("hk-test-"), test);
    EXPECT_EQ(key_id_of(text), key.id);
    EXPECT_TRUE(is_whole_key(text));
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string wrong = text;
      wrong[i] = wrong[i] == 'z' ? 'y' : 'z';
      EXPECT_FALSE(is_whole_key(wrong)) << i;
    }
  }
  for (const char* text : {"", "hk-", "hk-test-", "r8_abcdef", "hk-0000000000"})
    EXPECT_EQ(key_id_of(text), std::nullopt);
}

TEST(Key, IsValidUntilItExpiresOrIsRevoked) {
  Key key;
  EXPECT_TRUE(is_valid_at(key, kT0));
  key.expires_at = kT0;
  EXPECT_TRUE(is_valid_at(key, kT0 - 1us));
  EXPECT_FALSE(is_valid_at(key, kT0));
  key.expires_at.reset();
  key.revoked_at = kT0;
  EXPECT_FALSE(is_valid_at(key, kT0 - 1h));
}

TEST(AccountName, AllowsOnlyPlainLowerCaseWords) {
  EXPECT_TRUE(is_account_name("acme-2_a"));
  for (const char* name : {"", "Acme", "a b", "a/b", "é"}) EXPECT_FALSE(is_account_name(name)) << name;
  EXPECT_FALSE(is_account_name(std::string(65, 'a')));
}

TEST(LinkSigner, OpensWhatItSignedAndRefusesEveryFlippedBit) {
  const LinkSigner signer{Secret("secret")};
  const Link link{LinkKind::delivery, new_id(kT0), 513};
  const std::string token = signer.token(link);
  EXPECT_EQ(signer.verify(token), link);

  const std::string bytes = *base32_decode(token, 35);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(signer.verify(base32_encode(changed)), std::nullopt) << bit;
  }
  EXPECT_EQ(LinkSigner{Secret("other")}.verify(token), std::nullopt);
  for (const char* text : {"", "x", "0000"}) EXPECT_EQ(signer.verify(text), std::nullopt);
  EXPECT_EQ(signer.verify(token + "0"), std::nullopt);
}

TEST(RateLimit, AllowsTheBurstThenRefillsEvenly) {
  RateLimit limit(60, kT0);
  for (int i = 59; i >= 0; --i) {
    const auto d = limit.take(kT0);
    EXPECT_TRUE(d.allowed);
    EXPECT_EQ(d.remaining, i);
  }
  const auto refused = limit.take(kT0);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_EQ(refused.reset_seconds, 1);
  EXPECT_TRUE(limit.take(kT0 + 1s).allowed);
  EXPECT_FALSE(limit.take(kT0 + 1s).allowed);
}

TEST(RateLimit, SaysHowLongASlowAllowanceTakes) {
  RateLimit limit(6, kT0);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(limit.take(kT0).allowed);
  EXPECT_EQ(limit.take(kT0).reset_seconds, 10);
}

TEST(RateLimit, IsNotFooledByAClockThatStepsBack) {
  RateLimit limit(60, kT0);
  for (int i = 0; i < 60; ++i) limit.take(kT0);
  EXPECT_FALSE(limit.take(kT0 - 1h).allowed);
  EXPECT_TRUE(limit.take(kT0 - 1h + 2s).allowed);
}

TEST(Prefer, HoldsForTheAskedTimeButNeverSixtySeconds) {
  EXPECT_EQ(parse_prefer("wait")->wait, Duration(59s));
  EXPECT_EQ(parse_prefer("wait")->applied, "wait");
  EXPECT_EQ(parse_prefer("wait=10")->wait, Duration(10s));
  EXPECT_EQ(parse_prefer("wait=10")->applied, "wait=10");
  EXPECT_EQ(parse_prefer("wait=60")->wait, Duration(59s));
  EXPECT_EQ(parse_prefer("wait=300")->wait, Duration(59s));
  EXPECT_EQ(parse_prefer("wait=0")->wait, Duration(1s));
  EXPECT_EQ(parse_prefer("return=minimal, Wait = \"5\"")->wait, Duration(5s));
}

TEST(Prefer, IsReadInEveryFormThatClientsWrite) {
  for (const char* text : {"wait=5", "WAIT=5", "wait = 5", "wait=\"5\"", "return=minimal, wait=5", "wait=5; foo=bar",
                           "respond-async, wait=5", ",,wait=5"}) {
    const auto prefer = parse_prefer(text);
    ASSERT_TRUE(prefer) << text;
    EXPECT_EQ(prefer->wait, Duration(5s)) << text;
    EXPECT_EQ(prefer->applied, "wait=5") << text;
  }
  EXPECT_EQ(parse_prefer("wait=0")->applied, "wait=1");
  EXPECT_EQ(parse_prefer("wait=-3")->applied, "wait=1");
  EXPECT_EQ(parse_prefer("wait=300")->applied, "wait=60");
  EXPECT_EQ(parse_prefer("wait=99999999999999999999")->applied, "wait=60");
}
TEST(Prefer, HoldsForLessThanTheClientIsReadyToRead) {
  const WaitPreference prefer{59s, "wait"};
  EXPECT_EQ(hold_time(prefer, ""), Duration(59s));
  EXPECT_EQ(hold_time(prefer, "60"), Duration(59s));
  EXPECT_EQ(hold_time(prefer, "20.0"), Duration(19s));
  EXPECT_EQ(hold_time(prefer, " 2.5 "), Duration(1500ms));
  EXPECT_EQ(hold_time(prefer, "1"), Duration(500ms));
  EXPECT_EQ(hold_time(prefer, "600"), Duration(59s));
  EXPECT_EQ(hold_time({5s, "wait=5"}, "60"), Duration(5s));
  EXPECT_EQ(parse_read_timeout("2.5"), Duration(2500ms));
  for (const char* text : {"0", "-5", "soon", "5s", "nan", "inf", "1e400", "5,"}) {
    EXPECT_EQ(hold_time(prefer, text), Duration(59s)) << text;
    EXPECT_EQ(parse_read_timeout(text), std::nullopt) << text;
  }
}
TEST(Prefer, IgnoresWhatItCannotRead) {
  for (const char* text : {"", "respond-async", "wait=abc", "wait=", "waiting", "wait=5x", "wait=1.5"}) {
    EXPECT_FALSE(parse_prefer(text)) << text;
  }
}

TEST(CancelAfter, NeedsAtLeastFiveSeconds) {
  EXPECT_EQ(parse_cancel_after("5"), Duration(5s));
  EXPECT_EQ(parse_cancel_after(" 1h30m45s "), Duration(1h + 30min + 45s));
  for (const char* text : {"", "4s", "soon", "-10"}) EXPECT_FALSE(parse_cancel_after(text)) << text;
}

}  // namespace
}  // namespace hekto::domain
