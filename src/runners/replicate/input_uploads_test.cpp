// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/input_uploads.h"

#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "base/ids.h"
#include "tests/support/fake_http_client.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_file_store.h"
#include "tests/support/results.h"
#include "tests/support/run_task.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using test::code_of;

constexpr std::string_view kUploads = "https://api.example/v1/files";

ports::HttpReply uploaded(const std::string& id, const std::string& expires = {}) {
  std::string body = R"({"id":")" + id + R"(","urls":{"get":"https://api.example/v1/files/)" + id + "\"}";
  if (!expires.empty()) body += R"(,"expires_at":")" + expires + "\"";
  return {201, body + "}", false};
}

class InputUploadsTest : public testing::Test {
 protected:
  InputUploadsTest() {
    io_.start();
    UpstreamOptions options;
    options.name = "there";
    options.url = "https://api.example";
    for (const auto* name : {"main", "second"}) options.accounts.push_back({name, Secret(std::string("r8_") + name)});
    pool_.emplace(std::vector{options}, clock_);
    uploads_.emplace(http_, *pool_, clock_);
    answer({"upload-1", "upload-2", "upload-3"});
  }
  void answer(const std::vector<std::string>& ids) {
    std::vector<Result<ports::HttpReply>> replies;
    for (const auto& id : ids) replies.push_back(uploaded(id));
    http_.answer(std::string(kUploads), std::move(replies));
  }
  ports::InputFile file(const std::string& bytes, std::string pointer = "/image") {
    const auto key = test::run_task(files_.put(owner_, bytes)).value();
    return {std::move(pointer), "fox.png", "image/png", test::run_task(files_.open(key)).value()};
  }
  AccountPtr account(std::string_view name = "main") { return pool_->find("there", name); }
  std::future<Result<std::string>> begin(std::vector<ports::InputFile> files, AccountPtr at, async::StopToken stop = {},
                                         std::string input = R"({"image":"ours"})") {
    return boost::asio::co_spawn(io_.next(), uploads_->replace(std::move(at), std::move(input), std::move(files), stop),
                                 boost::asio::use_future);
  }
  Result<std::string> replace(ports::InputFile of) { return begin({std::move(of)}, account()).get(); }
  std::size_t sent() { return http_.sent(kUploads).size(); }
  void await_sent(std::size_t count) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (sent() < count && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    ASSERT_EQ(sent(), count);
  }
  static std::string at(const std::string& id) { return R"({"image":"https://api.example/v1/files/)" + id + "\"}"; }

  async::IoThreads io_{2};
  test::ManualClock clock_;
  test::FakeHttpClient http_;
  test::MemoryFileStore files_;
  const std::string owner_ = new_id(clock_.now());
  std::optional<AccountPool> pool_;
  std::optional<InputUploads> uploads_;
};

TEST_F(InputUploadsTest, PutTheUpstreamsAddressWhereTheFileIsNamed) {
  const auto input = begin({file("one", "/images/1"), file("two", "/a~1b~0c")}, account(), {},
                           R"({"images":["https://else.example/x",""],"a/b~c":"","n":1})")
                         .get();
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(*input, R"({"images":["https://else.example/x","https://api.example/v1/files/upload-1"],)"
                    R"("a/b~c":"https://api.example/v1/files/upload-2","n":1})");
  const auto request = http_.sent().front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_NE(request.body.find("filename=\"fox.png\"\r\nContent-Type: image/png\r\n\r\none\r\n--"), std::string::npos);
}

TEST_F(InputUploadsTest, AreMadeOnceForOneContent) {
  EXPECT_EQ(replace(file("content")).value(), at("upload-1"));
  EXPECT_EQ(replace(file("content")).value(), at("upload-1"));
  EXPECT_EQ(replace(file("other")).value(), at("upload-2"));
  EXPECT_EQ(sent(), 2u);
}

TEST_F(InputUploadsTest, GoByTheHashThatIsKnownWithoutReadingTheFile) {
  auto known = file("content");
  known.sha256 = std::string(64, 'a');
  ASSERT_TRUE(replace(std::move(known)));
  auto other = file("other content");
  other.sha256 = std::string(64, 'a');
  EXPECT_EQ(replace(std::move(other)).value(), at("upload-1"));
}

TEST_F(InputUploadsTest, AreMadeForEachAccount) {
  EXPECT_EQ(begin({file("content")}, account("main")).get().value(), at("upload-1"));
  EXPECT_EQ(begin({file("content")}, account("second")).get().value(), at("upload-2"));
}

TEST_F(InputUploadsTest, AreMadeOnceForRunsThatWantThemAtTheSameTime) {
  async::StopToken released;
  http_.hold(std::string(kUploads), released);
  std::vector<std::future<Result<std::string>>> runs;
  for (int i = 0; i < 8; ++i) runs.push_back(begin({file("content")}, account()));
  await_sent(1);
  released.request_stop();
  for (auto& run : runs) EXPECT_EQ(run.get().value(), at("upload-1"));
  EXPECT_EQ(sent(), 1u);
}

TEST_F(InputUploadsTest, GoOnWithAnotherRunWhenTheOneThatMakesThemIsStopped) {
  async::StopToken released;
  http_.hold(std::string(kUploads), released);
  async::StopToken first_stop;
  auto first = begin({file("content")}, account(), first_stop);
  await_sent(1);
  async::StopToken second_stop;
  auto second = begin({file("content")}, account(), second_stop);
  auto third = begin({file("content")}, account());
  second_stop.request_stop();
  EXPECT_EQ(code_of(second.get()), ErrorCode::canceled) << "who waits ends at once, too";
  first_stop.request_stop();
  EXPECT_EQ(code_of(first.get()), ErrorCode::canceled);
  await_sent(2);
  released.request_stop();
  EXPECT_TRUE(third.get());
}

TEST_F(InputUploadsTest, ThatFailForOneRunAreTriedByTheNext) {
  http_.answer(std::string(kUploads),
               std::vector<Result<ports::HttpReply>>{ports::HttpReply{500, "", false}, uploaded("upload-9")});
  EXPECT_EQ(code_of(replace(file("content"))), ErrorCode::unavailable);
  EXPECT_EQ(replace(file("content")).value(), at("upload-9"));
}

TEST_F(InputUploadsTest, ThatAreRefusedAreRefusedForAllWhoWait) {
  http_.answer(std::string(kUploads), {413});
  async::StopToken released;
  http_.hold(std::string(kUploads), released);
  auto first = begin({file("content")}, account());
  await_sent(1);
  auto second = begin({file("content", "/mask")}, account());
  // Until the second waits for the first there is nothing to see of it; either way it must not be left waiting.
  released.request_stop();
  EXPECT_EQ(first.get().error().message, "Input file input/image was refused where it was to be used");
  const auto answer = second.get();
  EXPECT_EQ(code_of(answer), ErrorCode::invalid_input);
  EXPECT_NE(answer.error().message.find("/mask"), std::string::npos);
}

TEST_F(InputUploadsTest, AreMadeAnewBeforeTheUpstreamRemovesThem) {
  http_.answer(std::string(kUploads), std::vector<Result<ports::HttpReply>>{
                                          uploaded("short", format_time(clock_.now() + 3h)), uploaded("next")});
  EXPECT_EQ(replace(file("content")).value(), at("short"));
  clock_.advance(2h - 1s);
  EXPECT_EQ(replace(file("content")).value(), at("short"));
  clock_.advance(2s);
  EXPECT_EQ(replace(file("content")).value(), at("next"));
}

TEST_F(InputUploadsTest, AreForgottenWhenARefusalNamesThem) {
  ASSERT_TRUE(replace(file("content")));
  EXPECT_FALSE(uploads_->forget_named(account(), R"({"detail":"prompt is required"})"));
  EXPECT_FALSE(uploads_->forget_named(account("second"), "https://upstream.invalid/v1/files/upload-1"));
  EXPECT_EQ(replace(file("content")).value(), at("upload-1"));
  EXPECT_TRUE(uploads_->forget_named(account(), R"({"detail":"https://upstream.invalid/v1/files/upload-1 is gone"})"));
  EXPECT_EQ(replace(file("content")).value(), at("upload-2"));
}

TEST_F(InputUploadsTest, AreForgottenBeyondALimitTheFirstToEndFirst) {
  constexpr std::size_t kFew = 20;
  uploads_.emplace(http_, *pool_, clock_, kFew);
  std::vector<Result<ports::HttpReply>> replies{uploaded("ends-first", format_time(clock_.now() + 2h))};
  for (std::size_t i = 0; i <= kFew; ++i) replies.push_back(uploaded("upload-" + std::to_string(i)));
  http_.answer(std::string(kUploads), std::move(replies));
  const auto content = file("content");
  const auto with_hash = [&](std::size_t number) {
    auto one = content;
    one.sha256 = std::to_string(number);
    return one;
  };
  std::vector<ports::InputFile> many;
  for (std::size_t i = 0; i < kFew; ++i) many.push_back(with_hash(i));
  clock_.advance(1s);
  ASSERT_TRUE(begin(many, account()).get());
  EXPECT_EQ(sent(), kFew);
  ASSERT_TRUE(replace(with_hash(kFew)));
  ASSERT_TRUE(replace(with_hash(1)));
  EXPECT_EQ(sent(), kFew + 1) << "the others are still known";
  ASSERT_TRUE(replace(with_hash(0)));
  EXPECT_EQ(sent(), kFew + 2);
}

}  // namespace
}  // namespace hekto::runners::replicate
