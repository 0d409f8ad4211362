// SPDX-License-Identifier: Apache-2.0
#include "domain/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace hekto::domain {

RateLimit::Decision RateLimit::take(Time now) {
  const double per_second = per_minute_ / 60.0;
  if (now > filled_at_) {  // a clock that steps back neither gives nor takes
    tokens_ = std::min<double>(per_minute_, tokens_ + to_seconds(now - filled_at_) * per_second);
  }
  filled_at_ = now;
  Decision d;
  if (tokens_ >= 1) {
    tokens_ -= 1;
  } else {
    d.allowed = false;
    const double wait = per_second > 0 ? (1 - tokens_) / per_second : 60;
    d.reset_seconds = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(wait)));
  }
  d.remaining = static_cast<std::int64_t>(tokens_);
  return d;
}

}  // namespace hekto::domain
