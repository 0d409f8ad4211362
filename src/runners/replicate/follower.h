// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "async/completion.h"
#include "async/stop.h"
#include "async/task_scope.h"
#include "ports/clock.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/allowance.h"
#include "runners/replicate/run_times.h"
#include "runners/replicate/snapshot.h"
#include "runners/replicate/upstream_client.h"

namespace hekto::runners::replicate {

/// The upstream does not know the prediction any more.
struct Gone {};
using News = std::variant<Snapshot, Gone>;

/// Follows the unfinished predictions of one account by asking for them. A few are asked for one by one; when many are
/// due at once, lists show up to a hundred with one request, and single requests are kept for those that are expected
/// to end. However many there are, one timer drives all, requests stay within the account's allowances, and at most
/// kAtOnce are under way. Any thread.
class Follower {
 public:
  static constexpr std::size_t kAtOnce = 32;
  /// Requests for single predictions a minute: far below what the official service allows, and enough.
  static constexpr double kReadsAMinute = 12'000;
  /// So many due at once are asked for one by one; beyond, lists are used where they pay.
  static constexpr std::size_t kFew = 24;
  /// An upstream may say for a moment that it does not know what it has just taken.
  static constexpr Duration kGoneGrace = std::chrono::seconds(30);

  /// Everything outlives this.
  Follower(AccountPool& pool, AccountPtr account, UpstreamClient& client, const ports::Clock& clock);

  class Followed;
  using FollowedPtr = std::shared_ptr<Followed>;
  /// From now on it is asked for. `created_at`: as the upstream says, when it is known.
  FollowedPtr follow(std::string remote_id, bool training, std::string model, std::optional<Time> created_at);
  /// What was learnt since the last call; suspends until there is something. canceled on `stop`. One call at a time.
  async::Task<Result<News>> next(FollowedPtr followed, async::StopToken stop);
  /// It is not asked for any more. `took`: it ended, so long after its creation.
  void leave(const FollowedPtr& followed, std::optional<Duration> took);
  /// What somebody else has learnt, such as a webhook. False when it is not followed.
  bool tell(Snapshot snapshot);
  /// Looks at it at once. Nothing happens when it is not followed.
  void hurry(const std::string& remote_id);

  /// Asks until `stop`; what is under way ends soon after. `executor` is that of the requests.
  async::Task<void> run(async::StopToken stop);
  std::size_t size() const;

 private:
  using Due = std::multimap<Time, FollowedPtr>;

  void tick(async::Executor executor, async::StopToken stop);
  async::Task<void> ask_one(FollowedPtr followed, async::StopToken stop);
  async::Task<void> ask_list(std::vector<FollowedPtr> wanted, async::StopToken stop);
  void take_news(const FollowedPtr& followed, News news);
  // With mutex_ held:
  void schedule(const FollowedPtr& followed, Time at);
  void unschedule(const FollowedPtr& followed);
  std::vector<FollowedPtr> take_due(Time now);

  AccountPool& pool_;
  const AccountPtr account_;
  UpstreamClient& client_;
  const ports::Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, FollowedPtr> all_;  // guarded by mutex_; by remote id
  Due due_;                                           // guarded by mutex_
  RunTimes times_;                                    // guarded by mutex_
  Allowance reads_{kReadsAMinute};                    // guarded by mutex_
  std::size_t under_way_ = 0;                         // guarded by mutex_
  async::TaskScope scope_{"follower"};
};

}  // namespace hekto::runners::replicate
