// SPDX-License-Identifier: Apache-2.0
// Fetching over real sockets into real files. 127.0.0.2 stands for the internet: the one address that is allowed.
#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "async/run_blocking.h"
#include "base/hash.h"
#include "egress/curl_client.h"
#include "files/disk/disk_scratch.h"
#include "service/input_fetcher.h"
#include "tests/support/manual_clock.h"
#include "tests/support/tcp_receiver.h"
#include "tests/support/temp_dir.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;

class InputNetwork : public testing::Test {
 protected:
  InputNetwork() { io.start(); }
  Result<service::FetchedFile> fetch(std::string url, std::size_t limit = 32 << 20) {
    return async::run_blocking(io.next(), fetcher.fetch(std::move(url), limit, {}));
  }
  static std::string at(const std::string& host, const Receiver& receiver, const std::string& path = "/x") {
    return "http://" + host + ":" + receiver.port() + path;
  }
  static std::string ok(const std::string& body, const std::string& headers = "") {
    return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string moved(const std::string& to) {
    return "HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 4\r\n\r\ngone";
  }

  TempDir folder;
  async::IoThreads io{2};
  async::BlockingPool pool{2};
  ManualClock clock;
  egress::CurlClient http{egress::EgressPolicy{*NetworkList::parse({"127.0.0.2/32"}), false}};
  std::unique_ptr<files::DiskScratch> scratch = files::DiskScratch::open(folder / "scratch", pool).value();
  service::InputFetcher fetcher{http, *scratch, clock, {.first_pause = 1ms}};
};

TEST_F(InputNetwork, BringsALargeFileToTheDiskAndLeavesNothingThere) {
  std::string body(20 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 4093) body[i] = static_cast<char>(i);
  Receiver server(ok(body, "Content-Type: video/mp4\r\n"));
  const auto fetched = fetch(at("127.0.0.2", server, "/clip.mp4?a=b"));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->name, "clip.mp4");
  EXPECT_EQ(fetched->content_type, "video/mp4");
  ASSERT_EQ(fetched->content->size(), body.size());
  EXPECT_GE(fetched->content->descriptor(), 0) << "on the disk, not in memory";
  const auto read = async::run_blocking(io.next(), fetched->content->read(0, body.size())).value();
  EXPECT_EQ(sha256(read), sha256(body));
  EXPECT_TRUE(std::filesystem::is_empty(folder / "scratch"));
}

TEST_F(InputNetwork, FollowsARedirectAndTakesNothingOfItsBody) {
  Receiver second(ok("reached"));
  Receiver first(moved(at("127.0.0.2", second)));
  const auto fetched = fetch(at("127.0.0.2", first));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(async::run_blocking(io.next(), fetched->content->read(0, 100)).value(), "reached");
  EXPECT_EQ(fetched->content->size(), 7u);
  EXPECT_EQ(second.last_request().find("Authorization"), std::string::npos);
  Receiver relative(moved("/y"));
  EXPECT_EQ(fetch(at("127.0.0.2", relative)).error().message, "it redirects more than 5 times");
  EXPECT_EQ(relative.connections(), 6);
}

TEST_F(InputNetwork, ReachesNothingForbiddenByARedirect) {
  Receiver canary(ok("secret"));
  const std::string port = ":" + canary.port();
  int tried = 0;
  for (const std::string host : {"127.0.0.1",
                                 "127.0.0.1.",
                                 "localhost",
                                 "LOCALHOST",
                                 "127.1",
                                 "2130706433",
                                 "0x7f000001",
                                 "0177.0.0.1",
                                 "127.0.0.3",
                                 "0.0.0.0",
                                 "0",
                                 "[::1]",
                                 "[::]",
                                 "[::ffff:127.0.0.1]",
                                 "[::ffff:7f00:1]",
                                 "[::127.0.0.1]",
                                 "10.0.0.1",
                                 "192.168.0.1",
                                 "169.254.169.254",
                                 "100.64.0.1",
                                 "[fe80::1]",
                                 "[fc00::1]",
                                 "[64:ff9b::7f00:1]",
                                 "[2002:7f00:1::]",
                                 "user@127.0.0.1",
                                 "127.0.0.2@127.0.0.1",
                                 "127.0.0.1#@127.0.0.2",
                                 "127.0.0.1\\@127.0.0.2",
                                 "①②⑦.⓪.⓪.①",
                                 "%31%32%37.0.0.1"}) {
    for (const std::string scheme : {"http://", "https://", "//", "ftp://", "gopher://", "dict://"}) {
      Receiver server(moved(scheme + host + port + "/"));
      EXPECT_FALSE(fetch(at("127.0.0.2", server))) << scheme << host;
      ++tried;
    }
  }
  EXPECT_GE(tried, 40);
  EXPECT_EQ(canary.connections(), 0);
  EXPECT_TRUE(fetch(at("127.0.0.2", canary))) << "the canary does sing";
}

TEST_F(InputNetwork, EndsAtItsLimit) {
  Receiver server("HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x'));
  EXPECT_EQ(fetch(at("127.0.0.2", server), 4999).error().message, "it has more than 4999 bytes");
  EXPECT_TRUE(fetch(at("127.0.0.2", server), 5000));
  EXPECT_EQ(server.connections(), 2) << "a file does not shrink by being asked for again";
}

}  // namespace
}  // namespace hekto::test
