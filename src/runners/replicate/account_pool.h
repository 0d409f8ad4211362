// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/stop.h"
#include "async/task.h"
#include "domain/submission.h"
#include "ports/clock.h"
#include "ports/relay.h"
#include "ports/upstream_stats.h"
#include "runners/replicate/allowance.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/breaker.h"
#include "runners/replicate/options.h"
#include "runners/replicate/scrub.h"
#include "runners/replicate/turns.h"

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
  Breaker breaker;
  std::size_t places = 0;  // given out
  std::size_t open = 0;
  std::size_t submitting = 0;
  std::size_t creates_unanswered = 0;  // that have an allowance
  std::size_t others_unanswered = 0;
  Time throttled_until{};
  Time paused_until{};  // after a create that did not get through
  int silent = 0;       // requests in a row, other than creates, that were not answered as they should be
  Time ask_again{};     // while it is silent
  std::uint64_t accepted = 0, refused = 0, turned_away = 0, ambiguous = 0, requests = 0;
  Duration create_time{};
};
using AccountPtr = std::shared_ptr<Account>;

class AccountPool;

/// Predictions unfinished at once, of an upstream or of some of its models.
struct OpenLimit {
  std::size_t most = 0;
  std::size_t now = 0;
};
/// Those that a place counts against; nullptr: none.
using OpenLimits = std::array<OpenLimit*, 2>;

/// A place at an account, see ports::RelayPlace. It counts against the limits of unfinished predictions until it goes;
/// the allowance for its create is given back when none was begun.
class Place final : public ports::RelayPlace {
 public:
  Place(AccountPool& pool, AccountPtr at, const OpenLimits& limits);
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
  const OpenLimits limits_;
  // Guarded by the pool's mutex:
  bool open_ = false;
  bool probe_ = false;        // its create decides whether the account is used again
  bool allowed_ = false;      // it has the allowance for a create that was not answered yet
  bool begun_ = false;        // that create may have been sent
  std::uint64_t number_ = 0;  // of that create among all of the account
};

/// What is looked for.
struct Wanted {
  domain::RelayTarget target;
  std::string key_id;                     ///< whose turn it is
  std::vector<std::string> without = {};  ///< "upstream/account" of those that may not do it
};

/// What a create came to, as far as it says something of the account.
enum class CreateResult : std::uint8_t {
  accepted,
  refused,
  throttled,
  down,
  bad_token,
  no_credit,
  forbidden,
  ambiguous
};
struct CreateReport {
  CreateResult result = CreateResult::ambiguous;
  Duration took{};                     ///< until its answer
  Duration wait = {};                  ///< as NotNow
  int reduced_to = 0;                  ///< likewise
  std::optional<LimitLeft> left = {};  ///< as the answer says
};

/// All accounts of all upstreams: who may send what now, whose turn it is, and which are left alone for a while. Among
/// those that take a target, the upstreams of the highest priority come first, and of one upstream the account that has
/// the least work for its weight. Work that finds no place waits its turn, see Turns. Any thread.
class AccountPool {
 public:
  /// Requests in a row without an answer after which an upstream is asked only now and then.
  static constexpr int kSilent = 5;

  /// `clock` outlives this. Names of upstreams are unique, as are those of accounts within one.
  AccountPool(std::vector<UpstreamOptions> upstreams, const ports::Clock& clock);
  /// Nobody waits any more, and no place is out.
  ~AccountPool() = default;
  AccountPool(const AccountPool&) = delete;
  AccountPool& operator=(const AccountPool&) = delete;

  /// Whether any upstream takes such a target, whatever its state.
  bool serves(const domain::RelayTarget& target) const;
  /// A place that is free now, with the allowance for one create, after those who wait have had theirs; else nullptr.
  PlacePtr try_acquire(const Wanted& wanted);
  /// The same when it is its turn. canceled on `stop`; not_found when no upstream takes the target.
  async::Task<Result<PlacePtr>> acquire(Wanted wanted, async::StopToken stop);
  /// For what is there already: counted, whatever the limits. nullptr when there is no such account any more.
  PlacePtr adopt(std::string_view upstream, std::string_view account, const domain::RelayTarget& target);
  /// Whether an account other than `tried` ("upstream/account") would take the target, now or after waiting.
  bool has_other(const domain::RelayTarget& target, const std::vector<std::string>& tried) const;

  /// The allowance for one more create at this place; suspends until it is there. canceled on `stop`.
  async::Task<Result<void>> allow_again(Place& place, async::StopToken stop);
  /// A create is about to be sent; report() follows.
  void begin(Place& place);
  void report(Place& place, const CreateReport& report);
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
  /// A request that is no create and took an allowance is sent: its number, for told_others().
  std::uint64_t begin_other(const AccountPtr& account);
  /// It ended; `left` as its answer says, if it does.
  void end_other(const AccountPtr& account, std::uint64_t number, const std::optional<LimitLeft>& left);

  /// How many of `many` requests other than creates to send now: all. While the upstream does not answer, one a second,
  /// else none; as soon as one is answered, all again.
  std::size_t may_ask(const AccountPtr& account, std::size_t many = 1);
  /// What came of such a request: whether the upstream answered as one that is well.
  void note_asked(const AccountPtr& account, bool answered);

  /// Every account, in the order of the configuration.
  const std::vector<AccountPtr>& accounts() const { return accounts_; }
  AccountPtr find(std::string_view upstream, std::string_view account) const;
  ports::RelayStats stats() const;

  /// Gives places to those who wait as allowances fill up. Runs until `stop`.
  async::Task<void> run(async::StopToken stop);

 private:
  friend class Place;
  /// An account that would take some work, and the limits that it would count against.
  struct Candidate {
    AccountPtr account;
    OpenLimits limits{};
    bool operator==(const Candidate&) const = default;
  };
  using Candidates = std::vector<Candidate>;
  struct UpstreamLimits {
    OpenLimit all;
    std::vector<OpenLimit> of_models;  // as UpstreamOptions::model_concurrency
  };

  // Read what does not change:
  OpenLimits limits_for(const Account& account, const domain::RelayTarget& target);
  Candidates candidates_for(const Wanted& wanted);
  // With mutex_ held:
  PlacePtr take(const Candidates& candidates, Time now);
  bool usable(const Account& account, Time now) const;
  PlacePtr place_at(const Candidate& candidate);
  std::vector<Turns::Grant> give(Time now);
  ports::UpstreamAccountStats row_of(const Account& account, Time now) const;

  void serve_waiting();
  void give_back(Place& place);

  const ports::Clock& clock_;
  std::vector<AccountPtr> accounts_;
  std::map<const Upstream*, UpstreamLimits> limits_;  // the counts are guarded by mutex_
  mutable std::mutex mutex_;
  Turns turns_;                    // guarded by mutex_
  std::vector<Candidates> lanes_;  // guarded by mutex_: who would take what waits; a waiter's lane is the index
};

}  // namespace hekto::runners::replicate
