// SPDX-License-Identifier: Apache-2.0
#include "domain/create_mark.h"

#include <gtest/gtest.h>

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

const Time kNow = from_micros(1'700'000'000'000'000);
const MarkOwner kAlice{"alice"};

CreateMark by_key(MarkOwner owner, std::string_view key, std::string_view body = "{}") {
  return mark_by_key(owner, key, request_fingerprint("predictions", "", body), kNow + 24h).value();
}
CreateMark by_retry(int count, std::string_view body = "{}", MarkOwner owner = kAlice) {
  return mark_by_retry(owner, count, request_fingerprint("predictions", "", body), kNow + 2min);
}

TEST(CreateMarkByKey, IsRecognisedByTheSameKeyUntilItExpires) {
  const auto kept = by_key(kAlice, "order-17");
  EXPECT_TRUE(recognises(kept, by_key(kAlice, "order-17"), kNow));
  EXPECT_TRUE(recognises(kept, by_key(kAlice, "order-17"), kNow + 24h - 1us));
  EXPECT_FALSE(recognises(kept, by_key(kAlice, "order-17"), kNow + 24h));
  EXPECT_FALSE(recognises(kept, by_key(kAlice, "order-18"), kNow));
}

TEST(CreateMarkByKey, IsRecognisedWithAnotherBodyWhoseFingerprintDiffers) {
  const auto other = by_key(kAlice, "k", R"({"input":{}})");
  EXPECT_TRUE(recognises(by_key(kAlice, "k"), other, kNow));
  EXPECT_NE(by_key(kAlice, "k").request, other.request);
}

TEST(CreateMarkByKey, BelongsToOneAccountAndToOneKindOfKey) {
  EXPECT_FALSE(recognises(by_key(kAlice, "k"), by_key({"bob"}, "k"), kNow));
  EXPECT_FALSE(recognises(by_key(kAlice, "k"), by_key({"alice", true}, "k"), kNow));
}

TEST(CreateMarkByKey, TakesPrintableAsciiOfOneToTwoHundredAndFiftyFiveCharacters) {
  for (const auto& key : {std::string("x"), std::string("\"quoted, with a blank\" ~!"), std::string(255, 'k')}) {
    EXPECT_TRUE(mark_by_key(kAlice, key, "", kNow)) << key;
  }
  for (const auto& key : {std::string(), std::string(256, 'k'), std::string("a\tb"), std::string("caf\xC3\xA9")}) {
    const auto refused = mark_by_key(kAlice, key, "", kNow);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_NE(refused.error().message.find("Idempotency-Key"), std::string::npos);
  }
}

TEST(CreateMarkByRetry, IsRecognisedByALaterAttemptOnly) {
  EXPECT_FALSE(recognises(by_retry(0), by_retry(0), kNow)) << "two first attempts are two creates";
  EXPECT_TRUE(recognises(by_retry(0), by_retry(1), kNow));
  EXPECT_TRUE(recognises(by_retry(0), by_retry(2), kNow)) << "the attempt between may have been lost on the way";
  EXPECT_FALSE(recognises(by_retry(1), by_retry(1), kNow)) << "another client's, which counted as far";
}

TEST(CreateMarkByRetry, IsRecognisedByTheIdenticalRequestOfItsOwnerOnly) {
  EXPECT_FALSE(recognises(by_retry(0), by_retry(1, R"({"input":{}})"), kNow));
  EXPECT_FALSE(recognises(by_retry(0), by_retry(1, "{}", {"bob"}), kNow));
  EXPECT_FALSE(recognises(by_retry(0), by_retry(1, "{}", {"alice", true}), kNow));
  EXPECT_FALSE(recognises(by_retry(0), by_retry(1), kNow + 2min));
}

TEST(CreateMark, OfOneKindIsNeverRecognisedByTheOther) {
  const auto request = request_fingerprint("predictions", "", "{}");
  const auto key = by_key(kAlice, "k");
  EXPECT_NE(mark_by_key(kAlice, std::string(32, 'a'), request, kNow)->scope,
            mark_by_retry(kAlice, 1, std::string(32, 'a'), kNow).scope);
  EXPECT_FALSE(recognises(key, by_retry(1), kNow));
}

TEST(RequestFingerprint, ChangesWithPathHeadersAndBodyAndNotWithWhereOneEnds) {
  const auto same = request_fingerprint("a", "b", "c");
  EXPECT_EQ(same.size(), 32u);
  EXPECT_EQ(same, request_fingerprint("a", "b", "c"));
  for (const auto& other :
       {request_fingerprint("x", "b", "c"), request_fingerprint("a", "x", "c"), request_fingerprint("a", "b", "x"),
        request_fingerprint("ab", "", "c"), request_fingerprint("a", "", "bc")}) {
    EXPECT_NE(same, other);
  }
}

TEST(RetryCount, IsANumberFromZeroToAThousand) {
  EXPECT_EQ(parse_retry_count("0"), 0);
  EXPECT_EQ(parse_retry_count("2"), 2);
  EXPECT_EQ(parse_retry_count("1000"), 1000);
  for (const char* text : {"", "-1", "+1", "1.0", "1001", "99999999999", "two", "1 "}) {
    EXPECT_FALSE(parse_retry_count(text)) << text;
  }
}

TEST(RetryWindow, IsAMinuteMoreThanTheClientWaits) {
  EXPECT_EQ(retry_window(std::nullopt), 2min);
  EXPECT_EQ(retry_window(10s), 70s);
  EXPECT_EQ(retry_window(24h), 11min);
}

}  // namespace
}  // namespace hekto::domain
