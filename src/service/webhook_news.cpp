// SPDX-License-Identifier: Apache-2.0
#include "service/webhook_news.h"

#include "base/ids.h"
#include "service/webhook_payload.h"

namespace hekto::service {
namespace {

using namespace std::chrono_literals;
using domain::WebhookEvent;

/// How long news waits for a slot of its target, and the end of a prediction for its news.
constexpr Duration kSlotPatience = 10s;
constexpr Duration kEndPatience = 25s;
/// Ends may be told while states of the prediction are still on their way here from another thread.
constexpr std::size_t kRememberedEnds = 4096;
constexpr auto kRemember = 10min;

}  // namespace

WebhookNews::WebhookNews(async::TaskScope& scope, async::Executor executor, WebhookPost& post, WebhookTargets& targets,
                         const domain::LinkSigner& signer, const ports::Clock& clock, Duration interval)
    : scope_(scope),
      executor_(executor),
      post_(post),
      targets_(targets),
      signer_(signer),
      clock_(clock),
      interval_(interval) {}

void WebhookNews::note(const SnapshotPtr& snapshot) {
  const domain::Prediction& p = snapshot->value;
  const domain::Webhook& webhook = *p.webhook;
  const bool wanted =
      wants(webhook, WebhookEvent::start) || wants(webhook, WebhookEvent::output) || wants(webhook, WebhookEvent::logs);
  if (!wanted || stop_.stop_requested() || has_ended(p.id)) return;
  if (domain::is_terminal(p.status)) {
    const auto found = entries_.find(p.id);
    if (found == entries_.end()) return;
    found->second.ended = true;
    // Its end says it all; only who does not want to hear of the end still waits for the last output.
    if (wants(webhook, WebhookEvent::completed)) found->second.latest = nullptr;
    if (!found->second.working) entries_.erase(found);
    return;
  }
  if (p.status != domain::Status::processing) return;
  Entry& entry = entries_[p.id];
  add(entry, snapshot);
  entry.heard_at = Clock::now();
  if (!entry.working && (entry.start || entry.latest)) {
    entry.idle = async::StopToken();
    entry.working = scope_.spawn(executor_, work(p.id));
  }
}

void WebhookNews::add(Entry& entry, const SnapshotPtr& snapshot) {
  const domain::Prediction& p = snapshot->value;
  const bool starts = !std::exchange(entry.started, true) && wants(*p.webhook, WebhookEvent::start);
  const bool has_output = p.output.items.size() > entry.items && wants(*p.webhook, WebhookEvent::output);
  const bool has_logs = p.logs.size() > entry.logs && wants(*p.webhook, WebhookEvent::logs);
  entry.items = std::max(entry.items, p.output.items.size());
  entry.logs = std::max(entry.logs, p.logs.size());
  if (starts) {
    entry.start = snapshot;
  } else if (has_output || has_logs) {
    entry.latest = snapshot;
  }
}

async::Task<void> WebhookNews::work(std::string id) {
  // The entry stays while its task works, and references into the map stay with it.
  Entry& entry = entries_.at(id);
  while (entry.start || entry.latest) {
    if (!entry.start) {
      const auto left = std::chrono::ceil<Duration>(entry.sent_at + interval_ - Clock::now());
      if (left > Duration{}) {
        // What comes meanwhile takes the place of what waits; the end may take it away.
        if (!co_await stop_.sleep_for(left)) break;
        continue;
      }
    }
    const bool is_start = entry.start != nullptr;
    auto snapshot = std::exchange(is_start ? entry.start : entry.latest, nullptr);
    entry.sending = true;
    co_await send(std::move(snapshot));
    entry.sending = false;
    if (!is_start) entry.sent_at = Clock::now();
  }
  entry.start = entry.latest = nullptr;
  entry.working = false;
  entry.idle.request_stop();
  if (entry.ended) entries_.erase(id);
}

async::Task<void> WebhookNews::send(SnapshotPtr snapshot) {
  const domain::Prediction& p = snapshot->value;
  const auto target = webhook_target(p.account, p.webhook->url);
  if (!co_await targets_.take_for_news(target, kSlotPatience)) {
    ++dropped_;
    co_return;
  }
  const auto attempt =
      co_await post_.attempt(p.account, p.webhook->url, "msg_" + new_id(clock_.now()), webhook_body(p, signer_));
  targets_.release_news(target, target_outcome(attempt), clock_.now());
  ++(attempt && is_delivered(*attempt) ? sent_ : failed_);
}

async::Task<void> WebhookNews::finish(std::string prediction_id) {
  if (ended_.insert(prediction_id).second) ended_order_.push_back(prediction_id);
  while (ended_order_.size() > kRememberedEnds) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
  const auto found = entries_.find(prediction_id);
  if (found == entries_.end()) co_return;
  Entry& entry = found->second;
  entry.ended = true;
  entry.latest = nullptr;
  if (!entry.working) {
    entries_.erase(found);
    co_return;
  }
  const auto idle = entry.idle;
  if (entry.sending || entry.start) co_await idle.sleep_for(kEndPatience);
}

void WebhookNews::forget_idle() {
  const auto before = Clock::now() - kRemember;
  std::erase_if(entries_,
                [before](const auto& entry) { return !entry.second.working && entry.second.heard_at < before; });
}

}  // namespace hekto::service
