// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "async/io_threads.h"
#include "async/task_scope.h"
#include "service/webhook_news.h"

namespace hekto::service {

struct WebhookOptions {
  Duration attempt_limit = std::chrono::seconds(10);
  Duration keep = std::chrono::hours(24 * 7);               ///< settled messages and their logs
  Duration news_interval = std::chrono::milliseconds(500);  ///< between output and logs of one prediction
  double schedule_scale = 1;                                ///< as domain::webhook_retry_delay
  std::size_t in_flight = 1024;                             ///< messages that are being sent at once
  std::size_t in_flight_bytes = 64 << 20;                   ///< of their bodies; one is always let through
};

struct WebhookStats {
  std::size_t delivered = 0;
  std::size_t failed = 0;  ///< attempts
  std::size_t dead = 0;
  std::size_t pending = 0;  ///< as of the last sweep
  std::size_t in_flight = 0;
  NewsCounts news;
};

/// Sends what the outbox of the store holds, until it is taken or given up, and news of running predictions. The
/// store says what is due; in memory lie only the messages under way and what is known of targets, so a restart loses
/// nothing and finds everything. The work is done on one io thread.
class WebhookSender {
 public:
  /// Everything given outlives this.
  WebhookSender(async::IoThreads& io, ports::Store& store, ports::HttpClient& http, const ports::Clock& clock,
                const domain::LinkSigner& signer, WebhookOptions options);
  ~WebhookSender();

  void start();
  /// A state of a prediction that was shown to readers. Any thread; does not block.
  void observe(const SnapshotPtr& snapshot);
  /// Something may be due. Any thread; does not block.
  void wake();

  /// Begins nothing more and waits up to `grace` for what is under way; then calls `cut_off`, which must end all
  /// exchanges of the HTTP client, and waits for the rest. Never call on an io thread.
  void stop_blocking(Duration grace, const std::function<void()>& cut_off);

  /// Any thread.
  WebhookStats stats() const;

 private:
  async::Task<void> run();
  async::Task<void> note(SnapshotPtr snapshot);
  async::Task<void> rouse();
  async::Task<void> start_due();
  std::size_t start_some(const std::vector<ports::DueWebhook>& due);
  async::Task<void> deliver(ports::DueWebhook due);
  async::Task<Result<void>> record(const domain::WebhookMessage& message, domain::WebhookAttempt attempt);
  async::Task<void> sweep();
  bool has_room(std::size_t bytes) const;
  Duration pause() const;

  async::IoThreads& io_;
  ports::Store& store_;
  const ports::Clock& clock_;
  const WebhookOptions options_;
  const async::Executor executor_;
  async::TaskScope scope_{"webhooks"};
  WebhookPost post_;
  WebhookTargets targets_;
  WebhookNews news_;
  async::StopToken halt_;
  bool stopped_ = false;  // stop_blocking was called

  // Used on executor_'s thread only.
  async::StopToken signal_;
  std::unordered_map<std::string, std::size_t> in_flight_;  // id -> bytes of the body
  std::size_t in_flight_bytes_ = 0;
  std::optional<Time> next_retry_;

  std::atomic<std::size_t> delivered_{0}, failed_{0}, dead_{0}, pending_{0}, under_way_{0};
};

}  // namespace hekto::service
