// SPDX-License-Identifier: Apache-2.0
#include "service/refused_attempts.h"

namespace hekto::service {
namespace {

std::string name_of(const domain::CreateMark& mark, int retry) { return mark.scope + std::to_string(retry); }

}  // namespace

void RefusedAttempts::note(const domain::CreateMark& mark, Time now) {
  if (!mark.retry) return;
  std::scoped_lock lock(mutex_);
  forget_expired(now);
  if (*mark.retry > 0 && !take_before(mark)) return;
  if (order_.size() >= limit_) return;
  auto name = name_of(mark, *mark.retry);
  ++counts_[name];
  order_.emplace_back(mark.expires_at, std::move(name));
}

bool RefusedAttempts::take(const domain::CreateMark& mark, Time now) {
  if (!mark.retry || *mark.retry == 0) return false;
  std::scoped_lock lock(mutex_);
  forget_expired(now);
  return take_before(mark);
}

bool RefusedAttempts::take_before(const domain::CreateMark& mark) {
  const auto found = counts_.find(name_of(mark, *mark.retry - 1));
  if (found == counts_.end()) return false;
  if (--found->second == 0) counts_.erase(found);
  return true;
}

void RefusedAttempts::forget_expired(Time now) {
  // What was taken is still in the order, and then takes another of its name along early: that only costs the
  // knowledge of one refusal.
  while (!order_.empty() && order_.front().first <= now) {
    const auto found = counts_.find(order_.front().second);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
    order_.pop_front();
  }
}

}  // namespace hekto::service
