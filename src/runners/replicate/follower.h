// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "async/completion.h"
#include "async/stop.h"
#include "async/task_scope.h"
#include "base/kept_memory.h"
#include "base/text.h"
#include "ports/clock.h"
#include "runners/replicate/account_pool.h"
#include "runners/replicate/allowance.h"
#include "runners/replicate/run_times.h"
#include "runners/replicate/snapshot.h"
#include "runners/replicate/upstream_client.h"

namespace hekto::runners::replicate {

/// The upstream does not know the prediction any more.
struct Gone {};
/// Nothing new was learnt for a while.
struct Quiet {};
using News = std::variant<Snapshot, Gone, Quiet>;

/// Follows the unfinished predictions of one account by asking for them. Those that are expected to end are asked for
/// one by one, and so are the others while they are few; when many are due, lists show up to a hundred neighbours by
/// age with one request. Once the account's webhooks arrive, those that they tell of are asked for only now and then.
/// However many there are, one timer drives all, and requests stay within the account's allowances. Any thread.
class Follower {
 public:
  /// Requests under way at once: for single predictions, and for lists.
  static constexpr std::size_t kSingles = 96;
  static constexpr std::size_t kLists = 16;
  /// Requests for single predictions a minute: four fifths of what the official service was seen to allow. Halved for
  /// five minutes whenever the upstream says that it was too much.
  static constexpr double kReadsAMinute = 48'000;
  /// So many due at once are asked for one by one; beyond, lists are used where they pay.
  static constexpr std::size_t kFew = 24;
  /// A list is worth its request when it shows so many that are due.
  static constexpr std::size_t kWorthAList = 8;
  /// An upstream may say for a moment that it does not know what it has just taken.
  static constexpr Duration kGoneGrace = std::chrono::seconds(30);
  /// So long one webhook proves that the account's webhooks arrive here.
  static constexpr Duration kProofLasts = std::chrono::minutes(10);
  /// So long nothing is new before next() says so: longer than the longest pause between two looks, so that what shows
  /// something new at each of them is not taken for quiet.
  static constexpr Duration kQuiet = RunTimes::kLongest + std::chrono::seconds(1);
  /// So often look() is called.
  static constexpr Duration kTick = std::chrono::milliseconds(50);

  /// Everything outlives this.
  Follower(AccountPool& pool, AccountPtr account, UpstreamClient& client, const ports::Clock& clock,
           Duration quiet = kQuiet);

  class Followed;
  using FollowedPtr = std::shared_ptr<Followed>;
  /// From now on it is asked for. `created_at`: as the upstream says, when it is known. `fresh`: it has just been
  /// created. `hooked`: the upstream was asked to tell of it by webhook. `until`: there is to be news of it then.
  /// `known`: what is delivered already.
  FollowedPtr follow(std::string remote_id, bool training, std::string model, std::optional<Time> created_at,
                     bool fresh = false, bool hooked = false, Time until = Time::max(), Fingerprint known = {});
  /// What was learnt since the last call; suspends until there is something. canceled on `stop`. One call at a time.
  /// Every look counts, whether it shows anything new or not; `may_rest`: and Quiet, when none has for a while.
  async::Task<Result<News>> next(FollowedPtr followed, async::StopToken stop, bool may_rest = false);
  /// While nobody calls next(): wakes once, when there is more to learn than what next() told already, or its time is
  /// up; at once when there is now. `id`: what to wake, lives until leave(). Not woken any more after leave().
  void watch(const FollowedPtr& followed, std::shared_ptr<ports::RelayWaker> waker, std::string_view id);
  /// It is not asked for any more. `took`: it ended, so long after its creation.
  void leave(const FollowedPtr& followed, std::optional<Duration> took);
  /// What a webhook says. An end that does not show the whole prediction makes it asked for instead. False when it is
  /// not followed.
  bool tell(Snapshot snapshot);
  /// Looks at it at once. Nothing happens when it is not followed.
  void hurry(const std::string& remote_id);
  /// While `others_tell`, something else brings its news, and it is looked at as rarely as may be.
  void relax(const FollowedPtr& followed, bool others_tell);

  /// Asks until `stop`; what is under way ends soon after. `executor` is that of the requests.
  async::Task<void> run(async::StopToken stop);
  /// Sends what is due at this moment: run() calls it every kTick.
  void look(const async::Executor& executor, const async::StopToken& stop);
  /// Ends what look() began; run() does so itself.
  async::Task<void> finish();
  std::size_t size() const;
  /// Whether it is followed.
  bool follows(std::string_view remote_id) const;

 private:
  struct Learnt;
  struct ByRemoteId {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return StringHash{}(id); }
    std::size_t operator()(const FollowedPtr& followed) const;
    bool operator()(const FollowedPtr& a, const FollowedPtr& b) const { return a == b; }
    bool operator()(std::string_view id, const FollowedPtr& followed) const;
    bool operator()(const FollowedPtr& followed, std::string_view id) const { return (*this)(id, followed); }
  };
  using Due = std::multimap<Time, FollowedPtr, std::less<>, KeptAllocator<std::pair<const Time, FollowedPtr>>>;
  using Page = std::vector<FollowedPtr>;
  enum class Source { single, list, webhook };

  async::Task<void> ask_one(FollowedPtr followed, async::StopToken stop);
  async::Task<void> ask_list(Page wanted, async::StopToken stop);
  void take_news(const FollowedPtr& followed, News news, Source source);
  // With mutex_ held:
  void schedule(const FollowedPtr& followed, Time at, bool urgent);
  void schedule_next(const FollowedPtr& followed, Time now);
  void unschedule(const FollowedPtr& followed);
  void note(const FollowedPtr& followed, const Snapshot& snapshot, Source source, Time now);
  void set_created(const FollowedPtr& followed, std::optional<Time> created_at);
  void distrust_webhooks(Time now);
  bool is_told(const Followed& followed, Time now) const;
  void ask(const FollowedPtr& followed);
  void hand_out(Followed& followed, const Learnt& learnt, Time now);
  bool is_news(const Followed& followed, const Learnt& learnt, Time now) const;
  std::vector<async::Completer<Result<News>>> take_quiet(Time now);
  bool may_read(Time now, bool urgent);
  void plan_many(Time now, Page& singles, std::vector<Page>& lists);
  Page neighbours(const FollowedPtr& around, Time now, std::size_t& due) const;

  AccountPool& pool_;
  const AccountPtr account_;
  UpstreamClient& client_;
  const ports::Clock& clock_;
  const Duration quiet_;
  mutable std::mutex mutex_;
  std::unordered_set<FollowedPtr, ByRemoteId, ByRemoteId, KeptAllocator<FollowedPtr>> all_;  // guarded by mutex_
  std::unordered_map<std::string, std::size_t> models_;  // guarded by mutex_; and how many of each are followed
  Due resting_;           // guarded by mutex_; for whom next() may say that it is quiet, looked at then
  Due by_age_;            // guarded by mutex_; those that a list shows, by the upstream's time of creation
  Due urgent_, routine_;  // guarded by mutex_; each in one of them, unless it is being asked for, or has ended
  RunTimes times_;        // guarded by mutex_
  Allowance reads_{kReadsAMinute};       // guarded by mutex_
  std::optional<Duration> skew_;         // guarded by mutex_; how far our clock is ahead of the upstream's
  std::optional<Time> proved_at_;        // guarded by mutex_; the last webhook
  Time no_lists_until_{};                // guarded by mutex_
  std::size_t singles_ = 0, lists_ = 0;  // guarded by mutex_; under way
  async::TaskScope scope_{"follower"};
};

}  // namespace hekto::runners::replicate
