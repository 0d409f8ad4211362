// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/time.h"

namespace hekto::domain {

/// An allowance of `per_minute` requests that refills evenly (a token bucket). A value; the caller guards it.
class RateLimit {
 public:
  RateLimit() = default;
  RateLimit(int per_minute, Time now) : per_minute_(per_minute), tokens_(per_minute), filled_at_(now) {}

  struct Decision {
    bool allowed = true;
    std::int64_t remaining = 0;      ///< whole requests left
    std::int64_t reset_seconds = 1;  ///< until at least one request is allowed again, at least 1
  };

  /// Takes one request out of the allowance when there is one.
  Decision take(Time now);

 private:
  int per_minute_ = 0;
  double tokens_ = 0;
  Time filled_at_{};
};

}  // namespace hekto::domain
