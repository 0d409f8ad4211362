// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <future>
#include <thread>

#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "async/io_threads.h"
#include "bus/local/local_bus.h"
#include "tests/support/run_task.h"

namespace hekto::test {
namespace {

using namespace std::chrono_literals;
using async::Task;

struct EventBusKind {
  std::string name;
  std::function<std::unique_ptr<ports::EventBus>()> make;
  friend void PrintTo(const EventBusKind& kind, std::ostream* out) { *out << kind.name; }
};

class EventBusContract : public testing::TestWithParam<EventBusKind> {
 protected:
  ports::EventBus& bus() { return *bus_; }

 private:
  std::unique_ptr<ports::EventBus> bus_ = GetParam().make();
};

Task<std::unique_ptr<ports::EventBus::Subscription>> subscribe(ports::EventBus& bus, std::string id) {
  co_return bus.subscribe(id, co_await boost::asio::this_coro::executor);
}

Task<void> check_hint_before_wait(ports::EventBus& bus) {
  auto subscription = co_await subscribe(bus, "p");
  bus.publish("p");
  EXPECT_TRUE(co_await subscription->wait(0us)) << "kept until the next wait";
  EXPECT_FALSE(co_await subscription->wait(0us)) << "and taken by it";
  bus.publish("p");
  bus.publish("p");
  EXPECT_TRUE(co_await subscription->wait(1h));
  EXPECT_FALSE(co_await subscription->wait(1ms)) << "two hints before one wait are one";
}

TEST_P(EventBusContract, KeepsAHintThatCameSinceTheLastWait) { run_task(check_hint_before_wait(bus())); }

Task<void> check_time_out(ports::EventBus& bus) {
  auto subscription = co_await subscribe(bus, "p");
  EXPECT_FALSE(co_await subscription->wait(1ms));
  EXPECT_FALSE(co_await subscription->wait(-1s));
  bus.publish("p");
  EXPECT_TRUE(co_await subscription->wait(Duration::max())) << "a limit beyond all clocks is a long one";
}

TEST_P(EventBusContract, EndsAWaitAtItsLimit) { run_task(check_time_out(bus())); }

Task<void> check_isolation(ports::EventBus& bus) {
  auto one = co_await subscribe(bus, "one");
  auto same = co_await subscribe(bus, "one");
  auto other = co_await subscribe(bus, "other");
  bus.publish("one");
  bus.publish("nobody");
  EXPECT_TRUE(co_await one->wait(0us));
  EXPECT_TRUE(co_await same->wait(0us)) << "every subscriber has the hint";
  EXPECT_FALSE(co_await other->wait(0us)) << "and nobody else";
  one.reset();
  bus.publish("one");
  EXPECT_TRUE(co_await same->wait(0us)) << "the end of one subscription leaves the others";
}

TEST_P(EventBusContract, WakesTheSubscribersOfThatPredictionOnly) { run_task(check_isolation(bus())); }

Task<bool> wait_on_own_thread(ports::EventBus& bus, std::promise<void>& ready) {
  const auto before = std::this_thread::get_id();
  auto subscription = co_await subscribe(bus, "p");
  ready.set_value();
  const bool hinted = co_await subscription->wait(1h);
  co_return hinted&& before == std::this_thread::get_id();
}

TEST_P(EventBusContract, WakesASleepingTaskOnItsOwnThreadFromAnother) {
  async::IoThreads io(1);
  io.start();
  std::promise<void> ready;
  auto woken = boost::asio::co_spawn(io.next(), wait_on_own_thread(bus(), ready), boost::asio::use_future);
  ready.get_future().get();
  bus().publish("p");
  EXPECT_TRUE(woken.get());
}

/// Waits until `changes` has reached `goal`, re-reading it after every hint as a reader of the store would.
Task<void> follow(ports::EventBus& bus, const std::atomic<int>& changes, int goal) {
  auto subscription = co_await subscribe(bus, "p");
  while (changes.load() < goal) EXPECT_TRUE(co_await subscription->wait(1h));
}

TEST_P(EventBusContract, LosesNoChangeBetweenSubscribingAndReading) {
  constexpr int kGoal = 2000;
  async::IoThreads io(2);
  io.start();
  std::atomic<int> changes{0};
  std::vector<std::future<void>> followers;
  for (int i = 0; i < 20; ++i) {
    followers.push_back(boost::asio::co_spawn(io.next(), follow(bus(), changes, kGoal), boost::asio::use_future));
  }
  std::vector<std::thread> publishers;
  for (int i = 0; i < 2; ++i) {
    publishers.emplace_back([&] {
      for (int n = 0; n < kGoal / 2; ++n) {
        ++changes;
        bus().publish("p");
      }
    });
  }
  for (auto& publisher : publishers) publisher.join();
  for (auto& follower : followers) follower.get();
}

Task<void> come_and_go(ports::EventBus& bus, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    auto subscription = co_await subscribe(bus, "p");
    if (i % 2 == 0) co_await subscription->wait(0us);
  }
}

TEST_P(EventBusContract, LetsSubscriptionsEndWhileHintsAreUnderWay) {
  std::atomic<bool> done{false};
  std::thread publisher([&] {
    while (!done) bus().publish("p");
  });
  {
    async::IoThreads io(2);
    io.start();
    std::vector<std::future<void>> tasks;
    for (int i = 0; i < 8; ++i) {
      tasks.push_back(boost::asio::co_spawn(io.next(), come_and_go(bus(), 200), boost::asio::use_future));
    }
    for (auto& task : tasks) task.get();
    // The io threads end here, with hints posted to them, while the publisher goes on.
  }
  done = true;
  publisher.join();
}

INSTANTIATE_TEST_SUITE_P(Every, EventBusContract,
                         testing::Values(EventBusKind{"Local", [] { return std::make_unique<bus::LocalBus>(); }}),
                         [](const auto& kind) { return kind.param.name; });

TEST(LocalBus, CountsItsSubscriptions) {
  bus::LocalBus bus;
  boost::asio::io_context context(1);
  EXPECT_EQ(bus.subscriptions(), 0u);
  auto one = bus.subscribe("p", context.get_executor());
  auto two = bus.subscribe("q", context.get_executor());
  EXPECT_EQ(bus.subscriptions(), 2u);
  one.reset();
  EXPECT_EQ(bus.subscriptions(), 1u);
  two.reset();
  EXPECT_EQ(bus.subscriptions(), 0u);
}

}  // namespace
}  // namespace hekto::test
