// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/allowance.h"

#include <algorithm>
#include <cmath>

namespace hekto::runners::replicate {
namespace {

constexpr Duration kMinute = std::chrono::minutes(1);
constexpr Duration kReducedFor = std::chrono::minutes(5);
/// What may be sent at once. The rest of the limit comes evenly, so that whoever comes next does not wait for a minute.
constexpr double kBurst = 0.1;
/// Likewise, of those in the last minute, where the upstream says that it has more.
constexpr double kToldBurst = 0.75;

std::int64_t second_of(Time at) { return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count(); }

}  // namespace

void LastMinute::add(Time now) {
  const auto second = second_of(now);
  last_ = static_cast<std::size_t>(second) % kSlots;
  auto& slot = slots_[last_];
  if (slot.second != second) slot = {second, 0};
  ++slot.count;
}

void LastMinute::take_back() {
  if (slots_[last_].count > 0) --slots_[last_].count;
}

/// What lies in the future was counted before the clock stepped back, and would stay there for long.
std::uint32_t LastMinute::count(Time now) const {
  const auto newest = second_of(now);
  const auto oldest = second_of(now - kMinute);
  std::uint32_t all = 0;
  for (const auto& slot : slots_) {
    if (slot.second >= oldest && slot.second <= newest) all += slot.count;
  }
  return all;
}

Time LastMinute::below(double limit, Time now) const {
  double left = count(now);
  if (left < limit) return now;
  auto slots = slots_;
  std::ranges::sort(slots, {}, &Slot::second);
  const auto oldest = second_of(now - kMinute);
  for (const auto& slot : slots) {
    if (slot.second < oldest) continue;
    left -= slot.count;
    if (left < limit) return Time(std::chrono::seconds(slot.second + 1)) + kMinute;
  }
  return now + kMinute;
}

Allowance::Allowance(double a_minute) : usual_(a_minute), a_minute_(a_minute), tokens_(capacity()) {}

double Allowance::capacity() const { return std::max(1.0, a_minute_ * kBurst); }

double Allowance::limit() const { return std::max(1.0, a_minute_); }

double Allowance::a_second(Time now) const {
  const double evenly = std::max(a_minute_ - capacity(), a_minute_ * 0.5);
  // However much went at once: something is left for whoever comes next.
  return std::max(evenly - at_once_.count(now), a_minute_ * (1 - kToldBurst - kBurst)) / to_seconds(kMinute);
}

double Allowance::more(Time now) const {
  // An account that is held to less may send next to nothing at once, whatever is left of the usual limit.
  if (now >= told_until_ || now < reduced_until_) return 0;
  return std::max(0.0, a_minute_ * kToldBurst - sent_.count(now));
}

double Allowance::filled(Time now) const {
  if (at_ == Time{} || now <= at_) return tokens_;
  return std::min(capacity(), tokens_ + a_second(now) * to_seconds(now - at_));
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
  if (now < blocked_until_ || sent_.count(now) >= limit()) return false;
  const bool is_told = now < told_until_;
  if (is_told && told_left_ < 1) return false;
  if (tokens_ < 1 && more(now) < 1) return false;
  if (is_told) told_left_ -= 1;
  if (tokens_ >= 1) {
    tokens_ -= 1;
  } else {
    at_once_.add(now);
  }
  sent_.add(now);
  ++taken_;
  return true;
}

void Allowance::give_back() {
  tokens_ = std::min(capacity(), tokens_ + 1);
  told_left_ += 1;
  sent_.take_back();
}

Time Allowance::next(Time now) const {
  const double missing = 1 - filled(now);
  Time next = sent_.below(limit(), now);
  if (missing > 0 && more(now) < 1)
    next = std::max(next, now + Duration(static_cast<std::int64_t>(std::ceil(missing / a_second(now) * 1e6))));
  if (told_left_ < 1 && now < told_until_) next = std::max(next, told_until_);
  return std::max(next, blocked_until_);
}

double Allowance::left(Time now) const {
  if (now < blocked_until_) return 0;
  const double at_once = std::min(std::max(filled(now), more(now)), std::max(0.0, limit() - sent_.count(now)));
  return now < told_until_ ? std::min(at_once, told_left_) : at_once;
}

void Allowance::block_until(Time until) {
  blocked_until_ = std::max(blocked_until_, until);
  tokens_ = std::min(tokens_, 1.0);
}

void Allowance::reduce(double a_minute, Time now) {
  settle(now);
  a_minute_ = std::min(a_minute, usual_);
  tokens_ = std::min(tokens_, 1.0);
  // What went before went under the other limit.
  sent_ = {};
  at_once_ = {};
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
