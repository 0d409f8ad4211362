// SPDX-License-Identifier: Apache-2.0
#include "api/live_response.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "async/run_blocking.h"
#include "base/ids.h"
#include "tests/support/memory_file_store.h"

namespace hekto::api {
namespace {

using namespace std::chrono_literals;
using service::LiveFile;

/// What one reader got.
class Writer final : public http::BodyWriter {
 public:
  async::Task<bool> write(std::string_view piece) override {
    std::scoped_lock lock(mutex_);
    got_ += piece;
    co_return true;
  }
  bool draining() const override { return drains; }
  void abort() override { aborted = true; }
  std::string got() const {
    std::scoped_lock lock(mutex_);
    return got_;
  }
  std::atomic<bool> drains = false;
  std::atomic<bool> aborted = false;

 private:
  mutable std::mutex mutex_;
  std::string got_;  // guarded by mutex_
};

class LiveResponse : public testing::Test {
 protected:
  LiveResponse() { io_.start(); }

  void begin(std::optional<std::uint64_t> length, std::string_view bytes, std::string type = "image/png") {
    ASSERT_TRUE(async::run_blocking(io_.next(), file_->begin()));
    file_->describe(std::move(type), length);
    ASSERT_TRUE(file_->append(bytes));
  }
  void finish() { ASSERT_TRUE(async::run_blocking(io_.next(), file_->finish())); }
  /// Begins to read; the future is ready at the end.
  std::future<void> read(Writer& writer, Duration silence = kLiveSilence) {
    auto response = live_response(file_, file_->state(), "fox.png", silence);
    auto run = std::get<http::StreamBody>(response.body).run;
    return boost::asio::co_spawn(
        io_.next(), [run, &writer]() -> async::Task<void> { co_await run(writer); }, boost::asio::use_future);
  }
  void await(const Writer& writer, std::string_view text) {
    async::StopToken tick;
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (writer.got() != text && std::chrono::steady_clock::now() < until) {
      async::run_blocking(io_.next(), tick.sleep_for(1ms));
    }
    ASSERT_EQ(writer.got(), text);
  }

  async::IoThreads io_{2};
  test::MemoryFileStore files_;
  std::shared_ptr<LiveFile> file_ = std::make_shared<LiveFile>(files_, new_id(Time{}));
  Writer writer_;
};

TEST_F(LiveResponse, SendsWhatComesAsItComes) {
  begin(std::nullopt, "some ");
  auto reading = read(writer_);
  await(writer_, "some ");
  ASSERT_TRUE(file_->append("bytes"));
  await(writer_, "some bytes");
  finish();
  reading.get();
  EXPECT_EQ(writer_.got(), "some bytes");
  EXPECT_FALSE(writer_.aborted);
}

TEST_F(LiveResponse, AnnouncesTheLengthAndKeepsTheLastByteUntilTheFileIsWhole) {
  begin(10, "some bytes");
  const auto response = live_response(file_, file_->state(), "fox.png");
  EXPECT_EQ(std::get<http::StreamBody>(response.body).length, 10u);
  auto reading = read(writer_);
  await(writer_, "some byte");
  finish();
  reading.get();
  EXPECT_EQ(writer_.got(), "some bytes");
  EXPECT_FALSE(writer_.aborted);
}

TEST_F(LiveResponse, SendsAWholeFileThatIsNotStoredYet) {
  begin(10, "some bytes");
  finish();
  read(writer_).get();
  EXPECT_EQ(writer_.got(), "some bytes");
  EXPECT_FALSE(writer_.aborted);
}

TEST_F(LiveResponse, SendsAnEmptyFile) {
  begin(0, "");
  auto reading = read(writer_);
  finish();
  reading.get();
  EXPECT_EQ(writer_.got(), "");
  EXPECT_FALSE(writer_.aborted);
}

TEST_F(LiveResponse, GoesOnWhereItWasWhenTheSameBytesComeAgain) {
  begin(10, "some b");
  auto reading = read(writer_);
  await(writer_, "some b");
  file_->broke();
  begin(10, "some");
  ASSERT_TRUE(file_->append(" byt"));
  await(writer_, "some byt");
  ASSERT_TRUE(file_->append("es"));
  finish();
  reading.get();
  EXPECT_EQ(writer_.got(), "some bytes");
  EXPECT_FALSE(writer_.aborted);
}

TEST_F(LiveResponse, IsAbortedWhenOtherBytesComeTheSecondTime) {
  begin(std::nullopt, "some b");
  auto reading = read(writer_);
  await(writer_, "some b");
  file_->broke();
  begin(std::nullopt, "Some bytes");
  reading.get();
  EXPECT_EQ(writer_.got(), "some b");
  EXPECT_TRUE(writer_.aborted);
}

TEST_F(LiveResponse, IsAbortedWhenTheSecondTimeItIsShorterOrAnotherKindOfFile) {
  for (int kind = 0; kind < 3; ++kind) {
    file_ = std::make_shared<LiveFile>(files_, new_id(Time{}));
    Writer writer;
    begin(kind == 0 ? std::nullopt : std::optional<std::uint64_t>(10), "some b");
    auto reading = read(writer);
    await(writer, "some b");
    file_->broke();
    if (kind == 0) begin(std::nullopt, "some");
    if (kind == 1) begin(9, "some b");
    if (kind == 2) begin(10, "some b", "text/plain");
    if (kind == 0) finish();
    reading.get();
    EXPECT_EQ(writer.got(), "some b") << kind;
    EXPECT_TRUE(writer.aborted) << kind;
  }
}

TEST_F(LiveResponse, IsAbortedWhenTheRunEndsWithoutTheFile) {
  begin(std::nullopt, "some");
  auto reading = read(writer_);
  await(writer_, "some");
  file_->give_up();
  reading.get();
  EXPECT_TRUE(writer_.aborted);
}

TEST_F(LiveResponse, LetsAReaderGoThatGetsNothingForTooLong) {
  begin(10, "some");
  read(writer_, 1s).get();
  EXPECT_EQ(writer_.got(), "some");
  EXPECT_TRUE(writer_.aborted);
}

TEST_F(LiveResponse, LetsAReaderGoThatWouldWaitWhileTheServerDrains) {
  begin(10, "some");
  writer_.drains = true;
  read(writer_).get();
  EXPECT_EQ(writer_.got(), "some");
  EXPECT_TRUE(writer_.aborted);
}

TEST_F(LiveResponse, CarriesNothingThatOnlyAStoredFileHas) {
  begin(10, "<script>", "text/html");
  const auto response = live_response(file_, file_->state(), "page.html");
  std::map<std::string_view, std::string> headers(response.headers.begin(), response.headers.end());
  EXPECT_EQ(headers["content-type"], "text/html");
  EXPECT_EQ(headers["cache-control"], "no-store");
  EXPECT_EQ(headers["content-disposition"], "attachment; filename=\"page.html\"");
  EXPECT_EQ(headers["content-security-policy"], "default-src 'none'; sandbox");
  EXPECT_FALSE(headers.contains("etag"));
  EXPECT_FALSE(headers.contains("accept-ranges"));
}

}  // namespace
}  // namespace hekto::api
