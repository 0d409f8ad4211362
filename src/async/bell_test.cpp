// SPDX-License-Identifier: Apache-2.0
#include "async/bell.h"

#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "async/io_threads.h"

namespace hekto::async {
namespace {

using namespace std::chrono_literals;

class BellTest : public testing::Test {
 protected:
  BellTest() { io_.start(); }
  bool wait(Bell& bell, Duration limit) {
    return boost::asio::co_spawn(io_.next(), bell.wait(limit), boost::asio::use_future).get();
  }
  IoThreads io_{1};
};

TEST_F(BellTest, KeepsARingForTheNextWaitAndNoOther) {
  Bell bell;
  bell.ring();
  bell.ring();
  EXPECT_TRUE(wait(bell, 0s));
  EXPECT_FALSE(wait(bell, 0s)) << "two rings became one";
}

TEST_F(BellTest, WakesWhoWaitsFromAnotherThread) {
  Bell bell;
  auto waiting = boost::asio::co_spawn(io_.next(), bell.wait(1h), boost::asio::use_future);
  std::jthread([&] { bell.ring(); }).join();
  EXPECT_TRUE(waiting.get());
}

TEST_F(BellTest, LosesNoRingHoweverTheyMeet) {
  Bell there;
  Bell back;
  constexpr int kRounds = 300;
  const auto answer = [&]() -> Task<int> {
    int rounds = 0;
    for (; rounds < kRounds; ++rounds) {
      if (!co_await there.wait(1min)) break;
      back.ring();
    }
    co_return rounds;
  };
  auto answered = boost::asio::co_spawn(io_.next(), answer(), boost::asio::use_future);
  IoThreads other(1);
  other.start();
  for (int i = 0; i < kRounds; ++i) {
    there.ring();
    ASSERT_TRUE(boost::asio::co_spawn(other.next(), back.wait(1min), boost::asio::use_future).get()) << i;
  }
  EXPECT_EQ(answered.get(), kRounds);
}

}  // namespace
}  // namespace hekto::async
