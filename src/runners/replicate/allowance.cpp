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

double Allowance::a_second() const { return std::max(a_minute_ - capacity(), a_minute_ * 0.5) / to_seconds(kMinute); }

double Allowance::filled(Time now) const {
  if (at_ == Time{} || now <= at_) return tokens_;
  return std::min(capacity(), tokens_ + a_second() * to_seconds(now - at_));
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
  if (now < told_until_) {
    if (told_left_ < 1) return false;
    told_left_ -= 1;
  }
  tokens_ -= 1;
  ++taken_;
  return true;
}

void Allowance::give_back() {
  tokens_ = std::min(capacity(), tokens_ + 1);
  told_left_ += 1;
}

Time Allowance::next(Time now) const {
  const double missing = 1 - filled(now);
  Time next = now;
  if (missing > 0) next += Duration(static_cast<std::int64_t>(std::ceil(missing / a_second() * 1e6)));
  if (told_left_ < 1 && now < told_until_) next = std::max(next, told_until_);
  return std::max(next, blocked_until_);
}

double Allowance::left(Time now) const {
  if (now < blocked_until_) return 0;
  return now < told_until_ ? std::min(filled(now), told_left_) : filled(now);
}

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

void Allowance::told(std::uint64_t number, double left, Time until, Time now) {
  settle(now);
  left = std::max(left, 0.0);
  if (number < told_number_ && now < told_until_) {
    told_left_ = std::min(told_left_, left);
    told_until_ = std::max(told_until_, until);
  } else {
    told_number_ = number;
    told_left_ = left;
    told_until_ = until;
  }
  tokens_ = std::min(tokens_, told_left_);
}

}  // namespace hekto::runners::replicate
