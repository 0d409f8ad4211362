// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/allowance.h"

#include <algorithm>
#include <cmath>

namespace hekto::runners::replicate {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);
constexpr Duration kReducedFor = std::chrono::minutes(5);
/// What may be sent at once. The rest of the limit comes evenly, so that no minute has more than the limit.
constexpr double kBurst = 0.1;

}  // namespace

Allowance::Allowance(double a_minute) : usual_(a_minute), a_minute_(a_minute), tokens_(capacity()) {}

double Allowance::capacity() const { return std::max(1.0, a_minute_ * kBurst); }

double Allowance::filled(Time now) const {
  if (at_ == Time{} || now <= at_) return tokens_;
  const double rate = std::max(a_minute_ - capacity(), a_minute_ * 0.5) / to_seconds(kMinute);
  return std::min(capacity(), tokens_ + rate * to_seconds(now - at_));
}

void Allowance::settle(Time now) {
  if (reduced_until_ != Time{} && now >= reduced_until_) {
    reduced_until_ = Time{};
    a_minute_ = usual_;
  }
  tokens_ = filled(now);
  at_ = std::max(at_, now);
}

bool Allowance::try_take(Time now) {
  settle(now);
  if (now < blocked_until_ || tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

Time Allowance::next(Time now) const {
  const double missing = 1 - filled(now);
  Time next = now;
  if (missing > 0) {
    const double rate = std::max(a_minute_ - capacity(), a_minute_ * 0.5) / to_seconds(kMinute);
    next += Duration(static_cast<std::int64_t>(std::ceil(missing / rate * 1e6)));
  }
  return std::max(next, blocked_until_);
}

double Allowance::left(Time now) const { return now < blocked_until_ ? 0 : filled(now); }

void Allowance::block_until(Time until) {
  blocked_until_ = std::max(blocked_until_, until);
  tokens_ = std::min(tokens_, 1.0);
}

void Allowance::reduce(double a_minute, Time now) {
  settle(now);
  a_minute_ = std::min(a_minute, usual_);
  tokens_ = std::min(tokens_, 1.0);
  reduced_until_ = now + kReducedFor;
}

}  // namespace hekto::runners::replicate
