// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "async/task_scope.h"
#include "domain/link.h"
#include "service/snapshot.h"
#include "service/webhook_post.h"
#include "service/webhook_targets.h"

namespace hekto::service {

struct NewsCounts {
  std::size_t sent = 0;
  std::size_t failed = 0;
  std::size_t dropped = 0;  ///< the target was busy or left alone
};

/// News of predictions that still run: start, output and logs, from memory and each sent once. For one prediction one
/// exchange goes on at a time, and output and logs at most every `interval`, with the last state; a state that a later
/// one has overtaken is not sent. All calls on one thread.
class WebhookNews {
 public:
  /// Everything outlives `scope`, in which the work is done.
  WebhookNews(async::TaskScope& scope, async::Executor executor, WebhookPost& post, WebhookTargets& targets,
              const domain::LinkSigner& signer, const ports::Clock& clock, Duration interval);

  /// Takes note of a state of a prediction with a webhook.
  void note(const SnapshotPtr& snapshot);
  /// From now on no news of this prediction begins; suspends until what is under way, a `start` that waits included,
  /// is out. Called before its end is told, so that nothing comes after the end.
  async::Task<void> finish(std::string prediction_id);
  /// Drops predictions that nothing was heard of for a while.
  void forget_idle();
  /// Ends what waits.
  void stop() { stop_.request_stop(); }

  /// Any thread.
  NewsCounts counts() const { return {.sent = sent_, .failed = failed_, .dropped = dropped_}; }
  std::size_t known() const { return entries_.size(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    SnapshotPtr start;   // to be sent as it was
    SnapshotPtr latest;  // to be sent when the interval has passed, unless a later one comes
    std::size_t items = 0;
    std::size_t logs = 0;
    bool started = false;
    bool ended = false;
    bool working = false;  // a task of this entry runs
    bool sending = false;  // it is in an exchange, or waits for its slot
    Clock::time_point sent_at{};
    Clock::time_point heard_at{};
    async::StopToken idle;  // requested when the task ends
  };
  void add(Entry& entry, const SnapshotPtr& snapshot);
  async::Task<void> work(std::string id);
  async::Task<void> send(SnapshotPtr snapshot);
  bool has_ended(std::string_view id) const { return ended_.contains(id); }

  async::TaskScope& scope_;
  const async::Executor executor_;
  WebhookPost& post_;
  WebhookTargets& targets_;
  const domain::LinkSigner& signer_;
  const ports::Clock& clock_;
  const Duration interval_;
  async::StopToken stop_;
  std::atomic<std::size_t> sent_{0}, failed_{0}, dropped_{0};
  std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;
  std::unordered_set<std::string, StringHash, std::equal_to<>> ended_;  // those whose end was told of late
  std::deque<std::string> ended_order_;
};

}  // namespace hekto::service
