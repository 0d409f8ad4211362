// SPDX-License-Identifier: Apache-2.0
#include "service/webhook_targets.h"

#include <chrono>

#include "domain/webhook_schedule.h"

namespace hekto::service {
namespace {

constexpr int kConcurrency = 2;
constexpr int kNewsConcurrency = 1;
constexpr Duration kRemember = std::chrono::hours(1);

}  // namespace

bool WebhookTargets::is_open(const Target& t, Time now) const {
  return t.failures >= domain::kWebhookBreakerFailures && now < t.open_until;
}

bool WebhookTargets::takes_message(const Target& t, Time now) const {
  if (stopping_) return false;
  const int under_way = t.messages + t.news;
  if (t.failures >= domain::kWebhookBreakerFailures) return now >= t.open_until && under_way == 0;
  // A message may wait for the news of its own prediction to go out first, so one slot stays for those who wait.
  return under_way < kConcurrency && (t.waiters.empty() || t.messages == 0);
}

bool WebhookTargets::may_send(std::string_view target, Time now) const {
  const auto found = targets_.find(target);
  if (found == targets_.end()) return !stopping_;
  if (found->second.failures > 0 && suspects_under_way_ >= suspects_) return false;
  return takes_message(found->second, now);
}

std::vector<std::string> WebhookTargets::busy(Time now) const {
  std::vector<std::string> names;
  for (const auto& [name, target] : targets_) {
    if (!may_send(name, now)) names.push_back(name);
  }
  return names;
}

void WebhookTargets::take(const std::string& target) {
  Target& t = targets_[target];
  ++t.messages;
  if (t.failures > 0) ++suspects_under_way_;
}

void WebhookTargets::release(const std::string& target, TargetOutcome outcome, Time now) {
  Target& t = targets_.at(target);
  --t.messages;
  if (t.failures > 0) --suspects_under_way_;
  settle(target, outcome, now);
}

void WebhookTargets::release_news(const std::string& target, TargetOutcome outcome, Time now) {
  --targets_.at(target).news;
  settle(target, outcome, now);
}

void WebhookTargets::settle(const std::string& name, TargetOutcome outcome, Time now) {
  Target& t = targets_.at(name);
  const auto others = static_cast<std::size_t>(t.messages);
  if (outcome == TargetOutcome::answered) {
    if (t.failures > 0) suspects_under_way_ -= others;
    t.failures = t.opened = 0;
  } else if (outcome == TargetOutcome::failed) {
    if (t.failures++ == 0) suspects_under_way_ += others;
    t.failed_at = now;
    // Those that were under way when it was left alone say nothing new.
    if (t.failures >= domain::kWebhookBreakerFailures && now >= t.open_until) {
      t.open_until = now + domain::webhook_breaker_pause(++t.opened, scale_);
    }
  }
  while (!t.waiters.empty() && t.news < kNewsConcurrency && t.messages + t.news < kConcurrency && !is_open(t, now)) {
    const auto waiter = t.waiters.front();
    t.waiters.pop_front();
    ++t.news;
    waiter->granted = true;
    waiter->wake.request_stop();
  }
  if (t.messages + t.news == 0 && t.failures == 0 && t.waiters.empty()) targets_.erase(name);
}

async::Task<bool> WebhookTargets::take_for_news(std::string target, Duration limit) {
  if (stopping_) co_return false;
  Target& t = targets_[target];
  if (t.failures >= domain::kWebhookBreakerFailures) co_return false;
  if (t.news < kNewsConcurrency && t.messages + t.news < kConcurrency) {
    ++t.news;
    co_return true;
  }
  const auto waiter = std::make_shared<Waiter>();
  t.waiters.push_back(waiter);
  co_await waiter->wake.sleep_for(limit);
  if (!waiter->granted) targets_.at(target).waiters.remove(waiter);
  co_return waiter->granted;
}

void WebhookTargets::stop_waiting() {
  stopping_ = true;
  for (auto& [name, target] : targets_) {
    for (const auto& waiter : target.waiters) waiter->wake.request_stop();
  }
}

void WebhookTargets::forget_idle(Time now) {
  std::erase_if(targets_, [now](const auto& entry) {
    const Target& t = entry.second;
    return t.messages + t.news == 0 && t.waiters.empty() && t.failed_at + kRemember < now && t.open_until < now;
  });
}

}  // namespace hekto::service
