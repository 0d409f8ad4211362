// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/text.h"
#include "domain/key.h"
#include "domain/rate_limit.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace hekto::service {

/// Allowances per key and minute; 0 is no limit.
struct RateLimits {
  int creates = 600;
  int reads = 60'000;
  int others = 3'000;
};
enum class RateClass : std::uint8_t { create, read, other };

/// A key in use: what it is, whose it is, and what is left of its allowances.
class KeyEntry {
 public:
  KeyEntry(domain::Key key, std::string account_name, const RateLimits& limits, Time now);
  const domain::Key& key() const { return key_; }
  const std::string& account_name() const { return account_name_; }
  /// Any thread. nullopt when this class has no limit.
  std::optional<domain::RateLimit::Decision> take(RateClass rate_class, Time now);

 private:
  const domain::Key key_;
  const std::string account_name_;
  const RateLimits limits_;
  std::mutex mutex_;
  domain::RateLimit buckets_[3];  // guarded by mutex_
};

/// Who is asking.
using Principal = std::shared_ptr<KeyEntry>;

/// All keys, in memory, so that a request is authenticated without I/O. Any thread.
class KeyRing {
 public:
  KeyRing(ports::Store& store, const ports::Clock& clock, RateLimits limits);

  /// Reads accounts and keys from the store; again after each change. Keys that did not change keep their allowances.
  async::Task<Result<void>> load();

  /// The key behind an Authorization header ("Bearer hk-…" or "Token hk-…", scheme in any case). unauthenticated with
  /// the official wording for a missing or a bad key; nothing tells an unknown key from a revoked or expired one.
  Result<Principal> authenticate(std::string_view authorization, Time now) const;

  std::size_t size() const;

 private:
  using Snapshot = std::unordered_map<std::string, Principal, StringHash, std::equal_to<>>;
  std::shared_ptr<const Snapshot> snapshot() const;

  ports::Store& store_;
  const ports::Clock& clock_;
  const RateLimits limits_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> keys_;      // guarded by mutex_
  std::uint64_t loads_ = 0;                   // guarded by mutex_; begun so far
  std::uint64_t shown_ = 0;                   // guarded by mutex_; the load that keys_ came from
  std::atomic<std::uint64_t> generation_{0};  // changes with keys_; unique in the process
};

}  // namespace hekto::service
