// SPDX-License-Identifier: Apache-2.0
#include "service/webhook_sender.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/log.h"
#include "base/random.h"
#include "domain/webhook_schedule.h"

namespace hekto::service {
namespace {

using namespace std::chrono_literals;
using domain::MessageState;

/// How often the store is asked what is due, when nothing says that something is.
constexpr Duration kPoll = 1s;
constexpr Duration kShortestPause = 1ms;
constexpr Duration kSweepEvery = 5s;
/// What the store would not take note of is not sent again at once.
constexpr Duration kStoreTrouble = 5s;
constexpr std::size_t kBatch = 100;
constexpr std::size_t kSweepBatch = 500;

/// From 0 to 1.
double chance() {
  std::uint32_t number = 0;
  random_bytes(std::as_writable_bytes(std::span(&number, 1)));
  return static_cast<double>(number) / static_cast<double>(std::numeric_limits<std::uint32_t>::max());
}

}  // namespace

WebhookSender::WebhookSender(async::IoThreads& io, ports::Store& store, ports::HttpClient& http,
                             const ports::Clock& clock, const domain::LinkSigner& signer, WebhookOptions options)
    : io_(io),
      store_(store),
      clock_(clock),
      options_(options),
      executor_(io_.next()),
      post_(store, http, clock, options.attempt_limit),
      targets_(options.schedule_scale, std::max<std::size_t>(options.in_flight / 2, 1)),
      news_(scope_, executor_, post_, targets_, signer, clock, options.news_interval) {}

WebhookSender::~WebhookSender() {
  stop_blocking(Duration{}, [] {});
}

void WebhookSender::start() { scope_.spawn(executor_, run()); }

void WebhookSender::observe(const SnapshotPtr& snapshot) {
  if (snapshot->value.webhook) scope_.spawn(executor_, note(snapshot));
}

void WebhookSender::wake() { scope_.spawn(executor_, rouse()); }

async::Task<void> WebhookSender::note(SnapshotPtr snapshot) {
  news_.note(snapshot);
  if (domain::is_terminal(snapshot->value.status)) signal_.request_stop();
  co_return;
}

async::Task<void> WebhookSender::rouse() {
  if (halt_.stop_requested()) {
    news_.stop();
    targets_.stop_waiting();
  }
  signal_.request_stop();
  co_return;
}

void WebhookSender::stop_blocking(Duration grace, const std::function<void()>& cut_off) {
  if (std::exchange(stopped_, true)) return;
  halt_.request_stop();
  wake();
  if (!scope_.wait_blocking(grace)) cut_off();
  scope_.wait_blocking(10s);
  scope_.close();
}

async::Task<void> WebhookSender::run() {
  Time sweep_at = clock_.now();
  while (!halt_.stop_requested()) {
    // Made before the store is asked: what comes meanwhile ends the next sleep at once.
    signal_ = async::StopToken();
    if (next_retry_ && *next_retry_ <= clock_.now()) next_retry_.reset();
    co_await start_due();
    if (clock_.now() >= sweep_at) {
      co_await sweep();
      sweep_at = clock_.now() + kSweepEvery;
    }
    co_await signal_.sleep_for(pause());
  }
}

Duration WebhookSender::pause() const {
  if (!next_retry_) return kPoll;
  return std::clamp<Duration>(*next_retry_ - clock_.now(), kShortestPause, kPoll);
}

bool WebhookSender::has_room(std::size_t bytes) const {
  return in_flight_.empty() ||
         (in_flight_.size() < options_.in_flight && in_flight_bytes_ + bytes <= options_.in_flight_bytes);
}

async::Task<void> WebhookSender::start_due() {
  // While the store takes no note of what was delivered, everything would be delivered again and again.
  while (!halt_.stop_requested() && store_.accepts_writes() && has_room(0)) {
    ports::DueWebhooksQuery query;
    query.now = clock_.now();
    query.busy_targets = targets_.busy(query.now);
    for (const auto& [id, bytes] : in_flight_) query.in_flight.push_back(id);
    query.limit = kBatch;
    const auto due = co_await store_.due_webhooks(std::move(query));
    if (!due) {
      log::error("webhooks could not be looked up", {{"error", due.error().message}});
      co_return;
    }
    if (start_some(*due) == 0 || due->size() < kBatch) co_return;
  }
}

std::size_t WebhookSender::start_some(const std::vector<ports::DueWebhook>& due) {
  std::size_t started = 0;
  for (const auto& entry : due) {
    if (halt_.stop_requested() || !has_room(entry.body_size)) break;
    if (!targets_.may_send(entry.target, clock_.now()) || !in_flight_.emplace(entry.id, entry.body_size).second) {
      continue;
    }
    in_flight_bytes_ += entry.body_size;
    under_way_ = in_flight_.size();
    targets_.take(entry.target);
    scope_.spawn(executor_, deliver(entry));
    ++started;
  }
  return started;
}

async::Task<void> WebhookSender::deliver(ports::DueWebhook due) {
  auto outcome = TargetOutcome::unknown;
  bool stored = true;
  co_await news_.finish(due.prediction_id);
  auto message = co_await store_.find_webhook(due.id);
  if (message && message->state == MessageState::pending) {
    const auto attempt = co_await post_.attempt(message->account, message->url, message->id, std::move(message->body));
    outcome = target_outcome(attempt);
    // Nothing is noted of an exchange that was cut off by the end of the server: it is made again after the next start.
    if (attempt) {
      stored = (co_await record(*message, *attempt)).has_value();
    } else {
      stored = attempt.error().code == ErrorCode::canceled;
    }
  }
  targets_.release(due.target, outcome, clock_.now());
  if (!stored || !message) co_await halt_.sleep_for(kStoreTrouble);
  in_flight_.erase(due.id);
  in_flight_bytes_ -= due.body_size;
  under_way_ = in_flight_.size();
  signal_.request_stop();
}

async::Task<Result<void>> WebhookSender::record(const domain::WebhookMessage& message, domain::WebhookAttempt attempt) {
  auto state = MessageState::delivered;
  Time next = attempt.at;
  if (!is_delivered(attempt)) {
    const auto delay = domain::webhook_retry_delay(message.attempts + 1, chance(), options_.schedule_scale);
    next = clock_.now() + delay.value_or(Duration{});
    const bool in_time = next <= message.since + domain::webhook_lifetime(options_.schedule_scale);
    state = delay && in_time ? MessageState::pending : MessageState::dead;
  }
  const int status = attempt.status;
  const std::string error = attempt.error;
  auto recorded = co_await store_.record_webhook_attempt(message.id, std::move(attempt), state, next);
  if (!recorded) {
    log::error("a webhook attempt could not be recorded",
               {{"message", message.id}, {"status", status}, {"error", recorded.error().message}});
    co_return recorded;
  }
  if (state == MessageState::delivered) {
    ++delivered_;
    log::debug("webhook delivered", {{"message", message.id}, {"status", status}});
  } else {
    ++failed_;
    if (state == MessageState::dead) ++dead_;
    if (state == MessageState::pending) next_retry_ = std::min(next, next_retry_.value_or(next));
    log::warn(state == MessageState::dead ? "webhook given up" : "webhook attempt failed",
              {{"message", message.id},
               {"target", message.target},
               {"attempt", message.attempts + 1},
               {"status", status},
               {"error", error}});
  }
  co_return recorded;
}

async::Task<void> WebhookSender::sweep() {
  const Time now = clock_.now();
  const auto swept = co_await store_.sweep_webhooks(now - domain::webhook_lifetime(options_.schedule_scale),
                                                    now - options_.keep, kSweepBatch, now);
  if (swept) {
    pending_ = swept->pending;
    dead_ += swept->expired;
    if (swept->expired > 0) log::warn("webhooks given up: not taken in time", {{"count", swept->expired}});
  } else if (store_.accepts_writes()) {
    log::error("webhooks could not be swept", {{"error", swept.error().message}});
  }
  targets_.forget_idle(now);
  news_.forget_idle();
}

WebhookStats WebhookSender::stats() const {
  return {.delivered = delivered_,
          .failed = failed_,
          .dead = dead_,
          .pending = pending_,
          .in_flight = under_way_,
          .news = news_.counts()};
}

}  // namespace hekto::service
