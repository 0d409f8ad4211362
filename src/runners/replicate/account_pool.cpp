// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/account_pool.h"

#include <algorithm>

#include "base/log.h"
#include "base/random.h"
#include "domain/model_pattern.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

/// So often those who wait are looked at, beside when a place becomes free.
constexpr Duration kTick = 50ms;
/// Failures in a row after which an account is left alone, at first for a second, then twice as long each time.
constexpr int kFailuresToClose = 5;
constexpr Duration kLongestClosed = 60s;
constexpr Duration kBadTokenFor = 5min;
constexpr Duration kNoCreditFor = 1min;
/// When the upstream asks to wait, but does not say how long.
constexpr Duration kUsualWait = 1s;

std::string name_of(const Account& account) { return account.upstream->options.name + "/" + account.options.name; }

/// Spreads what would happen to many at once: 100 to 125 % of it.
Duration jittered(Duration span) {
  const auto byte = static_cast<unsigned char>(random_string_bytes(1)[0]);
  return span + span * byte / 1024;
}

}  // namespace

Account::Account(std::shared_ptr<const Upstream> of, const AccountOptions& from)
    : upstream(std::move(of)), options(from), creates(from.creates), others(from.others) {}

Place::Place(AccountPool& pool, AccountPtr at, std::vector<std::size_t*> counts)
    : pool_(pool), at_(std::move(at)), counts_(std::move(counts)) {}
Place::~Place() { pool_.give_back(*this); }
const std::string& Place::upstream() const { return at_->upstream->options.name; }
const std::string& Place::account() const { return at_->options.name; }

AccountPool::AccountPool(std::vector<UpstreamOptions> upstreams, const ports::Clock& clock) : clock_(clock) {
  for (auto& options : upstreams) {
    const auto upstream = std::make_shared<const Upstream>(std::move(options));
    for (const auto& account : upstream->options.accounts) {
      accounts_.push_back(std::make_shared<Account>(upstream, account));
    }
  }
}

bool AccountPool::serves(const domain::RelayTarget& target) const {
  return std::ranges::any_of(accounts_,
                             [&](const AccountPtr& a) { return replicate::serves(a->upstream->options, target); });
}

bool AccountPool::has_other(const Wanted& wanted) const {
  std::scoped_lock lock(mutex_);
  const auto now = clock_.now();
  return std::ranges::any_of(accounts_, [&](const AccountPtr& account) {
    return replicate::serves(account->upstream->options, wanted.target) &&
           std::ranges::find(wanted.without, name_of(*account)) == wanted.without.end() &&
           (account->closed_until <= now || *account->closed_for == 'f');
  });
}

AccountPtr AccountPool::find(std::string_view upstream, std::string_view account) const {
  for (const auto& candidate : accounts_) {
    if (candidate->upstream->options.name == upstream && candidate->options.name == account) return candidate;
  }
  return nullptr;
}

bool AccountPool::usable(const Account& account, Time now) const {
  if (now < account.throttled_until) return false;
  if (account.closed_until == Time{}) return true;
  // After its time one create is let through, and what becomes of it decides.
  return now >= account.closed_until && !account.probing;
}

/// The counts that a place for this would be part of. `full`: one of them is at its limit.
std::vector<std::size_t*> AccountPool::counts_for(const Account& account, const domain::RelayTarget& target,
                                                  bool& full) {
  const auto& options = account.upstream->options;
  std::vector<std::size_t*> counts;
  const auto add = [&](const std::string& name, std::size_t limit) {
    auto& count = open_of_[name];
    full = full || count >= limit;
    counts.push_back(&count);
  };
  if (options.concurrency > 0) add(options.name, options.concurrency);
  const auto model = domain::model_of(target);
  for (const auto& [pattern, limit] : options.model_concurrency) {
    if (!domain::fits_model_pattern(model, pattern)) continue;
    add(options.name + " " + pattern, limit);
    break;
  }
  full = full || (account.options.concurrency > 0 && account.places >= account.options.concurrency);
  return counts;
}

PlacePtr AccountPool::take(const Wanted& wanted, Time now) {
  AccountPtr best;
  std::vector<std::size_t*> counts;
  const auto load = [](const Account& a) { return static_cast<double>(a.places) / std::max(a.options.weight, 0.001); };
  for (const auto& account : accounts_) {
    const auto& options = account->upstream->options;
    if (!replicate::serves(options, wanted.target) || !usable(*account, now) || account->creates.next(now) > now ||
        std::ranges::find(wanted.without, name_of(*account)) != wanted.without.end()) {
      continue;
    }
    const bool better = !best || options.priority > best->upstream->options.priority ||
                        (options.priority == best->upstream->options.priority && load(*account) < load(*best));
    bool full = false;
    auto these = counts_for(*account, wanted.target, full);
    if (!better || full) continue;
    best = account;
    counts = std::move(these);
  }
  if (!best || !best->creates.try_take(now)) return nullptr;
  if (best->closed_until != Time{}) best->probing = true;
  ++best->places;
  for (auto* count : counts) ++*count;
  return std::make_shared<Place>(*this, best, std::move(counts));
}

PlacePtr AccountPool::try_acquire(const Wanted& wanted) {
  std::scoped_lock lock(mutex_);
  return waiting_count_ > 0 ? nullptr : take(wanted, clock_.now());
}

PlacePtr AccountPool::adopt(std::string_view upstream, std::string_view account, const domain::RelayTarget& target) {
  const auto found = find(upstream, account);
  if (!found) return nullptr;
  std::scoped_lock lock(mutex_);
  bool full = false;
  auto counts = counts_for(*found, target, full);
  ++found->places;
  for (auto* count : counts) ++*count;
  return std::make_shared<Place>(*this, found, std::move(counts));
}

async::Task<Result<PlacePtr>> AccountPool::acquire(Wanted wanted, async::StopToken stop) {
  if (!serves(wanted.target)) co_return fail(ErrorCode::not_found, "no upstream takes this");
  const auto waiter = std::make_shared<Waiter>();
  waiter->wanted = std::move(wanted);
  const std::string key = waiter->wanted.key_id;
  // Whoever takes the completer out of the waiter, with the mutex held, is the one who answers.
  const async::StopCallback on_stop(stop, [this, waiter, key] {
    async::Completer<Result<PlacePtr>> done;
    {
      std::scoped_lock lock(mutex_);
      if (!waiter->done) return;
      done = std::move(waiter->done);
      auto& queue = waiting_[key];
      queue.remove(waiter);
      --waiting_count_;
    }
    done(fail(ErrorCode::canceled, "stopped"));
  });
  co_return co_await async::complete<Result<PlacePtr>>(
      [this, waiter, key, stop](async::Completer<Result<PlacePtr>> done) mutable {
        bool stopped = false;
        {
          std::scoped_lock lock(mutex_);
          stopped = stop.stop_requested();
          if (!stopped) {
            waiter->done = std::move(done);
            auto& queue = waiting_[key];
            if (queue.empty()) turns_.push_back(key);
            queue.push_back(waiter);
            ++waiting_count_;
          }
        }
        if (stopped) {
          done(fail(ErrorCode::canceled, "stopped"));
        } else {
          serve_waiting();
        }
      });
}

/// Each key in its turn gets one, as long as there is any.
std::vector<AccountPool::Grant> AccountPool::grants(Time now) {
  std::vector<Grant> given;
  std::size_t passed = 0;
  while (!turns_.empty() && passed < turns_.size()) {
    auto key = std::move(turns_.front());
    turns_.pop_front();
    const auto found = waiting_.find(key);
    if (found == waiting_.end() || found->second.empty()) {
      if (found != waiting_.end()) waiting_.erase(found);
      continue;
    }
    auto& queue = found->second;
    if (auto place = take(queue.front()->wanted, now)) {
      given.push_back({queue.front(), std::move(place)});
      queue.pop_front();
      --waiting_count_;
      passed = 0;
    } else {
      ++passed;
    }
    if (queue.empty()) {
      waiting_.erase(found);
    } else {
      turns_.push_back(std::move(key));
    }
  }
  return given;
}

void AccountPool::serve_waiting() {
  std::vector<std::pair<async::Completer<Result<PlacePtr>>, PlacePtr>> answers;
  {
    std::scoped_lock lock(mutex_);
    if (waiting_count_ == 0) return;
    for (auto& grant : grants(clock_.now())) {
      answers.emplace_back(std::move(grant.waiter->done), std::move(grant.place));
      grant.waiter->done = nullptr;
    }
  }
  for (auto& [done, place] : answers) done(std::move(place));
}

void AccountPool::give_back(Place& place) {
  {
    std::scoped_lock lock(mutex_);
    --place.at_->places;
    // Should it have been the one let through: whoever comes next may be.
    place.at_->probing = false;
    for (auto* count : place.counts_) --*count;
    if (place.open_) --place.at_->open;
  }
  serve_waiting();
}

void AccountPool::begin(Place& place) {
  std::scoped_lock lock(mutex_);
  ++place.at_->submitting;
  ++place.at_->requests;
}

void AccountPool::opened(Place& place) {
  std::scoped_lock lock(mutex_);
  if (!std::exchange(place.open_, true)) ++place.at_->open;
}

void AccountPool::report(Place& place, CreateResult result, Duration took, Duration wait, int reduced_to) {
  std::scoped_lock lock(mutex_);
  Account& account = *place.at_;
  const auto now = clock_.now();
  --account.submitting;
  account.probing = false;
  const auto close = [&](Duration span, const char* why) {
    if (account.closed_until <= now) {
      log::warn("an upstream account is left alone for a while", {{"account", name_of(account)}, {"why", why}});
    }
    account.closed_until = now + jittered(span);
    account.closed_for = why;
  };
  const auto open = [&] {
    account.failures = 0;
    account.closed_until = Time{};
    account.closed_for = "";
  };
  switch (result) {
    case CreateResult::accepted:
    case CreateResult::refused:
      ++(result == CreateResult::accepted ? account.accepted : account.refused);
      account.create_time = account.create_time == Duration{} ? took : (account.create_time * 7 + took) / 8;
      open();
      break;
    case CreateResult::throttled:
      ++account.turned_away;
      open();
      account.throttled_until = std::max(account.throttled_until, now + (wait > Duration{} ? wait : kUsualWait));
      account.creates.block_until(account.throttled_until);
      if (reduced_to > 0) account.creates.reduce(reduced_to, now);
      break;
    case CreateResult::bad_token:
      ++account.turned_away;
      close(kBadTokenFor, "bad token");
      break;
    case CreateResult::no_credit:
      ++account.turned_away;
      close(kNoCreditFor, "no credit");
      break;
    case CreateResult::down:
    case CreateResult::ambiguous:
      ++(result == CreateResult::down ? account.turned_away : account.ambiguous);
      if (wait > Duration{}) account.throttled_until = std::max(account.throttled_until, now + wait);
      if (++account.failures >= kFailuresToClose) {
        const int doublings = std::min(account.failures - kFailuresToClose, 6);
        close(std::min<Duration>(kLongestClosed, std::chrono::seconds(1 << doublings)), "failing");
      }
      break;
  }
}

bool AccountPool::try_take_other(const AccountPtr& account) {
  std::scoped_lock lock(mutex_);
  if (!account->others.try_take(clock_.now())) return false;
  ++account->requests;
  return true;
}

async::Task<Result<void>> AccountPool::take_other(AccountPtr account, async::StopToken stop) {
  while (!try_take_other(account)) {
    Duration wait{};
    {
      std::scoped_lock lock(mutex_);
      const auto now = clock_.now();
      wait = account->others.next(now) - now;
    }
    if (!co_await stop.sleep_for(std::clamp<Duration>(wait, 1ms, 1s))) co_return fail(ErrorCode::canceled, "stopped");
  }
  co_return Result<void>{};
}

void AccountPool::count_request(const AccountPtr& account) {
  std::scoped_lock lock(mutex_);
  ++account->requests;
}

void AccountPool::throttle_others(const AccountPtr& account, Duration wait) {
  std::scoped_lock lock(mutex_);
  account->others.block_until(clock_.now() + (wait > Duration{} ? wait : kUsualWait));
}

ports::RelayStats AccountPool::stats() const {
  std::scoped_lock lock(mutex_);
  const auto now = clock_.now();
  ports::RelayStats stats;
  stats.waiting = waiting_count_;
  for (const auto& account : accounts_) {
    const auto& options = account->upstream->options;
    if (stats.upstreams.empty() || stats.upstreams.back().name != options.name) {
      stats.upstreams.push_back({options.name, options.url, {}});
    }
    ports::UpstreamAccountStats row;
    row.name = account->options.name;
    if (account->closed_until != Time{}) {
      row.state = account->closed_for;
      row.until = account->closed_until;
    } else if (now < account->throttled_until) {
      row.state = "throttled";
      row.until = account->throttled_until;
    }
    row.submitting = account->submitting;
    row.open = account->open;
    row.accepted = account->accepted;
    row.refused = account->refused;
    row.turned_away = account->turned_away;
    row.ambiguous = account->ambiguous;
    row.requests = account->requests;
    row.creates_left = account->creates.left(now);
    row.creates_a_minute = account->creates.a_minute();
    row.create_time = account->create_time;
    stats.upstreams.back().accounts.push_back(std::move(row));
  }
  return stats;
}

async::Task<void> AccountPool::run(async::StopToken stop) {
  while (co_await stop.sleep_for(kTick)) serve_waiting();
}

}  // namespace hekto::runners::replicate
