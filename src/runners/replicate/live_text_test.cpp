// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/live_text.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runners/replicate/routes.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"
#include "tests/support/recording_sink.h"
#include "tests/support/run_task.h"

namespace hekto::runners::replicate {
namespace {

using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;

class OpenStreams : public testing::Test {
 protected:
  OpenStreams() {
    UpstreamOptions options;
    options.name = "main";
    options.url = "https://api.up.example";
    options.streams = 2;
    options.accounts.resize(1);
    options.accounts[0].name = "a";
    options.accounts[0].token = Secret("r8_secret");
    pool.emplace(std::vector{options}, clock);
    account = pool->accounts().front();
    http.hold("https://", released);
  }
  ~OpenStreams() override {
    stop.request_stop();
    released.request_stop();
    scope.close();
    EXPECT_TRUE(scope.wait_blocking(std::chrono::seconds(30)));
  }
  std::shared_ptr<EventStream> open(const std::string& url) {
    return streams.open(test::test_io().next(), account, url, stop);
  }

  test::ManualClock clock;
  test::FakeHttpClient http;
  std::optional<AccountPool> pool;
  AccountPtr account;
  async::StopToken stop, released;
  async::TaskScope scope{"test"};
  EventStreams streams{http, scope};
};

/// The first request for a URL, once it is there.
ports::HttpRequest request_for(const test::FakeHttpClient& http, const std::string& url) {
  return test::run_task([](const test::FakeHttpClient& client, std::string wanted) -> async::Task<ports::HttpRequest> {
    for (;;) {
      const auto sent = client.sent(wanted);
      if (!sent.empty()) co_return sent.front();
      co_await async::StopToken().sleep_for(std::chrono::milliseconds(1));
    }
  }(http, url));
}

TEST_F(OpenStreams, TakeTheTokenToTheUpstreamsOwnOriginAlone) {
  ASSERT_NE(open("https://api.up.example/v1/streams/x"), nullptr);
  EXPECT_THAT(request_for(http, "https://api.up.example/").headers,
              Contains(Pair("Authorization", "Bearer r8_secret")));

  ASSERT_NE(open("https://stream.replicate.com/v1/streams/x"), nullptr);
  EXPECT_THAT(request_for(http, "https://stream.replicate.com/").headers, Not(Contains(Key("Authorization"))));
}

TEST_F(OpenStreams, LieAtTheUpstreamOrAtItsStreamHosts) {
  for (const std::string url :
       {"", "https://elsewhere.example/v1/streams/x", "http://stream.replicate.com/v1/streams/x",
        "https://replicate.com.evil.example/streams/x", "https://evilreplicate.com/streams/x", "file:///etc/passwd",
        "https://api.up.example:444/v1/streams/x", "https://stream.replicate.com/v1/files/x"}) {
    EXPECT_EQ(open(url), nullptr) << url;
  }
  EXPECT_EQ(streams.size(), 0U);
}

TEST_F(OpenStreams, AreNoMoreThanTheUpstreamsLimit) {
  auto first = open("https://api.up.example/v1/streams/1");
  const auto second = open("https://api.up.example/v1/streams/2");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(open("https://api.up.example/v1/streams/3"), nullptr);
  EXPECT_EQ(streams.size(), 2U);

  // Both end when nobody wants them any more; one that has ended makes room as soon as it is let go.
  stop.request_stop();
  scope.close();
  EXPECT_TRUE(scope.wait_blocking(std::chrono::seconds(30)));
  first.reset();

  EXPECT_EQ(streams.size(), 1U);
}

TEST_F(OpenStreams, RememberWhichModelsGiveLists) {
  Snapshot snapshot;
  streams.note_list(snapshot);
  EXPECT_FALSE(streams.gives_list(snapshot)) << "it says neither model nor version";
  snapshot.model = "meta/llama";
  snapshot.version = "v1";
  EXPECT_FALSE(streams.gives_list(snapshot));

  streams.note_list(snapshot);

  EXPECT_TRUE(streams.gives_list(snapshot));
  snapshot.version = "v2";
  EXPECT_FALSE(streams.gives_list(snapshot));
}

TEST(StreamUrls, MayLackEncryptionWhereTheUpstreamDoes) {
  UpstreamOptions options;
  options.url = "http://10.0.0.1:8080/base";
  options.stream_hosts = {"streams.internal"};

  EXPECT_TRUE(is_stream_url(options, "http://10.0.0.1:8080/v1/streams/x"));
  EXPECT_TRUE(is_stream_url(options, "http://streams.internal/v1/streams/x"));
  EXPECT_TRUE(is_stream_url(options, "https://streams.internal:9000/v1/streams/x"));
  EXPECT_FALSE(is_stream_url(options, "http://10.0.0.1:8081/v1/streams/x"));
}

}  // namespace
}  // namespace hekto::runners::replicate
