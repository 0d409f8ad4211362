// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "async/blocking_pool.h"
#include "async/io_threads.h"
#include "async/task_scope.h"

namespace hekto::async {
namespace {

using namespace std::chrono_literals;

TEST(BlockingPool, ResumesTheTaskOnItsOwnThread) {
  IoThreads io(2);
  io.start();
  BlockingPool pool(2);
  auto task = [](BlockingPool& p) -> Task<bool> {
    const auto before = std::this_thread::get_id();
    const auto inside = co_await p.run([] { return std::this_thread::get_id(); });
    co_return before == std::this_thread::get_id() && inside != before;
  };
  EXPECT_TRUE(boost::asio::co_spawn(io.next(), task(pool), boost::asio::use_future).get());
}

TEST(StopToken, EndsASleepEarlyAndEveryLaterOne) {
  IoThreads io(1);
  io.start();
  StopToken stop;
  auto task = [](StopToken s) -> Task<bool> { co_return co_await s.sleep_for(1h); };
  auto sleeping = boost::asio::co_spawn(io.next(), task(stop), boost::asio::use_future);
  stop.request_stop();
  EXPECT_FALSE(sleeping.get());
  EXPECT_FALSE(boost::asio::co_spawn(io.next(), task(stop), boost::asio::use_future).get());
}

TEST(StopToken, LetsASleepEndByItself) {
  IoThreads io(1);
  io.start();
  auto task = [](StopToken s) -> Task<bool> { co_return co_await s.sleep_for(1ms); };
  EXPECT_TRUE(boost::asio::co_spawn(io.next(), task(StopToken()), boost::asio::use_future).get());
}

TEST(StopToken, CallsBackOnceAndNotAfterTheCallbackHasGone) {
  int calls = 0;
  StopToken stop;
  {
    const StopCallback gone(stop, [&] { calls += 100; });
  }
  const StopCallback early(stop, [&] { ++calls; });
  EXPECT_EQ(calls, 0);
  stop.request_stop();
  stop.request_stop();
  EXPECT_EQ(calls, 1);
  const StopCallback late(stop, [&] { ++calls; });
  EXPECT_EQ(calls, 2) << "a stop of before counts";
}

TEST(TaskScope, RefusesNewcomersOnceClosedAndWaitsForTheRest) {
  IoThreads io(1);
  io.start();
  TaskScope scope("test");
  auto task = [](StopToken s) -> Task<void> { co_await s.sleep_for(1h); };
  EXPECT_TRUE(scope.spawn(io.next(), task(scope.stop())));
  EXPECT_FALSE(scope.wait_blocking(1ms));
  scope.close();
  EXPECT_FALSE(scope.spawn(io.next(), task(scope.stop())));
  EXPECT_TRUE(scope.wait_blocking(10s));
}

TEST(TaskScope, SurvivesATaskThatThrows) {
  IoThreads io(1);
  io.start();
  TaskScope scope("test");
  auto task = []() -> Task<void> {
    throw std::runtime_error("on purpose");
    co_return;
  };
  EXPECT_TRUE(scope.spawn(io.next(), task()));
  EXPECT_TRUE(scope.wait_blocking(10s));
  scope.close();
}

}  // namespace
}  // namespace hekto::async
