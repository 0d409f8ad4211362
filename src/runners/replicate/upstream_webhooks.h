// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "async/stop.h"
#include "async/task_scope.h"
#include "domain/hook_token.h"
#include "ports/clock.h"
#include "ports/upstream_hooks.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/follower.h"
#include "runners/replicate/snapshot.h"
#include "runners/replicate/upstream_client.h"

namespace hekto::runners::replicate {

/// One submission whose create may have carried a webhook: what came for it before it was followed. Any thread.
class HookedAttempt {
 public:
  /// Requested when the upstream has told of it and no answer to its create has come a second later.
  const async::StopToken& cut() const { return cut_; }
  /// The latest state that was told.
  std::optional<Snapshot> told() const;
  /// Sleeps until something was told, or `span` passed; false on `stop`.
  async::Task<bool> wait(Duration span, async::StopToken stop);
  /// It is followed from now on: what was told before.
  std::optional<Snapshot> followed();

 private:
  friend class UpstreamWebhooks;
  enum class Told { first, again, to_follower };
  /// to_follower: it is followed, and nothing was kept.
  Told tell(const Snapshot& snapshot);

  mutable std::mutex mutex_;
  std::optional<Snapshot> told_;  // guarded by mutex_
  bool followed_ = false;         // guarded by mutex_
  async::StopToken arrived_;
  async::StopToken cut_;
};

/// Webhooks of upstreams. A create carries a URL of this server with a token that names account and submission; what
/// comes there is checked with the account's signing secret, which is fetched from the upstream and kept in memory.
class UpstreamWebhooks final : public ports::UpstreamHooks {
 public:
  /// Between two requests for the secret of one account, whatever fails to verify.
  static constexpr Duration kSecretAgain = std::chrono::minutes(1);

  using FollowerOf = std::function<Follower&(const AccountPtr&)>;
  /// Everything outlives this. `key` signs the tokens.
  UpstreamWebhooks(AccountPool& pool, UpstreamClient& client, const ports::Clock& clock, Secret key,
                   FollowerOf follower_of);

  bool in_use() const { return !accounts_.empty(); }
  /// The URL that a create of `attempt` carries; empty while the account is to be told by none.
  std::string url(const AccountPtr& account, const std::string& attempt) const;
  /// Waits until url() has what it needs, for a few seconds at most.
  async::Task<void> await_secret(AccountPtr account, async::StopToken stop) const;
  /// From now on what is told of `attempt` waits in the result, until that is followed or destroyed.
  std::shared_ptr<HookedAttempt> enter(const std::string& attempt);

  bool knows(std::string_view token) const override { return signer_.verify(token).has_value(); }
  async::Task<Result<void>> take(ports::HookCall call) override;
  ports::HookStats hook_stats() const override;

  /// Fetches the secrets, and then waits for `stop`; what is under way ends soon after.
  async::Task<void> run(async::StopToken stop);
  /// Returns when all are there; tries again and again, until `stop`.
  async::Task<void> fetch_secrets(async::StopToken stop);

 private:
  struct Secrets {
    Secret current;
    Time asked_at{};
    bool asking = false;
  };
  async::Task<bool> fetch_secret(AccountPtr account, async::StopToken stop);
  bool is_signed(const AccountPtr& account, const ports::HookCall& call) const;
  std::shared_ptr<HookedAttempt> find(const std::string& attempt);
  async::Task<void> cut_later(std::shared_ptr<HookedAttempt> attempt);

  UpstreamClient& client_;
  const ports::Clock& clock_;
  const domain::HookSigner signer_;
  const FollowerOf follower_of_;
  std::map<std::string, AccountPtr> accounts_;  // those with webhooks, by hook_account
  mutable std::mutex mutex_;
  std::map<const Account*, Secrets> secrets_;                     // guarded by mutex_
  std::map<std::string, std::weak_ptr<HookedAttempt>> attempts_;  // guarded by mutex_
  std::atomic<std::uint64_t> received_{0}, verified_{0}, refused_{0};
  async::StopToken stop_;
  async::TaskScope scope_{"upstream webhooks"};
};

}  // namespace hekto::runners::replicate
