// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tests/support/memory_store.h"

namespace hekto::test {

using async::Task;
using domain::MessageState;
using domain::WebhookSecrets;
using ports::WebhookRecord;

namespace {

bool is_among(const std::vector<std::string>& list, const std::string& text) {
  return std::ranges::find(list, text) != list.end();
}

}  // namespace

void MemoryStore::set_outbox(ports::Outbox compose) {
  std::scoped_lock lock(mutex_);
  outbox_ = std::move(compose);
}

void MemoryStore::tell_end(const domain::Prediction& p) {
  auto message = outbox_ ? outbox_(p) : std::nullopt;
  if (message && find_message(message->id) == nullptr) messages_.push_back({std::move(*message), {}});
}

WebhookRecord* MemoryStore::find_message(const std::string& id) {
  const auto found = std::ranges::find_if(messages_, [&](const auto& r) { return r.message.id == id; });
  return found == messages_.end() ? nullptr : &*found;
}

Task<Result<std::vector<ports::DueWebhook>>> MemoryStore::due_webhooks(ports::DueWebhooksQuery query) {
  std::scoped_lock lock(mutex_);
  std::vector<const domain::WebhookMessage*> due;
  for (const auto& [message, attempts] : messages_) {
    if (message.state == MessageState::pending && message.due_at <= query.now &&
        !is_among(query.busy_targets, message.target) && !is_among(query.in_flight, message.id)) {
      due.push_back(&message);
    }
  }
  std::ranges::sort(due, {}, [](const auto* m) { return std::pair(m->due_at, m); });  // then the older first
  due.resize(std::min(due.size(), query.limit));
  std::vector<ports::DueWebhook> found;
  for (const auto* m : due) found.push_back({m->id, m->prediction_id, m->target, m->body.size()});
  co_return found;
}

Task<Result<domain::WebhookMessage>> MemoryStore::find_webhook(std::string id) {
  std::scoped_lock lock(mutex_);
  const auto* record = find_message(id);
  if (record == nullptr) co_return fail(ErrorCode::not_found, "no such message");
  co_return record->message;
}

Task<Result<void>> MemoryStore::record_webhook_attempt(std::string id, domain::WebhookAttempt attempt,
                                                       MessageState state, Time next) {
  std::scoped_lock lock(mutex_);
  auto* record = find_message(id);
  if (record == nullptr) co_return fail(ErrorCode::not_found, "no such message");
  auto& message = record->message;
  ++message.attempts;
  if (message.state != MessageState::delivered) {
    message.state = state;
    if (state == MessageState::pending) {
      message.due_at = next;
      message.settled_at.reset();
    } else {
      message.settled_at = attempt.at + attempt.took;
    }
    if (state == MessageState::delivered) message.body.clear();
  }
  record->attempts.push_back(std::move(attempt));
  co_return Result<void>();
}

Task<Result<std::vector<WebhookRecord>>> MemoryStore::list_webhooks(ports::WebhooksQuery query) {
  std::scoped_lock lock(mutex_);
  std::vector<WebhookRecord> found;
  for (auto it = messages_.rbegin(); it != messages_.rend() && found.size() < query.limit; ++it) {
    const auto& message = it->message;
    if (query.account && message.account != *query.account) continue;
    const bool undelivered =
        message.state == MessageState::dead || (message.state == MessageState::pending && message.attempts > 0);
    if (query.undelivered_only && !undelivered) continue;
    found.push_back(*it);
    found.back().message.body.clear();
  }
  co_return found;
}

Task<Result<void>> MemoryStore::resend_webhook(std::string id, std::string body, Time now) {
  std::scoped_lock lock(mutex_);
  auto* record = find_message(id);
  if (record == nullptr) co_return fail(ErrorCode::not_found, "no such message");
  auto& message = record->message;
  message.state = MessageState::pending;
  message.attempts = 0;
  message.since = message.due_at = now;
  message.settled_at.reset();
  if (message.body.empty()) message.body = std::move(body);
  co_return Result<void>();
}

Task<Result<ports::WebhookSweep>> MemoryStore::sweep_webhooks(Time expire_before, Time forget_before, std::size_t limit,
                                                              Time now) {
  std::scoped_lock lock(mutex_);
  ports::WebhookSweep sweep;
  for (auto& [message, attempts] : messages_) {
    if (message.state != MessageState::pending || message.since >= expire_before || sweep.expired == limit) continue;
    message.state = MessageState::dead;
    message.settled_at = now;
    attempts.push_back({now, {}, 0, std::string(ports::kWebhookExpired)});
    ++sweep.expired;
  }
  std::erase_if(messages_, [&](const WebhookRecord& record) {
    if (!record.message.settled_at || *record.message.settled_at >= forget_before || sweep.forgotten == limit) {
      return false;
    }
    ++sweep.forgotten;
    return true;
  });
  for (const auto& record : messages_) sweep.pending += record.message.state == MessageState::pending ? 1 : 0;
  co_return sweep;
}

Task<Result<WebhookSecrets>> MemoryStore::webhook_secrets(std::string account) {
  std::scoped_lock lock(mutex_);
  const auto found = secrets_.find(account);
  if (found == secrets_.end()) co_return fail(ErrorCode::not_found, "no secret");
  co_return found->second;
}

Task<Result<WebhookSecrets>> MemoryStore::make_webhook_secret(std::string account, Secret secret) {
  std::scoped_lock lock(mutex_);
  co_return secrets_.try_emplace(std::move(account), WebhookSecrets{std::move(secret), {}, {}}).first->second;
}

Task<Result<WebhookSecrets>> MemoryStore::rotate_webhook_secret(std::string account, Secret secret,
                                                                Time previous_until) {
  std::scoped_lock lock(mutex_);
  auto& kept = secrets_[account];
  if (!kept.current.empty()) {
    kept.previous = std::move(kept.current);
    kept.previous_until = previous_until;
  }
  kept.current = std::move(secret);
  co_return kept;
}

}  // namespace hekto::test
