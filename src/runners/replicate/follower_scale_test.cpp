// SPDX-License-Identifier: Apache-2.0
// Ten thousand unfinished predictions of one account, in simulated time.
#include <cmath>
#include <cstdio>
#include <deque>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/simulated_upstream.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

constexpr int kMany = 10'000;
/// As many as an account may create.
constexpr Duration kCreatedEvery = 100ms;

/// Whether no minute may have more than `a_minute`: at first a tenth of them, and then the rest evenly.
bool is_within(const std::vector<Time>& requests, double a_minute) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const double most = a_minute * (0.1 + 0.9 * to_seconds(requests[i] - requests[0]) / 60) + 1;
    if (static_cast<double>(i + 1) > most) return false;
  }
  return true;
}

class FollowerScale : public testing::Test {
 protected:
  Duration about(Duration usual, double spread) {
    const double factor = std::exp(std::normal_distribution<double>(0, spread)(random_));
    return Duration(static_cast<std::int64_t>(static_cast<double>(usual.count()) * factor));
  }
  /// What the official service allows an account.
  void expect_within_limits() {
    EXPECT_TRUE(is_within(world.lists(), 3'000));
    EXPECT_TRUE(is_within(world.reads(), Follower::kReadsAMinute));
    EXPECT_LE(Follower::kReadsAMinute, 60'000);
  }
  void report(const char* what) {
    const auto ms = [&](std::size_t percent) { return to_seconds(world.delay_at(percent)) * 1e3; };
    std::printf(
        "%s: %zu ends seen after %.0f ms (median), %.0f (95 %%), %.0f (99 %%), %.0f (all); %zu reads, %zu lists\n",
        what, world.delays().size(), ms(50), ms(95), ms(99), ms(100), world.reads().size(), world.lists().size());
  }

  SimulatedUpstream world;
  std::mt19937 random_{7};
};

/// The upstream takes all at once and works on some at a time.
TEST_F(FollowerScale, SeesEndsInTimeWhereTenThousandWaitUpstream) {
  struct Model {
    std::string name;
    Duration runs;
  };
  const std::vector<Model> models = {{"acme/fast", 1500ms}, {"acme/middle", 8s}, {"acme/slow", 30s}};
  int made = 0;
  std::deque<std::string> queue;
  const auto create = [&](Duration age) {
    const auto& model = models[static_cast<std::size_t>(made) % models.size()];
    const auto id = "p" + std::to_string(made++);
    world.follow({.id = id, .runs = about(model.runs, 0.15), .waits = 10h, .model = model.name, .age = age});
    queue.push_back(id);
  };
  for (int i = 0; i < kMany; ++i) create((kMany - i) * kCreatedEvery);
  const auto run = [&](Duration span) {
    const Time until = world.now() + span;
    while (world.now() < until) {
      create({});
      world.start(queue.front());
      queue.pop_front();
      world.pass(kCreatedEvery);
    }
  };
  run(15s);  // learns
  world.forget_delays();
  run(12s);
  report("waiting");
  EXPECT_GE(world.delays().size(), 60u);
  EXPECT_LE(world.delay_at(50), 500ms);
  EXPECT_LE(world.delay_at(99), 2s);
  expect_within_limits();
}

/// All of them run, for a long time.
TEST_F(FollowerScale, SeesEndsInTimeWhereTenThousandRun) {
  constexpr Duration kRuns = kMany * kCreatedEvery;
  int made = 0;
  const auto create = [&](Duration age) {
    auto runs = about(kRuns, 0.03);
    if (runs < age + 1s) runs = age + 1s + about(10s, 0.5);
    world.follow({.id = "p" + std::to_string(made++), .runs = runs, .model = "acme/long", .age = age});
  };
  for (int i = 0; i < kMany; ++i) create((kMany - i) * kCreatedEvery);
  const auto run = [&](Duration span) {
    for (const Time until = world.now() + span; world.now() < until; world.pass(kCreatedEvery)) create({});
  };
  run(15s);
  world.forget_delays();
  run(12s);
  report("running");
  EXPECT_GE(world.delays().size(), 60u);
  EXPECT_LE(world.delay_at(50), 500ms);
  EXPECT_LE(world.delay_at(99), 2s);
  expect_within_limits();
}

}  // namespace
}  // namespace hekto::runners::replicate
