// SPDX-License-Identifier: Apache-2.0
#include "domain/webhook.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "domain/http_url.h"
#include "domain/webhook_schedule.h"

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

const Time kT0 = from_micros(1'614'265'330'000'000);

TEST(WebhookEvents, AreOutputAndCompletedUnlessAskedOtherwise) {
  const Webhook plain{"https://a.example/", {}, "", ""};
  EXPECT_FALSE(wants(plain, WebhookEvent::start));
  EXPECT_TRUE(wants(plain, WebhookEvent::output));
  EXPECT_FALSE(wants(plain, WebhookEvent::logs));
  EXPECT_TRUE(wants(plain, WebhookEvent::completed));
  const Webhook filtered{"https://a.example/", {WebhookEvent::logs, WebhookEvent::start}, "", ""};
  EXPECT_TRUE(wants(filtered, WebhookEvent::start));
  EXPECT_FALSE(wants(filtered, WebhookEvent::output));
  EXPECT_TRUE(wants(filtered, WebhookEvent::logs));
  EXPECT_FALSE(wants(filtered, WebhookEvent::completed));
}

TEST(WebhookEvents, AreReadAsTheyAreWritten) {
  for (const auto event : {WebhookEvent::start, WebhookEvent::output, WebhookEvent::logs, WebhookEvent::completed}) {
    EXPECT_EQ(parse_webhook_event(to_string(event)), event);
  }
  EXPECT_FALSE(parse_webhook_event("Completed"));
  EXPECT_FALSE(parse_webhook_event(""));
}

TEST(WebhookSignature, MatchesTheVectorOfTheOfficialClients) {
  const WebhookSecrets secrets{Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), {}, {}};
  EXPECT_EQ(webhook_signature(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", kT0, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, CoversIdTimeAndBody) {
  const WebhookSecrets secrets{new_webhook_secret(), {}, {}};
  const auto base = webhook_signature(secrets, "msg_a", kT0, "{}");
  EXPECT_EQ(webhook_signature(secrets, "msg_a", kT0 + 999ms, "{}"), base) << "time counts in whole seconds";
  EXPECT_NE(webhook_signature(secrets, "msg_b", kT0, "{}"), base);
  EXPECT_NE(webhook_signature(secrets, "msg_a", kT0 + 1s, "{}"), base);
  EXPECT_NE(webhook_signature(secrets, "msg_a", kT0, "{ }"), base);
  EXPECT_NE(webhook_signature({new_webhook_secret(), {}, {}}, "msg_a", kT0, "{}"), base);
}

TEST(WebhookSignature, IsMadeWithBothSecretsUntilTheOldOneEnds) {
  const WebhookSecrets old{new_webhook_secret(), {}, {}};
  const WebhookSecrets rotated{new_webhook_secret(), old.current, kT0 + 24h};
  const WebhookSecrets fresh{rotated.current, {}, {}};
  const auto both = [&](Time at) {
    return webhook_signature(fresh, "msg_a", at, "{}") + " " + webhook_signature(old, "msg_a", at, "{}");
  };
  EXPECT_EQ(webhook_signature(rotated, "msg_a", kT0, "{}"), both(kT0));
  EXPECT_EQ(webhook_signature(rotated, "msg_a", kT0 + 24h - 1us, "{}"), both(kT0 + 24h - 1us));
  EXPECT_EQ(webhook_signature(rotated, "msg_a", kT0 + 24h, "{}"), webhook_signature(fresh, "msg_a", kT0 + 24h, "{}"));
}

TEST(WebhookSignature, IsNeverMadeWithASecretThatHoldsNoKey) {
  for (const char* bad : {"", "whsec_", "whsec_***", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) {
    EXPECT_EQ(webhook_signature({Secret(bad), {}, {}}, "msg_a", kT0, "{}"), "") << bad;
  }
}

TEST(WebhookSecret, HasOneUnderscoreAndBase64WithoutPadding) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto text = new_webhook_secret().reveal();
    EXPECT_TRUE(text.starts_with("whsec_"));
    EXPECT_EQ(std::ranges::count(text, '_'), 1);
    EXPECT_EQ(base64_decode(text.substr(6)).value_or("").size(), 24u);
    EXPECT_EQ(text.size(), 38u);
    seen.insert(text);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(HttpUrl, IsSplitIntoOriginAndWhatIsAskedFor) {
  const auto check = [](std::string_view text, std::string_view origin, std::string_view request) {
    const auto url = parse_http_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->origin, origin) << text;
    EXPECT_EQ(url->request, request) << text;
  };
  check("https://a.example", "https://a.example", "https://a.example/");
  check("HTTPS://A.Example:443/X?y=Z", "https://a.example", "https://a.example/X?y=Z");
  check("http://a.example:80?q", "http://a.example", "http://a.example/?q");
  check("http://a.example:443/", "http://a.example:443", "http://a.example:443/");
  check("https://a.example:0443/", "https://a.example", "https://a.example/");
  check("http://127.0.0.1:8080/hook#part", "http://127.0.0.1:8080", "http://127.0.0.1:8080/hook");
  check("http://a.example#part?not/query", "http://a.example", "http://a.example/");
  check("http://[2001:DB8::1]:81/a/?b=c/d", "http://[2001:db8::1]:81", "http://[2001:db8::1]:81/a/?b=c/d");
  check("https://a.example/ü?k=é", "https://a.example", "https://a.example/%C3%BC?k=%C3%A9");
  check("https://a.example/%20?a=b@c:d&e=http://f/", "https://a.example", "https://a.example/%20?a=b@c:d&e=http://f/");
}

TEST(HttpUrl, IsRefusedWhenItIsNoHttpUrlOrCouldBeReadInTwoWays) {
  for (const std::string_view bad :
       std::initializer_list<std::string_view>{"",
                                               "a.example",
                                               "//a.example/",
                                               "/hook",
                                               "http:",
                                               "http:/a.example/",
                                               "http://",
                                               "http:///hook",
                                               "ftp://a.example/",
                                               "file:///etc/passwd",
                                               "gopher://a.example/",
                                               "javascript:alert(1)",
                                               "unix:/run/x.sock",
                                               "http+unix://run/x",
                                               "https//a.example/",
                                               " https://a.example/",
                                               "https://a.example/ ",
                                               "https://a.example/a b",
                                               "https://user@a.example/",
                                               "https://user:word@a.example/",
                                               "https://@a.example/",
                                               "https://a.example@127.0.0.1/",
                                               "https://a.example:80@127.0.0.1/",
                                               "https://a.example\\@127.0.0.1/",
                                               "https://a.example\\b",
                                               "https://a.example/\r\nHost: b",
                                               "https://a.example/\t",
                                               "https://a.example/\x7F",
                                               std::string_view("https://a.example/\0b", 20),
                                               "https://a.example:0/",
                                               "https://a.example:65536/",
                                               "https://a.example:/",
                                               "https://a.example:8x/",
                                               "https://a.example:-1/",
                                               "https://a.example:80:81/",
                                               "https://.a.example/",
                                               "https://a..example/",
                                               "https://a,b.example/",
                                               "https://exämple.org/",
                                               "https://①②⑦.0.0.1/",
                                               "https://a%2eexample/",
                                               "https://[::1/",
                                               "https://::1]/",
                                               "https://[::1%25lo]/",
                                               "https://[127.0.0.1]/",
                                               "https://[]/",
                                               "https://[::1]x/",
                                               "https://a[::1]/",
                                               "https://a.example/\xFF"}) {
    EXPECT_FALSE(parse_http_url(bad)) << bad;
  }
  EXPECT_TRUE(parse_http_url("https://a.example/" + std::string(4096 - 18, 'x')));
  EXPECT_FALSE(parse_http_url("https://a.example/" + std::string(4097 - 18, 'x')));
}

/// A webhook as an upstream signs it.
struct Signed {
  Secret secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  std::string timestamp = "1614265330";
  std::string signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  std::string body = R"({"test": 2432232314})";
  Time now{1614265330s};

  bool verify() const { return verify_webhook(secret, {id, timestamp, signature}, body, now); }
};

TEST(WebhookVerification, TakesWhatTheSchemeSigns) {
  EXPECT_TRUE(Signed().verify());
  const WebhookSecrets ours{new_webhook_secret(), {}, std::nullopt};
  const Time now{1'800'000'000s};
  const auto signature = webhook_signature(ours, "msg_1", now, "{}");
  EXPECT_TRUE(verify_webhook(ours.current, {"msg_1", "1800000000", signature}, "{}", now + 1s));
}

TEST(WebhookVerification, RefusesAnyOtherByteAnywhere) {
  const auto each = [](std::string Signed::* part) {
    const Signed good;
    for (std::size_t i = 0; i < (good.*part).size(); ++i) {
      Signed bad;
      (bad.*part)[i] = (bad.*part)[i] == '1' ? '2' : '1';
      EXPECT_FALSE(bad.verify()) << bad.*part;
    }
    Signed shorter;
    (shorter.*part).pop_back();
    EXPECT_FALSE(shorter.verify()) << shorter.*part;
    Signed longer;
    longer.*part += '1';
    EXPECT_FALSE(longer.verify()) << longer.*part;
    Signed none;
    (none.*part).clear();
    EXPECT_FALSE(none.verify()) << "none";
  };
  each(&Signed::id);
  each(&Signed::timestamp);
  each(&Signed::signature);
  each(&Signed::body);
}

TEST(WebhookVerification, RefusesAnotherSecretAndOneThatIsNone) {
  for (const char* other :
       {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_???", ""}) {
    Signed bad;
    bad.secret = Secret(other);
    EXPECT_FALSE(bad.verify()) << other;
  }
}

TEST(WebhookVerification, TakesOneGoodSignatureAmongSeveral) {
  const auto good = Signed().signature;
  for (const auto& list :
       {"v1,AAAA " + good, good + " v1,AAAA", "v2,x v1a,y " + good + " z", "v1, " + good, "  " + good + "  "}) {
    Signed several;
    several.signature = list;
    EXPECT_TRUE(several.verify()) << list;
  }
  Signed other_version;
  other_version.signature = "v2" + good.substr(2);
  EXPECT_FALSE(other_version.verify());
  Signed too_many;
  too_many.signature.clear();
  for (std::size_t i = 0; i < kMaxWebhookSignatures; ++i) too_many.signature += "v1,AAAA ";
  too_many.signature += good;
  EXPECT_FALSE(too_many.verify());
}

TEST(WebhookVerification, RefusesWhatIsOldOrFromTheFuture) {
  Signed webhook;
  const Time at = webhook.now;
  for (const auto [off, good] : {std::pair(0s, true), {300s, true}, {301s, false}, {-300s, true}, {-301s, false}}) {
    webhook.now = at + off;
    EXPECT_EQ(webhook.verify(), good) << off.count();
  }
}

TEST(WebhookVerification, RefusesTimesThatAreNone) {
  for (const char* time : {"now", "1614265330.0", "+1614265330", " 1614265330", "0x60380000", "-1614265330",
                           "9223372036854775807", "99999999999999999999", "01614265330"}) {
    Signed bad;
    bad.timestamp = time;
    EXPECT_FALSE(bad.verify()) << time;
  }
}

TEST(WebhookSchedule, TriesTenTimesInAboutSeventyFiveHours) {
  Duration shortest{};
  Duration longest{};
  int attempts = 1;
  for (; webhook_retry_delay(attempts, 0.5, 1); ++attempts) {
    const auto middle = *webhook_retry_delay(attempts, 0.5, 1);
    EXPECT_EQ(*webhook_retry_delay(attempts, 0, 1), middle * 9 / 10);
    EXPECT_EQ(*webhook_retry_delay(attempts, 1, 1), middle * 11 / 10);
    shortest += *webhook_retry_delay(attempts, 0, 1);
    longest += *webhook_retry_delay(attempts, 1, 1);
  }
  EXPECT_EQ(attempts, 10);
  EXPECT_EQ(webhook_retry_delay(1, 0.5, 1), 5s);
  EXPECT_EQ(webhook_retry_delay(9, 0.5, 1), 24h);
  EXPECT_GT(shortest, 67h);
  EXPECT_LT(longest, 84h);
  EXPECT_GE(webhook_lifetime(1), longest) << "no message may die before its last attempt";
  EXPECT_FALSE(webhook_retry_delay(0, 0.5, 1));
}

TEST(WebhookSchedule, IsShortenedByItsScale) {
  EXPECT_EQ(webhook_retry_delay(2, 0.5, 0.001), 300ms);
  EXPECT_EQ(webhook_breaker_pause(1, 0.001), 10ms);
  EXPECT_LT(webhook_lifetime(0.001), 10min);
}

TEST(WebhookSchedule, LeavesADeadTargetAloneForLongerEachTimeUpToFiveMinutes) {
  EXPECT_EQ(webhook_breaker_pause(1, 1), 10s);
  EXPECT_EQ(webhook_breaker_pause(2, 1), 20s);
  EXPECT_EQ(webhook_breaker_pause(6, 1), 5min);
  EXPECT_EQ(webhook_breaker_pause(1000, 1), 5min);
}

}  // namespace
}  // namespace hekto::domain
