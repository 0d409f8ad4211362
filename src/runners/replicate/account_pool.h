// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "async/completion.h"
#include "async/stop.h"
#include "async/task.h"
#include "domain/submission.h"
#include "ports/clock.h"
#include "ports/relay.h"
#include "ports/upstream_stats.h"
#include "runners/replicate/allowance.h"
#include "runners/replicate/options.h"
#include "runners/replicate/scrub.h"

namespace hekto::runners::replicate {

/// An upstream with what is made of its options once. Never changes.
struct Upstream {
  explicit Upstream(UpstreamOptions from) : options(std::move(from)), scrubber(options) {}
  const UpstreamOptions options;
  const Scrubber scrubber;
};

/// An account with what is known of its state, which is the pool's.
struct Account {
  Account(std::shared_ptr<const Upstream> of, const AccountOptions& from);
  const std::shared_ptr<const Upstream> upstream;
  const AccountOptions options;

 private:
  friend class AccountPool;
  Allowance creates;
  Allowance others;
  std::size_t places = 0;  // given out
  std::size_t open = 0;
  std::size_t submitting = 0;
  int failures = 0;     // in a row
  Time closed_until{};  // by failures, a bad token or no credit
  const char* closed_for = "";
  bool probing = false;  // the one create that is let through after closed_until
  Time throttled_until{};
  std::uint64_t accepted = 0, refused = 0, turned_away = 0, ambiguous = 0, requests = 0;
  Duration create_time{};
};
using AccountPtr = std::shared_ptr<Account>;

class AccountPool;

/// A place at an account, see ports::RelayPlace. It counts against the limits of unfinished predictions until it goes.
class Place final : public ports::RelayPlace {
 public:
  Place(AccountPool& pool, AccountPtr at, std::vector<std::size_t*> counts);
  ~Place() override;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  const std::string& upstream() const override;
  const std::string& account() const override;
  const AccountPtr& at() const { return at_; }

 private:
  friend class AccountPool;
  AccountPool& pool_;
  const AccountPtr at_;
  const std::vector<std::size_t*> counts_;  // those that it is part of
  bool open_ = false;                       // guarded by the pool's mutex
};
using PlacePtr = std::shared_ptr<Place>;

/// What is looked for.
struct Wanted {
  domain::RelayTarget target;
  std::string key_id;                     ///< whose turn it is
  std::vector<std::string> without = {};  ///< "upstream/account" of those that have refused it already
};

/// What a create came to, as far as it says something of the account.
enum class CreateResult : std::uint8_t { accepted, refused, throttled, down, bad_token, no_credit, ambiguous };

/// All accounts of all upstreams: who may send what now, whose turn it is, and which are left alone for a while. Among
/// those that take a target, the upstreams of the highest priority come first, and of one upstream the account that has
/// the least work for its weight. Work that finds no place waits; keys take turns, and each key's work goes in the
/// order in which it came. Any thread.
class AccountPool {
 public:
  /// `clock` outlives this. Names of upstreams are unique, as are those of accounts within one.
  AccountPool(std::vector<UpstreamOptions> upstreams, const ports::Clock& clock);
  /// Nobody waits any more, and no place is out.
  ~AccountPool() = default;
  AccountPool(const AccountPool&) = delete;
  AccountPool& operator=(const AccountPool&) = delete;

  /// Whether any upstream takes such a target, whatever its state.
  bool serves(const domain::RelayTarget& target) const;
  /// A place that is free now, with the allowance for one create; nullptr when there is none or somebody waits.
  PlacePtr try_acquire(const Wanted& wanted);
  /// The same when it is its turn. canceled on `stop`; not_found when no upstream takes the target.
  async::Task<Result<PlacePtr>> acquire(Wanted wanted, async::StopToken stop);
  /// For what is there already: counted, whatever the limits. nullptr when there is no such account any more.
  PlacePtr adopt(std::string_view upstream, std::string_view account, const domain::RelayTarget& target);
  /// Whether an account other than those of `without` would take the target, now or after waiting.
  bool has_other(const Wanted& wanted) const;

  /// What a create came to. `wait` and `reduced_to` as NotNow; `took` until its answer.
  void report(Place& place, CreateResult result, Duration took, Duration wait = {}, int reduced_to = 0);
  /// A create is about to be sent; report() follows.
  void begin(Place& place);
  /// It was taken, by this create or an earlier process's: it is open until the place goes.
  void opened(Place& place);

  /// Allowance for a request that is no create; suspends until it is there. canceled on `stop`.
  async::Task<Result<void>> take_other(AccountPtr account, async::StopToken stop);
  /// The same without waiting.
  bool try_take_other(const AccountPtr& account);
  /// A request that no allowance is kept of.
  void count_request(const AccountPtr& account);
  /// Of such a request: 429.
  void throttle_others(const AccountPtr& account, Duration wait);

  /// Every account, in the order of the configuration.
  const std::vector<AccountPtr>& accounts() const { return accounts_; }
  AccountPtr find(std::string_view upstream, std::string_view account) const;
  ports::RelayStats stats() const;

  /// Gives places to those who wait as allowances fill up. Runs until `stop`.
  async::Task<void> run(async::StopToken stop);

 private:
  friend class Place;
  struct Waiter {
    Wanted wanted;
    async::Completer<Result<PlacePtr>> done;
  };
  using Queue = std::list<std::shared_ptr<Waiter>>;
  struct Grant {
    std::shared_ptr<Waiter> waiter;
    PlacePtr place;
  };

  // With mutex_ held:
  PlacePtr take(const Wanted& wanted, Time now);
  bool usable(const Account& account, Time now) const;
  std::vector<std::size_t*> counts_for(const Account& account, const domain::RelayTarget& target, bool& full);
  std::vector<Grant> grants(Time now);

  void serve_waiting();
  void give_back(Place& place);

  const ports::Clock& clock_;
  std::vector<AccountPtr> accounts_;
  mutable std::mutex mutex_;
  std::map<std::string, Queue> waiting_;        // guarded by mutex_; by key
  std::deque<std::string> turns_;               // guarded by mutex_; keys that wait, the next one first
  std::size_t waiting_count_ = 0;               // guarded by mutex_
  std::map<std::string, std::size_t> open_of_;  // guarded by mutex_; by upstream, and by upstream and pattern
};

}  // namespace hekto::runners::replicate
