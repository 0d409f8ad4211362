// SPDX-License-Identifier: Apache-2.0
#include "service/keyring.h"

#include "base/hash.h"

namespace hekto::service {
namespace {

std::uint64_t next_generation() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}

int per_minute(const RateLimits& limits, RateClass rate_class) {
  switch (rate_class) {
    case RateClass::create:
      return limits.creates;
    case RateClass::read:
      return limits.reads;
    case RateClass::other:
      return limits.others;
  }
  return limits.others;
}

}  // namespace

KeyEntry::KeyEntry(domain::Key key, std::string account_name, const RateLimits& limits, Time now)
    : key_(std::move(key)), account_name_(std::move(account_name)), limits_(limits) {
  for (const auto rate_class : {RateClass::create, RateClass::read, RateClass::other}) {
    buckets_[static_cast<std::size_t>(rate_class)] = domain::RateLimit(per_minute(limits, rate_class), now);
  }
}

std::optional<domain::RateLimit::Decision> KeyEntry::take(RateClass rate_class, Time now) {
  if (per_minute(limits_, rate_class) == 0) return std::nullopt;
  std::scoped_lock lock(mutex_);
  return buckets_[static_cast<std::size_t>(rate_class)].take(now);
}

KeyRing::KeyRing(ports::Store& store, const ports::Clock& clock, RateLimits limits)
    : store_(store),
      clock_(clock),
      limits_(limits),
      keys_(std::make_shared<Snapshot>()),
      generation_(next_generation()) {}

async::Task<Result<void>> KeyRing::load() {
  std::uint64_t number = 0;
  {
    std::scoped_lock lock(mutex_);
    number = ++loads_;
  }
  auto accounts = co_await store_.list_accounts();
  if (!accounts) co_return std::unexpected(accounts.error());
  auto keys = co_await store_.list_keys();
  if (!keys) co_return std::unexpected(keys.error());

  std::unordered_map<std::string, std::string> names;
  for (auto& account : *accounts) names.emplace(account.id, account.name);
  const auto before = snapshot();
  auto fresh = std::make_shared<Snapshot>();
  for (auto& key : *keys) {
    const auto old = before->find(key.id);
    if (old != before->end() && old->second->key() == key) {
      fresh->emplace(key.id, old->second);
    } else {
      std::string id = key.id;
      std::string account_name = names[key.account];
      fresh->emplace(std::move(id),
                     std::make_shared<KeyEntry>(std::move(key), std::move(account_name), limits_, clock_.now()));
    }
  }
  std::scoped_lock lock(mutex_);
  // Loads may overlap. One that began later has seen every change that this one was begun for, and maybe more.
  if (number < shown_) co_return Result<void>{};
  shown_ = number;
  keys_ = std::move(fresh);
  generation_ = next_generation();
  co_return Result<void>{};
}

std::shared_ptr<const KeyRing::Snapshot> KeyRing::snapshot() const {
  std::scoped_lock lock(mutex_);
  return keys_;
}

Result<Principal> KeyRing::authenticate(std::string_view authorization, Time now) const {
  if (authorization.empty()) {
    return fail(ErrorCode::unauthenticated, "You did not pass an authentication token");
  }
  const auto bad = [] { return fail(ErrorCode::unauthenticated, "You did not pass a valid authentication token"); };
  const auto space = authorization.find(' ');
  if (space == std::string_view::npos) return bad();
  const std::string_view scheme = authorization.substr(0, space);
  if (!iequals(scheme, "Bearer") && !iequals(scheme, "Token")) return bad();
  const std::string_view text = trim(authorization.substr(space));

  // A copy of the snapshot a thread: the lock is taken only after a change.
  static thread_local std::uint64_t seen = 0;
  static thread_local std::shared_ptr<const Snapshot> keys;
  if (const auto generation = generation_.load(std::memory_order_acquire); generation != seen) {
    keys = snapshot();
    seen = generation;
  }
  const auto id = domain::key_id_of(text);
  if (!id) return bad();
  const auto it = keys->find(*id);
  if (it == keys->end()) return bad();
  const domain::Key& key = it->second->key();
  if (!constant_time_equal(sha256(text), key.sha256) || !domain::is_valid_at(key, now)) return bad();
  return it->second;
}

std::size_t KeyRing::size() const { return snapshot()->size(); }

}  // namespace hekto::service
