// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "ports/clock.h"

namespace hekto::test {

/// A clock that stands still until it is moved. Any thread.
class ManualClock final : public ports::Clock {
 public:
  explicit ManualClock(Time start = from_micros(1'800'000'000'000'000)) : micros_(to_micros(start)) {}
  Time now() const override { return from_micros(micros_.load()); }
  void set(Time time) { micros_.store(to_micros(time)); }
  void advance(Duration span) { micros_.fetch_add(span.count()); }

 private:
  std::atomic<std::int64_t> micros_;
};

}  // namespace hekto::test
