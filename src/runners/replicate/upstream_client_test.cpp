// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/upstream_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using test::code_of;
using testing::Contains;
using testing::Pair;

class UpstreamClientTest : public testing::Test {
 protected:
  Result<ports::HttpReply> get(std::string path) { return test::run_task(client_.get(account_, std::move(path), {})); }
  Result<ports::HttpReply> send(std::string method, std::string path) {
    ports::HttpRequest request;
    request.method = std::move(method);
    return test::run_task(client_.send(account_, std::move(request), std::move(path)));
  }
  Result<SnapshotPage> list(std::string cursor = "", bool trainings = false) {
    const Time from = from_micros(1'800'000'000'000'000);
    return test::run_task(client_.list(account_, trainings, from, from + 1min, std::move(cursor), {}));
  }
  void answer(Result<ports::HttpReply> reply) {
    http_.answer("https://up.example", std::vector<Result<ports::HttpReply>>{std::move(reply)});
  }
  ports::UpstreamAccountStats row() const { return pool_.stats().upstreams.at(0).accounts.at(0); }

  test::ManualClock clock_;
  test::FakeHttpClient http_;
  AccountPool pool_{
      {{.name = "up", .url = "https://up.example/base", .accounts = {{.name = "main", .token = Secret("r8_secret")}}}},
      clock_};
  UpstreamClient client_{http_, pool_};
  const AccountPtr account_ = pool_.accounts().front();
};

TEST_F(UpstreamClientTest, RequestsGoBelowTheBaseWithTheToken) {
  ASSERT_TRUE(get("/v1/models/acme/flux"));
  EXPECT_EQ(http_.sent().at(0).url, "https://up.example/base/v1/models/acme/flux");
  EXPECT_THAT(http_.sent().at(0).headers, Contains(Pair("Authorization", "Bearer r8_secret")));
  EXPECT_TRUE(http_.sent().at(0).reuse);
}

TEST_F(UpstreamClientTest, NoTokenGoesToAnotherOrigin) {
  ASSERT_TRUE(send("GET", "https://UP.example:443/base/v1/x"));
  for (const std::string url : {"https://evil.example/v1/x", "http://up.example/v1/x", "https://up.example:8443/v1/x",
                                "https://up.example.evil/v1/x", "up.example/v1/x", ""}) {
    EXPECT_EQ(code_of(send("GET", url)), ErrorCode::forbidden) << url;
  }
  EXPECT_EQ(http_.sent().size(), 1U);
}

TEST_F(UpstreamClientTest, ThrottlingHoldsBackWhatFollows) {
  answer(ports::HttpReply{429, "", false, {}, {{"Retry-After", "9"}}});
  EXPECT_EQ(get("/v1/models").value().status, 429);
  EXPECT_FALSE(pool_.try_take_other(account_));
  clock_.advance(9s);
  EXPECT_TRUE(pool_.try_take_other(account_));
}

TEST_F(UpstreamClientTest, TheLimitIsLearntFromAnswersToAllButCreatesAndSinglePredictions) {
  answer(ports::HttpReply{200, "", false, {}, {{"ratelimit-remaining", "4"}, {"ratelimit-reset", "10"}}});
  ASSERT_TRUE(send("POST", "/v1/models/acme/flux/predictions"));
  ASSERT_TRUE(send("POST", "/v1/models/acme/flux/versions/v1/trainings"));
  ASSERT_TRUE(send("GET", "/v1/predictions/r1"));
  EXPECT_EQ(row().others_left, 300);
  ASSERT_TRUE(send("POST", "/v1/predictions/r1/cancel"));
  EXPECT_EQ(row().others_left, 4);
  EXPECT_EQ(row().creates_left, 60);
}

TEST_F(UpstreamClientTest, AnUpstreamThatDoesNotAnswerIsLeftAlone) {
  answer(fail(ErrorCode::unavailable, "nobody listens"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(code_of(get("/v1/models")), ErrorCode::unavailable);
  EXPECT_EQ(code_of(get("/v1/models")), ErrorCode::unavailable);
  EXPECT_EQ(code_of(list()), ErrorCode::unavailable);
  EXPECT_EQ(http_.sent().size(), 5U);
  clock_.advance(1s);
  answer(ports::HttpReply{200, "", false});
  EXPECT_TRUE(get("/v1/models"));
  EXPECT_TRUE(get("/v1/models"));
}

TEST_F(UpstreamClientTest, ServerFaultsCountAsNoAnswerAndRefusalsAsOne) {
  answer(ports::HttpReply{502, "", false});
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(get("/v1/models"));
  answer(ports::HttpReply{404, "", false});
  EXPECT_TRUE(get("/v1/models"));
  answer(ports::HttpReply{502, "", false});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(get("/v1/models"));
  EXPECT_FALSE(get("/v1/models"));
}

TEST_F(UpstreamClientTest, CreatesSayNothingOfWhetherItAnswersAtAll) {
  answer(fail(ErrorCode::timeout, "silence"));
  for (int i = 0; i < 20; ++i) (void)send("POST", "/v1/predictions");
  EXPECT_TRUE(pool_.may_ask(account_));
}

TEST_F(UpstreamClientTest, WhatIsGivenUpSaysNothingOfTheUpstream) {
  answer(fail(ErrorCode::canceled, "stopping"));
  for (int i = 0; i < 20; ++i) (void)send("GET", "/v1/models");
  EXPECT_TRUE(pool_.may_ask(account_));
}

TEST_F(UpstreamClientTest, ListsAreAskedForByTime) {
  answer(ports::HttpReply{200, R"({"next":null,"results":[{"id":"r1","status":"starting"}]})", false});
  EXPECT_EQ(list().value().items.size(), 1U);
  EXPECT_EQ(http_.sent().at(0).url,
            "https://up.example/base/v1/predictions?created_after=2027-01-15T08%3A00%3A00.000000Z"
            "&created_before=2027-01-15T08%3A01%3A00.000000Z");
  ASSERT_TRUE(list("", true));
  EXPECT_THAT(http_.sent().at(1).url, testing::StartsWith("https://up.example/base/v1/trainings?created_after="));
}

TEST_F(UpstreamClientTest, ListsGoOnAtTheBaseWhateverAddressTheirNextPageHas) {
  answer(ports::HttpReply{200, R"({"results":[]})", false});
  ASSERT_TRUE(list("http://internal.example:8080/replicate/v1/predictions?cursor=abc%3D"));
  EXPECT_EQ(http_.sent().at(0).url, "https://up.example/base/v1/predictions?cursor=abc%3D");
  EXPECT_EQ(code_of(list("https://up.example/base/v1/predictions")), ErrorCode::unavailable);
  EXPECT_EQ(http_.sent().size(), 1U);
}

TEST_F(UpstreamClientTest, ListsThatSayNothingAreErrors) {
  answer(ports::HttpReply{404, "{}", false});
  EXPECT_EQ(code_of(list()), ErrorCode::unavailable);
  answer(ports::HttpReply{200, R"({"results":[]})", true});
  EXPECT_EQ(code_of(list()), ErrorCode::unavailable);
  answer(ports::HttpReply{200, "<html>", false});
  EXPECT_EQ(code_of(list()), ErrorCode::upstream);
}

}  // namespace
}  // namespace hekto::runners::replicate
