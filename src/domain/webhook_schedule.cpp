// SPDX-License-Identifier: Apache-2.0
#include "domain/webhook_schedule.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace hekto::domain {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Duration, 9> kDelays = {5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
constexpr double kJitter = 0.1;
constexpr Duration kFirstPause = 10s;
constexpr Duration kLongestPause = 5min;

Duration scaled(Duration span, double factor) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::micro>(span) * factor);
}

}  // namespace

std::optional<Duration> webhook_retry_delay(int attempts, double chance, double scale) {
  if (attempts < 1 || static_cast<std::size_t>(attempts) > kDelays.size()) return std::nullopt;
  return scaled(kDelays[static_cast<std::size_t>(attempts) - 1], scale * (1 - kJitter + 2 * kJitter * chance));
}

Duration webhook_lifetime(double scale) {
  return scaled(std::accumulate(kDelays.begin(), kDelays.end(), Duration{}), scale * (1 + kJitter)) + 1min;
}

Duration webhook_breaker_pause(int opened, double scale) {
  const int doublings = std::clamp(opened - 1, 0, 10);
  return scaled(std::min<Duration>(kFirstPause * (1 << doublings), kLongestPause), scale);
}

}  // namespace hekto::domain
