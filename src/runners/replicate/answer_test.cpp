// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runners/replicate/options.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using Why = AccountRefused::Why;

const char* const kTaken = R"({"id":"r1","status":"starting","input":{}})";

class AnswerTest : public testing::Test {
 protected:
  CreateAnswer read(Result<ports::HttpReply> reply, bool sent = true) const {
    return read_create_answer(reply, sent, scrubber_);
  }
  CreateAnswer read(int status, std::string body = "{}",
                    std::vector<std::pair<std::string, std::string>> headers = {}) const {
    return read(ports::HttpReply{status, std::move(body), false, {}, std::move(headers)});
  }
  const Scrubber scrubber_{{.name = "up",
                            .url = "https://api.example",
                            .accounts = {{.name = "main", .token = Secret("r8_secret"), .username = "acme"}}}};
};

TEST_F(AnswerTest, TakenIsWhatShowsAPrediction) {
  for (const int status : {200, 201, 202}) {
    const auto answer = read(status, kTaken);
    ASSERT_TRUE(std::holds_alternative<Accepted>(answer)) << status;
    EXPECT_EQ(std::get<Accepted>(answer).snapshot.id, "r1");
  }
}

TEST_F(AnswerTest, ASuccessThatCannotBeReadIsAmbiguous) {
  EXPECT_TRUE(std::holds_alternative<Ambiguous>(read(201, R"({"id":"r1","stat)")));
  EXPECT_TRUE(std::holds_alternative<Ambiguous>(read(201, "")));
  EXPECT_TRUE(std::holds_alternative<Ambiguous>(read(201, R"({"status":"starting"})")));
  EXPECT_TRUE(std::holds_alternative<Ambiguous>(read(200, "<html>")));
  EXPECT_TRUE(std::holds_alternative<Ambiguous>(read(ports::HttpReply{201, kTaken, true})));
}

TEST_F(AnswerTest, WithoutAnAnswerItIsAmbiguousOnceAByteMayHaveLeft) {
  for (const auto code : {ErrorCode::timeout, ErrorCode::upstream, ErrorCode::unavailable, ErrorCode::canceled}) {
    EXPECT_TRUE(std::holds_alternative<Ambiguous>(read(fail(code, "broken"), true)));
    const auto unsent = read(fail(code, "broken"), false);
    ASSERT_TRUE(std::holds_alternative<NotNow>(unsent));
    EXPECT_FALSE(std::get<NotNow>(unsent).throttled);
    EXPECT_EQ(std::get<NotNow>(unsent).wait, 0s);
  }
}

TEST_F(AnswerTest, StatusesThatProxiesSayOfWhatTheyPassedOnAreAmbiguous) {
  for (const int status : {408, 500, 501, 502, 504, 520, 524, 301, 302, 307}) {
    EXPECT_TRUE(std::holds_alternative<Ambiguous>(read(status, kTaken))) << status;
  }
}

TEST_F(AnswerTest, RefusalsAreHandedOnAsTheUpstreamWroteThem) {
  const std::string body =
      R"({"detail":"- input: prompt is required\n","status":422,"title":"Input validation failed"})";
  for (const int status : {400, 404, 405, 409, 410, 413, 415, 422, 451}) {
    const auto answer = read(status, body);
    ASSERT_TRUE(std::holds_alternative<Refused>(answer)) << status;
    EXPECT_EQ(std::get<Refused>(answer).refusal.status, status);
    EXPECT_EQ(std::get<Refused>(answer).refusal.body, body);
  }
}

TEST_F(AnswerTest, RefusalsThatAreNotOfTheOfficialFormAreReplaced) {
  for (auto reply :
       {ports::HttpReply{404, "<html>nginx</html>", false}, ports::HttpReply{404, "", false},
        ports::HttpReply{404, R"(["not found"])", false}, ports::HttpReply{404, R"({"detail":"a"})", true}}) {
    const auto answer = read(reply);
    ASSERT_TRUE(std::holds_alternative<Refused>(answer)) << reply.body;
    const auto& refusal = std::get<Refused>(answer).refusal;
    EXPECT_EQ(refusal.status, 404);
    EXPECT_THAT(refusal.body, HasSubstr(R"("status":404)"));
    EXPECT_THAT(refusal.body, Not(HasSubstr("nginx")));
  }
}

TEST_F(AnswerTest, RefusalsTellNothingOfTheAccount) {
  const auto answer = read(422, R"({"detail":"acme with r8_secret at https://api.example/v1 may not","status":422})");
  const auto& body = std::get<Refused>(answer).refusal.body;
  EXPECT_THAT(body, Not(HasSubstr("acme")));
  EXPECT_THAT(body, Not(HasSubstr("r8_secret")));
  EXPECT_THAT(body, Not(HasSubstr("api.example")));
}

TEST_F(AnswerTest, ABadTokenIsTheAccountsAffairAlone) {
  const auto answer = read(401, R"({"title":"Unauthenticated","detail":"no","status":401})");
  ASSERT_TRUE(std::holds_alternative<AccountRefused>(answer));
  EXPECT_EQ(std::get<AccountRefused>(answer).why, Why::bad_token);
  EXPECT_EQ(std::get<AccountRefused>(answer).refusal.status, 0);
}

TEST_F(AnswerTest, MissingCreditAndPermissionKeepWhatWasSaid) {
  const std::string body = R"({"title":"Insufficient credit","detail":"none","status":402})";
  const auto broke = read(402, body);
  ASSERT_TRUE(std::holds_alternative<AccountRefused>(broke));
  EXPECT_EQ(std::get<AccountRefused>(broke).why, Why::no_credit);
  EXPECT_EQ(std::get<AccountRefused>(broke).refusal.body, body);
  const auto forbidden = read(403, R"({"detail":"You do not have permission to perform this action.","status":403})");
  ASSERT_TRUE(std::holds_alternative<AccountRefused>(forbidden));
  EXPECT_EQ(std::get<AccountRefused>(forbidden).why, Why::forbidden);
  EXPECT_EQ(std::get<AccountRefused>(forbidden).refusal.status, 403);
}

TEST_F(AnswerTest, OverloadMeansNotNow) {
  for (const int status : {503, 529}) {
    const auto answer = read(status, "", {{"Retry-After", "3"}});
    ASSERT_TRUE(std::holds_alternative<NotNow>(answer));
    EXPECT_EQ(std::get<NotNow>(answer).wait, 3s);
    EXPECT_FALSE(std::get<NotNow>(answer).throttled);
  }
}

TEST_F(AnswerTest, ThrottlingMeansNotNowAndMayTellAReducedRate) {
  const auto plain = read(429, R"({"detail":"Request was throttled.","status":429})", {{"retry-after", "7"}});
  ASSERT_TRUE(std::holds_alternative<NotNow>(plain));
  EXPECT_TRUE(std::get<NotNow>(plain).throttled);
  EXPECT_EQ(std::get<NotNow>(plain).wait, 7s);
  EXPECT_EQ(std::get<NotNow>(plain).reduced_to, 0);
  const auto reduced = [&](const std::string& text) {
    return std::get<NotNow>(read(429, R"({"detail":")" + text + R"("})")).reduced_to;
  };
  EXPECT_EQ(reduced("Your rate limit is reduced to 6 requests per minute with a burst of 1 requests"), 6);
  EXPECT_EQ(reduced("is reduced to 0 requests per minute"), 0);
  EXPECT_EQ(reduced("is reduced to -6 requests per minute"), 0);
  EXPECT_EQ(reduced("is reduced to 6 requests per hour"), 0);
  EXPECT_EQ(reduced("is reduced to 99999999999999999999 requests per minute"), 0);
  EXPECT_EQ(reduced("is reduced to "), 0);
}

Duration wait_of(std::vector<std::pair<std::string, std::string>> headers, std::string body = "") {
  return retry_after({429, std::move(body), false, {}, std::move(headers)});
}

TEST(RetryAfter, IsReadInEveryForm) {
  EXPECT_EQ(wait_of({{"Retry-After", "30"}}), 30s);
  EXPECT_EQ(wait_of({{"retry-after", "0.25"}}), 250ms);
  EXPECT_EQ(wait_of({{"Retry-After", "Sun, 22 Nov 2026 10:00:09 GMT"}, {"Date", "Sun, 22 Nov 2026 10:00:04 GMT"}}), 5s);
  EXPECT_EQ(wait_of({{"ratelimit-reset", "4"}}), 4s);
  EXPECT_EQ(wait_of({}, R"({"detail":"throttled","status":429,"retry_after":7})"), 7s);
  EXPECT_EQ(wait_of({{"ratelimit-reset", "4"}}, R"({"retry_after":7})"), 7s);
  EXPECT_EQ(wait_of({{"Retry-After", "2"}, {"ratelimit-reset", "4"}}, R"({"retry_after":7})"), 2s);
}

TEST(RetryAfter, IsNothingWhenItSaysNothing) {
  EXPECT_EQ(wait_of({}), 0s);
  EXPECT_EQ(wait_of({{"Retry-After", "0"}}), 0s);
  EXPECT_EQ(wait_of({{"Retry-After", "-3"}}), 0s);
  EXPECT_EQ(wait_of({{"Retry-After", "soon"}}), 0s);
  EXPECT_EQ(wait_of({{"Retry-After", "nan"}}), 0s);
  EXPECT_EQ(wait_of({{"Retry-After", "3 seconds"}}), 0s);
  EXPECT_EQ(wait_of({{"Retry-After", "Sun, 22 Nov 2026 10:00:09 GMT"}}), 0s) << "without the upstream's own time";
  EXPECT_EQ(wait_of({{"Retry-After", "Sun, 22 Nov 2026 10:00:00 GMT"}, {"Date", "Sun, 22 Nov 2026 10:00:04 GMT"}}), 0s);
  EXPECT_EQ(wait_of({}, R"({"retry_after":"soon"})"), 0s);
}

TEST(RetryAfter, IsAnHourAtMost) {
  EXPECT_EQ(wait_of({{"Retry-After", "1e300"}}), 1h);
  EXPECT_EQ(wait_of({{"Retry-After", "inf"}}), 1h);
  EXPECT_EQ(wait_of({}, R"({"retry_after":86400})"), 1h);
  EXPECT_EQ(wait_of({{"Retry-After", "Sun, 22 Nov 2026 23:00:00 GMT"}, {"Date", "Sun, 22 Nov 2026 10:00:04 GMT"}}), 1h);
}

std::optional<LimitLeft> left_of(std::vector<std::pair<std::string, std::string>> headers) {
  return limit_left({201, "", false, {}, std::move(headers)});
}

TEST(LimitLeft, IsReadFromTheOfficialHeaders) {
  const auto left = left_of({{"ratelimit-remaining", "599"}, {"RateLimit-Reset", "1"}});
  ASSERT_TRUE(left);
  EXPECT_EQ(left->requests, 599);
  EXPECT_EQ(left->reset, 1s);
}

TEST(LimitLeft, HoldsForASecondWhenTheUpstreamDoesNotSay) {
  EXPECT_EQ(left_of({{"ratelimit-remaining", "0"}})->reset, 1s);
  EXPECT_EQ(left_of({{"ratelimit-remaining", "0"}, {"ratelimit-reset", "later"}})->reset, 1s);
}

TEST(LimitLeft, IsForgottenAfterAMinute) {
  EXPECT_EQ(left_of({{"ratelimit-remaining", "3"}, {"ratelimit-reset", "1796000000"}})->reset, 1min);
}

TEST(LimitLeft, IsNothingWithoutThem) {
  EXPECT_FALSE(left_of({}));
  EXPECT_FALSE(left_of({{"ratelimit-reset", "1"}}));
  EXPECT_FALSE(left_of({{"ratelimit-remaining", "many"}}));
  EXPECT_FALSE(left_of({{"ratelimit-remaining", "-1"}}));
}

}  // namespace
}  // namespace hekto::runners::replicate
