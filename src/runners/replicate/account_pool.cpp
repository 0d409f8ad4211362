// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/account_pool.h"

#include <algorithm>

#include "base/kept_memory.h"
#include "base/log.h"
#include "domain/model_pattern.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

/// So often those who wait are looked at, beside when a place becomes free.
constexpr Duration kTick = 50ms;
constexpr Duration kBadTokenFor = 5min;
constexpr Duration kNoCreditFor = 1min;
/// When the upstream asks to wait, but does not say how long.
constexpr Duration kUsualWait = 1s;
constexpr Duration kAskEvery = 1s;

std::string name_of(const Account& account) { return account.upstream->options.name + "/" + account.options.name; }

void log_left_alone(const Account& account, std::string_view why) {
  log::warn("an upstream account is left alone for a while", {{"account", name_of(account)}, {"why", why}});
}

}  // namespace

Account::Account(std::shared_ptr<const Upstream> of, const AccountOptions& from)
    : upstream(std::move(of)), options(from), creates(from.creates), others(from.others) {}

Place::Place(AccountPool& pool, AccountPtr at, const OpenLimits& limits)
    : pool_(pool), at_(std::move(at)), limits_(limits) {}
Place::~Place() { pool_.give_back(*this); }
const std::string& Place::upstream() const { return at_->upstream->options.name; }
const std::string& Place::account() const { return at_->options.name; }

AccountPool::AccountPool(std::vector<UpstreamOptions> upstreams, const ports::Clock& clock) : clock_(clock) {
  for (auto& options : upstreams) {
    const auto upstream = std::make_shared<const Upstream>(std::move(options));
    for (const auto& account : upstream->options.accounts) {
      accounts_.push_back(std::make_shared<Account>(upstream, account));
    }
    auto& limits = limits_[upstream.get()];
    limits.all.most = upstream->options.concurrency;
    for (const auto& [pattern, most] : upstream->options.model_concurrency) limits.of_models.push_back({most, 0});
  }
}

bool AccountPool::serves(const domain::RelayTarget& target) const {
  return std::ranges::any_of(
      accounts_, [&](const AccountPtr& a) { return replicate::serves(a->upstream->options, a->options, target); });
}

bool AccountPool::has_other(const domain::RelayTarget& target, const std::vector<std::string>& tried) const {
  std::scoped_lock lock(mutex_);
  const auto now = clock_.now();
  return std::ranges::any_of(accounts_, [&](const AccountPtr& account) {
    const auto& breaker = account->breaker;
    // One that is only failing may be well again soon.
    const bool may_work =
        breaker.why() == Breaker::Why::open || breaker.why() == Breaker::Why::failing || breaker.until() <= now;
    return may_work && replicate::serves(account->upstream->options, account->options, target) &&
           std::ranges::find(tried, name_of(*account)) == tried.end();
  });
}

AccountPtr AccountPool::find(std::string_view upstream, std::string_view account) const {
  for (const auto& candidate : accounts_) {
    if (candidate->upstream->options.name == upstream && candidate->options.name == account) return candidate;
  }
  return nullptr;
}

OpenLimits AccountPool::limits_for(const Account& account, const domain::RelayTarget& target) {
  auto& limits = limits_.at(account.upstream.get());
  OpenLimits found{limits.all.most > 0 ? &limits.all : nullptr, nullptr};
  const auto& patterns = account.upstream->options.model_concurrency;
  const auto model = domain::model_of(target);
  for (std::size_t i = 0; i < patterns.size() && found[1] == nullptr; ++i) {
    if (domain::fits_model_pattern(model, patterns[i].first)) found[1] = &limits.of_models[i];
  }
  return found;
}

AccountPool::Candidates AccountPool::candidates_for(const Wanted& wanted) {
  Candidates found;
  for (const auto& account : accounts_) {
    if (!replicate::serves(account->upstream->options, account->options, wanted.target)) continue;
    if (std::ranges::find(wanted.without, name_of(*account)) != wanted.without.end()) continue;
    found.push_back({account, limits_for(*account, wanted.target)});
  }
  return found;
}

bool AccountPool::usable(const Account& account, Time now) const {
  const auto most = account.options.concurrency;
  return now >= account.throttled_until && now >= account.paused_until && account.breaker.lets_through(now) &&
         (most == 0 || account.places < most) && account.creates.next(now) <= now;
}

PlacePtr AccountPool::take(const Candidates& candidates, Time now) {
  const auto priority = [](const Candidate& c) { return c.account->upstream->options.priority; };
  const auto load = [](const Candidate& c) {
    return static_cast<double>(c.account->places) / std::max(c.account->options.weight, 0.001);
  };
  const auto full = [](const OpenLimit* limit) { return limit != nullptr && limit->now >= limit->most; };
  const Candidate* best = nullptr;
  for (const auto& candidate : candidates) {
    if (!usable(*candidate.account, now) || std::ranges::any_of(candidate.limits, full)) continue;
    const bool better = best == nullptr || priority(candidate) > priority(*best) ||
                        (priority(candidate) == priority(*best) && load(candidate) < load(*best));
    if (better) best = &candidate;
  }
  if (best == nullptr || !best->account->creates.try_take(now)) return nullptr;
  auto place = place_at(*best);
  auto& account = *best->account;
  place->allowed_ = true;
  place->number_ = account.creates.taken();
  place->probe_ = account.breaker.begin();
  ++account.creates_unanswered;
  return place;
}

PlacePtr AccountPool::place_at(const Candidate& candidate) {
  ++candidate.account->places;
  for (auto* limit : candidate.limits) {
    if (limit != nullptr) ++limit->now;
  }
  return std::allocate_shared<Place>(KeptAllocator<Place>(), *this, candidate.account, candidate.limits);
}

std::vector<Turns::Grant> AccountPool::give(Time now) {
  if (turns_.size() == 0) return {};
  auto grants = turns_.give([&](std::size_t lane) { return take(lanes_[lane], now); });
  if (turns_.size() == 0) lanes_.clear();
  return grants;
}

namespace {
/// Whoever takes the completer out of the waiter, with the mutex held, is the one who answers.
struct Answers {
  void add(Turns::Grant grant) { list.emplace_back(std::move(grant.waiter->done), std::move(grant.place)); }
  void tell() {
    for (auto& [done, place] : list) done(std::move(place));
  }
  std::vector<std::pair<async::Completer<Result<PlacePtr>>, PlacePtr>> list;
};
}  // namespace

void AccountPool::serve_waiting() {
  Answers answers;
  {
    std::scoped_lock lock(mutex_);
    for (auto& grant : give(clock_.now())) answers.add(std::move(grant));
  }
  answers.tell();
}

PlacePtr AccountPool::try_acquire(const Wanted& wanted) {
  const auto candidates = candidates_for(wanted);
  Answers answers;
  PlacePtr place;
  {
    std::scoped_lock lock(mutex_);
    const auto now = clock_.now();
    // What is left after these have had theirs is of no use to those who still wait.
    for (auto& grant : give(now)) answers.add(std::move(grant));
    place = take(candidates, now);
  }
  answers.tell();
  return place;
}

PlacePtr AccountPool::adopt(std::string_view upstream, std::string_view account, const domain::RelayTarget& target) {
  const auto found = find(upstream, account);
  if (!found) return nullptr;
  const Candidate candidate{found, limits_for(*found, target)};
  std::scoped_lock lock(mutex_);
  return place_at(candidate);
}

async::Task<Result<PlacePtr>> AccountPool::acquire(Wanted wanted, async::StopToken stop) {
  auto candidates = candidates_for(wanted);
  if (candidates.empty()) co_return fail(ErrorCode::not_found, "no upstream takes this");
  const auto waiter = std::make_shared<Waiter>();
  waiter->key_id = std::move(wanted.key_id);
  const async::StopCallback on_stop(stop, [this, waiter] {
    async::Completer<Result<PlacePtr>> done;
    {
      std::scoped_lock lock(mutex_);
      if (!waiter->done) return;
      done = std::move(waiter->done);
      turns_.remove(*waiter);
      if (turns_.size() == 0) lanes_.clear();
    }
    done(fail(ErrorCode::canceled, "stopped"));
  });
  co_return co_await async::complete<Result<PlacePtr>>(
      [this, waiter, stop, &candidates](async::Completer<Result<PlacePtr>> done) mutable {
        bool stopped = false;
        {
          std::scoped_lock lock(mutex_);
          stopped = stop.stop_requested();
          if (!stopped) {
            const auto lane = std::ranges::find(lanes_, candidates);
            waiter->lane = static_cast<std::size_t>(lane - lanes_.begin());
            if (lane == lanes_.end()) lanes_.push_back(std::move(candidates));
            waiter->done = std::move(done);
            turns_.add(waiter);
          }
        }
        if (stopped) {
          done(fail(ErrorCode::canceled, "stopped"));
        } else {
          serve_waiting();
        }
      });
}

void AccountPool::give_back(Place& place) {
  {
    std::scoped_lock lock(mutex_);
    auto& account = *place.at_;
    --account.places;
    for (auto* limit : place.limits_) {
      if (limit != nullptr) --limit->now;
    }
    if (place.open_) --account.open;
    if (place.probe_) account.breaker.probe_ended();
    if (place.allowed_) {
      --account.creates_unanswered;
      if (!place.begun_) account.creates.give_back();
    }
  }
  serve_waiting();
}

async::Task<Result<void>> AccountPool::allow_again(Place& place, async::StopToken stop) {
  auto& account = *place.at_;
  for (;;) {
    Duration wait{};
    {
      std::scoped_lock lock(mutex_);
      const auto now = clock_.now();
      if (now >= account.throttled_until && account.creates.try_take(now)) {
        place.allowed_ = true;
        place.begun_ = false;
        place.number_ = account.creates.taken();
        ++account.creates_unanswered;
        co_return Result<void>{};
      }
      wait = std::max(account.creates.next(now), account.throttled_until) - now;
    }
    if (!co_await stop.sleep_for(std::clamp<Duration>(wait, 1ms, 1s))) co_return fail(ErrorCode::canceled, "stopped");
  }
}

void AccountPool::begin(Place& place) {
  std::scoped_lock lock(mutex_);
  place.begun_ = true;
  ++place.at_->submitting;
  ++place.at_->requests;
}

void AccountPool::opened(Place& place) {
  std::scoped_lock lock(mutex_);
  if (!std::exchange(place.open_, true)) ++place.at_->open;
}

void AccountPool::report(Place& place, const CreateReport& report) {
  std::scoped_lock lock(mutex_);
  Account& account = *place.at_;
  const auto now = clock_.now();
  --account.submitting;
  if (std::exchange(place.allowed_, false)) --account.creates_unanswered;
  const bool probe = std::exchange(place.probe_, false);
  if (report.left) {
    const auto under_way = static_cast<double>(account.creates_unanswered);
    account.creates.told(place.number_, report.left->requests - under_way, now + report.left->reset, now);
  }
  const auto shut = [&](Breaker::Why why, Duration span) {
    if (account.breaker.why() != why) log_left_alone(account, to_string(why));
    account.breaker.shut(why, now + span);
  };
  switch (report.result) {
    case CreateResult::accepted:
    case CreateResult::refused:
      ++(report.result == CreateResult::accepted ? account.accepted : account.refused);
      account.create_time =
          account.create_time == Duration{} ? report.took : (account.create_time * 7 + report.took) / 8;
      account.breaker.succeeded();
      break;
    case CreateResult::forbidden:
      ++account.turned_away;
      account.breaker.succeeded();
      break;
    case CreateResult::throttled:
      ++account.turned_away;
      account.breaker.succeeded();
      account.throttled_until =
          std::max(account.throttled_until, now + (report.wait > Duration{} ? report.wait : kUsualWait));
      account.creates.block_until(account.throttled_until);
      if (report.reduced_to > 0) account.creates.reduce(report.reduced_to, now);
      break;
    case CreateResult::bad_token:
      ++account.turned_away;
      shut(Breaker::Why::bad_token, kBadTokenFor);
      break;
    case CreateResult::no_credit:
      ++account.turned_away;
      shut(Breaker::Why::no_credit, kNoCreditFor);
      break;
    case CreateResult::down:
    case CreateResult::ambiguous:
      ++(report.result == CreateResult::down ? account.turned_away : account.ambiguous);
      account.paused_until = std::max(account.paused_until, now + report.wait);
      if (account.breaker.failed(now, probe)) log_left_alone(account, "failing");
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

std::uint64_t AccountPool::begin_other(const AccountPtr& account) {
  std::scoped_lock lock(mutex_);
  ++account->others_unanswered;
  return account->others.taken();
}

void AccountPool::end_other(const AccountPtr& account, std::uint64_t number, const std::optional<LimitLeft>& left) {
  std::scoped_lock lock(mutex_);
  const auto under_way = static_cast<double>(--account->others_unanswered);
  const auto now = clock_.now();
  if (left) account->others.told(number, left->requests - under_way, now + left->reset, now);
}

std::size_t AccountPool::may_ask(const AccountPtr& account, std::size_t many) {
  std::scoped_lock lock(mutex_);
  if (account->silent < kSilent) return many;
  const auto now = clock_.now();
  if (now < account->ask_again) return 0;
  account->ask_again = now + kAskEvery;
  return 1;
}

void AccountPool::note_asked(const AccountPtr& account, bool answered) {
  std::scoped_lock lock(mutex_);
  const auto now = clock_.now();
  if (!answered) {
    if (++account->silent != kSilent) return;
    account->ask_again = now + kAskEvery;
    log::warn("an upstream does not answer; it is asked once a second", {{"account", name_of(*account)}});
  } else if (std::exchange(account->silent, 0) >= kSilent) {
    account->breaker.hope(now);
    log::info("an upstream answers again", {{"account", name_of(*account)}});
  }
}

async::Task<void> AccountPool::run(async::StopToken stop) {
  while (co_await stop.sleep_for(kTick)) serve_waiting();
}

}  // namespace hekto::runners::replicate
